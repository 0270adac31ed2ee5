/* SPDX-License-Identifier: MIT */

/* Faults on demand: each call sets one, and 0 or false ends it. */

#include "hubsim/control-internal.h"

#include <inttypes.h>

#include "hubsim/mqtt-codec.h"
#include "hubsim/session.h"
#include "hubsim/twin.h"

#define COUNT_MAX        1000000
#define SECONDS_MAX      86400
#define MILLISECONDS_MAX (SECONDS_MAX * 1000)
#define POISON_MAX       256

/* Twenty years: no time that is reckoned with it is before 1970. */
#define CLOCK_OFFSET_MAX 630720000

typedef struct FaultParams {
        az_span device, text;
        int64_t code, count, seconds, milliseconds;
        bool on, bare_keys, question_mark;
        int never_connected, end, certificate;
} FaultParams;

#define COUNT_FIELD \
        { "count", IPC_FIELD_INT, offsetof(FaultParams, count), .min = 0, .max = COUNT_MAX }
#define MILLISECONDS_FIELD                                                                                  \
        {                                                                                                   \
                "milliseconds", IPC_FIELD_INT, offsetof(FaultParams, milliseconds), .min = 0,               \
                                                                                    .max = MILLISECONDS_MAX \
        }

static const IpcField cut_fields[] = {
        { "seconds", IPC_FIELD_INT, offsetof(FaultParams, seconds), .min = 0, .max = SECONDS_MAX },
};
static const IpcField refuse_fields[] = {
        { "code", IPC_FIELD_INT, offsetof(FaultParams, code), .min = 0, .max = _MQTT_CONNACK_CODE_MAX - 1 },
        COUNT_FIELD,
};
static const IpcField close_fields[] = {
        MILLISECONDS_FIELD,
        COUNT_FIELD,
        { "device", IPC_FIELD_STRING, offsetof(FaultParams, device), IPC_FIELD_NULLABLE, .min = 1,
          .max = 128 },
};
static const IpcField poison_fields[] = {
        { "text", IPC_FIELD_STRING, offsetof(FaultParams, text), .min = 1, .max = POISON_MAX },
        { "count", IPC_FIELD_INT, offsetof(FaultParams, count), IPC_FIELD_NULLABLE, .min = 0,
          .max = COUNT_MAX, .absent = COUNT_MAX },
};
static const IpcField count_fields[] = { COUNT_FIELD };
static const IpcField milliseconds_fields[] = { MILLISECONDS_FIELD };
static const IpcField hold_fields[] = {
        { "hold", IPC_FIELD_BOOL, offsetof(FaultParams, on) },
};
static const IpcField early_fields[] = {
        { "early", IPC_FIELD_BOOL, offsetof(FaultParams, on) },
};
static const IpcField form_fields[] = {
        { "bareKeys", IPC_FIELD_BOOL, offsetof(FaultParams, bare_keys) },
        { "questionMark", IPC_FIELD_BOOL, offsetof(FaultParams, question_mark) },
};
static const IpcField never_connected_fields[] = {
        { "messages", IPC_FIELD_ENUM, offsetof(FaultParams, never_connected),
          .names = never_connected_names },
};
static const char *const end_names[] = { "fin", "reset", NULL }; /* from STREAM_END_FIN on */
static const IpcField silent_close_fields[] = {
        CONTROL_DEVICE_FIELD(FaultParams),
        { "how", IPC_FIELD_ENUM, offsetof(FaultParams, end), IPC_FIELD_NULLABLE, .names = end_names },
};
static const char *const certificate_names[] = {
        [SERVER_CERTIFICATE_GOOD] = "off",
        [SERVER_CERTIFICATE_WRONG_NAME] = "wrongName",
        [SERVER_CERTIFICATE_EXPIRED] = "expired",
        [SERVER_CERTIFICATE_NOT_YET_VALID] = "notYetValid",
        [SERVER_CERTIFICATE_UNTRUSTED] = "untrusted",
        [_SERVER_CERTIFICATE_MAX] = NULL,
};
static const IpcField server_certificate_fields[] = {
        { "certificate", IPC_FIELD_ENUM, offsetof(FaultParams, certificate), .names = certificate_names },
        { "count", IPC_FIELD_INT, offsetof(FaultParams, count), IPC_FIELD_NULLABLE, .min = 0,
          .max = COUNT_MAX, .absent = FAULT_FOR_GOOD },
};
/* Those of HTTP that refuse. */
static const IpcField refuse_websocket_fields[] = {
        { "status", IPC_FIELD_INT, offsetof(FaultParams, code), .min = 400, .max = 599 },
        COUNT_FIELD,
};
static const IpcField fragment_fields[] = {
        { "bytes", IPC_FIELD_INT, offsetof(FaultParams, count), .min = 0, .max = COUNT_MAX },
};
static const IpcField clock_offset_fields[] = {
        { "seconds", IPC_FIELD_INT, offsetof(FaultParams, seconds), .min = -CLOCK_OFFSET_MAX,
          .max = CLOCK_OFFSET_MAX },
};
const IpcStruct control_cut_params = IPC_STRUCT(FaultParams, cut_fields);
const IpcStruct control_refuse_params = IPC_STRUCT(FaultParams, refuse_fields);
const IpcStruct control_close_params = IPC_STRUCT(FaultParams, close_fields);
const IpcStruct control_poison_params = IPC_STRUCT(FaultParams, poison_fields);
const IpcStruct control_count_params = IPC_STRUCT(FaultParams, count_fields);
const IpcStruct control_milliseconds_params = IPC_STRUCT(FaultParams, milliseconds_fields);
const IpcStruct control_hold_params = IPC_STRUCT(FaultParams, hold_fields);
const IpcStruct control_early_params = IPC_STRUCT(FaultParams, early_fields);
const IpcStruct control_form_params = IPC_STRUCT(FaultParams, form_fields);
const IpcStruct control_never_connected_params = IPC_STRUCT(FaultParams, never_connected_fields);

