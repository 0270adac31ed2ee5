/* SPDX-License-Identifier: MIT */

/* Devices: what they are, and what they prove themselves with. */

#include "hubsim/control-internal.h"

/* A thumbprint with colons: some text longer than that is none. */
#define THUMBPRINT_TEXT_MAX 128

typedef struct AddDeviceParams {
        az_span device, primary, secondary;
        int kind;
} AddDeviceParams;

static const IpcField add_device_fields[] = {
        CONTROL_DEVICE_FIELD(AddDeviceParams),
        { "authentication", IPC_FIELD_ENUM, offsetof(AddDeviceParams, kind), IPC_FIELD_NULLABLE,
          .names = attestation_kind_names, .absent = ATTESTATION_KEYS },
        { "primaryThumbprint", IPC_FIELD_STRING, offsetof(AddDeviceParams, primary), IPC_FIELD_NULLABLE,
          .max = THUMBPRINT_TEXT_MAX },
        { "secondaryThumbprint", IPC_FIELD_STRING, offsetof(AddDeviceParams, secondary), IPC_FIELD_NULLABLE,
          .max = THUMBPRINT_TEXT_MAX },
};
const IpcStruct control_add_device_params = IPC_STRUCT(AddDeviceParams, add_device_fields);

static int add_connection_string(IpcJson *json, const Hub *hub, const Device *device) {
        _cleanup_(freep) char *text = hub_format_connection_string(hub, device);

        if (!text)
                return -ENOMEM;
        ipc_json_cstring(json, "connectionString", text);
        return 0;
}

/* Makes it of the parameters. -EINVAL: they do not go together, or are no thumbprints. */
static int make_attestation(const AddDeviceParams *p, Attestation *ret) {
        char primary[THUMBPRINT_TEXT_MAX + 1], secondary[THUMBPRINT_TEXT_MAX + 1];

        if (p->kind == ATTESTATION_THUMBPRINT)
                return attestation_init(ret, ATTESTATION_THUMBPRINT,
                                        control_get_text(p->primary, primary, sizeof(primary)),
                                        control_get_text(p->secondary, secondary, sizeof(secondary)));
        if (!ipc_is_absent(p->primary) || !ipc_is_absent(p->secondary))
                return -EINVAL;
        return p->kind == ATTESTATION_KEYS ? attestation_init_keys(ret)
                                           : attestation_init(ret, ATTESTATION_CA, NULL, NULL);
}

int control_on_add_device(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const AddDeviceParams *p = params;
        Control *control = userdata;
        char id[129] = "";
        Device *device;
        int r;

        if (memchr(az_span_ptr(p->device), 0, (size_t) az_span_size(p->device)))
                return ipc_call_error_invalid_parameter(call, "device");
        az_span_to_str(id, sizeof(id), p->device);
        r = make_attestation(p, &attestation);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, "primaryThumbprint");
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
        const Attestation *a = &device->attestation;
        int r;

        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "device", device->id);
        r = add_connection_string(json, hub, device);
        if (r < 0)
                return r;
        ipc_json_cstring(json, "authentication", attestation_kind_names[a->kind]);
        if (a->kind == ATTESTATION_THUMBPRINT) {
                ipc_json_cstring(json, "primaryThumbprint", a->primary);
                if (a->secondary)
                        ipc_json_cstring(json, "secondaryThumbprint", a->secondary);
        }
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
