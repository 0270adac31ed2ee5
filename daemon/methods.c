/* SPDX-License-Identifier: MIT */

#include "daemon/methods.h"

#include <inttypes.h>

#include <azure/core/az_json.h>

#include "daemon/method-router.h"
#include "ipc/interfaces.h"
#include "ipc/rfc3339.h"

#define ERROR_NAME(name) "io.aziotd.methods." name

/* sd-varlink's clients give up after 45 s of silence. */
#define TAKE_TIMEOUT_DEFAULT_S 30
#define TAKE_TIMEOUT_MAX_S     3600

struct Methods {
        HubLink *link;
        const Access *access;
        ClientLog *clients;
        const Log *log;
        MethodRouter *router;
        MethodsCounts counts;
};

/* A connection that takes calls. */
typedef struct Worker {
        MethodTaker *taker;
        IpcCall *take; /* the Take that waits, or NULL */
} Worker;

typedef struct TakeParams {
        IpcStrings names;
        int64_t timeout_s;
} TakeParams;

typedef struct SettleParams {
        az_span id;
        int64_t status;
        az_span payload;
        az_span payload_text;
} SettleParams;

/* To the cloud ---------------------------------------------------------------------------------------- */

static void on_answer(void *userdata, az_span request_id, uint16_t status, az_span payload,
                      uint64_t since_us) {
        Methods *m = userdata;
        int r;

        m->counts.n_answered[status >= 100 && status < 600 ? status / 100U - 1 : METHODS_CLASSES - 1]++;
        if (since_us > 0)
                histogram_add(&m->counts.durations, boottime_us() - since_us);
        r = hub_link_answer_method(m->link, request_id, status, payload);
        if (r < 0)
                log_errno(m->log, MSG_METHOD_UNANSWERED, r,
                          "The answer to a method did not leave: %m, ignoring");
}

#define NAME_SIZE (METHOD_NAME_MAX + 1)

static const char *format_name(char text[static NAME_SIZE], az_span name) {
        (void) snprintf(text, NAME_SIZE, "%.*s", az_span_size(name), (const char *) az_span_ptr(name));
        return text;
}

static void on_timed_out(void *userdata, const MethodCall *call) {
        char text[NAME_SIZE];
        const char *name = format_name(text, call->name);
        Methods *m = userdata;

        (void) log_full(m->log, MSG_METHOD_TIMEOUT, 0, LOG_FACTS(.method = name),
                        "Method '%s' was not answered in time, answering 504", name);
}

static void on_refused(void *userdata, az_span name, unsigned limit) {
        char text[NAME_SIZE];
        const char *method = format_name(text, name);
        Methods *m = userdata;

        (void) log_full(m->log, MSG_METHOD_REFUSED, 0, LOG_FACTS(.method = method),
                        "Method '%s' is called while %u calls wait for programs that are slow, answering 429",
                        method, limit);
}

/* To the worker --------------------------------------------------------------------------------------- */

static bool is_object(az_span json) {
        for (int32_t i = 0; i < az_span_size(json); i++)
                if (!strchr(" \t\r\n", az_span_ptr(json)[i]))
                        return az_span_ptr(json)[i] == '{';
        return false;
}

/* Plug and Play writes a component's command as "component*command". */
static void call_write_name(IpcJson *json, az_span name) {
        int32_t star = az_span_find(name, AZ_SPAN_FROM_STR("*"));

        if (star <= 0) {
                ipc_json_string(json, "name", name);
                return;
        }
        ipc_json_string(json, "name", az_span_slice_to_end(name, star + 1));
        ipc_json_string(json, "component", az_span_slice(name, 0, star));
}

static void call_write(IpcJson *json, const MethodCall *call) {
        char id[24], deadline[RFC3339_SIZE];
        uint64_t now_us = boottime_us();
        uint64_t left_us = call->deadline_us > now_us ? call->deadline_us - now_us : 0;

        (void) snprintf(id, sizeof(id), "%" PRIu64, call->id);

        ipc_json_begin(json, "call");
        ipc_json_cstring(json, "id", id);
        call_write_name(json, call->name);
        if (is_object(call->payload))
                ipc_json_raw(json, "payload", call->payload);
        else if (az_span_size(call->payload) > 0)
                ipc_json_string(json, "payloadText", call->payload);
        ipc_json_cstring(json, "deadline", rfc3339_format(deadline, realtime_us() + left_us));
        ipc_json_end(json);
}

static void on_give(void *userdata, void *taker_userdata, const MethodCall *call) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Worker *worker = taker_userdata;
        IpcCall *take = TAKE_PTR(worker->take);

        ipc_json_begin(&json, NULL);
        if (call)
                call_write(&json, call);
        else
                ipc_json_null(&json, "call");
        ipc_json_end(&json);
        (void) ipc_call_reply_json(take, &json);
}

static const MethodRouterOps router_ops = {
        .answer = on_answer,
        .give = on_give,
        .timed_out = on_timed_out,
        .refused = on_refused,
};

/* Life ------------------------------------------------------------------------------------------------ */

