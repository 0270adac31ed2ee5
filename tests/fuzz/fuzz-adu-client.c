/* SPDX-License-Identifier: MIT */

/*
 * The input is a request of Device Update, or a manifest, or neither. What is parsed must be parts of it, and
 * the same if the input is cut into chunks. An agent that reports what the request says must write what is
 * read as the same again.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/az_iot.h>

#define TEXT_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_result(az_result r) {
        check(r == AZ_OK || r == AZ_ERROR_ITEM_NOT_FOUND || r == AZ_ERROR_NOT_ENOUGH_SPACE ||
              r == AZ_ERROR_UNEXPECTED_CHAR || r == AZ_ERROR_UNEXPECTED_END ||
              r == AZ_ERROR_JSON_NESTING_OVERFLOW);
}

/* A span of what was parsed: none, or part of the text. */
static void check_within(az_span part, az_span text) {
        if (az_span_ptr(part) != NULL)
                check(az_span_ptr(part) >= az_span_ptr(text) &&
                      az_span_ptr(part) + az_span_size(part) <= az_span_ptr(text) + az_span_size(text));
        else
                check(az_span_size(part) == 0);
}

static void check_request(const az_iot_adu_client_update_request *request, az_span text) {
        check_within(request->workflow.id, text);
        check_within(request->workflow.retry_timestamp, text);
        check_within(request->update_manifest, text);
        check_within(request->update_manifest_signature, text);
        check(request->file_urls_count <= _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT);
        for (uint32_t i = 0; i < request->file_urls_count; i++) {
                check_within(request->file_urls[i].id, text);
                check_within(request->file_urls[i].url, text);
        }
}

static void check_instructions(const az_iot_adu_client_update_manifest_instructions *instructions,
                               az_span text) {
        check(instructions->steps_count <= _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS);
        for (uint32_t i = 0; i < instructions->steps_count; i++) {
                const az_iot_adu_client_update_manifest_instructions_step *step = &instructions->steps[i];

                check_within(step->handler, text);
                check_within(step->handler_properties.installed_criteria, text);
                check(step->files_count <= _az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP);
                for (uint32_t k = 0; k < step->files_count; k++)
                        check_within(step->files[k], text);
        }
}

static void check_manifest(const az_iot_adu_client_update_manifest *manifest, az_span text) {
        check_within(manifest->manifest_version, text);
        check_within(manifest->update_id.provider, text);
        check_within(manifest->update_id.name, text);
        check_within(manifest->update_id.version, text);
        check_within(manifest->create_date_time, text);
        check_instructions(&manifest->instructions, text);
        check(manifest->files_count <= _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT);
        for (uint32_t i = 0; i < manifest->files_count; i++) {
                const az_iot_adu_client_update_manifest_file *file = &manifest->files[i];

                check_within(file->id, text);
                check_within(file->file_name, text);
                check(file->size_in_bytes >= 0);
                check(file->hashes_count <= _az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT);
                for (uint32_t k = 0; k < file->hashes_count; k++) {
                        check_within(file->hashes[k].hash_type, text);
                        check_within(file->hashes[k].hash_value, text);
                }
        }
}

static void start_chunks(az_json_reader *reader, az_span text, int32_t n, az_span *chunks) {
        int32_t n_chunks = 0;

        for (int32_t i = 0; i < az_span_size(text); i += n)
                chunks[n_chunks++] =
                        az_span_slice(text, i, az_span_size(text) - i < n ? az_span_size(text) : i + n);
        check(az_json_reader_chunked_init(reader, chunks, n_chunks, NULL) == AZ_OK);
}

/* Goes on until 'name' has been read; the reader stands on its value then. */
static void find_name(az_json_reader *reader, az_span name) {
        do
                check(az_json_reader_next_token(reader) == AZ_OK);
        while (reader->token.kind != AZ_JSON_TOKEN_PROPERTY_NAME ||
               !az_json_token_is_text_equal(&reader->token, name));
        check(az_json_reader_next_token(reader) == AZ_OK);
}

static void expect_text(az_json_reader *reader, az_span name, az_span text) {
        find_name(reader, name);
        check(reader->token.kind == AZ_JSON_TOKEN_STRING &&
              az_json_token_is_text_equal(&reader->token, text));
}

static void expect_number(az_json_reader *reader, az_span name, int32_t expected) {
        int32_t number;

        find_name(reader, name);
        check(az_json_token_get_int32(&reader->token, &number) == AZ_OK && number == expected);
}

