/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of io.aziotd.telemetry share; nobody else includes it.
 *
 *      telemetry.c         the methods, what is remembered of a client
 *      telemetry-limits.c  what a client may send, and what it is told when that is less
 *      telemetry-stage.c   calls that wait for their stage
 */

#include "daemon/send-rates.h"
#include "daemon/telemetry-message.h"
#include "daemon/telemetry.h"

#define ERROR_NAME(name) "io.aziotd.telemetry." name

struct Telemetry {
        const Config *config;
        Outboxes *outboxes;
        Uplink *uplink;
        StageWaits *waits[_PRIORITY_MAX];
        ClientLog *clients;
        SendRates rates;
        uint8_t *scratch;
        size_t n_scratch;
};

/* Messages of one priority; both 0: none. */
typedef struct Range {
        uint64_t first, last;
} Range;

/* What is remembered of a connection. */
typedef struct TelemetryClient {
        uint32_t owner;                /* of what it sends */
        uint64_t generation;           /* of the rules that the limits are from */
        OutboxLimits limits;           /* for that owner */
        SendLimit rate;                /* likewise */
        Range sent[_PRIORITY_MAX];     /* since the last Flush */
        int64_t n_accepted, n_refused; /* of it, oneway */
} TelemetryClient;

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

/* The messages of a Send or a SendBatch, and how far they have to come. */
typedef struct SendRequest {
        const TelemetryMessage *messages;
        size_t n;
        Priority priority;
        Stage stage;
        int64_t timeout_s;
        int (*reply)(IpcCall *call, const PendingReply *pending);
} SendRequest;

/* telemetry-limits.c ---------------------------------------------------------------------------------- */

/* Looks up what the present rules and configuration let a client have. */
void telemetry_find_limits(const Telemetry *t, TelemetryClient *client, const IpcPeer *peer);

/* Answer a call whose messages were not stored. 'condition' is one of outboxes_append(). */
int telemetry_refuse(Telemetry *t, IpcCall *call, const SendRequest *request, const TelemetryClient *client,
                     int condition);
int telemetry_refuse_rate(Telemetry *t, IpcCall *call, uint64_t retry_us);
int telemetry_refuse_burst(IpcCall *call, const TelemetryClient *client);

/* telemetry-stage.c ----------------------------------------------------------------------------------- */

/* Replies when all ranges have reached the stage: now, or later. 'template' is copied. */
int telemetry_reply_at_stage(const PendingReply *template);
