/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-json.h"

static az_iot_adu_client make_client(void) {
        az_iot_adu_client client;

        ck_assert_int_eq(az_iot_adu_client_init(&client, NULL), AZ_OK);
        return client;
}

START_TEST(defaults_are_those_of_the_contract) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client_options options = az_iot_adu_client_options_default();

        ck_assert_span_eq(options.device_compatibility_properties, "manufacturer,model");
        ck_assert_span_eq(properties.adu_version, "DU;agent/1.0.0");
        ck_assert_ptr_null(properties.custom_properties);
        ck_assert_int_eq(az_span_size(properties.manufacturer), 0);
        ck_assert_int_eq(az_span_size(properties.model), 0);
        ck_assert_int_eq(az_span_size(properties.delivery_optimization_agent_version), 0);
        ck_assert_int_eq(az_span_size(properties.update_id), 0);
}
END_TEST

START_TEST(the_component_has_one_name) {
        static const struct {
                const char *name;
                bool is_device_update;
        } names[] = {
                { "deviceUpdate", true },
                { "deviceupdate", false },
                { "deviceUpdat", false },
                { "deviceUpdate1", false },
                { "", false },
        };
        az_iot_adu_client client = make_client();

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                ck_assert_int_eq(az_iot_adu_client_is_component_device_update(&client, str(names[i].name)),
                                 names[i].is_device_update);
}
END_TEST

static az_iot_adu_device_custom_properties two_properties = {
        .names = { AZ_SPAN_LITERAL_FROM_STR("location"), AZ_SPAN_LITERAL_FROM_STR("line") },
        .values = { AZ_SPAN_LITERAL_FROM_STR("Gr\u00fcn \"A\""), AZ_SPAN_LITERAL_EMPTY },
        .count = 2,
};
static az_iot_adu_client_workflow workflow_apply = {
        .action = AZ_IOT_ADU_CLIENT_SERVICE_ACTION_APPLY_DEPLOYMENT,
        .id = AZ_SPAN_LITERAL_FROM_STR("51552a54"),
};
static az_iot_adu_client_workflow workflow_retry = {
        .action = AZ_IOT_ADU_CLIENT_SERVICE_ACTION_CANCEL,
        .id = AZ_SPAN_LITERAL_FROM_STR("51552a54"),
        .retry_timestamp = AZ_SPAN_LITERAL_FROM_STR("2026-03-09T07:15:30Z"),
};
static az_iot_adu_client_install_result result_without_steps = {
        .result_code = 0,
        .extended_result_code = -5,
        .result_details = AZ_SPAN_LITERAL_FROM_STR("no \"space\""),
};
static az_iot_adu_client_install_result result_with_step = {
        .result_code = 700,
        .step_results_count = 1,
        .step_results = { { .result_code = 700 } },
};
static az_iot_adu_client_install_result result_with_steps = {
        .result_code = INT32_MIN,
        .extended_result_code = INT32_MAX,
        .step_results_count = 2,
        .step_results = {
                { .result_code = 1, .extended_result_code = 2, .result_details = AZ_SPAN_LITERAL_FROM_STR("a") },
                { .result_code = 3, .extended_result_code = 4, .result_details = AZ_SPAN_LITERAL_FROM_STR("b") },
        },
};

#define AGENT(members) "{\"deviceUpdate\":{\"__t\":\"c\",\"agent\":{" members "}}}"
#define DEVICE(custom, agent)                                                                       \
        "\"deviceProperties\":{\"manufacturer\":\"contoso\",\"model\":\"pump\"," custom             \
        "\"contractModelId\":\"dtmi:azure:iot:deviceUpdateContractModel;2\",\"aduVer\":\"DU;agent/" \
        "1.0.0\"" agent "},"
#define COMPATIBLE "\"compatPropertyNames\":\"manufacturer,model\","

static const struct {
        const char *expected;
        az_iot_adu_client_agent_state state;
        az_iot_adu_device_custom_properties *custom;
        az_iot_adu_client_workflow *workflow;
        az_iot_adu_client_install_result *result;
        const char *delivery_optimization, *update_id;
} payloads[] = {
        { AGENT(DEVICE("", "") COMPATIBLE "\"state\":0"), AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE },
        { AGENT(DEVICE("", "") COMPATIBLE
                "\"lastInstallResult\":{\"resultCode\":700,\"extendedResultCode\":0,\"resultDetails\":\"\","
                "\"stepResults\":{\"step_0\":{\"resultCode\":700,\"extendedResultCode\":0,"
                "\"resultDetails\":\"\"}}},"
                "\"state\":0,\"workflow\":{\"action\":3,\"id\":\"51552a54\"},"
                "\"installedUpdateId\":\"{\\\"provider\\\":\\\"contoso\\\",\\\"name\\\":\\\"pump\\\","
                "\\\"version\\\":\\\"1.2.0\\\"}\""),
          AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL, &workflow_apply, &result_with_step, NULL,
          "{\"provider\":\"contoso\",\"name\":\"pump\",\"version\":\"1.2.0\"}" },
        { AGENT(DEVICE("\"location\":\"Gr\u00fcn \\\"A\\\"\",\"line\":\"\",", ",\"doVer\":\"DU;lib/1\"")
                        COMPATIBLE "\"state\":6,\"workflow\":{\"action\":255,\"id\":\"51552a54\","
                                   "\"retryTimestamp\":\"2026-03-09T07:15:30Z\"}"),
          AZ_IOT_ADU_CLIENT_AGENT_STATE_DEPLOYMENT_IN_PROGRESS, &two_properties, &workflow_retry, NULL,
          "DU;lib/1" },
        { AGENT(DEVICE("", "") COMPATIBLE "\"lastInstallResult\":{\"resultCode\":0,\"extendedResultCode\":-5,"
                                          "\"resultDetails\":\"no \\\"space\\\"\"},\"state\":255"),
          AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED, NULL, NULL, &result_without_steps },
        { AGENT(DEVICE("", "") COMPATIBLE
                "\"lastInstallResult\":{\"resultCode\":-2147483648,\"extendedResultCode\":2147483647,"
                "\"resultDetails\":\"\",\"stepResults\":{"
                "\"step_0\":{\"resultCode\":1,\"extendedResultCode\":2,\"resultDetails\":\"a\"},"
                "\"step_1\":{\"resultCode\":3,\"extendedResultCode\":4,\"resultDetails\":\"b\"}}},"
                "\"state\":0"),
          AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL, NULL, &result_with_steps },
};

