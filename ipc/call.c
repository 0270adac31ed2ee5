/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <limits.h>

#include "ipc/connection.h"

/* A reply waits in its call until the calls before it have theirs, then goes to the stream. */

/* Calls kept for reuse, so that an ordinary call allocates nothing. */
#define N_UNUSED_MAX 64U

/* "FILE:LINE", of a path as long as there may be. */
#define SOURCE_SIZE (PATH_MAX + 16)

int call_new(IpcConnection *c, const IpcWireCall *wire, unsigned flags, IpcCall **ret) {
        IpcServer *server = c->server;
        IpcCall *call = server->unused_calls;

        if (call) {
                server->unused_calls = call->next;
                server->n_unused_calls--;
        } else {
                call = malloc(sizeof(*call));
                if (!call)
                        return -ENOMEM;
        }
        *call = (IpcCall){
                .connection = c,
                .more = wire->more && flags & (IPC_METHOD_MORE | IPC_METHOD_MORE_ONLY),
                .oneway = wire->oneway,
                .takes = flags & IPC_METHOD_PARK,
        };

        if (c->last_call)
                c->last_call->next = call;
        else
                c->first_call = call;
        c->last_call = call;
        c->n_calls++;

        *ret = call;
        return 0;
}

static void call_free(IpcCall *call) {
        IpcServer *server = call->connection->server;

        ipc_buffer_done(&call->replies);
        if (server->n_unused_calls == N_UNUSED_MAX) {
                free(call);
                return;
        }

        call->next = server->unused_calls;
        server->unused_calls = call;
        server->n_unused_calls++;
}

void server_free_calls(IpcServer *server) {
        while (server->unused_calls) {
                IpcCall *call = server->unused_calls;

                server->unused_calls = call->next;
                free(call);
        }
        server->n_unused_calls = 0;
}

/* The replies that waited in the oldest call go to the stream. */
static int connection_flush_call(IpcConnection *c, IpcCall *call) {
        size_t size = ipc_buffer_size(&call->replies);
        uint8_t *to;

        if (size == 0)
                return 0;

        to = ipc_stream_reserve(&c->stream, size);
        if (!to)
                return -ENOMEM;

        memcpy(to, call->replies.data + call->replies.begin, size);
        ipc_stream_commit(&c->stream, size);
        ipc_buffer_done(&call->replies);
        c->n_reply_bytes -= size;
        return 0;
}

/* Lets go the answered calls at the front of the queue, and the replies of the first one that is not. */
static int connection_advance(IpcConnection *c) {
        int r = 0;

        while (c->first_call) {
                IpcCall *call = c->first_call;

                if (c->state != IPC_CONNECTION_CLOSED) {
                        r = connection_flush_call(c, call);
                        if (r < 0)
                                connection_fail(c, IPC_NOTICE_FAILED, r);
                }
                if (call->state != IPC_CALL_ANSWERED)
                        break;

                c->first_call = call->next;
                if (!c->first_call)
                        c->last_call = NULL;
                c->n_calls--;
                call_free(call);
        }
        return r;
}

static int call_finish(IpcCall *call) {
        IpcConnection *c = call->connection;

        call->state = IPC_CALL_ANSWERED;
        call->on_gone = NULL;
        if (c->current == call)
                c->current = NULL;
        if (c->parked == call)
                c->parked = NULL;

        connection_wake(c);
        return connection_advance(c);
}

/* Tells its owner, who must not use it any more. */
static void call_take_back(IpcCall *call) {
        void (*on_gone)(IpcCall * call, void *userdata) = call->on_gone;

        call->on_gone = NULL;
        if (on_gone)
                on_gone(call, call->userdata);
}

void call_abandon(IpcCall *call) {
        call_take_back(call);
        (void) call_finish(call);
}

int call_refuse_memory(IpcCall *call) {
        IpcConnection *c = call->connection;
        const char *error = c->server->config.error_out_of_memory;

        if (!error)
                return -ENOMEM;

        server_notice(c->server, IPC_NOTICE_OUT_OF_MEMORY, &c->peer, 0, NULL);
        call_take_back(call);
        return ipc_call_error(call, error, AZ_SPAN_EMPTY);
}

int call_revoke(IpcCall *call, unsigned missing) {
        call_take_back(call);
        return ipc_call_error_denied(call, missing);
}

/* Where a reply of 'size' bytes goes. */
static uint8_t *call_reserve(IpcCall *call, size_t size) {
        IpcConnection *c = call->connection;

        if (c->first_call == call)
                return ipc_stream_reserve(&c->stream, size);

        return ipc_buffer_reserve(&call->replies, size);
}

static void call_commit(IpcCall *call, size_t size) {
        IpcConnection *c = call->connection;

        if (c->first_call == call) {
                ipc_stream_commit(&c->stream, size);
        } else {
                ipc_buffer_commit(&call->replies, size);
                c->n_reply_bytes += size;
        }
}

