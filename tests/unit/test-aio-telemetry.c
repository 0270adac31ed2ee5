/* SPDX-License-Identifier: MIT */
#include <aio/telemetry.h>
#include <string.h>

#include "aio-client-fixture.h"

#define PATTERN AZ_SPAN_LITERAL_FROM_STR("sensors/{id}/temperature")

static aio_topic_token seven[] = { { AZ_SPAN_LITERAL_FROM_STR("id"), AZ_SPAN_LITERAL_FROM_STR("7") } };

/* ---- Sender ---- */

static const struct {
        const char *pattern, *name_space, *error;
} senders[] = {
        { "sensors/{id}/temperature", NULL, NULL },
        { "sensors", "plant/1", NULL },
        { NULL, NULL, "topicPattern" },
        { "sensors//x", NULL, "topicPattern" },
        { "sensors/{i/d}", NULL, "topicPattern" },
        { "sensors", "plant/{id}", "TopicNamespace" },
};

START_TEST(sender_says_which_option_is_at_fault) {
        aio_telemetry_sender_options options = { 0 };
        aio_telemetry_sender sender;
        aio_error error = { 0 };
        Fixture f;

        fixture_init(&f);
        if (senders[_i].pattern)
                options.topic_pattern = str(senders[_i].pattern);
        if (senders[_i].name_space)
                options.topic_namespace = str(senders[_i].name_space);
        ck_assert_int_eq(aio_telemetry_sender_init(&sender, &f.client, &options, &error),
                         senders[_i].error ? AZ_ERROR_ARG : AZ_OK);
        if (senders[_i].error) {
                ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(error.is_shallow);
                ck_assert_span_eq(error.property_name, senders[_i].error);
        }
}
END_TEST

static az_result send(Fixture *f, const aio_telemetry *telemetry, const char *format) {
        aio_serializer const serializer =
                strcmp(format, "json") == 0 ? aio_serializer_json() : aio_serializer_raw();
        aio_telemetry_sender_options options = { .topic_pattern = PATTERN, .serializer = &serializer };
        aio_telemetry_sender sender;
        aio_event publish;
        az_result r;

        ck_assert_int_eq(aio_telemetry_sender_init(&sender, &f->client, &options, &f->error), AZ_OK);
        r = aio_telemetry_sender_send(&sender, telemetry, 42, f->time, &publish, &f->error);
        f->log[0] = '\0';
        if (az_result_succeeded(r))
                fixture_carry(f, &publish);
        return r;
}

START_TEST(message_has_all_that_belongs_to_telemetry) {
        az_mqtt_user_property const own[] = { { AZ_SPAN_LITERAL_FROM_STR("line"),
                                                AZ_SPAN_LITERAL_FROM_STR("3") } };
        aio_telemetry const telemetry = {
                .payload = AZ_SPAN_FROM_STR("21.5"),
                .tokens = { seven, 1 },
                .user_properties = own,
                .n_user_properties = 1,
        };
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(send(&f, &telemetry, "json"), AZ_OK);
        ck_assert_str_eq(f.log, "publish sensors/7/temperature 21.5");
        ck_assert_uint_eq(f.published.qos, 1);
        ck_assert(!f.published.retain);
        ck_assert_uint_eq(f.published.message_expiry_s, 10);
        ck_assert_span_eq(f.published.content_type, "application/json");
        ck_assert_uint_eq(f.published.payload_format, 1);
        ck_assert_ptr_null(az_span_ptr(f.published.correlation_data));
        ck_assert_ptr_null(az_span_ptr(f.published.response_topic));
        ck_assert_str_eq(fixture_property(&f, "line"), "3");
        ck_assert_str_eq(fixture_property(&f, "__srcId"), CLIENT_ID);
        ck_assert_str_eq(fixture_property(&f, "__protVer"), "1.0");
        ck_assert_str_eq(fixture_property(&f, "__ts"), "001790000000000:00000:node");
        ck_assert_ptr_null(fixture_property(&f, "aio-persistence"));
        ck_assert_ptr_null(fixture_property(&f, "$high_priority"));
}
END_TEST

