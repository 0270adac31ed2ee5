/* SPDX-License-Identifier: MIT */
#pragma once

/* What control.c, the interface, and control-*.c, groups of its methods, know of each other. */

#include "hubsim/control.h"
#include "ipc/json.h"

typedef struct Monitor Monitor;

struct Control {
        Hub *hub;
        IpcServer *server;
        Monitor *monitors;
        char *path;
};

/* Parameters of a method that has a device alone. */
typedef struct DeviceParams {
        az_span device;
} DeviceParams;

/* The row of a field "device" in the table of 'type'. */
#define CONTROL_DEVICE_FIELD(type) \
        { "device", IPC_FIELD_STRING, offsetof(type, device), .min = 1, .max = 128 }

/* As a string in 'buffer'; NULL where there is none, and for one that is too long or has a NUL in it. */
const char *control_get_text(az_span text, char *buffer, size_t size);

/* NULL: there is none; the answer is ServiceError 404001. */
Device *control_find_device(const Control *control, az_span id);

int control_reply_service_error(IpcCall *call, unsigned code);

/* The same with a sentence that says more than the code does, or NULL. */
int control_reply_refusal(IpcCall *call, unsigned code, const char *message);

/* What an identity is to prove itself with: control-attestation.c. */
typedef struct AttestationParams {
        int kind;
        az_span keys[2], thumbprints[2]; /* primary, secondary */
} AttestationParams;

/* A key, or a thumbprint with colons: some text longer than that is neither. */
#define CONTROL_CREDENTIAL_MAX 128

#define CONTROL_CREDENTIAL_FIELD(name, type, member) \
        { name, IPC_FIELD_STRING, offsetof(type, member), IPC_FIELD_NULLABLE, .max = CONTROL_CREDENTIAL_MAX }

#define CONTROL_AUTHENTICATION_FIELD(type, member)                                            \
        {                                                                                     \
                "authentication", IPC_FIELD_ENUM, offsetof(type, member), IPC_FIELD_NULLABLE, \
                        .names = attestation_kind_names, .absent = ATTESTATION_KEYS           \
        }

/* The rows of its fields in the table of 'type', whose member 'member' it is. */
#define CONTROL_ATTESTATION_FIELDS(type, member)                                            \
        CONTROL_AUTHENTICATION_FIELD(type, member.kind),                                    \
                CONTROL_CREDENTIAL_FIELD("primaryKey", type, member.keys[0]),               \
                CONTROL_CREDENTIAL_FIELD("secondaryKey", type, member.keys[1]),             \
                CONTROL_CREDENTIAL_FIELD("primaryThumbprint", type, member.thumbprints[0]), \
                CONTROL_CREDENTIAL_FIELD("secondaryThumbprint", type, member.thumbprints[1])

/* For a CA, the thumbprints are the CA's. -EINVAL: the parameter with this name is wrong, missing or too
 * much. */
int control_make_attestation(const AttestationParams *p, Attestation *ret, const char **ret_wrong);

/* Adds what it is to a reply; no keys. */
void control_add_attestation(IpcJson *json, const Attestation *attestation);

/* Devices: control-devices.c. */
extern const IpcStruct control_add_device_params, control_device_status_params;
int control_on_add_device(IpcCall *call, const void *params, void *userdata);
int control_on_change_device(IpcCall *call, const void *params, void *userdata);
int control_on_set_device_status(IpcCall *call, const void *params, void *userdata);
int control_on_remove_device(IpcCall *call, const void *params, void *userdata);
int control_on_list_devices(IpcCall *call, const void *params, void *userdata);

/* Cloud-to-device messages: control-messages.c. */
extern const IpcStruct control_send_message_params, control_feedback_params;
int control_on_send_message(IpcCall *call, const void *params, void *userdata);
int control_on_list_messages(IpcCall *call, const void *params, void *userdata);
int control_on_purge_messages(IpcCall *call, const void *params, void *userdata);
int control_on_feedback(IpcCall *call, const void *params, void *userdata);

