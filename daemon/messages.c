/* SPDX-License-Identifier: MIT */

#include "daemon/messages.h"

#include <inttypes.h>
#include <limits.h>

#include "daemon/c2d-message.h"
#include "daemon/inbox-file.h"
#include "ipc/interfaces.h"
#include "ipc/rfc3339.h"
#include "ipc/value.h"

#define ERROR_NAME(name) "io.aziotd.messages." name

/* sd-varlink's clients give up after 45 s of silence. */
#define TAKE_TIMEOUT_DEFAULT_S 30
#define TAKE_TIMEOUT_MAX_S     3600

/* A body lies three objects deep in its reply. */
#define BODY_DEPTH_MAX (IPC_DEPTH_MAX - 3)

/* What a hub sends at most; if each byte is escaped, it is still within IPC_MESSAGE_MAX. */
#define TEXT_MAX (64 * 1024)

struct Messages {
        HubLink *link;
        const Log *log;
        Inbox *inbox;
        MessagesCounts counts;
};

/* A connection that takes messages. */
typedef struct Worker {
        InboxTaker *taker;
        IpcCall *take; /* the Take that waits, or NULL */
} Worker;

typedef struct TakeParams {
        int64_t timeout_s;
} TakeParams;

typedef struct SettleParams {
        az_span id;
} SettleParams;

static InboxTime inbox_time(void) {
        return (InboxTime){ .boottime_us = boottime_us(), .realtime_us = realtime_us() };
}

/* To the worker --------------------------------------------------------------------------------------- */

static void write_body(IpcJson *json, az_span payload) {
        if (value_kind(payload, BODY_DEPTH_MAX) == VALUE_OBJECT)
                ipc_json_raw(json, "body", payload);
        else if (az_span_size(payload) <= TEXT_MAX && az_span_is_valid_utf8(payload))
                /* Not absent, if it is empty. */
                ipc_json_string(json, "text", az_span_size(payload) > 0 ? payload : AZ_SPAN_FROM_STR(""));
        else
                ipc_json_base64(json, "data", payload);
}

static void write_text(IpcJson *json, const char *name, az_span text) {
        if (!ipc_is_absent(text))
                ipc_json_string(json, name, text);
}

static void write_properties(IpcJson *json, const C2dProperties *p) {
        write_text(json, "contentType", p->content_type);
        write_text(json, "contentEncoding", p->content_encoding);
        write_text(json, "messageId", p->message_id);
        write_text(json, "correlationId", p->correlation_id);
        write_text(json, "userId", p->user_id);
        ipc_json_begin(json, "properties");
        for (size_t i = 0; i < p->n_others; i++)
                ipc_json_entry(json, p->others[i].key, p->others[i].value);
        ipc_json_end(json);
}

static void write_message(Messages *m, IpcJson *json, const InboxMessage *message) {
        char id[24], time[RFC3339_SIZE];
        uint8_t scratch[INBOX_BAG_MAX];
        C2dProperties properties;

        c2d_properties_parse(&properties, message->bag, AZ_SPAN_FROM_BUFFER(scratch));
        if (properties.n_left_out > 0)
                log_message(m->log, MSG_MESSAGE_MALFORMED,
                            "Message %" PRIu64 " has %zu properties more than can be passed on, ignoring",
                            message->sequence, properties.n_left_out);
        (void) snprintf(id, sizeof(id), "%" PRIu64, message->sequence);

        ipc_json_begin(json, "message");
        ipc_json_cstring(json, "id", id);
        write_body(json, message->payload);
        write_properties(json, &properties);
        ipc_json_cstring(json, "enqueued", rfc3339_format(time, message->received_us));
        if (message->expires_us > 0)
                ipc_json_cstring(json, "expires", rfc3339_format(time, message->expires_us));
        else
                write_text(json, "expires", properties.expires); /* whatever it means */
        ipc_json_bool(json, "redelivered", message->redelivered);
        ipc_json_end(json);
}

