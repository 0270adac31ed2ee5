/* SPDX-License-Identifier: MIT */
#pragma once

/* An inbox in a directory of its own, with a clock that the test sets, a hub that counts PUBACKs and takers.
 */

#include "daemon/inbox.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define T0_REALTIME_US (UINT64_C(1700000000) * USEC_PER_SEC)

typedef struct Fixture {
        char directory[SCRATCH_SIZE];
        InboxConfig config; /* three messages, 1 MiB; change it before fixture_open() */
        InboxTime now;
        Log log; /* says nothing */
        Disk *disk;
        Inbox *inbox;
        uint64_t epoch; /* of the connection to the hub */
        /* What was called back, each followed by a space: acks as "a1", messages as "give text" ("redeliver"
         * when it was given before, "give -" for none), settled() as "settled" or "settled EIO". */
        char said[4096];
        char told[4096];   /* what fixture_said() returned */
        InboxMessage last; /* given last; its spans are gone */
} Fixture;

void fixture_init(Fixture *f);
/* Closes what is open and removes the directory. */
void fixture_done(Fixture *f);
void fixture_open(Fixture *f);
/* As SIGKILL would. */
void fixture_crash(Fixture *f);
void fixture_restart(Fixture *f);

/* Lets time pass, then does what is due, and waits for the disk. */
void fixture_pass(Fixture *f, uint64_t us);
/* Waits for the disk; returns what was said since the last time, valid until the next. */
const char *fixture_said(Fixture *f);

/* A delivery with the id 'mid' (or NULL) and this text, whose PUBACK is 'a<ack>'. */
void fixture_receive(Fixture *f, unsigned ack, const char *mid, const char *text);
void fixture_deliver(Fixture *f, const InboxDelivery *delivery);
InboxDelivery fixture_delivery(const Fixture *f, unsigned ack, const char *mid, const char *text);

InboxTaker *fixture_taker(Fixture *f);
void fixture_wait(Fixture *f, InboxTaker *taker); /* for 30 s */
/* Waits, gets and settles; returns what was said. */
const char *fixture_consume(Fixture *f, InboxTaker *taker);

InboxStats fixture_stats(const Fixture *f);
