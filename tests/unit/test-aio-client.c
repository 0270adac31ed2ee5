/* SPDX-License-Identifier: MIT */

/* Who is subscribed to what, whom a message is for, and what the client has to be given. */

#include <aio/client.h>
#include <string.h>

#include "aio-client-fixture.h"

static void no_bytes(void *context, uint8_t *bytes, size_t n_bytes) {
}

START_TEST(client_needs_an_id_a_clock_and_a_random_source) {
        aio_client_memory const memory = { .n_tasks = 0 };
        aio_hlc_clock clock = { 0 };
        aio_client client;

        for (int missing = 0; missing < 4; missing++) {
                aio_client_options const options = {
                        .client_id = missing == 0 ? AZ_SPAN_EMPTY : AZ_SPAN_FROM_STR("me"),
                        .clock = missing == 1 ? NULL : &clock,
                        .random = missing == 2 ? NULL : no_bytes,
                };

                ck_assert_int_eq(aio_client_init(&client, &options, &memory),
                                 missing < 3 ? AZ_ERROR_ARG : AZ_OK);
        }
        ck_assert_uint_eq(aio_client_deadline_us(&client), UINT64_MAX);
}
END_TEST

static void start(Fixture *f, aio_telemetry_receiver *receiver, const char *filter) {
        aio_telemetry_receiver_options const options = { .topic_filter = str(filter) };

        fixture_start_receiver(f, receiver, &options);
}

START_TEST(subscription_lives_from_suback_to_unsuback) {
        aio_telemetry_receiver_options const options = { .topic_filter = AZ_SPAN_FROM_STR("a/+") };
        Message const message = { .topic = "a/b", .payload = "x" };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_telemetry_receiver_start(&r, &f.client, &options, &f.error), AZ_OK);
        ck_assert_int_eq(aio_endpoint_get_state(&r.endpoint), AIO_ENDPOINT_STARTING);
        ck_assert_span_eq(aio_endpoint_get_filter(&r.endpoint), "a/+");
        ck_assert_str_eq(fixture_pump(&f), "subscribe a/+");
        /* A session that the broker has kept brings messages before SUBACK. */
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a/b x; ack 0");
        ck_assert_str_eq(fixture_suback(&f, 1), "started");
        ck_assert_str_eq(fixture_suback(&f, 1), "");
        ck_assert_int_eq(aio_endpoint_get_state(&r.endpoint), AIO_ENDPOINT_STARTED);

        aio_telemetry_receiver_stop(&r);
        aio_telemetry_receiver_stop(&r);
        ck_assert_int_eq(aio_endpoint_get_state(&r.endpoint), AIO_ENDPOINT_STOPPING);
        ck_assert_str_eq(fixture_pump(&f), "unsubscribe a/+");
        ck_assert_str_eq(fixture_receive(&f, &message), "ack 1");
        ck_assert_str_eq(fixture_unsuback(&f, 0), "stopped");
        ck_assert_str_eq(fixture_unsuback(&f, 0), "");
        ck_assert_int_eq(aio_endpoint_get_state(&r.endpoint), AIO_ENDPOINT_STOPPED);
        aio_telemetry_receiver_stop(&r);
        ck_assert_str_eq(fixture_pump(&f), "");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_used_bytes, 0);

        start(&f, &r, "a/+");
}
END_TEST

START_TEST(refused_subscription_is_the_end_of_an_endpoint) {
        aio_telemetry_receiver_options const options = { .topic_filter = AZ_SPAN_FROM_STR("a") };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_telemetry_receiver_start(&r, &f.client, &options, &f.error), AZ_OK);
        fixture_pump(&f);
        ck_assert_str_eq(fixture_suback(&f, 0x87), "started mqtt error");
        ck_assert_uint_eq(f.error.mqtt_reason, 0x87);
        ck_assert_int_eq(aio_endpoint_get_state(&r.endpoint), AIO_ENDPOINT_STOPPED);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_used_bytes, 0);
}
END_TEST

START_TEST(refused_unsubscription_is_told) {
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        start(&f, &r, "a");
        aio_telemetry_receiver_stop(&r);
        fixture_pump(&f);
        ck_assert_str_eq(fixture_unsuback(&f, 0x80), "stopped mqtt error");
}
END_TEST

/* Whether SUBSCRIBE is to be popped yet, is under way, or is refused. */
static const struct {
        bool is_popped;
        uint8_t reason_code;
        const char *stopped, *suback;
} early_stops[] = {
        { false, 1, "subscribe a", "unsubscribe a" },
        { true, 1, "", "unsubscribe a" },
        { true, 0x80, "", "stopped" },
};