int methods_new(Methods **ret, HubLink *link, const Access *access, ClientLog *clients, uint64_t limit_us) {
        _cleanup_(methods_freep) Methods *m = NULL;
        int r;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (Methods){ .link = link, .access = access, .clients = clients, .log = clients->log };

        r = method_router_new(&m->router, &router_ops, m, limit_us);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

Methods *methods_free(Methods *m) {
        if (!m)
                return NULL;

        m->router = method_router_free(m->router);
        free(m);
        return NULL;
}

void methods_get_counts(const Methods *m, MethodsCounts *ret) {
        *ret = m->counts;
        ret->n_waiting = method_router_count_calls(m->router);
}

void methods_set_limit(Methods *m, uint64_t limit_us) {
        method_router_set_limit(m->router, limit_us);
}

void methods_call(Methods *m, az_span request_id, az_span name, az_span payload) {
        int r;

        if (az_span_size(payload) > 0 && az_result_failed(az_json_validate(payload))) {
                on_answer(m, request_id, 400, AZ_SPAN_FROM_STR("{\"error\":\"the payload is not JSON\"}"), 0);
                return;
        }

        r = method_router_call(m->router, request_id, name, payload, boottime_us());
        if (r < 0)
                log_errno(m->log, MSG_METHOD_UNANSWERED, r,
                          "A method could not be passed on: %m, answered 503");
}

void methods_stop(Methods *m) {
        method_router_stop(m->router);
}

bool methods_is_drained(const Methods *m) {
        return method_router_count_calls(m->router) == 0;
}

void methods_lost(Methods *m) {
        method_router_forget_calls(m->router);
}

uint64_t methods_deadline_us(const Methods *m) {
        return method_router_deadline_us(m->router);
}

void methods_run_due(Methods *m, uint64_t now_us) {
        method_router_run_due(m->router, now_us);
}

/* Methods --------------------------------------------------------------------------------------------- */

static void worker_free(void *userdata) {
        Worker *worker = userdata;

        worker->taker = method_taker_free(worker->taker);
        free(worker);
}

static void worker_freep(Worker **worker) {
        if (*worker)
                worker_free(*worker);
}

static int worker_get(Methods *m, IpcCall *call, Worker **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        _cleanup_(worker_freep) Worker *worker = NULL;
        int r;

        *ret = ipc_connection_get_data(connection, &methods_interface);
        if (*ret)
                return 0;

        worker = malloc(sizeof(*worker));
        if (!worker)
                return -ENOMEM;
        *worker = (Worker){};

        r = method_taker_new(&worker->taker, m->router, ipc_connection_get_peer(connection)->uid, worker);
        if (r < 0)
                return r;
        r = ipc_connection_set_data(connection, &methods_interface, worker, worker_free);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(worker);
        return 0;
}

static void take_gone(IpcCall *call, void *userdata) {
        Worker *worker = userdata;

        worker->take = NULL;
        method_taker_cancel(worker->taker);
}

/* The rule that says which methods the program may serve; NULL: any. */
static const AccessRule *find_rule(const Methods *m, IpcConnection *connection) {
        return access_get_view(m->access, ipc_connection_get_peer(connection)).methods;
}

/* The first of the names that the rule does not allow; empty: there is none. */
static az_span find_forbidden(const AccessRule *rule, const az_span *names, size_t n_names) {
        for (size_t i = 0; i < n_names; i++)
                if (!access_rule_allows_method(rule, names[i]))
                        return names[i];
        return AZ_SPAN_EMPTY;
}

/* The same, of those that are claimed. */
static az_span find_forbidden_claim(const AccessRule *rule, const MethodTaker *taker) {
        size_t n_names;
        const az_span *names = method_taker_names(taker, &n_names);

        return find_forbidden(rule, names, n_names);
}

static int refuse_name(Methods *m, IpcCall *call, const AccessRule *rule, az_span name) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char place[ACCESS_PLACE_SIZE];

        (void) access_rule_place(rule, place);
        client_log_refusal(m->clients, ipc_connection_get_peer(ipc_call_get_connection(call)), boottime_us(),
                           "the rule at %s does not let it serve method '%.*s'", place, az_span_size(name),
                           (const char *) az_span_ptr(name));
        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "name", name);
        ipc_json_cstring(&json, "rule", place);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("NotYourMethod"), &json);
}

void methods_update_access(Methods *m, IpcConnection *connection, bool may_serve) {
        Worker *worker = ipc_connection_get_data(connection, &methods_interface);
        const AccessRule *rule;
        az_span name;

        if (!worker)
                return;
        if (!may_serve) {
                (void) ipc_connection_set_data(connection, &methods_interface, NULL, NULL);
                return;
        }

        rule = find_rule(m, connection);
        while (az_span_size(name = find_forbidden_claim(rule, worker->taker)) > 0) {
                if (worker->take) {
                        method_taker_cancel(worker->taker);
                        (void) refuse_name(m, TAKE_PTR(worker->take), rule, name); /* else it is closed */
                }
                method_taker_give_up(worker->taker, name);
        }
}

