/* SPDX-License-Identifier: MIT */

/*
 * What code that was written for the Azure SDK for Embedded C knows of it: the names, types and values of its
 * public API. The compiler compares the types.
 */

#include <azure/az_core.h>
#include <azure/az_iot.h>

#include "unit.h"

#define FUNCTION(type, name, arguments) _unused_ static type(*const name##_is) arguments = name
#define MEMBER(structure, member, type) \
        _Static_assert(__builtin_types_compatible_p(__typeof__(((structure *) NULL)->member), type), #member)

/* azure/core/az_span.h */
FUNCTION(uint8_t *, az_span_ptr, (az_span));
FUNCTION(int32_t, az_span_size, (az_span));
FUNCTION(az_span, az_span_create, (uint8_t *, int32_t));
FUNCTION(az_span, az_span_create_from_str, (char *) );
FUNCTION(az_span, az_span_slice, (az_span, int32_t, int32_t));
FUNCTION(az_span, az_span_slice_to_end, (az_span, int32_t));
FUNCTION(bool, az_span_is_content_equal, (az_span, az_span));
FUNCTION(bool, az_span_is_content_equal_ignoring_case, (az_span, az_span));
FUNCTION(void, az_span_to_str, (char *, int32_t, az_span));
FUNCTION(int32_t, az_span_find, (az_span, az_span));
FUNCTION(az_span, az_span_copy, (az_span, az_span));
FUNCTION(az_span, az_span_copy_u8, (az_span, uint8_t));
FUNCTION(void, az_span_fill, (az_span, uint8_t));
FUNCTION(az_result, az_span_atou64, (az_span, uint64_t *) );
FUNCTION(az_result, az_span_atoi64, (az_span, int64_t *) );
FUNCTION(az_result, az_span_atou32, (az_span, uint32_t *) );
FUNCTION(az_result, az_span_atoi32, (az_span, int32_t *) );
FUNCTION(az_result, az_span_atod, (az_span, double *) );
FUNCTION(az_result, az_span_i32toa, (az_span, int32_t, az_span *) );
FUNCTION(az_result, az_span_u32toa, (az_span, uint32_t, az_span *) );
FUNCTION(az_result, az_span_i64toa, (az_span, int64_t, az_span *) );
FUNCTION(az_result, az_span_u64toa, (az_span, uint64_t, az_span *) );
FUNCTION(az_result, az_span_dtoa, (az_span, double, int32_t, az_span *) );
FUNCTION(az_result, az_span_dtoa_with_fractional, (az_span, double, int32_t, az_span *) );

/* azure/core/az_result.h */
FUNCTION(bool, az_result_failed, (az_result));
FUNCTION(bool, az_result_succeeded, (az_result));

/* azure/core/az_json.h */
FUNCTION(az_span, az_json_token_copy_into_span, (az_json_token const *, az_span));
FUNCTION(az_result, az_json_token_get_boolean, (az_json_token const *, bool *) );
FUNCTION(az_result, az_json_token_get_uint64, (az_json_token const *, uint64_t *) );
FUNCTION(az_result, az_json_token_get_uint32, (az_json_token const *, uint32_t *) );
FUNCTION(az_result, az_json_token_get_int64, (az_json_token const *, int64_t *) );
FUNCTION(az_result, az_json_token_get_int32, (az_json_token const *, int32_t *) );
FUNCTION(az_result, az_json_token_get_double, (az_json_token const *, double *) );
FUNCTION(az_result, az_json_token_get_string, (az_json_token const *, char *, int32_t, int32_t *) );
FUNCTION(bool, az_json_token_is_text_equal, (az_json_token const *, az_span));
FUNCTION(az_json_writer_options, az_json_writer_options_default, (void) );
FUNCTION(az_result, az_json_writer_init, (az_json_writer *, az_span, az_json_writer_options const *) );
FUNCTION(az_result, az_json_writer_chunked_init,
         (az_json_writer *, az_span, az_span_allocator_fn, void *, az_json_writer_options const *) );
FUNCTION(az_span, az_json_writer_get_bytes_used_in_destination, (az_json_writer const *) );
FUNCTION(az_result, az_json_writer_append_string, (az_json_writer *, az_span));
FUNCTION(az_result, az_json_writer_append_json_text, (az_json_writer *, az_span));
FUNCTION(az_result, az_json_writer_append_property_name, (az_json_writer *, az_span));
FUNCTION(az_result, az_json_writer_append_bool, (az_json_writer *, bool) );
FUNCTION(az_result, az_json_writer_append_int32, (az_json_writer *, int32_t));
FUNCTION(az_result, az_json_writer_append_double, (az_json_writer *, double, int32_t));
FUNCTION(az_result, az_json_writer_append_null, (az_json_writer *) );
FUNCTION(az_result, az_json_writer_append_begin_object, (az_json_writer *) );
FUNCTION(az_result, az_json_writer_append_begin_array, (az_json_writer *) );
FUNCTION(az_result, az_json_writer_append_end_object, (az_json_writer *) );
FUNCTION(az_result, az_json_writer_append_end_array, (az_json_writer *) );
FUNCTION(az_json_reader_options, az_json_reader_options_default, (void) );
FUNCTION(az_result, az_json_reader_init, (az_json_reader *, az_span, az_json_reader_options const *) );
FUNCTION(az_result, az_json_reader_chunked_init,
         (az_json_reader *, az_span *, int32_t, az_json_reader_options const *) );
FUNCTION(az_result, az_json_reader_next_token, (az_json_reader *) );
FUNCTION(az_result, az_json_reader_skip_children, (az_json_reader *) );
FUNCTION(az_span, az_json_string_unescape, (az_span, az_span));

/* azure/core/az_base64.h */
FUNCTION(az_result, az_base64_encode, (az_span, az_span, int32_t *) );
FUNCTION(int32_t, az_base64_get_max_encoded_size, (int32_t));
FUNCTION(az_result, az_base64_decode, (az_span, az_span, int32_t *) );
FUNCTION(int32_t, az_base64_get_max_decoded_size, (int32_t));
FUNCTION(az_result, az_base64_url_decode, (az_span, az_span, int32_t *) );
FUNCTION(int32_t, az_base64_url_get_max_decoded_size, (int32_t));

/* azure/core/az_log.h */
FUNCTION(void, az_log_set_message_callback, (az_log_message_fn));
FUNCTION(void, az_log_set_classification_filter_callback, (az_log_classification_filter_fn));

/* azure/core/az_precondition.h */
FUNCTION(void, az_precondition_failed_set_callback, (az_precondition_failed_fn));

/* azure/iot/az_iot_common.h */
FUNCTION(az_result, az_iot_message_properties_init, (az_iot_message_properties *, az_span, int32_t));
FUNCTION(az_result, az_iot_message_properties_append, (az_iot_message_properties *, az_span, az_span));
FUNCTION(az_result, az_iot_message_properties_find, (az_iot_message_properties *, az_span, az_span *) );
FUNCTION(az_result, az_iot_message_properties_next, (az_iot_message_properties *, az_span *, az_span *) );
FUNCTION(bool, az_iot_status_succeeded, (az_iot_status));
FUNCTION(bool, az_iot_status_retriable, (az_iot_status));
FUNCTION(int32_t, az_iot_calculate_retry_delay, (int32_t, int16_t, int32_t, int32_t, int32_t));

/* azure/iot/az_iot_hub_client.h */
FUNCTION(az_iot_hub_client_options, az_iot_hub_client_options_default, (void) );
FUNCTION(az_result, az_iot_hub_client_init,
         (az_iot_hub_client *, az_span, az_span, az_iot_hub_client_options const *) );
FUNCTION(az_result, az_iot_hub_client_get_user_name, (az_iot_hub_client const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_get_client_id, (az_iot_hub_client const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_sas_get_signature,
         (az_iot_hub_client const *, uint64_t, az_span, az_span *) );
FUNCTION(az_result, az_iot_hub_client_sas_get_password,
         (az_iot_hub_client const *, uint64_t, az_span, az_span, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_telemetry_get_publish_topic,
         (az_iot_hub_client const *, az_iot_message_properties const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_c2d_parse_received_topic,
         (az_iot_hub_client const *, az_span, az_iot_hub_client_c2d_request *) );
FUNCTION(az_result, az_iot_hub_client_methods_parse_received_topic,
         (az_iot_hub_client const *, az_span, az_iot_hub_client_method_request *) );
FUNCTION(az_result, az_iot_hub_client_methods_response_get_publish_topic,
         (az_iot_hub_client const *, az_span, uint16_t, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_commands_parse_received_topic,
         (az_iot_hub_client const *, az_span, az_iot_hub_client_command_request *) );
FUNCTION(az_result, az_iot_hub_client_commands_response_get_publish_topic,
         (az_iot_hub_client const *, az_span, uint16_t, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_twin_parse_received_topic,
         (az_iot_hub_client const *, az_span, az_iot_hub_client_twin_response *) );
FUNCTION(az_result, az_iot_hub_client_twin_document_get_publish_topic,
         (az_iot_hub_client const *, az_span, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_twin_patch_get_publish_topic,
         (az_iot_hub_client const *, az_span, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_properties_parse_received_topic,
         (az_iot_hub_client const *, az_span, az_iot_hub_client_properties_message *) );
FUNCTION(az_result, az_iot_hub_client_properties_document_get_publish_topic,
         (az_iot_hub_client const *, az_span, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_hub_client_properties_get_reported_publish_topic,
         (az_iot_hub_client const *, az_span, char *, size_t, size_t *) );

/* azure/iot/az_iot_hub_client_properties.h */
FUNCTION(az_result, az_iot_hub_client_properties_writer_begin_component,
         (az_iot_hub_client const *, az_json_writer *, az_span));
FUNCTION(az_result, az_iot_hub_client_properties_writer_end_component,
         (az_iot_hub_client const *, az_json_writer *) );
FUNCTION(az_result, az_iot_hub_client_properties_writer_begin_response_status,
         (az_iot_hub_client const *, az_json_writer *, az_span, int32_t, int32_t, az_span));
FUNCTION(az_result, az_iot_hub_client_properties_writer_end_response_status,
         (az_iot_hub_client const *, az_json_writer *) );
FUNCTION(az_result, az_iot_hub_client_properties_get_properties_version,
         (az_iot_hub_client const *, az_json_reader *, az_iot_hub_client_properties_message_type,
          int32_t *) );
FUNCTION(az_result, az_iot_hub_client_properties_get_next_component_property,
         (az_iot_hub_client const *, az_json_reader *, az_iot_hub_client_properties_message_type,
          az_iot_hub_client_property_type, az_span *) );

/* azure/iot/az_iot_provisioning_client.h */
FUNCTION(az_iot_provisioning_client_options, az_iot_provisioning_client_options_default, (void) );
FUNCTION(az_result, az_iot_provisioning_client_init,
         (az_iot_provisioning_client *, az_span, az_span, az_span,
          az_iot_provisioning_client_options const *) );
FUNCTION(az_result, az_iot_provisioning_client_get_user_name,
         (az_iot_provisioning_client const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_provisioning_client_get_client_id,
         (az_iot_provisioning_client const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_provisioning_client_sas_get_signature,
         (az_iot_provisioning_client const *, uint64_t, az_span, az_span *) );
FUNCTION(az_result, az_iot_provisioning_client_sas_get_password,
         (az_iot_provisioning_client const *, az_span, uint64_t, az_span, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_provisioning_client_parse_received_topic_and_payload,
         (az_iot_provisioning_client const *, az_span, az_span,
          az_iot_provisioning_client_register_response *) );
FUNCTION(bool, az_iot_provisioning_client_operation_complete, (az_iot_provisioning_client_operation_status));
FUNCTION(az_result, az_iot_provisioning_client_register_get_publish_topic,
         (az_iot_provisioning_client const *, char *, size_t, size_t *) );
FUNCTION(az_result, az_iot_provisioning_client_query_status_get_publish_topic,
         (az_iot_provisioning_client const *, az_span, char *, size_t, size_t *) );
FUNCTION(az_iot_provisioning_client_payload_options, az_iot_provisioning_client_payload_options_default,
         (void) );
FUNCTION(az_result, az_iot_provisioning_client_register_get_request_payload,
         (az_iot_provisioning_client const *, az_span, az_iot_provisioning_client_payload_options const *,
          uint8_t *, size_t, size_t *) );
FUNCTION(az_result, az_iot_provisioning_client_get_request_payload,
         (az_iot_provisioning_client const *, az_span, az_iot_provisioning_client_payload_options const *,
          uint8_t *, size_t, size_t *) );

/* azure/iot/az_iot_adu_client.h */
FUNCTION(az_iot_adu_client_options, az_iot_adu_client_options_default, (void) );
FUNCTION(az_iot_adu_client_device_properties, az_iot_adu_client_device_properties_default, (void) );
FUNCTION(az_result, az_iot_adu_client_init, (az_iot_adu_client *, az_iot_adu_client_options *) );
FUNCTION(bool, az_iot_adu_client_is_component_device_update, (az_iot_adu_client *, az_span));
FUNCTION(az_result, az_iot_adu_client_get_agent_state_payload,
         (az_iot_adu_client *, az_iot_adu_client_device_properties *, az_iot_adu_client_agent_state,
          az_iot_adu_client_workflow *, az_iot_adu_client_install_result *, az_json_writer *) );
FUNCTION(az_result, az_iot_adu_client_parse_service_properties,
         (az_iot_adu_client *, az_json_reader *, az_iot_adu_client_update_request *) );
FUNCTION(az_result, az_iot_adu_client_get_service_properties_response,
         (az_iot_adu_client *, int32_t, az_iot_adu_client_request_decision, az_json_writer *) );
FUNCTION(az_result, az_iot_adu_client_parse_update_manifest,
         (az_iot_adu_client *, az_json_reader *, az_iot_adu_client_update_manifest *) );
/* The members that code may use. */
MEMBER(az_span_allocator_context, user_context, void *);
MEMBER(az_span_allocator_context, bytes_used, int32_t);
MEMBER(az_span_allocator_context, minimum_required_size, int32_t);
MEMBER(az_json_token, slice, az_span);
MEMBER(az_json_token, kind, az_json_token_kind);
MEMBER(az_json_token, size, int32_t);
MEMBER(az_json_writer, total_bytes_written, int32_t);
MEMBER(az_json_reader, token, az_json_token);
MEMBER(az_json_reader, current_depth, int32_t);
MEMBER(az_iot_hub_client_options, module_id, az_span);
MEMBER(az_iot_hub_client_options, user_agent, az_span);
MEMBER(az_iot_hub_client_options, model_id, az_span);
MEMBER(az_iot_hub_client_options, component_names, az_span *);
MEMBER(az_iot_hub_client_options, component_names_length, int32_t);
MEMBER(az_iot_hub_client_c2d_request, properties, az_iot_message_properties);
MEMBER(az_iot_hub_client_method_request, request_id, az_span);
MEMBER(az_iot_hub_client_method_request, name, az_span);
MEMBER(az_iot_hub_client_command_request, request_id, az_span);
MEMBER(az_iot_hub_client_command_request, component_name, az_span);
MEMBER(az_iot_hub_client_command_request, command_name, az_span);
MEMBER(az_iot_hub_client_twin_response, request_id, az_span);
MEMBER(az_iot_hub_client_twin_response, response_type, az_iot_hub_client_twin_response_type);
MEMBER(az_iot_hub_client_twin_response, status, az_iot_status);
MEMBER(az_iot_hub_client_twin_response, version, az_span);
MEMBER(az_iot_hub_client_properties_message, message_type, az_iot_hub_client_properties_message_type);
MEMBER(az_iot_hub_client_properties_message, status, az_iot_status);
MEMBER(az_iot_hub_client_properties_message, request_id, az_span);
MEMBER(az_iot_provisioning_client_options, user_agent, az_span);
MEMBER(az_iot_provisioning_client_registration_state, assigned_hub_hostname, az_span);
MEMBER(az_iot_provisioning_client_registration_state, device_id, az_span);
MEMBER(az_iot_provisioning_client_registration_state, error_code, az_iot_status);
MEMBER(az_iot_provisioning_client_registration_state, extended_error_code, uint32_t);
MEMBER(az_iot_provisioning_client_registration_state, error_message, az_span);
MEMBER(az_iot_provisioning_client_registration_state, error_tracking_id, az_span);
MEMBER(az_iot_provisioning_client_registration_state, error_timestamp, az_span);
MEMBER(az_iot_provisioning_client_registration_state, payload, az_span);
MEMBER(az_iot_provisioning_client_register_response, operation_id, az_span);
MEMBER(az_iot_provisioning_client_register_response, status, az_iot_status);
MEMBER(az_iot_provisioning_client_register_response, operation_status,
       az_iot_provisioning_client_operation_status);
MEMBER(az_iot_provisioning_client_register_response, retry_after_seconds, uint32_t);
MEMBER(az_iot_provisioning_client_register_response, registration_state,
       az_iot_provisioning_client_registration_state);
MEMBER(az_iot_adu_update_id, provider, az_span);
MEMBER(az_iot_adu_update_id, name, az_span);
MEMBER(az_iot_adu_update_id, version, az_span);
MEMBER(az_iot_adu_device_custom_properties, names, az_span[_az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES]);
MEMBER(az_iot_adu_device_custom_properties, values, az_span[_az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES]);
MEMBER(az_iot_adu_device_custom_properties, count, int32_t);
MEMBER(az_iot_adu_client_device_properties, manufacturer, az_span);
MEMBER(az_iot_adu_client_device_properties, model, az_span);
MEMBER(az_iot_adu_client_device_properties, custom_properties, az_iot_adu_device_custom_properties *);
MEMBER(az_iot_adu_client_device_properties, adu_version, az_span);
MEMBER(az_iot_adu_client_device_properties, delivery_optimization_agent_version, az_span);
MEMBER(az_iot_adu_client_device_properties, update_id, az_span);
MEMBER(az_iot_adu_client_step_result, result_code, int32_t);
MEMBER(az_iot_adu_client_step_result, extended_result_code, int32_t);
MEMBER(az_iot_adu_client_step_result, result_details, az_span);
MEMBER(az_iot_adu_client_install_result, result_code, int32_t);
MEMBER(az_iot_adu_client_install_result, extended_result_code, int32_t);
MEMBER(az_iot_adu_client_install_result, result_details, az_span);
MEMBER(az_iot_adu_client_install_result, step_results_count, int32_t);
MEMBER(az_iot_adu_client_install_result, step_results,
       az_iot_adu_client_step_result[_az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS]);
MEMBER(az_iot_adu_client_workflow, action, az_iot_adu_client_service_action);
MEMBER(az_iot_adu_client_workflow, id, az_span);
MEMBER(az_iot_adu_client_workflow, retry_timestamp, az_span);
MEMBER(az_iot_adu_client_file_url, id, az_span);
MEMBER(az_iot_adu_client_file_url, url, az_span);
MEMBER(az_iot_adu_client_update_request, workflow, az_iot_adu_client_workflow);
MEMBER(az_iot_adu_client_update_request, update_manifest, az_span);
MEMBER(az_iot_adu_client_update_request, update_manifest_signature, az_span);
MEMBER(az_iot_adu_client_update_request, file_urls,
       az_iot_adu_client_file_url[_az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT]);
MEMBER(az_iot_adu_client_update_request, file_urls_count, uint32_t);
MEMBER(az_iot_adu_client_update_manifest_instructions_step_handler_properties, installed_criteria, az_span);
MEMBER(az_iot_adu_client_update_manifest_instructions_step, handler, az_span);
MEMBER(az_iot_adu_client_update_manifest_instructions_step, files,
       az_span[_az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP]);
MEMBER(az_iot_adu_client_update_manifest_instructions_step, files_count, uint32_t);
MEMBER(az_iot_adu_client_update_manifest_instructions_step, handler_properties,
       az_iot_adu_client_update_manifest_instructions_step_handler_properties);
MEMBER(az_iot_adu_client_update_manifest_instructions, steps,
       az_iot_adu_client_update_manifest_instructions_step[_az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS]);
MEMBER(az_iot_adu_client_update_manifest_instructions, steps_count, uint32_t);
MEMBER(az_iot_adu_client_update_manifest_file_hash, hash_type, az_span);
MEMBER(az_iot_adu_client_update_manifest_file_hash, hash_value, az_span);
MEMBER(az_iot_adu_client_update_manifest_file, id, az_span);
MEMBER(az_iot_adu_client_update_manifest_file, file_name, az_span);
MEMBER(az_iot_adu_client_update_manifest_file, size_in_bytes, int64_t);
MEMBER(az_iot_adu_client_update_manifest_file, hashes,
       az_iot_adu_client_update_manifest_file_hash[_az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT]);
MEMBER(az_iot_adu_client_update_manifest_file, hashes_count, uint32_t);
MEMBER(az_iot_adu_client_update_manifest, manifest_version, az_span);
MEMBER(az_iot_adu_client_update_manifest, update_id, az_iot_adu_update_id);
MEMBER(az_iot_adu_client_update_manifest, instructions, az_iot_adu_client_update_manifest_instructions);
MEMBER(az_iot_adu_client_update_manifest, files,
       az_iot_adu_client_update_manifest_file[_az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT]);
MEMBER(az_iot_adu_client_update_manifest, files_count, uint32_t);
MEMBER(az_iot_adu_client_update_manifest, create_date_time, az_span);
MEMBER(az_iot_adu_client_options, device_compatibility_properties, az_span);

static const struct {
        uint32_t value, expected;
} values[] = {
        { (uint32_t) AZ_OK, 0x00010000 },
        { (uint32_t) AZ_ERROR_CANCELED, 0x80010000 },
        { (uint32_t) AZ_ERROR_ARG, 0x80010001 },
        { (uint32_t) AZ_ERROR_NOT_ENOUGH_SPACE, 0x80010002 },
        { (uint32_t) AZ_ERROR_NOT_IMPLEMENTED, 0x80010003 },
        { (uint32_t) AZ_ERROR_ITEM_NOT_FOUND, 0x80010004 },
        { (uint32_t) AZ_ERROR_UNEXPECTED_CHAR, 0x80010005 },
        { (uint32_t) AZ_ERROR_UNEXPECTED_END, 0x80010006 },
        { (uint32_t) AZ_ERROR_NOT_SUPPORTED, 0x80010007 },
        { (uint32_t) AZ_ERROR_DEPENDENCY_NOT_PROVIDED, 0x80010008 },
        { (uint32_t) AZ_ERROR_OUT_OF_MEMORY, 0x80020001 },
        { (uint32_t) AZ_ERROR_CLOCK, 0x80020002 },
        { (uint32_t) AZ_ERROR_JSON_INVALID_STATE, 0x80030001 },
        { (uint32_t) AZ_ERROR_JSON_NESTING_OVERFLOW, 0x80030002 },
        { (uint32_t) AZ_ERROR_JSON_READER_DONE, 0x80030003 },
        { (uint32_t) AZ_ERROR_HTTP_INVALID_STATE, 0x80040001 },
        { (uint32_t) AZ_ERROR_HTTP_PIPELINE_INVALID_POLICY, 0x80040002 },
        { (uint32_t) AZ_ERROR_HTTP_INVALID_METHOD_VERB, 0x80040003 },
        { (uint32_t) AZ_ERROR_HTTP_AUTHENTICATION_FAILED, 0x80040004 },
        { (uint32_t) AZ_ERROR_HTTP_RESPONSE_OVERFLOW, 0x80040005 },
        { (uint32_t) AZ_ERROR_HTTP_RESPONSE_COULDNT_RESOLVE_HOST, 0x80040006 },
        { (uint32_t) AZ_ERROR_HTTP_CORRUPT_RESPONSE_HEADER, 0x80040007 },
        { (uint32_t) AZ_ERROR_HTTP_END_OF_HEADERS, 0x80040008 },
        { (uint32_t) AZ_ERROR_HTTP_ADAPTER, 0x80040009 },
        { (uint32_t) AZ_ERROR_IOT_TOPIC_NO_MATCH, 0x80050001 },
        { (uint32_t) AZ_ERROR_IOT_END_OF_PROPERTIES, 0x80050002 },
        { (uint32_t) _az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7), 0x00050007 },

        { (uint32_t) AZ_LOG_HTTP_REQUEST, 0x00040001 },
        { (uint32_t) AZ_LOG_HTTP_RESPONSE, 0x00040002 },
        { (uint32_t) AZ_LOG_HTTP_RETRY, 0x00040003 },
        { (uint32_t) AZ_LOG_IOT_RETRY, 0x00050001 },
        { (uint32_t) AZ_LOG_IOT_SAS_TOKEN, 0x00050002 },
        { (uint32_t) AZ_LOG_IOT_AZURERTOS, 0x00050003 },
        { (uint32_t) AZ_LOG_IOT_ADU, 0x00050004 },
        { (uint32_t) AZ_LOG_MQTT_RECEIVED_TOPIC, 0x00060001 },
        { (uint32_t) AZ_LOG_MQTT_RECEIVED_PAYLOAD, 0x00060002 },

        { (uint32_t) AZ_JSON_TOKEN_NONE, 0 },
        { (uint32_t) AZ_JSON_TOKEN_BEGIN_OBJECT, 1 },
        { (uint32_t) AZ_JSON_TOKEN_END_OBJECT, 2 },
        { (uint32_t) AZ_JSON_TOKEN_BEGIN_ARRAY, 3 },
        { (uint32_t) AZ_JSON_TOKEN_END_ARRAY, 4 },
        { (uint32_t) AZ_JSON_TOKEN_PROPERTY_NAME, 5 },
        { (uint32_t) AZ_JSON_TOKEN_STRING, 6 },
        { (uint32_t) AZ_JSON_TOKEN_NUMBER, 7 },
        { (uint32_t) AZ_JSON_TOKEN_TRUE, 8 },
        { (uint32_t) AZ_JSON_TOKEN_FALSE, 9 },
        { (uint32_t) AZ_JSON_TOKEN_NULL, 10 },
        { (uint32_t) AZ_IOT_STATUS_UNKNOWN, 0 },
        { (uint32_t) AZ_IOT_STATUS_OK, 200 },
        { (uint32_t) AZ_IOT_STATUS_ACCEPTED, 202 },
        { (uint32_t) AZ_IOT_STATUS_NO_CONTENT, 204 },
        { (uint32_t) AZ_IOT_STATUS_BAD_REQUEST, 400 },
        { (uint32_t) AZ_IOT_STATUS_UNAUTHORIZED, 401 },
        { (uint32_t) AZ_IOT_STATUS_FORBIDDEN, 403 },
        { (uint32_t) AZ_IOT_STATUS_NOT_FOUND, 404 },
        { (uint32_t) AZ_IOT_STATUS_NOT_ALLOWED, 405 },
        { (uint32_t) AZ_IOT_STATUS_NOT_CONFLICT, 409 },
        { (uint32_t) AZ_IOT_STATUS_PRECONDITION_FAILED, 412 },
        { (uint32_t) AZ_IOT_STATUS_REQUEST_TOO_LARGE, 413 },
        { (uint32_t) AZ_IOT_STATUS_UNSUPPORTED_TYPE, 415 },
        { (uint32_t) AZ_IOT_STATUS_THROTTLED, 429 },
        { (uint32_t) AZ_IOT_STATUS_CLIENT_CLOSED, 499 },
        { (uint32_t) AZ_IOT_STATUS_SERVER_ERROR, 500 },
        { (uint32_t) AZ_IOT_STATUS_BAD_GATEWAY, 502 },
        { (uint32_t) AZ_IOT_STATUS_SERVICE_UNAVAILABLE, 503 },
        { (uint32_t) AZ_IOT_STATUS_TIMEOUT, 504 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET, 1 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES, 2 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES, 3 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR, 4 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE, 1 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED, 2 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ACKNOWLEDGEMENT, 3 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ERROR, 4 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE, 0 },
        { (uint32_t) AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, 1 },
        { (uint32_t) AZ_IOT_PROVISIONING_STATUS_UNASSIGNED, 0 },
        { (uint32_t) AZ_IOT_PROVISIONING_STATUS_ASSIGNING, 1 },
        { (uint32_t) AZ_IOT_PROVISIONING_STATUS_ASSIGNED, 2 },
        { (uint32_t) AZ_IOT_PROVISIONING_STATUS_FAILED, 3 },
        { (uint32_t) AZ_IOT_PROVISIONING_STATUS_DISABLED, 4 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT, 200 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT, 406 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, 0 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_AGENT_STATE_DEPLOYMENT_IN_PROGRESS, 6 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED, 255 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_SERVICE_ACTION_APPLY_DEPLOYMENT, 3 },
        { (uint32_t) AZ_IOT_ADU_CLIENT_SERVICE_ACTION_CANCEL, 255 },

        { AZ_SDK_VERSION_MAJOR, 1 },
        { AZ_SDK_VERSION_MINOR, 6 },
        { AZ_SDK_VERSION_PATCH, 0 },
};

START_TEST(constants_have_their_values) {
        ck_assert_uint_eq(values[_i].value, values[_i].expected);
}
END_TEST

static const struct {
        const char *text, *expected;
} texts[] = {
        { AZ_SDK_VERSION_STRING, "1.6.0-beta.1" },
        { AZ_SDK_VERSION_PRERELEASE, "beta.1" },
        { AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID, "%24.mid" },
        { AZ_IOT_MESSAGE_PROPERTIES_CORRELATION_ID, "%24.cid" },
        { AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE, "%24.ct" },
        { AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING, "%24.ce" },
        { AZ_IOT_MESSAGE_PROPERTIES_USER_ID, "%24.uid" },
        { AZ_IOT_MESSAGE_PROPERTIES_CREATION_TIME, "%24.ctime" },
        { AZ_IOT_MESSAGE_COMPONENT_NAME, "%24.sub" },
        { AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH, "/$iothub/websocket" },
        { AZ_IOT_HUB_CLIENT_C2D_SUBSCRIBE_TOPIC, "devices/+/messages/devicebound/#" },
        { AZ_IOT_HUB_CLIENT_METHODS_SUBSCRIBE_TOPIC, "$iothub/methods/POST/#" },
        { AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_SUBSCRIBE_TOPIC, "$iothub/twin/res/#" },
        { AZ_IOT_HUB_CLIENT_TWIN_PATCH_SUBSCRIBE_TOPIC, "$iothub/twin/PATCH/properties/desired/#" },
        { AZ_IOT_PROVISIONING_SERVICE_VERSION, "2019-03-31" },
        { AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC, "$dps/registrations/res/#" },
        { AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID, "dtmi:azure:iot:deviceUpdateContractModel;2" },
        { AZ_IOT_ADU_CLIENT_AGENT_VERSION, "DU;agent/1.0.0" },
        { AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME, "deviceUpdate" },
        { AZ_IOT_ADU_CLIENT_AGENT_DEFAULT_COMPATIBILITY_PROPERTIES, "manufacturer,model" },
        { AZ_IOT_HUB_CLIENT_COMMANDS_SUBSCRIBE_TOPIC, "$iothub/methods/POST/#" },
        { AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_SUBSCRIBE_TOPIC, "$iothub/twin/res/#" },
        { AZ_IOT_HUB_CLIENT_PROPERTIES_WRITABLE_UPDATES_SUBSCRIBE_TOPIC,
          "$iothub/twin/PATCH/properties/desired/#" },
        { AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH_NO_X509_CLIENT_CERT,
          "/$iothub/websocket?iothub-no-client-cert=true" },
};

START_TEST(texts_are_the_same) {
        ck_assert_str_eq(texts[_i].text, texts[_i].expected);
}
END_TEST

START_TEST(errors_are_told_from_successes) {
        ck_assert(az_result_succeeded(AZ_OK) && !az_result_failed(AZ_OK));
        ck_assert(az_result_succeeded(_az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7)));
        ck_assert(!az_result_failed(_az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7)));
        ck_assert(az_result_failed(AZ_ERROR_CANCELED) && !az_result_succeeded(AZ_ERROR_CANCELED));
        ck_assert(az_result_failed(AZ_ERROR_IOT_END_OF_PROPERTIES));
}
END_TEST

static Suite *api_suite(void) {
        Suite *s = suite_create("az-api");
        TCase *t = tcase_create("constants");

        tcase_add_loop_test(t, constants_have_their_values, 0, ELEMENTSOF(values));
        tcase_add_loop_test(t, texts_are_the_same, 0, ELEMENTSOF(texts));
        tcase_add_test(t, errors_are_told_from_successes);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(api_suite)
