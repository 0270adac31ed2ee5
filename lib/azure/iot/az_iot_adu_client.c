/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_adu_client.h>

#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_json_internal.h>

az_iot_adu_client_options az_iot_adu_client_options_default(void) {
        return (az_iot_adu_client_options){
                .device_compatibility_properties =
                        AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_AGENT_DEFAULT_COMPATIBILITY_PROPERTIES),
        };
}

az_iot_adu_client_device_properties az_iot_adu_client_device_properties_default(void) {
        return (az_iot_adu_client_device_properties){
                .adu_version = AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_AGENT_VERSION),
        };
}

az_result az_iot_adu_client_init(az_iot_adu_client *client, az_iot_adu_client_options *options) {
        _az_PRECONDITION_NOT_NULL(client);

        *client = (az_iot_adu_client){
                ._internal = { .options = options ? *options : az_iot_adu_client_options_default() },
        };
        return AZ_OK;
}

bool az_iot_adu_client_is_component_device_update(az_iot_adu_client *client, az_span component_name) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(component_name, 0);

        return az_span_is_content_equal(component_name,
                                        AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME));
}

static void begin_component(_az_iot_json *json) {
        _az_iot_json_begin(json);
        _az_iot_json_begin_named(json, AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME));
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("__t"), AZ_SPAN_FROM_STR("c"));
}

static void end_component(_az_iot_json *json) {
        _az_iot_json_end(json);
        _az_iot_json_end(json);
}

static void append_unless_empty(_az_iot_json *json, az_span name, az_span text) {
        if (az_span_size(text) > 0)
                _az_iot_json_append_text(json, name, text);
}

static void append_device_properties(_az_iot_json *json,
                                     az_iot_adu_client_device_properties const *properties) {
        az_iot_adu_device_custom_properties const *custom = properties->custom_properties;

        _az_iot_json_begin_named(json, AZ_SPAN_FROM_STR("deviceProperties"));
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("manufacturer"), properties->manufacturer);
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("model"), properties->model);
        for (int32_t i = 0; custom && i < custom->count; i++)
                _az_iot_json_append_text(json, custom->names[i], custom->values[i]);
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("contractModelId"),
                                 AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID));
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("aduVer"), properties->adu_version);
        append_unless_empty(json, AZ_SPAN_FROM_STR("doVer"), properties->delivery_optimization_agent_version);
        _az_iot_json_end(json);
}

/* Appends the members that the result of an update and of a step have in common. */
static void append_result(_az_iot_json *json, int32_t code, int32_t extended_code, az_span details) {
        _az_iot_json_append_int32(json, AZ_SPAN_FROM_STR("resultCode"), code);
        _az_iot_json_append_int32(json, AZ_SPAN_FROM_STR("extendedResultCode"), extended_code);
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("resultDetails"), details);
}

#if _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS > 10
#error "the name of a step has one digit"
#endif

static void begin_step(_az_iot_json *json, int32_t index) {
        uint8_t name[] = { 's', 't', 'e', 'p', '_', (uint8_t) ('0' + index) };

        _az_iot_json_begin_named(json, AZ_SPAN_FROM_BUFFER(name));
}

static void append_install_result(_az_iot_json *json, az_iot_adu_client_install_result const *result) {
        _az_iot_json_begin_named(json, AZ_SPAN_FROM_STR("lastInstallResult"));
        append_result(json, result->result_code, result->extended_result_code, result->result_details);
        if (result->step_results_count > 0) {
                _az_iot_json_begin_named(json, AZ_SPAN_FROM_STR("stepResults"));
                for (int32_t i = 0; i < result->step_results_count; i++) {
                        az_iot_adu_client_step_result const *step = &result->step_results[i];

                        begin_step(json, i);
                        append_result(json, step->result_code, step->extended_result_code,
                                      step->result_details);
                        _az_iot_json_end(json);
                }
                _az_iot_json_end(json);
        }
        _az_iot_json_end(json);
}

static void append_workflow(_az_iot_json *json, az_iot_adu_client_workflow const *workflow) {
        _az_iot_json_begin_named(json, AZ_SPAN_FROM_STR("workflow"));
        _az_iot_json_append_int32(json, AZ_SPAN_FROM_STR("action"), (int32_t) workflow->action);
        _az_iot_json_append_text(json, AZ_SPAN_FROM_STR("id"), workflow->id);
        append_unless_empty(json, AZ_SPAN_FROM_STR("retryTimestamp"), workflow->retry_timestamp);
        _az_iot_json_end(json);
}

az_result az_iot_adu_client_get_agent_state_payload(az_iot_adu_client *client,
                                                    az_iot_adu_client_device_properties *device_properties,
                                                    az_iot_adu_client_agent_state agent_state,
                                                    az_iot_adu_client_workflow *workflow,
                                                    az_iot_adu_client_install_result *last_install_result,
                                                    az_json_writer *ref_json_writer) {
        _az_iot_json json = { ref_json_writer, AZ_OK };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(device_properties);
        _az_PRECONDITION(!device_properties->custom_properties ||
                         (device_properties->custom_properties->count >= 0 &&
                          device_properties->custom_properties->count <=
                                  _az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES));
        _az_PRECONDITION(!last_install_result || (last_install_result->step_results_count >= 0 &&
                                                  last_install_result->step_results_count <=
                                                          _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS));
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        begin_component(&json);
        _az_iot_json_begin_named(&json, AZ_SPAN_FROM_STR("agent"));
        append_device_properties(&json, device_properties);
        _az_iot_json_append_text(&json, AZ_SPAN_FROM_STR("compatPropertyNames"),
                                 client->_internal.options.device_compatibility_properties);
        if (last_install_result)
                append_install_result(&json, last_install_result);
        _az_iot_json_append_int32(&json, AZ_SPAN_FROM_STR("state"), (int32_t) agent_state);
        if (workflow)
                append_workflow(&json, workflow);
        append_unless_empty(&json, AZ_SPAN_FROM_STR("installedUpdateId"), device_properties->update_id);
        _az_iot_json_end(&json);
        end_component(&json);
        return json.result;
}

az_result az_iot_adu_client_get_service_properties_response(az_iot_adu_client *client, int32_t version,
                                                            az_iot_adu_client_request_decision status,
                                                            az_json_writer *ref_json_writer) {
        _az_iot_json json = { ref_json_writer, AZ_OK };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        begin_component(&json);
        _az_iot_json_begin_named(&json, AZ_SPAN_FROM_STR("service"));
        _az_iot_json_append_int32(&json, AZ_SPAN_FROM_STR("ac"), (int32_t) status);
        _az_iot_json_append_int32(&json, AZ_SPAN_FROM_STR("av"), version);
        _az_iot_json_begin_named(&json, AZ_SPAN_FROM_STR("value"));
        _az_iot_json_end(&json);
        _az_iot_json_end(&json);
        end_component(&json);
        return json.result;
}