static void on_give(void *userdata, void *taker_userdata, const InboxMessage *message) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Worker *worker = taker_userdata;
        IpcCall *take = TAKE_PTR(worker->take);

        ipc_json_begin(&json, NULL);
        if (message)
                write_message(userdata, &json, message);
        else
                ipc_json_null(&json, "message");
        ipc_json_end(&json);
        /* If that fails the connection is closed, and the message given again. */
        (void) ipc_call_reply_json(take, &json);
}

static void on_settled(void *userdata, void *token, int error) {
        IpcCall *settle = token;
        Messages *m = userdata;

        m->counts.n_settled += error == 0;
        if (error == 0)
                (void) ipc_call_reply(settle, AZ_SPAN_EMPTY);
        else
                (void) ipc_call_error_cstring(settle, ERROR_NAME("StorageFailed"), "reason", strerror(error));
}

/* To the cloud ---------------------------------------------------------------------------------------- */

static void on_ack(void *userdata, MqttAck ack) {
        const Messages *m = userdata;

        hub_link_ack(m->link, ack);
}

static const InboxOps inbox_ops = {
        .ack = on_ack,
        .give = on_give,
        .settled = on_settled,
};

/* Life ------------------------------------------------------------------------------------------------ */

int messages_new(Messages **ret, HubLink *link, Disk *disk, const Config *config, const char *state_dir,
                 const Log *log) {
        _cleanup_(messages_freep) Messages *m = NULL;
        InboxConfig inbox_config = {
                .max_messages = config->hub.inbox_max_messages,
                .max_bytes = config->hub.inbox_max_bytes,
        };
        InboxTime now = inbox_time();
        char directory[PATH_MAX];
        int r;

        (void) snprintf(directory, sizeof(directory), "%s/inbox", state_dir);
        inbox_config.directory = directory;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (Messages){ .link = link, .log = log };

        r = inbox_open(&m->inbox, disk, &inbox_config, &inbox_ops, m, log, &now);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

Messages *messages_free(Messages *m) {
        if (!m)
                return NULL;

        m->inbox = inbox_free(m->inbox);
        free(m);
        return NULL;
}

void messages_configure(Messages *m, const Config *config) {
        inbox_set_limits(m->inbox, config->hub.inbox_max_messages, config->hub.inbox_max_bytes);
}

void messages_c2d(Messages *m, const az_iot_hub_client_c2d_request *request, az_span payload, bool dup,
                  MqttAck ack) {
        InboxDelivery delivery = {
                .bag = c2d_request_get_bag(request),
                .payload = payload,
                .dup = dup,
                .ack = ack,
        };
        uint8_t scratch[INBOX_BAG_MAX];
        InboxTime now = inbox_time();
        C2dProperties properties;

        c2d_properties_parse(&properties, delivery.bag, AZ_SPAN_FROM_BUFFER(scratch));
        delivery.message_id = properties.message_id;
        if (!ipc_is_absent(properties.expires) && rfc3339_parse(properties.expires, &delivery.expires_us) < 0)
                log_message(m->log, MSG_MESSAGE_MALFORMED,
                            "A message expires at a time that is not understood, ignoring that");
        m->counts.n_received++;
        inbox_receive(m->inbox, &delivery, &now);
}

void messages_lost(Messages *m) {
        inbox_lost(m->inbox);
}

bool messages_is_drained(const Messages *m) {
        return inbox_is_drained(m->inbox);
}

uint64_t messages_deadline_us(const Messages *m) {
        return inbox_deadline_us(m->inbox);
}

void messages_run_due(Messages *m, uint64_t now_us) {
        InboxTime now = { .boottime_us = now_us, .realtime_us = realtime_us() };

        inbox_run_due(m->inbox, &now);
        if (inbox_wants_reconnect(m->inbox)) {
                log_message(m->log, MSG_RECONNECTING,
                            "Connecting again, so that the hub repeats what was not stored");
                hub_link_reconnect(m->link);
        }
}

const MessagesCounts *messages_get_counts(const Messages *m) {
        return &m->counts;
}

void messages_get_stats(const Messages *m, InboxStats *ret) {
        inbox_get_stats(m->inbox, ret);
}

/* Methods --------------------------------------------------------------------------------------------- */

static void worker_free(void *userdata) {
        Worker *worker = userdata;

        worker->taker = inbox_taker_free(worker->taker);
        free(worker);
}

static void worker_freep(Worker **worker) {
        if (*worker)
                worker_free(*worker);
}

static int worker_get(Messages *m, IpcCall *call, Worker **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        _cleanup_(worker_freep) Worker *worker = NULL;
        int r;

        *ret = ipc_connection_get_data(connection, &messages_interface);
        if (*ret)
                return 0;

        worker = malloc(sizeof(*worker));
        if (!worker)
                return -ENOMEM;
        *worker = (Worker){};

        r = inbox_taker_new(&worker->taker, m->inbox, worker);
        if (r < 0)
                return r;
        r = ipc_connection_set_data(connection, &messages_interface, worker, worker_free);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(worker);
        return 0;
}

static void take_gone(IpcCall *call, void *userdata) {
        Worker *worker = userdata;

        worker->take = NULL;
        inbox_taker_cancel(worker->taker);
}

static int messages_take(IpcCall *call, const void *params, void *userdata) {
        const TakeParams *p = params;
        InboxTime now = inbox_time();
        Worker *worker;
        int r;

        /* It could be given a message that nobody would ever hear of. */
        if (ipc_call_is_oneway(call))
                return ipc_call_error_invalid_parameter(call, "oneway");

        r = worker_get(userdata, call, &worker);
        if (r < 0)
                return r;
        r = inbox_taker_wait(worker->taker, now.boottime_us + (uint64_t) p->timeout_s * USEC_PER_SEC, &now);
        if (r == INBOX_TOO_MANY)
                return ipc_call_error_int(call, ERROR_NAME("TooManyUnsettled"), "limit", INBOX_UNSETTLED_MAX);

        worker->take = call;
        ipc_call_set_on_gone(call, take_gone, worker);
        return IPC_DEFERRED;
}

static void settle_gone(IpcCall *call, void *userdata) {
        Messages *m = userdata;

        inbox_settle_forget(m->inbox, call);
}

static int messages_settle(IpcCall *call, const void *params, void *userdata) {
        const SettleParams *p = params;
        Messages *m = userdata;
        uint64_t id = 0;
        Worker *worker;
        int r;

        r = worker_get(m, call, &worker);
        if (r < 0)
                return r;

        if (az_result_failed(az_span_atou64(p->id, &id)))
                id = 0; /* ours begin at 1 */
        r = inbox_taker_settle(worker->taker, id, call);
        if (r == INBOX_GONE)
                return ipc_call_error_string(call, ERROR_NAME("MessageGone"), "id", p->id);

        ipc_call_set_on_gone(call, settle_gone, m);
        return IPC_DEFERRED;
}

void messages_revoke(IpcConnection *connection) {
        if (ipc_connection_get_data(connection, &messages_interface))
                (void) ipc_connection_set_data(connection, &messages_interface, NULL, NULL);
}

/* Tables ---------------------------------------------------------------------------------------------- */

static const IpcField take_fields[] = {
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(TakeParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = TAKE_TIMEOUT_MAX_S, .absent = TAKE_TIMEOUT_DEFAULT_S },
};
static const IpcField settle_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(SettleParams, id), .max = 20 },
};

static const IpcStruct take_struct = IPC_STRUCT(TakeParams, take_fields);
static const IpcStruct settle_struct = IPC_STRUCT(SettleParams, settle_fields);

static const IpcMethod methods[] = {
        { "Take", IPC_GRANT_SERVE, IPC_METHOD_PARK, &take_struct, messages_take },
        { "Settle", IPC_GRANT_SERVE, 0, &settle_struct, messages_settle },
};

const IpcInterface messages_interface = {
        .name = "io.aziotd.messages",
        .description = io_aziotd_messages_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
