/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of io.aziotd.telemetry share; nobody else includes it.
 *
 *      telemetry.c        the methods, what is remembered of a client
 *      telemetry-stage.c  calls that wait for their stage
 */

#include "daemon/telemetry.h"

#define ERROR_NAME(name) "io.aziotd.telemetry." name

struct Telemetry {
        const Config *config;
        Outboxes *outboxes;
        Uplink *uplink;
        StageWaits *waits[_PRIORITY_MAX];
        uint8_t *scratch;
        size_t n_scratch;
};

/* Messages of one priority; both 0: none. */
typedef struct Range {
        uint64_t first, last;
} Range;

/* A call that waits for its stage: a Flush for what was sent in each priority, a Send in its own. */
typedef struct PendingReply PendingReply;
typedef struct PendingWait {
        PendingReply *pending;
        StageWait *wait; /* NULL: is not waited for, or has been reached */
} PendingWait;
struct PendingReply {
        Telemetry *telemetry;
        IpcCall *call;
        int (*reply)(IpcCall *call, const PendingReply *pending);
        Stage stage;
        uint64_t timeout_us;
        uint64_t expires_us; /* when none of the messages will be sent any more; UINT64_MAX: never, or not
                                known */
        Range ranges[_PRIORITY_MAX];
        PendingWait waits[_PRIORITY_MAX];
        Priority priority;             /* Send, SendBatch */
        int64_t n_accepted, n_refused; /* Flush */
};

/* Replies when all ranges have reached the stage: now, or later. 'template' is copied. */
int telemetry_reply_at_stage(const PendingReply *template);