static int methods_take(IpcCall *call, const void *params, void *userdata) {
        const TakeParams *p = params;
        Methods *m = userdata;
        az_span claimed, forbidden;
        const AccessRule *rule;
        Worker *worker;
        int r;

        for (size_t i = 0; i < p->names.n_items; i++)
                if (az_span_size(p->names.items[i]) == 0 ||
                    az_span_size(p->names.items[i]) > (int32_t) METHOD_NAME_MAX)
                        return ipc_call_error_invalid_parameter(call, "names");

        /* It could be given a call that nobody would ever hear of. */
        if (ipc_call_is_oneway(call))
                return ipc_call_error_invalid_parameter(call, "oneway");

        rule = find_rule(m, ipc_call_get_connection(call));
        forbidden = find_forbidden(rule, p->names.items, p->names.n_items);
        if (az_span_size(forbidden) > 0)
                return refuse_name(m, call, rule, forbidden);
        r = worker_get(m, call, &worker);
        if (r < 0)
                return r;

        /* The call may be there already, and 'call' answered before this returns. */
        worker->take = call;
        r = method_taker_wait(worker->taker, p->names.items, p->names.n_items,
                              boottime_us() + (uint64_t) p->timeout_s * USEC_PER_SEC, &claimed);
        if (r < 0)
                return r;
        if (r == METHOD_NAME_CLAIMED) {
                worker->take = NULL;
                return ipc_call_error_string(call, ERROR_NAME("NameClaimed"), "name", claimed);
        }
        if (r == METHOD_TOO_MANY) {
                worker->take = NULL;
                return ipc_call_error_int(call, ERROR_NAME("TooManyUnsettled"), "limit",
                                          METHOD_CALLS_PER_TAKER_MAX);
        }
        if (!worker->take)
                return 0;

        ipc_call_set_on_gone(call, take_gone, worker);
        return IPC_DEFERRED;
}

/* What is wrong with an answer, or NULL. */
static const char *answer_check(const SettleParams *p, az_span *ret_payload) {
        if (!ipc_is_absent(p->payload) && !ipc_is_absent(p->payload_text))
                return "only one of 'payload' and 'payloadText' may be set";

        *ret_payload = ipc_is_absent(p->payload) ? p->payload_text : p->payload;
        if (az_span_size(*ret_payload) > (int32_t) METHOD_PAYLOAD_MAX)
                return "the answer is larger than 128 KiB";
        if (!ipc_is_absent(p->payload_text) && az_result_failed(az_json_validate(p->payload_text)))
                return "'payloadText' is not JSON";
        return NULL;
}

static int methods_settle(IpcCall *call, const void *params, void *userdata) {
        const SettleParams *p = params;
        az_span payload = AZ_SPAN_EMPTY;
        const char *wrong;
        uint64_t id = 0;
        Worker *worker;
        int r;

        r = worker_get(userdata, call, &worker);
        if (r < 0)
                return r;

        wrong = answer_check(p, &payload);
        if (az_result_failed(az_span_atou64(p->id, &id)))
                id = 0; /* ours begin at 1 */
        r = method_taker_settle(worker->taker, id, wrong ? 500 : (uint16_t) p->status,
                                wrong ? AZ_SPAN_FROM_STR("{\"error\":\"the program's answer is not usable\"}")
                                      : payload);
        if (r == METHOD_CALL_GONE)
                return ipc_call_error_string(call, ERROR_NAME("CallGone"), "id", p->id);
        if (wrong)
                return ipc_call_error_cstring(call, ERROR_NAME("InvalidAnswer"), "reason", wrong);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static int methods_list(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Methods *m = userdata;
        az_span name;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "names");
        for (size_t i = 0; az_span_size(name = method_router_name(m->router, i)) > 0; i++)
                ipc_json_string(&json, NULL, name);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* Tables ---------------------------------------------------------------------------------------------- */

static const IpcField take_fields[] = {
        { "names", IPC_FIELD_STRINGS, offsetof(TakeParams, names), .min = 1,
          .max = METHOD_NAMES_PER_TAKER_MAX },
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(TakeParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = TAKE_TIMEOUT_MAX_S, .absent = TAKE_TIMEOUT_DEFAULT_S },
};
static const IpcField settle_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(SettleParams, id), .max = 20 },
        { "status", IPC_FIELD_INT, offsetof(SettleParams, status), .min = 0, .max = UINT16_MAX },
        { "payload", IPC_FIELD_OBJECT, offsetof(SettleParams, payload), IPC_FIELD_NULLABLE },
        { "payloadText", IPC_FIELD_STRING, offsetof(SettleParams, payload_text), IPC_FIELD_NULLABLE },
};

static const IpcStruct take_struct = IPC_STRUCT(TakeParams, take_fields);
static const IpcStruct settle_struct = IPC_STRUCT(SettleParams, settle_fields);

static const IpcMethod methods[] = {
        { "Take", IPC_GRANT_SERVE, IPC_METHOD_PARK, &take_struct, methods_take },
        { "Settle", IPC_GRANT_SERVE, 0, &settle_struct, methods_settle },
        { "List", IPC_GRANT_READ, 0, NULL, methods_list },
};

const IpcInterface methods_interface = {
        .name = "io.aziotd.methods",
        .description = io_aziotd_methods_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
