/* SPDX-License-Identifier: MIT */

/* What a back end does with twins, and their faults. */

#include "hubsim/control-internal.h"
#include "hubsim/twin.h"

#define COUNT_MAX          1000000
#define MILLISECONDS_MAX   (86400 * 1000)
#define STATUS_UNLESS_TOLD 429

int control_on_get_twin(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const DeviceParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        Twin *twin;

        if (control->hub->is_basic)
                return control_reply_service_error(call, 403010);
        if (!device)
                return control_reply_service_error(call, 404001);
        if (twin_get(control->hub, device, &twin) < 0)
                return control_reply_service_error(call, 500001);

        ipc_json_begin(&json, NULL);
        ipc_json_raw(&json, "desired", buffer_span(&twin->desired.document));
        ipc_json_raw(&json, "reported", buffer_span(&twin->reported.document));
        ipc_json_int(&json, "desiredVersion", (int64_t) twin->desired.version);
        ipc_json_int(&json, "reportedVersion", (int64_t) twin->reported.version);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* UpdateDesired and ReplaceDesired ---------------------------------------------------------------------- */

typedef struct DesiredParams {
        az_span device, object;
} DesiredParams;

static const IpcField update_desired_fields[] = {
        CONTROL_DEVICE_FIELD(DesiredParams),
        { "patch", IPC_FIELD_OBJECT, offsetof(DesiredParams, object) },
};
const IpcStruct control_update_desired_params = IPC_STRUCT(DesiredParams, update_desired_fields);

static const IpcField replace_desired_fields[] = {
        CONTROL_DEVICE_FIELD(DesiredParams),
        { "desired", IPC_FIELD_OBJECT, offsetof(DesiredParams, object) },
};
const IpcStruct control_replace_desired_params = IPC_STRUCT(DesiredParams, replace_desired_fields);

static int change_desired(IpcCall *call, const DesiredParams *p, Control *control, bool replace) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *device = control_find_device(control, p->device);
        TwinRefusal refusal;
        int r;

        if (control->hub->is_basic)
                return control_reply_service_error(call, 403010);
        if (!device)
                return control_reply_service_error(call, 404001);
        r = twin_update_desired(control->hub, device, p->object, replace, &refusal);
        if (r == TWIN_REFUSED)
                return control_reply_refusal(call, refusal.code, refusal.message);
        if (r < 0)
                return control_reply_service_error(call, 500001);

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "version", (int64_t) device->twin->desired.version);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_update_desired(IpcCall *call, const void *params, void *userdata) {
        return change_desired(call, params, userdata, false);
}

int control_on_replace_desired(IpcCall *call, const void *params, void *userdata) {
        return change_desired(call, params, userdata, true);
}

/* TwinFault ------------------------------------------------------------------------------------------- */

typedef struct TwinFaultParams {
        az_span device, race_patch;
        int64_t gets, patches, status, drop, delay_ms, step;
        bool omit_version;
        int race;
} TwinFaultParams;

static const char *const races[] = { "none", "before", "middle", "after", NULL };

static const IpcField twin_fault_fields[] = {
        CONTROL_DEVICE_FIELD(TwinFaultParams),
        { "gets", IPC_FIELD_INT, offsetof(TwinFaultParams, gets), IPC_FIELD_NULLABLE, .min = 0,
          .max = COUNT_MAX },
        { "patches", IPC_FIELD_INT, offsetof(TwinFaultParams, patches), IPC_FIELD_NULLABLE, .min = 0,
          .max = COUNT_MAX },
        { "status", IPC_FIELD_INT, offsetof(TwinFaultParams, status), IPC_FIELD_NULLABLE, .min = 400,
          .max = 599, .absent = STATUS_UNLESS_TOLD },
        { "drop", IPC_FIELD_INT, offsetof(TwinFaultParams, drop), IPC_FIELD_NULLABLE, .min = 0,
          .max = COUNT_MAX },
        { "delayMilliseconds", IPC_FIELD_INT, offsetof(TwinFaultParams, delay_ms), IPC_FIELD_NULLABLE,
          .min = 0, .max = MILLISECONDS_MAX },
        { "versionStep", IPC_FIELD_INT, offsetof(TwinFaultParams, step), IPC_FIELD_NULLABLE, .min = 1,
          .max = COUNT_MAX, .absent = 1 },
        { "omitVersion", IPC_FIELD_BOOL, offsetof(TwinFaultParams, omit_version), IPC_FIELD_NULLABLE },
        { "race", IPC_FIELD_ENUM, offsetof(TwinFaultParams, race), IPC_FIELD_NULLABLE, .names = races,
          .absent = TWIN_RACE_NONE },
        { "racePatch", IPC_FIELD_OBJECT, offsetof(TwinFaultParams, race_patch), IPC_FIELD_NULLABLE },
};
const IpcStruct control_twin_fault_params = IPC_STRUCT(TwinFaultParams, twin_fault_fields);

int control_on_twin_fault(IpcCall *call, const void *params, void *userdata) {
        const TwinFaultParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        TwinFaults faults = {
                .n_gets = (unsigned) p->gets,
                .n_patches = (unsigned) p->patches,
                .status = (unsigned) p->status,
                .n_dropped = (unsigned) p->drop,
                .delay_us = (uint64_t) p->delay_ms * USEC_PER_MSEC,
                .step = (uint64_t) p->step,
                .omit_version = p->omit_version,
                .race = (TwinRace) p->race,
        };
        Twin *twin;
        int r;

        if (!device)
                return control_reply_service_error(call, 404001);
        if (faults.race != TWIN_RACE_NONE && ipc_is_absent(p->race_patch))
                return ipc_call_error_invalid_parameter(call, "racePatch");
        if (twin_get(control->hub, device, &twin) < 0)
                return control_reply_service_error(call, 500001);
        r = buffer_append_span(&faults.race_patch, p->race_patch);
        if (r < 0)
                return r;

        twin_set_faults(twin, &faults);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static void add_count(IpcJson *json, const char *name, uint64_t value) {
        if (value > 0)
                ipc_json_int(json, name, (int64_t) value);
}

/* The members of a TwinFault that asks for these; "{}": there are none. */
static void format_faults(const TwinFaults *f, IpcJson *json) {
        ipc_json_begin(json, NULL);
        add_count(json, "gets", f->n_gets);
        add_count(json, "patches", f->n_patches);
        if (f->n_gets > 0 || f->n_patches > 0)
                ipc_json_int(json, "status", f->status);
        add_count(json, "drop", f->n_dropped);
        add_count(json, "delayMilliseconds", f->delay_us / USEC_PER_MSEC);
        add_count(json, "versionStep", f->step > 1 ? f->step : 0);
        if (f->omit_version)
                ipc_json_bool(json, "omitVersion", true);
        if (f->race != TWIN_RACE_NONE) {
                ipc_json_cstring(json, "race", races[f->race]);
                ipc_json_raw(json, "racePatch", buffer_span(&f->race_patch));
        }
        ipc_json_end(json);
}

void control_list_twin_faults(const Device *device, IpcJson *json) {
        _cleanup_(ipc_json_done) IpcJson members = IPC_JSON_NULL;
        _cleanup_(freep) char *text = NULL;
        az_span object;

        format_faults(&device->twin->faults, &members);
        if (ipc_json_get(&members, &object) < 0 || az_span_size(object) <= 2)
                return;
        if (asprintf(&text, "twin %s %.*s", device->id, az_span_size(object),
                     (const char *) az_span_ptr(object)) < 0)
                text = NULL;
        ipc_json_cstring(json, NULL, text);
}
