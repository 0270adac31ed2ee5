/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The outbox: messages on their way to the cloud, kept on disk until the hub has acknowledged them.
 *
 * It is an append-only log of segment files of one fixed size (daemon/segment.h is the format) and a cursor,
 * all in one directory that belongs to the outbox alone:
 *
 *      segment-0000 …        the log; a segment whose messages are all acknowledged is used again
 *      cursor                the lowest unacknowledged sequence, and which ones above it are acknowledged
 *      *.damaged-1 … -4      what could not be read, set aside for a person to look at
 *
 * All functions are called from the loop thread. What may wait for the disk is done by the disk thread and
 * comes back as events: after disk_dispatch(), after outbox_append() and after outbox_run_due(), pop them
 * with outbox_next_event() until it says that nothing is left.
 *
 *      outbox_append()  →  accepted  →  outbox_next()  →  (publish)  →  outbox_acked()
 *                              ↓                  ↑ outbox_rewind(), when the link is lost
 *                  outbox_request_sync()  →  event SYNCED (durable)
 */

#include <azure/core/az_span.h>

#include "daemon/disk.h"
#include "daemon/histogram.h"
#include "daemon/outbox-owners.h"

typedef struct Outbox Outbox;

/* What a full outbox does with a new message. */
typedef enum OutboxPolicy {
        OUTBOX_REJECT,      /* outbox_append() returns OUTBOX_FULL */
        OUTBOX_DROP_OLDEST, /* drops the oldest: single ones above max_messages, a segment of them at
                               max_bytes */
        _OUTBOX_POLICY_MAX,
        _OUTBOX_POLICY_INVALID = -EINVAL,
} OutboxPolicy;

/* Why a message will never reach the hub. */
typedef enum OutboxDropCause {
        /* Their places in the cursor: new ones come last. */
        OUTBOX_DROP_EXPIRED,    /* its time to live ran out */
        OUTBOX_DROP_OLDER,      /* it made room (OUTBOX_DROP_OLDEST) */
        OUTBOX_DROP_DAMAGED,    /* its bytes could not be read back */
        OUTBOX_DROP_UNSENDABLE, /* no hub takes it: outbox_give_up() */
        OUTBOX_DROP_POISON,     /* the hub closes the connection whenever it is sent: the same */
        OUTBOX_DROP_REFUSED,    /* it was never in here: outbox_count_refused() */
        OUTBOX_DROP_REJECTED,   /* the broker refused it: outbox_give_up() */
        _OUTBOX_DROP_CAUSE_MAX,
        _OUTBOX_DROP_CAUSE_INVALID = -EINVAL,
} OutboxDropCause;

/* From here on causes that a hub does not know: it rejects no single message. */
#define OUTBOX_DROP_HUB_MAX OUTBOX_DROP_REJECTED

/* The words of io.aziotd.device. */
const char *outbox_drop_cause_to_string(OutboxDropCause cause);

/* Conditions: positive, for the caller to deal with, never passed on. */
enum {
        OUTBOX_FULL = 1, /* the limits are reached and the policy is OUTBOX_REJECT */
        OUTBOX_BUSY,     /* no segment is prepared yet: wait for event SPACE, or have the sender retry soon */
        OUTBOX_TOO_LARGE,      /* no limit would ever let this batch in, or a message is over its own */
        OUTBOX_STORAGE_FAILED, /* the disk is full, read-only or broken; see outbox_storage_errno() */
        OUTBOX_SYNCED,         /* nothing to wait for: it is synced already */
        OUTBOX_OVER_LIMIT,     /* outboxes_append(): the application has as much as it may */
};

/* The properties of one message travel in an MQTT topic, whose length has 16 bits. */
#define OUTBOX_PROPERTIES_MAX 65535
/* A hub takes messages of 256 KiB, properties included (IoT Hub, "Quotas and throttling"). */
#define OUTBOX_BODY_MAX (256 * 1024)

/* The most that may be handed out by outbox_next() and not yet acknowledged: the largest send window. */
#define OUTBOX_WINDOW_MAX 256U

/* One reading of the clocks. 'boot' tells boots apart: within one, boottime_us says how old a message is. */
typedef struct OutboxTime {
        uint64_t boot;        /* its low 32 bits count */
        uint64_t boottime_us; /* CLOCK_BOOTTIME */
        uint64_t realtime_us; /* CLOCK_REALTIME */
} OutboxTime;

/* Reads the number of this boot for OutboxTime.boot from the kernel. Returns 0 or a negative errno. */
int outbox_boot_get(uint64_t *ret);

