/* SPDX-License-Identifier: MIT */

#include "daemon/broker-commands-internal.h"

/* The protocol's own. */
#define INVOKE_TIMEOUT_DEFAULT_S 10
#define INVOKE_TIMEOUT_MAX_S     3600

/* A call of Invoke. */
typedef struct Errand {
        IpcCall *call; /* NULL: it was answered */
        CommandInvocation *invocation;
        bool is_beginning; /* Invoke has not returned yet, and frees it */
} Errand;

typedef struct InvokeParams {
        az_span topic;
        IpcMap tokens;
        az_span response_topic;
        const BrokerMessage *request;
        int64_t timeout_s;
} InvokeParams;

/* Errors ----------------------------------------------------------------------------------------------- */

/* In the order of aio_error_kind. */
static const char *const kinds[] = {
        "none",
        "missingHeader",
        "invalidHeader",
        "invalidPayload",
        "timeout",
        "cancellation",
        "invalidConfiguration",
        "invalidState",
        "internalLogicError",
        "unknownError",
        "executionError",
        "mqttError",
        "unsupportedVersion",
};
_Static_assert(ELEMENTSOF(kinds) == _AIO_ERROR_KIND_MAX, "each kind has a word");

void broker_write_text(IpcJson *json, const char *name, az_span text) {
        if (!ipc_is_absent(text))
                ipc_json_string(json, name, text);
}

int broker_reply_failed(IpcCall *call, const aio_error *e) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "kind", kinds[e->kind]);
        broker_write_text(&json, "message", e->message);
        ipc_json_bool(&json, "isShallow", e->is_shallow);
        ipc_json_bool(&json, "isRemote", e->is_remote);
        broker_write_text(&json, "commandName", e->command_name);
        broker_write_text(&json, "propertyName", e->property_name);
        broker_write_text(&json, "propertyValue", e->property_value);
        broker_write_text(&json, "protocolVersion", e->protocol_version);
        broker_write_text(&json, "supportedMajorVersions", e->supported_majors);
        if (e->mqtt_reason > 0)
                ipc_json_int(&json, "reasonCode", e->mqtt_reason);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("CommandFailed"), &json);
}

int broker_reply_problem(IpcCall *call, int r, const BrokerProblem *problem) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (r == BROKER_TOO_LARGE)
                return ipc_call_error_int(call, ERROR_NAME("MessageTooLarge"), "limitBytes",
                                          BROKER_PAYLOAD_MAX);
        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "field", problem->field);
        ipc_json_cstring(&json, "reason", problem->reason);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("InvalidMessage"), &json);
}

/* To programs ------------------------------------------------------------------------------------------ */

static void on_pump(void *userdata) {
        BrokerCommands *c = userdata;

        broker_link_pump(c->link);
}

static void on_carry(void *userdata, const aio_event *wish) {
        BrokerCommands *c = userdata;

        broker_link_carry(c->link, wish);
}

static void write_response(IpcJson *json, const aio_received *received) {
        az_span code, payload;

        ipc_json_begin(json, "response");
        broker_received_write(json, received);
        if (az_result_succeeded(aio_metadata_find(
                    &received->message, AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_CODE), &code))) {
                ipc_json_begin(json, "applicationError");
                ipc_json_string(json, "code", code);
                if (az_result_succeeded(aio_metadata_find(
                            &received->message, AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_PAYLOAD),
                            &payload)))
                        ipc_json_string(json, "payload", payload);
                ipc_json_end(json);
        }
        ipc_json_end(json);
}

static void on_done(void *userdata, void *invocation_userdata, const aio_error *error,
                    const aio_received *received) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Errand *errand = invocation_userdata;
        BrokerCommands *c = userdata;
        IpcCall *call = TAKE_PTR(errand->call);

        if (!errand->is_beginning)
                free(errand);
        if (error->kind != AIO_ERROR_NONE) {
                c->counts.n_invoked_failed++;
                (void) broker_reply_failed(call, error);
                return;
        }
        ipc_json_begin(&json, NULL);
        write_response(&json, received);
        ipc_json_end(&json);
        (void) ipc_call_reply_json(call, &json);
}

static const CommandCallerOps caller_ops = { .pump = on_pump, .carry = on_carry, .done = on_done };

/* Life ------------------------------------------------------------------------------------------------- */

