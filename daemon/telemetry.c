/* SPDX-License-Identifier: MIT */

#include "daemon/telemetry-internal.h"

#include "daemon/telemetry-message.h"
#include "ipc/interfaces.h"

/* Memory kept for the next message; what a bigger one needed is freed at once. */
#define SCRATCH_KEEP (64U * 1024U)

/* Seconds to wait for a stage. */
#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S     (24 * 3600)

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

int telemetry_new(Telemetry **ret, const Config *config, Outboxes *outboxes, Uplink *uplink,
                  StageWaits *const waits[_PRIORITY_MAX], ClientLog *clients) {
        Telemetry *t;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;

        *t = (Telemetry){ .config = config, .outboxes = outboxes, .uplink = uplink, .clients = clients };
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                t->waits[p] = waits[p];
        *ret = t;
        return 0;
}

Telemetry *telemetry_free(Telemetry *t) {
        if (!t)
                return NULL;

        send_rates_done(&t->rates);
        free(t->scratch);
        free(t);
        return NULL;
}

static int client_get(const Telemetry *t, IpcCall *call, TelemetryClient **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        const IpcPeer *peer = ipc_connection_get_peer(connection);
        TelemetryClient *client = ipc_connection_get_data(connection, &telemetry_interface);
        int r;

        if (!client) {
                client = malloc(sizeof(*client));
                if (!client)
                        return -ENOMEM;
                *client = (TelemetryClient){ .owner = peer->uid };
                telemetry_find_limits(t, client, peer);

                r = ipc_connection_set_data(connection, &telemetry_interface, client, free);
                if (r < 0) {
                        free(client);
                        return r;
                }
        }
        if (client->generation != t->config->access.generation)
                telemetry_find_limits(t, client, peer);
        *ret = client;
        return 0;
}

/* Replies --------------------------------------------------------------------------------------------- */

static int reply_send(IpcCall *call, const PendingReply *pending) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "sequence", (int64_t) pending->ranges[pending->priority].first);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

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

static int error_invalid_message(IpcCall *call, const TelemetryProblem *problem) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "field", problem->field);
        ipc_json_cstring(&json, "reason", problem->reason);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("InvalidMessage"), &json);
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
static int compose(Telemetry *t, uint32_t owner, const TelemetryMessage *messages, size_t n,
                   OutboxMessage **ret, TelemetryProblem *ret_problem) {
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
                composed[i].owner = owner;
        }
        *ret = composed;
        return 0;
}

/* When the last of the messages expires. */
static uint64_t find_expiry(const Telemetry *t, const SendRequest *request, const OutboxTime *now) {
        int64_t last_s = 0;

        for (size_t i = 0; i < request->n; i++) {
                int64_t ttl_s = request->messages[i].ttl_s;

                if (ttl_s == 0)
                        ttl_s = (int64_t) t->config->outbox.message_ttl_s;
                if (ttl_s == 0)
                        return UINT64_MAX;
                last_s = MAX(last_s, ttl_s);
        }
        return now->boottime_us + (uint64_t) last_s * USEC_PER_SEC;
}

/* None of it was stored. */
static void give_up(Telemetry *t, IpcCall *call, TelemetryClient *client, const SendRequest *request) {
        scratch_release(t);
        send_rates_put_back(&t->rates, client->owner, &client->rate, request->n);
        client->n_refused += ipc_call_is_oneway(call);
}

static int send_messages(Telemetry *t, IpcCall *call, const SendRequest *request) {
        OutboxTime now = uplink_now(t->uplink);
        PendingReply pending = {
                .telemetry = t,
                .call = call,
                .reply = request->reply,
                .stage = ipc_call_is_oneway(call) ? STAGE_ACCEPTED : request->stage,
                .timeout_us = now.boottime_us + (uint64_t) request->timeout_s * USEC_PER_SEC,
                .expires_us = find_expiry(t, request, &now),
                .priority = request->priority,
        };
        Range *range = &pending.ranges[request->priority], *sent;
        TelemetryProblem problem = {};
        OutboxMessage *composed;
        TelemetryClient *client;
        uint64_t retry_us;
        int r;

        r = client_get(t, call, &client);
        if (r == 0)
                r = send_rates_take(&t->rates, client->owner, &client->rate, request->n, now.boottime_us,
                                    &retry_us);
        if (r < 0)
                return r;
        if (r > 0) {
                client->n_refused += ipc_call_is_oneway(call);
                return r == SEND_RATE_EXCEEDED ? telemetry_refuse_rate(t, call, retry_us)
                                               : telemetry_refuse_burst(call, client);
        }

        r = compose(t, client->owner, request->messages, request->n, &composed, &problem);
        if (r != 0) {
                give_up(t, call, client, request);
                if (r < 0)
                        return r;
                return r == TELEMETRY_INVALID ? error_invalid_message(call, &problem)
                                              : telemetry_refuse(t, call, request, client, OUTBOX_TOO_LARGE);
        }
        r = outboxes_append(t->outboxes, request->priority, composed, request->n, &client->limits, &now,
                            &range->first);
        if (r != 0) {
                give_up(t, call, client, request);
                return telemetry_refuse(t, call, request, client, r);
        }

        scratch_release(t);
        client->n_accepted += ipc_call_is_oneway(call);
        range->last = range->first + request->n - 1;
        sent = &client->sent[request->priority];
        *sent = (Range){ .first = sent->first == 0 ? range->first : sent->first, .last = range->last };
        return telemetry_reply_at_stage(&pending);
}

static int telemetry_send(IpcCall *call, const void *params, void *userdata) {
        const SendParams *p = params;
        SendRequest request = {
                .messages = &p->message,
                .n = 1,
                .priority = (Priority) p->priority,
                .stage = (Stage) p->stage,
                .timeout_s = p->timeout_s,
                .reply = reply_send,
        };

        return send_messages(userdata, call, &request);
}

static int telemetry_send_batch(IpcCall *call, const void *params, void *userdata) {
        const SendBatchParams *p = params;
        SendRequest request = {
                .messages = p->messages.items,
                .n = p->messages.n_items,
                .priority = (Priority) p->priority,
                .stage = (Stage) p->stage,
                .timeout_s = p->timeout_s,
                .reply = reply_batch,
        };

        return send_messages(userdata, call, &request);
}

static int telemetry_flush(IpcCall *call, const void *params, void *userdata) {
        const FlushParams *p = params;
        PendingReply pending = {
                .telemetry = userdata,
                .call = call,
                .reply = reply_flush,
                .stage = (Stage) p->stage,
                .timeout_us = boottime_us() + (uint64_t) p->timeout_s * USEC_PER_SEC,
                .expires_us = UINT64_MAX,
        };
        TelemetryClient *client;
        int r;

        r = client_get(userdata, call, &client);
        if (r < 0)
                return r;

        /* The ranges may hold messages of others: if one of those fails, this Flush fails with it. */
        for (Priority priority = 0; priority < _PRIORITY_MAX; priority++)
                pending.ranges[priority] = client->sent[priority];
        pending.n_accepted = client->n_accepted;
        pending.n_refused = client->n_refused;
        client->n_accepted = client->n_refused = 0;
        memset(client->sent, 0, sizeof(client->sent));
        return telemetry_reply_at_stage(&pending);
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
#define TIMEOUT_FIELD(type)                                                                     \
        {                                                                                       \
                "timeoutSeconds", IPC_FIELD_INT, offsetof(type, timeout_s), IPC_FIELD_NULLABLE, \
                        .min = 1, .max = TIMEOUT_MAX_S, .absent = TIMEOUT_DEFAULT_S             \
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
