/* SPDX-License-Identifier: MIT */

/* The runner against a scripted server: what it publishes, receives and subscribes to. */

#include "runner-world.h"

/* ---- Messages ---- */

START_TEST(a_message_arrives_with_all_that_it_has) {
        const az_mqtt_user_property properties[] = { { .key = str("a"), .value = str("1") },
                                                     { .key = str("a"), .value = str("2") } };
        const az_mqtt_message message = {
                .topic = str("t/x"),
                .payload = str("{}"),
                .qos = 1,
                .retain = true,
                .has_message_expiry = true,
                .message_expiry_s = 10,
                .has_payload_format = true,
                .payload_format = 1,
                .content_type = str("application/json"),
                .response_topic = str("r/x"),
                .correlation_data = str("0123456789abcdef"),
                .user_properties = properties,
                .n_user_properties = 2,
        };
        const PeerPacket *packet;

        make_connected(&world);
        ck_assert_int_eq(mqtt_runner_publish(world.runner, &message, 5, now_us(&world)), 0);
        expect_published(&world, 5, AZ_BROKER_RESULT_OK, 0);
        packet = peer_get(world.peer, PEER_PUBLISH, 0);
        ck_assert_span_eq(packet->message.topic, "t/x");
        ck_assert_span_eq(packet->message.payload, "{}");
        ck_assert(packet->message.retain);
        ck_assert_uint_eq(packet->message.message_expiry_s, 10);
        ck_assert_uint_eq(packet->message.payload_format, 1);
        ck_assert_span_eq(packet->message.content_type, "application/json");
        ck_assert_span_eq(packet->message.response_topic, "r/x");
        ck_assert_span_eq(packet->message.correlation_data, "0123456789abcdef");
        ck_assert_int_eq(packet->message.n_user_properties, 2);
        ck_assert_span_eq(packet->message.user_properties[1].value, "2");
}
END_TEST

START_TEST(what_is_published_offline_leaves_in_order_with_what_is_left_of_its_time) {
        az_mqtt_message message = { .topic = str("a"), .qos = 1, .has_message_expiry = true };

        make(&world);
        peer_refuse(world.peer, true);
        ck_assert_int_eq(publish(&world, "x", 1), -ENOTCONN);
        start(&world);
        message.message_expiry_s = 5;
        ck_assert_int_eq(mqtt_runner_publish(world.runner, &message, 2, now_us(&world)), 0);
        message.message_expiry_s = 60;
        ck_assert_int_eq(mqtt_runner_publish(world.runner, &message, 3, now_us(&world)), 0);
        ck_assert_int_eq(publish(&world, "b", 4), 0);
        (void) expect(&world, MQTT_RUNNER_DISCONNECTED);
        peer_refuse(world.peer, false);
        world.ahead_us += 10 * USEC_PER_SEC;
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        expect_published(&world, 2, AZ_BROKER_RESULT_EXPIRED, 0);
        expect_published(&world, 3, AZ_BROKER_RESULT_OK, 0);
        expect_published(&world, 4, AZ_BROKER_RESULT_OK, 0);
        ck_assert_uint_eq(peer_count(world.peer, PEER_PUBLISH), 2);
        ck_assert_uint_eq(peer_get(world.peer, PEER_PUBLISH, 0)->message.message_expiry_s, 50);
}
END_TEST

START_TEST(what_was_not_acknowledged_is_sent_again_as_it_was) {
        const PeerPacket *first, *again;

        make_connected(&world);
        peer_script(world.peer, PEER_PUBLISH, (PeerAnswer){ .action = PEER_ANSWER });
        peer_ignore(world.peer, PEER_PUBLISH, true);
        ck_assert_int_eq(publish(&world, "a", 1), 0);
        ck_assert_int_eq(publish(&world, "b", 2), 0);
        ck_assert_int_eq(publish(&world, "c", 3), 0);
        expect_published(&world, 1, AZ_BROKER_RESULT_OK, 0);
        (void) expect_packet(&world, PEER_PUBLISH, 3);
        peer_ignore(world.peer, PEER_PUBLISH, false);
        reconnect(&world);
        expect_published(&world, 2, AZ_BROKER_RESULT_OK, 0);
        expect_published(&world, 3, AZ_BROKER_RESULT_OK, 0);
        ck_assert_uint_eq(peer_count(world.peer, PEER_PUBLISH), 5);
        for (size_t i = 1; i < 3; i++) {
                first = peer_get(world.peer, PEER_PUBLISH, i);
                again = peer_get(world.peer, PEER_PUBLISH, i + 2);
                ck_assert(again->message.dup);
                ck_assert_uint_eq(again->id, first->id);
                ck_assert(az_span_is_content_equal(again->message.topic, first->message.topic));
        }
}
END_TEST

