/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-precondition.h"

#define BUFFER (char *) some_bytes, sizeof(some_bytes), NULL
#define BYTES  some_bytes, sizeof(some_bytes), NULL

static az_iot_provisioning_client client;

static void setup(void) {
        expect_failures();
        ck_assert_int_eq(az_iot_provisioning_client_init(&client, str("h"), str("s"), str("d"), NULL), AZ_OK);
}

START_TEST(a_client_has_three_names) {
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_init(NULL, str("h"), str("s"), str("d"), NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_init(&client, AZ_SPAN_EMPTY, str("s"), str("d"), NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_init(&client, str("h"), AZ_SPAN_EMPTY, str("d"), NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_init(&client, str("h"), str("s"), AZ_SPAN_EMPTY, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_init(&client, str("h"), str("s"), span_nowhere, NULL));
        (void) r;
}
END_TEST

START_TEST(names_are_written_somewhere) {
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_get_user_name(NULL, BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_get_user_name(&client, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_get_client_id(NULL, BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_get_client_id(&client, NULL, 1, NULL));
        (void) r;
}
END_TEST

START_TEST(a_token_has_an_end_and_a_signature) {
        az_span const buffer = AZ_SPAN_FROM_BUFFER(some_bytes);
        az_span text;
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_signature(NULL, 1, buffer, &text));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_signature(&client, 0, buffer, &text));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_signature(&client, 1, span_negative, &text));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_signature(&client, 1, buffer, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_password(NULL, str("s"), 1, str("k"), BUFFER));
        CHECK_FAILS(
                r = az_iot_provisioning_client_sas_get_password(&client, AZ_SPAN_EMPTY, 1, str("k"), BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_password(&client, str("s"), 0, str("k"), BUFFER));
        CHECK_FAILS(
                r = az_iot_provisioning_client_sas_get_password(&client, str("s"), 1, span_nowhere, BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_sas_get_password(&client, str("s"), 1, str("k"), NULL, 1,
                                                                    NULL));
        (void) r;
}
END_TEST

START_TEST(a_topic_has_its_ids) {
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_register_get_publish_topic(NULL, BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_register_get_publish_topic(&client, NULL, 1, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_register_get_publish_topic_with_request_id(
                            &client, AZ_SPAN_EMPTY, BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_query_status_get_publish_topic(NULL, str("5"), BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_query_status_get_publish_topic(&client, AZ_SPAN_EMPTY,
                                                                                  BUFFER));
        CHECK_FAILS(r = az_iot_provisioning_client_query_status_get_publish_topic(&client, str("5"), NULL, 1,
                                                                                  NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
                            &client, AZ_SPAN_EMPTY, str("5"), BUFFER));
        (void) r;
}
END_TEST

START_TEST(options_of_the_body_are_given_to_one_function_and_not_to_the_other) {
        az_iot_provisioning_client_payload_options options =
                az_iot_provisioning_client_payload_options_default();
        az_span const none = AZ_SPAN_EMPTY;
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_register_get_request_payload(&client, none, NULL, BYTES));
        CHECK_FAILS(r = az_iot_provisioning_client_register_get_request_payload(NULL, none, &options, BYTES));
        CHECK_FAILS(r = az_iot_provisioning_client_register_get_request_payload(&client, span_nowhere,
                                                                                &options, BYTES));
        CHECK_FAILS(r = az_iot_provisioning_client_register_get_request_payload(&client, none, &options, NULL,
                                                                                1, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_get_request_payload(&client, none, &options, BYTES));
        (void) r;
}
END_TEST

START_TEST(an_answer_has_a_topic) {
        az_iot_provisioning_client_register_response answer;
        az_iot_provisioning_client_received_topic topic;
        az_span const s = AZ_SPAN_FROM_STR("s");
        az_result r;

        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic_and_payload(NULL, s, s, &answer));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic_and_payload(&client, AZ_SPAN_EMPTY, s,
                                                                                    &answer));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic_and_payload(&client, s, span_nowhere,
                                                                                    &answer));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic_and_payload(&client, s, s, NULL));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic(NULL, s, &topic));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic(&client, AZ_SPAN_EMPTY, &topic));
        CHECK_FAILS(r = az_iot_provisioning_client_parse_received_topic(&client, s, NULL));
        (void) r;
}
END_TEST

static Suite *az_iot_provisioning_precondition_suite(void) {
        Suite *s = suite_create("az-iot-provisioning-precondition");
        TCase *t;

        t = tcase_create("az_iot_provisioning_client.h");
        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, a_client_has_three_names);
        tcase_add_test(t, names_are_written_somewhere);
        tcase_add_test(t, a_token_has_an_end_and_a_signature);
        tcase_add_test(t, a_topic_has_its_ids);
        tcase_add_test(t, options_of_the_body_are_given_to_one_function_and_not_to_the_other);
        tcase_add_test(t, an_answer_has_a_topic);
        suite_add_tcase(s, t);

        return s;
}

PRECONDITION_MAIN(az_iot_provisioning_precondition_suite)