START_TEST(what_a_message_says_of_itself_holds) {
        aio_cloud_event const event = { .source = AZ_SPAN_FROM_STR("urn:press") };
        aio_telemetry const telemetry = {
                .payload = AZ_SPAN_FROM_STR("x"),
                .tokens = { seven, 1 },
                .content_type = AZ_SPAN_FROM_STR("text/plain"),
                .has_payload_format = true,
                .payload_format = 1,
                .has_timeout = true,
                .timeout_us = 500,
                .is_qos_0 = true,
                .retain = true,
                .persist = true,
                .cloud_event = &event,
        };
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_OK);
        ck_assert_span_eq(f.published.content_type, "text/plain");
        ck_assert_uint_eq(f.published.payload_format, 1);
        ck_assert_uint_eq(f.published.message_expiry_s, 1);
        ck_assert_uint_eq(f.published.qos, 0);
        ck_assert(f.published.retain);
        ck_assert_str_eq(fixture_property(&f, "aio-persistence"), "true");
        ck_assert_str_eq(fixture_property(&f, "source"), "urn:press");
        ck_assert_str_eq(fixture_property(&f, "type"), "ms.aio.telemetry");
        ck_assert_str_eq(fixture_property(&f, "subject"), "sensors/7/temperature");
        ck_assert_ptr_nonnull(fixture_property(&f, "id"));
}
END_TEST

static az_mqtt_user_property reserved[] = { { AZ_SPAN_LITERAL_FROM_STR("__ts"),
                                              AZ_SPAN_LITERAL_FROM_STR("0") } };
static aio_cloud_event no_source = { .source = AZ_SPAN_LITERAL_EMPTY };
static aio_topic_token plus[] = { { AZ_SPAN_LITERAL_FROM_STR("id"), AZ_SPAN_LITERAL_FROM_STR("+") } };

static const struct {
        aio_telemetry telemetry;
        az_result result;
        aio_error_kind kind;
        const char *property;
} refusals[] = {
        { { .tokens = { NULL, 0 } }, AZ_ERROR_ARG, AIO_ERROR_INVALID_CONFIGURATION, "id" },
        { { .tokens = { plus, 1 } }, AZ_ERROR_ARG, AIO_ERROR_INVALID_CONFIGURATION, "id" },
        { { .tokens = { seven, 1 }, .has_timeout = true },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "MessageExpiry" },
        { { .tokens = { seven, 1 }, .has_timeout = true, .timeout_us = UINT64_MAX },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "MessageExpiry" },
        { { .tokens = { seven, 1 }, .persist = true },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "persist" },
        { { .tokens = { seven, 1 }, .user_properties = reserved, .n_user_properties = 1 },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "Metadata" },
        { { .tokens = { seven, 1 }, .cloud_event = &no_source },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "CloudEvent" },
        { { .tokens = { seven, 1 }, .payload = AZ_SPAN_LITERAL_FROM_STR("{") },
          AZ_ERROR_UNEXPECTED_CHAR,
          AIO_ERROR_INVALID_PAYLOAD,
          "" },
};

START_TEST(refused_message_names_what_is_at_fault_and_does_not_move_the_clock) {
        aio_telemetry telemetry = refusals[_i].telemetry;
        Fixture f;

        fixture_init(&f);
        if (az_span_size(telemetry.payload) == 0)
                telemetry.payload = AZ_SPAN_FROM_STR("1");
        ck_assert_int_eq(send(&f, &telemetry, "json"), refusals[_i].result);
        ck_assert_int_eq(f.error.kind, refusals[_i].kind);
        ck_assert(f.error.is_shallow && !f.error.is_remote);
        ck_assert_span_eq(f.error.property_name, refusals[_i].property);

        telemetry = (aio_telemetry){ .payload = AZ_SPAN_FROM_STR("1"), .tokens = { seven, 1 } };
        ck_assert_int_eq(send(&f, &telemetry, "json"), AZ_OK);
        ck_assert_str_eq(fixture_property(&f, "__ts"), "001790000000000:00000:node");
}
END_TEST

START_TEST(nothing_is_sent_with_a_clock_that_is_ahead) {
        aio_telemetry const telemetry = { .tokens = { seven, 1 } };
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_OK);
        f.time.wall_ms -= AIO_HLC_MAX_DRIFT_DEFAULT_MS + 1; /* the wall clock was set back */
        ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_ERROR_CLOCK);
        ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_STATE);
        ck_assert(f.error.is_shallow);
}
END_TEST

START_TEST(message_that_the_memory_is_too_small_for_is_refused) {
        az_mqtt_user_property own[N_USER_PROPERTIES + 1];
        aio_telemetry telemetry = { .tokens = { seven, 1 }, .user_properties = own };
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                own[i] = (az_mqtt_user_property){ AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") };
        telemetry.n_user_properties = (int32_t) ELEMENTSOF(own);
        for (int i = 0; i < 4; i++) {
                ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_ERROR_NOT_ENOUGH_SPACE);
                telemetry.n_user_properties--;
        }
        ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_OK);
}
END_TEST

