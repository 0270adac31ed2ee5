/* SPDX-License-Identifier: MIT */

#include "daemon/twin-state.h"

typedef struct CopyFields {
        az_span device, desired, reported;
        int64_t desired_version, reported_version, as_of_us;
} CopyFields;

static const IpcField copy_fields[] = {
        { "device", IPC_FIELD_STRING, offsetof(CopyFields, device) },
        { "asOf", IPC_FIELD_INT, offsetof(CopyFields, as_of_us), .max = INT64_MAX },
        { "desiredVersion", IPC_FIELD_INT, offsetof(CopyFields, desired_version) },
        { "reportedVersion", IPC_FIELD_INT, offsetof(CopyFields, reported_version) },
        { "desired", IPC_FIELD_OBJECT, offsetof(CopyFields, desired) },
        { "reported", IPC_FIELD_OBJECT, offsetof(CopyFields, reported) },
};
static const IpcStruct copy_struct = IPC_STRUCT(CopyFields, copy_fields);

typedef struct PatchFields {
        int64_t uid;
        az_span patch;
} PatchFields;

typedef struct ReportsFields {
        az_span device;
        IpcStructs patches;
} ReportsFields;

static const IpcField patch_fields[] = {
        { "uid", IPC_FIELD_INT, offsetof(PatchFields, uid), .max = UINT32_MAX },
        { "patch", IPC_FIELD_OBJECT, offsetof(PatchFields, patch) },
};
static const IpcStruct patch_struct = IPC_STRUCT(PatchFields, patch_fields);
static const IpcField reports_fields[] = {
        { "device", IPC_FIELD_STRING, offsetof(ReportsFields, device) },
        { "patches", IPC_FIELD_STRUCTS, offsetof(ReportsFields, patches), .type = &patch_struct },
};
static const IpcStruct reports_struct = IPC_STRUCT(ReportsFields, reports_fields);

static bool is_device(az_span span, const char *device) {
        return az_span_is_content_equal(span, az_span_create_from_str((char *) device));
}

/* ---- The last known twin ---- */

void twin_copy_done(TwinCopy *copy) {
        free(copy->desired);
        free(copy->reported);
        *copy = TWIN_COPY_NULL;
}

int twin_copy_format(const TwinCopy *copy, const char *device, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_int(&json, "asOf", (int64_t) copy->as_of_us);
        ipc_json_int(&json, "desiredVersion", copy->desired_version);
        ipc_json_int(&json, "reportedVersion", copy->reported_version);
        ipc_json_raw(&json, "desired", az_span_create_from_str(copy->desired));
        ipc_json_raw(&json, "reported", az_span_create_from_str(copy->reported));
        ipc_json_end(&json);
        return state_json_take(&json, ret);
}

static int copy_take(TwinCopy *ret, const CopyFields *fields) {
        TwinCopy copy = {
                .desired = strndup((const char *) az_span_ptr(fields->desired),
                                   (size_t) az_span_size(fields->desired)),
                .reported = strndup((const char *) az_span_ptr(fields->reported),
                                    (size_t) az_span_size(fields->reported)),
                .desired_version = fields->desired_version,
                .reported_version = fields->reported_version,
                .as_of_us = (uint64_t) fields->as_of_us,
        };

        if (!copy.desired || !copy.reported) {
                twin_copy_done(&copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

int twin_copy_parse(TwinCopy *ret, az_span text, const char *device) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        CopyFields fields;
        int r;

        r = state_json_decode(&copy_struct, &document, text, &fields);
        if (r != 0)
                return r;
        if (!is_device(fields.device, device))
                return TWIN_STATE_FOREIGN;
        return copy_take(ret, &fields);
}

/* ---- Patches that wait ---- */

int twin_reports_format(const TwinPending *pending, const char *device, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        twin_pending_format(pending, &json);
        ipc_json_end(&json);
        return state_json_take(&json, ret);
}

int twin_reports_parse(TwinPending *pending, az_span text, const char *device) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        const PatchFields *patches;
        ReportsFields fields;
        int r;

        r = state_json_decode(&reports_struct, &document, text, &fields);
        if (r != 0)
                return r;
        if (!is_device(fields.device, device))
                return TWIN_STATE_FOREIGN;

        patches = fields.patches.items;
        for (size_t i = 0; i < fields.patches.n_items && r == 0; i++)
                r = twin_pending_restore(pending, (uid_t) patches[i].uid, patches[i].patch);
        return r > 0 || r == -EINVAL ? TWIN_STATE_INVALID : r;
}
