/* SPDX-License-Identifier: MIT */

/*
 * Both documents are read by tables: a row names a member of an object, the function that reads its value,
 * and where the value goes. A function finds the reader on the first token of a value and leaves it on the
 * last one. Members without a row are passed over, and so is null.
 */

#include <azure/iot/az_iot_adu_client.h>

#include <azure/core/az_precondition_internal.h>

/* 'name' is that of the member, as it stands in the text; only rows for any name have a use for it. */
typedef az_result (*value_reader)(az_json_reader *reader, az_span name, void *out);

typedef struct {
        az_span name; /* empty: any */
        value_reader read;
        size_t offset;
} member;

#define MEMBER(name, read, type, field) \
        { AZ_SPAN_LITERAL_FROM_STR(name), read, offsetof(type, field) }
#define ANY_MEMBER(read) \
        { AZ_SPAN_LITERAL_EMPTY, read, 0 }
#define READ_OBJECT(reader, members, out) \
        read_object(reader, members, sizeof(members) / sizeof((members)[0]), out)

/* The bytes of a token, which must be in one piece. */
static az_result get_slice(az_json_token const *token, az_span *out_slice) {
        if (az_span_size(token->slice) != token->size)
                return AZ_ERROR_NOT_SUPPORTED;
        *out_slice = token->slice;
        return AZ_OK;
}

static az_result read_member(az_json_reader *reader, member const *row, void *out) {
        az_span name = AZ_SPAN_EMPTY;
        az_result r = AZ_OK;

        if (az_span_size(row->name) == 0)
                r = get_slice(&reader->token, &name);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(reader);
        if (az_result_failed(r) || reader->token.kind == AZ_JSON_TOKEN_NULL)
                return r;
        return row->read(reader, name, (uint8_t *) out + row->offset);
}

static az_result read_object(az_json_reader *reader, member const *members, size_t n_members, void *out) {
        az_result r;

        if (reader->token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return AZ_ERROR_UNEXPECTED_CHAR;
        for (;;) {
                size_t i = 0;

                r = az_json_reader_next_token(reader);
                if (az_result_failed(r) || reader->token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        return r;
                while (i < n_members && az_span_size(members[i].name) > 0 &&
                       !az_json_token_is_text_equal(&reader->token, members[i].name))
                        i++;
                r = i < n_members ? read_member(reader, &members[i], out)
                                  : az_json_reader_skip_children(reader);
                if (az_result_failed(r))
                        return r;
        }
}

static az_result read_array(az_json_reader *reader, value_reader read_item, void *out) {
        az_result r;

        if (reader->token.kind != AZ_JSON_TOKEN_BEGIN_ARRAY)
                return AZ_ERROR_UNEXPECTED_CHAR;
        for (;;) {
                r = az_json_reader_next_token(reader);
                if (az_result_failed(r) || reader->token.kind == AZ_JSON_TOKEN_END_ARRAY)
                        return r;
                r = read_item(reader, AZ_SPAN_EMPTY, out);
                if (az_result_failed(r))
                        return r;
        }
}

static az_result read_text(az_json_reader *reader, az_span name, void *out) {
        if (reader->token.kind != AZ_JSON_TOKEN_STRING)
                return AZ_ERROR_UNEXPECTED_CHAR;
        return get_slice(&reader->token, out);
}

static az_result read_size(az_json_reader *reader, az_span name, void *out) {
        int64_t size;
        az_result r;

        if (reader->token.kind != AZ_JSON_TOKEN_NUMBER)
                return AZ_ERROR_UNEXPECTED_CHAR;
        r = az_json_token_get_int64(&reader->token, &size);
        if (az_result_failed(r))
                return r;
        if (size < 0)
                return AZ_ERROR_UNEXPECTED_CHAR;
        *(int64_t *) out = size;
        return AZ_OK;
}

/* An action beyond 255 might be another one where the compiler makes enums as short as they can be. */
static az_result read_action(az_json_reader *reader, az_span name, void *out) {
        uint32_t action;
        az_result r;

        if (reader->token.kind != AZ_JSON_TOKEN_NUMBER)
                return AZ_ERROR_UNEXPECTED_CHAR;
        r = az_json_token_get_uint32(&reader->token, &action);
        if (az_result_failed(r))
                return r;
        if (action > AZ_IOT_ADU_CLIENT_SERVICE_ACTION_CANCEL)
                return AZ_ERROR_UNEXPECTED_CHAR;
        *(az_iot_adu_client_service_action *) out = (az_iot_adu_client_service_action) action;
        return AZ_OK;
}

/* The request */

static az_result read_workflow(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("action", read_action, az_iot_adu_client_workflow, action),
                MEMBER("id", read_text, az_iot_adu_client_workflow, id),
                MEMBER("retryTimestamp", read_text, az_iot_adu_client_workflow, retry_timestamp),
        };

        return READ_OBJECT(reader, members, out);
}

static az_result read_file_url(az_json_reader *reader, az_span name, void *out) {
        az_iot_adu_client_update_request *request = out;
        az_iot_adu_client_file_url *file;

        if (request->file_urls_count == _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        file = &request->file_urls[request->file_urls_count++];
        file->id = name;
        return read_text(reader, name, &file->url);
}

static az_result read_file_urls(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = { ANY_MEMBER(read_file_url) };

        return READ_OBJECT(reader, members, out);
}

/* A request, and whether there is one. */
typedef struct {
        az_iot_adu_client_update_request request;
        bool is_there;
} found_request;

static az_result read_request(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("workflow", read_workflow, az_iot_adu_client_update_request, workflow),
                MEMBER("updateManifest", read_text, az_iot_adu_client_update_request, update_manifest),
                MEMBER("updateManifestSignature", read_text, az_iot_adu_client_update_request,
                       update_manifest_signature),
                { AZ_SPAN_LITERAL_FROM_STR("fileUrls"), read_file_urls, 0 },
        };
        found_request *found = out;

        *found = (found_request){ .is_there = true };
        return READ_OBJECT(reader, members, &found->request);
}

az_result az_iot_adu_client_parse_service_properties(az_iot_adu_client *client,
                                                     az_json_reader *ref_json_reader,
                                                     az_iot_adu_client_update_request *update_request) {
        static const member members[] = { { AZ_SPAN_LITERAL_FROM_STR("service"), read_request, 0 } };
        found_request found = { .is_there = false };
        az_result r = AZ_OK;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_reader);
        _az_PRECONDITION_NOT_NULL(update_request);

        if (ref_json_reader->token.kind == AZ_JSON_TOKEN_NONE)
                r = az_json_reader_next_token(ref_json_reader);
        else if (ref_json_reader->token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT &&
                 ref_json_reader->token.kind != AZ_JSON_TOKEN_PROPERTY_NAME)
                return AZ_ERROR_JSON_INVALID_STATE;
        if (az_result_failed(r))
                return r;

        if (ref_json_reader->token.kind != AZ_JSON_TOKEN_PROPERTY_NAME)
                r = READ_OBJECT(ref_json_reader, members, &found);
        else if (az_json_token_is_text_equal(&ref_json_reader->token, members[0].name))
                r = read_member(ref_json_reader, &members[0], &found);
        if (az_result_failed(r))
                return r;
        if (!found.is_there)
                return AZ_ERROR_ITEM_NOT_FOUND;
        *update_request = found.request;
        return AZ_OK;
}

