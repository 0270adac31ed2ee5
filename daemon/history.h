/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What became of the link, across restarts and crashes: a ring of the last HISTORY_RECORDS events in the
 * state directory, history-file.h. It holds no payloads, keys, tokens or connection strings: what is told
 * here must not have any.
 *
 * What repeats is counted in one record: a failure that is among the newest few, and whatever else happened
 * the same way within an hour. So a device that is offline for a month neither pushes out what was before
 * nor wears its flash: a count is written for the first time since the start, when it doubles, when an hour
 * has passed, and at a clean stop.
 *
 * The disk thread writes, one record at a time, and syncs; what a failing disk does not take is kept in
 * memory.
 */

#include "daemon/disk.h"
#include "daemon/history-file.h"
#include "daemon/log.h"

typedef struct History History;

typedef enum HistoryEvent {
        HISTORY_STARTED,
        HISTORY_STOPPED,
        HISTORY_IDENTITY_LOADED,
        HISTORY_IDENTITY_CHANGED,
        HISTORY_IDENTITY_ROLLED_BACK, /* a new one was refused; the old one is used again */
        HISTORY_FAILED,               /* to connect, or to get an identity */
        HISTORY_CONNECTED,
        HISTORY_LOST,
        HISTORY_RENEWED, /* planned: connected again without a loss */
        HISTORY_PROVISIONED,
        HISTORY_CLOCK_STEPPED,
        HISTORY_NETWORK_UP,
        HISTORY_NETWORK_DOWN,
        HISTORY_CERTIFICATE_EXPIRES,
        HISTORY_SESSION_LOST, /* the broker had lost it */
        _HISTORY_EVENT_MAX,
} HistoryEvent;

/* Gives the name in lower case with hyphens: "identity-rolled-back". */
const char *history_event_to_string(HistoryEvent event);

/* What is known of an event; copied. Each text may be NULL. */
typedef struct HistoryFacts {
        const char *problem;   /* the word of a diagnosis */
        const char *layer;     /* where it failed */
        const char *transport; /* "mqtt", "websocket" */
        const char *host;
        const char *address;
        const char *text; /* for a person */
        bool is_resumed;  /* the TLS session was that of an earlier connection */
} HistoryFacts;

/*
 * Reads what is in 'directory', or makes the file. What is damaged is skipped; a file that is none of ours
 * is set aside; where there can be none the history lives in memory: all that is logged. 'disk' and 'log'
 * must outlive it; 'boot' is OutboxTime.boot. -ENOMEM.
 */
int history_new(History **ret, Disk *disk, const char *directory, uint64_t boot, const Log *log);
/* Lets the disk finish what it has begun. */
History *history_free(History *h);
DEFINE_CLEANUP(History *, history_free)

/* For a clean stop: waits until all is on disk, counts too. */
void history_close(History *h);

/* Adds an event that happens now; 'facts' may be NULL. history_add_at() is told the time instead. */
void history_add(History *h, HistoryEvent event, const HistoryFacts *facts);
void history_add_at(History *h, HistoryEvent event, const HistoryFacts *facts, uint64_t boottime_us,
                    uint64_t realtime_us);

/*
 * The first record behind this sequence, in the order in which they happened last; 0 begins. NULL: there is
 * none. It lives until something is added.
 */
const HistoryRecord *history_next(const History *h, uint64_t sequence);

/* Tells of each event that is added, a repeat among them. There is one listener at most. */
void history_set_listener(History *h, void (*on_added)(void *userdata, const HistoryRecord *record),
                          void *userdata);
