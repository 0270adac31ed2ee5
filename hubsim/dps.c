/* SPDX-License-Identifier: MIT */

#include "hubsim/dps.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <strings.h>

#include "hubsim/answer.h"
#include "hubsim/log.h"
#include "hubsim/other-hub.h"
#include "hubsim/percent.h"
#include "hubsim/timestamp.h"
#include "hubsim/uuid.h"

/* "Device polling: 5 per 10 seconds and device." */
#define POLLS_PERIOD_US (10 * USEC_PER_SEC)

/* Timers of clients that wait exactly as long as they were told may be a little early. */
#define RETRY_AFTER_SLACK_US (100 * USEC_PER_MSEC)

void dps_answer_done(DpsAnswer *answer) {
        ipc_json_done(&answer->body);
}

int dps_answer_error(DpsAnswer *answer, const DpsIdentity *who, unsigned code, const char *message) {
        char tracking_id[UUID_SIZE];
        int r;

        answer->status = code / 1000;
        r = answer_format_error(&answer->body, code, message, answer->time_us, tracking_id);
        if (r >= 0)
                log_event(who->registration_id, code, "registration refused: %s (tracking id %s)", message,
                          tracking_id);
        return r;
}

int dps_answer_throttled(DpsAnswer *answer, const DpsIdentity *who, uint64_t wait_us, const char *message) {
        answer->has_retry_after = true;
        answer->retry_after_s = (wait_us + USEC_PER_SEC - 1) / USEC_PER_SEC;
        return dps_answer_error(answer, who, 429001, message);
}

/* Documents ------------------------------------------------------------------------------------------- */

static const char *describe_failure(const Enrollment *enrollment, unsigned code) {
        if (enrollment->settings.failure_message)
                return enrollment->settings.failure_message;
        switch (code) {
        case 400207:
                return "Custom allocation failed with status code: 500";
        case 400208:
                return "No IoT hub is available for this device";
        case 400209:
                return "The provisioning service is not authorized on the IoT hub";
        default:
                return "The assignment failed, as it was asked to";
        }
}

static void add_time(IpcJson *json, const char *name, uint64_t realtime_us) {
        char text[TIMESTAMP_SIZE];

        timestamp_format(realtime_us, 7, text);
        ipc_json_cstring(json, name, text);
}

static void add_assignment(IpcJson *json, const Enrollment *enrollment, const Registration *registration,
                           const X509 *certificate) {
        ipc_json_cstring(json, "assignedHub", registration->hub);
        ipc_json_cstring(json, "deviceId", registration->device_id);
        ipc_json_cstring(json, "status", operation_status_names[OPERATION_ASSIGNED]);
        ipc_json_cstring(json, "substatus", substatus_names[registration->substatus]);
        add_time(json, "createdDateTimeUtc", registration->created_us);
        add_time(json, "lastUpdatedDateTimeUtc", registration->updated_us);
        ipc_json_cstring(json, "etag", registration->etag);
        ipc_json_begin(json, enrollment->attestation.kind == ATTESTATION_KEYS ? "symmetricKey" : "x509");
        if (certificate)
                certificate_format(certificate, "certificateInfo", json);
        if (enrollment->is_group)
                ipc_json_cstring(json, "enrollmentGroupId", enrollment->id);
        ipc_json_end(json);
        if (enrollment->settings.payload)
                ipc_json_raw(json, "payload", az_span_create_from_str(enrollment->settings.payload));
}

void dps_format_state(const Enrollment *enrollment, const Registration *registration, const X509 *certificate,
                      const char *name, IpcJson *json) {
        const Operation *operation = &registration->operation;

        ipc_json_begin(json, name);
        ipc_json_cstring(json, "registrationId", registration->id);
        if (operation->status == OPERATION_ASSIGNED)
                add_assignment(json, enrollment, registration, certificate);
        else
                ipc_json_cstring(json, "status", operation_status_names[operation->status]);
        if (operation->status == OPERATION_FAILED) {
                ipc_json_int(json, "errorCode", operation->failure);
                ipc_json_cstring(json, "errorMessage", describe_failure(enrollment, operation->failure));
                add_time(json, "lastUpdatedDateTimeUtc", operation->failed_us);
        }
        ipc_json_end(json);
}

