/* SPDX-License-Identifier: MIT */
#include <aio/command_executor.h>
#include <aio/command_invoker.h>
#include <aio/telemetry.h>

#include "unit-precondition.h"

static aio_client client;
static aio_event event;
static aio_error error;
static const aio_time now;
static uint64_t id;

START_TEST(a_client_is_given_what_it_works_with) {
        aio_client_options const options = { .clock = NULL };
        aio_client_memory const memory = { .n_tasks = 0 };
        az_mqtt_message const message = { .qos = 0 };
        aio_ack const ack = { 0, 0 };
        aio_client_status status;
        aio_endpoint_state state;
        az_span filter;
        az_result r;
        bool is_event;

        CHECK_FAILS(r = aio_client_init(NULL, &options, &memory));
        CHECK_FAILS(r = aio_client_init(&client, NULL, &memory));
        CHECK_FAILS(r = aio_client_init(&client, &options, NULL));
        CHECK_FAILS(r = aio_client_received(NULL, &message, ack, now));
        CHECK_FAILS(r = aio_client_received(&client, NULL, ack, now));
        CHECK_FAILS(r = aio_client_published(NULL, 1, AZ_OK, 0, now));
        CHECK_FAILS(aio_client_room(NULL));
        CHECK_FAILS(aio_client_subscribed(NULL, 1, AZ_OK, 0));
        CHECK_FAILS(aio_client_unsubscribed(NULL, 1, AZ_OK, 0));
        CHECK_FAILS(aio_client_session_lost(NULL));
        CHECK_FAILS(aio_client_timeout(NULL, now));
        CHECK_FAILS(is_event = aio_client_next_event(NULL, &event));
        CHECK_FAILS(is_event = aio_client_next_event(&client, NULL));
        CHECK_FAILS(id = aio_client_deadline_us(NULL));
        CHECK_FAILS(status = aio_client_get_status(NULL));
        CHECK_FAILS(state = aio_endpoint_get_state(NULL));
        CHECK_FAILS(filter = aio_endpoint_get_filter(NULL));
        (void) r;
        (void) is_event;
        (void) status;
        (void) state;
        (void) filter;
}
END_TEST

START_TEST(telemetry_is_sent_and_received_by_something) {
        aio_telemetry_receiver_options const receiver_options = { .context = NULL };
        aio_telemetry_sender_options const options = { .serializer = NULL };
        aio_telemetry const telemetry = { .retain = false };
        aio_telemetry_receiver receiver;
        aio_telemetry_sender sender;
        az_result r;

        CHECK_FAILS(r = aio_telemetry_sender_init(NULL, &client, &options, &error));
        CHECK_FAILS(r = aio_telemetry_sender_init(&sender, NULL, &options, &error));
        CHECK_FAILS(r = aio_telemetry_sender_init(&sender, &client, NULL, &error));
        CHECK_FAILS(r = aio_telemetry_sender_init(&sender, &client, &options, NULL));
        CHECK_FAILS(r = aio_telemetry_sender_send(NULL, &telemetry, 1, now, &event, &error));
        CHECK_FAILS(r = aio_telemetry_sender_send(&sender, NULL, 1, now, &event, &error));
        CHECK_FAILS(r = aio_telemetry_sender_send(&sender, &telemetry, 1, now, NULL, &error));
        CHECK_FAILS(r = aio_telemetry_sender_send(&sender, &telemetry, 1, now, &event, NULL));
        CHECK_FAILS(r = aio_telemetry_receiver_start(NULL, &client, &receiver_options, &error));
        CHECK_FAILS(r = aio_telemetry_receiver_start(&receiver, NULL, &receiver_options, &error));
        CHECK_FAILS(r = aio_telemetry_receiver_start(&receiver, &client, NULL, &error));
        CHECK_FAILS(r = aio_telemetry_receiver_start(&receiver, &client, &receiver_options, NULL));
        CHECK_FAILS(aio_telemetry_receiver_ack(NULL, 1));
        CHECK_FAILS(aio_telemetry_receiver_stop(NULL));
        (void) r;
}
END_TEST

START_TEST(a_command_is_invoked_by_something) {
        aio_command_invoker_options const options = { .context = NULL };
        aio_request const request = { .context = NULL };
        aio_command_invoker invoker;
        az_result r;

        CHECK_FAILS(r = aio_command_invoker_start(NULL, &client, &options, &error));
        CHECK_FAILS(r = aio_command_invoker_start(&invoker, NULL, &options, &error));
        CHECK_FAILS(r = aio_command_invoker_start(&invoker, &client, NULL, &error));
        CHECK_FAILS(r = aio_command_invoker_start(&invoker, &client, &options, NULL));
        CHECK_FAILS(r = aio_command_invoker_invoke(NULL, &request, now, &id, &event, &error));
        CHECK_FAILS(r = aio_command_invoker_invoke(&invoker, NULL, now, &id, &event, &error));
        CHECK_FAILS(r = aio_command_invoker_invoke(&invoker, &request, now, NULL, &event, &error));
        CHECK_FAILS(r = aio_command_invoker_invoke(&invoker, &request, now, &id, NULL, &error));
        CHECK_FAILS(r = aio_command_invoker_invoke(&invoker, &request, now, &id, &event, NULL));
        CHECK_FAILS(r = aio_command_invoker_cancel(NULL, 1));
        CHECK_FAILS(aio_command_invoker_stop(NULL));
        (void) r;
}
END_TEST

START_TEST(a_command_is_executed_by_something) {
        aio_command_executor_options const options = { .context = NULL };
        aio_response const response = { .cloud_event = NULL };
        aio_command_executor executor;
        az_result r;

        CHECK_FAILS(r = aio_command_executor_start(NULL, &client, &options, &error));
        CHECK_FAILS(r = aio_command_executor_start(&executor, NULL, &options, &error));
        CHECK_FAILS(r = aio_command_executor_start(&executor, &client, NULL, &error));
        CHECK_FAILS(r = aio_command_executor_start(&executor, &client, &options, NULL));
        CHECK_FAILS(r = aio_command_executor_respond(NULL, 1, &response, now, &error));
        CHECK_FAILS(r = aio_command_executor_respond(&client, 1, NULL, now, &error));
        CHECK_FAILS(r = aio_command_executor_respond(&client, 1, &response, now, NULL));
        CHECK_FAILS(r = aio_command_executor_fail(NULL, 1, AZ_SPAN_EMPTY, now, &error));
        CHECK_FAILS(r = aio_command_executor_fail(&client, 1, span_nowhere, now, &error));
        CHECK_FAILS(r = aio_command_executor_fail(&client, 1, AZ_SPAN_EMPTY, now, NULL));
        CHECK_FAILS(aio_command_executor_stop(NULL, now));
        (void) r;
}
END_TEST

static Suite *client_precondition_suite(void) {
        Suite *s = suite_create("aio-client-precondition");
        TCase *t = tcase_create("aio_client");

        tcase_add_checked_fixture(t, expect_failures, NULL);
        tcase_add_test(t, a_client_is_given_what_it_works_with);
        tcase_add_test(t, telemetry_is_sent_and_received_by_something);
        tcase_add_test(t, a_command_is_invoked_by_something);
        tcase_add_test(t, a_command_is_executed_by_something);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(client_precondition_suite)
