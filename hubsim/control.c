/* SPDX-License-Identifier: MIT */

#include "hubsim/control-internal.h"

#include <azure/core/az_json.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Of one reply to Log and Monitor; with the longest message, still one that a Varlink client takes. */
#define PAGE_MAX (256U * 1024U)

struct Monitor {
        Monitor *next;
        Control *control;
        IpcCall *call;
        const Device *device; /* NULL: all */
        uint64_t n_next;      /* number of the first message that it has not seen */
};

int control_reply_refusal(IpcCall *call, unsigned code, const char *message) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "code", code);
        ipc_json_cstring(&json, "reason", method_error_to_string(code));
        if (message)
                ipc_json_cstring(&json, "message", message);
        ipc_json_end(&json);
        return ipc_call_error_json(call, "io.aziotd.hubsim.ServiceError", &json);
}

int control_reply_service_error(IpcCall *call, unsigned code) {
        return control_reply_refusal(call, code, NULL);
}

const char *control_get_text(az_span text, char *buffer, size_t size) {
        if (ipc_is_absent(text) || (size_t) az_span_size(text) >= size ||
            memchr(az_span_ptr(text), 0, (size_t) az_span_size(text)))
                return NULL;
        az_span_to_str(buffer, (int32_t) size, text);
        return buffer;
}

Device *control_find_device(const Control *control, az_span id) {
        return registry_find(control->hub->registry, (const char *) az_span_ptr(id),
                             (size_t) az_span_size(id));
}

static const IpcField device_fields[] = {
        CONTROL_DEVICE_FIELD(DeviceParams),
};
static const IpcStruct device_params = IPC_STRUCT(DeviceParams, device_fields);

/* Methods --------------------------------------------------------------------------------------------- */

typedef struct InvokeParams {
        az_span device, method, payload;
        int64_t timeout_s, connect_timeout_s;
} InvokeParams;

static const IpcField invoke_fields[] = {
        CONTROL_DEVICE_FIELD(InvokeParams),
        { "method", IPC_FIELD_STRING, offsetof(InvokeParams, method), .min = 1, .max = 256 },
        { "payload", IPC_FIELD_STRING, offsetof(InvokeParams, payload), IPC_FIELD_NULLABLE },
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(InvokeParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = METHOD_TIMEOUT_MAX_S, .absent = METHOD_TIMEOUT_DEFAULT_S },
        { "connectTimeoutSeconds", IPC_FIELD_INT, offsetof(InvokeParams, connect_timeout_s),
          IPC_FIELD_NULLABLE, .min = 0, .max = METHOD_TIMEOUT_MAX_S, .absent = 0 },
};
static const IpcStruct invoke_params = IPC_STRUCT(InvokeParams, invoke_fields);

static void on_method_done(unsigned code, unsigned status, az_span payload, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        IpcCall *call = userdata;

        ipc_call_set_on_gone(call, NULL, NULL);
        if (code > 0) {
                (void) control_reply_service_error(call, code);
                return;
        }

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "status", status);
        if (az_span_size(payload) > 0)
                ipc_json_string(&json, "payload", payload);
        else
                ipc_json_null(&json, "payload");
        ipc_json_end(&json);
        (void) ipc_call_reply_json(call, &json); /* if it fails, the server closes the connection */
}

static void on_invoke_gone(IpcCall *call, void *userdata) {
        method_cancel(userdata);
}

static int on_invoke(IpcCall *call, const void *params, void *userdata) {
        const InvokeParams *p = params;
        Control *control = userdata;
        MethodRequest request = {
                .device = control_find_device(control, p->device),
                .name = p->method,
                .payload = ipc_is_absent(p->payload) ? AZ_SPAN_FROM_STR("null") : p->payload,
                .timeout_s = (uint64_t) p->timeout_s,
                .connect_timeout_s = (uint64_t) p->connect_timeout_s,
                .done = on_method_done,
                .userdata = call,
        };
        MethodCall *method_call;
        unsigned code;
        int r;

        if (control->hub->is_basic)
                return control_reply_service_error(call, 403010);
        if (!request.device)
                return control_reply_service_error(call, 404001);
        if (az_span_size(request.payload) > (int32_t) METHOD_PAYLOAD_MAX)
                return control_reply_service_error(call, 413001);
        if (az_result_failed(az_json_validate(request.payload)))
                return ipc_call_error_invalid_parameter(call, "payload");
        code = hub_meter(control->hub, LIMIT_METHODS, request.payload);
        if (code > 0)
                return control_reply_service_error(call, code);

        r = method_invoke(control->hub, &request, &method_call);
        if (r == METHOD_TOO_MANY)
                return control_reply_service_error(call, 403800);
        if (r < 0)
                return r;

        ipc_call_set_on_gone(call, on_invoke_gone, method_call);
        return IPC_DEFERRED;
}