/* Registering ----------------------------------------------------------------------------------------- */

/* "5.", 16 hexadecimal digits, ".", a UUID. */
static int make_operation_id(char ret[static OPERATION_ID_SIZE]) {
        char uuid[UUID_SIZE];
        uint64_t random;
        int r;

        r = uuid_make(uuid);
        if (r < 0)
                return r;
        if (RAND_bytes((uint8_t *) &random, sizeof(random)) != 1)
                return -EIO;
        (void) snprintf(ret, OPERATION_ID_SIZE, "5.%016" PRIx64 ".%s", random, uuid);
        return 0;
}

static int operation_begin(Operation *operation, const EnrollmentSettings *settings, az_span payload,
                           uint64_t now_us) {
        Operation next = {
                .status = OPERATION_ASSIGNING,
                .n_assigning = settings->n_assigning,
                .next_poll_us = now_us + settings->retry_after_s * USEC_PER_SEC,
        };
        int r;

        r = make_operation_id(next.id);
        if (r < 0)
                return r;
        if (az_span_size(payload) > 0) {
                next.payload = strndup((const char *) az_span_ptr(payload), (size_t) az_span_size(payload));
                if (!next.payload)
                        return -ENOMEM;
        }
        free(operation->payload);
        *operation = next;
        return 0;
}

/* Another one of the same name, which came after the device had connected, is not its. */
static Enrollment *find_enrollment(const Hub *hub, const DpsIdentity *who) {
        Enrollment *e = enrollments_find(hub->enrollments, az_span_create_from_str((char *) who->enrollment));

        return e && (e->attestation.kind == ATTESTATION_KEYS) == !who->certificate ? e : NULL;
}

int dps_register(Hub *hub, const DpsIdentity *who, az_span text, uint64_t now_us, DpsAnswer *answer) {
        Enrollment *enrollment = find_enrollment(hub, who);
        Registration *registration;
        DpsBody body;
        int r;

        if (dps_body_parse(text, &body) < 0)
                return dps_answer_error(answer, who, 400012, "the body is not a registration");
        if (strcmp(body.registration_id, who->registration_id) != 0)
                return dps_answer_error(answer, who, 400004, "the body has another registration id");
        if (body.has_csr)
                return dps_answer_error(answer, who, 400004, "this service issues no certificates");
        if (!enrollment)
                return dps_answer_error(answer, who, 404201, "its enrollment has been removed");

        r = enrollments_take_registration(hub->enrollments, enrollment, who->registration_id, &registration);
        if (r < 0)
                return r;
        r = operation_begin(&registration->operation, &enrollment->settings, body.payload, now_us);
        if (r < 0)
                return r;
        r = enrollments_save(hub->enrollments);
        if (r < 0)
                return dps_answer_error(answer, who, 500001, "the registration cannot be stored");

        log_event(who->registration_id, 0, "registers by %s '%s'",
                  enrollment->is_group ? "group" : "enrollment", enrollment->id);
        answer->status = 202;
        answer->has_retry_after = true;
        answer->retry_after_s = enrollment->settings.retry_after_s;
        ipc_json_begin(&answer->body, NULL);
        ipc_json_cstring(&answer->body, "operationId", registration->operation.id);
        ipc_json_cstring(&answer->body, "status", operation_status_names[OPERATION_ASSIGNING]);
        ipc_json_end(&answer->body);
        return 0;
}

/* Assigning ------------------------------------------------------------------------------------------- */

/* "The device identity is created using the device's leaf certificate as the credential", or its keys. A hub
 * that is not ours and has told no socket is a stranger, which does not hear of it. */
static int register_device(Hub *hub, const DpsIdentity *who, const Enrollment *enrollment,
                           const char *hub_name, const char *device_id) {
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        Device *device = registry_find(hub->registry, device_id, strlen(device_id));
        const char *socket = enrollment->settings.hub_socket;
        bool is_ours = hub_is_at(hub, hub_name);
        int r;

        if (!is_ours && !socket)
                return 0;
        if (who->certificate)
                r = attestation_init_certificate(&attestation, who->certificate);
        else
                r = enrollment_get_attestation(enrollment, who->registration_id, &attestation);
        if (r < 0)
                return r;
        if (!is_ours)
                return other_hub_put_device(socket, device_id, &attestation);
        return device ? registry_set_attestation(hub->registry, device, &attestation)
                      : registry_add_device(hub->registry, device_id, &attestation, &device);
}