START_TEST(a_puback_says_how_a_message_came_out) {
        static const PeerProperty reason = { .id = PEER_REASON_STRING };
        PeerProperty reason_string = reason;
        MqttRunnerEvent event;

        reason_string.value = str("no more today");
        make_connected(&world);
        peer_script(world.peer, PEER_PUBLISH, (PeerAnswer){ .reason = NO_MATCHING_SUBSCRIBERS });
        peer_script(
                world.peer, PEER_PUBLISH,
                (PeerAnswer){ .reason = QUOTA_EXCEEDED, .properties = &reason_string, .n_properties = 1 });
        ck_assert_int_eq(publish(&world, "a", 1), 0);
        ck_assert_int_eq(publish(&world, "a", 2), 0);
        expect_published(&world, 1, AZ_BROKER_RESULT_OK, NO_MATCHING_SUBSCRIBERS);
        event = expect(&world, MQTT_RUNNER_PUBLISHED);
        ck_assert_uint_eq(event.published.token, 2);
        ck_assert_int_eq(event.published.result, AZ_BROKER_RESULT_REFUSED);
        ck_assert_uint_eq(event.published.reason_code, QUOTA_EXCEEDED);
        ck_assert_span_eq(event.published.reason_string, "no more today");
        ck_assert_span_eq(event.published.message->topic, "a");
        ck_assert_span_eq(event.published.message->payload, "payload");
}
END_TEST

START_TEST(a_message_that_the_server_does_not_take_is_told) {
        const PeerProperty limit = { .id = PEER_MAXIMUM_PACKET_SIZE, .number = 100 };
        char payload[200] = "";
        az_mqtt_message message = { .topic = str("a"), .qos = 1 };

        message.payload = az_span_create((uint8_t *) payload, sizeof(payload));
        peer_set_connack(world.peer, &limit, 1);
        make_connected(&world);
        ck_assert_int_eq(mqtt_runner_publish(world.runner, &message, 1, now_us(&world)), 0);
        ck_assert_int_eq(publish(&world, "b", 2), 0);
        expect_published(&world, 1, AZ_BROKER_RESULT_REFUSED, PACKET_TOO_LARGE);
        expect_published(&world, 2, AZ_BROKER_RESULT_OK, 0);
}
END_TEST

/* Around the limit, with properties whose length takes one byte, and two. */
START_TEST(no_packet_is_larger_than_the_server_takes) {
        const PeerProperty limit = { .id = PEER_MAXIMUM_PACKET_SIZE, .number = 400 };
        char bytes[400] = "";
        az_mqtt_message message = { .topic = str("a"), .qos = 1 };

        memset(bytes, 'x', sizeof(bytes));
        peer_set_connack(world.peer, &limit, 1);
        make_connected(&world);
        for (int32_t i = 0; i < 20; i++) {
                message.correlation_data = az_span_create((uint8_t *) bytes, i % 2 ? 200 : 50);
                message.payload = az_span_create((uint8_t *) bytes, (i % 2 ? 180 : 330) + i);
                ck_assert_int_eq(mqtt_runner_publish(world.runner, &message, 1, now_us(&world)), 0);
                (void) expect(&world, MQTT_RUNNER_PUBLISHED);
        }
        for (size_t i = 0; i < peer_count(world.peer, PEER_PUBLISH); i++)
                ck_assert_uint_le(3 + peer_get(world.peer, PEER_PUBLISH, i)->n_bytes, limit.number);
}
END_TEST