const IpcStruct control_silent_close_params = IPC_STRUCT(FaultParams, silent_close_fields);
const IpcStruct control_server_certificate_params = IPC_STRUCT(FaultParams, server_certificate_fields);
const IpcStruct control_refuse_websocket_params = IPC_STRUCT(FaultParams, refuse_websocket_fields);
const IpcStruct control_fragment_params = IPC_STRUCT(FaultParams, fragment_fields);
const IpcStruct control_clock_offset_params = IPC_STRUCT(FaultParams, clock_offset_fields);

static int reply_done(IpcCall *call, int r) {
        return r < 0 ? r : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static int reply_was_connected(IpcCall *call, bool was_connected) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_bool(&json, "wasConnected", was_connected);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_kick(IpcCall *call, const void *params, void *userdata) {
        const DeviceParams *p = params;
        Device *device = control_find_device(userdata, p->device);
        bool was_connected;

        if (!device)
                return control_reply_service_error(call, 404001);

        was_connected = device->session;
        if (was_connected)
                session_close(device->session, SESSION_END_LOST, 404104);
        return reply_was_connected(call, was_connected);
}

int control_on_half_open(IpcCall *call, const void *params, void *userdata) {
        const DeviceParams *p = params;
        Device *device = control_find_device(userdata, p->device);
        int r;

        if (!device)
                return control_reply_service_error(call, 404001);

        if (device->session) {
                r = session_freeze(device->session);
                if (r < 0)
                        return r;
        }
        return reply_was_connected(call, device->session);
}

int control_on_silent_close(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Device *device = control_find_device(userdata, p->device);
        bool was_connected;

        if (!device)
                return control_reply_service_error(call, 404001);

        was_connected = device->session;
        if (was_connected)
                session_drop(device->session, (StreamEnd) (STREAM_END_FIN + p->end));
        return reply_was_connected(call, was_connected);
}

int control_on_server_certificate(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        return reply_done(call, hub_show_certificate(control->hub, (ServerCertificate) p->certificate,
                                                     (unsigned) p->count));
}

int control_on_refuse_websocket(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.refuse_websocket_status = (unsigned) p->code;
        control->hub->faults.n_refuse_websocket = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_fragment_websocket(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.websocket_fragment_size = (uint32_t) p->count;
        return reply_done(call, 0);
}

int control_on_clock_offset(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        return reply_done(call, hub_set_clock_offset(control->hub, p->seconds));
}

int control_on_cut(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        return reply_done(call, hub_cut(control->hub, (uint64_t) p->seconds));
}

int control_on_refuse_connect(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.refuse_code = (unsigned) p->code;
        control->hub->faults.n_refuse = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_close_after_connect(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;
        Faults *faults = &control->hub->faults;
        const Device *device = ipc_is_absent(p->device) ? NULL : control_find_device(control, p->device);

        if (!device && !ipc_is_absent(p->device))
                return control_reply_service_error(call, 404001);

        faults->close_device = device;
        faults->close_after_us = (uint64_t) p->milliseconds * USEC_PER_MSEC;
        faults->n_close = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_poison(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;
        Faults *faults = &control->hub->faults;
        char *text = strndup((const char *) az_span_ptr(p->text), (size_t) az_span_size(p->text));

        if (!text)
                return -ENOMEM;

        free(faults->poison);
        faults->poison = text;
        faults->n_poison = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_delay_puback(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.puback_delay_us = (uint64_t) p->milliseconds * USEC_PER_MSEC;
        return reply_done(call, 0);
}

int control_on_hold_pubacks(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        return reply_done(call, hub_hold_pubacks(control->hub, p->on));
}

int control_on_drop_before_puback(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.n_drop_before_puback = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_suback_failure(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.n_suback_failures = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_drop_suback(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.n_suback_drops = (unsigned) p->count;
        return reply_done(call, 0);
}

int control_on_early_messages(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.early_messages = p->on;
        return reply_done(call, 0);
}

int control_on_message_lock(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.lock_us = (uint64_t) p->milliseconds * USEC_PER_MSEC;
        return reply_done(call, 0);
}

int control_on_message_form(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.form = (C2dForm){ .bare_keys = p->bare_keys, .question_mark = p->question_mark };
        return reply_done(call, 0);
}

int control_on_never_connected(IpcCall *call, const void *params, void *userdata) {
        const FaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.never_connected = (NeverConnected) p->never_connected;
        return reply_done(call, 0);
}

static void list_faults(const Hub *hub, IpcJson *json) {
        uint64_t now_us = boottime_us();
        char text[256];

        faults_list(&hub->faults, json);
        control_list_dps_faults(&hub->faults.dps, json);
        if (hub->resume_us > now_us) {
                (void) snprintf(text, sizeof(text), "cut %" PRIu64,
                                (hub->resume_us - now_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
                ipc_json_cstring(json, NULL, text);
        }
        for (const Device *d = registry_first(hub->registry); d; d = d->next) {
                if (d->session && session_is_frozen(d->session)) {
                        (void) snprintf(text, sizeof(text), "half-open %s", d->id);
                        ipc_json_cstring(json, NULL, text);
                }
                if (d->twin)
                        control_list_twin_faults(d, json);
        }
}

int control_on_list_faults(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Control *control = userdata;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "faults");
        list_faults(control->hub, &json);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_clear_faults(IpcCall *call, const void *params, void *userdata) {
        Control *control = userdata;

        return reply_done(call, hub_clear_faults(control->hub));
}
