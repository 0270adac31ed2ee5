/* SPDX-License-Identifier: MIT */

/*
 * The file of the enrollments:
 *
 *      { "idScope": "0ne00C0FFEE",
 *        "enrollments": [ { "id": "pumps", "group": true, "enabled": true, "reprovision": "migrate",
 *                           "failure": 0, "assigning": 0, "retryAfter": 3, "payload": "{\"a\":1}",
 *                           "authentication": "sas", "primaryKey": "...", "secondaryKey": "...",
 *                           "registrations": [ { "id": "pump-17", "hub": "localhost", "deviceId": "pump-17",
 *                                                "substatus": "initialAssignment", "created":
 * 1793318400000000, "updated": 1793318400000000, "etag": "..." } ] } ] }
 *
 * Of the registrations those that were assigned are in it: what a device is told when it registers again
 * depends on them; and those with an operation, whose member that is then, so that a device may go on
 * polling:
 *
 *      "operation": { "id": "5....", "status": "assigning", "assigning": 2, "payload": "{}", "failure":
 * 400207, "failed": 1793318400000000 }
 */

#include "hubsim/enrollment-internal.h"

#include <azure/core/az_json.h>

#include "hubsim/files.h"

/* Some tens of thousands of registrations. */
#define FILE_MAX (16U * 1024U * 1024U)

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
DEFINE_CLEANUP(char *, cJSON_free)

static const char *get_string(const cJSON *object, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool load_bool(const cJSON *object, const char *name, bool *ret) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

        *ret = cJSON_IsTrue(item);
        return cJSON_IsBool(item);
}

static bool load_number(const cJSON *object, const char *name, double max, uint64_t *ret) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > max)
                return false;
        *ret = (uint64_t) item->valuedouble;
        return true;
}

static bool load_unsigned(const cJSON *object, const char *name, unsigned *ret) {
        uint64_t value;

        if (!load_number(object, name, INT32_MAX, &value))
                return false;
        *ret = (unsigned) value;
        return true;
}

/* The index of a name in a table that ends with NULL. */
static bool load_name(const cJSON *object, const char *name, const char *const *names, unsigned *ret) {
        const char *text = get_string(object, name);

        for (unsigned i = 0; text && names[i]; i++)
                if (strcmp(text, names[i]) == 0) {
                        *ret = i;
                        return true;
                }
        return false;
}

