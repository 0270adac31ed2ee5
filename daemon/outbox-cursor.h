/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The cursor file of the outbox, as bytes; no I/O. It has two slots, each in a block of its own, written in
 * turn: whatever happens to the one that is being written, the other one holds.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

#define CURSOR_SLOT_BYTES 4096U
#define CURSOR_FILE_BYTES (2 * CURSOR_SLOT_BYTES)

/* One bit for each sequence of a send window above the lowest. */
#define CURSOR_BITS 256U

/* Room for more causes than there are. */
#define CURSOR_COUNTS 8U

typedef struct Cursor {
        uint32_t outbox_id;
        uint64_t generation;            /* rises with each write; its lowest bit is the slot */
        uint64_t boot;                  /* OutboxTime.boot of the writer */
        uint64_t lowest;                /* everything below is acknowledged or dropped */
        uint64_t last_sequence;         /* of the last message that had been appended */
        uint64_t next_sequence;         /* no sequence from here on had been used, not even in vain */
        uint8_t acked[CURSOR_BITS / 8]; /* bit i: sequence lowest + 1 + i is acknowledged or dropped */
        /* What was dropped of all that, by cause. Here, because so it is never counted twice. */
        uint64_t n_dropped[CURSOR_COUNTS];
        uint64_t counted_since_us; /* CLOCK_REALTIME; 0: it was not counted */
} Cursor;

bool cursor_is_acked(const Cursor *c, uint64_t sequence);
/* A sequence that has no bit is left out: it will be sent again after a crash. */
void cursor_set_acked(Cursor *c, uint64_t sequence);

/* Writes CURSOR_SLOT_BYTES, which belong at cursor_offset(). */
void cursor_format(const Cursor *c, uint8_t *out);
uint32_t cursor_offset(const Cursor *c);

/* 'bytes' is the file. Returns false if no slot is whole, else *ret is the newer one. */
bool cursor_parse(Cursor *ret, az_span bytes);
/* Whether it is of a later version of the format. */
bool cursor_is_newer(az_span bytes);
