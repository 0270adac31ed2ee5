/* SPDX-License-Identifier: MIT */

#include "daemon/device.h"

#include "daemon/rfc3339.h"
#include "ipc/interfaces.h"

static void write_time(IpcJson *json, const char *name, uint64_t realtime) {
        char text[RFC3339_SIZE];

        ipc_json_cstring(json, name, rfc3339_format(text, realtime));
}

static void write_link(IpcJson *json, const HubLinkStatus *status) {
        uint64_t now_us = boottime_us();

        ipc_json_begin(json, "link");
        ipc_json_cstring(json, "state", hub_link_state_to_string(status->state));
        /* Reckoned from now, because the wall clock may have been set since then. */
        write_time(json, "since", realtime_us() - (now_us - status->since_us));
        if (status->host)
                ipc_json_cstring(json, "hub", status->host);
        if (status->last_error)
                ipc_json_cstring(json, "lastError", status->last_error);
        if (status->next_attempt_us != UINT64_MAX)
                write_time(json, "nextAttempt",
                           realtime_us() + MAX(status->next_attempt_us, now_us) - now_us);
        ipc_json_end(json);
}

static void write_outbox(IpcJson *json, const OutboxStats *stats) {
        uint64_t n_dropped = 0;

        for (size_t i = 0; i < ELEMENTSOF(stats->n_dropped); i++)
                n_dropped += stats->n_dropped[i];

        ipc_json_begin(json, "outbox");
        ipc_json_int(json, "messages", (int64_t) stats->messages);
        ipc_json_int(json, "bytes", (int64_t) stats->bytes);
        ipc_json_int(json, "capacityBytes", (int64_t) stats->capacity_bytes);
        if (stats->oldest_realtime_us > 0)
                write_time(json, "oldest", stats->oldest_realtime_us);
        ipc_json_int(json, "dropped", (int64_t) n_dropped);
        ipc_json_end(json);
}

static int device_get_status(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Device *device = userdata;
        HubLinkStatus status;
        OutboxStats stats;

        hub_link_get_status(device->link, &status);
        outbox_get_stats(device->outbox, &stats);

        ipc_json_begin(&json, NULL);
        if (status.device_id)
                ipc_json_cstring(&json, "deviceId", status.device_id);
        if (status.module_id)
                ipc_json_cstring(&json, "moduleId", status.module_id);
        if (device->config->hub.model_id)
                ipc_json_cstring(&json, "modelId", device->config->hub.model_id);
        write_link(&json, &status);
        write_outbox(&json, &stats);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static const IpcMethod methods[] = {
        { "GetStatus", IPC_GRANT_READ, 0, NULL, device_get_status },
};

const IpcInterface device_interface = {
        .name = "io.aziotd.device",
        .description = io_aziotd_device_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