START_TEST(no_more_is_under_way_than_the_server_wants) {
        const PeerProperty limit = { .id = PEER_RECEIVE_MAXIMUM, .number = 2 };

        peer_set_connack(world.peer, &limit, 1);
        make_connected(&world);
        peer_ignore(world.peer, PEER_PUBLISH, true);
        for (uint64_t i = 0; i < 5; i++)
                ck_assert_int_eq(publish(&world, "a", i), 0);
        (void) expect_packet(&world, PEER_PUBLISH, 2);
        expect_nothing(&world);
        ck_assert_uint_eq(peer_count(world.peer, PEER_PUBLISH), 2);
        peer_ignore(world.peer, PEER_PUBLISH, false);
        peer_answer(world.peer, peer_get(world.peer, PEER_PUBLISH, 0), (PeerAnswer){ .reason = 0 });
        peer_answer(world.peer, peer_get(world.peer, PEER_PUBLISH, 1), (PeerAnswer){ .reason = 0 });
        for (uint64_t i = 0; i < 5; i++)
                expect_published(&world, i, AZ_BROKER_RESULT_OK, 0);
}
END_TEST

START_TEST(a_queue_that_is_full_says_so_and_when_it_is_not) {
        world.config.n_waiting = 2;
        world.config.window = 1;
        make_connected(&world);
        peer_ignore(world.peer, PEER_PUBLISH, true);
        for (uint64_t i = 0; i < 3; i++)
                ck_assert_int_eq(publish(&world, "a", i), 0);
        ck_assert_int_eq(publish(&world, "a", 9), MQTT_RUNNER_FULL);
        (void) expect_packet(&world, PEER_PUBLISH, 1);
        peer_answer(world.peer, peer_get(world.peer, PEER_PUBLISH, 0), (PeerAnswer){ .reason = 0 });
        expect_published(&world, 0, AZ_BROKER_RESULT_OK, 0);
        (void) expect(&world, MQTT_RUNNER_ROOM);
        ck_assert_int_eq(publish(&world, "a", 3), 0);
}
END_TEST

START_TEST(or_drops_the_oldest_or_the_newest) {
        world.config.n_waiting = 2;
        world.config.when_full = _i == 0 ? AZ_BROKER_WHEN_FULL_DROP_OLDEST : AZ_BROKER_WHEN_FULL_DROP_NEWEST;
        peer_refuse(world.peer, true);
        make(&world);
        start(&world);
        for (uint64_t i = 0; i < 3; i++)
                ck_assert_int_eq(publish(&world, "a", i), 0);
        expect_published(&world, _i == 0 ? 0 : 2, AZ_BROKER_RESULT_DROPPED, 0);
}
END_TEST

/* Each policy, and nobody who pops an event: that is bounded, too. */
START_TEST(nobody_listens_and_nothing_grows) {
        unsigned n = 0;

        world.config.n_waiting = 4;
        world.config.window = 2;
        world.config.when_full = (az_broker_when_full) _i;
        peer_refuse(world.peer, true);
        make(&world);
        start(&world);
        while (n < 1000 && publish(&world, "a", n) == 0)
                n++;
        ck_assert_uint_lt(n, 20);
        ck_assert_int_eq(mqtt_runner_stop(world.runner, true, now_us(&world)), 0);
        for (unsigned i = 0; i < n; i++)
                (void) expect(&world, MQTT_RUNNER_PUBLISHED);
        (void) expect(&world, MQTT_RUNNER_STOPPED);
}
END_TEST

static void receive(World *w, const char *topic, uint16_t id) {
        const az_mqtt_message message = { .topic = str(topic), .payload = str("p"), .qos = 1 };

        (void) peer_publish(w->peer, &message, id);
}

START_TEST(acknowledgements_leave_in_the_order_of_the_messages) {
        MqttAck acks[3];

        make_connected(&world);
        for (uint16_t i = 0; i < 3; i++)
                receive(&world, "in", (uint16_t) (7 + i));
        for (unsigned i = 0; i < 3; i++) {
                MqttRunnerEvent event = expect(&world, MQTT_RUNNER_MESSAGE);

                ck_assert_span_eq(event.message.message.topic, "in");
                acks[i] = event.message.ack;
        }
        mqtt_runner_ack(world.runner, acks[2]);
        mqtt_runner_ack(world.runner, acks[1]);
        expect_nothing(&world);
        ck_assert_uint_eq(peer_count(world.peer, PEER_PUBACK), 0);
        mqtt_runner_ack(world.runner, acks[0]);
        (void) expect_packet(&world, PEER_PUBACK, 3);
        for (unsigned i = 0; i < 3; i++)
                ck_assert_uint_eq(peer_get(world.peer, PEER_PUBACK, i)->id, 7 + i);
}
END_TEST

