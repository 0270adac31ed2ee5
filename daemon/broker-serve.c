/* SPDX-License-Identifier: MIT */

#include <inttypes.h>

#include "daemon/broker-commands-internal.h"
#include "ipc/rfc3339.h"

/* sd-varlink's clients give up after 45 s of silence. */
#define TAKE_TIMEOUT_DEFAULT_S 30
#define TAKE_TIMEOUT_MAX_S     3600

/* What an invoker reads of a command that failed, or of an application's error. */
#define FAILURE_MAX 4096

/* A connection that takes requests. */
typedef struct Worker {
        CommandTaker *taker;
        IpcCall *take; /* the Take that waits, or NULL */
} Worker;

typedef struct TakeParams {
        az_span topic;
        IpcMap tokens;
        az_span share_name;
        int64_t timeout_s;
} TakeParams;

typedef struct ApplicationError {
        az_span code, payload;
} ApplicationError;

typedef struct SettleParams {
        az_span id;
        const BrokerMessage *response;
        const ApplicationError *application_error;
        az_span failure;
} SettleParams;

/* To programs ------------------------------------------------------------------------------------------ */

static int reply_refused(IpcCall *call, const aio_error *e) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "reasonCode", e->mqtt_reason);
        broker_write_text(&json, "reasonText", e->message);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("SubscriptionRefused"), &json);
}

static void write_request(IpcJson *json, const CommandRequest *request) {
        char id[24], deadline[RFC3339_SIZE];
        uint64_t now_us = boottime_us();
        uint64_t left_us = request->deadline_us > now_us ? request->deadline_us - now_us : 0;

        (void) snprintf(id, sizeof(id), "%" PRIu64, request->id);
        ipc_json_begin(json, "request");
        ipc_json_cstring(json, "id", id);
        ipc_json_string(json, "topic", request->received.message.topic);
        broker_tokens_write(json, request->received.tokens);
        broker_received_write(json, &request->received);
        ipc_json_cstring(json, "deadline", rfc3339_format(deadline, realtime_us() + left_us));
        ipc_json_bool(json, "redelivered", request->redelivered);
        ipc_json_end(json);
}

static void on_give(void *userdata, void *taker_userdata, const CommandRequest *request) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Worker *worker = taker_userdata;
        IpcCall *take = TAKE_PTR(worker->take);

        ipc_json_begin(&json, NULL);
        if (request)
                write_request(&json, request);
        else
                ipc_json_null(&json, "request");
        ipc_json_end(&json);
        /* If that fails the connection is closed, and the request given to the next. */
        (void) ipc_call_reply_json(take, &json);
}

static void on_refuse(void *userdata, void *taker_userdata, const aio_error *error) {
        Worker *worker = taker_userdata;

        (void) reply_refused(TAKE_PTR(worker->take), error);
}

static void on_changed(void *userdata) {
        broker_commands_keep(userdata);
}

const CommandServerOps broker_server_ops = { .changed = on_changed, .give = on_give, .refuse = on_refuse };

/* Take ------------------------------------------------------------------------------------------------- */

/* Of ipc_connection_set_data(). */
#define WORKER_KEY (&broker_take_struct)

static void worker_free(void *userdata) {
        Worker *worker = userdata;

        worker->taker = command_taker_free(worker->taker, broker_link_time());
        free(worker);
}

static void worker_freep(Worker **worker) {
        if (*worker)
                worker_free(*worker);
}

static int worker_get(BrokerCommands *c, IpcCall *call, Worker **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        _cleanup_(worker_freep) Worker *worker = NULL;
        int r;

        *ret = ipc_connection_get_data(connection, WORKER_KEY);
        if (*ret)
                return 0;

        worker = malloc(sizeof(*worker));
        if (!worker)
                return -ENOMEM;
        *worker = (Worker){};

        r = command_taker_new(&worker->taker, c->server, ipc_connection_get_peer(connection)->uid, worker);
        if (r < 0)
                return r;
        r = ipc_connection_set_data(connection, WORKER_KEY, worker, worker_free);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(worker);
        return 0;
}

