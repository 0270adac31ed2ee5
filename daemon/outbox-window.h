/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The send window of the outbox: what was handed out, or passed over, and is not yet behind us. Entries are
 * in the order of their sequence; an acknowledged one stays until all before it are acknowledged too.
 */

#include "util/util.h"

#define WINDOW_MAX 256U

typedef struct WindowEntry {
        uint64_t sequence;
        uint64_t realtime_us; /* when the message was appended */
        uint32_t size;        /* of its record */
        uint32_t owner;       /* whose it is */
        bool was_sent;        /* handed out by this process */
        bool is_acked;        /* or dropped: not to be sent again */
} WindowEntry;

typedef struct OutboxWindow {
        WindowEntry entries[WINDOW_MAX];
        size_t n;
} OutboxWindow;

/* Returns NULL if 'sequence' is not in the window. */
WindowEntry *window_find(OutboxWindow *w, uint64_t sequence);

/* Adds an entry, which must not be there. Returns NULL if the window is full. */
WindowEntry *window_insert(OutboxWindow *w, const WindowEntry *entry);

/* Removes the entries up to 'last'. */
void window_remove_through(OutboxWindow *w, uint64_t last);

/* Removes the acknowledged entries at its start, as far as 'last'. */
void window_remove_acked(OutboxWindow *w, uint64_t last);

/* Marks every entry of the range as acknowledged: it will not be sent again. */
void window_ack_range(OutboxWindow *w, uint64_t first, uint64_t last);

size_t window_count_unacked(const OutboxWindow *w);