/* The manifest */

static az_result read_update_id(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("provider", read_text, az_iot_adu_update_id, provider),
                MEMBER("name", read_text, az_iot_adu_update_id, name),
                MEMBER("version", read_text, az_iot_adu_update_id, version),
        };

        return READ_OBJECT(reader, members, out);
}

typedef az_iot_adu_client_update_manifest_instructions instructions;
typedef az_iot_adu_client_update_manifest_instructions_step step;
typedef az_iot_adu_client_update_manifest_instructions_step_handler_properties handler_properties;
typedef az_iot_adu_client_update_manifest_file manifest_file;
typedef az_iot_adu_client_update_manifest manifest;

static az_result read_step_file(az_json_reader *reader, az_span name, void *out) {
        step *s = out;

        if (s->files_count == _az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        return read_text(reader, name, &s->files[s->files_count++]);
}

static az_result read_step_files(az_json_reader *reader, az_span name, void *out) {
        return read_array(reader, read_step_file, out);
}

static az_result read_handler_properties(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("installedCriteria", read_text, handler_properties, installed_criteria),
        };

        return READ_OBJECT(reader, members, out);
}

static az_result read_step(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("handler", read_text, step, handler),
                { AZ_SPAN_LITERAL_FROM_STR("files"), read_step_files, 0 },
                MEMBER("handlerProperties", read_handler_properties, step, handler_properties),
        };
        instructions *i = out;

        if (i->steps_count == _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        return READ_OBJECT(reader, members, &i->steps[i->steps_count++]);
}

static az_result read_steps(az_json_reader *reader, az_span name, void *out) {
        return read_array(reader, read_step, out);
}

static az_result read_instructions(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = { { AZ_SPAN_LITERAL_FROM_STR("steps"), read_steps, 0 } };

        return READ_OBJECT(reader, members, out);
}

static az_result read_hash(az_json_reader *reader, az_span name, void *out) {
        manifest_file *file = out;
        az_iot_adu_client_update_manifest_file_hash *hash;

        if (file->hashes_count == _az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        hash = &file->hashes[file->hashes_count++];
        hash->hash_type = name;
        return read_text(reader, name, &hash->hash_value);
}

static az_result read_hashes(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = { ANY_MEMBER(read_hash) };

        return READ_OBJECT(reader, members, out);
}

static az_result read_file(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = {
                MEMBER("fileName", read_text, manifest_file, file_name),
                MEMBER("sizeInBytes", read_size, manifest_file, size_in_bytes),
                { AZ_SPAN_LITERAL_FROM_STR("hashes"), read_hashes, 0 },
        };
        manifest *m = out;
        manifest_file *file;

        if (m->files_count == _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        file = &m->files[m->files_count++];
        file->id = name;
        return READ_OBJECT(reader, members, file);
}

static az_result read_files(az_json_reader *reader, az_span name, void *out) {
        static const member members[] = { ANY_MEMBER(read_file) };

        return READ_OBJECT(reader, members, out);
}

az_result az_iot_adu_client_parse_update_manifest(az_iot_adu_client *client, az_json_reader *ref_json_reader,
                                                  az_iot_adu_client_update_manifest *update_manifest) {
        static const member members[] = {
                MEMBER("manifestVersion", read_text, manifest, manifest_version),
                MEMBER("updateId", read_update_id, manifest, update_id),
                MEMBER("instructions", read_instructions, manifest, instructions),
                { AZ_SPAN_LITERAL_FROM_STR("files"), read_files, 0 },
                MEMBER("createdDateTime", read_text, manifest, create_date_time),
        };
        manifest m = { .files_count = 0 };
        az_result r = AZ_OK;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_reader);
        _az_PRECONDITION_NOT_NULL(update_manifest);

        if (ref_json_reader->token.kind == AZ_JSON_TOKEN_NONE)
                r = az_json_reader_next_token(ref_json_reader);
        else if (ref_json_reader->token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return AZ_ERROR_JSON_INVALID_STATE;
        if (az_result_succeeded(r))
                r = READ_OBJECT(ref_json_reader, members, &m);
        if (az_result_succeeded(r))
                *update_manifest = m;
        return r;
}
