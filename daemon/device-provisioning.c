/* SPDX-License-Identifier: MIT */

/* GetProvisioning, Reprovision: what the Device Provisioning Service says of this device. */

#include "daemon/device-internal.h"

#define NOT_PROVISIONED "io.aziotd.device.NotProvisioned"

/* A payload is forwarded as it came, as an object if it is one. */
static int write_payload(IpcJson *json, const char *payload) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        az_span text = az_span_create_from_str((char *) payload);
        int r;

        r = ipc_document_parse(&document, text);
        if (r < 0)
                return r;
        if (r == 0 && document.tokens[0].kind == AZ_JSON_TOKEN_BEGIN_OBJECT)
                ipc_json_raw(json, "payload", text);
        else
                ipc_json_string(json, "payloadText", text);
        return 0;
}

static int write_assignment(IpcJson *json, const Assignment *a) {
        int r = 0;

        ipc_json_begin(json, "assignment");
        ipc_json_cstring(json, "hub", a->hub);
        ipc_json_cstring(json, "deviceId", a->device_id);
        device_write_time(json, "assigned", a->assigned_us);
        if (a->substatus)
                ipc_json_cstring(json, "substatus", a->substatus);
        if (a->payload)
                r = write_payload(json, a->payload);
        ipc_json_end(json);
        return r;
}

static int write_provisioning(IpcJson *json, const HubLinkProvisioning *p) {
        int r = 0;

        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "endpoint", p->endpoint);
        ipc_json_cstring(json, "idScope", p->id_scope);
        if (p->registration_id)
                ipc_json_cstring(json, "registrationId", p->registration_id);
        ipc_json_bool(json, "isRunning", p->is_running);
        ipc_json_int(json, "runs", (int64_t) p->n_runs);
        if (p->last_error)
                ipc_json_cstring(json, "lastError", p->last_error);
        if (p->next_run_us != UINT64_MAX)
                device_write_time(json, "nextRun", realtime_us() + p->next_run_us - boottime_us());
        if (p->assignment)
                r = write_assignment(json, p->assignment);
        ipc_json_end(json);
        return r;
}

int device_get_provisioning(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        HubLinkProvisioning provisioning;
        Device *d = userdata;
        int r;

        if (hub_link_get_provisioning(d->link, &provisioning) != 0)
                return ipc_call_error(call, NOT_PROVISIONED, AZ_SPAN_EMPTY);
        r = write_provisioning(&json, &provisioning);
        if (r < 0)
                return r;
        if (!ipc_call_wants_more(call))
                return ipc_call_reply_json(call, &json);

        device_tell_provisioning(d); /* before it counts as told, the others have to hear it */
        r = ipc_call_reply_continues_json(call, &json);
        d->told_runs = provisioning.n_runs;
        d->told_running = provisioning.is_running;
        return r < 0 ? r : device_watch(&d->provisioning_watchers, call);
}

int device_reprovision(IpcCall *call, const void *params, void *userdata) {
        Device *d = userdata;

        if (hub_link_reprovision(d->link) != 0)
                return ipc_call_error(call, NOT_PROVISIONED, AZ_SPAN_EMPTY);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

void device_tell_provisioning(Device *d) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        HubLinkProvisioning p;

        if (!d->provisioning_watchers || hub_link_get_provisioning(d->link, &p) != 0 ||
            (p.n_runs == d->told_runs && p.is_running == d->told_running))
                return;
        d->told_runs = p.n_runs;
        d->told_running = p.is_running;
        if (write_provisioning(&json, &p) < 0)
                return;
        for (Watcher *w = d->provisioning_watchers; w; w = w->next)
                (void) ipc_call_reply_continues_json(w->call, &json);
}