START_TEST(endpoint_that_stops_while_it_starts_waits_for_suback) {
        aio_telemetry_receiver_options const options = { .topic_filter = AZ_SPAN_FROM_STR("a") };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_telemetry_receiver_start(&r, &f.client, &options, &f.error), AZ_OK);
        if (early_stops[_i].is_popped)
                fixture_pump(&f);
        aio_telemetry_receiver_stop(&r);
        ck_assert_str_eq(fixture_pump(&f), early_stops[_i].stopped);
        ck_assert_str_eq(fixture_receive(&f, &(Message){ .topic = "a" }), "ack 0");
        ck_assert_str_eq(fixture_suback(&f, early_stops[_i].reason_code), early_stops[_i].suback);
}
END_TEST

START_TEST(filter_of_two_endpoints_is_unsubscribed_by_the_last) {
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver r[2];
        Fixture f;

        fixture_init(&f);
        start(&f, &r[0], "a");
        start(&f, &r[1], "a");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x; telemetry a x; ack 0");
        aio_telemetry_receiver_stop(&r[_i]);
        ck_assert_str_eq(fixture_pump(&f), "stopped");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x; ack 1");
        aio_telemetry_receiver_stop(&r[!_i]);
        ck_assert_str_eq(fixture_pump(&f), "unsubscribe a");
}
END_TEST