/* "The device is removed from the hub where it was" when it has gone from ours to another one. */
static int unregister_device(Hub *hub, const Registration *registration, const char *hub_name) {
        Device *device;

        if (!registration->hub || !hub_is_at(hub, registration->hub) || hub_is_at(hub, hub_name))
                return 0;
        device = registry_find(hub->registry, registration->device_id, strlen(registration->device_id));
        return device ? hub_remove_device(hub, device) : 0;
}

static Substatus find_substatus(const Registration *registration, const EnrollmentSettings *settings,
                                const char *hub_name) {
        if (!registration->hub)
                return SUBSTATUS_INITIAL;
        if (strcasecmp(registration->hub, hub_name) == 0)
                return SUBSTATUS_REPROVISIONED;
        return settings->policy == REPROVISION_RESET ? SUBSTATUS_RESET : SUBSTATUS_MIGRATED;
}

static int assign(Hub *hub, const DpsIdentity *who, const Enrollment *enrollment,
                  Registration *registration) {
        const EnrollmentSettings *settings = &enrollment->settings;
        bool stays = registration->hub && settings->policy == REPROVISION_NEVER;
        _cleanup_(freep) char *own = hub_format_host(hub, hub->hosts[0]);
        const char *hub_name = stays ? registration->hub : settings->hub ? settings->hub : own;
        const char *device_id = stays                 ? registration->device_id
                                : settings->device_id ? settings->device_id
                                                      : registration->id;
        int r;

        if (!own)
                return -ENOMEM;
        r = register_device(hub, who, enrollment, hub_name, device_id);
        if (r < 0)
                return r;
        r = unregister_device(hub, registration, hub_name);
        if (r < 0)
                return r;
        log_event(who->registration_id, 0, "assigned to %s as '%s'", hub_name, device_id);
        return stays ? 0
                     : enrollments_assign(hub->enrollments, registration, hub_name, device_id,
                                          find_substatus(registration, settings, hub_name),
                                          hub_realtime_us(hub));
}

static void operation_fail(Hub *hub, Operation *operation, unsigned code) {
        operation->status = OPERATION_FAILED;
        operation->failure = code;
        operation->failed_us = hub_realtime_us(hub);
}

static int operation_end(Hub *hub, const DpsIdentity *who, const Enrollment *enrollment,
                         Registration *registration) {
        Operation *operation = &registration->operation;
        int r;

        if (!enrollment->settings.is_enabled) {
                log_event(who->registration_id, 0, "not assigned: its enrollment is disabled");
                operation->status = OPERATION_DISABLED;
        } else if (enrollment->settings.failure > 0) {
                log_event(who->registration_id, enrollment->settings.failure,
                          "not assigned, as it was asked to");
                operation_fail(hub, operation, enrollment->settings.failure);
        } else {
                operation->status = OPERATION_ASSIGNED;
                r = assign(hub, who, enrollment, registration);
                if (r == -EREMOTEIO)
                        operation_fail(hub, operation, 400209);
                else if (r < 0) {
                        operation->status = OPERATION_ASSIGNING;
                        return r;
                }
        }
        return enrollments_save(hub->enrollments);
}

/* Polling --------------------------------------------------------------------------------------------- */

/* Returns how long the device has to wait before its next poll is not one too many; 0: it is counted now. */
static uint64_t count_poll(Registration *registration, uint64_t now_us) {
        uint64_t *oldest = &registration->polls_us[0];

        for (size_t i = 1; i < POLLS_MAX; i++)
                if (registration->polls_us[i] < *oldest)
                        oldest = &registration->polls_us[i];
        if (*oldest > 0 && *oldest + POLLS_PERIOD_US > now_us)
                return *oldest + POLLS_PERIOD_US - now_us;

        *oldest = now_us;
        return 0;
}

static bool operation_has_id(const Operation *operation, az_span escaped) {
        uint8_t buffer[3 * OPERATION_ID_SIZE];
        az_span scratch = AZ_SPAN_FROM_BUFFER(buffer), id;

        return az_span_size(escaped) <= (int32_t) sizeof(buffer) && percent_decode(escaped, &scratch, &id) &&
               span_equals(id, operation->id);
}

