/* SPDX-License-Identifier: MIT */

#include "daemon/assignment.h"

#include "daemon/credential.h"

typedef struct AssignmentFields {
        az_span id_scope, registration_id, fingerprint, hub, device_id, substatus, payload;
        int64_t port, assigned_us;
} AssignmentFields;

#define TEXT(name, member) \
        { name, IPC_FIELD_STRING, offsetof(AssignmentFields, member), .min = 1, .max = UINT16_MAX }
#define TEXT_OR_NULL(name, member) \
        { name, IPC_FIELD_STRING, offsetof(AssignmentFields, member), IPC_FIELD_NULLABLE }

static const IpcField assignment_fields[] = {
        TEXT("idScope", id_scope),
        TEXT("registrationId", registration_id),
        TEXT("credential", fingerprint),
        { "hub", IPC_FIELD_STRING, offsetof(AssignmentFields, hub), .min = 1, .max = CREDENTIAL_HOST_MAX },
        { "port", IPC_FIELD_INT, offsetof(AssignmentFields, port), .max = UINT16_MAX },
        { "deviceId", IPC_FIELD_STRING, offsetof(AssignmentFields, device_id), .min = 1,
          .max = CREDENTIAL_ID_MAX },
        TEXT_OR_NULL("substatus", substatus),
        TEXT_OR_NULL("payload", payload),
        { "assigned", IPC_FIELD_INT, offsetof(AssignmentFields, assigned_us), .max = INT64_MAX },
};
static const IpcStruct assignment_struct = IPC_STRUCT(AssignmentFields, assignment_fields);

void assignment_owner_done(AssignmentOwner *owner) {
        free(owner->id_scope);
        free(owner->registration_id);
        free(owner->fingerprint);
        *owner = (AssignmentOwner){};
}

void assignment_done(Assignment *a) {
        assignment_owner_done(&a->owner);
        free(a->hub);
        free(a->device_id);
        free(a->substatus);
        free(a->payload);
        *a = ASSIGNMENT_NULL;
}

/* What is empty stays NULL. No text of ours has a NUL in it. */
static int set_text(char **member, az_span text) {
        if (az_span_size(text) == 0)
                return 0;
        if (memchr(az_span_ptr(text), '\0', (size_t) az_span_size(text)))
                return STATE_JSON_INVALID;
        *member = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *member ? 0 : -ENOMEM;
}

typedef struct Text {
        char **member;
        az_span text;
} Text;

static int set_texts(const Text *texts, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                r = set_text(texts[i].member, texts[i].text);
        return r;
}

static az_span span_from(const char *s) {
        return az_span_create_from_str((char *) s);
}

/* Takes the port off 'hub'. */
static bool split_port(az_span *hub, uint16_t *ret_port) {
        int32_t colon = az_span_find(*hub, AZ_SPAN_FROM_STR(":"));
        uint32_t port;

        if (colon < 0)
                return true;
        if (az_result_failed(az_span_atou32(az_span_slice_to_end(*hub, colon + 1), &port)) || port == 0 ||
            port > UINT16_MAX)
                return false;
        *hub = az_span_slice(*hub, 0, colon);
        *ret_port = (uint16_t) port;
        return true;
}

static bool is_within(az_span text, uint32_t max) {
        return az_span_size(text) > 0 && az_span_size(text) <= (int32_t) max;
}

int assignment_make(Assignment *ret, const AssignmentOwner *owner, const AssignmentAnswer *answer,
                    uint64_t realtime_us) {
        _cleanup_(assignment_done) Assignment a = { .assigned_us = realtime_us };
        az_span hub = answer->hub;
        int r;

        if (!split_port(&hub, &a.port) || !is_within(hub, CREDENTIAL_HOST_MAX) ||
            !is_within(answer->device_id, CREDENTIAL_ID_MAX))
                return ASSIGNMENT_UNUSABLE;

        const Text texts[] = {
                { &a.owner.id_scope, span_from(owner->id_scope) },
                { &a.owner.registration_id, span_from(owner->registration_id) },
                { &a.owner.fingerprint, span_from(owner->fingerprint) },
                { &a.hub, hub },
                { &a.device_id, answer->device_id },
                { &a.substatus, answer->substatus },
                { &a.payload, answer->payload },
        };
        r = set_texts(texts, ELEMENTSOF(texts));
        if (r != 0)
                return r < 0 ? r : ASSIGNMENT_UNUSABLE;

        *ret = a;
        a = ASSIGNMENT_NULL;
        return 0;
}

int assignment_format(const Assignment *a, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "idScope", a->owner.id_scope);
        ipc_json_cstring(&json, "registrationId", a->owner.registration_id);
        ipc_json_cstring(&json, "credential", a->owner.fingerprint);
        ipc_json_cstring(&json, "hub", a->hub);
        ipc_json_int(&json, "port", a->port);
        ipc_json_cstring(&json, "deviceId", a->device_id);
        ipc_json_cstring(&json, "substatus", a->substatus);
        ipc_json_cstring(&json, "payload", a->payload);
        ipc_json_int(&json, "assigned", (int64_t) a->assigned_us);
        ipc_json_end(&json);
        return state_json_take(&json, ret);
}

int assignment_parse(Assignment *ret, az_span text) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(assignment_done) Assignment a = ASSIGNMENT_NULL;
        AssignmentFields fields;
        int r;

        r = state_json_decode(&assignment_struct, &document, text, &fields);
        if (r != 0)
                return r;

        a.port = (uint16_t) fields.port;
        a.assigned_us = (uint64_t) fields.assigned_us;
        const Text texts[] = {
                { &a.owner.id_scope, fields.id_scope },
                { &a.owner.registration_id, fields.registration_id },
                { &a.owner.fingerprint, fields.fingerprint },
                { &a.hub, fields.hub },
                { &a.device_id, fields.device_id },
                { &a.substatus, fields.substatus },
                { &a.payload, fields.payload },
        };
        r = set_texts(texts, ELEMENTSOF(texts));
        if (r != 0)
                return r;

        *ret = a;
        a = ASSIGNMENT_NULL;
        return 0;
}

bool assignment_is_of(const Assignment *a, const AssignmentOwner *owner) {
        return strcmp(a->owner.id_scope, owner->id_scope) == 0 &&
               strcmp(a->owner.registration_id, owner->registration_id) == 0 &&
               strcmp(a->owner.fingerprint, owner->fingerprint) == 0;
}

bool assignment_is_same(const Assignment *a, const Assignment *b) {
        return strcmp(a->hub, b->hub) == 0 && a->port == b->port && strcmp(a->device_id, b->device_id) == 0;
}
