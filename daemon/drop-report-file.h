/* SPDX-License-Identifier: MIT */
#pragma once

/* What is remembered of the reports of dropped messages, as the JSON of a state file (state-file.h). No I/O.
 */

#include "daemon/outbox.h"
#include "daemon/priority.h"
#include "ipc/rfc3339.h"

#define DROP_REPORT_FILE "counters"

/* What was reported so far of the messages of a priority. */
typedef struct DropCounts {
        char since[RFC3339_SIZE]; /* OutboxStats.counted_since_us; if that is another, these are of no use */
        int64_t n[_OUTBOX_DROP_CAUSE_MAX];
} DropCounts;

typedef struct DropMemory {
        char since[RFC3339_SIZE]; /* the next report tells what was dropped since then; "": this is the first
                                   */
        DropCounts reported[_PRIORITY_MAX];
        /* A report that may not be in the outbox yet; NULL: there is none. */
        char *message_id, *body;
} DropMemory;

#define DROP_MEMORY_NULL ((DropMemory){})

void drop_memory_done(DropMemory *memory);

/* Makes and drops the report of a memory. -ENOMEM. */
int drop_memory_set_report(DropMemory *memory, az_span message_id, az_span body);
void drop_memory_clear_report(DropMemory *memory);

/*
 * {"since":"2026-…","normal":{"since":"2026-…","expired":7,…},"high":{…},"messageId":"…","body":"{…}"}.
 * *ret is to be freed. -ENOMEM.
 */
int drop_memory_format(const DropMemory *memory, char **ret);

/* 0: *ret is to be released; STATE_JSON_INVALID: it is not what was formatted; -ENOMEM. */
int drop_memory_parse(DropMemory *ret, az_span text);
