/* SPDX-License-Identifier: MIT */

/* The twin and the device: what is asked and reported. */

#include "ipc/aziot-internal.h"
#include "ipc/value.h"

/* A patch lies in the call and in its parameters. */
#define PATCH_DEPTH_MAX (IPC_DEPTH_MAX - 2)

/* An acknowledged value lies in the patch and in its property besides. */
#define VALUE_DEPTH_MAX (PATCH_DEPTH_MAX - 2)

static int get(Aziot *a, CallKind kind, const char *method) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        return aziot_request(a, &(Request){ .kind = kind, .method = method, .changes_nothing = true }, &json);
}

_public_ int aziot_get_twin(Aziot *a, const AziotTwin **ret) {
        int r = get(a, CALL_TWIN, "io.aziotd.twin.Get");

        if (r == 0)
                *ret = &a->twin;
        return r;
}

_public_ int aziot_get_status(Aziot *a, const AziotStatus **ret) {
        int r = get(a, CALL_STATUS, "io.aziotd.device.GetStatus");

        if (r == 0)
                *ret = &a->status;
        return r;
}

_public_ int aziot_reconnect(Aziot *a) {
        return aziot_call(a, "io.aziotd.device.Reconnect", NULL, 0, NULL);
}

/* Reports --------------------------------------------------------------------------------------------- */

static int write_report(IpcJson *json, az_span patch, const char *component) {
        if (value_kind(patch, PATCH_DEPTH_MAX) != VALUE_OBJECT)
                return -EINVAL;

        ipc_json_begin(json, NULL);
        ipc_json_raw(json, "patch", value_trim(patch));
        if (component)
                ipc_json_cstring(json, "component", component);
        ipc_json_end(json);
        return 0;
}

/* The same values twice are the same values. */
static Request report_request(void *userdata) {
        return (Request){
                .kind = CALL_REPORT,
                .method = "io.aziotd.twin.Report",
                .changes_nothing = true,
                .userdata = userdata,
        };
}

static int report(Aziot *a, az_span patch, const char *component, int64_t *ret_version) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = report_request(NULL);
        int r;

        r = write_report(&json, patch, component);
        if (r == 0)
                r = aziot_request(a, &request, &json);
        if (r == 0 && ret_version)
                *ret_version = a->reply.version;
        return r;
}

static int report_start(Aziot *a, az_span patch, const char *component, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = report_request(userdata);
        int r;

        r = write_report(&json, patch, component);
        return r < 0 ? r : aziot_request_start(a, &request, &json);
}

_public_ int aziot_report(Aziot *a, const char *patch, const char *component, int64_t *ret_version) {
        return report(a, az_span_create_from_str((char *) patch), component, ret_version);
}

_public_ int aziot_report_start(Aziot *a, const char *patch, const char *component, void *userdata) {
        return report_start(a, az_span_create_from_str((char *) patch), component, userdata);
}

/* Acknowledgements ------------------------------------------------------------------------------------ */

static int write_acknowledgement(IpcJson *json, const AziotAcknowledgement *k) {
        az_span value = value_trim(az_span_create_from_str((char *) k->value));
        ValueKind kind = value_kind(value, VALUE_DEPTH_MAX);

        if (kind == VALUE_EMPTY || kind == VALUE_NOT_JSON)
                return -EINVAL;

        ipc_json_begin_entry(json, az_span_create_from_str((char *) k->property));
        ipc_json_raw(json, "value", value);
        ipc_json_int(json, "ac", k->status);
        ipc_json_int(json, "av", k->version);
        if (k->description)
                ipc_json_cstring(json, "ad", k->description);
        ipc_json_end(json);
        return 0;
}

static int write_acknowledgements(IpcJson *json, const AziotAcknowledgement *acknowledgements,
                                  size_t n_acknowledgements, az_span *ret_patch) {
        int r = 0;

        ipc_json_begin(json, NULL);
        for (size_t i = 0; i < n_acknowledgements && r == 0; i++)
                r = write_acknowledgement(json, &acknowledgements[i]);
        ipc_json_end(json);
        return r < 0 ? r : ipc_json_get(json, ret_patch);
}

_public_ int aziot_acknowledge(Aziot *a, const AziotAcknowledgement *acknowledgements,
                               size_t n_acknowledgements, const char *component, int64_t *ret_version) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span patch;
        int r;

        r = write_acknowledgements(&json, acknowledgements, n_acknowledgements, &patch);
        return r < 0 ? r : report(a, patch, component, ret_version);
}

_public_ int aziot_acknowledge_start(Aziot *a, const AziotAcknowledgement *acknowledgements,
                                     size_t n_acknowledgements, const char *component, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span patch;
        int r;

        r = write_acknowledgements(&json, acknowledgements, n_acknowledgements, &patch);
        return r < 0 ? r : report_start(a, patch, component, userdata);
}