static void take_gone(IpcCall *call, void *userdata) {
        Worker *worker = userdata;

        worker->take = NULL;
        command_taker_cancel(worker->taker);
}

/* Answers a Take that could not begin, for the condition 'r'. */
static int refuse_take(IpcCall *call, int r, az_span topic, const aio_error *error) {
        switch (r) {
        case COMMAND_CLAIMED:
                return ipc_call_error_string(call, ERROR_NAME("NameClaimed"), "topic", topic);
        case COMMAND_TOO_MANY:
                return ipc_call_error_int(call, ERROR_NAME("TooManyUnsettled"), "limit",
                                          COMMAND_REQUESTS_PER_TAKER_MAX);
        case COMMAND_TOO_MANY_SERVICES:
                return ipc_call_error_int(call, ERROR_NAME("TooManyServices"), "limit",
                                          COMMAND_SERVICES_PER_USER_MAX);
        default:
                return broker_reply_failed(call, error);
        }
}

static int take(BrokerCommands *c, IpcCall *call, const CommandOffer *offer, uint64_t timeout_us) {
        Worker *worker;
        aio_error error;
        int r;

        r = worker_get(c, call, &worker);
        if (r < 0)
                return r;

        /* The request may be there already, and 'call' answered before this returns. */
        worker->take = call;
        r = command_taker_wait(worker->taker, offer, boottime_us() + timeout_us, broker_link_time(), &error);
        if (r != 0)
                worker->take = NULL;
        if (r != 0)
                return r < 0 ? r : refuse_take(call, r, offer->topic, &error);
        if (!worker->take)
                return 0;

        ipc_call_set_on_gone(call, take_gone, worker);
        return IPC_DEFERRED;
}

int broker_commands_take(BrokerCommands *c, IpcCall *call, const void *params) {
        aio_topic_token memory[IPC_MAP_MAX];
        uint8_t buffer[BROKER_FULL_TOPIC_MAX];
        const TakeParams *p = params;
        CommandOffer offer = {
                .topic = p->topic,
                .tokens = broker_tokens(&p->tokens, memory),
                .share_name = p->share_name,
        };
        const AccessRule *rule;
        aio_error error;
        az_span filter;
        int r;

        r = broker_commands_prepare(c, call);
        if (r != 0)
                return MIN(r, 0);
        /* It could be given a request that nobody would ever hear of. */
        if (ipc_call_is_oneway(call))
                return ipc_call_error_invalid_parameter(call, "oneway");
        if (!broker_make_topic(c, offer.topic, offer.tokens, true, AZ_SPAN_FROM_BUFFER(buffer), &filter,
                               &error))
                return broker_reply_failed(call, &error);
        rule = broker_find_denial(c, ipc_call_get_connection(call), ACCESS_BROKER_SERVE, filter);
        if (rule)
                return broker_refuse_topic(c, call, rule, filter);
        return take(c, call, &offer, (uint64_t) p->timeout_s * USEC_PER_SEC);
}

/* Settle ----------------------------------------------------------------------------------------------- */

/* What is answered in place of a response that is not usable. */
#define UNUSABLE "The program's answer is not usable"

static aio_response make_response(const SettleParams *p, const BrokerContent *content) {
        aio_response response = {
                .payload = content->payload,
                .user_properties = content->user_properties,
                .n_user_properties = content->n_user_properties,
                .cloud_event = content->has_cloud_event ? &content->cloud_event : NULL,
                .content_type = content->content_type,
                .has_payload_format = true,
                .payload_format = content->payload_format,
        };

        if (p->application_error) {
                response.application_error_code = p->application_error->code;
                response.application_error_payload = p->application_error->payload;
        }
        return response;
}

/* Answers the request. Conditions are those of command_taker_settle(). */
static int settle(BrokerCommands *c, IpcCall *call, az_span id_text, const aio_response *response,
                  az_span failure, aio_error *ret_error) {
        uint64_t id = 0;
        Worker *worker;
        int r;

        r = worker_get(c, call, &worker);
        if (r < 0)
                return r;
        if (az_result_failed(az_span_atou64(id_text, &id)))
                id = 0; /* of none */
        r = command_taker_settle(worker->taker, id, response, failure, broker_link_time(), ret_error);
        c->counts.n_answered += r != COMMAND_GONE;
        return r;
}

