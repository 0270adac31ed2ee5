/* SPDX-License-Identifier: MIT */

#include "daemon/telemetry.h"

#include "daemon/sender.h"
#include "daemon/telemetry-message.h"
#include "ipc/interfaces.h"

/* Memory kept for the next message; what a bigger one needed is freed at once. */
#define SCRATCH_KEEP (64U * 1024U)

typedef struct SendParams {
        TelemetryMessage message;
        int priority;
        int stage;
        int64_t timeout_s;
} SendParams;

typedef struct SendBatchParams {
        IpcStructs messages;
        int priority;
        int stage;
        int64_t timeout_s;
} SendBatchParams;

typedef struct FlushParams {
        int stage;
        int64_t timeout_s;
} FlushParams;

struct Telemetry {
        Sender sender;
        uint8_t *scratch;
        size_t n_scratch;
};

int telemetry_new(Telemetry **ret, const Sender *sender) {
        Telemetry *t;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;

        *t = (Telemetry){ .sender = *sender };
        t->sender.interface = telemetry_interface.name;
        t->sender.max_bytes = TELEMETRY_MESSAGE_MAX;
        *ret = t;
        return 0;
}

Telemetry *telemetry_free(Telemetry *t) {
        if (!t)
                return NULL;

        free(t->scratch);
        free(t);
        return NULL;
}

/* Replies --------------------------------------------------------------------------------------------- */

static int reply_batch(IpcCall *call, const PendingReply *pending) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Range *range = &pending->ranges[pending->priority];

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "firstSequence", (int64_t) range->first);
        ipc_json_int(&json, "lastSequence", (int64_t) range->last);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static int reply_flush(IpcCall *call, const PendingReply *pending) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "accepted", pending->n_accepted);
        ipc_json_int(&json, "refused", pending->n_refused);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* Methods --------------------------------------------------------------------------------------------- */

/* Makes room for the composed messages; *ret_bytes is behind the array of them. */
static int scratch_prepare(Telemetry *t, const TelemetryMessage *messages, size_t n, OutboxMessage **ret,
                           uint8_t **ret_bytes) {
        size_t size = n * sizeof(OutboxMessage);
        uint8_t *p;

        for (size_t i = 0; i < n; i++)
                size += telemetry_message_bound(&messages[i]);

        if (size > t->n_scratch) {
                p = realloc(t->scratch, size);
                if (!p)
                        return -ENOMEM;
                t->scratch = p;
                t->n_scratch = size;
        }
        *ret = (OutboxMessage *) (void *) t->scratch;
        *ret_bytes = t->scratch + n * sizeof(OutboxMessage);
        return 0;
}

static void scratch_release(Telemetry *t) {
        if (t->n_scratch <= SCRATCH_KEEP)
                return;
        free(t->scratch);
        t->scratch = NULL;
        t->n_scratch = 0;
}

/* Composes all of them, or returns a condition of telemetry_message_compose(). */
static int compose(Telemetry *t, const TelemetryMessage *messages, size_t n, OutboxMessage **ret,
                   TelemetryProblem *ret_problem) {
        OutboxMessage *composed;
        uint8_t *bytes;
        int r;

        r = scratch_prepare(t, messages, n, &composed, &bytes);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = telemetry_message_compose(&messages[i], &bytes, &composed[i], ret_problem);
                if (r != 0)
                        return r;
        }
        *ret = composed;
        return 0;
}

/* The messages of a call as a program gives them; the rest as of SendRequest. */
static int send_messages(Telemetry *t, IpcCall *call, const TelemetryMessage *messages,
                         SendRequest *request) {
        TelemetryProblem problem = {};
        SenderClient *client;
        int r;

        r = sender_get_client(&t->sender, call, &client);
        if (r < 0)
                return r;
        r = compose(t, messages, request->n, &request->messages, &problem);
        if (r == 0)
                r = sender_send(&t->sender, call, client, request);
        else if (r > 0) {
                sender_count_refused(call, client);
                r = r == TELEMETRY_INVALID
                            ? sender_error_invalid(&t->sender, call, problem.field, problem.reason)
                            : sender_refuse(&t->sender, call, request, client, OUTBOX_TOO_LARGE);
        }
        scratch_release(t);
        return r;
}

