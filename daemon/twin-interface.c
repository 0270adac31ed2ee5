/* SPDX-License-Identifier: MIT */

#include "daemon/json-merge.h"
#include "daemon/twin-check.h"
#include "daemon/twin-internal.h"
#include "daemon/twin-section.h"
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

static az_span text(const char *json) {
        return az_span_create_from_str((char *) json);
}

static const IpcPeer *call_get_peer(const IpcCall *call) {
        return ipc_connection_get_peer(ipc_call_get_connection(call));
}

static void sections_free(void *userdata) {
        TwinSections *s = userdata;

        twin_sections_done(s);
        free(s);
}

/* The program's own sections, as a set; NULL in *ret: it has none. To put them together takes a while, if
 * they are many, so that each connection keeps them. */
static int get_own_sections(const Twin *t, IpcCall *call, const char **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        TwinSections *s = ipc_connection_get_data(connection, &twin_interface);
        int r;

        if (!s) {
                s = malloc(sizeof(*s));
                if (!s)
                        return -ENOMEM;
                *s = (TwinSections){};
                r = ipc_connection_set_data(connection, &twin_interface, s, sections_free);
                if (r < 0) {
                        free(s);
                        return r;
                }
        }
        r = twin_sections_update(s, t->access, ipc_connection_get_peer(connection));
        if (r < 0)
                return r;
        *ret = s->set;
        return 0;
}

/* ---- Get, Watch ---- */

static int reply_twin(IpcCall *call, const Twin *t, const char *desired, const char *reported) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char as_of[RFC3339_SIZE];

        ipc_json_begin(&json, NULL);
        ipc_json_raw(&json, "desired", text(desired));
        ipc_json_raw(&json, "reported", text(reported));
        ipc_json_int(&json, "desiredVersion", t->known.desired_version);
        if (t->known.reported_version >= 0)
                ipc_json_int(&json, "reportedVersion", t->known.reported_version);
        ipc_json_bool(&json, "stale", !t->is_fresh);
        ipc_json_cstring(&json, "asOf",
                         rfc3339_format(as_of, t->is_fresh ? realtime_us() : t->known.as_of_us));
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static int twin_method_get(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(freep) char *desired = NULL, *reported = NULL;
        const char *sections = NULL;
        Twin *t = userdata;
        int r;

        if (!twin_identify(t) || !t->known.desired)
                return ipc_call_error(call, ERROR_NAME("TwinUnavailable"), AZ_SPAN_EMPTY);

        r = get_own_sections(t, call, &sections);
        if (r < 0)
                return r;
        if (!sections)
                return reply_twin(call, t, t->known.desired, t->known.reported);

        r = json_merge_select(text(t->known.desired), text(sections), &desired);
        if (r == 0)
                r = json_merge_select(text(t->known.reported), text(sections), &reported);
        return r == 0 ? reply_twin(call, t, desired, reported) : r;
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

/* Whether the program may write all of a patch. 0: yes; TWIN_SECTION_FOUND: *ret_path; -ENOMEM. */
static int check_sections(Twin *t, IpcCall *call, az_span patch, char **ret_path) {
        const char *own = NULL;
        int r;

        r = twin_sections_update(&t->sections, t->access, NULL);
        if (r < 0 || !t->sections.set)
                return r;
        r = get_own_sections(t, call, &own);
        if (r < 0)
                return r;
        if (own)
                return twin_section_find_outside(text(own), patch, ret_path);
        return call_get_peer(call)->grants & IPC_GRANT_ADMIN
                       ? 0
                       : twin_section_find_inside(text(t->sections.set), patch, ret_path);
}

/* Whose the section is, and by which rule, is told to administrators and the log alone. */
static int error_not_your_section(IpcCall *call, const Twin *t, const char *path) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const IpcPeer *peer = call_get_peer(call);
        const char *section = NULL;
        const AccessRule *theirs = access_find_section(t->access, path, &section),
                         *own = access_find_own_section(t->access, peer), *logged = theirs ?: own;
        char owner[ACCESS_WHOM_SIZE] = "", place[ACCESS_PLACE_SIZE];

        if (theirs)
                (void) access_rule_describe(theirs, owner, sizeof(owner));
        client_log_refusal(t->clients, peer, boottime_us(),
                           "may not write '%s' of the twin, by the rule at %s", path,
                           access_rule_place(logged, place));

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "path", path);
        ipc_json_cstring(&json, "section", section);
        ipc_json_cstring(&json, "owner", theirs && peer->grants & IPC_GRANT_ADMIN ? owner : NULL);
        ipc_json_cstring(&json, "rule", own ? access_rule_place(own, place) : NULL);
        ipc_json_end(&json);
        return ipc_call_error_json(call, ERROR_NAME("NotYourSection"), &json);
}

static int report_patch(Twin *t, IpcCall *call, az_span patch) {
        int r;

        r = twin_report(t, call, patch);
        if (r == TWIN_PENDING_FULL)
                return ipc_call_error_int(call, ERROR_NAME("TwinFull"), "limitBytes",
                                          TWIN_PENDING_USER_BYTES_MAX);
        if (r < 0)
                return r;
        return ipc_call_is_oneway(call) ? ipc_call_reply(call, AZ_SPAN_EMPTY) : IPC_DEFERRED;
}

/* The same, with what marks it as that of a component. */
static int report_component(Twin *t, IpcCall *call, az_span component, az_span patch) {
        _cleanup_(freep) char *mark = NULL, *marked = NULL;
        int r;

        r = wrap(component, COMPONENT_MARK, &mark);
        if (r == 0)
                r = json_merge_combine(patch, text(mark), &marked);
        return r == 0 ? report_patch(t, call, text(marked)) : r;
}

static int twin_method_report(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(freep) char *wrapped = NULL, *path = NULL;
        const ReportParams *p = params;
        bool is_component = !ipc_is_absent(p->component);
        TwinProblem problem = {};
        az_span patch = p->patch;
        Twin *t = userdata;
        int r;

        if (is_component) {
                r = wrap(p->component, p->patch, &wrapped);
                if (r < 0)
                        return r;
                patch = text(wrapped);
        }
        r = twin_check_patch(patch, &problem);
        if (r == TWIN_INVALID)
                return error_invalid_patch(call, &problem);
        if (r == 0)
                r = check_sections(t, call, patch, &path);
        if (r == TWIN_SECTION_FOUND)
                return error_not_your_section(call, t, path);
        if (r < 0)
                return r;

        if (!twin_identify(t))
                return ipc_call_error(call, ERROR_NAME("TwinUnavailable"), AZ_SPAN_EMPTY);
        return is_component ? report_component(t, call, p->component, patch) : report_patch(t, call, patch);
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