/* Twins: control-twin.c. */
extern const IpcStruct control_update_desired_params, control_replace_desired_params,
        control_twin_fault_params;
int control_on_get_twin(IpcCall *call, const void *params, void *userdata);
int control_on_update_desired(IpcCall *call, const void *params, void *userdata);
int control_on_replace_desired(IpcCall *call, const void *params, void *userdata);
int control_on_twin_fault(IpcCall *call, const void *params, void *userdata);

/* Appends the faults of a device that has a twin, if there are any, as faults_list() does. */
void control_list_twin_faults(const Device *device, IpcJson *json);

/* The provisioning service: control-enrollment.c. */
extern const IpcStruct control_add_enrollment_params, control_change_enrollment_params,
        control_enrollment_params, control_format_enrollment_params, control_registration_params,
        control_dps_fault_params;
int control_on_add_enrollment(IpcCall *call, const void *params, void *userdata);
int control_on_change_enrollment(IpcCall *call, const void *params, void *userdata);
int control_on_remove_enrollment(IpcCall *call, const void *params, void *userdata);
int control_on_list_enrollments(IpcCall *call, const void *params, void *userdata);
int control_on_format_enrollment(IpcCall *call, const void *params, void *userdata);
int control_on_get_registration(IpcCall *call, const void *params, void *userdata);
int control_on_dps_fault(IpcCall *call, const void *params, void *userdata);

/* Appends its faults, if there are any, as faults_list() does. */
void control_list_dps_faults(const DpsFaults *faults, IpcJson *json);

/* Limits: control-limits.c. */
extern const IpcStruct control_limits_params;
int control_on_set_limits(IpcCall *call, const void *params, void *userdata);
int control_on_get_limits(IpcCall *call, const void *params, void *userdata);
int control_on_reset_quota(IpcCall *call, const void *params, void *userdata);

/* Faults: control-faults.c. */
extern const IpcStruct control_cut_params, control_refuse_params, control_close_params, control_poison_params,
        control_count_params, control_milliseconds_params, control_hold_params, control_early_params,
        control_form_params, control_never_connected_params, control_silent_close_params,
        control_server_certificate_params, control_clock_offset_params, control_refuse_websocket_params,
        control_fragment_params;
int control_on_kick(IpcCall *call, const void *params, void *userdata);
int control_on_half_open(IpcCall *call, const void *params, void *userdata);
int control_on_silent_close(IpcCall *call, const void *params, void *userdata);
int control_on_server_certificate(IpcCall *call, const void *params, void *userdata);
int control_on_refuse_websocket(IpcCall *call, const void *params, void *userdata);
int control_on_fragment_websocket(IpcCall *call, const void *params, void *userdata);
int control_on_clock_offset(IpcCall *call, const void *params, void *userdata);
int control_on_cut(IpcCall *call, const void *params, void *userdata);
int control_on_refuse_connect(IpcCall *call, const void *params, void *userdata);
int control_on_close_after_connect(IpcCall *call, const void *params, void *userdata);
int control_on_poison(IpcCall *call, const void *params, void *userdata);
int control_on_delay_puback(IpcCall *call, const void *params, void *userdata);
int control_on_hold_pubacks(IpcCall *call, const void *params, void *userdata);
int control_on_drop_before_puback(IpcCall *call, const void *params, void *userdata);
int control_on_suback_failure(IpcCall *call, const void *params, void *userdata);
int control_on_drop_suback(IpcCall *call, const void *params, void *userdata);
int control_on_early_messages(IpcCall *call, const void *params, void *userdata);
int control_on_message_lock(IpcCall *call, const void *params, void *userdata);
int control_on_message_form(IpcCall *call, const void *params, void *userdata);
int control_on_never_connected(IpcCall *call, const void *params, void *userdata);
int control_on_list_faults(IpcCall *call, const void *params, void *userdata);
int control_on_clear_faults(IpcCall *call, const void *params, void *userdata);
