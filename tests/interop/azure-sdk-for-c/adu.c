/* SPDX-License-Identifier: MIT */

/* The Device Update part of a device. */

#include "firmware.h"

static az_iot_adu_client adu_client;
static az_iot_adu_client_update_request request;
static az_iot_adu_client_update_manifest manifest;

static char twin_patch[] =
        "{\"deviceUpdate\":{\"__t\":\"c\",\"service\":{\"workflow\":{\"action\":3,"
        "\"id\":\"51552a54-0000-4f5c-9f3a-7c1d3e5b9a10\",\"retryTimestamp\":\"2026-03-09T07:15:30Z\"},"
        "\"updateManifest\":\"{\\\"manifestVersion\\\":\\\"4\\\",\\\"updateId\\\":{\\\"provider\\\":"
        "\\\"contoso\\\",\\\"name\\\":\\\"pump\\\",\\\"version\\\":\\\"1.3.0\\\"},\\\"compatibility\\\":"
        "[{\\\"manufacturer\\\":\\\"contoso\\\",\\\"model\\\":\\\"pump\\\"}],\\\"instructions\\\":"
        "{\\\"steps\\\":[{\\\"handler\\\":\\\"microsoft/swupdate:1\\\",\\\"files\\\":[\\\"f1\\\"],"
        "\\\"handlerProperties\\\":{\\\"installedCriteria\\\":\\\"1.3\\\"}}]},\\\"files\\\":{\\\"f1\\\":"
        "{\\\"fileName\\\":\\\"pump.bin\\\",\\\"sizeInBytes\\\":844976,\\\"hashes\\\":{\\\"sha256\\\":"
        "\\\"xsoCnYAMkZZ7m9RL9Vyg9jKfFehCNxyuPFaJVM/WBi0=\\\"}}},\\\"createdDateTime\\\":"
        "\\\"2026-03-01T00:00:00Z\\\"}\",\"updateManifestSignature\":\"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\","
        "\"fileUrls\":{\"f1\":\"http://dl.example/pump.bin\"}}},\"$version\":9}";

static void payload(char const *name, az_iot_adu_client_device_properties *properties,
                    az_iot_adu_client_agent_state state, az_iot_adu_client_workflow *workflow,
                    az_iot_adu_client_install_result *result) {
        uint8_t buffer[1024];
        az_json_writer jw;
        az_result rc;
        if (az_result_failed(rc = az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL)) ||
            az_result_failed(rc = az_iot_adu_client_get_agent_state_payload(&adu_client, properties, state,
                                                                            workflow, result, &jw))) {
                say_rc(name, rc);
                return;
        }
        say(name, az_json_writer_get_bytes_used_in_destination(&jw));
}

static void reports(void) {
        az_iot_adu_client_options adu_options = az_iot_adu_client_options_default();
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client_install_result result;
        az_iot_adu_client_workflow workflow;
        az_iot_adu_device_custom_properties custom;

        say_str("adu.model", AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID);
        say_str("adu.agent", AZ_IOT_ADU_CLIENT_AGENT_VERSION);
        say("adu.compatibility", adu_options.device_compatibility_properties);
        say("adu.version", properties.adu_version);
        if (az_result_failed(az_iot_adu_client_init(&adu_client, NULL)) ||
            az_result_failed(az_iot_adu_client_init(&adu_client, &adu_options)))
                return;
        properties.manufacturer = AZ_SPAN_FROM_STR("contoso");
        properties.model = AZ_SPAN_FROM_STR("pump");
        properties.update_id =
                AZ_SPAN_FROM_STR("{\"provider\":\"contoso\",\"name\":\"pump\",\"version\":\"1.2.0\"}");
        payload("adu.idle", &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL, NULL);

        memset(&workflow, 0, sizeof workflow);
        workflow.action = AZ_IOT_ADU_CLIENT_SERVICE_ACTION_APPLY_DEPLOYMENT;
        workflow.id = AZ_SPAN_FROM_STR("51552a54-0000-4f5c-9f3a-7c1d3e5b9a10");
        payload("adu.progress", &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_DEPLOYMENT_IN_PROGRESS, &workflow,
                NULL);
        workflow.retry_timestamp = AZ_SPAN_FROM_STR("2026-03-09T07:15:30Z");
        payload("adu.retry", &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED, &workflow, NULL);
        workflow.retry_timestamp = AZ_SPAN_EMPTY;

        memset(&result, 0, sizeof result);
        result.result_code = 700;
        result.step_results_count = 1;
        result.step_results[0].result_code = 700;
        payload("adu.done", &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, &workflow, &result);

        custom.names[0] = AZ_SPAN_FROM_STR("site");
        custom.values[0] = AZ_SPAN_FROM_STR("north");
        custom.count = 1;
        properties.custom_properties = &custom;
        properties.delivery_optimization_agent_version = AZ_SPAN_FROM_STR("DO;1");
        payload("adu.custom", &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL, NULL);

        say_int("adu.is-component",
                az_iot_adu_client_is_component_device_update(&adu_client, AZ_SPAN_FROM_STR("deviceUpdate")));
        say_int("adu.is-not-component",
                az_iot_adu_client_is_component_device_update(&adu_client, AZ_SPAN_FROM_STR("deviceupdate")));
}

