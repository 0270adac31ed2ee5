/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the interfaces have in common that take messages for an outbox, io.aziotd.telemetry and
 * io.aziotd.broker: how much a program may send, and when it is told what became of it. Their errors have the
 * same names and parameters.
 *
 *      sender.c         what is remembered of a client; messages go into the outbox
 *      sender-limits.c  what a client may send, and what it is told when that is less
 *      sender-stage.c   calls that wait for their stage
 */

#include "daemon/client-log.h"
#include "daemon/config.h"
#include "daemon/send-rates.h"
#include "daemon/uplink.h"
#include "ipc/server.h"

/* Everything must outlive it; it stays where it is. */
typedef struct Sender {
        const char *interface; /* whose errors it answers: "io.aziotd.telemetry" */
        const Config *config;
        Outboxes *outboxes;
        Uplink *uplink;
        StageWaits *const *waits; /* of each priority */
        ClientLog *clients;
        SendRates *rates; /* of all senders together */
        size_t max_bytes; /* of a message, for MessageTooLarge */

        /* Adds what a refusal of NotDelivered says besides; NULL: nothing. 'reason_code' is the cloud's. */
        void (*write_refusal)(IpcJson *json, int reason_code);
} Sender;

/* Messages of one priority; both 0: none. */
typedef struct Range {
        uint64_t first, last;
} Range;

/* What is remembered of a connection. */
typedef struct SenderClient {
        uint32_t owner;                /* of what it sends */
        uint64_t generation;           /* of the rules that the limits are from */
        OutboxLimits limits;           /* for that owner */
        SendLimit rate;                /* likewise */
        Range sent[_PRIORITY_MAX];     /* since the last Flush */
        int64_t n_accepted, n_refused; /* of it, oneway */
} SenderClient;

/* A call that waits for its stage: a Flush for what was sent in each priority, a Send in its own. */
typedef struct PendingReply PendingReply;
typedef struct PendingWait {
        PendingReply *pending;
        StageWait *wait; /* NULL: is not waited for, or has been reached */
} PendingWait;
struct PendingReply {
        Sender *sender;
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

/* The messages of a call, and how far they have to come. */
typedef struct SendRequest {
        OutboxMessage *messages; /* without their owner, which is filled in */
        size_t n;
        Priority priority;
        Stage stage;
        int64_t timeout_s;
        int (*reply)(IpcCall *call, const PendingReply *pending);
} SendRequest;

/* Seconds to wait for a stage. */
#define SENDER_TIMEOUT_DEFAULT_S 60
#define SENDER_TIMEOUT_MAX_S     (24 * 3600)

/* sender.c -------------------------------------------------------------------------------------------- */

/* What is remembered of the connection of a call. -ENOMEM. */
int sender_get_client(Sender *s, IpcCall *call, SenderClient **ret);

/* Takes the messages of a call into the outbox, and answers it, now or later. As an IpcHandler. */
int sender_send(Sender *s, IpcCall *call, SenderClient *client, const SendRequest *request);

/* The call of a client, which cannot be taken, is answered by somebody else. */
void sender_count_refused(IpcCall *call, SenderClient *client);

/* Replies with the sequence of the one message: SendRequest.reply. */
int sender_reply_sequence(IpcCall *call, const PendingReply *pending);

/* Answers by an error of the interface: InvalidMessage, StorageFailed ('error' is an errno), any. */
int sender_error_invalid(const Sender *s, IpcCall *call, const char *field, const char *reason);
int sender_error_storage(const Sender *s, IpcCall *call, int error);
int sender_error_json(const Sender *s, IpcCall *call, const char *name, const IpcJson *json);

/* sender-limits.c ------------------------------------------------------------------------------------- */

/* Looks up what the present rules and configuration let a client have. */
void sender_find_limits(const Sender *s, SenderClient *client, const IpcPeer *peer);

/* Answer a call whose messages were not stored. 'condition' is one of outboxes_append(). */
int sender_refuse(const Sender *s, IpcCall *call, const SendRequest *request, const SenderClient *client,
                  int condition);
int sender_refuse_size(const Sender *s, IpcCall *call);
int sender_refuse_rate(const Sender *s, IpcCall *call, uint64_t retry_us);
int sender_refuse_burst(const Sender *s, IpcCall *call, const SenderClient *client);

/* sender-stage.c -------------------------------------------------------------------------------------- */

/* Replies when all ranges have reached the stage: now, or later. 'template' is copied. */
int sender_reply_at_stage(const PendingReply *template);