/* A member that may be missing. */
static int load_text(const cJSON *object, const char *name, char **ret) {
        const char *text = get_string(object, name);

        if (!text)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static bool load_id(const cJSON *object, char ret[static REGISTRATION_ID_SIZE]) {
        const char *id = get_string(object, "id");

        return id && registration_id_parse(az_span_create_from_str((char *) id), ret) && strcmp(id, ret) == 0;
}

static bool load_time(const cJSON *object, const char *name, uint64_t *ret) {
        return load_number(object, name, (double) (UINT64_C(1) << 53), ret);
}

static int load_operation(const cJSON *item, Operation *operation) {
        const char *id = get_string(item, "id");
        unsigned status;

        if (!id || strlen(id) >= sizeof(operation->id) ||
            !load_name(item, "status", operation_status_names, &status) ||
            !load_unsigned(item, "assigning", &operation->n_assigning) ||
            !load_unsigned(item, "failure", &operation->failure) ||
            !load_time(item, "failed", &operation->failed_us))
                return -EBADMSG;
        (void) snprintf(operation->id, sizeof(operation->id), "%s", id);
        operation->status = (OperationStatus) status;
        return load_text(item, "payload", &operation->payload);
}

static int load_assignment(const cJSON *item, Registration *registration) {
        const char *device_id = get_string(item, "deviceId"), *etag = get_string(item, "etag");
        unsigned substatus;
        int r;

        if (!device_id || !etag || strlen(etag) >= sizeof(registration->etag) ||
            !load_name(item, "substatus", substatus_names, &substatus) ||
            !load_time(item, "created", &registration->created_us) ||
            !load_time(item, "updated", &registration->updated_us))
                return -EBADMSG;
        (void) snprintf(registration->etag, sizeof(registration->etag), "%s", etag);
        registration->operation.status = OPERATION_ASSIGNED;
        registration->substatus = (Substatus) substatus;
        r = load_text(item, "hub", &registration->hub);
        return r < 0 ? r : load_text(item, "deviceId", &registration->device_id);
}

static int load_registration(Enrollment *enrollment, const cJSON *item) {
        const cJSON *operation = cJSON_GetObjectItemCaseSensitive(item, "operation");
        bool is_assigned = get_string(item, "hub");
        char id[REGISTRATION_ID_SIZE];
        Registration *registration;
        int r;

        if (!load_id(item, id) || enrollment_find_registration(enrollment, id) ||
            (!is_assigned && !operation))
                return -EBADMSG;

        r = enrollment_get_registration(enrollment, id, &registration);
        if (r >= 0 && is_assigned)
                r = load_assignment(item, registration);
        if (r >= 0 && operation)
                r = load_operation(operation, &registration->operation);
        if (r >= 0 && registration->operation.status == OPERATION_ASSIGNED && !is_assigned)
                return -EBADMSG;
        return r;
}

static int load_settings(const cJSON *item, EnrollmentSettings *settings) {
        unsigned policy;
        int r;

        if (!load_bool(item, "enabled", &settings->is_enabled) ||
            !load_unsigned(item, "failure", &settings->failure) ||
            !load_unsigned(item, "assigning", &settings->n_assigning) ||
            !load_unsigned(item, "retryAfter", &settings->retry_after_s) ||
            !load_name(item, "reprovision", reprovision_policy_names, &policy))
                return -EBADMSG;
        settings->policy = (ReprovisionPolicy) policy;
        r = load_text(item, "deviceId", &settings->device_id);
        if (r < 0)
                return r;
        r = load_text(item, "hub", &settings->hub);
        if (r < 0)
                return r;
        r = load_text(item, "hubSocket", &settings->hub_socket);
        if (r < 0)
                return r;
        r = load_text(item, "failureMessage", &settings->failure_message);
        if (r < 0)
                return r;
        r = load_text(item, "payload", &settings->payload);
        if (r < 0)
                return r;
        if (settings->payload &&
            az_result_failed(az_json_validate(az_span_create_from_str(settings->payload))))
                return -EBADMSG;
        return 0;
}

static int load_enrollment(Enrollments *enrollments, const cJSON *item) {
        _cleanup_(enrollment_freep) Enrollment *enrollment = NULL;
        const cJSON *registrations = cJSON_GetObjectItemCaseSensitive(item, "registrations"), *registration;
        int r;

        enrollment = malloc(sizeof(*enrollment));
        if (!enrollment)
                return -ENOMEM;
        *enrollment = (Enrollment){};
        if (!load_id(item, enrollment->id) || !load_bool(item, "group", &enrollment->is_group) ||
            enrollments_find(enrollments, az_span_create_from_str(enrollment->id)) ||
            !cJSON_IsArray(registrations))
                return -EBADMSG;
        r = attestation_load(item, &enrollment->attestation);
        if (r < 0)
                return r;
        r = load_settings(item, &enrollment->settings);
        if (r < 0)
                return r;
        cJSON_ArrayForEach(registration, registrations) {
                r = load_registration(enrollment, registration);
                if (r < 0)
                        return r;
        }

        enrollments_link(enrollments, TAKE_PTR(enrollment));
        return 0;
}

int enrollments_load(Enrollments *enrollments) {
        _cleanup_(cJSON_Deletep) cJSON *document = NULL;
        _cleanup_(freep) char *text = NULL;
        const cJSON *items, *item;
        const char *scope;
        int r;

        r = file_read(enrollments->path, FILE_MAX, &text);
        if (r < 0)
                return r;

        /* cJSON alone would take much that is not JSON. */
        if (az_result_failed(az_json_validate(az_span_create_from_str(text))))
                return -EBADMSG;
        document = cJSON_Parse(text);
        items = cJSON_GetObjectItemCaseSensitive(document, "enrollments");
        scope = get_string(document, "idScope");
        if (!cJSON_IsArray(items) || !scope || strlen(scope) != SCOPE_SIZE - 1)
                return -EBADMSG;
        memcpy(enrollments->scope, scope, SCOPE_SIZE);

        cJSON_ArrayForEach(item, items) {
                r = load_enrollment(enrollments, item);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool store_text(cJSON *object, const char *name, const char *text) {
        return !text || cJSON_AddStringToObject(object, name, text);
}

static bool store_operation(cJSON *registration, const Operation *o) {
        cJSON *item = cJSON_AddObjectToObject(registration, "operation");

        return cJSON_AddStringToObject(item, "id", o->id) &&
               cJSON_AddStringToObject(item, "status", operation_status_names[o->status]) &&
               cJSON_AddNumberToObject(item, "assigning", o->n_assigning) &&
               store_text(item, "payload", o->payload) &&
               cJSON_AddNumberToObject(item, "failure", o->failure) &&
               cJSON_AddNumberToObject(item, "failed", (double) o->failed_us);
}

static bool store_assignment(cJSON *item, const Registration *r) {
        return cJSON_AddStringToObject(item, "hub", r->hub) &&
               cJSON_AddStringToObject(item, "deviceId", r->device_id) &&
               cJSON_AddStringToObject(item, "substatus", substatus_names[r->substatus]) &&
               cJSON_AddNumberToObject(item, "created", (double) r->created_us) &&
               cJSON_AddNumberToObject(item, "updated", (double) r->updated_us) &&
               cJSON_AddStringToObject(item, "etag", r->etag);
}

static bool store_registration(cJSON *registrations, const Registration *r) {
        cJSON *item = cJSON_CreateObject();

        return cJSON_AddItemToArray(registrations, item) && cJSON_AddStringToObject(item, "id", r->id) &&
               (!r->hub || store_assignment(item, r)) &&
               (r->operation.id[0] == '\0' || store_operation(item, &r->operation));
}

static bool store_enrollment(cJSON *enrollments, const Enrollment *e) {
        const EnrollmentSettings *s = &e->settings;
        cJSON *item = cJSON_CreateObject(), *registrations;

        if (!cJSON_AddItemToArray(enrollments, item) || !cJSON_AddStringToObject(item, "id", e->id) ||
            !cJSON_AddBoolToObject(item, "group", e->is_group) ||
            !cJSON_AddBoolToObject(item, "enabled", s->is_enabled) ||
            !store_text(item, "deviceId", s->device_id) || !store_text(item, "hub", s->hub) ||
            !store_text(item, "hubSocket", s->hub_socket) ||
            !store_text(item, "failureMessage", s->failure_message) ||
            !store_text(item, "payload", s->payload) ||
            !cJSON_AddNumberToObject(item, "failure", s->failure) ||
            !cJSON_AddNumberToObject(item, "assigning", s->n_assigning) ||
            !cJSON_AddNumberToObject(item, "retryAfter", s->retry_after_s) ||
            !cJSON_AddStringToObject(item, "reprovision", reprovision_policy_names[s->policy]) ||
            !attestation_store(&e->attestation, item))
                return false;

        registrations = cJSON_AddArrayToObject(item, "registrations");
        for (const Registration *r = e->registrations; r && registrations; r = r->next)
                if ((r->hub || r->operation.id[0] != '\0') && !store_registration(registrations, r))
                        return false;
        return registrations;
}

int enrollments_save(const Enrollments *enrollments) {
        _cleanup_(cJSON_Deletep) cJSON *document = NULL;
        _cleanup_(cJSON_freep) char *text = NULL;
        cJSON *items;

        document = cJSON_CreateObject();
        if (!cJSON_AddStringToObject(document, "idScope", enrollments->scope))
                return -ENOMEM;
        items = cJSON_AddArrayToObject(document, "enrollments");
        if (!items)
                return -ENOMEM;
        for (const Enrollment *e = enrollments->first; e; e = e->next)
                if (!store_enrollment(items, e))
                        return -ENOMEM;
        text = cJSON_Print(document);
        if (!text)
                return -ENOMEM;

        return file_replace(enrollments->path, 0600, text, strlen(text));
}
