/* SPDX-License-Identifier: MIT */
#pragma once

/* An outbox in a directory of its own, with a clock that the test sets. */

#include "daemon/outbox.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

typedef struct Fixture {
        char directory[SCRATCH_SIZE];
        OutboxConfig config; /* four segments of 8 KiB; change it before outbox_setup() or a restart */
        OutboxTime now;
        Disk *disk;
        Outbox *outbox;
        char log[4096]; /* events but READABLE, as "synced 3; dropped 1..2 expired; space; " */
        unsigned n_events[_OUTBOX_EVENT_TYPE_MAX];
        OutboxEvent last[_OUTBOX_EVENT_TYPE_MAX];
} Fixture;

/* Makes the directory; what it has of segments is small, so that tests reach every end of them. */
void fixture_init(Fixture *f);
/* Closes what is open and removes the directory. */
void fixture_done(Fixture *f);

void fixture_open(Fixture *f);
/* Ends it in good order, or as SIGKILL would. */
void fixture_stop(Fixture *f);
void fixture_crash(Fixture *f);

/* Lets the disk thread finish all it has, and takes in the events. */
void fixture_settle(Fixture *f);

/* Appends one message; returns what outbox_append() does, and its sequence. */
int fixture_append(Fixture *f, const char *body, uint64_t *ret_sequence);
/* The same, which has to work. */
uint64_t fixture_send(Fixture *f, const char *body);
/* Appends messages of 'n_body' bytes until one is refused; returns their number, and why it ended. */
size_t fixture_fill(Fixture *f, size_t n_body, int *ret_result);

/* Hands out the next message, waiting for the disk if need be; false: there is none. */
bool fixture_next(Fixture *f, OutboxRecord *ret);
/* Hands out and acknowledges all; returns their number. */
size_t fixture_drain(Fixture *f);
/* The bodies of all that is handed out now, each followed by a space. */
const char *fixture_read_all(Fixture *f, char *buffer, size_t n);

OutboxStats fixture_stats(const Fixture *f);
