/* SPDX-License-Identifier: MIT */

/*
 * The public interface of azure-sdk-for-c 1.6.0-beta.1, as firmware that was written against it sees it: this
 * file compiles only if lib/azure has each function, constant, struct member and type, and they are the same.
 * HTTP, storage and contexts are left out, of which lib/azure has no more than the names of some results.
 * Texts, which no compiler compares, are a table for test-az-api.c.
 *
 * It is C99 and C++11: tests/library.sh compiles it as both.
 */

#include <azure/az_core.h>
#include <azure/az_iot.h>
#include <azure/core/az_platform.h>

#include "az-api.h"

/* Says what is not so by an array of negative size. */
#define CHECK(condition) extern char az_api_check[(condition) ? 1 : -1]

#define SAME(name, value)                   CHECK((name) == (value))
#define RESULT(name, value)                 CHECK((uint32_t) (name) == (value))
#define SIGNATURE(result, what, parameters) CHECK(sizeof((what) == (result(*) parameters) 0) > 0)
#define MEMBER(type, of, name)              CHECK(sizeof(&((type *) 0)->name == (of *) 0) > 0)
#define MEMBERS(type, of, name, n)          CHECK(sizeof(&((type *) 0)->name == (of(*)[n]) 0) > 0)

/* A variable, so that the linker has to find the function, too. */
#define FUNCTION(result, name, parameters)              \
        extern result(*const az_api_##name) parameters; \
        result(*const az_api_##name) parameters = name

/* azure/core/az_span.h */

MEMBER(az_span_allocator_context, void *, user_context);
MEMBER(az_span_allocator_context, int32_t, bytes_used);
MEMBER(az_span_allocator_context, int32_t, minimum_required_size);

SIGNATURE(az_result, (az_span_allocator_fn) 0,
          (az_span_allocator_context * allocator_context, az_span *out_next_destination));
FUNCTION(uint8_t *, az_span_ptr, (az_span span));
FUNCTION(int32_t, az_span_size, (az_span span));
FUNCTION(az_span, az_span_create, (uint8_t * ptr, int32_t size));
FUNCTION(az_span, az_span_create_from_str, (char *str));
FUNCTION(az_span, az_span_slice, (az_span span, int32_t start_index, int32_t end_index));
FUNCTION(az_span, az_span_slice_to_end, (az_span span, int32_t start_index));
FUNCTION(bool, az_span_is_content_equal, (az_span span1, az_span span2));
FUNCTION(bool, az_span_is_content_equal_ignoring_case, (az_span span1, az_span span2));
FUNCTION(void, az_span_to_str, (char *destination, int32_t destination_max_size, az_span source));
FUNCTION(int32_t, az_span_find, (az_span source, az_span target));
FUNCTION(az_span, az_span_copy, (az_span destination, az_span source));
FUNCTION(az_span, az_span_copy_u8, (az_span destination, uint8_t byte));
FUNCTION(void, az_span_fill, (az_span destination, uint8_t value));
FUNCTION(az_result, az_span_atou64, (az_span source, uint64_t *out_number));
FUNCTION(az_result, az_span_atoi64, (az_span source, int64_t *out_number));
FUNCTION(az_result, az_span_atou32, (az_span source, uint32_t *out_number));
FUNCTION(az_result, az_span_atoi32, (az_span source, int32_t *out_number));
FUNCTION(az_result, az_span_atod, (az_span source, double *out_number));
FUNCTION(az_result, az_span_i32toa, (az_span destination, int32_t source, az_span *out_span));
FUNCTION(az_result, az_span_u32toa, (az_span destination, uint32_t source, az_span *out_span));
FUNCTION(az_result, az_span_i64toa, (az_span destination, int64_t source, az_span *out_span));
FUNCTION(az_result, az_span_u64toa, (az_span destination, uint64_t source, az_span *out_span));
FUNCTION(az_result, az_span_dtoa,
         (az_span destination, double source, int32_t fractional_digits, az_span *out_span));
FUNCTION(az_result, az_span_dtoa_with_fractional,
         (az_span destination, double source, int32_t fractional_digits, az_span *out_span));

/* azure/core/az_result.h */

RESULT(AZ_OK, 0x00010000U);
RESULT(AZ_ERROR_CANCELED, 0x80010000U);
RESULT(AZ_ERROR_ARG, 0x80010001U);
RESULT(AZ_ERROR_NOT_ENOUGH_SPACE, 0x80010002U);
RESULT(AZ_ERROR_NOT_IMPLEMENTED, 0x80010003U);
RESULT(AZ_ERROR_ITEM_NOT_FOUND, 0x80010004U);
RESULT(AZ_ERROR_UNEXPECTED_CHAR, 0x80010005U);
RESULT(AZ_ERROR_UNEXPECTED_END, 0x80010006U);
RESULT(AZ_ERROR_NOT_SUPPORTED, 0x80010007U);
RESULT(AZ_ERROR_DEPENDENCY_NOT_PROVIDED, 0x80010008U);
RESULT(AZ_ERROR_OUT_OF_MEMORY, 0x80020001U);
RESULT(AZ_ERROR_CLOCK, 0x80020002U);
RESULT(AZ_ERROR_JSON_INVALID_STATE, 0x80030001U);
RESULT(AZ_ERROR_JSON_NESTING_OVERFLOW, 0x80030002U);
RESULT(AZ_ERROR_JSON_READER_DONE, 0x80030003U);
RESULT(AZ_ERROR_HTTP_INVALID_STATE, 0x80040001U);
RESULT(AZ_ERROR_HTTP_PIPELINE_INVALID_POLICY, 0x80040002U);
RESULT(AZ_ERROR_HTTP_INVALID_METHOD_VERB, 0x80040003U);
RESULT(AZ_ERROR_HTTP_AUTHENTICATION_FAILED, 0x80040004U);
RESULT(AZ_ERROR_HTTP_RESPONSE_OVERFLOW, 0x80040005U);
RESULT(AZ_ERROR_HTTP_RESPONSE_COULDNT_RESOLVE_HOST, 0x80040006U);
RESULT(AZ_ERROR_HTTP_CORRUPT_RESPONSE_HEADER, 0x80040007U);
RESULT(AZ_ERROR_HTTP_END_OF_HEADERS, 0x80040008U);
RESULT(AZ_ERROR_HTTP_ADAPTER, 0x80040009U);

FUNCTION(bool, az_result_failed, (az_result result));
FUNCTION(bool, az_result_succeeded, (az_result result));

/* azure/core/az_json.h */

SAME(AZ_JSON_TOKEN_NONE, 0);
SAME(AZ_JSON_TOKEN_BEGIN_OBJECT, 1);
SAME(AZ_JSON_TOKEN_END_OBJECT, 2);
SAME(AZ_JSON_TOKEN_BEGIN_ARRAY, 3);
SAME(AZ_JSON_TOKEN_END_ARRAY, 4);
SAME(AZ_JSON_TOKEN_PROPERTY_NAME, 5);
SAME(AZ_JSON_TOKEN_STRING, 6);
SAME(AZ_JSON_TOKEN_NUMBER, 7);
SAME(AZ_JSON_TOKEN_TRUE, 8);
SAME(AZ_JSON_TOKEN_FALSE, 9);
SAME(AZ_JSON_TOKEN_NULL, 10);

MEMBER(az_json_token, az_span, slice);
MEMBER(az_json_token, az_json_token_kind, kind);
MEMBER(az_json_token, int32_t, size);

MEMBER(az_json_writer, int32_t, total_bytes_written);

MEMBER(az_json_reader, az_json_token, token);
MEMBER(az_json_reader, int32_t, current_depth);

FUNCTION(az_span, az_json_token_copy_into_span, (az_json_token const *json_token, az_span destination));
FUNCTION(az_result, az_json_token_get_boolean, (az_json_token const *json_token, bool *out_value));
FUNCTION(az_result, az_json_token_get_uint64, (az_json_token const *json_token, uint64_t *out_value));
FUNCTION(az_result, az_json_token_get_uint32, (az_json_token const *json_token, uint32_t *out_value));
FUNCTION(az_result, az_json_token_get_int64, (az_json_token const *json_token, int64_t *out_value));
FUNCTION(az_result, az_json_token_get_int32, (az_json_token const *json_token, int32_t *out_value));
FUNCTION(az_result, az_json_token_get_double, (az_json_token const *json_token, double *out_value));
FUNCTION(az_result, az_json_token_get_string,
         (az_json_token const *json_token, char *destination, int32_t destination_max_size,
          int32_t *out_string_length));
FUNCTION(bool, az_json_token_is_text_equal, (az_json_token const *json_token, az_span expected_text));
FUNCTION(az_json_writer_options, az_json_writer_options_default, (void) );
FUNCTION(az_result, az_json_writer_init,
         (az_json_writer * out_json_writer, az_span destination_buffer,
          az_json_writer_options const *options));
FUNCTION(az_result, az_json_writer_chunked_init,
         (az_json_writer * out_json_writer, az_span first_destination_buffer,
          az_span_allocator_fn allocator_callback, void *user_context,
          az_json_writer_options const *options));
FUNCTION(az_span, az_json_writer_get_bytes_used_in_destination, (az_json_writer const *json_writer));
FUNCTION(az_result, az_json_writer_append_string, (az_json_writer * ref_json_writer, az_span value));
FUNCTION(az_result, az_json_writer_append_json_text, (az_json_writer * ref_json_writer, az_span json_text));
FUNCTION(az_result, az_json_writer_append_property_name, (az_json_writer * ref_json_writer, az_span name));
FUNCTION(az_result, az_json_writer_append_bool, (az_json_writer * ref_json_writer, bool value));
FUNCTION(az_result, az_json_writer_append_int32, (az_json_writer * ref_json_writer, int32_t value));
FUNCTION(az_result, az_json_writer_append_double,
         (az_json_writer * ref_json_writer, double value, int32_t fractional_digits));
FUNCTION(az_result, az_json_writer_append_null, (az_json_writer * ref_json_writer));
FUNCTION(az_result, az_json_writer_append_begin_object, (az_json_writer * ref_json_writer));
FUNCTION(az_result, az_json_writer_append_begin_array, (az_json_writer * ref_json_writer));
FUNCTION(az_result, az_json_writer_append_end_object, (az_json_writer * ref_json_writer));
FUNCTION(az_result, az_json_writer_append_end_array, (az_json_writer * ref_json_writer));
FUNCTION(az_json_reader_options, az_json_reader_options_default, (void) );
FUNCTION(az_result, az_json_reader_init,
         (az_json_reader * out_json_reader, az_span json_buffer, az_json_reader_options const *options));
FUNCTION(az_result, az_json_reader_chunked_init,
         (az_json_reader * out_json_reader, az_span json_buffers[], int32_t number_of_buffers,
          az_json_reader_options const *options));
FUNCTION(az_result, az_json_reader_next_token, (az_json_reader * ref_json_reader));
FUNCTION(az_result, az_json_reader_skip_children, (az_json_reader * ref_json_reader));
FUNCTION(az_span, az_json_string_unescape, (az_span json_string, az_span destination));

/* azure/core/az_base64.h */

FUNCTION(az_result, az_base64_encode,
         (az_span destination_base64_text, az_span source_bytes, int32_t *out_written));
FUNCTION(int32_t, az_base64_get_max_encoded_size, (int32_t source_bytes_size));
FUNCTION(az_result, az_base64_decode,
         (az_span destination_bytes, az_span source_base64_text, int32_t *out_written));
FUNCTION(int32_t, az_base64_get_max_decoded_size, (int32_t source_base64_text_size));
FUNCTION(az_result, az_base64_url_decode,
         (az_span destination_bytes, az_span source_base64_url_text, int32_t *out_written));
FUNCTION(int32_t, az_base64_url_get_max_decoded_size, (int32_t source_base64_url_text_size));

/* azure/core/az_log.h */

SAME(AZ_LOG_HTTP_REQUEST, 0x00040000 + 1);
SAME(AZ_LOG_HTTP_RESPONSE, 0x00040000 + 2);
SAME(AZ_LOG_HTTP_RETRY, 0x00040000 + 3);

SIGNATURE(void, (az_log_message_fn) 0, (az_log_classification classification, az_span message));
SIGNATURE(bool, (az_log_classification_filter_fn) 0, (az_log_classification classification));
FUNCTION(void, az_log_set_message_callback, (az_log_message_fn log_message_callback));
FUNCTION(void, az_log_set_classification_filter_callback,
         (az_log_classification_filter_fn message_filter_callback));

/* azure/core/az_precondition.h */

SIGNATURE(void, (az_precondition_failed_fn) 0, (void) );
FUNCTION(void, az_precondition_failed_set_callback,
         (az_precondition_failed_fn az_precondition_failed_callback));

/* azure/core/az_platform.h */

/* Which platform it is a program decides when it is linked. */
SIGNATURE(az_result, az_platform_clock_msec, (int64_t * out_clock_msec));
SIGNATURE(az_result, az_platform_sleep_msec, (int32_t milliseconds));

/* azure/core/az_version.h */

SAME(AZ_SDK_VERSION_MAJOR, 1);
SAME(AZ_SDK_VERSION_MINOR, 6);
SAME(AZ_SDK_VERSION_PATCH, 0);

/* azure/iot/az_iot_common.h */

RESULT(AZ_ERROR_IOT_TOPIC_NO_MATCH, 0x80050001U);
RESULT(AZ_ERROR_IOT_END_OF_PROPERTIES, 0x80050002U);

RESULT(AZ_LOG_MQTT_RECEIVED_TOPIC, 0x00060001U);
RESULT(AZ_LOG_MQTT_RECEIVED_PAYLOAD, 0x00060002U);
RESULT(AZ_LOG_IOT_RETRY, 0x00050001U);
RESULT(AZ_LOG_IOT_SAS_TOKEN, 0x00050002U);
RESULT(AZ_LOG_IOT_AZURERTOS, 0x00050003U);
RESULT(AZ_LOG_IOT_ADU, 0x00050004U);

SAME(AZ_IOT_STATUS_UNKNOWN, 0);
SAME(AZ_IOT_STATUS_OK, 200);
SAME(AZ_IOT_STATUS_ACCEPTED, 202);
SAME(AZ_IOT_STATUS_NO_CONTENT, 204);
SAME(AZ_IOT_STATUS_BAD_REQUEST, 400);
SAME(AZ_IOT_STATUS_UNAUTHORIZED, 401);
SAME(AZ_IOT_STATUS_FORBIDDEN, 403);
SAME(AZ_IOT_STATUS_NOT_FOUND, 404);
SAME(AZ_IOT_STATUS_NOT_ALLOWED, 405);
SAME(AZ_IOT_STATUS_NOT_CONFLICT, 409);
SAME(AZ_IOT_STATUS_PRECONDITION_FAILED, 412);
SAME(AZ_IOT_STATUS_REQUEST_TOO_LARGE, 413);
SAME(AZ_IOT_STATUS_UNSUPPORTED_TYPE, 415);
SAME(AZ_IOT_STATUS_THROTTLED, 429);
SAME(AZ_IOT_STATUS_CLIENT_CLOSED, 499);
SAME(AZ_IOT_STATUS_SERVER_ERROR, 500);
SAME(AZ_IOT_STATUS_BAD_GATEWAY, 502);
SAME(AZ_IOT_STATUS_SERVICE_UNAVAILABLE, 503);
SAME(AZ_IOT_STATUS_TIMEOUT, 504);

FUNCTION(az_result, az_iot_message_properties_init,
         (az_iot_message_properties * properties, az_span buffer, int32_t written_length));
FUNCTION(az_result, az_iot_message_properties_append,
         (az_iot_message_properties * properties, az_span name, az_span value));
FUNCTION(az_result, az_iot_message_properties_find,
         (az_iot_message_properties * properties, az_span name, az_span *out_value));
FUNCTION(az_result, az_iot_message_properties_next,
         (az_iot_message_properties * properties, az_span *out_name, az_span *out_value));
FUNCTION(bool, az_iot_status_succeeded, (az_iot_status status));
FUNCTION(bool, az_iot_status_retriable, (az_iot_status status));
FUNCTION(int32_t, az_iot_calculate_retry_delay,
         (int32_t operation_msec, int16_t attempt, int32_t min_retry_delay_msec, int32_t max_retry_delay_msec,
          int32_t random_jitter_msec));

/* azure/iot/az_iot_hub_client.h */

SAME(AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET, 1);
SAME(AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES, 2);
SAME(AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES, 3);
SAME(AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR, 4);

SAME(AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE, 1);
SAME(AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED, 2);
SAME(AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ACKNOWLEDGEMENT, 3);
SAME(AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ERROR, 4);

MEMBER(az_iot_hub_client_options, az_span, module_id);
MEMBER(az_iot_hub_client_options, az_span, user_agent);
MEMBER(az_iot_hub_client_options, az_span, model_id);
MEMBER(az_iot_hub_client_options, az_span *, component_names);
MEMBER(az_iot_hub_client_options, int32_t, component_names_length);

MEMBER(az_iot_hub_client_c2d_request, az_iot_message_properties, properties);

MEMBER(az_iot_hub_client_method_request, az_span, request_id);
MEMBER(az_iot_hub_client_method_request, az_span, name);

MEMBER(az_iot_hub_client_command_request, az_span, request_id);
MEMBER(az_iot_hub_client_command_request, az_span, component_name);
MEMBER(az_iot_hub_client_command_request, az_span, command_name);

MEMBER(az_iot_hub_client_twin_response, az_span, request_id);
MEMBER(az_iot_hub_client_twin_response, az_iot_hub_client_twin_response_type, response_type);
MEMBER(az_iot_hub_client_twin_response, az_iot_status, status);
MEMBER(az_iot_hub_client_twin_response, az_span, version);

MEMBER(az_iot_hub_client_properties_message, az_iot_hub_client_properties_message_type, message_type);
MEMBER(az_iot_hub_client_properties_message, az_iot_status, status);
MEMBER(az_iot_hub_client_properties_message, az_span, request_id);

FUNCTION(az_iot_hub_client_options, az_iot_hub_client_options_default, (void) );
FUNCTION(az_result, az_iot_hub_client_init,
         (az_iot_hub_client * client, az_span iot_hub_hostname, az_span device_id,
          az_iot_hub_client_options const *options));
FUNCTION(az_result, az_iot_hub_client_get_user_name,
         (az_iot_hub_client const *client, char *mqtt_user_name, size_t mqtt_user_name_size,
          size_t *out_mqtt_user_name_length));
FUNCTION(az_result, az_iot_hub_client_get_client_id,
         (az_iot_hub_client const *client, char *mqtt_client_id, size_t mqtt_client_id_size,
          size_t *out_mqtt_client_id_length));
FUNCTION(az_result, az_iot_hub_client_sas_get_signature,
         (az_iot_hub_client const *client, uint64_t token_expiration_epoch_time, az_span signature,
          az_span *out_signature));
FUNCTION(az_result, az_iot_hub_client_sas_get_password,
         (az_iot_hub_client const *client, uint64_t token_expiration_epoch_time,
          az_span base64_hmac_sha256_signature, az_span key_name, char *mqtt_password,
          size_t mqtt_password_size, size_t *out_mqtt_password_length));
FUNCTION(az_result, az_iot_hub_client_telemetry_get_publish_topic,
         (az_iot_hub_client const *client, az_iot_message_properties const *properties, char *mqtt_topic,
          size_t mqtt_topic_size, size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_c2d_parse_received_topic,
         (az_iot_hub_client const *client, az_span received_topic,
          az_iot_hub_client_c2d_request *out_request));
FUNCTION(az_result, az_iot_hub_client_methods_parse_received_topic,
         (az_iot_hub_client const *client, az_span received_topic,
          az_iot_hub_client_method_request *out_request));
FUNCTION(az_result, az_iot_hub_client_methods_response_get_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, uint16_t status, char *mqtt_topic,
          size_t mqtt_topic_size, size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_commands_parse_received_topic,
         (az_iot_hub_client const *client, az_span received_topic,
          az_iot_hub_client_command_request *out_request));
FUNCTION(az_result, az_iot_hub_client_commands_response_get_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, uint16_t status, char *mqtt_topic,
          size_t mqtt_topic_size, size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_twin_parse_received_topic,
         (az_iot_hub_client const *client, az_span received_topic,
          az_iot_hub_client_twin_response *out_response));
FUNCTION(az_result, az_iot_hub_client_twin_document_get_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
          size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_twin_patch_get_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
          size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_properties_parse_received_topic,
         (az_iot_hub_client const *client, az_span received_topic,
          az_iot_hub_client_properties_message *out_message));
FUNCTION(az_result, az_iot_hub_client_properties_document_get_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
          size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_hub_client_properties_get_reported_publish_topic,
         (az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
          size_t *out_mqtt_topic_length));

/* azure/iot/az_iot_hub_client_properties.h */

SAME(AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE, 0);
SAME(AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, 1);

FUNCTION(az_result, az_iot_hub_client_properties_writer_begin_component,
         (az_iot_hub_client const *client, az_json_writer *ref_json_writer, az_span component_name));
FUNCTION(az_result, az_iot_hub_client_properties_writer_end_component,
         (az_iot_hub_client const *client, az_json_writer *ref_json_writer));
FUNCTION(az_result, az_iot_hub_client_properties_writer_begin_response_status,
         (az_iot_hub_client const *client, az_json_writer *ref_json_writer, az_span property_name,
          int32_t status_code, int32_t version, az_span description));
FUNCTION(az_result, az_iot_hub_client_properties_writer_end_response_status,
         (az_iot_hub_client const *client, az_json_writer *ref_json_writer));
FUNCTION(az_result, az_iot_hub_client_properties_get_properties_version,
         (az_iot_hub_client const *client, az_json_reader *ref_json_reader,
          az_iot_hub_client_properties_message_type message_type, int32_t *out_version));
FUNCTION(az_result, az_iot_hub_client_properties_get_next_component_property,
         (az_iot_hub_client const *client, az_json_reader *ref_json_reader,
          az_iot_hub_client_properties_message_type message_type,
          az_iot_hub_client_property_type property_type, az_span *out_component_name));

/* azure/iot/az_iot_provisioning_client.h */

SAME(AZ_IOT_PROVISIONING_STATUS_UNASSIGNED, 0);
SAME(AZ_IOT_PROVISIONING_STATUS_ASSIGNING, 1);
SAME(AZ_IOT_PROVISIONING_STATUS_ASSIGNED, 2);
SAME(AZ_IOT_PROVISIONING_STATUS_FAILED, 3);
SAME(AZ_IOT_PROVISIONING_STATUS_DISABLED, 4);

MEMBER(az_iot_provisioning_client_options, az_span, user_agent);

MEMBER(az_iot_provisioning_client_registration_state, az_span, assigned_hub_hostname);
MEMBER(az_iot_provisioning_client_registration_state, az_span, device_id);
MEMBER(az_iot_provisioning_client_registration_state, az_iot_status, error_code);
MEMBER(az_iot_provisioning_client_registration_state, uint32_t, extended_error_code);
MEMBER(az_iot_provisioning_client_registration_state, az_span, error_message);
MEMBER(az_iot_provisioning_client_registration_state, az_span, error_tracking_id);
MEMBER(az_iot_provisioning_client_registration_state, az_span, error_timestamp);
MEMBER(az_iot_provisioning_client_registration_state, az_span, payload);

MEMBER(az_iot_provisioning_client_register_response, az_span, operation_id);
MEMBER(az_iot_provisioning_client_register_response, az_iot_status, status);
MEMBER(az_iot_provisioning_client_register_response, az_iot_provisioning_client_operation_status,
       operation_status);
MEMBER(az_iot_provisioning_client_register_response, uint32_t, retry_after_seconds);
MEMBER(az_iot_provisioning_client_register_response, az_iot_provisioning_client_registration_state,
       registration_state);

FUNCTION(az_iot_provisioning_client_options, az_iot_provisioning_client_options_default, (void) );
FUNCTION(az_result, az_iot_provisioning_client_init,
         (az_iot_provisioning_client * client, az_span global_device_hostname, az_span id_scope,
          az_span registration_id, az_iot_provisioning_client_options const *options));
FUNCTION(az_result, az_iot_provisioning_client_get_user_name,
         (az_iot_provisioning_client const *client, char *mqtt_user_name, size_t mqtt_user_name_size,
          size_t *out_mqtt_user_name_length));
FUNCTION(az_result, az_iot_provisioning_client_get_client_id,
         (az_iot_provisioning_client const *client, char *mqtt_client_id, size_t mqtt_client_id_size,
          size_t *out_mqtt_client_id_length));
FUNCTION(az_result, az_iot_provisioning_client_sas_get_signature,
         (az_iot_provisioning_client const *client, uint64_t token_expiration_epoch_time, az_span signature,
          az_span *out_signature));
FUNCTION(az_result, az_iot_provisioning_client_sas_get_password,
         (az_iot_provisioning_client const *client, az_span base64_hmac_sha256_signature,
          uint64_t token_expiration_epoch_time, az_span key_name, char *mqtt_password,
          size_t mqtt_password_size, size_t *out_mqtt_password_length));
FUNCTION(az_result, az_iot_provisioning_client_parse_received_topic_and_payload,
         (az_iot_provisioning_client const *client, az_span received_topic, az_span received_payload,
          az_iot_provisioning_client_register_response *out_response));
FUNCTION(bool, az_iot_provisioning_client_operation_complete,
         (az_iot_provisioning_client_operation_status operation_status));
FUNCTION(az_result, az_iot_provisioning_client_register_get_publish_topic,
         (az_iot_provisioning_client const *client, char *mqtt_topic, size_t mqtt_topic_size,
          size_t *out_mqtt_topic_length));
FUNCTION(az_result, az_iot_provisioning_client_query_status_get_publish_topic,
         (az_iot_provisioning_client const *client, az_span operation_id, char *mqtt_topic,
          size_t mqtt_topic_size, size_t *out_mqtt_topic_length));
FUNCTION(az_iot_provisioning_client_payload_options, az_iot_provisioning_client_payload_options_default,
         (void) );
FUNCTION(az_result, az_iot_provisioning_client_register_get_request_payload,
         (az_iot_provisioning_client const *client, az_span custom_payload_property,
          az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
          size_t mqtt_payload_size, size_t *out_mqtt_payload_length));
FUNCTION(az_result, az_iot_provisioning_client_get_request_payload,
         (az_iot_provisioning_client const *client, az_span custom_payload_property,
          az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
          size_t mqtt_payload_size, size_t *out_mqtt_payload_length));

/* azure/iot/az_iot_adu_client.h */

SAME(AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT, 200);
SAME(AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT, 406);

SAME(AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, 0);
SAME(AZ_IOT_ADU_CLIENT_AGENT_STATE_DEPLOYMENT_IN_PROGRESS, 6);
SAME(AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED, 255);

SAME(AZ_IOT_ADU_CLIENT_SERVICE_ACTION_APPLY_DEPLOYMENT, 3);
SAME(AZ_IOT_ADU_CLIENT_SERVICE_ACTION_CANCEL, 255);

MEMBER(az_iot_adu_update_id, az_span, provider);
MEMBER(az_iot_adu_update_id, az_span, name);
MEMBER(az_iot_adu_update_id, az_span, version);

MEMBERS(az_iot_adu_device_custom_properties, az_span, names, _az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES);
MEMBERS(az_iot_adu_device_custom_properties, az_span, values,
        _az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES);
MEMBER(az_iot_adu_device_custom_properties, int32_t, count);

MEMBER(az_iot_adu_client_device_properties, az_span, manufacturer);
MEMBER(az_iot_adu_client_device_properties, az_span, model);
MEMBER(az_iot_adu_client_device_properties, az_iot_adu_device_custom_properties *, custom_properties);
MEMBER(az_iot_adu_client_device_properties, az_span, adu_version);
MEMBER(az_iot_adu_client_device_properties, az_span, delivery_optimization_agent_version);
MEMBER(az_iot_adu_client_device_properties, az_span, update_id);

MEMBER(az_iot_adu_client_step_result, int32_t, result_code);
MEMBER(az_iot_adu_client_step_result, int32_t, extended_result_code);
MEMBER(az_iot_adu_client_step_result, az_span, result_details);

MEMBER(az_iot_adu_client_install_result, int32_t, result_code);
MEMBER(az_iot_adu_client_install_result, int32_t, extended_result_code);
MEMBER(az_iot_adu_client_install_result, az_span, result_details);
MEMBER(az_iot_adu_client_install_result, int32_t, step_results_count);
MEMBERS(az_iot_adu_client_install_result, az_iot_adu_client_step_result, step_results,
        _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS);

MEMBER(az_iot_adu_client_workflow, az_iot_adu_client_service_action, action);
MEMBER(az_iot_adu_client_workflow, az_span, id);
MEMBER(az_iot_adu_client_workflow, az_span, retry_timestamp);

MEMBER(az_iot_adu_client_file_url, az_span, id);
MEMBER(az_iot_adu_client_file_url, az_span, url);

MEMBER(az_iot_adu_client_update_request, az_iot_adu_client_workflow, workflow);
MEMBER(az_iot_adu_client_update_request, az_span, update_manifest);
MEMBER(az_iot_adu_client_update_request, az_span, update_manifest_signature);
MEMBERS(az_iot_adu_client_update_request, az_iot_adu_client_file_url, file_urls,
        _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT);
MEMBER(az_iot_adu_client_update_request, uint32_t, file_urls_count);

MEMBER(az_iot_adu_client_update_manifest_instructions_step_handler_properties, az_span, installed_criteria);

MEMBER(az_iot_adu_client_update_manifest_instructions_step, az_span, handler);
MEMBERS(az_iot_adu_client_update_manifest_instructions_step, az_span, files,
        _az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP);
MEMBER(az_iot_adu_client_update_manifest_instructions_step, uint32_t, files_count);
MEMBER(az_iot_adu_client_update_manifest_instructions_step,
       az_iot_adu_client_update_manifest_instructions_step_handler_properties, handler_properties);

MEMBERS(az_iot_adu_client_update_manifest_instructions, az_iot_adu_client_update_manifest_instructions_step,
        steps, _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS);
MEMBER(az_iot_adu_client_update_manifest_instructions, uint32_t, steps_count);

MEMBER(az_iot_adu_client_update_manifest_file_hash, az_span, hash_type);
MEMBER(az_iot_adu_client_update_manifest_file_hash, az_span, hash_value);

MEMBER(az_iot_adu_client_update_manifest_file, az_span, id);
MEMBER(az_iot_adu_client_update_manifest_file, az_span, file_name);
MEMBER(az_iot_adu_client_update_manifest_file, int64_t, size_in_bytes);
MEMBERS(az_iot_adu_client_update_manifest_file, az_iot_adu_client_update_manifest_file_hash, hashes,
        _az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT);
MEMBER(az_iot_adu_client_update_manifest_file, uint32_t, hashes_count);

MEMBER(az_iot_adu_client_update_manifest, az_span, manifest_version);
MEMBER(az_iot_adu_client_update_manifest, az_iot_adu_update_id, update_id);
MEMBER(az_iot_adu_client_update_manifest, az_iot_adu_client_update_manifest_instructions, instructions);
MEMBERS(az_iot_adu_client_update_manifest, az_iot_adu_client_update_manifest_file, files,
        _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT);
MEMBER(az_iot_adu_client_update_manifest, uint32_t, files_count);
MEMBER(az_iot_adu_client_update_manifest, az_span, create_date_time);

MEMBER(az_iot_adu_client_options, az_span, device_compatibility_properties);

FUNCTION(az_iot_adu_client_options, az_iot_adu_client_options_default, (void) );
FUNCTION(az_iot_adu_client_device_properties, az_iot_adu_client_device_properties_default, (void) );
FUNCTION(az_result, az_iot_adu_client_init, (az_iot_adu_client * client, az_iot_adu_client_options *options));
FUNCTION(bool, az_iot_adu_client_is_component_device_update,
         (az_iot_adu_client * client, az_span component_name));
FUNCTION(az_result, az_iot_adu_client_get_agent_state_payload,
         (az_iot_adu_client * client, az_iot_adu_client_device_properties *device_properties,
          az_iot_adu_client_agent_state agent_state, az_iot_adu_client_workflow *workflow,
          az_iot_adu_client_install_result *last_install_result, az_json_writer *ref_json_writer));
FUNCTION(az_result, az_iot_adu_client_parse_service_properties,
         (az_iot_adu_client * client, az_json_reader *ref_json_reader,
          az_iot_adu_client_update_request *update_request));
FUNCTION(az_result, az_iot_adu_client_get_service_properties_response,
         (az_iot_adu_client * client, int32_t version, az_iot_adu_client_request_decision status,
          az_json_writer *ref_json_writer));
FUNCTION(az_result, az_iot_adu_client_parse_update_manifest,
         (az_iot_adu_client * client, az_json_reader *ref_json_reader,
          az_iot_adu_client_update_manifest *update_manifest));

/* What existing code does with the rest: a member that is private, constants in an anonymous enum, and macros
 * as initializers and expressions. */

MEMBER(az_iot_hub_client, az_iot_hub_client_options, _internal.options);
SAME(AZ_HUB_CLIENT_DEFAULT_MQTT_TELEMETRY_QOS, 0);
SAME(AZ_IOT_DEFAULT_MQTT_CONNECT_PORT, 8883);
SAME(AZ_IOT_DEFAULT_MQTT_CONNECT_KEEPALIVE_SECONDS, 240);
SAME(_az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES, 5);
SAME(_az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS, 2);
SAME(_az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP, 2);
SAME(_az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT, 2);
SAME(_az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT, 2);

az_span az_api_use_spans(int which) {
        static const az_span literals[] = { AZ_SPAN_LITERAL_EMPTY, AZ_SPAN_LITERAL_FROM_STR("literal") };
        static uint8_t buffer[4];

        if (which < 2)
                return literals[which];
        if (which == 2)
                return AZ_SPAN_FROM_STR("text");
        return which == 3 ? AZ_SPAN_FROM_BUFFER(buffer) : AZ_SPAN_EMPTY;
}

#define TEXT(name, text) \
        { #name, name, text }

const az_api_text az_api_texts[] = {
        TEXT(AZ_SDK_VERSION_STRING, "1.6.0-beta.1"),
        TEXT(AZ_SDK_VERSION_PRERELEASE, "beta.1"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID, "%24.mid"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_CORRELATION_ID, "%24.cid"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE, "%24.ct"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING, "%24.ce"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_USER_ID, "%24.uid"),
        TEXT(AZ_IOT_MESSAGE_PROPERTIES_CREATION_TIME, "%24.ctime"),
        TEXT(AZ_IOT_MESSAGE_COMPONENT_NAME, "%24.sub"),
        TEXT(AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH, "/$iothub/websocket"),
        TEXT(AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH_NO_X509_CLIENT_CERT,
             "/$iothub/websocket?iothub-no-client-cert=true"),
        TEXT(AZ_IOT_HUB_CLIENT_C2D_SUBSCRIBE_TOPIC, "devices/+/messages/devicebound/#"),
        TEXT(AZ_IOT_HUB_CLIENT_METHODS_SUBSCRIBE_TOPIC, "$iothub/methods/POST/#"),
        TEXT(AZ_IOT_HUB_CLIENT_COMMANDS_SUBSCRIBE_TOPIC, "$iothub/methods/POST/#"),
        TEXT(AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_SUBSCRIBE_TOPIC, "$iothub/twin/res/#"),
        TEXT(AZ_IOT_HUB_CLIENT_TWIN_PATCH_SUBSCRIBE_TOPIC, "$iothub/twin/PATCH/properties/desired/#"),
        TEXT(AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_SUBSCRIBE_TOPIC, "$iothub/twin/res/#"),
        TEXT(AZ_IOT_HUB_CLIENT_PROPERTIES_WRITABLE_UPDATES_SUBSCRIBE_TOPIC,
             "$iothub/twin/PATCH/properties/desired/#"),
        TEXT(AZ_IOT_PROVISIONING_SERVICE_VERSION, "2019-03-31"),
        TEXT(AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC, "$dps/registrations/res/#"),
        TEXT(AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID, "dtmi:azure:iot:deviceUpdateContractModel;2"),
        TEXT(AZ_IOT_ADU_CLIENT_AGENT_VERSION, "DU;agent/1.0.0"),
        TEXT(AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME, "deviceUpdate"),
        TEXT(AZ_IOT_ADU_CLIENT_AGENT_DEFAULT_COMPATIBILITY_PROPERTIES, "manufacturer,model"),
};
const size_t az_api_n_texts = sizeof(az_api_texts) / sizeof(az_api_texts[0]);