static void deployment(void) {
        az_span component_names[] = { AZ_SPAN_LITERAL_FROM_STR(AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME) };
        az_iot_hub_client_options hub_options = az_iot_hub_client_options_default();
        az_iot_hub_client hub_client;
        az_json_reader jr;
        az_span component;
        az_span patch;
        int32_t version = 0;
        az_result rc;

        hub_options.component_names = component_names;
        hub_options.component_names_length = sizeof(component_names) / sizeof(component_names[0]);
        hub_options.model_id = AZ_SPAN_FROM_STR(AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID);
        if (az_result_failed(az_iot_hub_client_init(&hub_client,
                                                    AZ_SPAN_FROM_STR("hub-lab.azure-devices.net"),
                                                    AZ_SPAN_FROM_STR("pump-17"), &hub_options)))
                return;
        patch = az_span_create_from_str(twin_patch);
        if (az_result_failed(rc = az_json_reader_init(&jr, patch, NULL)) ||
            az_result_failed(rc = az_iot_hub_client_properties_get_properties_version(
                                     &hub_client, &jr,
                                     AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED, &version)) ||
            az_result_failed(rc = az_json_reader_init(&jr, patch, NULL))) {
                say_rc("adu.reader", rc);
                return;
        }
        say_int("adu.patch-version", version);
        while (az_result_succeeded(rc = az_iot_hub_client_properties_get_next_component_property(
                                           &hub_client, &jr,
                                           AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED,
                                           AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, &component))) {
                if (!az_iot_adu_client_is_component_device_update(&adu_client, component)) {
                        break;
                }
                rc = az_iot_adu_client_parse_service_properties(&adu_client, &jr, &request);
                say_rc("adu.request.rc", rc);
                if (az_result_failed(rc)) {
                        return;
                }
        }
        say_rc("adu.patch-end", rc);
        say_int("adu.request.action", request.workflow.action);
        say("adu.request.id", request.workflow.id);
        say("adu.request.retry", request.workflow.retry_timestamp);
        say("adu.request.signature", request.update_manifest_signature);
        say_int("adu.request.urls", request.file_urls_count);
        say("adu.request.url-id", request.file_urls[0].id);
        say("adu.request.url", request.file_urls[0].url);

        /* In place, as samples do. */
        request.update_manifest = az_json_string_unescape(request.update_manifest, request.update_manifest);
        say("adu.manifest", request.update_manifest);
        if (az_result_failed(rc = az_json_reader_init(&jr, request.update_manifest, NULL)) ||
            az_result_failed(rc = az_iot_adu_client_parse_update_manifest(&adu_client, &jr, &manifest))) {
                say_rc("adu.manifest.rc", rc);
                return;
        }
}

static void parsed_manifest(void) {
        say("adu.manifest.version", manifest.manifest_version);
        say("adu.manifest.provider", manifest.update_id.provider);
        say("adu.manifest.name", manifest.update_id.name);
        say("adu.manifest.id-version", manifest.update_id.version);
        say_int("adu.manifest.steps", manifest.instructions.steps_count);
        say("adu.manifest.handler", manifest.instructions.steps[0].handler);
        say_int("adu.manifest.step-files", manifest.instructions.steps[0].files_count);
        say("adu.manifest.step-file", manifest.instructions.steps[0].files[0]);
        say("adu.manifest.criteria", manifest.instructions.steps[0].handler_properties.installed_criteria);
        say_int("adu.manifest.files", manifest.files_count);
        say("adu.manifest.file-id", manifest.files[0].id);
        say("adu.manifest.file-name", manifest.files[0].file_name);
        say_int("adu.manifest.file-size", manifest.files[0].size_in_bytes);
        say_int("adu.manifest.hashes", manifest.files[0].hashes_count);
        say("adu.manifest.hash-type", manifest.files[0].hashes[0].hash_type);
        say("adu.manifest.hash", manifest.files[0].hashes[0].hash_value);
        say("adu.manifest.created", manifest.create_date_time);
}

static void answers(void) {
        az_json_reader jr;
        az_json_writer jw;
        az_span cancel;
        uint8_t buffer[256];
        az_result rc;

        if (az_result_failed(rc = az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL)) ||
            az_result_failed(rc = az_iot_adu_client_get_service_properties_response(
                                     &adu_client, 9, AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT, &jw))) {
                say_rc("adu.response", rc);
                return;
        }
        say("adu.response", az_json_writer_get_bytes_used_in_destination(&jw));
        if (az_result_failed(rc = az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL)) ||
            az_result_failed(rc = az_iot_adu_client_get_service_properties_response(
                                     &adu_client, 10, AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT, &jw))) {
                say_rc("adu.reject", rc);
                return;
        }
        say("adu.reject", az_json_writer_get_bytes_used_in_destination(&jw));
        if (az_result_succeeded(az_json_writer_init(&jw, az_span_create(buffer, 20), NULL))) {
                say_rc("adu.small", az_iot_adu_client_get_service_properties_response(
                                            &adu_client, 10, AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT, &jw));
        }

        cancel = AZ_SPAN_FROM_STR(
                "{\"service\":{\"workflow\":{\"action\":255,\"id\":\"nodeployment\"},\"updateManifest\":null,"
                "\"updateManifestSignature\":null,\"fileUrls\":{\"f1\":null}}}");
        if (az_result_succeeded(az_json_reader_init(&jr, cancel, NULL)) &&
            az_result_succeeded(az_json_reader_next_token(&jr)) &&
            az_result_succeeded(az_json_reader_next_token(&jr))) {
                say_rc("adu.cancel.rc",
                       az_iot_adu_client_parse_service_properties(&adu_client, &jr, &request));
                say_int("adu.cancel.action", request.workflow.action);
                say("adu.cancel.id", request.workflow.id);
                say_int("adu.cancel.manifest-size", az_span_size(request.update_manifest));
        }
}

int main(void) {
        reports();
        deployment();
        parsed_manifest();
        answers();
        return 0;
}