/* The agent calls itself what the request is about. */
static void check_report(az_iot_adu_client *client, az_iot_adu_client_update_request *request) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client_install_result result = {
                .result_code = az_span_size(request->workflow.id),
                .result_details = request->update_manifest_signature,
                .step_results_count = 1,
                .step_results = { { .result_details = request->workflow.retry_timestamp } },
        };
        uint8_t buffer[16 * TEXT_MAX];
        az_json_reader reader;
        az_json_writer writer;

        properties.manufacturer = request->workflow.id;
        properties.model = request->update_manifest_signature;
        properties.update_id = request->update_manifest;
        check(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL) == AZ_OK);
        check(az_iot_adu_client_get_agent_state_payload(client, &properties,
                                                        AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED,
                                                        &request->workflow, &result, &writer) == AZ_OK);

        check(az_json_reader_init(&reader, az_json_writer_get_bytes_used_in_destination(&writer), NULL) ==
              AZ_OK);
        expect_text(&reader, AZ_SPAN_FROM_STR("manufacturer"), properties.manufacturer);
        expect_text(&reader, AZ_SPAN_FROM_STR("model"), properties.model);
        expect_number(&reader, AZ_SPAN_FROM_STR("resultCode"), result.result_code);
        expect_text(&reader, AZ_SPAN_FROM_STR("resultDetails"), result.result_details);
        expect_text(&reader, AZ_SPAN_FROM_STR("resultDetails"), result.step_results[0].result_details);
        expect_number(&reader, AZ_SPAN_FROM_STR("state"), 255);
        expect_number(&reader, AZ_SPAN_FROM_STR("action"), (int32_t) request->workflow.action);
        expect_text(&reader, AZ_SPAN_FROM_STR("id"), request->workflow.id);
        if (az_span_size(request->workflow.retry_timestamp) > 0)
                expect_text(&reader, AZ_SPAN_FROM_STR("retryTimestamp"), request->workflow.retry_timestamp);
        if (az_span_size(properties.update_id) > 0)
                expect_text(&reader, AZ_SPAN_FROM_STR("installedUpdateId"), properties.update_id);
        while (az_json_reader_next_token(&reader) == AZ_OK)
                ;
        check(az_json_reader_next_token(&reader) == AZ_ERROR_JSON_READER_DONE);
}

static void parse_request(az_iot_adu_client *client, az_span text) {
        az_iot_adu_client_update_request request, cut_request;
        az_span chunks[TEXT_MAX];
        az_json_reader reader;
        az_result r, cut_r;

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        r = az_iot_adu_client_parse_service_properties(client, &reader, &request);
        check_result(r);
        for (int32_t n = 1; n <= 16; n *= 2) {
                start_chunks(&reader, text, n, chunks);
                cut_r = az_iot_adu_client_parse_service_properties(client, &reader, &cut_request);
                check(cut_r == r || cut_r == AZ_ERROR_NOT_SUPPORTED);
                if (cut_r == AZ_OK)
                        check_request(&cut_request, text);
        }
        if (r != AZ_OK)
                return;
        check_request(&request, text);
        check_report(client, &request);
}

static void parse_manifest(az_iot_adu_client *client, az_span text) {
        az_iot_adu_client_update_manifest manifest, cut_manifest;
        az_span chunks[TEXT_MAX];
        az_json_reader reader;
        az_result r, cut_r;

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        r = az_iot_adu_client_parse_update_manifest(client, &reader, &manifest);
        check_result(r);
        if (r == AZ_OK)
                check_manifest(&manifest, text);
        for (int32_t n = 1; n <= 16; n *= 2) {
                start_chunks(&reader, text, n, chunks);
                cut_r = az_iot_adu_client_parse_update_manifest(client, &reader, &cut_manifest);
                check(cut_r == r || cut_r == AZ_ERROR_NOT_SUPPORTED);
                if (cut_r == AZ_OK)
                        check_manifest(&cut_manifest, text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_iot_adu_client client;
        az_span text;

        if (size == 0 || size > TEXT_MAX)
                return 0;
        text = az_span_create((uint8_t *) data, (int32_t) size);
        check(az_iot_adu_client_init(&client, NULL) == AZ_OK);
        parse_request(&client, text);
        parse_manifest(&client, text);
        return 0;
}
