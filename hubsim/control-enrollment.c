/* SPDX-License-Identifier: MIT */

/* The provisioning service: its enrollments, the registrations that came of them, and its faults. */

#include "hubsim/control-internal.h"

#include <azure/core/az_json.h>

#include "hubsim/dps.h"
#include "hubsim/mqtt-codec.h"

#define COUNT_MAX        1000000
#define SECONDS_MAX      86400
#define MILLISECONDS_MAX (SECONDS_MAX * 1000)
#define HOST_MAX         255
#define SOCKET_MAX       107 /* what a socket address holds */
#define MESSAGE_MAX      512

/* More than a device is likely to expect, and an answer that still fits a message. */
#define PAYLOAD_MAX (64 * 1024)

/* What is answered by 'status' unless told. */
#define STATUS_UNLESS_TOLD 429

static const char *const status_names[] = { "enabled", "disabled", NULL };

typedef struct EnrollmentParams {
        az_span enrollment;
        bool group;
        AttestationParams attestation;
        az_span device, hub, hub_socket, payload, failure_message;
        int64_t failure, assigning, retry_after_s; /* -1: not said */
        int status, reprovision;                   /* the same */
} EnrollmentParams;

#define ENROLLMENT_FIELD \
        { "enrollment", IPC_FIELD_STRING, offsetof(EnrollmentParams, enrollment), .min = 1, .max = 128 }

#define TEXT_FIELD(name, member, maximum) \
        { name, IPC_FIELD_STRING, offsetof(EnrollmentParams, member), IPC_FIELD_NULLABLE, .max = (maximum) }
#define NUMBER_FIELD(name, member, maximum)                                                  \
        {                                                                                    \
                name, IPC_FIELD_INT, offsetof(EnrollmentParams, member), IPC_FIELD_NULLABLE, \
                        .min = 0, .max = (maximum), .absent = -1                             \
        }
#define NAME_FIELD(name, member, table)                                                       \
        {                                                                                     \
                name, IPC_FIELD_ENUM, offsetof(EnrollmentParams, member), IPC_FIELD_NULLABLE, \
                        .names = (table), .absent = -1                                        \
        }

#define SETTINGS_FIELDS                                                                                  \
        TEXT_FIELD("device", device, 128), TEXT_FIELD("hub", hub, HOST_MAX),                             \
                TEXT_FIELD("hubSocket", hub_socket, SOCKET_MAX),                                         \
                TEXT_FIELD("payload", payload, PAYLOAD_MAX), NAME_FIELD("status", status, status_names), \
                NUMBER_FIELD("failure", failure, 999999),                                                \
                TEXT_FIELD("failureMessage", failure_message, MESSAGE_MAX),                              \
                NUMBER_FIELD("assigning", assigning, COUNT_MAX),                                         \
                NUMBER_FIELD("retryAfterSeconds", retry_after_s, SECONDS_MAX),                           \
                NAME_FIELD("reprovision", reprovision, reprovision_policy_names)

static const IpcField add_fields[] = {
        ENROLLMENT_FIELD,
        { "group", IPC_FIELD_BOOL, offsetof(EnrollmentParams, group), IPC_FIELD_NULLABLE },
        CONTROL_ATTESTATION_FIELDS(EnrollmentParams, attestation),
        SETTINGS_FIELDS,
};
static const IpcField change_fields[] = { ENROLLMENT_FIELD, SETTINGS_FIELDS };
static const IpcField enrollment_fields[] = { ENROLLMENT_FIELD };
const IpcStruct control_add_enrollment_params = IPC_STRUCT(EnrollmentParams, add_fields);
const IpcStruct control_change_enrollment_params = IPC_STRUCT(EnrollmentParams, change_fields);
const IpcStruct control_enrollment_params = IPC_STRUCT(EnrollmentParams, enrollment_fields);

/* Replaces a text by what was said; the empty text is none. */
static int set_text(char **text, az_span said) {
        char *copy = NULL;

        if (ipc_is_absent(said))
                return 0;
        if (az_span_size(said) > 0) {
                copy = strndup((const char *) az_span_ptr(said), (size_t) az_span_size(said));
                if (!copy)
                        return -ENOMEM;
        }
        free(*text);
        *text = copy;
        return 0;
}

