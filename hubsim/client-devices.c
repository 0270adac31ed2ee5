/* SPDX-License-Identifier: MIT */

/* The command "device". */

#include "hubsim/client-internal.h"

#include "hubsim/percent.h"

typedef struct DeviceReply {
        az_span device, connection_string, authentication, primary, secondary, status;
        bool connected;
} DeviceReply;

static const IpcField device_reply_fields[] = {
        { "device", IPC_FIELD_STRING, offsetof(DeviceReply, device), IPC_FIELD_NULLABLE },
        { "connectionString", IPC_FIELD_STRING, offsetof(DeviceReply, connection_string) },
        { "authentication", IPC_FIELD_STRING, offsetof(DeviceReply, authentication), IPC_FIELD_NULLABLE },
        { "primaryThumbprint", IPC_FIELD_STRING, offsetof(DeviceReply, primary), IPC_FIELD_NULLABLE },
        { "secondaryThumbprint", IPC_FIELD_STRING, offsetof(DeviceReply, secondary), IPC_FIELD_NULLABLE },
        { "status", IPC_FIELD_STRING, offsetof(DeviceReply, status), IPC_FIELD_NULLABLE },
        { "connected", IPC_FIELD_BOOL, offsetof(DeviceReply, connected), IPC_FIELD_NULLABLE },
};
static const IpcStruct device_reply = IPC_STRUCT(DeviceReply, device_reply_fields);

typedef struct DevicesReply {
        IpcStructs devices;
} DevicesReply;

static const IpcField devices_reply_fields[] = {
        { "devices", IPC_FIELD_STRUCTS, offsetof(DevicesReply, devices), .type = &device_reply },
};
static const IpcStruct devices_reply = IPC_STRUCT(DevicesReply, devices_reply_fields);

/* "ONE" or "ONE,OTHER"; NULL: nothing. */
static void add_two(IpcJson *json, const char *first_name, const char *second_name, const char *text) {
        const char *comma;

        if (!text)
                return;
        comma = strchrnul(text, ',');
        ipc_json_string(json, first_name, az_span_create((uint8_t *) text, (int32_t) (comma - text)));
        if (*comma)
                ipc_json_cstring(json, second_name, comma + 1);
}

void client_add_authentication(IpcJson *json, const ClientOptions *options) {
        ipc_json_cstring(json, "authentication",
                         options->has_ca        ? "certificateAuthority"
                         : options->thumbprints ? "selfSigned"
                                                : "sas");
        add_two(json, "primaryKey", "secondaryKey", options->keys);
        add_two(json, "primaryThumbprint", "secondaryThumbprint", options->thumbprints);
}

static int add_or_change(const ClientOptions *options, const char *method, const char *device) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        DeviceReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        client_add_authentication(&json, options);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, method, &json, &device_reply, &answer) < 0)
                return EXIT_FAILURE;

        client_print_span(answer.connection_string);
        printf("\n");
        return EXIT_SUCCESS;
}

int client_device_add(const ClientOptions *options, const char *device) {
        return add_or_change(options, PREFIX "AddDevice", device);
}

int client_device_change(const ClientOptions *options, const char *device) {
        return add_or_change(options, PREFIX "ChangeDevice", device);
}

/* 'status' is NULL for a method without. */
static int call_for_device(const ClientOptions *options, const char *method, const char *device,
                           const char *status) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span reply;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        if (status)
                ipc_json_cstring(&json, "status", status);
        ipc_json_end(&json);
        return client_call(options, &client, method, &json, &reply) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int client_device_enable(const ClientOptions *options, const char *device) {
        return call_for_device(options, PREFIX "SetDeviceStatus", device, "enabled");
}

int client_device_disable(const ClientOptions *options, const char *device) {
        return call_for_device(options, PREFIX "SetDeviceStatus", device, "disabled");
}

int client_device_remove(const ClientOptions *options, const char *device) {
        return call_for_device(options, PREFIX "RemoveDevice", device, NULL);
}

/* "pump-17 offline HostName=…;x509=true thumbprint=0123…,4567… disabled" */
static void print_device(const DeviceReply *device) {
        client_print_span(device->device);
        printf(" %s ", device->connected ? "connected" : "offline");
        client_print_span(device->connection_string);
        if (span_equals(device->authentication, "certificateAuthority"))
                printf(" ca");
        if (!ipc_is_absent(device->primary)) {
                printf(" thumbprint=");
                client_print_span(device->primary);
        }
        if (!ipc_is_absent(device->secondary)) {
                printf(",");
                client_print_span(device->secondary);
        }
        printf("%s\n", span_equals(device->status, "disabled") ? " disabled" : "");
}

int client_device_list(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        DevicesReply answer;
        az_span reply;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        if (client_call(options, &client, PREFIX "ListDevices", &json, &reply) < 0)
                return EXIT_FAILURE;
        if (options->json) {
                client_print_span(reply);
                printf("\n");
                return EXIT_SUCCESS;
        }
        r = client_decode(&client, reply, &devices_reply, &answer);
        if (r < 0)
                return client_fail(r, "cannot read what the hub answered");

        for (size_t i = 0; i < answer.devices.n_items; i++)
                print_device((const DeviceReply *) answer.devices.items + i);
        return EXIT_SUCCESS;
}
