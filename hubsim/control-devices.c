/* SPDX-License-Identifier: MIT */

/* Devices: what they are, and what they prove themselves with. */

#include "hubsim/control-internal.h"

typedef struct AddDeviceParams {
        az_span device;
        AttestationParams attestation;
} AddDeviceParams;

static const IpcField add_device_fields[] = {
        CONTROL_DEVICE_FIELD(AddDeviceParams),
        CONTROL_ATTESTATION_FIELDS(AddDeviceParams, attestation),
};
const IpcStruct control_add_device_params = IPC_STRUCT(AddDeviceParams, add_device_fields);

static int add_connection_string(IpcJson *json, const Hub *hub, const Device *device) {
        _cleanup_(freep) char *text = hub_format_connection_string(hub, device);

        if (!text)
                return -ENOMEM;
        ipc_json_cstring(json, "connectionString", text);
        return 0;
}

int control_on_add_device(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const AddDeviceParams *p = params;
        Control *control = userdata;
        const char *wrong;
        Device *device;
        char id[129];
        int r;

        if (!control_get_text(p->device, id, sizeof(id)))
                return ipc_call_error_invalid_parameter(call, "device");
        r = control_make_attestation(&p->attestation, &attestation, &wrong);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, wrong);
        if (r < 0)
                return r;
        r = registry_add_device(control->hub->registry, id, &attestation, &device);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, "device");
        if (r == -EEXIST)
                return control_reply_service_error(call, 409001);
        if (r < 0)
                return r;

        ipc_json_begin(&json, NULL);
        r = add_connection_string(&json, control->hub, device);
        if (r < 0)
                return r;
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static int add_device(IpcJson *json, const Hub *hub, const Device *device) {
        int r;

        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "device", device->id);
        r = add_connection_string(json, hub, device);
        if (r < 0)
                return r;
        control_add_attestation(json, &device->attestation);
        ipc_json_bool(json, "connected", device->session != NULL);
        ipc_json_begin_array(json, "subscriptions");
        for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
                if (device->subscriptions[i])
                        ipc_json_cstring(json, NULL, device->subscriptions[i]);
        ipc_json_end_array(json);
        ipc_json_end(json);
        return 0;
}

int control_on_list_devices(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Control *control = userdata;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "devices");
        for (const Device *d = registry_first(control->hub->registry); d; d = d->next) {
                r = add_device(&json, control->hub, d);
                if (r < 0)
                        return r;
        }
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}