/* Returns the name of a parameter that is wrong, NULL: none is. */
static const char *check_settings(const EnrollmentParams *p, bool is_group) {
        char id[129], host[HOST_MAX + 1], socket[SOCKET_MAX + 1], message[MESSAGE_MAX + 1];

        if (az_span_size(p->device) > 0 &&
            (is_group || !control_get_text(p->device, id, sizeof(id)) || !device_id_is_valid(id)))
                return "device";
        if (!ipc_is_absent(p->hub) && !control_get_text(p->hub, host, sizeof(host)))
                return "hub";
        if (!ipc_is_absent(p->hub_socket) && !control_get_text(p->hub_socket, socket, sizeof(socket)))
                return "hubSocket";
        if (!ipc_is_absent(p->failure_message) &&
            !control_get_text(p->failure_message, message, sizeof(message)))
                return "failureMessage";
        if (az_span_size(p->payload) > 0 && az_result_failed(az_json_validate(p->payload)))
                return "payload";
        if (p->failure > 0 && p->failure < 100000)
                return "failure";
        return NULL;
}

static int apply_settings(const EnrollmentParams *p, EnrollmentSettings *settings) {
        int r;

        if (p->status >= 0)
                settings->is_enabled = p->status == 0;
        if (p->failure >= 0)
                settings->failure = (unsigned) p->failure;
        if (p->assigning >= 0)
                settings->n_assigning = (unsigned) p->assigning;
        if (p->retry_after_s >= 0)
                settings->retry_after_s = (unsigned) p->retry_after_s;
        if (p->reprovision >= 0)
                settings->policy = (ReprovisionPolicy) p->reprovision;
        r = set_text(&settings->device_id, p->device);
        if (r < 0)
                return r;
        r = set_text(&settings->hub, p->hub);
        if (r < 0)
                return r;
        r = set_text(&settings->hub_socket, p->hub_socket);
        if (r < 0)
                return r;
        r = set_text(&settings->failure_message, p->failure_message);
        if (r < 0)
                return r;
        return set_text(&settings->payload, p->payload);
}

static Enrollment *find_enrollment(const Control *control, az_span id) {
        return enrollments_find(control->hub->enrollments, id);
}

static int reply_not_found(IpcCall *call) {
        return control_reply_refusal(call, 404201, "there is no such enrollment");
}

static int reply_connection_string(IpcCall *call, const Hub *hub, const Enrollment *enrollment,
                                   const char *registration_id) {
        _cleanup_(freep) char *text = dps_format_connection_string(hub, enrollment, registration_id);
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (!text)
                return -ENOMEM;
        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "connectionString", text);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_add_enrollment(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(enrollment_settings_done) EnrollmentSettings settings = ENROLLMENT_SETTINGS_DEFAULT;
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        const EnrollmentParams *p = params;
        const char *wrong = check_settings(p, p->group);
        Control *control = userdata;
        Enrollment *enrollment;
        int r;

        if (!wrong && p->group && p->attestation.kind == ATTESTATION_THUMBPRINT)
                wrong = "authentication"; /* devices of a group do not share a certificate */
        if (wrong)
                return ipc_call_error_invalid_parameter(call, wrong);
        r = control_make_attestation(&p->attestation, &attestation, &wrong);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, wrong);
        if (r < 0)
                return r;
        r = apply_settings(p, &settings);
        if (r < 0)
                return r;

        r = enrollments_add(control->hub->enrollments, p->enrollment, p->group, &attestation, &settings,
                            &enrollment);
        if (r == -EINVAL)
                return ipc_call_error_invalid_parameter(call, "enrollment");
        if (r == -EEXIST)
                return control_reply_refusal(call, 409201, "there is an enrollment of that name");
        if (r < 0)
                return r;
        return reply_connection_string(call, control->hub, enrollment, NULL);
}