static const struct {
        az_result result;
        uint8_t reason_code;
        const char *events;
} ends[] = {
        { AZ_OK, 0, "sent 42" },
        { AZ_OK, 0x10, "sent 42" }, /* nobody has subscribed */
        { AZ_OK, 0x80, "sent 42 mqtt error" },
        { AZ_OK, 0x97, "sent 42 mqtt error" },
        { AZ_ERROR_CANCELED, 0, "sent 42 mqtt error" }, /* the session ended before */
};

START_TEST(program_hears_how_its_message_came_out) {
        aio_telemetry const telemetry = { .tokens = { seven, 1 } };
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(send(&f, &telemetry, "raw"), AZ_OK);
        ck_assert_int_eq(aio_client_published(&f.client, f.tokens_out[0], ends[_i].result,
                                              ends[_i].reason_code, f.time),
                         AZ_OK);
        /* One at a time. */
        ck_assert_int_eq(aio_client_published(&f.client, f.tokens_out[0], AZ_OK, 0, f.time),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_str_eq(fixture_pump(&f), ends[_i].events);
        if (strcmp(ends[_i].events, "sent 42") != 0) {
                ck_assert_uint_eq(f.error.mqtt_reason, ends[_i].reason_code);
                ck_assert_int_eq(f.error.cause, ends[_i].result);
        }
}
END_TEST

/* ---- Receiver ---- */

static const struct {
        const char *pattern, *filter, *share, *subscribed, *error;
} receivers[] = {
        { "sensors/{id}/temperature", NULL, NULL, "subscribe sensors/+/temperature", NULL },
        { "sensors/{id}/temperature", NULL, "group", "subscribe $share/group/sensors/+/temperature", NULL },
        { NULL, "sensors/#", NULL, "subscribe sensors/#", NULL },
        { NULL, "sensors/#", "group", "subscribe $share/group/sensors/#", NULL },
        { NULL, NULL, NULL, NULL, "topicPattern" },
        { "sensors/#", NULL, NULL, NULL, "topicPattern" },
        { NULL, "sensors/#/x", NULL, NULL, "topicFilter" },
        { NULL, "$share/group/sensors", NULL, NULL, "topicFilter" },
        { "sensors", NULL, "a/b", NULL, "ShareName" },
        { NULL, "sensors", "a/b", NULL, "ShareName" },
};

START_TEST(receiver_subscribes_or_says_which_option_is_at_fault) {
        aio_telemetry_receiver_options options = { 0 };
        aio_telemetry_receiver receiver;
        Fixture f;

        fixture_init(&f);
        if (receivers[_i].pattern)
                options.topic_pattern = str(receivers[_i].pattern);
        if (receivers[_i].filter)
                options.topic_filter = str(receivers[_i].filter);
        if (receivers[_i].share)
                options.share_name = str(receivers[_i].share);
        ck_assert_int_eq(aio_telemetry_receiver_start(&receiver, &f.client, &options, &f.error),
                         receivers[_i].error ? AZ_ERROR_ARG : AZ_OK);
        if (receivers[_i].error) {
                ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(f.error.is_shallow);
                ck_assert_span_eq(f.error.property_name, receivers[_i].error);
                ck_assert_str_eq(fixture_pump(&f), "");
        } else {
                ck_assert_str_eq(fixture_pump(&f), receivers[_i].subscribed);
        }
}
END_TEST

START_TEST(program_gets_the_parts_of_a_message) {
        Message const message = { .topic = "sensors/7/temperature",
                                  .payload = "21.5",
                                  .content_type = "application/json",
                                  .keys = { "__srcId", "line", "__ts", "__x", "line" },
                                  .values = { "them", "3", "1790000000001:5:other", "y", "4" } };
        aio_serializer const json = aio_serializer_json();
        aio_telemetry_receiver_options options = { .topic_pattern = PATTERN, .serializer = &json };
        aio_telemetry_receiver receiver;
        Fixture f;

        fixture_init(&f);
        fixture_start_receiver(&f, &receiver, &options);
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry sensors/7/temperature 21.5; ack 0");
        ck_assert_int_eq(f.request.n_user_properties, 2);
        ck_assert_span_eq(f.request.user_properties[0].value, "3");
        ck_assert_span_eq(f.request.user_properties[1].value, "4");
        ck_assert_span_eq(f.request.metadata.source_id, "them");
        ck_assert(f.request.has_timestamp);
        ck_assert_uint_eq(f.request.timestamp.counter, 5);
        ck_assert_int_eq(f.request.tokens.n_tokens, 1);
        ck_assert_span_eq(f.request.tokens.tokens[0].key, "id");
        ck_assert_span_eq(f.request.tokens.tokens[0].value, "7");
        ck_assert_uint_eq(f.ack_id, 0);
}
END_TEST

static const struct {
        Message message;
        const char *events;
} messages[] = {
        { { .payload = "1" }, "telemetry sensors/7/temperature 1; ack 0" },
        { { .payload = "1", .is_qos_0 = true }, "telemetry sensors/7/temperature 1" },
        { { .payload = "1", .topic = "sensors/7/humidity" }, "ack 0" },
        { { .payload = "1", .topic = "sensors/7" }, "ack 0" },
        { { .payload = "1", .topic = "plant/sensors/7/temperature" }, "ack 0" },
        { { .payload = "1", .keys = { "__protVer" }, .values = { "1.7" } },
          "telemetry sensors/7/temperature 1; ack 0" },
        { { .payload = "1", .keys = { "__protVer" }, .values = { "2.0" } },
          "ignored unsupported version; ack 0" },
        { { .payload = "1", .keys = { "__protVer" }, .values = { "x" } },
          "ignored unsupported version; ack 0" },
        { { .payload = "1", .keys = { "__ts" }, .values = { "soon" } },
          "ignored invalid header (__ts soon); ack 0" },
        { { .payload = "1", .keys = { "__ts" }, .values = { "1790000099999:0:x" } },
          "ignored invalid state (MaxClockDrift); ack 0" },
        { { .payload = "1", .content_type = "text/plain" },
          "ignored invalid header (Content Type text/plain); ack 0" },
        { { .payload = "{" }, "ignored invalid payload; ack 0" },
        { { .payload = "{", .is_qos_0 = true }, "ignored invalid payload" },
};

START_TEST(message_is_given_or_ignored_and_acknowledged) {
        aio_serializer const json = aio_serializer_json();
        aio_telemetry_receiver_options options = { .topic_pattern = PATTERN, .serializer = &json };
        aio_telemetry_receiver receiver;
        Message message = messages[_i].message;
        Fixture f;

        fixture_init(&f);
        fixture_start_receiver(&f, &receiver, &options);
        if (!message.topic)
                message.topic = "sensors/7/temperature";
        ck_assert_str_eq(fixture_receive(&f, &message), messages[_i].events);
}
END_TEST

START_TEST(message_that_comes_twice_is_given_twice) {
        aio_telemetry_receiver_options options = { .topic_filter = AZ_SPAN_FROM_STR("a/#") };
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver receiver;
        Fixture f;

        fixture_init(&f);
        fixture_start_receiver(&f, &receiver, &options);
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x; ack 0");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x; ack 1");
}
END_TEST