int broker_commands_new(BrokerCommands **ret, BrokerLink *link, const BrokerCommandsParts *parts) {
        _cleanup_(broker_commands_freep) BrokerCommands *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (BrokerCommands){
                .link = link,
                .access = parts->access,
                .clients = parts->clients,
                .log = parts->clients->log,
        };
        r = broker_commands_open_file(c, parts->disk, parts->state_dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

BrokerCommands *broker_commands_free(BrokerCommands *c) {
        if (!c)
                return NULL;

        broker_commands_close_file(c);
        c->caller = command_caller_free(c->caller);
        c->server = command_server_free(c->server);
        free(c);
        return NULL;
}

/* Makes server and caller, if there is a client. */
static int make_parts(BrokerCommands *c) {
        aio_client *client = broker_link_get_client(c->link);
        az_span name;
        int r;

        if (!client || c->caller)
                return 0;
        name = broker_link_get_namespace(c->link);
        if (!c->server) {
                r = command_server_new(&c->server, client, name, &broker_server_ops, c);
                if (r < 0)
                        return r;
                broker_commands_restore(c);
        }
        return command_caller_new(&c->caller, client, name, &caller_ops, c);
}

int broker_commands_prepare(BrokerCommands *c, IpcCall *call) {
        int r;

        r = make_parts(c);
        if (r < 0 || c->caller)
                return r;
        r = ipc_call_error(call, ERROR_NAME("NoBroker"), AZ_SPAN_EMPTY);
        return r < 0 ? r : BROKER_ANSWERED;
}

void broker_commands_event(BrokerCommands *c, const aio_event *event) {
        bool is_of_invoker = event->type == AIO_EVENT_RESPONSE ||
                             ((event->type == AIO_EVENT_STARTED || event->type == AIO_EVENT_STOPPED) &&
                              event->as.endpoint.endpoint->kind == AIO_ENDPOINT_COMMAND_INVOKER);

        c->counts.n_requests += event->type == AIO_EVENT_REQUEST;
        if (is_of_invoker)
                command_caller_on_event(c->caller, event, broker_link_time());
        else
                command_server_on_event(c->server, event);
}

void broker_commands_get_counts(const BrokerCommands *c, BrokerCommandsCounts *ret) {
        *ret = c->counts;
        if (c->caller)
                ret->n_invocations = command_caller_count(c->caller);
        if (c->server) {
                ret->n_waiting = command_server_count_requests(c->server);
                ret->n_services = command_server_count_services(c->server);
        }
}

uint64_t broker_commands_deadline_us(const BrokerCommands *c) {
        return c->caller ? MIN(command_caller_deadline_us(c->caller), command_server_deadline_us(c->server))
                         : UINT64_MAX;
}

void broker_commands_run_due(BrokerCommands *c, uint64_t now_us) {
        aio_time time = broker_link_time();

        if (make_parts(c) < 0 || !c->caller)
                return; /* it is tried again */
        command_caller_run_due(c->caller, time);
        command_server_run_due(c->server, time);
}

/* Access ----------------------------------------------------------------------------------------------- */

int broker_refuse_topic(BrokerCommands *c, IpcCall *call, const AccessRule *rule, az_span topic) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char place[ACCESS_PLACE_SIZE];

        (void) access_rule_place(rule, place);
        client_log_refusal(c->clients, ipc_connection_get_peer(ipc_call_get_connection(call)), boottime_us(),
                           "the rule at %s does not let it use topic '%.*s'", place, az_span_size(topic),
                           (const char *) az_span_ptr(topic));
        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "topic", topic);
        ipc_json_cstring(&json, "rule", place);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("TopicDenied"), &json);
}

const AccessRule *broker_find_denial(const BrokerCommands *c, IpcConnection *connection, AccessUse use,
                                     az_span filter) {
        return access_find_denial(c->access, ipc_connection_get_peer(connection), use, filter);
}

bool broker_make_topic(const BrokerCommands *c, az_span pattern_text, aio_topic_tokens tokens, bool is_filter,
                       az_span buffer, az_span *ret, aio_error *ret_error) {
        aio_topic_pattern pattern;

        if (az_result_failed(aio_topic_pattern_init(
                    &pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_REQUEST_TOPIC_PATTERN), pattern_text,
                    command_server_get_namespace(c->server), tokens, ret_error)))
                return false;
        return az_result_succeeded(
                is_filter ? aio_topic_pattern_filter(&pattern, AZ_SPAN_EMPTY, buffer, ret, ret_error)
                          : aio_topic_pattern_resolve(&pattern, tokens, buffer, ret, ret_error));
}

/* Invoke ----------------------------------------------------------------------------------------------- */

static void errand_gone(IpcCall *call, void *userdata) {
        Errand *errand = userdata;

        command_invocation_cancel(errand->invocation);
        free(errand);
}