int control_on_change_enrollment(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(enrollment_settings_done) EnrollmentSettings settings = {};
        const EnrollmentParams *p = params;
        Control *control = userdata;
        Enrollment *enrollment = find_enrollment(control, p->enrollment);
        const char *wrong;
        int r;

        if (!enrollment)
                return reply_not_found(call);
        wrong = check_settings(p, enrollment->is_group);
        if (wrong)
                return ipc_call_error_invalid_parameter(call, wrong);
        r = enrollment_settings_copy(&enrollment->settings, &settings);
        if (r < 0)
                return r;
        r = apply_settings(p, &settings);
        if (r < 0)
                return r;

        r = enrollments_change(control->hub->enrollments, enrollment, &settings);
        return r < 0 ? r : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

int control_on_remove_enrollment(IpcCall *call, const void *params, void *userdata) {
        const EnrollmentParams *p = params;
        Control *control = userdata;
        Enrollment *enrollment = find_enrollment(control, p->enrollment);
        int r;

        if (!enrollment)
                return reply_not_found(call);

        r = enrollments_remove(control->hub->enrollments, enrollment);
        return r < 0 ? r : ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static void add_text(IpcJson *json, const char *name, const char *text) {
        if (text)
                ipc_json_cstring(json, name, text);
}

static int add_enrollment(IpcJson *json, const Hub *hub, const Enrollment *e) {
        _cleanup_(freep) char *text = dps_format_connection_string(hub, e, NULL);
        const EnrollmentSettings *s = &e->settings;

        if (!text)
                return -ENOMEM;
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "enrollment", e->id);
        ipc_json_bool(json, "group", e->is_group);
        ipc_json_cstring(json, "connectionString", text);
        control_add_attestation(json, &e->attestation);
        add_text(json, "device", s->device_id);
        add_text(json, "hub", s->hub);
        add_text(json, "hubSocket", s->hub_socket);
        add_text(json, "payload", s->payload);
        add_text(json, "failureMessage", s->failure_message);
        ipc_json_cstring(json, "status", status_names[s->is_enabled ? 0 : 1]);
        ipc_json_int(json, "failure", s->failure);
        ipc_json_int(json, "assigning", s->n_assigning);
        ipc_json_int(json, "retryAfterSeconds", s->retry_after_s);
        ipc_json_cstring(json, "reprovision", reprovision_policy_names[s->policy]);
        ipc_json_begin_array(json, "registrations");
        for (const Registration *r = e->registrations; r; r = r->next)
                ipc_json_cstring(json, NULL, r->id);
        ipc_json_end_array(json);
        ipc_json_end(json);
        return 0;
}

int control_on_list_enrollments(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Control *control = userdata;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "enrollments");
        for (const Enrollment *e = enrollments_first(control->hub->enrollments); e; e = e->next) {
                r = add_enrollment(&json, control->hub, e);
                if (r < 0)
                        return r;
        }
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* Registrations --------------------------------------------------------------------------------------- */

typedef struct RegistrationParams {
        az_span enrollment, registration;
} RegistrationParams;

static const IpcField format_fields[] = {
        { "enrollment", IPC_FIELD_STRING, offsetof(RegistrationParams, enrollment), .min = 1, .max = 128 },
        { "registration", IPC_FIELD_STRING, offsetof(RegistrationParams, registration), IPC_FIELD_NULLABLE,
          .min = 1, .max = 128 },
};
static const IpcField registration_fields[] = {
        { "registration", IPC_FIELD_STRING, offsetof(RegistrationParams, registration), .min = 1,
          .max = 128 },
};
const IpcStruct control_format_enrollment_params = IPC_STRUCT(RegistrationParams, format_fields);
const IpcStruct control_registration_params = IPC_STRUCT(RegistrationParams, registration_fields);

int control_on_format_enrollment(IpcCall *call, const void *params, void *userdata) {
        const RegistrationParams *p = params;
        Control *control = userdata;
        const Enrollment *enrollment = find_enrollment(control, p->enrollment);
        char id[REGISTRATION_ID_SIZE];

        if (!enrollment)
                return reply_not_found(call);
        if (ipc_is_absent(p->registration))
                return reply_connection_string(call, control->hub, enrollment, NULL);
        if (!enrollment->is_group || !registration_id_parse(p->registration, id))
                return ipc_call_error_invalid_parameter(call, "registration");
        return reply_connection_string(call, control->hub, enrollment, id);
}

int control_on_get_registration(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const RegistrationParams *p = params;
        Control *control = userdata;
        const Registration *registration;
        const Enrollment *enrollment;

        registration = enrollments_find_registration(control->hub->enrollments, p->registration, &enrollment);
        if (!registration)
                return control_reply_refusal(call, 404202, "no device has registered with that id");

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "enrollment", enrollment->id);
        dps_format_state(enrollment, registration, NULL, "state", &json);
        if (registration->operation.payload)
                ipc_json_cstring(&json, "payload", registration->operation.payload);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* DpsFault -------------------------------------------------------------------------------------------- */

typedef struct DpsFaultParams {
        int64_t refuse, refuse_code, close, registers, polls, status, error_code, retry_after_s, drop,
                delay_ms, foreign, unassigned, null_states;
} DpsFaultParams;

#define COUNT_FIELD(name, member)                                                                           \
        {                                                                                                   \
                name, IPC_FIELD_INT, offsetof(DpsFaultParams, member), IPC_FIELD_NULLABLE, .min = 0,        \
                                                                                           .max = COUNT_MAX \
        }

static const IpcField dps_fault_fields[] = {
        COUNT_FIELD("refuse", refuse),
        { "refuseCode", IPC_FIELD_INT, offsetof(DpsFaultParams, refuse_code), IPC_FIELD_NULLABLE, .min = 0,
          .max = _MQTT_CONNACK_CODE_MAX - 1, .absent = MQTT_CONNACK_NOT_AUTHORIZED },
        COUNT_FIELD("close", close),
        COUNT_FIELD("registers", registers),
        COUNT_FIELD("polls", polls),
        { "status", IPC_FIELD_INT, offsetof(DpsFaultParams, status), IPC_FIELD_NULLABLE, .min = 400,
          .max = 599, .absent = STATUS_UNLESS_TOLD },
        { "errorCode", IPC_FIELD_INT, offsetof(DpsFaultParams, error_code), IPC_FIELD_NULLABLE, .min = 400000,
          .max = 599999 },
        { "retryAfterSeconds", IPC_FIELD_INT, offsetof(DpsFaultParams, retry_after_s), IPC_FIELD_NULLABLE,
          .min = 0, .max = SECONDS_MAX, .absent = -1 },
        COUNT_FIELD("drop", drop),
        { "delayMilliseconds", IPC_FIELD_INT, offsetof(DpsFaultParams, delay_ms), IPC_FIELD_NULLABLE,
          .min = 0, .max = MILLISECONDS_MAX },
        COUNT_FIELD("foreign", foreign),
        COUNT_FIELD("unassigned", unassigned),
        COUNT_FIELD("nullStates", null_states),
};
const IpcStruct control_dps_fault_params = IPC_STRUCT(DpsFaultParams, dps_fault_fields);

int control_on_dps_fault(IpcCall *call, const void *params, void *userdata) {
        const DpsFaultParams *p = params;
        Control *control = userdata;

        control->hub->faults.dps = (DpsFaults){
                .n_refuse = (unsigned) p->refuse,
                .refuse_code = (unsigned) p->refuse_code,
                .n_closes = (unsigned) p->close,
                .n_registers = (unsigned) p->registers,
                .n_polls = (unsigned) p->polls,
                .status = (unsigned) p->status,
                .error_code = (unsigned) p->error_code,
                .n_unassigned = (unsigned) p->unassigned,
                .has_retry_after = p->retry_after_s >= 0,
                .retry_after_s = (uint64_t) MAX(p->retry_after_s, 0),
                .n_dropped = (unsigned) p->drop,
                .delay_us = (uint64_t) p->delay_ms * USEC_PER_MSEC,
                .n_foreign = (unsigned) p->foreign,
                .n_null_states = (unsigned) p->null_states,
        };
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static void add_count(IpcJson *json, const char *name, uint64_t value) {
        if (value > 0)
                ipc_json_int(json, name, (int64_t) value);
}

/* The members of a DpsFault that asks for these; "{}": there are none. */
static void format_faults(const DpsFaults *f, IpcJson *json) {
        ipc_json_begin(json, NULL);
        add_count(json, "refuse", f->n_refuse);
        if (f->n_refuse > 0)
                ipc_json_int(json, "refuseCode", f->refuse_code);
        add_count(json, "close", f->n_closes);
        add_count(json, "registers", f->n_registers);
        add_count(json, "polls", f->n_polls);
        if (f->n_registers > 0 || f->n_polls > 0) {
                if (f->error_code > 0)
                        ipc_json_int(json, "errorCode", f->error_code);
                else
                        ipc_json_int(json, "status", f->status);
                if (f->has_retry_after)
                        ipc_json_int(json, "retryAfterSeconds", (int64_t) f->retry_after_s);
        }
        add_count(json, "drop", f->n_dropped);
        add_count(json, "delayMilliseconds", f->delay_us / USEC_PER_MSEC);
        add_count(json, "foreign", f->n_foreign);
        add_count(json, "unassigned", f->n_unassigned);
        add_count(json, "nullStates", f->n_null_states);
        ipc_json_end(json);
}

void control_list_dps_faults(const DpsFaults *faults, IpcJson *json) {
        _cleanup_(ipc_json_done) IpcJson members = IPC_JSON_NULL;
        _cleanup_(freep) char *text = NULL;
        az_span object;

        format_faults(faults, &members);
        if (ipc_json_get(&members, &object) < 0 || az_span_size(object) <= 2)
                return;
        if (asprintf(&text, "dps %.*s", az_span_size(object), (const char *) az_span_ptr(object)) < 0)
                text = NULL;
        ipc_json_cstring(json, NULL, text);
}
