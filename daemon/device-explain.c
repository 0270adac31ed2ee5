/* SPDX-License-Identifier: MIT */

#include "daemon/device-internal.h"
#include "daemon/enrollment.h"
#include "daemon/explain.h"

static void write_hub(IpcJson *json, const Device *d) {
        LinkStatus status;
        Explanation explanation = {
                .status = &status,
                .record = hub_link_get_record(d->link),
                .service = CLOUD_HUB,
                .is_none = !device_has_hub(d),
                .provisioning = enrollment_is_configured(d->config) ? d->config->provisioning.endpoint : NULL,
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };

        hub_link_get_status(d->link, &status);
        explain_write(json, &explanation);
        if (explanation.is_none)
                ipc_json_bool(json, "noHub", true);
}

static void write_broker(IpcJson *json, const Device *d) {
        BrokerLink *link = broker_get_link(d->broker);
        LinkStatus status;
        Explanation explanation = {
                .status = &status,
                .service = CLOUD_BROKER,
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };

        if (!broker_is_configured(d->broker))
                return;
        explanation.record = broker_link_get_record(link);
        broker_link_get_status(link, &status);
        ipc_json_begin(json, "broker");
        explain_write(json, &explanation);
        ipc_json_end(json);
}

int device_explain(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        write_hub(&json, userdata);
        write_broker(&json, userdata);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}
