/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "ipc/connection.h"

static const IpcStruct no_params = { .n_fields = 0 };

/* "io.example.ftl.Jump" is the method Jump of io.example.ftl; without a '.' the interface is empty. */
static void method_split(az_span full, az_span *ret_interface, az_span *ret_name) {
        uint8_t *begin = az_span_ptr(full), *dot = memrchr(begin, '.', (size_t) az_span_size(full));

        *ret_interface = az_span_slice(full, 0, dot ? (int32_t) (dot - begin) : 0);
        *ret_name = az_span_slice_to_end(full, dot ? (int32_t) (dot - begin) + 1 : 0);
}

static const IpcMethod *interface_find_method(const IpcInterface *interface, az_span name) {
        for (size_t i = 0; i < interface->n_methods; i++)
                if (az_span_is_content_equal(name,
                                             az_span_create_from_str((char *) interface->methods[i].name)))
                        return interface->methods + i;
        return NULL;
}

static int call_refuse_taker(IpcCall *call, const IpcInterface *interface, const IpcMethod *method) {
        IpcConnection *c = call->connection;
        char error[256];

        server_notice(c->server, IPC_NOTICE_TOO_MANY_TAKERS, &c->peer, 0, method->name);
        (void) snprintf(error, sizeof(error), "%s.TooManyTakers", interface->name);
        return ipc_call_error_int(call, error, "limit", c->server->config.limits.n_parked_per_uid);
}

/* Decodes the parameters and runs the handler. */
static int call_run(IpcCall *call, const IpcServerInterface *interface, const IpcMethod *method,
                    uint32_t parameters) {
        IpcDocument *document = &call->connection->server->document;
        const IpcStruct *type = method->params ?: &no_params;
        IpcFieldPath path;
        void *params;
        int r;

        params = ipc_arena_alloc(&document->arena, 1, type->size);
        if (!params)
                return -ENOMEM;

        r = ipc_struct_decode(type, document, parameters, IPC_UNKNOWN_REFUSE, params, &path);
        if (r == IPC_FIELD_INVALID)
                return ipc_call_error_invalid_parameter(call, path.text);
        if (r < 0)
                return r;

        return method->handler(call, params, interface->userdata);
}

static int call_begin(IpcCall *call, const IpcServerInterface *interface, const IpcMethod *method,
                      const IpcWireCall *wire) {
        IpcConnection *c = call->connection;
        const IpcServerConfig *config = &c->server->config;
        unsigned missing = method->grants & ~c->peer.grants;
        const char *error = NULL;

        if (missing != 0)
                return ipc_call_error_denied(call, missing);
        if (config->unavailable)
                error = config->unavailable(interface->interface, config->userdata);
        if (error)
                return ipc_call_error(call, error, AZ_SPAN_EMPTY);
        call->grants = method->grants;
        /* "If the server replies with an error, the connection remains a Varlink connection." */
        if (wire->upgrade)
                return ipc_call_error_invalid_parameter(call, "upgrade");
        if (method->flags & IPC_METHOD_MORE_ONLY && !wire->more)
                return ipc_call_error(call, "org.varlink.service.ExpectedMore", AZ_SPAN_EMPTY);
        if (call->takes &&
            server_count_parked(c->server, c->peer.uid) >= c->server->config.limits.n_parked_per_uid)
                return call_refuse_taker(call, interface->interface, method);

        return call_run(call, interface, method, wire->parameters);
}

/* Begins a call and parks the connection if it is to. */
static int connection_call(IpcConnection *c, const IpcWireCall *wire) {
        const IpcServerInterface *interface;
        const IpcMethod *method = NULL;
        az_span interface_name, name;
        IpcCall *call, *kept;
        int r;

        method_split(wire->method, &interface_name, &name);
        interface = server_find_interface(c->server, interface_name);
        if (interface)
                method = interface_find_method(interface->interface, name);

        r = call_new(c, wire, method ? method->flags : 0, &call);
        if (r < 0)
                return r;

        c->current = call;
        if (!interface)
                r = ipc_call_error_string(call, "org.varlink.service.InterfaceNotFound", "interface",
                                          interface_name);
        else if (!method)
                r = ipc_call_error_string(call, "org.varlink.service.MethodNotFound", "method", wire->method);
        else
                r = call_begin(call, interface, method, wire);

        if (r == -ENOMEM && c->current)
                r = call_refuse_memory(call);

        kept = c->current; /* NULL if it was answered */
        c->current = NULL;
        assert(r != 0 || !kept);
        if (r == IPC_DEFERRED && kept && (kept->more || kept->takes))
                c->parked = kept;
        return MIN(r, 0);
}

int connection_dispatch(IpcConnection *c, az_span message) {
        IpcDocument *document = &c->server->document;
        IpcWireCall wire;
        int r;

        r = ipc_wire_parse_call(document, message, &wire);
        if (r == 0)
                r = connection_call(c, &wire);
        else if (r == -ENOMEM) {
                connection_refuse_memory(c);
                r = 0;
        }
        ipc_document_reset(document);
        if (r == IPC_WIRE_MALFORMED) {
                connection_refuse_input(c);
                return 0;
        }

        return r;
}