static int telemetry_send(IpcCall *call, const void *params, void *userdata) {
        const SendParams *p = params;
        SendRequest request = {
                .n = 1,
                .priority = (Priority) p->priority,
                .stage = (Stage) p->stage,
                .timeout_s = p->timeout_s,
                .reply = sender_reply_sequence,
        };

        return send_messages(userdata, call, &p->message, &request);
}

static int telemetry_send_batch(IpcCall *call, const void *params, void *userdata) {
        const SendBatchParams *p = params;
        SendRequest request = {
                .n = p->messages.n_items,
                .priority = (Priority) p->priority,
                .stage = (Stage) p->stage,
                .timeout_s = p->timeout_s,
                .reply = reply_batch,
        };

        return send_messages(userdata, call, p->messages.items, &request);
}

static int telemetry_flush(IpcCall *call, const void *params, void *userdata) {
        const FlushParams *p = params;
        Telemetry *t = userdata;
        PendingReply pending = {
                .sender = &t->sender,
                .call = call,
                .reply = reply_flush,
                .stage = (Stage) p->stage,
                .timeout_us = boottime_us() + (uint64_t) p->timeout_s * USEC_PER_SEC,
                .expires_us = UINT64_MAX,
        };
        SenderClient *client;
        int r;

        r = sender_get_client(&t->sender, call, &client);
        if (r < 0)
                return r;

        /* The ranges may hold messages of others: if one of those fails, this Flush fails with it. */
        for (Priority priority = 0; priority < _PRIORITY_MAX; priority++)
                pending.ranges[priority] = client->sent[priority];
        pending.n_accepted = client->n_accepted;
        pending.n_refused = client->n_refused;
        client->n_accepted = client->n_refused = 0;
        memset(client->sent, 0, sizeof(client->sent));
        return sender_reply_at_stage(&pending);
}

/* Tables ---------------------------------------------------------------------------------------------- */

#define STAGE_FIELD(type, unless_told)                                                                      \
        {                                                                                                   \
                "stage", IPC_FIELD_ENUM, offsetof(type, stage), IPC_FIELD_NULLABLE, .names = stage_names,   \
                                                                                    .absent = (unless_told) \
        }
#define PRIORITY_FIELD(type)                                                              \
        {                                                                                 \
                "priority", IPC_FIELD_ENUM, offsetof(type, priority), IPC_FIELD_NULLABLE, \
                        .names = priority_names, .absent = PRIORITY_NORMAL                \
        }
#define TIMEOUT_FIELD(type)                                                                       \
        {                                                                                         \
                "timeoutSeconds", IPC_FIELD_INT, offsetof(type, timeout_s), IPC_FIELD_NULLABLE,   \
                        .min = 1, .max = SENDER_TIMEOUT_MAX_S, .absent = SENDER_TIMEOUT_DEFAULT_S \
        }

static const IpcField send_fields[] = {
        { "message", IPC_FIELD_STRUCT, offsetof(SendParams, message), .type = &telemetry_message_struct },
        STAGE_FIELD(SendParams, STAGE_ACCEPTED),
        TIMEOUT_FIELD(SendParams),
        PRIORITY_FIELD(SendParams),
};
static const IpcField send_batch_fields[] = {
        { "messages", IPC_FIELD_STRUCTS, offsetof(SendBatchParams, messages),
          .type = &telemetry_message_struct, .min = 1, .max = IPC_ARRAY_MAX },
        STAGE_FIELD(SendBatchParams, STAGE_ACCEPTED),
        TIMEOUT_FIELD(SendBatchParams),
        PRIORITY_FIELD(SendBatchParams),
};
static const IpcField flush_fields[] = {
        STAGE_FIELD(FlushParams, STAGE_DURABLE),
        TIMEOUT_FIELD(FlushParams),
};

static const IpcStruct send_struct = IPC_STRUCT(SendParams, send_fields);
static const IpcStruct send_batch_struct = IPC_STRUCT(SendBatchParams, send_batch_fields);
static const IpcStruct flush_struct = IPC_STRUCT(FlushParams, flush_fields);

static const IpcMethod methods[] = {
        { "Send", IPC_GRANT_SEND, 0, &send_struct, telemetry_send },
        { "SendBatch", IPC_GRANT_SEND, 0, &send_batch_struct, telemetry_send_batch },
        { "Flush", IPC_GRANT_SEND, 0, &flush_struct, telemetry_flush },
};

const IpcInterface telemetry_interface = {
        .name = "io.aziotd.telemetry",
        .description = io_aziotd_telemetry_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