typedef struct OutboxConfig {
        const char *directory;  /* created with mode 0700 if it is missing (not its parents) */
        uint64_t max_bytes;     /* what the segments may occupy on disk; at least three of them */
        uint64_t segment_bytes; /* 0: outbox_segment_bytes() */
        uint64_t max_messages;  /* 0: no limit but max_bytes */
        uint32_t ttl_s;         /* for messages that bring none; 0: they never expire */
        /* After so long a message that is still here is synced although nobody waits for it; 0: never. */
        uint64_t sync_interval_us;
        OutboxPolicy policy;
} OutboxConfig;

typedef struct OutboxMessage {
        az_span properties; /* opaque to the outbox: the property bag */
        az_span body;
        uint32_t owner; /* the application's: its uid, as the kernel says */
        uint32_t ttl_s; /* 0: as the configuration says */
        uint8_t flags;  /* the caller's own bits, handed back by outbox_next() */
} OutboxMessage;

/* The spans live until the next call of a function that takes the outbox without const. */
typedef struct OutboxRecord {
        uint64_t sequence;
        az_span properties;
        az_span body;
        uint64_t realtime_us; /* when it was appended */
        uint64_t age_us;      /* how long ago, by its boot's clock or else by the wall clock */
        uint8_t flags;
        bool sent_before; /* handed out before outbox_rewind() already: the hub may have it */
} OutboxRecord;

typedef enum OutboxEventType {
        OUTBOX_EVENT_READABLE, /* outbox_next() has something again after it returned 0 */
        OUTBOX_EVENT_SPACE,    /* outbox_append() may work again after OUTBOX_BUSY or OUTBOX_STORAGE_FAILED */
        OUTBOX_EVENT_SYNCED,   /* everything up to 'last' that had no SYNC_FAILED is synced */
        OUTBOX_EVENT_SYNC_FAILED, /* 'error' is the answer to those who wait for first..last to be synced */
        OUTBOX_EVENT_DROPPED,     /* first..last will not reach the hub, for 'cause' */
        OUTBOX_EVENT_DAMAGED,     /* 'text' names the file, what is wrong and where a copy is: log it */
        OUTBOX_EVENT_DISK_ERROR,  /* work behind the scenes failed with 'error', 'text' says which: log it */
        _OUTBOX_EVENT_TYPE_MAX,
} OutboxEventType;

typedef struct OutboxEvent {
        OutboxEventType type;
        uint64_t first, last; /* SYNCED, SYNC_FAILED, DROPPED: sequences, both inclusive */
        OutboxDropCause cause;
        int error;      /* errno, positive */
        char text[160]; /* for people */
} OutboxEvent;

typedef struct OutboxStats {
        uint64_t messages; /* accepted and not yet acknowledged */
        uint64_t bytes;    /* what they occupy in the log */
        uint64_t capacity_bytes;
        uint64_t capacity_messages;  /* 0: as many as fit */
        uint64_t oldest_realtime_us; /* of the oldest of them; 0 if there is none */
        /* As exact over a kill as what is sent: the cursor has them. But a refusal alone writes no cursor. */
        uint64_t n_dropped[_OUTBOX_DROP_CAUSE_MAX];
        uint64_t counted_since_us; /* CLOCK_REALTIME */
} OutboxStats;

/* Since outbox_open(). */
typedef struct OutboxTraffic {
        uint64_t n_accepted;
        uint64_t n_delivered; /* that the hub acknowledged */
        Histogram syncs;      /* how long they took */
} OutboxTraffic;

/*
 * Opens the outbox of 'c', or begins one: recovers what is there, and prepares a segment if none can be
 * appended to. Reads the whole backlog once and may block: call it before the loop runs. 'disk' must outlive
 * the outbox.
 *
 * What is on the disk never makes it fail: damaged files are set aside and reported by events. A directory
 * that cannot be made or read, or a disk that is full or read-only, costs the messages and not the start:
 * events say so, outbox_append() returns OUTBOX_STORAGE_FAILED, and it is tried again. Returns 0, -ENOMEM, or
 * -EINVAL for a bad configuration.
 */
int outbox_open(Outbox **ret, Disk *disk, const OutboxConfig *c, const OutboxTime *now);
/*
 * Takes another configuration than that of outbox_open(), but for its directory. Messages stay, whatever the
 * limits are now; files that are over them go when their messages have gone. Pop the events. -EINVAL: the
 * sizes do not fit together, and nothing has changed.
 */