static int call_put_reply(IpcCall *call, const char *error, bool continues, az_span parameters) {
        IpcConnection *c = call->connection;
        size_t size;
        uint8_t *to;

        if (call->oneway || c->state >= IPC_CONNECTION_UNHEARD)
                return 0;

        size = ipc_wire_format_reply(NULL, error, continues, parameters);
        if (ipc_connection_get_unsent(c) + size > c->server->config.limits.output_max) {
                connection_fail(c, IPC_NOTICE_SLOW, 0);
                return 0;
        }

        to = call_reserve(call, size);
        if (!to) {
                connection_fail(c, IPC_NOTICE_FAILED, -ENOMEM);
                return -ENOMEM;
        }

        (void) ipc_wire_format_reply(to, error, continues, parameters);
        call_commit(call, size);
        return 0;
}

static int call_answer(IpcCall *call, const char *error, az_span parameters) {
        int r, q;

        assert(call->state == IPC_CALL_WAITING);

        r = call_put_reply(call, error, false, parameters);
        q = call_finish(call);
        return r < 0 ? r : q;
}

/* JSON that could not be built is a reply that cannot be given. */
static int call_answer_json(IpcCall *call, const char *error, const IpcJson *json) {
        az_span parameters;
        int r;

        r = ipc_json_get(json, &parameters);
        if (r < 0) {
                connection_fail(call->connection, IPC_NOTICE_FAILED, r);
                (void) call_finish(call);
                return r;
        }

        return call_answer(call, error, parameters);
}

int ipc_call_reply(IpcCall *call, az_span parameters) {
        return call_answer(call, NULL, parameters);
}

int ipc_call_reply_json(IpcCall *call, const IpcJson *parameters) {
        return call_answer_json(call, NULL, parameters);
}

int ipc_call_error(IpcCall *call, const char *name, az_span parameters) {
        return call_answer(call, name, parameters);
}

int ipc_call_error_json(IpcCall *call, const char *name, const IpcJson *parameters) {
        return call_answer_json(call, name, parameters);
}

int ipc_call_error_string(IpcCall *call, const char *name, const char *field, az_span value) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, field, value);
        ipc_json_end(&json);
        return ipc_call_error_json(call, name, &json);
}

int ipc_call_error_cstring(IpcCall *call, const char *name, const char *field, const char *value) {
        return ipc_call_error_string(call, name, field, az_span_create_from_str((char *) value));
}

int ipc_call_error_int(IpcCall *call, const char *name, const char *field, int64_t value) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, field, value);
        ipc_json_end(&json);
        return ipc_call_error_json(call, name, &json);
}

int ipc_call_error_invalid_parameter(IpcCall *call, const char *parameter) {
        return ipc_call_error_cstring(call, "org.varlink.service.InvalidParameter", "parameter", parameter);
}

int ipc_call_error_denied(IpcCall *call, unsigned missing) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        IpcServer *server = call->connection->server;
        const IpcPeer *peer = &call->connection->peer;
        const char *grant = ipc_grant_to_string(missing), *source = NULL;
        char buffer[SOURCE_SIZE];

        server_notice(server, IPC_NOTICE_DENIED, peer, 0, grant);
        if (server->config.policy_source)
                source = server->config.policy_source(peer, buffer, sizeof(buffer), server->config.userdata);
        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "grant", grant);
        if (source)
                ipc_json_cstring(&json, "rule", source);
        ipc_json_end(&json);
        return ipc_call_error_json(call, "org.varlink.service.PermissionDenied", &json);
}

int ipc_call_reply_continues(IpcCall *call, az_span parameters) {
        assert(call->state == IPC_CALL_WAITING && call->more);

        connection_wake(call->connection);
        return call_put_reply(call, NULL, true, parameters);
}

int ipc_call_reply_continues_json(IpcCall *call, const IpcJson *parameters) {
        az_span text;
        int r;

        r = ipc_json_get(parameters, &text);
        if (r < 0) {
                connection_fail(call->connection, IPC_NOTICE_FAILED, r);
                return r;
        }

        return ipc_call_reply_continues(call, text);
}

bool ipc_call_wants_more(const IpcCall *call) {
        return call->more;
}

bool ipc_call_is_oneway(const IpcCall *call) {
        return call->oneway;
}

void ipc_call_set_on_gone(IpcCall *call, void (*on_gone)(IpcCall *call, void *userdata), void *userdata) {
        call->on_gone = on_gone;
        call->userdata = userdata;
}

IpcServer *ipc_call_get_server(const IpcCall *call) {
        return call->connection->server;
}

IpcConnection *ipc_call_get_connection(const IpcCall *call) {
        return call->connection;
}
