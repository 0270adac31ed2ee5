/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The outboxes of all priorities as one thing: the log of the normal one is in the directory that the
 * configuration names, that of the high one in its subdirectory 'high'.
 *
 * They share what the configuration allows: an eighth of the bytes and of the messages is kept for the high
 * one, so that a full log of telemetry never refuses an alarm, and a flood of alarms never fills the disk.
 * What an application may have counts over both.
 *
 * Each has an id and sequences of its own: a sequence means something only together with its priority.
 * Handing out, acknowledgements, syncs and events are those of one Outbox: outboxes_get().
 */

#include "daemon/outbox.h"
#include "daemon/priority.h"

typedef struct Outboxes Outboxes;

typedef struct OutboxesConfig {
        const char *directory;
        uint64_t max_bytes;     /* on disk, at least OUTBOXES_BYTES_MIN */
        uint64_t segment_bytes; /* 0: as suits max_bytes; otherwise that may be as little as six of them */
        uint64_t max_messages;  /* 0: as many as fit */
        /* As in OutboxConfig. */
        uint32_t ttl_s;
        uint64_t sync_interval_us;
        OutboxPolicy policy;
} OutboxesConfig;

/* Three segments for each log that hold the largest message. */
#define OUTBOXES_BYTES_MIN (UINT64_C(4) << 20)

/* As outbox_open(), of each. */
int outboxes_open(Outboxes **ret, Disk *disk, const OutboxesConfig *c, const OutboxTime *now);
/*
 * As outbox_configure(), of each, with their shares; the directory stays. -EINVAL: there is no room for them.
 */
int outboxes_configure(Outboxes *o, const OutboxesConfig *c, const OutboxTime *now);
/* As outbox_free(). */
Outboxes *outboxes_free(Outboxes *o);
DEFINE_CLEANUP(Outboxes *, outboxes_free)
/* As outbox_close(): the first error of any. */
int outboxes_close(Outboxes *o);

/* Lives as long as 'o'; the caller neither closes it nor appends to it. */
Outbox *outboxes_get(const Outboxes *o, Priority priority);

/* What an application may have in all logs together; 0: as much as there is room. */
typedef struct OutboxLimits {
        uint64_t max_bytes; /* of records */
        uint64_t max_messages;
} OutboxLimits;

/*
 * As outbox_append(), to the log of this priority. All messages are of one owner, for whom 'limits' are;
 * NULL: none. One more condition is OUTBOX_OVER_LIMIT; what no limit would ever let in is OUTBOX_TOO_LARGE.
 */
int outboxes_append(Outboxes *o, Priority priority, const OutboxMessage *messages, size_t n,
                    const OutboxLimits *limits, const OutboxTime *now, uint64_t *ret_first);

/* What the messages of an application occupy. */
OwnerUse outboxes_get_use(const Outboxes *o, uint32_t owner);

uint64_t outboxes_deadline_us(const Outboxes *o);
void outboxes_run_due(Outboxes *o, uint64_t now_us);

/* As outbox_get_storage_error(), of any. */
int outboxes_get_storage_error(const Outboxes *o);

/* The sums of all; the oldest message is the oldest of any. */
void outboxes_get_stats(const Outboxes *o, OutboxStats *ret);