static az_result write_payload(az_json_writer *writer, size_t i) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client client = make_client();

        properties.manufacturer = str("contoso");
        properties.model = str("pump");
        properties.custom_properties = payloads[i].custom;
        properties.delivery_optimization_agent_version = str(payloads[i].delivery_optimization ?: "");
        properties.update_id = str(payloads[i].update_id ?: "");
        return az_iot_adu_client_get_agent_state_payload(&client, &properties, payloads[i].state,
                                                         payloads[i].workflow, payloads[i].result, writer);
}

START_TEST(agent_state_is_written_or_does_not_fit) {
        check_document(write_payload, (size_t) _i, payloads[_i].expected);
}
END_TEST

START_TEST(options_name_the_properties_that_count) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client_options options = { .device_compatibility_properties = str("model,line") };
        az_iot_adu_client client;
        az_json_writer writer;
        uint8_t buffer[512];

        ck_assert_int_eq(az_iot_adu_client_init(&client, &options), AZ_OK);
        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_iot_adu_client_get_agent_state_payload(&client, &properties,
                                                                   AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL,
                                                                   NULL, &writer),
                         AZ_OK);
        ck_assert_int_ge(az_span_find(az_json_writer_get_bytes_used_in_destination(&writer),
                                      str("\"compatPropertyNames\":\"model,line\"")),
                         0);
}
END_TEST

static const struct {
        const char *expected;
        int32_t version;
        az_iot_adu_client_request_decision decision;
} responses[] = {
        { "{\"deviceUpdate\":{\"__t\":\"c\",\"service\":{\"ac\":200,\"av\":9,\"value\":{}}}}", 9,
          AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT },
        { "{\"deviceUpdate\":{\"__t\":\"c\",\"service\":{\"ac\":406,\"av\":2147483647,\"value\":{}}}}",
          INT32_MAX, AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT },
};

static az_result write_response(az_json_writer *writer, size_t i) {
        az_iot_adu_client client = make_client();

        return az_iot_adu_client_get_service_properties_response(&client, responses[i].version,
                                                                 responses[i].decision, writer);
}

START_TEST(response_is_written_or_does_not_fit) {
        check_document(write_response, (size_t) _i, responses[_i].expected);
}
END_TEST

START_TEST(a_document_is_written_once) {
        az_json_writer writer;
        uint8_t buffer[512];

        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(write_payload(&writer, 0), AZ_OK);
        ck_assert_int_eq(write_payload(&writer, 0), AZ_ERROR_JSON_INVALID_STATE);
        ck_assert_int_eq(write_response(&writer, 0), AZ_ERROR_JSON_INVALID_STATE);
}
END_TEST

START_TEST(texts_are_utf8) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client client = make_client();
        az_json_writer writer;
        uint8_t buffer[512];

        properties.model = str("\xff");
        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_iot_adu_client_get_agent_state_payload(&client, &properties,
                                                                   AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL,
                                                                   NULL, &writer),
                         AZ_ERROR_UNEXPECTED_CHAR);
}
END_TEST

static Suite *adu_client_suite(void) {
        Suite *s = suite_create("az-iot-adu-client");
        TCase *t;

        t = tcase_create("az_iot_adu_client");
        tcase_add_test(t, defaults_are_those_of_the_contract);
        tcase_add_test(t, the_component_has_one_name);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_adu_client_get_agent_state_payload");
        tcase_add_loop_test(t, agent_state_is_written_or_does_not_fit, 0, ELEMENTSOF(payloads));
        tcase_add_test(t, options_name_the_properties_that_count);
        tcase_add_test(t, texts_are_utf8);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_adu_client_get_service_properties_response");
        tcase_add_loop_test(t, response_is_written_or_does_not_fit, 0, ELEMENTSOF(responses));
        tcase_add_test(t, a_document_is_written_once);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(adu_client_suite)