static void start_manual(Fixture *f, aio_telemetry_receiver *receiver, const char *pattern) {
        aio_telemetry_receiver_options options = { .topic_pattern = str(pattern), .is_manual_ack = true };

        fixture_start_receiver(f, receiver, &options);
}

START_TEST(program_acknowledges_when_it_likes_and_once) {
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver receiver;
        uint64_t first, second;
        Fixture f;

        fixture_init(&f);
        start_manual(&f, &receiver, "a");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x");
        first = f.ack_id;
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x");
        second = f.ack_id;
        ck_assert_uint_ne(first, second);
        ck_assert_uint_ne(first, 0);

        aio_telemetry_receiver_ack(&f.client, second);
        ck_assert_str_eq(fixture_pump(&f), "ack 1");
        aio_telemetry_receiver_ack(&f.client, second);
        aio_telemetry_receiver_ack(&f.client, 0);
        aio_telemetry_receiver_ack(&f.client, UINT64_MAX);
        ck_assert_str_eq(fixture_pump(&f), "");
        aio_telemetry_receiver_ack(&f.client, first);
        ck_assert_str_eq(fixture_pump(&f), "ack 0");
}
END_TEST

START_TEST(message_for_many_is_acknowledged_by_the_last) {
        Message const message = { .topic = "a/b", .payload = "x" };
        aio_telemetry_receiver_options automatic = { .topic_filter = AZ_SPAN_FROM_STR("#") };
        aio_telemetry_receiver receivers_[3];
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start_manual(&f, &receivers_[0], "a/{x}");
        start_manual(&f, &receivers_[1], "{x}/b");
        fixture_start_receiver(&f, &receivers_[2], &automatic);
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a/b x; telemetry a/b x; telemetry a/b x");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 0);
        /* The ids of tasks that were never used before. */
        id = UINT64_C(1) << 32;
        aio_telemetry_receiver_ack(&f.client, id);
        ck_assert_str_eq(fixture_pump(&f), "");
        aio_telemetry_receiver_ack(&f.client, id + 1);
        ck_assert_str_eq(fixture_pump(&f), "ack 0");
}
END_TEST