static bool take_fault(unsigned *n) {
        if (*n == 0)
                return false;
        --*n;
        return true;
}

static void answer_status(DpsAnswer *answer, const DpsIdentity *who, const Enrollment *enrollment,
                          const Registration *registration, DpsFaults *faults) {
        bool is_final = registration->operation.status != OPERATION_ASSIGNING,
             is_unassigned = !is_final && take_fault(&faults->n_unassigned),
             with_state = !is_unassigned && !(is_final && take_fault(&faults->n_null_states));
        const Operation *operation = &registration->operation;

        if (operation->status == OPERATION_ASSIGNING) {
                answer->status = 202;
                answer->has_retry_after = true;
                answer->retry_after_s = enrollment->settings.retry_after_s;
        } else
                answer->status = 200;
        ipc_json_begin(&answer->body, NULL);
        ipc_json_cstring(&answer->body, "operationId", operation->id);
        ipc_json_cstring(&answer->body, "status",
                         is_unassigned ? "unassigned" : operation_status_names[operation->status]);
        if (with_state)
                dps_format_state(enrollment, registration, who->certificate, "registrationState",
                                 &answer->body);
        else
                ipc_json_null(&answer->body, "registrationState");
        ipc_json_end(&answer->body);
}

int dps_poll(Hub *hub, const DpsIdentity *who, az_span operation_id, uint64_t now_us, DpsAnswer *answer) {
        Enrollment *enrollment = find_enrollment(hub, who);
        Registration *registration;
        Operation *operation;
        uint64_t wait_us;
        int r;

        if (!enrollment)
                return dps_answer_error(answer, who, 404201, "its enrollment has been removed");
        registration = enrollment_find_registration(enrollment, who->registration_id);
        if (!registration || !operation_has_id(&registration->operation, operation_id))
                return dps_answer_error(answer, who, 404202, "the device has no such operation");
        operation = &registration->operation;
        if (now_us + RETRY_AFTER_SLACK_US < operation->next_poll_us)
                return dps_answer_throttled(answer, who, operation->next_poll_us - now_us,
                                            "a poll before retry-after has passed");
        wait_us = count_poll(registration, now_us);
        if (wait_us > 0)
                return dps_answer_throttled(answer, who, wait_us, "more than 5 polls in 10 s");

        if (operation->status == OPERATION_ASSIGNING && operation->n_assigning > 0) {
                operation->n_assigning--;
                operation->next_poll_us = now_us + enrollment->settings.retry_after_s * USEC_PER_SEC;
        } else if (operation->status == OPERATION_ASSIGNING) {
                r = operation_end(hub, who, enrollment, registration);
                if (r < 0) {
                        log_event(who->registration_id, 500001, "cannot assign it: %s", strerror(-r));
                        return dps_answer_error(answer, who, 500001, "the assignment cannot be stored");
                }
        }
        answer_status(answer, who, enrollment, registration, &hub->faults.dps);
        return 0;
}

char *dps_format_connection_string(const Hub *hub, const Enrollment *enrollment,
                                   const char *registration_id) {
        bool is_group = !registration_id && enrollment->is_group;
        _cleanup_(freep) char *host = hub_format_host(hub, hub->hosts[0]);
        const char *id = registration_id ? registration_id : enrollment->id;
        Attestation attestation = ATTESTATION_NULL;
        bool has_keys = enrollment->attestation.kind == ATTESTATION_KEYS;
        char *text;
        int r;

        r = is_group ? attestation_copy(&enrollment->attestation, &attestation)
                     : enrollment_get_attestation(enrollment, id, &attestation);
        if (r < 0 || !host)
                return NULL;
        r = asprintf(&text, "Endpoint=%s;IdScope=%s;%s=%s;%s%s", host,
                     enrollments_get_scope(hub->enrollments), is_group ? "EnrollmentGroup" : "RegistrationId",
                     id, has_keys ? "SharedAccessKey=" : "x509=true", has_keys ? attestation.primary : "");
        attestation_done(&attestation);
        return r < 0 ? NULL : text;
}
