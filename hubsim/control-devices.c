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

static int reply_connection_string(IpcCall *call, const Hub *hub, const Device *device) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        ipc_json_begin(&json, NULL);
        r = add_connection_string(&json, hub, device);
        if (r < 0)
                return r;
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_add_device(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
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
        return reply_connection_string(call, control->hub, device);
}

int control_on_change_device(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        const AddDeviceParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        const char *wrong;
        int r;

        if (!device)
                return control_reply_service_error(call, 404001);
        r = control_make_attestation(&p->attestation, &attestation, &wrong);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, wrong);
        if (r < 0)
                return r;
        r = registry_set_attestation(control->hub->registry, device, &attestation);
        if (r < 0)
                return r;
        return reply_connection_string(call, control->hub, device);
}

typedef struct DeviceStatusParams {
        az_span device;
        int status;
} DeviceStatusParams;

static const char *const status_names[] = { "disabled", "enabled", NULL };

static const IpcField device_status_fields[] = {
        CONTROL_DEVICE_FIELD(DeviceStatusParams),
        { "status", IPC_FIELD_ENUM, offsetof(DeviceStatusParams, status), .names = status_names },
};
const IpcStruct control_device_status_params = IPC_STRUCT(DeviceStatusParams, device_status_fields);

int control_on_set_device_status(IpcCall *call, const void *params, void *userdata) {
        const DeviceStatusParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        int r;

        if (!device)
                return control_reply_service_error(call, 404001);
        r = hub_enable_device(control->hub, device, p->status == 1);
        return r < 0 ? r : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

int control_on_remove_device(IpcCall *call, const void *params, void *userdata) {
        const DeviceParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        int r;

        if (!device)
                return control_reply_service_error(call, 404001);
        r = hub_remove_device(control->hub, device);
        return r < 0 ? r : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static int add_device(IpcJson *json, const Hub *hub, const Device *device) {
        int r;

        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "device", device->id);
        r = add_connection_string(json, hub, device);
        if (r < 0)
                return r;
        control_add_attestation(json, &device->attestation);
        ipc_json_cstring(json, "status", status_names[device->enabled]);
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