/* Telemetry ------------------------------------------------------------------------------------------- */

typedef struct LogParams {
        az_span device;
        int64_t since;
} LogParams;

static const IpcField log_fields[] = {
        { "device", IPC_FIELD_STRING, offsetof(LogParams, device), IPC_FIELD_NULLABLE, .min = 1, .max = 128 },
        { "since", IPC_FIELD_INT, offsetof(LogParams, since), IPC_FIELD_NULLABLE, .min = 1, .max = INT64_MAX,
          .absent = 1 },
};
static const IpcStruct log_params = IPC_STRUCT(LogParams, log_fields);

/* Monitor and Counts have the first field alone. */
static const IpcStruct monitor_params = { .fields = log_fields, .n_fields = 1, .size = sizeof(LogParams) };

/* Looks up the device whose messages are wanted, NULL for all of them; false: there is no such device. */
static bool find_filter(const Control *control, const LogParams *params, const Device **ret) {
        *ret = ipc_is_absent(params->device) ? NULL : control_find_device(control, params->device);
        return *ret || ipc_is_absent(params->device);
}

/* One page of the journal as the parameters of a reply. Returns how many bytes of messages there are. */
static int format_page(const Control *control, uint64_t since, const Device *device, IpcJson *json,
                       uint64_t *ret_next) {
        _cleanup_(ipc_buffer_done) IpcBuffer lines = IPC_BUFFER_NULL;
        int r;

        r = journal_read(control->hub->journal, since, device ? device->id : NULL, PAGE_MAX, &lines,
                         ret_next);
        if (r < 0)
                return r;

        ipc_json_begin(json, NULL);
        ipc_json_begin_array(json, "messages");
        if (ipc_buffer_size(&lines) > 0)
                ipc_json_raw(json, NULL, buffer_span(&lines));
        ipc_json_end_array(json);
        ipc_json_int(json, "next", (int64_t) *ret_next);
        ipc_json_end(json);
        return (int) ipc_buffer_size(&lines);
}

static int on_log(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const LogParams *p = params;
        const Device *device;
        uint64_t next;
        int r;

        if (!find_filter(userdata, p, &device))
                return control_reply_service_error(call, 404001);

        r = format_page(userdata, (uint64_t) p->since, device, &json, &next);
        if (r < 0)
                return r;
        return ipc_call_reply_json(call, &json);
}

static void on_monitor_gone(IpcCall *call, void *userdata) {
        Monitor *m = userdata;

        for (Monitor **p = &m->control->monitors; *p; p = &(*p)->next)
                if (*p == m) {
                        *p = m->next;
                        break;
                }
        free(m);
}

static int on_monitor(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) Monitor *m = NULL;
        Control *control = userdata;
        int r;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (Monitor){ .next = control->monitors, .control = control, .call = call };
        if (!find_filter(control, params, &m->device))
                return control_reply_service_error(call, 404001);

        r = format_page(control, journal_get_next(control->hub->journal), m->device, &json, &m->n_next);
        if (r < 0)
                return r;
        r = ipc_call_reply_continues_json(call, &json);
        if (r < 0)
                return r;

        ipc_call_set_on_gone(call, on_monitor_gone, m);
        control->monitors = TAKE_PTR(m);
        return IPC_DEFERRED;
}