START_TEST(an_acknowledgement_of_an_earlier_connection_is_none) {
        MqttAck old;

        make_connected(&world);
        receive(&world, "in", 7);
        old = expect(&world, MQTT_RUNNER_MESSAGE).message.ack;
        reconnect(&world);
        mqtt_runner_ack(world.runner, old);
        expect_nothing(&world);
        ck_assert_uint_eq(peer_count(world.peer, PEER_PUBACK), 0);
        receive(&world, "in", 7);
        mqtt_runner_ack(world.runner, expect(&world, MQTT_RUNNER_MESSAGE).message.ack);
        (void) expect_packet(&world, PEER_PUBACK, 1);
}
END_TEST

START_TEST(a_message_that_is_too_large_ends_no_connection) {
        static char payload[2000];
        const az_mqtt_message message = {
                .topic = str("in"),
                .payload = az_span_create((uint8_t *) payload, sizeof(payload)),
                .qos = 1,
        };
        MqttRunnerEvent event;

        world.config.max_packet_bytes = 1024;
        make_connected(&world);
        (void) peer_publish(world.peer, &message, 7);
        receive(&world, "in", 8);
        event = expect(&world, MQTT_RUNNER_TOO_LARGE);
        ck_assert_uint_gt(event.too_large.n_bytes, sizeof(payload));
        mqtt_runner_ack(world.runner, expect(&world, MQTT_RUNNER_MESSAGE).message.ack);
        (void) expect_packet(&world, PEER_PUBACK, 2);
        ck_assert_uint_eq(peer_get(world.peer, PEER_PUBACK, 0)->reason, QUOTA_EXCEEDED);
}
END_TEST

/* ---- Subscriptions ---- */

START_TEST(a_subscription_comes_and_goes) {
        const MqttFilter filter = { .filter = str("in/#"), .qos = 1, .no_local = true };
        MqttRunnerEvent event;

        make_connected(&world);
        ck_assert_int_eq(mqtt_runner_subscribe(world.runner, &filter, 1), 0);
        event = expect(&world, MQTT_RUNNER_SUBSCRIBED);
        ck_assert_int_eq(event.subscribed.result, AZ_BROKER_RESULT_OK);
        ck_assert_span_eq(event.subscribed.filter, "in/#");
        ck_assert_uint_eq(peer_get(world.peer, PEER_SUBSCRIBE, 0)->filters[0].options, 1 | 4);

        ck_assert_int_eq(mqtt_runner_unsubscribe(world.runner, str("in/#"), 2), 0);
        event = expect(&world, MQTT_RUNNER_UNSUBSCRIBED);
        ck_assert_uint_eq(event.unsubscribed.token, 2);
        ck_assert_int_eq(event.unsubscribed.result, AZ_BROKER_RESULT_OK);
        ck_assert_span_eq(event.unsubscribed.filter, "in/#");
}
END_TEST

START_TEST(a_subscription_is_asked_for_until_it_is_answered) {
        make_connected(&world);
        peer_script(world.peer, PEER_SUBSCRIBE, (PeerAnswer){ .action = PEER_DROP });
        subscribe(&world, "in", 1);
        (void) expect_packet(&world, PEER_SUBSCRIBE, 1);
        reconnect(&world);
        expect_subscribed(&world, 1, AZ_BROKER_RESULT_OK);
        ck_assert_uint_eq(peer_count(world.peer, PEER_SUBSCRIBE), 2);
}
END_TEST

START_TEST(a_subscription_that_is_refused_is_told) {
        make_connected(&world);
        peer_script(world.peer, PEER_SUBSCRIBE, (PeerAnswer){ .reason = NOT_AUTHORIZED });
        subscribe(&world, "in", 1);
        expect_subscribed(&world, 1, AZ_BROKER_RESULT_REFUSED);
}
END_TEST

START_TEST(a_filter_that_the_server_does_not_take_is_told) {
        const PeerProperty limit = { .id = PEER_MAXIMUM_PACKET_SIZE, .number = 100 };
        char text[94] = "";

        peer_set_connack(world.peer, &limit, 1);
        make(&world);
        start(&world);
        memset(text, 'x', 92); /* a packet of 2 + 3 + 2 + 92 + 1 bytes */
        subscribe(&world, "before", 1);
        subscribe(&world, text, 2);
        text[92] = 'x';
        subscribe(&world, text, 3);
        subscribe(&world, "behind", 4);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        for (uint64_t token = 1; token <= 4; token++)
                expect_subscribed(&world, token, token == 3 ? AZ_BROKER_RESULT_REFUSED : AZ_BROKER_RESULT_OK);
}
END_TEST