int outbox_configure(Outbox *o, const OutboxConfig *c, const OutboxTime *now);

/* Closes without a word to the disk, as a crash would, but waits for jobs under way. Returns NULL. */
Outbox *outbox_free(Outbox *o);
DEFINE_CLEANUP(Outbox *, outbox_free)

/*
 * A clean stop: writes the cursor and syncs everything; blocks. Call outbox_free() afterwards whatever it
 * returns: 0, or the negative errno of what failed.
 */
int outbox_close(Outbox *o);

/* 8 lowercase hex digits, drawn when the outbox was begun: "<id>-<sequence>" names a message for ever. */
const char *outbox_get_id(const Outbox *o);

/*
 * Appends 'n' messages as one batch: all of them or none, also after a crash. Their sequences are
 * consecutive, from *ret_first. When it returns 0 the bytes are in the kernel: accepted. Otherwise
 * OUTBOX_FULL, OUTBOX_BUSY, OUTBOX_TOO_LARGE or OUTBOX_STORAGE_FAILED. It never fails with an errno.
 */
int outbox_append(Outbox *o, const OutboxMessage *messages, size_t n, const OutboxTime *now,
                  uint64_t *ret_first);

/* A sixteenth of what a log may occupy, but at least 1 MiB and at most 16 MiB. */
uint64_t outbox_segment_bytes(uint64_t max_bytes);

/* The errno (positive) of the last thing that storage failed with; 0 if nothing ever did. */
int outbox_storage_errno(const Outbox *o);

/* The errno (positive) of what does not work at present, and is tried again; 0: everything does. */
int outbox_get_storage_error(const Outbox *o);

/*
 * Asks that 'sequence' and everything before it be synced. 0: event SYNCED or SYNC_FAILED will answer.
 * OUTBOX_SYNCED: it is. OUTBOX_STORAGE_FAILED: its sync has failed before. Requests that come while the disk
 * syncs share the next sync.
 */
int outbox_request_sync(Outbox *o, uint64_t sequence);

/*
 * Hands out the next message, in order. 1: *ret is filled in. 0: nothing to hand out, or the window is full,
 * or it is being read from the disk: event READABLE says when to ask again (after outbox_append() ask without
 * waiting for it, after outbox_acked() too). Skips and drops what has expired.
 */
int outbox_next(Outbox *o, const OutboxTime *now, OutboxRecord *ret);

/* The hub has acknowledged 'sequence', which outbox_next() handed out; in any order. Ignores unknown ones. */
void outbox_acked(Outbox *o, uint64_t sequence);

/* 'sequence', which outbox_next() handed out, is given up, for UNSENDABLE, POISON or REJECTED. No event
 * follows. */
void outbox_give_up(Outbox *o, uint64_t sequence, OutboxDropCause cause);

/* A program was refused so many messages for want of room. */
void outbox_count_refused(Outbox *o, uint64_t n);

/* Whether outbox_next() has something to hand out that it has not, also if it is being read from the disk. */
bool outbox_has_unsent(const Outbox *o);

/* The lowest sequence that is still to be acknowledged: all below it were, or DROPPED named them. */
uint64_t outbox_get_head(const Outbox *o);

/* The last sequence that outbox_next() has handed out or passed over; less after a rewind. */
uint64_t outbox_get_last_handed_out(const Outbox *o);

/* The link is lost: everything unacknowledged will be handed out again, from the oldest. */
void outbox_rewind(Outbox *o);

/* Pops the next event; false: none is left. */
bool outbox_next_event(Outbox *o, OutboxEvent *ret);

/* When outbox_run_due() wants to be called (CLOCK_BOOTTIME); UINT64_MAX: not at all. Ask after every turn. */
uint64_t outbox_deadline_us(const Outbox *o);

/* Does what is due: the cursor, soon after the start and then once a second while it changes; a sync; another
 * try after the disk has failed. */
void outbox_run_due(Outbox *o, uint64_t now_us);

void outbox_get_stats(const Outbox *o, OutboxStats *ret);
/* Valid as long as the outbox. */
const OutboxTraffic *outbox_get_traffic(const Outbox *o);

/* What the messages of an application occupy. */
OwnerUse outbox_get_use(const Outbox *o, uint32_t owner);

/* What a message would occupy. */
size_t outbox_message_bytes(const OutboxMessage *message);

/* Drops what has expired as far as that makes room now; the rest is dropped when its turn comes. */
void outbox_drop_expired(Outbox *o, const OutboxTime *now);