/* Those that are for this device alone have nothing to wait for. */
static void on_removal(const Device *device, void *userdata) {
        Control *control = userdata;

        for (Monitor *m = control->monitors, *next; m; m = next) {
                next = m->next;
                if (m->device == device) {
                        IpcCall *call = m->call;

                        ipc_call_set_on_gone(call, NULL, NULL);
                        on_monitor_gone(call, m);
                        (void) control_reply_service_error(call, 404001);
                }
        }
}

static int monitor_update(Monitor *m) {
        while (m->n_next < journal_get_next(m->control->hub->journal)) {
                _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
                int r;

                r = format_page(m->control, m->n_next, m->device, &json, &m->n_next);
                if (r < 0)
                        return r;
                if (r > 0) {
                        r = ipc_call_reply_continues_json(m->call, &json);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* A monitor that cannot be served is told so by the end of its connection, or later by what it missed. */
static void on_telemetry(void *userdata) {
        Control *control = userdata;

        for (Monitor *m = control->monitors; m; m = m->next)
                (void) monitor_update(m);
}

static void add_count(IpcJson *json, const Count *c) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "device", c->device);
        ipc_json_cstring(json, "source", c->source);
        ipc_json_int(json, "messages", (int64_t) c->n_messages);
        if (c->has_numbers) {
                ipc_json_int(json, "first", (int64_t) c->first);
                ipc_json_int(json, "last", (int64_t) c->last);
        }
        ipc_json_int(json, "missing", (int64_t) c->n_missing);
        ipc_json_int(json, "repeated", (int64_t) c->n_repeated);
        ipc_json_int(json, "disordered", (int64_t) c->n_disordered);
        ipc_json_int(json, "untracked", (int64_t) c->n_untracked);
        ipc_json_end(json);
}

static int on_counts(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const LogParams *p = params;
        Control *control = userdata;
        const Device *device;
        Count count;

        if (!find_filter(control, p, &device))
                return control_reply_service_error(call, 404001);

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "counts");
        for (size_t i = 0; control->hub->counts && counts_get(control->hub->counts, i, &count); i++)
                if (!device || strcmp(device->id, count.device) == 0)
                        add_count(&json, &count);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* The interface --------------------------------------------------------------------------------------- */

static const IpcMethod methods[] = {
        { "AddDevice", 0, 0, &control_add_device_params, control_on_add_device },
        { "ChangeDevice", 0, 0, &control_add_device_params, control_on_change_device },
        { "SetDeviceStatus", 0, 0, &control_device_status_params, control_on_set_device_status },
        { "RemoveDevice", 0, 0, &device_params, control_on_remove_device },
        { "ListDevices", 0, 0, NULL, control_on_list_devices },
        { "Invoke", 0, 0, &invoke_params, on_invoke },
        { "SendMessage", 0, 0, &control_send_message_params, control_on_send_message },
        { "ListMessages", 0, 0, &device_params, control_on_list_messages },
        { "PurgeMessages", 0, 0, &device_params, control_on_purge_messages },
        { "Feedback", 0, 0, &control_feedback_params, control_on_feedback },
        { "GetTwin", 0, 0, &device_params, control_on_get_twin },
        { "UpdateDesired", 0, 0, &control_update_desired_params, control_on_update_desired },
        { "ReplaceDesired", 0, 0, &control_replace_desired_params, control_on_replace_desired },
        { "TwinFault", 0, 0, &control_twin_fault_params, control_on_twin_fault },
        { "Log", 0, 0, &log_params, on_log },
        { "Counts", 0, 0, &monitor_params, on_counts },
        { "Monitor", 0, IPC_METHOD_MORE_ONLY, &monitor_params, on_monitor },
        { "AddEnrollment", 0, 0, &control_add_enrollment_params, control_on_add_enrollment },
        { "ChangeEnrollment", 0, 0, &control_change_enrollment_params, control_on_change_enrollment },
        { "RemoveEnrollment", 0, 0, &control_enrollment_params, control_on_remove_enrollment },
        { "ListEnrollments", 0, 0, NULL, control_on_list_enrollments },
        { "FormatEnrollment", 0, 0, &control_format_enrollment_params, control_on_format_enrollment },
        { "GetRegistration", 0, 0, &control_registration_params, control_on_get_registration },
        { "Kick", 0, 0, &device_params, control_on_kick },
        { "HalfOpen", 0, 0, &device_params, control_on_half_open },
        { "SilentClose", 0, 0, &control_silent_close_params, control_on_silent_close },
        { "ServerCertificate", 0, 0, &control_server_certificate_params, control_on_server_certificate },
        { "RefuseWebSocket", 0, 0, &control_refuse_websocket_params, control_on_refuse_websocket },
        { "FragmentWebSocket", 0, 0, &control_fragment_params, control_on_fragment_websocket },
        { "ClockOffset", 0, 0, &control_clock_offset_params, control_on_clock_offset },
        { "Cut", 0, 0, &control_cut_params, control_on_cut },
        { "RefuseConnect", 0, 0, &control_refuse_params, control_on_refuse_connect },
        { "CloseAfterConnect", 0, 0, &control_close_params, control_on_close_after_connect },
        { "Poison", 0, 0, &control_poison_params, control_on_poison },
        { "DelayPuback", 0, 0, &control_milliseconds_params, control_on_delay_puback },
        { "HoldPubacks", 0, 0, &control_hold_params, control_on_hold_pubacks },
        { "DropBeforePuback", 0, 0, &control_count_params, control_on_drop_before_puback },
        { "SubackFailure", 0, 0, &control_count_params, control_on_suback_failure },
        { "DropSuback", 0, 0, &control_count_params, control_on_drop_suback },
        { "EarlyMessages", 0, 0, &control_early_params, control_on_early_messages },
        { "MessageLock", 0, 0, &control_milliseconds_params, control_on_message_lock },
        { "MessageForm", 0, 0, &control_form_params, control_on_message_form },
        { "NeverConnected", 0, 0, &control_never_connected_params, control_on_never_connected },
        { "SetLimits", 0, 0, &control_limits_params, control_on_set_limits },
        { "GetLimits", 0, 0, NULL, control_on_get_limits },
        { "ResetQuota", 0, 0, NULL, control_on_reset_quota },
        { "DpsFault", 0, 0, &control_dps_fault_params, control_on_dps_fault },
        { "ListFaults", 0, 0, NULL, control_on_list_faults },
        { "ClearFaults", 0, 0, NULL, control_on_clear_faults },
};

/* The interface file, embedded by embed.py. */
extern const char io_aziotd_hubsim_varlink[];

const IpcInterface control_interface = {
        .name = "io.aziotd.hubsim",
        .description = io_aziotd_hubsim_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};

static int listen_on(const char *path) {
        _cleanup_(close_fdp) int fd = -1;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        (void) unlink(path);
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
            listen(fd, SOMAXCONN) < 0)
                return -errno;
        return TAKE_FD(fd);
}

