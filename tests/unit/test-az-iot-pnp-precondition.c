/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-precondition.h"

/* What the preconditions of this part of the library are about. */
#define BUFFER           (char *) some_bytes, sizeof(some_bytes)
#define GET_RESPONSE     AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE
#define WRITABLE_UPDATED AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED
#define ACKNOWLEDGEMENT  AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ACKNOWLEDGEMENT
#define ERROR            AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ERROR
#define REPORTED         AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE
#define WRITABLE         AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE

static az_iot_hub_client client;
static az_json_reader reader;
static az_json_writer writer;

static void setup(void) {
        expect_failures();
        ck_assert_int_eq(az_iot_hub_client_init(&client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_init(&reader, str("{}"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(some_bytes), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_begin_object(&writer), AZ_OK);
}

START_TEST(topics_of_properties_have_a_text) {
        az_iot_hub_client_properties_message message;
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_properties_parse_received_topic(NULL, str("x"), &message));
        CHECK_FAILS(r = az_iot_hub_client_properties_parse_received_topic(&client, AZ_SPAN_EMPTY, &message));
        CHECK_FAILS(r = az_iot_hub_client_properties_parse_received_topic(&client, str("x"), NULL));
        CHECK_FAILS(
                r = az_iot_hub_client_properties_document_get_publish_topic(NULL, str("1"), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_document_get_publish_topic(&client, AZ_SPAN_EMPTY,
                                                                                BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_document_get_publish_topic(&client, str("1"), NULL, 1,
                                                                                NULL));
        CHECK_FAILS(
                r = az_iot_hub_client_properties_get_reported_publish_topic(NULL, str("1"), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_reported_publish_topic(&client, AZ_SPAN_EMPTY,
                                                                                BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_reported_publish_topic(&client, str("1"), NULL, 1,
                                                                                NULL));
        (void) r;
}
END_TEST

START_TEST(what_is_written_has_a_name) {
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_component(NULL, &writer, str("a")));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_component(&client, NULL, str("a")));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_component(&client, &writer, AZ_SPAN_EMPTY));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_end_component(NULL, &writer));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_end_component(&client, NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_response_status(NULL, &writer, str("a"),
                                                                                  200, 1, AZ_SPAN_EMPTY));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_response_status(&client, NULL, str("a"),
                                                                                  200, 1, AZ_SPAN_EMPTY));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_response_status(
                            &client, &writer, AZ_SPAN_EMPTY, 200, 1, AZ_SPAN_EMPTY));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_begin_response_status(&client, &writer, str("a"),
                                                                                  200, 1, span_nowhere));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_end_response_status(NULL, &writer));
        CHECK_FAILS(r = az_iot_hub_client_properties_writer_end_response_status(&client, NULL));
        (void) r;
}
END_TEST

START_TEST(what_is_read_is_of_a_message_with_properties) {
        az_span component;
        int32_t version;
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_properties_get_properties_version(NULL, &reader, GET_RESPONSE,
                                                                            &version));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_properties_version(&client, NULL, GET_RESPONSE,
                                                                            &version));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_properties_version(&client, &reader, ACKNOWLEDGEMENT,
                                                                            &version));
        CHECK_FAILS(
                r = az_iot_hub_client_properties_get_properties_version(&client, &reader, ERROR, &version));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_properties_version(&client, &reader, GET_RESPONSE,
                                                                            NULL));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_next_component_property(NULL, &reader, GET_RESPONSE,
                                                                                 WRITABLE, &component));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_next_component_property(&client, NULL, GET_RESPONSE,
                                                                                 WRITABLE, &component));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_next_component_property(
                            &client, &reader, ACKNOWLEDGEMENT, WRITABLE, &component));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_next_component_property(
                            &client, &reader, WRITABLE_UPDATED, REPORTED, &component));
        CHECK_FAILS(r = az_iot_hub_client_properties_get_next_component_property(
                            &client, &reader, GET_RESPONSE, WRITABLE, NULL));
        (void) r;
}
END_TEST

START_TEST(an_update_agent_has_properties_and_a_writer) {
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_client_agent_state state = AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE;
        az_iot_adu_client_request_decision accept = AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT;
        az_iot_adu_client_update_manifest manifest;
        az_iot_adu_client_update_request request;
        az_iot_adu_client adu;
        az_result r;
        bool b;

        ck_assert_int_eq(az_iot_adu_client_init(&adu, NULL), AZ_OK);
        CHECK_FAILS(r = az_iot_adu_client_init(NULL, NULL));
        CHECK_FAILS(b = az_iot_adu_client_is_component_device_update(NULL, str("a")));
        CHECK_FAILS(b = az_iot_adu_client_is_component_device_update(&adu, span_negative));
        CHECK_FAILS(
                r = az_iot_adu_client_get_agent_state_payload(NULL, &properties, state, NULL, NULL, &writer));
        CHECK_FAILS(r = az_iot_adu_client_get_agent_state_payload(&adu, NULL, state, NULL, NULL, &writer));
        CHECK_FAILS(
                r = az_iot_adu_client_get_agent_state_payload(&adu, &properties, state, NULL, NULL, NULL));
        CHECK_FAILS(r = az_iot_adu_client_parse_service_properties(NULL, &reader, &request));
        CHECK_FAILS(r = az_iot_adu_client_parse_service_properties(&adu, NULL, &request));
        CHECK_FAILS(r = az_iot_adu_client_parse_service_properties(&adu, &reader, NULL));
        CHECK_FAILS(r = az_iot_adu_client_get_service_properties_response(NULL, 1, accept, &writer));
        CHECK_FAILS(r = az_iot_adu_client_get_service_properties_response(&adu, 1, accept, NULL));
        CHECK_FAILS(r = az_iot_adu_client_parse_update_manifest(NULL, &reader, &manifest));
        CHECK_FAILS(r = az_iot_adu_client_parse_update_manifest(&adu, NULL, &manifest));
        CHECK_FAILS(r = az_iot_adu_client_parse_update_manifest(&adu, &reader, NULL));
        (void) r;
        (void) b;
}
END_TEST

START_TEST(what_an_update_agent_reports_is_within_its_arrays) {
        static const struct {
                int32_t n_properties, n_steps;
        } counts[] = {
                { -1, 0 },
                { _az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES + 1, 0 },
                { 0, -1 },
                { 0, _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS + 1 },
        };
        az_iot_adu_client_device_properties properties = az_iot_adu_client_device_properties_default();
        az_iot_adu_device_custom_properties custom = { .count = counts[_i].n_properties };
        az_iot_adu_client_install_result result = { .step_results_count = counts[_i].n_steps };
        az_iot_adu_client adu;
        az_result r;

        ck_assert_int_eq(az_iot_adu_client_init(&adu, NULL), AZ_OK);
        properties.custom_properties = &custom;
        CHECK_FAILS(r = az_iot_adu_client_get_agent_state_payload(
                            &adu, &properties, AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE, NULL, &result, &writer));
        (void) r;
}
END_TEST

static Suite *pnp_precondition_suite(void) {
        Suite *s = suite_create("az-iot-pnp-precondition");
        TCase *t;

        t = tcase_create("az_iot_hub_client_properties");
        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, topics_of_properties_have_a_text);
        tcase_add_test(t, what_is_written_has_a_name);
        tcase_add_test(t, what_is_read_is_of_a_message_with_properties);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_adu_client");
        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, an_update_agent_has_properties_and_a_writer);
        tcase_add_loop_test(t, what_an_update_agent_reports_is_within_its_arrays, 0, 4);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(pnp_precondition_suite)
