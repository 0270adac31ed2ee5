/* SPDX-License-Identifier: MIT */
#include "ipc/connection.h"
#include "ipc/interfaces.h"

/* org.varlink.service: the server describes itself. Its userdata is the server. */

static int service_get_info(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const IpcServer *server = userdata;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "vendor", server->config.vendor ?: "");
        ipc_json_cstring(&json, "product", server->config.product ?: "");
        ipc_json_cstring(&json, "version", server->config.version ?: "");
        ipc_json_cstring(&json, "url", server->config.url ?: "");
        ipc_json_begin_array(&json, "interfaces");
        for (size_t i = 0; i < server->n_interfaces; i++)
                ipc_json_cstring(&json, NULL, server->interfaces[i].interface->name);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

typedef struct DescriptionParams {
        az_span interface;
} DescriptionParams;

static const IpcField description_fields[] = {
        { "interface", IPC_FIELD_STRING, offsetof(DescriptionParams, interface) },
};
static const IpcStruct description_params = IPC_STRUCT(DescriptionParams, description_fields);

static int service_get_interface_description(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const DescriptionParams *p = params;
        const IpcServerInterface *found = server_find_interface(userdata, p->interface);

        if (!found)
                return ipc_call_error_string(call, "org.varlink.service.InterfaceNotFound", "interface",
                                             p->interface);

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "description", found->interface->description);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static const IpcMethod service_methods[] = {
        { "GetInfo", 0, 0, NULL, service_get_info },
        { "GetInterfaceDescription", 0, 0, &description_params, service_get_interface_description },
};

const IpcInterface ipc_service_interface = {
        .name = "org.varlink.service",
        .description = org_varlink_service_varlink,
        .methods = service_methods,
        .n_methods = ELEMENTSOF(service_methods),
};
