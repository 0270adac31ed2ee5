/* SPDX-License-Identifier: MIT */

#include "daemon/device-internal.h"
#include "daemon/enrollment.h"
#include "daemon/explain.h"

int device_explain(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Device *d = userdata;
        LinkStatus status;
        Explanation explanation = {
                .status = &status,
                .record = hub_link_get_record(d->link),
                .provisioning = enrollment_is_configured(d->config) ? d->config->provisioning.endpoint : NULL,
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };

        hub_link_get_status(d->link, &status);
        explain_write(&json, &explanation);
        return ipc_call_reply_json(call, &json);
}
