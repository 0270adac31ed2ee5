/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whom the provisioning service knows: enrollments of single devices and of groups, and the registrations
 * that came of them. Kept in one JSON file of the state directory, which is replaced atomically.
 *
 * Source: "Terms used with Azure IoT Hub Device Provisioning Service" and "IoT Hub Device reprovisioning
 * concepts".
 */

#include "hubsim/attestation.h"
#include "hubsim/dps-topic.h"

/* What becomes of a device that registers again: it goes where its enrollment says now, with its twin or
 * without, or stays where it is. */
typedef enum ReprovisionPolicy {
        REPROVISION_MIGRATE,
        REPROVISION_RESET,
        REPROVISION_NEVER,
        _REPROVISION_MAX,
} ReprovisionPolicy;

/* Their names, ended by NULL. */
extern const char *const reprovision_policy_names[];

/* How a device came to where it is assigned. */
typedef enum Substatus {
        SUBSTATUS_INITIAL,
        SUBSTATUS_MIGRATED,
        SUBSTATUS_RESET,
        SUBSTATUS_REPROVISIONED,
        _SUBSTATUS_MAX,
} Substatus;

/* The service's names of them: "initialAssignment", ..., ended by NULL. */
extern const char *const substatus_names[];

/* "5.0f3b6c8d2a1e4f70.7d1f1c6e-2c4a-4f0e-9a55-0b6d5f2c1a90" and NUL. */
#define OPERATION_ID_SIZE 56U

/* "Device polling: 5 per 10 seconds and device." */
#define POLLS_MAX 5U

typedef enum OperationStatus {
        OPERATION_ASSIGNING,
        OPERATION_ASSIGNED,
        OPERATION_FAILED,
        OPERATION_DISABLED,
        _OPERATION_STATUS_MAX,
} OperationStatus;

/* The service's names of them, ended by NULL. */
extern const char *const operation_status_names[];

/* What a device has last asked for. */
typedef struct Operation {
        char id[OPERATION_ID_SIZE]; /* "": there is none */
        OperationStatus status;
        unsigned n_assigning;  /* so many polls are still answered by "assigning" */
        uint64_t next_poll_us; /* when it may be asked for, of CLOCK_BOOTTIME */
        char *payload;         /* JSON of the device, NULL: it sent none */
        unsigned failure;      /* of a failed one: its six digits, and when, by the hub's clock */
        uint64_t failed_us;
} Operation;

typedef struct Registration {
        struct Registration *next;
        char id[REGISTRATION_ID_SIZE];
        char *hub, *device_id; /* what it was assigned, NULL: nothing yet */
        Substatus substatus;
        uint64_t created_us, updated_us; /* by the hub's clock */
        char etag[64];
        Operation operation;
        uint64_t polls_us[POLLS_MAX]; /* the latest ones, of CLOCK_BOOTTIME; 0: none */
} Registration;

/* What may be changed of an enrollment. */
typedef struct EnrollmentSettings {
        bool is_enabled;
        char *device_id;  /* what its device becomes, NULL: its registration id */
        char *hub;        /* which it is assigned, NULL: this one */
        char *hub_socket; /* the control socket of that hub, if it is one of these, NULL: it is not told */
        char *payload;    /* JSON for the device, NULL: none */
        unsigned failure; /* six digits of what goes wrong with the assignment; 0: nothing */
        char *failure_message;  /* in words, NULL: those of the service */
        unsigned n_assigning;   /* polls that are answered by "assigning" */
        unsigned retry_after_s; /* how long a device has to wait before it polls */
        ReprovisionPolicy policy;
} EnrollmentSettings;

#define RETRY_AFTER_DEFAULT_S 3U
#define ENROLLMENT_SETTINGS_DEFAULT \
        ((EnrollmentSettings){ .is_enabled = true, .retry_after_s = RETRY_AFTER_DEFAULT_S })

int enrollment_settings_copy(const EnrollmentSettings *settings, EnrollmentSettings *ret);
void enrollment_settings_done(EnrollmentSettings *settings);

typedef struct Enrollment {
        struct Enrollment *next;
        char id[REGISTRATION_ID_SIZE]; /* the registration id, or the name of a group; in lower case */
        bool is_group;
        Attestation attestation;
        EnrollmentSettings settings;
        Registration *registrations;
} Enrollment;

/* What a device of the enrollment proves itself with: for a group with keys, those made for its id. */
int enrollment_get_attestation(const Enrollment *enrollment, const char *registration_id, Attestation *ret);

typedef struct Enrollments Enrollments;

/* Reads 'path'; without it there are none, and the id scope is a new one. -EBADMSG: not a file that this
 * program wrote. */
int enrollments_open(const char *path, Enrollments **ret);
Enrollments *enrollments_free(Enrollments *enrollments);
DEFINE_CLEANUP(Enrollments *, enrollments_free)

/* "0ne00C0FFEE": which service it is, among all that there are at one address. */
const char *enrollments_get_scope(const Enrollments *enrollments);

Enrollment *enrollments_first(const Enrollments *enrollments);

/* By its id, in whatever case. */
Enrollment *enrollments_find(const Enrollments *enrollments, az_span id);

/* Adds one with copies of these and saves the file. -EEXIST: there is one with that id; -EINVAL: that is
 * none. */
int enrollments_add(Enrollments *enrollments, az_span id, bool is_group, const Attestation *attestation,
                    const EnrollmentSettings *settings, Enrollment **ret);

/* Takes over other settings and saves the file. */
int enrollments_change(Enrollments *enrollments, Enrollment *enrollment, EnrollmentSettings *settings);

/* Removes it with its registrations and saves the file. */
int enrollments_remove(Enrollments *enrollments, Enrollment *enrollment);

/* The device's registration with this enrollment, made if need be; and the same, brought here from the
 * enrollment by which it came before: a device has one. */
int enrollment_get_registration(Enrollment *enrollment, const char *id, Registration **ret);
int enrollments_take_registration(Enrollments *enrollments, Enrollment *enrollment, const char *id,
                                  Registration **ret);

/* The same, NULL: it has not registered; and one with whichever enrollment, by its id in whatever case. */
Registration *enrollment_find_registration(const Enrollment *enrollment, const char *id);
Registration *enrollments_find_registration(const Enrollments *enrollments, az_span id,
                                            const Enrollment **ret_enrollment);

/* Writes down how far a registration is. */
int enrollments_save(const Enrollments *enrollments);

/* Writes down where the device is assigned now. */
int enrollments_assign(Enrollments *enrollments, Registration *registration, const char *hub,
                       const char *device_id, Substatus substatus, uint64_t realtime_us);