int broker_commands_settle(BrokerCommands *c, IpcCall *call, const void *params) {
        _cleanup_(broker_content_done) BrokerContent content = {};
        const SettleParams *p = params;
        bool has_failed = !ipc_is_absent(p->failure);
        aio_response response;
        BrokerProblem problem;
        aio_error error;
        int wrong, r;

        r = broker_commands_prepare(c, call);
        if (r != 0)
                return MIN(r, 0);
        wrong = broker_content_make(p->response, &content, &problem);
        if (wrong < 0)
                return wrong;
        response = make_response(p, &content);
        r = settle(c, call, p->id, has_failed || wrong ? NULL : &response,
                   wrong ? AZ_SPAN_FROM_STR(UNUSABLE) : p->failure, &error);
        if (r < 0)
                return r;
        if (r == COMMAND_GONE)
                return ipc_call_error_string(call, ERROR_NAME("RequestGone"), "id", p->id);
        if (wrong)
                return broker_reply_problem(call, wrong, &problem);
        return r == COMMAND_INVALID ? broker_reply_failed(call, &error) : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

void broker_commands_update_access(BrokerCommands *c, IpcConnection *connection, bool may_serve) {
        Worker *worker = ipc_connection_get_data(connection, WORKER_KEY);
        const AccessRule *rule;
        az_span filter;

        if (!worker)
                return;
        if (may_serve) {
                filter = command_taker_get_filter(worker->taker);
                rule = az_span_size(filter) > 0
                               ? broker_find_denial(c, connection, ACCESS_BROKER_SERVE, filter)
                               : NULL;
                if (!rule)
                        return;
                if (worker->take) {
                        command_taker_cancel(worker->taker);
                        (void) broker_refuse_topic(c, TAKE_PTR(worker->take), rule,
                                                   filter); /* else it is closed */
                }
        }
        (void) ipc_connection_set_data(connection, WORKER_KEY, NULL, NULL);
}

/* Tables ----------------------------------------------------------------------------------------------- */

static const IpcField take_fields[] = {
        { "topic", IPC_FIELD_STRING, offsetof(TakeParams, topic), .min = 1, .max = BROKER_TOPIC_MAX },
        { "tokens", IPC_FIELD_MAP, offsetof(TakeParams, tokens), IPC_FIELD_NULLABLE },
        { "shareName", IPC_FIELD_STRING, offsetof(TakeParams, share_name), IPC_FIELD_NULLABLE, .min = 1,
          .max = BROKER_TOPIC_MAX },
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(TakeParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = TAKE_TIMEOUT_MAX_S, .absent = TAKE_TIMEOUT_DEFAULT_S },
};
static const IpcField application_error_fields[] = {
        { "code", IPC_FIELD_STRING, offsetof(ApplicationError, code), .min = 1, .max = FAILURE_MAX },
        { "payload", IPC_FIELD_STRING, offsetof(ApplicationError, payload), IPC_FIELD_NULLABLE,
          .max = FAILURE_MAX },
};
static const IpcStruct application_error_struct = IPC_STRUCT(ApplicationError, application_error_fields);
static const IpcField settle_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(SettleParams, id), .max = 20 },
        { "response", IPC_FIELD_OPTIONAL, offsetof(SettleParams, response), IPC_FIELD_NULLABLE,
          .type = &broker_message_struct },
        { "applicationError", IPC_FIELD_OPTIONAL, offsetof(SettleParams, application_error),
          IPC_FIELD_NULLABLE, .type = &application_error_struct },
        { "failure", IPC_FIELD_STRING, offsetof(SettleParams, failure), IPC_FIELD_NULLABLE,
          .max = FAILURE_MAX },
};

const IpcStruct broker_take_struct = IPC_STRUCT(TakeParams, take_fields);
const IpcStruct broker_settle_struct = IPC_STRUCT(SettleParams, settle_fields);
