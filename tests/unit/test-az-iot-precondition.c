/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-precondition.h"

/* A buffer and its size, for the functions that write topics. */
#define BUFFER (char *) some_bytes, sizeof(some_bytes)

static const az_span topic = AZ_SPAN_LITERAL_FROM_STR("x"), id = AZ_SPAN_LITERAL_FROM_STR("1");
static az_iot_hub_client client;

static void setup(void) {
        expect_failures();
        ck_assert_int_eq(az_iot_hub_client_init(&client, str("h"), str("d"), NULL), AZ_OK);
}

START_TEST(times_and_attempts_are_not_negative) {
        int32_t delay;

        CHECK_FAILS(delay = az_iot_calculate_retry_delay(-1, 0, 1, 1, 0));
        CHECK_FAILS(delay = az_iot_calculate_retry_delay(0, -1, 1, 1, 0));
        CHECK_FAILS(delay = az_iot_calculate_retry_delay(0, 0, -1, 1, 0));
        CHECK_FAILS(delay = az_iot_calculate_retry_delay(0, 0, 1, -1, 0));
        CHECK_FAILS(delay = az_iot_calculate_retry_delay(0, 0, 1, 1, -1));
        (void) delay;
}
END_TEST

START_TEST(properties_have_a_buffer_names_and_values) {
        az_iot_message_properties properties;
        az_span name, value;
        az_result r;

        CHECK_FAILS(r = az_iot_message_properties_init(NULL, str("a=1"), 3));
        CHECK_FAILS(r = az_iot_message_properties_init(&properties, span_nowhere, 0));
        CHECK_FAILS(r = az_iot_message_properties_init(&properties, str("a=1"), -1));
        CHECK_FAILS(r = az_iot_message_properties_init(&properties, str("a=1"), 4));
        ck_assert_int_eq(az_iot_message_properties_init(&properties, str("a=1"), 3), AZ_OK);
        CHECK_FAILS(r = az_iot_message_properties_append(NULL, str("a"), str("1")));
        CHECK_FAILS(r = az_iot_message_properties_append(&properties, AZ_SPAN_EMPTY, str("1")));
        CHECK_FAILS(r = az_iot_message_properties_append(&properties, str("a"), AZ_SPAN_EMPTY));
        CHECK_FAILS(r = az_iot_message_properties_find(NULL, str("a"), &value));
        CHECK_FAILS(r = az_iot_message_properties_find(&properties, AZ_SPAN_EMPTY, &value));
        CHECK_FAILS(r = az_iot_message_properties_find(&properties, str("a"), NULL));
        CHECK_FAILS(r = az_iot_message_properties_next(NULL, &name, &value));
        CHECK_FAILS(r = az_iot_message_properties_next(&properties, NULL, &value));
        CHECK_FAILS(r = az_iot_message_properties_next(&properties, &name, NULL));
        (void) r;
}
END_TEST

START_TEST(a_hub_client_has_a_host_and_a_device) {
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_init(NULL, str("h"), str("d"), NULL));
        CHECK_FAILS(r = az_iot_hub_client_init(&client, AZ_SPAN_EMPTY, str("d"), NULL));
        CHECK_FAILS(r = az_iot_hub_client_init(&client, str("h"), AZ_SPAN_EMPTY, NULL));
        CHECK_FAILS(r = az_iot_hub_client_get_user_name(NULL, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_get_user_name(&client, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_hub_client_get_client_id(NULL, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_get_client_id(&client, NULL, 1, NULL));
        (void) r;
}
END_TEST

START_TEST(a_token_has_an_expiry_and_a_signature) {
        az_span buffer = AZ_SPAN_FROM_BUFFER(some_bytes), out;
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_sas_get_signature(NULL, 1, buffer, &out));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_signature(&client, 0, buffer, &out));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_signature(&client, 1, span_nowhere, &out));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_signature(&client, 1, buffer, NULL));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_password(NULL, 1, str("s"), str(""), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_password(&client, 0, str("s"), str(""), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_password(&client, 1, str(""), str(""), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_password(&client, 1, str("s"), span_nowhere, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_sas_get_password(&client, 1, str("s"), str(""), NULL, 1, NULL));
        (void) r;
}
END_TEST

START_TEST(a_topic_is_written_of_something_to_somewhere) {
        az_iot_hub_client *c = &client;
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_telemetry_get_publish_topic(NULL, NULL, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_telemetry_get_publish_topic(c, NULL, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_hub_client_methods_response_get_publish_topic(NULL, id, 200, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_methods_response_get_publish_topic(c, str(""), 200, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_methods_response_get_publish_topic(c, id, 200, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_hub_client_commands_response_get_publish_topic(NULL, id, 200, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_commands_response_get_publish_topic(c, str(""), 200, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_commands_response_get_publish_topic(c, id, 200, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_document_get_publish_topic(NULL, id, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_document_get_publish_topic(c, str(""), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_document_get_publish_topic(c, id, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_patch_get_publish_topic(NULL, id, BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_patch_get_publish_topic(c, str(""), BUFFER, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_patch_get_publish_topic(c, id, NULL, 1, NULL));
        (void) r;
}
END_TEST

START_TEST(a_topic_is_parsed_from_something_to_somewhere) {
        az_iot_hub_client *c = &client;
        az_iot_hub_client_method_request method;
        az_iot_hub_client_command_request command;
        az_iot_hub_client_c2d_request message;
        az_iot_hub_client_twin_response response;
        az_result r;

        CHECK_FAILS(r = az_iot_hub_client_methods_parse_received_topic(NULL, topic, &method));
        CHECK_FAILS(r = az_iot_hub_client_methods_parse_received_topic(c, str(""), &method));
        CHECK_FAILS(r = az_iot_hub_client_methods_parse_received_topic(c, topic, NULL));
        CHECK_FAILS(r = az_iot_hub_client_commands_parse_received_topic(NULL, topic, &command));
        CHECK_FAILS(r = az_iot_hub_client_commands_parse_received_topic(c, str(""), &command));
        CHECK_FAILS(r = az_iot_hub_client_commands_parse_received_topic(c, topic, NULL));
        CHECK_FAILS(r = az_iot_hub_client_c2d_parse_received_topic(NULL, topic, &message));
        CHECK_FAILS(r = az_iot_hub_client_c2d_parse_received_topic(c, str(""), &message));
        CHECK_FAILS(r = az_iot_hub_client_c2d_parse_received_topic(c, topic, NULL));
        CHECK_FAILS(r = az_iot_hub_client_twin_parse_received_topic(NULL, topic, &response));
        CHECK_FAILS(r = az_iot_hub_client_twin_parse_received_topic(c, str(""), &response));
        CHECK_FAILS(r = az_iot_hub_client_twin_parse_received_topic(c, topic, NULL));
        (void) r;
}
END_TEST

static Suite *iot_precondition_suite(void) {
        Suite *s = suite_create("az-iot-precondition");
        TCase *t;

        t = tcase_create("az_iot_common");
        tcase_add_checked_fixture(t, expect_failures, NULL);
        tcase_add_test(t, times_and_attempts_are_not_negative);
        tcase_add_test(t, properties_have_a_buffer_names_and_values);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client");
        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, a_hub_client_has_a_host_and_a_device);
        tcase_add_test(t, a_token_has_an_expiry_and_a_signature);
        tcase_add_test(t, a_topic_is_written_of_something_to_somewhere);
        tcase_add_test(t, a_topic_is_parsed_from_something_to_somewhere);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(iot_precondition_suite)