START_TEST(filter_without_room_is_refused) {
        aio_telemetry_receiver_options options = { .topic_filter = AZ_SPAN_FROM_STR("a") };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init_with(&f, 0, 0);
        ck_assert_int_eq(aio_telemetry_receiver_start(&r, &f.client, &options, &f.error),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_span_eq(f.error.property_name, AIO_PROPERTY_CAPACITY);
        ck_assert_str_eq(fixture_pump(&f), "");
}
END_TEST

/* ---- Whom a message is for ---- */

static const char *const filters[] = {
        "#",
        "+",
        "a",
        "a/#",
        "a/+",
        "a/b",
        "+/b",
        "+/+",
        "a/b/#",
        "a/b/c",
        "a/+/c",
        "a/+/c/#",
        "/a",
        "a//b",
        "+/+/+",
        "a/",
        "$x",
        "$x/#",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3/4/5/6/7/8/9",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3/4/5/6/7/+/9",
};

static const char *const topics[] = {
        "a",
        "b",
        "a/b",
        "b/b",
        "a/b/c",
        "a/x/c",
        "a/b/c/d",
        "a/",
        "/a",
        "a//b",
        "$x",
        "$x/y",
        "x/y/z",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3/4/5/6/7/8/9",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3/4/5/6/7/8/0",
};

static void check_topic(Fixture *f, const char *topic, const bool *is_started) {
        Message const message = { .topic = topic, .payload = "x" };
        size_t n = 0, n_expected = 0;
        const char *log;

        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                n_expected += is_started[i] && aio_topic_filter_matches(str(filters[i]), str(topic));
        log = fixture_receive(f, &message);
        while ((log = strstr(log, "telemetry"))) {
                log++;
                n++;
        }
        ck_assert_msg(n == n_expected, "%s: %zu instead of %zu", topic, n, n_expected);
}

START_TEST(message_finds_those_whose_filter_matches_whichever_there_are) {
        aio_telemetry_receiver r[ELEMENTSOF(filters)];
        bool is_started[ELEMENTSOF(filters)] = { false };
        uint32_t random = (uint32_t) _i;
        Fixture f;

        fixture_init(&f);
        for (int turn = 0; turn < 200; turn++) {
                size_t i;

                random = random * 1664525 + 1013904223;
                i = (random >> 8) % ELEMENTSOF(filters);
                if (is_started[i]) {
                        aio_telemetry_receiver_stop(&r[i]);
                        fixture_pump(&f);
                        ck_assert_str_eq(fixture_unsuback(&f, 0), "stopped");
                } else {
                        start(&f, &r[i], filters[i]);
                }
                is_started[i] = !is_started[i];
                check_topic(&f, topics[(random >> 16) % ELEMENTSOF(topics)], is_started);
        }
}
END_TEST

/* A token that comes twice has the same value, which no filter says. */
START_TEST(message_has_to_match_the_pattern_and_not_only_its_filter) {
        aio_telemetry_receiver_options const options = { .topic_pattern = AZ_SPAN_FROM_STR("{x}/{x}") };
        Message message = { .topic = "a/a", .payload = "1" };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        fixture_start_receiver(&f, &r, &options);
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a/a 1; ack 0");
        message.topic = "a/b";
        ck_assert_str_eq(fixture_receive(&f, &message), "ack 1");
}
END_TEST

START_TEST(endpoint_that_stops_between_two_events_of_a_message_is_left_out) {
        az_mqtt_message const message = { .topic = AZ_SPAN_FROM_STR("a"), .qos = 1 };
        aio_telemetry_receiver r[2];
        aio_event event;
        Fixture f;

        fixture_init(&f);
        start(&f, &r[0], "a");
        start(&f, &r[1], "+");
        ck_assert_int_eq(aio_client_received(&f.client, &message, (aio_ack){ 7, 0 }, f.time), AZ_OK);
        ck_assert(aio_client_next_event(&f.client, &event));
        ck_assert_int_eq(event.type, AIO_EVENT_TELEMETRY);
        ck_assert_int_eq(aio_client_received(&f.client, &message, (aio_ack){ 7, 0 }, f.time),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        aio_telemetry_receiver_stop(event.as.telemetry.receiver == &r[0] ? &r[1] : &r[0]);
        ck_assert_str_eq(fixture_pump(&f), event.as.telemetry.receiver == &r[0] ? "unsubscribe +; ack 0"
                                                                                : "unsubscribe a; ack 0");
}
END_TEST

START_TEST(message_that_the_arrays_are_too_small_for_is_ignored) {
        az_mqtt_user_property properties[N_USER_PROPERTIES + 1];
        aio_topic_token resident[N_TOKENS];
        aio_telemetry_receiver_options options = { .topic_pattern = AZ_SPAN_FROM_STR("{x}") };
        az_mqtt_message message = { .topic = AZ_SPAN_FROM_STR("a"), .qos = 1, .user_properties = properties };
        aio_telemetry_receiver r;
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                properties[i] = (az_mqtt_user_property){ AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") };
        for (size_t i = 0; i < ELEMENTSOF(resident); i++)
                resident[i] = (aio_topic_token){ AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") };
        fixture_start_receiver(&f, &r, &options);
        message.n_user_properties = (int32_t) ELEMENTSOF(properties) - _i;
        ck_assert_int_eq(aio_client_received(&f.client, &message, (aio_ack){ 7, 0 }, f.time), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f),
                         _i == 0 ? "ignored invalid state (Capacity); ack 0" : "telemetry a ; ack 0");
}
END_TEST

START_TEST(constants_have_names) {
        CHECK_NAMES(aio_event_type_to_string, _AIO_EVENT_TYPE_MAX);
        CHECK_NAMES(aio_endpoint_state_to_string, _AIO_ENDPOINT_STATE_MAX);
        CHECK_NAMES(aio_gone_to_string, _AIO_GONE_MAX);
}
END_TEST

START_TEST(tokens_of_nobody_do_nothing) {
        static const uint64_t tokens[] = { 0,
                                           1,
                                           UINT64_MAX,
                                           UINT64_C(1) << 63 | UINT64_C(1) << 61,
                                           UINT64_C(1) << 63 | UINT64_C(2) << 61,
                                           UINT64_C(3) << 62 };
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_client_published(&f.client, tokens[_i], AZ_OK, 0x80, f.time), AZ_OK);
        aio_client_subscribed(&f.client, tokens[_i], AZ_OK, 0);
        aio_client_unsubscribed(&f.client, tokens[_i], AZ_OK, 0);
        ck_assert_str_eq(fixture_pump(&f), "");
}
END_TEST

static Suite *client_suite(void) {
        Suite *s = suite_create("aio-client");
        TCase *t = tcase_create("aio_endpoint");

        tcase_add_test(t, client_needs_an_id_a_clock_and_a_random_source);
        tcase_add_test(t, subscription_lives_from_suback_to_unsuback);
        tcase_add_test(t, refused_subscription_is_the_end_of_an_endpoint);
        tcase_add_test(t, refused_unsubscription_is_told);
        tcase_add_loop_test(t, endpoint_that_stops_while_it_starts_waits_for_suback, 0,
                            ELEMENTSOF(early_stops));
        tcase_add_loop_test(t, filter_of_two_endpoints_is_unsubscribed_by_the_last, 0, 2);
        tcase_add_test(t, filter_without_room_is_refused);
        suite_add_tcase(s, t);

        t = tcase_create("aio_client_received");
        tcase_add_loop_test(t, message_finds_those_whose_filter_matches_whichever_there_are, 0, 8);
        tcase_add_test(t, message_has_to_match_the_pattern_and_not_only_its_filter);
        tcase_add_test(t, endpoint_that_stops_between_two_events_of_a_message_is_left_out);
        tcase_add_loop_test(t, message_that_the_arrays_are_too_small_for_is_ignored, 0, 2);
        suite_add_tcase(s, t);

        t = tcase_create("the rest");
        tcase_add_test(t, constants_have_names);
        tcase_add_loop_test(t, tokens_of_nobody_do_nothing, 0, 6);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(client_suite)
