/* SPDX-License-Identifier: MIT */

/* When a request is executed, for how long, and how an executor stops. */

#include <aio/command_executor.h>

#include "aio-executor-fixture.h"

START_TEST(execution_that_takes_too_long_is_answered_for_it) {
        aio_command_executor executor;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 0, 1000000);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        id = f.request_id;
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), f.time.now_us + 1000000);
        ck_assert_str_eq(fixture_wait(&f, 999), "");
        f.time.now_us += 1000;
        ck_assert_int_eq(respond(&f, id, "1"), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_str_eq(fixture_wait(&f, 0), "gone timeout; publish " RESPONSE " 408");
        ck_assert_str_eq(fixture_property(&f, "__propName"), "ExecutionTimeout");
        ck_assert_str_eq(fixture_property(&f, "__propVal"), "PT1S");
        ck_assert_uint_eq(f.published.message_expiry_s, 9);
        ck_assert_int_eq(respond(&f, id, "1"), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "publish " RESPONSE " 408");
}
END_TEST

START_TEST(request_that_expires_is_only_acknowledged) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 0, 20000000);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "");
        ck_assert_str_eq(fixture_wait(&f, 9999), "");
        ck_assert_str_eq(fixture_wait(&f, 1), "gone expired; ack 0; ack 1");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 0);
}
END_TEST

START_TEST(request_beyond_the_concurrency_waits_for_its_place) {
        char correlation[17];
        aio_command_executor executor;
        uint64_t ids[3];
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 2, 0);
        for (int i = 0; i < 4; i++) {
                ck_assert_str_eq(receive(&f, numbered(correlation, i)), i < 2 ? "request {}" : "");
                if (i < 2)
                        ids[i] = f.request_id;
        }
        ck_assert_int_eq(respond(&f, ids[1], "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1; request {}");
        ck_assert_span_eq(f.request.message.correlation_data, "C123456789abcdef");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
        ck_assert_int_eq(aio_command_executor_fail(&f.client, ids[0], AZ_SPAN_EMPTY, f.time, &f.error),
                         AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 500; request {}");
        ck_assert_span_eq(f.request.message.correlation_data, "D123456789abcdef");
}
END_TEST

/* Two places, and three requests that wait for each other. */
START_TEST(place_is_free_when_an_execution_takes_too_long) {
        char correlation[17];
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 2, 5000000);
        ck_assert_str_eq(receive(&f, numbered(correlation, 0)), "request {}");
        fixture_wait(&f, 1000);
        ck_assert_str_eq(receive(&f, numbered(correlation, 1)), "request {}");
        ck_assert_str_eq(receive(&f, numbered(correlation, 2)), "");
        ck_assert_str_eq(fixture_wait(&f, 4000), "gone timeout; publish " RESPONSE " 408; request {}");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
        /* Its time began when it got its place. */
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), f.time.now_us + 1000000);
}
END_TEST

START_TEST(request_that_expires_while_it_waits_is_never_offered) {
        char correlation[17];
        aio_command_executor executor;
        Message m;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 1, 0);
        ck_assert_str_eq(receive(&f, numbered(correlation, 0)), "request {}");
        m = numbered(correlation, 1);
        m.expiry_s = 2;
        ck_assert_str_eq(receive(&f, m), "");
        ck_assert_str_eq(fixture_wait(&f, 2000), "ack 1");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
}
END_TEST

/* All at once: what had no place yet gets one that has no time left. */
START_TEST(late_timeout_ends_everything_that_is_due) {
        char correlation[17];
        aio_command_executor executor;
        Message m;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 1, 1000000);
        ck_assert_str_eq(receive(&f, numbered(correlation, 0)), "request {}");
        m = numbered(correlation, 1);
        m.expiry_s = 2;
        ck_assert_str_eq(receive(&f, m), "");
        ck_assert_str_eq(fixture_wait(&f, 3000), "ack 1; gone timeout; publish " RESPONSE " 408");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 1);
}
END_TEST

/* ---- Stop ---- */

START_TEST(executor_that_stops_declines_what_it_has) {
        char correlation[17];
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start_with(&f, &executor, "plant/{id}/test", 1, 0);
        execute(&f, numbered(correlation, 0), "1");
        receive(&f, numbered(correlation, 1));
        receive(&f, numbered(correlation, 2));
        aio_command_executor_stop(&executor, f.time);
        aio_command_executor_stop(&executor, f.time);
        ck_assert_str_eq(fixture_pump(&f), "gone stopped; publish " RESPONSE " 500; publish " RESPONSE
                                           " 500; unsubscribe plant/+/test");
        ck_assert_str_eq(receive(&f, numbered(correlation, 3)), "ack 3");
        ck_assert_str_eq(fixture_unsuback(&f, _i ? 0x80 : 0), "");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
        ck_assert_int_eq(aio_client_published(&f.client, f.tokens_out[1], AZ_OK, 0, f.time), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), _i ? "ack 2; stopped mqtt error" : "ack 2; stopped");
        if (_i)
                ck_assert_span_eq(f.error.command_name, "test");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_used_bytes, 0);
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), UINT64_MAX);
}
END_TEST

/* The broker has kept the session, and a request comes before the SUBACK that refuses. */
START_TEST(executor_that_is_refused_finishes_what_has_come) {
        aio_command_executor_options const options = { .command_name = AZ_SPAN_FROM_STR("test"),
                                                       .request_topic_pattern = AZ_SPAN_FROM_STR(TOPIC) };
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_command_executor_start(&executor, &f.client, &options, &f.error), AZ_OK);
        fixture_pump(&f);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        ck_assert_str_eq(fixture_suback(&f, 0x87), "");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0; started mqtt error");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_used_bytes, 0);
}
END_TEST

static Suite *executor_time_suite(void) {
        Suite *s = suite_create("aio-command-executor-time");
        TCase *t = tcase_create("time");

        tcase_add_test(t, execution_that_takes_too_long_is_answered_for_it);
        tcase_add_test(t, request_that_expires_is_only_acknowledged);
        tcase_add_test(t, request_beyond_the_concurrency_waits_for_its_place);
        tcase_add_test(t, place_is_free_when_an_execution_takes_too_long);
        tcase_add_test(t, request_that_expires_while_it_waits_is_never_offered);
        tcase_add_test(t, late_timeout_ends_everything_that_is_due);
        tcase_add_loop_test(t, executor_that_stops_declines_what_it_has, 0, 2);
        tcase_add_test(t, executor_that_is_refused_finishes_what_has_come);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(executor_time_suite)