static int invoke(BrokerCommands *c, IpcCall *call, const InvokeParams *p, aio_topic_tokens tokens,
                  const BrokerContent *content) {
        uid_t uid = ipc_connection_get_peer(ipc_call_get_connection(call))->uid;
        aio_request request = {
                .payload = content->payload,
                .tokens = tokens,
                .user_properties = content->user_properties,
                .n_user_properties = content->n_user_properties,
                .cloud_event = content->has_cloud_event ? &content->cloud_event : NULL,
                .content_type = content->content_type,
                .has_payload_format = true,
                .payload_format = content->payload_format,
                .has_timeout = true,
                .timeout_us = (uint64_t) p->timeout_s * USEC_PER_SEC,
        };
        aio_error error;
        Errand *errand;
        int r;

        errand = malloc(sizeof(*errand));
        if (!errand)
                return -ENOMEM;
        *errand = (Errand){ .call = call, .is_beginning = true };

        r = command_caller_invoke(c->caller, p->topic, p->response_topic, &request, uid, errand,
                                  broker_link_time(), &errand->invocation, &error);
        if (r == 0 && errand->call) {
                errand->is_beginning = false;
                ipc_call_set_on_gone(call, errand_gone, errand);
                return IPC_DEFERRED;
        }
        free(errand);
        if (r == COMMAND_CALL_TOO_MANY)
                return ipc_call_error_int(call, ERROR_NAME("TooManyInvocations"), "limit",
                                          IPC_ERRANDS_PER_UID);
        return r == COMMAND_CALL_INVALID ? broker_reply_failed(call, &error) : MIN(r, 0);
}

/*
 * Finds what the rules of a caller forbid of an invocation: the topic of the request, or where the response
 * is subscribed to, which an executor publishes to. 'ret_topic' lies in 'buffer'. False: a topic is none.
 */
static bool find_invoke_denial(const BrokerCommands *c, IpcCall *call, const InvokeParams *p,
                               aio_topic_tokens tokens, az_span buffer, const AccessRule **ret,
                               az_span *ret_topic, aio_error *ret_error) {
        IpcConnection *connection = ipc_call_get_connection(call);

        if (!broker_make_topic(c, p->topic, tokens, false, buffer, ret_topic, ret_error))
                return false;
        *ret = broker_find_denial(c, connection, ACCESS_BROKER_INVOKE, *ret_topic);
        if (*ret || az_span_size(p->response_topic) == 0)
                return true;
        if (!broker_make_topic(c, p->response_topic, (aio_topic_tokens){}, true, buffer, ret_topic,
                               ret_error))
                return false;
        *ret = broker_find_denial(c, connection, ACCESS_BROKER_INVOKE, *ret_topic);
        return true;
}

int broker_commands_invoke(BrokerCommands *c, IpcCall *call, const void *params) {
        _cleanup_(broker_content_done) BrokerContent content = {};
        aio_topic_token memory[IPC_MAP_MAX];
        uint8_t buffer[BROKER_FULL_TOPIC_MAX];
        const InvokeParams *p = params;
        aio_topic_tokens tokens = broker_tokens(&p->tokens, memory);
        const AccessRule *rule;
        BrokerProblem problem;
        aio_error error;
        az_span topic;
        int r;

        r = broker_commands_prepare(c, call);
        if (r != 0)
                return MIN(r, 0);
        if (!find_invoke_denial(c, call, p, tokens, AZ_SPAN_FROM_BUFFER(buffer), &rule, &topic, &error))
                return broker_reply_failed(call, &error);
        if (rule)
                return broker_refuse_topic(c, call, rule, topic);
        r = broker_content_make(p->request, &content, &problem);
        if (r > 0)
                return broker_reply_problem(call, r, &problem);
        if (r < 0)
                return r;
        c->counts.n_invoked++;
        return invoke(c, call, p, tokens, &content);
}

/* Tables ----------------------------------------------------------------------------------------------- */

static const IpcField invoke_fields[] = {
        { "topic", IPC_FIELD_STRING, offsetof(InvokeParams, topic), .min = 1, .max = BROKER_TOPIC_MAX },
        { "tokens", IPC_FIELD_MAP, offsetof(InvokeParams, tokens), IPC_FIELD_NULLABLE },
        { "responseTopic", IPC_FIELD_STRING, offsetof(InvokeParams, response_topic), IPC_FIELD_NULLABLE,
          .max = BROKER_TOPIC_MAX },
        { "request", IPC_FIELD_OPTIONAL, offsetof(InvokeParams, request), IPC_FIELD_NULLABLE,
          .type = &broker_message_struct },
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(InvokeParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = INVOKE_TIMEOUT_MAX_S, .absent = INVOKE_TIMEOUT_DEFAULT_S },
};
const IpcStruct broker_invoke_struct = IPC_STRUCT(InvokeParams, invoke_fields);