START_TEST(what_an_answer_points_to_outlives_another_request) {
        make_connected(&world);
        peer_ignore(world.peer, PEER_SUBSCRIBE, true);
        subscribe(&world, "first", 1);
        (void) expect_packet(&world, PEER_SUBSCRIBE, 1);
        subscribe(&world, "second", 2);
        subscribe(&world, "third", 3);
        peer_ignore(world.peer, PEER_SUBSCRIBE, false);
        for (int i = 0; i < 3; i++)
                peer_script(world.peer, PEER_SUBSCRIBE, (PeerAnswer){ .reason = NOT_AUTHORIZED });
        peer_answer(world.peer, peer_get(world.peer, PEER_SUBSCRIBE, 0),
                    (PeerAnswer){ .reason = NOT_AUTHORIZED });
        expect_subscribed(&world, 1, AZ_BROKER_RESULT_REFUSED);
        ck_assert_span_eq(expect(&world, MQTT_RUNNER_SUBSCRIBED).subscribed.filter, "second");
        subscribe(&world, "fourth", 4);
        subscribe(&world, "fifth!", 5);
        subscribe(&world, "sixth!", 6);
        ck_assert_span_eq(expect(&world, MQTT_RUNNER_SUBSCRIBED).subscribed.filter, "third");
        expect_subscribed(&world, 4, AZ_BROKER_RESULT_REFUSED);
        expect_subscribed(&world, 5, AZ_BROKER_RESULT_OK);
        expect_subscribed(&world, 6, AZ_BROKER_RESULT_OK);
}
END_TEST

START_TEST(filters_that_mqtt_does_not_allow_are_refused) {
        static const char *const filters[] = { "", "a+", "#/a", "a/#/b" };
        const MqttFilter shared = { .filter = str("$share/g/a"), .qos = 1, .no_local = true };

        make_connected(&world);
        for (size_t i = 0; i < ELEMENTSOF(filters); i++) {
                const MqttFilter f = { .filter = str(filters[i]), .qos = 1 };

                ck_assert_int_eq(mqtt_runner_subscribe(world.runner, &f, 1), -EINVAL);
        }
        ck_assert_int_eq(mqtt_runner_subscribe(world.runner, &shared, 1), -EINVAL);
}
END_TEST

static Suite *mqtt_runner_traffic_suite(void) {
        Suite *s = suite_create("mqtt-runner-traffic");
        TCase *t = tcase_create("traffic");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, a_message_arrives_with_all_that_it_has);
        tcase_add_test(t, what_is_published_offline_leaves_in_order_with_what_is_left_of_its_time);
        tcase_add_test(t, what_was_not_acknowledged_is_sent_again_as_it_was);
        tcase_add_test(t, a_puback_says_how_a_message_came_out);
        tcase_add_test(t, a_message_that_the_server_does_not_take_is_told);
        tcase_add_test(t, no_packet_is_larger_than_the_server_takes);
        tcase_add_test(t, no_more_is_under_way_than_the_server_wants);
        tcase_add_test(t, a_queue_that_is_full_says_so_and_when_it_is_not);
        tcase_add_loop_test(t, or_drops_the_oldest_or_the_newest, 0, 2);
        tcase_add_loop_test(t, nobody_listens_and_nothing_grows, 0, _AZ_BROKER_WHEN_FULL_MAX);
        tcase_add_test(t, acknowledgements_leave_in_the_order_of_the_messages);
        tcase_add_test(t, an_acknowledgement_of_an_earlier_connection_is_none);
        tcase_add_test(t, a_message_that_is_too_large_ends_no_connection);
        tcase_add_test(t, a_subscription_comes_and_goes);
        tcase_add_test(t, a_subscription_is_asked_for_until_it_is_answered);
        tcase_add_test(t, a_subscription_that_is_refused_is_told);
        tcase_add_test(t, a_filter_that_the_server_does_not_take_is_told);
        tcase_add_test(t, what_an_answer_points_to_outlives_another_request);
        tcase_add_test(t, filters_that_mqtt_does_not_allow_are_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_runner_traffic_suite)
