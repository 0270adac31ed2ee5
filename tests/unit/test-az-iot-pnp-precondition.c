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

static Suite *pnp_precondition_suite(void) {
        Suite *s = suite_create("az-iot-pnp-precondition");
        TCase *t;

        t = tcase_create("az_iot_hub_client_properties");
        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, topics_of_properties_have_a_text);
        tcase_add_test(t, what_is_written_has_a_name);
        tcase_add_test(t, what_is_read_is_of_a_message_with_properties);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(pnp_precondition_suite)
