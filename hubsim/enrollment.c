/* SPDX-License-Identifier: MIT */

#include "hubsim/enrollment-internal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "hubsim/uuid.h"

const char *const reprovision_policy_names[] = { "migrate", "reset", "never", NULL };

const char *const substatus_names[] = { "initialAssignment", "deviceDataMigrated", "deviceDataReset",
                                        "reprovisionedToInitialAssignment", NULL };

const char *const operation_status_names[] = { "assigning", "assigned", "failed", "disabled", NULL };

void enrollment_settings_done(EnrollmentSettings *settings) {
        free(settings->device_id);
        free(settings->hub);
        free(settings->hub_socket);
        free(settings->payload);
        free(settings->failure_message);
        *settings = (EnrollmentSettings){};
}

static int copy_text(const char *text, char **ret) {
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int enrollment_settings_copy(const EnrollmentSettings *settings, EnrollmentSettings *ret) {
        _cleanup_(enrollment_settings_done) EnrollmentSettings copy = *settings;

        copy.device_id = copy.hub = copy.hub_socket = copy.payload = copy.failure_message = NULL;
        if (copy_text(settings->device_id, &copy.device_id) < 0 || copy_text(settings->hub, &copy.hub) < 0 ||
            copy_text(settings->hub_socket, &copy.hub_socket) < 0 ||
            copy_text(settings->payload, &copy.payload) < 0 ||
            copy_text(settings->failure_message, &copy.failure_message) < 0)
                return -ENOMEM;

        *ret = copy;
        copy = (EnrollmentSettings){};
        return 0;
}

static void registration_free(Registration *registration) {
        free(registration->hub);
        free(registration->device_id);
        free(registration->operation.payload);
        free(registration);
}

Enrollment *enrollment_free(Enrollment *enrollment) {
        if (!enrollment)
                return NULL;

        while (enrollment->registrations) {
                Registration *registration = enrollment->registrations;

                enrollment->registrations = registration->next;
                registration_free(registration);
        }
        attestation_done(&enrollment->attestation);
        enrollment_settings_done(&enrollment->settings);
        free(enrollment);
        return NULL;
}

Enrollments *enrollments_free(Enrollments *enrollments) {
        if (!enrollments)
                return NULL;

        while (enrollments->first) {
                Enrollment *enrollment = enrollments->first;

                enrollments->first = enrollment->next;
                enrollment_free(enrollment);
        }
        free(enrollments->path);
        free(enrollments);
        return NULL;
}

static int make_scope(char ret[static SCOPE_SIZE]) {
        uint8_t random[4];

        if (RAND_bytes(random, sizeof(random)) != 1)
                return -EIO;

        (void) snprintf(ret, SCOPE_SIZE, "0ne%02X%02X%02X%02X", random[0], random[1], random[2], random[3]);
        return 0;
}

int enrollments_open(const char *path, Enrollments **ret) {
        _cleanup_(enrollments_freep) Enrollments *enrollments = NULL;
        int r;

        enrollments = malloc(sizeof(*enrollments));
        if (!enrollments)
                return -ENOMEM;
        *enrollments = (Enrollments){ .path = strdup(path) };
        if (!enrollments->path)
                return -ENOMEM;

        r = enrollments_load(enrollments);
        if (r == -ENOENT) {
                r = make_scope(enrollments->scope);
                if (r >= 0)
                        r = enrollments_save(enrollments);
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(enrollments);
        return 0;
}

const char *enrollments_get_scope(const Enrollments *enrollments) {
        return enrollments->scope;
}

Enrollment *enrollments_first(const Enrollments *enrollments) {
        return enrollments->first;
}

Enrollment *enrollments_find(const Enrollments *enrollments, az_span id) {
        char lower[REGISTRATION_ID_SIZE];

        if (!registration_id_parse(id, lower))
                return NULL;
        for (Enrollment *e = enrollments->first; e; e = e->next)
                if (strcmp(e->id, lower) == 0)
                        return e;
        return NULL;
}

/* What points to it; with NULL, the end of the list. */
static Enrollment **enrollments_link_of(Enrollments *enrollments, const Enrollment *enrollment) {
        Enrollment **p = &enrollments->first;

        while (*p != enrollment)
                p = &(*p)->next;
        return p;
}

void enrollments_link(Enrollments *enrollments, Enrollment *enrollment) {
        *enrollments_link_of(enrollments, NULL) = enrollment;
}

int enrollments_add(Enrollments *enrollments, az_span id, bool is_group, const Attestation *attestation,
                    const EnrollmentSettings *settings, Enrollment **ret) {
        _cleanup_(enrollment_freep) Enrollment *enrollment = NULL;
        int r;

        enrollment = malloc(sizeof(*enrollment));
        if (!enrollment)
                return -ENOMEM;
        *enrollment = (Enrollment){ .is_group = is_group };
        if (!registration_id_parse(id, enrollment->id))
                return -EINVAL;
        if (enrollments_find(enrollments, id))
                return -EEXIST;
        r = attestation_copy(attestation, &enrollment->attestation);
        if (r < 0)
                return r;
        r = enrollment_settings_copy(settings, &enrollment->settings);
        if (r < 0)
                return r;

        enrollments_link(enrollments, enrollment);
        r = enrollments_save(enrollments);
        if (r < 0) {
                *enrollments_link_of(enrollments, enrollment) = NULL;
                return r;
        }

        *ret = TAKE_PTR(enrollment);
        return 0;
}

int enrollments_change(Enrollments *enrollments, Enrollment *enrollment, EnrollmentSettings *settings) {
        EnrollmentSettings before = enrollment->settings;
        int r;

        enrollment->settings = *settings;
        r = enrollments_save(enrollments);
        if (r < 0) {
                enrollment->settings = before;
                return r;
        }

        enrollment_settings_done(&before);
        *settings = (EnrollmentSettings){};
        return 0;
}

int enrollments_remove(Enrollments *enrollments, Enrollment *enrollment) {
        Enrollment **p = enrollments_link_of(enrollments, enrollment);
        int r;

        *p = enrollment->next;
        r = enrollments_save(enrollments);
        if (r < 0) {
                *p = enrollment;
                return r;
        }

        enrollment_free(enrollment);
        return 0;
}

int enrollment_get_attestation(const Enrollment *enrollment, const char *registration_id, Attestation *ret) {
        if (enrollment->is_group && enrollment->attestation.kind == ATTESTATION_KEYS)
                return attestation_init_derived(ret, &enrollment->attestation,
                                                az_span_create_from_str((char *) registration_id));
        return attestation_copy(&enrollment->attestation, ret);
}

/* Registrations --------------------------------------------------------------------------------------- */

Registration *enrollment_find_registration(const Enrollment *enrollment, const char *id) {
        for (Registration *r = enrollment->registrations; r; r = r->next)
                if (strcmp(r->id, id) == 0)
                        return r;
        return NULL;
}

int enrollment_get_registration(Enrollment *enrollment, const char *id, Registration **ret) {
        Registration *registration = enrollment_find_registration(enrollment, id);

        if (!registration) {
                registration = malloc(sizeof(*registration));
                if (!registration)
                        return -ENOMEM;
                *registration = (Registration){ .next = enrollment->registrations };
                (void) snprintf(registration->id, sizeof(registration->id), "%s", id);
                enrollment->registrations = registration;
        }

        *ret = registration;
        return 0;
}

int enrollments_take_registration(Enrollments *enrollments, Enrollment *enrollment, const char *id,
                                  Registration **ret) {
        for (Enrollment *e = enrollments->first; e; e = e->next)
                for (Registration **p = &e->registrations; *p && e != enrollment; p = &(*p)->next)
                        if (strcmp((*p)->id, id) == 0) {
                                Registration *registration = *p;

                                *p = registration->next;
                                registration->next = enrollment->registrations;
                                enrollment->registrations = registration;
                                break;
                        }
        return enrollment_get_registration(enrollment, id, ret);
}

Registration *enrollments_find_registration(const Enrollments *enrollments, az_span id,
                                            const Enrollment **ret_enrollment) {
        char lower[REGISTRATION_ID_SIZE];

        if (!registration_id_parse(id, lower))
                return NULL;
        for (const Enrollment *e = enrollments->first; e; e = e->next) {
                Registration *registration = enrollment_find_registration(e, lower);

                if (registration) {
                        *ret_enrollment = e;
                        return registration;
                }
        }
        return NULL;
}

/* As the service makes them: the base64 of a quoted text that is never twice the same. */
static int make_etag(char ret[static 64]) {
        char uuid[UUID_SIZE], text[UUID_SIZE + 2];
        int r;

        r = uuid_make(uuid);
        if (r < 0)
                return r;
        (void) snprintf(text, sizeof(text), "\"%s\"", uuid);
        (void) EVP_EncodeBlock((uint8_t *) ret, (const uint8_t *) text, (int) strlen(text));
        return 0;
}

int enrollments_assign(Enrollments *enrollments, Registration *registration, const char *hub,
                       const char *device_id, Substatus substatus, uint64_t realtime_us) {
        const Registration before = *registration;
        int r;

        registration->hub = strdup(hub);
        registration->device_id = strdup(device_id);
        registration->substatus = substatus;
        registration->updated_us = realtime_us;
        if (registration->created_us == 0)
                registration->created_us = realtime_us;
        r = registration->hub && registration->device_id ? make_etag(registration->etag) : -ENOMEM;
        if (r >= 0)
                r = enrollments_save(enrollments);
        if (r < 0) {
                free(registration->hub);
                free(registration->device_id);
                *registration = before;
                return r;
        }

        free(before.hub);
        free(before.device_id);
        return 0;
}
