/* SPDX-License-Identifier: MIT */

#include "daemon/json-merge.h"
#include "daemon/twin-check.h"
#include "daemon/twin-internal.h"
#include "ipc/interfaces.h"
#include "ipc/rfc3339.h"

#define ERROR_NAME(name) "io.aziotd.twin." name

/* What makes a member of the reported section a component. Source: "IoT Plug and Play conventions". */
#define COMPONENT_MARK AZ_SPAN_FROM_STR("{\"__t\":\"c\"}")

typedef struct WatchParams {
        az_span component;
} WatchParams;

typedef struct ReportParams {
        az_span patch;
        az_span component;
} ReportParams;

/* ---- Get, Watch ---- */

static int twin_method_get(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char as_of[RFC3339_SIZE];
        Twin *t = userdata;

        if (!twin_identify(t) || !t->known.desired)
                return ipc_call_error(call, ERROR_NAME("TwinUnavailable"), AZ_SPAN_EMPTY);

        ipc_json_begin(&json, NULL);
        ipc_json_raw(&json, "desired", az_span_create_from_str(t->known.desired));
        ipc_json_raw(&json, "reported", az_span_create_from_str(t->known.reported));
        ipc_json_int(&json, "desiredVersion", t->known.desired_version);
        if (t->known.reported_version >= 0)
                ipc_json_int(&json, "reportedVersion", t->known.reported_version);
        ipc_json_bool(&json, "stale", !t->is_fresh);
        ipc_json_cstring(&json, "asOf",
                         rfc3339_format(as_of, t->is_fresh ? realtime_us() : t->known.as_of_us));
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static int twin_method_watch(IpcCall *call, const void *params, void *userdata) {
        const WatchParams *p = params;
        Twin *t = userdata;

        if (!ipc_is_absent(p->component) && twin_check_name(p->component))
                return ipc_call_error_invalid_parameter(call, "component");
        (void) twin_identify(t);
        return twin_watch(t, call, p->component);
}

/* ---- Report ---- */

static int error_invalid_patch(IpcCall *call, const TwinProblem *problem) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "path", az_span_create((uint8_t *) problem->path, (int32_t) problem->n_path));
        ipc_json_cstring(&json, "reason", problem->reason);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("InvalidPatch"), &json);
}

/* {component: object} */
static int wrap(az_span component, az_span object, char **ret) {
        /* A byte of the name takes at most six, as in \u0001. */
        int32_t n = 6 * az_span_size(component) + az_span_size(object) + 8;
        _cleanup_(freep) char *text = malloc((size_t) n);
        az_json_writer w;

        if (!text)
                return -ENOMEM;
        if (az_result_failed(az_json_writer_init(&w, az_span_create((uint8_t *) text, n - 1), NULL)) ||
            az_result_failed(az_json_writer_append_begin_object(&w)) ||
            az_result_failed(az_json_writer_append_property_name(&w, component)) ||
            az_result_failed(az_json_writer_append_json_text(&w, object)) ||
            az_result_failed(az_json_writer_append_end_object(&w)))
                return -EINVAL;

        text[w.total_bytes_written] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

/* The patch of a component, checked, which is to be freed. 0; TWIN_INVALID; -ENOMEM. */
static int component_patch_make(const ReportParams *p, char **ret, TwinProblem *ret_problem) {
        _cleanup_(freep) char *wrapped = NULL, *mark = NULL;
        int r;

        r = wrap(p->component, p->patch, &wrapped);
        if (r == 0)
                r = twin_check_patch(az_span_create_from_str(wrapped), ret_problem);
        if (r == 0)
                r = wrap(p->component, COMPONENT_MARK, &mark);
        if (r == 0)
                r = json_merge_combine(az_span_create_from_str(wrapped), az_span_create_from_str(mark), ret);
        return r;
}

static int twin_method_report(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(freep) char *of_component = NULL;
        const ReportParams *p = params;
        TwinProblem problem = {};
        Twin *t = userdata;
        int r;

        if (ipc_is_absent(p->component))
                r = twin_check_patch(p->patch, &problem);
        else
                r = component_patch_make(p, &of_component, &problem);
        if (r == TWIN_INVALID)
                return error_invalid_patch(call, &problem);
        if (r < 0)
                return r;
        if (!twin_identify(t))
                return ipc_call_error(call, ERROR_NAME("TwinUnavailable"), AZ_SPAN_EMPTY);

        r = twin_report(t, call, of_component ? az_span_create_from_str(of_component) : p->patch);
        if (r == TWIN_PENDING_FULL)
                return ipc_call_error_int(call, ERROR_NAME("TwinFull"), "limitBytes",
                                          TWIN_PENDING_USER_BYTES_MAX);
        if (r < 0)
                return r;
        return ipc_call_is_oneway(call) ? ipc_call_reply(call, AZ_SPAN_EMPTY) : IPC_DEFERRED;
}

/* ---- Tables ---- */

static const IpcField watch_fields[] = {
        { "component", IPC_FIELD_STRING, offsetof(WatchParams, component), IPC_FIELD_NULLABLE },
};
static const IpcField report_fields[] = {
        { "patch", IPC_FIELD_OBJECT, offsetof(ReportParams, patch) },
        { "component", IPC_FIELD_STRING, offsetof(ReportParams, component), IPC_FIELD_NULLABLE },
};

static const IpcStruct watch_struct = IPC_STRUCT(WatchParams, watch_fields);
static const IpcStruct report_struct = IPC_STRUCT(ReportParams, report_fields);

static const IpcMethod methods[] = {
        { "Get", IPC_GRANT_READ, 0, NULL, twin_method_get },
        { "Watch", IPC_GRANT_READ, IPC_METHOD_MORE_ONLY, &watch_struct, twin_method_watch },
        { "Report", IPC_GRANT_SEND, 0, &report_struct, twin_method_report },
};

const IpcInterface twin_interface = {
        .name = "io.aziotd.twin",
        .description = io_aziotd_twin_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