START_TEST(message_that_nothing_can_remember_stays_unacknowledged) {
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver receiver;
        Fixture f;

        fixture_init_with(&f, 1, 1024);
        start_manual(&f, &receiver, "a");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x");
        ck_assert_str_eq(fixture_receive(&f, &message), "ignored invalid state (Capacity)");
        aio_telemetry_receiver_ack(&f.client, f.ack_id);
        ck_assert_str_eq(fixture_pump(&f), "ack 0");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x");
}
END_TEST

/* Of two receivers one can remember it: that this one is done with it does not matter. */
START_TEST(message_that_one_receiver_missed_stays_unacknowledged) {
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver receivers_[2];
        Fixture f;

        fixture_init_with(&f, 1, 1024);
        start_manual(&f, &receivers_[0], "a");
        start_manual(&f, &receivers_[1], "{x}");
        ck_assert_ptr_nonnull(strstr(fixture_receive(&f, &message), "ignored invalid state (Capacity)"));
        aio_telemetry_receiver_ack(&f.client, f.ack_id);
        ck_assert_str_eq(fixture_pump(&f), "");
}
END_TEST

START_TEST(receiver_that_stops_acknowledges_what_the_program_has_not) {
        Message const message = { .topic = "a", .payload = "x" };
        aio_telemetry_receiver receiver;
        Fixture f;

        fixture_init(&f);
        start_manual(&f, &receiver, "a");
        ck_assert_str_eq(fixture_receive(&f, &message), "telemetry a x");
        aio_telemetry_receiver_stop(&receiver);
        ck_assert_str_eq(fixture_pump(&f), "unsubscribe a");
        ck_assert_str_eq(fixture_unsuback(&f, 0), "ack 0; stopped");
}
END_TEST

static Suite *telemetry_suite(void) {
        Suite *s = suite_create("aio-telemetry");
        TCase *t = tcase_create("aio_telemetry_sender");

        tcase_add_loop_test(t, sender_says_which_option_is_at_fault, 0, ELEMENTSOF(senders));
        tcase_add_test(t, message_has_all_that_belongs_to_telemetry);
        tcase_add_test(t, what_a_message_says_of_itself_holds);
        tcase_add_loop_test(t, refused_message_names_what_is_at_fault_and_does_not_move_the_clock, 0,
                            ELEMENTSOF(refusals));
        tcase_add_test(t, nothing_is_sent_with_a_clock_that_is_ahead);
        tcase_add_test(t, message_that_the_memory_is_too_small_for_is_refused);
        tcase_add_loop_test(t, program_hears_how_its_message_came_out, 0, ELEMENTSOF(ends));
        suite_add_tcase(s, t);

        t = tcase_create("aio_telemetry_receiver");
        tcase_add_loop_test(t, receiver_subscribes_or_says_which_option_is_at_fault, 0,
                            ELEMENTSOF(receivers));
        tcase_add_test(t, program_gets_the_parts_of_a_message);
        tcase_add_loop_test(t, message_is_given_or_ignored_and_acknowledged, 0, ELEMENTSOF(messages));
        tcase_add_test(t, message_that_comes_twice_is_given_twice);
        tcase_add_test(t, program_acknowledges_when_it_likes_and_once);
        tcase_add_test(t, message_for_many_is_acknowledged_by_the_last);
        tcase_add_test(t, message_that_nothing_can_remember_stays_unacknowledged);
        tcase_add_test(t, message_that_one_receiver_missed_stays_unacknowledged);
        tcase_add_test(t, receiver_that_stops_acknowledges_what_the_program_has_not);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(telemetry_suite)