Control *control_free(Control *control) {
        if (!control)
                return NULL;

        control->hub->on_telemetry = NULL;
        control->hub->on_removal = NULL;
        ipc_server_free(control->server);
        if (control->path)
                (void) unlink(control->path);
        free(control->path);
        free(control);
        return NULL;
}

int control_new(Hub *hub, const char *path, Control **ret) {
        static const IpcServerConfig config = {
                .vendor = "aziotd",
                .product = "aziot-hubsim",
                .version = AZIOT_VERSION,
                .url = "https://aziotd.io",
        };
        _cleanup_(control_freep) Control *control = NULL;
        int fd, r;

        control = malloc(sizeof(*control));
        if (!control)
                return -ENOMEM;
        *control = (Control){ .hub = hub };

        r = ipc_server_new(&control->server, hub->event, &config);
        if (r < 0)
                return r;
        r = ipc_server_add_interface(control->server, &control_interface, control);
        if (r < 0)
                return r;
        fd = listen_on(path);
        if (fd < 0)
                return fd;
        control->path = strdup(path);
        r = ipc_server_listen(control->server, fd);
        if (r < 0)
                return r;
        if (!control->path)
                return -ENOMEM;
        hub->on_telemetry = on_telemetry;
        hub->on_removal = on_removal;
        hub->userdata = control;

        *ret = TAKE_PTR(control);
        return 0;
}
