/* SPDX-License-Identifier: MIT */

/* The runner against a scripted server: how it connects, proves itself and ends. */

#include "runner-world.h"

#include <sys/stat.h>

/* ---- Connections ---- */

START_TEST(connect_says_what_the_configuration_says) {
        const az_mqtt_user_property property = { .key = str("k"), .value = str("v") };
        const az_mqtt_message message = {
                .topic = str("gone"),
                .payload = str("dev"),
                .qos = 1,
                .content_type = str("text/plain"),
        };
        const MqttWill will = { .message = &message, .delay_s = 7 };
        const PeerPacket *connect;
        MqttRunnerEvent event;

        world.config.clean_start = true;
        world.config.session_expiry_s = 120;
        world.config.keep_alive_s = 30;
        world.config.receive_max = 9;
        world.config.user_properties = &property;
        world.config.n_user_properties = 1;
        world.config.will = &will;
        make(&world);
        start(&world);
        event = expect(&world, MQTT_RUNNER_CONNECTED);
        ck_assert(!event.connected.session_present);
        ck_assert_str_ne(event.connected.report->address, "");

        connect = peer_get(world.peer, PEER_CONNECT, 0);
        ck_assert_span_eq(connect->client_id, "dev");
        ck_assert(connect->clean_start);
        ck_assert_uint_eq(connect->keep_alive_s, 30);
        ck_assert_uint_eq(number_of(connect, PEER_SESSION_EXPIRY), 120);
        ck_assert_uint_eq(number_of(connect, PEER_RECEIVE_MAXIMUM), 9);
        ck_assert_span_eq(peer_packet_find(connect, PEER_USER_PROPERTY)->key, "k");
        ck_assert_span_eq(connect->message.topic, "gone");
        ck_assert_span_eq(connect->message.payload, "dev");
        ck_assert_uint_eq(connect->will_properties[0].id == PEER_WILL_DELAY || connect->n_will_properties > 1,
                          true);

        reconnect(&world);
        ck_assert_msg(!peer_get(world.peer, PEER_CONNECT, 1)->clean_start, "it is of the first alone");
}
END_TEST

/* What a CONNACK says; the clock is put forward by what is waited for. */
static const struct {
        uint8_t reason;
        bool never_gives_up;
        bool is_fatal;
        bool stops;
} connacks[] = {
        { SERVER_UNAVAILABLE, false, false, false }, { QUOTA_EXCEEDED, false, false, false },
        { UNSUPPORTED_VERSION, false, true, true },  { UNSUPPORTED_VERSION, true, true, false },
        { NOT_AUTHORIZED, false, true, true },
};

START_TEST(a_refusal_is_fatal_or_not) {
        MqttRunnerEvent event;

        world.config.never_gives_up = connacks[_i].never_gives_up;
        make(&world);
        peer_script(world.peer, PEER_CONNECT, (PeerAnswer){ .reason = connacks[_i].reason });
        start(&world);
        if (connacks[_i].stops) {
                event = expect(&world, MQTT_RUNNER_STOPPED);
                ck_assert(event.stopped.is_fatal);
                ck_assert_int_eq(event.stopped.loss, AZ_BROKER_LOSS_REFUSED);
                ck_assert_uint_eq(event.stopped.reason_code, connacks[_i].reason);
                ck_assert_str_ne(event.stopped.text, "");
                return;
        }
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_REFUSED);
        ck_assert_uint_eq(event.disconnected.reason_code, connacks[_i].reason);
        ck_assert(!event.disconnected.was_connected);
        ck_assert(event.disconnected.is_fatal == connacks[_i].is_fatal);
        ck_assert_uint_gt(event.disconnected.delay_us, 0);
        world.ahead_us += event.disconnected.delay_us;
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
}
END_TEST

static const struct {
        uint8_t reason;
        bool stops;
} disconnects[] = {
        { SHUTTING_DOWN, false },
        { QUOTA_EXCEEDED, false },
        { TAKEN_OVER, true },
};

START_TEST(the_end_that_a_server_makes_is_fatal_or_not) {
        MqttRunnerEvent event;

        make_connected(&world);
        peer_send(world.peer, PEER_DISCONNECT, disconnects[_i].reason, NULL, 0);
        peer_close(world.peer);
        if (disconnects[_i].stops) {
                event = expect(&world, MQTT_RUNNER_STOPPED);
                ck_assert_uint_eq(event.stopped.reason_code, disconnects[_i].reason);
                return;
        }
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_DISCONNECTED);
        ck_assert_uint_eq(event.disconnected.reason_code, disconnects[_i].reason);
        ck_assert(event.disconnected.was_connected);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
}
END_TEST

START_TEST(a_server_that_is_not_there_is_tried_less_and_less_often) {
        uint64_t before_us = 0;

        make(&world);
        peer_refuse(world.peer, true);
        start(&world);
        for (unsigned i = 0; i < 8; i++) {
                MqttRunnerEvent event = expect(&world, MQTT_RUNNER_DISCONNECTED);

                ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_TCP);
                ck_assert_uint_ge(event.disconnected.delay_us, before_us);
                before_us = event.disconnected.delay_us;
                world.ahead_us += before_us;
        }
        peer_refuse(world.peer, false);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
}
END_TEST

START_TEST(no_connack_in_time_is_a_loss) {
        MqttRunnerEvent event;

        make(&world);
        peer_ignore(world.peer, PEER_CONNECT, true);
        start(&world);
        (void) expect_packet(&world, PEER_CONNECT, 1);
        world.ahead_us += 31 * USEC_PER_SEC;
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_TIMEOUT);
        ck_assert_str_ne(event.disconnected.text, "");
}
END_TEST

START_TEST(another_client_with_its_id_ends_it) {
        MqttRunnerEvent event;

        make_connected(&world);
        peer_close(world.peer);
        while ((event = next(&world)).type != MQTT_RUNNER_STOPPED) {
                if (event.type == MQTT_RUNNER_DISCONNECTED)
                        world.ahead_us += event.disconnected.delay_us;
                else
                        peer_close(world.peer);
        }
        ck_assert_int_eq(event.stopped.loss, AZ_BROKER_LOSS_RIVAL);
        ck_assert_ptr_nonnull(strstr(event.stopped.text, "'dev'"));
        ck_assert_uint_eq(peer_n_connections(world.peer), world.config.rival_links);
}
END_TEST

START_TEST(a_stop_ends_the_session_or_keeps_it) {
        const PeerPacket *disconnect;
        MqttRunnerEvent event;

        make_connected(&world);
        ck_assert_int_eq(mqtt_runner_stop(world.runner, _i == 0, now_us(&world)), 0);
        event = expect(&world, MQTT_RUNNER_STOPPED);
        ck_assert(!event.stopped.is_fatal);
        disconnect = peer_get(world.peer, PEER_DISCONNECT, 0);
        ck_assert_ptr_nonnull(disconnect);
        ck_assert_uint_eq(disconnect->reason, 0);
        if (_i == 0)
                ck_assert_uint_eq(number_of(disconnect, PEER_SESSION_EXPIRY), 0);
        else
                ck_assert_ptr_null(peer_packet_find(disconnect, PEER_SESSION_EXPIRY));
        ck_assert_int_eq(mqtt_runner_stop(world.runner, true, now_us(&world)), -EALREADY);

        start(&world);
        event = expect(&world, MQTT_RUNNER_CONNECTED);
        ck_assert(event.connected.session_present == (_i == 1));
}
END_TEST

START_TEST(a_session_that_the_server_has_lost_is_fatal) {
        MqttRunnerEvent event;

        make_connected(&world);
        peer_ignore(world.peer, PEER_PUBLISH, true);
        ck_assert_int_eq(publish(&world, "a", 1), 0);
        (void) expect_packet(&world, PEER_PUBLISH, 1);
        peer_forget_session(world.peer);
        peer_close(world.peer);
        (void) expect(&world, MQTT_RUNNER_DISCONNECTED);
        expect_published(&world, 1, AZ_BROKER_RESULT_STOPPED, 0);
        event = expect(&world, MQTT_RUNNER_STOPPED);
        ck_assert(event.stopped.is_fatal);
        ck_assert_int_eq(event.stopped.loss, AZ_BROKER_LOSS_SESSION);
        ck_assert_uint_eq(number_of(peer_get(world.peer, PEER_DISCONNECT, 0), PEER_SESSION_EXPIRY), 0);
}
END_TEST

START_TEST(or_it_is_begun_anew) {
        const PeerPacket *packet;

        world.config.resubscribes = true;
        make_connected(&world);
        subscribe(&world, "in/+", 1);
        expect_subscribed(&world, 1, AZ_BROKER_RESULT_OK);
        peer_ignore(world.peer, PEER_PUBLISH, true);
        ck_assert_int_eq(publish(&world, "out", 2), 0);
        (void) expect_packet(&world, PEER_PUBLISH, 1);

        peer_forget_session(world.peer);
        peer_close(world.peer);
        peer_ignore(world.peer, PEER_PUBLISH, false);
        (void) expect(&world, MQTT_RUNNER_DISCONNECTED);
        (void) expect(&world, MQTT_RUNNER_SESSION_LOST);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        expect_published(&world, 2, AZ_BROKER_RESULT_OK, 0);
        packet = peer_get(world.peer, PEER_PUBLISH, 1);
        ck_assert_msg(!packet->message.dup, "to this session it is new");
        ck_assert_span_eq(peer_get(world.peer, PEER_SUBSCRIBE, 1)->filters[0].filter, "in/+");
}
END_TEST

/* ---- Credentials ---- */

START_TEST(a_token_goes_out_as_it_is_and_again_when_it_changes) {
        const PeerPacket *packet;

        replace_file(world.path, "token 1\n");
        world.config.token_file = world.path;
        make_connected(&world);
        packet = peer_get(world.peer, PEER_CONNECT, 0);
        ck_assert_span_eq(property_of(packet, PEER_AUTHENTICATION_METHOD), "K8S-SAT");
        ck_assert_span_eq(property_of(packet, PEER_AUTHENTICATION_DATA), "token 1\n");

        replace_file(world.path, "token 1\n");
        world.ahead_us += USEC_PER_SEC;
        expect_nothing(&world);
        ck_assert_msg(peer_count(world.peer, PEER_AUTH) == 0, "it is the same");

        replace_file(world.path, "token 2");
        expect_nothing(&world);
        world.ahead_us += USEC_PER_SEC;
        (void) expect(&world, MQTT_RUNNER_REAUTHENTICATED);
        packet = peer_get(world.peer, PEER_AUTH, 0);
        ck_assert_uint_eq(packet->reason, MQTT_AUTH_REAUTHENTICATE);
        ck_assert_span_eq(property_of(packet, PEER_AUTHENTICATION_METHOD), "K8S-SAT");
        ck_assert_span_eq(property_of(packet, PEER_AUTHENTICATION_DATA), "token 2");
        ck_assert_uint_eq(peer_n_connections(world.peer), 1);
}
END_TEST

START_TEST(a_token_that_is_not_taken_is_shown_again_by_a_new_connection) {
        MqttRunnerEvent event;

        replace_file(world.path, "token 1");
        world.config.token_file = world.path;
        make_connected(&world);
        peer_script(world.peer, PEER_AUTH, (PeerAnswer){ .action = PEER_CLOSE });
        replace_file(world.path, "token 2");
        expect_nothing(&world);
        world.ahead_us += USEC_PER_SEC;
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_REAUTHENTICATION);
        ck_assert_uint_eq(event.disconnected.delay_us, 0);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        ck_assert_span_eq(property_of(peer_get(world.peer, PEER_CONNECT, 1), PEER_AUTHENTICATION_DATA),
                          "token 2");
}
END_TEST

START_TEST(a_server_that_wants_to_see_more_is_shown_the_token_again) {
        const PeerProperty method = { .id = PEER_AUTHENTICATION_METHOD, .value = str("K8S-SAT") };
        const PeerPacket *packet;

        replace_file(world.path, "token 1");
        world.config.token_file = world.path;
        make(&world);
        peer_ignore(world.peer, PEER_CONNECT, true);
        peer_ignore(world.peer, PEER_AUTH, true);
        start(&world);
        packet = expect_packet(&world, PEER_CONNECT, 1);
        replace_file(world.path, "token 2");
        peer_send(world.peer, PEER_AUTH, MQTT_AUTH_CONTINUE, &method, 1);
        ck_assert_span_eq(property_of(expect_packet(&world, PEER_AUTH, 1), PEER_AUTHENTICATION_DATA),
                          "token 2");
        ck_assert_uint_eq(peer_get(world.peer, PEER_AUTH, 0)->reason, MQTT_AUTH_CONTINUE);
        peer_answer(world.peer, packet, (PeerAnswer){ .properties = &method, .n_properties = 1 });
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
}
END_TEST

/* MQTT 5.0, 4.12: it ends with "Success", and nothing else is allowed. */
START_TEST(a_server_that_says_something_else_has_not_taken_the_token) {
        const PeerProperty method = { .id = PEER_AUTHENTICATION_METHOD, .value = str("K8S-SAT") };
        MqttRunnerEvent event;

        replace_file(world.path, "token 1");
        world.config.token_file = world.path;
        make_connected(&world);
        peer_ignore(world.peer, PEER_AUTH, true);
        replace_file(world.path, "token 2");
        (void) expect_packet(&world, PEER_AUTH, 1);
        peer_send(world.peer, PEER_AUTH, NOT_AUTHORIZED, &method, 1);
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_PROTOCOL);
        ck_assert_ptr_nonnull(strstr(event.disconnected.text, "0x87"));
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
}
END_TEST

START_TEST(a_token_that_is_refused_is_read_again) {
        MqttRunnerEvent event;

        replace_file(world.path, "token 1");
        world.config.token_file = world.path;
        make(&world);
        peer_script(world.peer, PEER_CONNECT, (PeerAnswer){ .reason = NOT_AUTHORIZED });
        start(&world);
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_uint_eq(event.disconnected.reason_code, NOT_AUTHORIZED);
        ck_assert(!event.disconnected.is_fatal);
        replace_file(world.path, "token 2");
        expect_nothing(&world);
        world.ahead_us += 600 * USEC_PER_MSEC;
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        ck_assert_span_eq(property_of(peer_get(world.peer, PEER_CONNECT, 1), PEER_AUTHENTICATION_DATA),
                          "token 2");
}
END_TEST

START_TEST(without_its_token_file_it_waits) {
        MqttRunnerEvent event;

        world.config.token_file = world.path;
        make(&world);
        start(&world);
        event = expect(&world, MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.disconnected.loss, AZ_BROKER_LOSS_FILE);
        ck_assert_ptr_nonnull(strstr(event.disconnected.text, "secret"));
        replace_file(world.path, "token 1");
        do
                event = next(&world);
        while (event.type == MQTT_RUNNER_DISCONNECTED);
        ck_assert_int_eq(event.type, MQTT_RUNNER_CONNECTED);
}
END_TEST

START_TEST(a_password_is_a_line_and_a_new_one_needs_a_new_connection) {
        const PeerPacket *packet;

        replace_file(world.path, "secret 1\n");
        world.config.user_name = "user";
        world.config.password_file = world.path;
        make_connected(&world);
        packet = peer_get(world.peer, PEER_CONNECT, 0);
        ck_assert_span_eq(packet->user_name, "user");
        ck_assert_span_eq(packet->password, "secret 1");

        /* It waits for what is under way. */
        peer_ignore(world.peer, PEER_PUBLISH, true);
        ck_assert_int_eq(publish(&world, "a", 1), 0);
        (void) expect_packet(&world, PEER_PUBLISH, 1);
        replace_file(world.path, "secret 2\n");
        expect_nothing(&world);
        world.ahead_us += USEC_PER_SEC;
        (void) expect(&world, MQTT_RUNNER_RENEWING);
        expect_nothing(&world);
        ck_assert_uint_eq(peer_count(world.peer, PEER_DISCONNECT), 0);
        peer_answer(world.peer, peer_get(world.peer, PEER_PUBLISH, 0), (PeerAnswer){ .reason = 0 });
        expect_published(&world, 1, AZ_BROKER_RESULT_OK, 0);
        (void) expect(&world, MQTT_RUNNER_CONNECTED);
        ck_assert_uint_eq(peer_count(world.peer, PEER_DISCONNECT), 1);
        ck_assert_span_eq(peer_get(world.peer, PEER_CONNECT, 1)->password, "secret 2");
}
END_TEST

START_TEST(a_connection_is_renewed_for_what_was_not_acknowledged) {
        const az_mqtt_message message = { .topic = str("a"), .payload = str("x"), .qos = 1 };

        make_connected(&world);
        (void) peer_publish(world.peer, &message, 0);
        (void) expect(&world, MQTT_RUNNER_MESSAGE);
        mqtt_runner_renew(world.runner, now_us(&world));
        (void) expect(&world, MQTT_RUNNER_RENEWING);
        mqtt_runner_renew(world.runner, now_us(&world)); /* it is */
        world.ahead_us += 5 * USEC_PER_SEC;
        ck_assert(expect(&world, MQTT_RUNNER_CONNECTED).connected.session_present);
        expect_nothing(&world);
}
END_TEST

/* ---- Making ---- */

START_TEST(a_configuration_that_makes_no_sense_is_refused) {
        MqttRunnerConfig bad[] = { world.config, world.config, world.config, world.config,
                                   world.config, world.config, world.config, world.config,
                                   world.config, world.config, world.config, world.config };

        bad[0].host = NULL;
        bad[1].client_id = "";
        bad[2].port = 0;
        bad[3].keep_alive_s = 0;
        bad[4].token_file = "relative";
        bad[5].token_file = "/a", bad[5].password_file = "/a";
        bad[6].receive_max = 0;
        bad[7].private_key_file = "/a";
        bad[8].window = 0;
        bad[9].window = MQTT_WINDOW_LIMIT + 1;
        bad[10].n_waiting = 0;
        bad[11].token_file = "/a", bad[11].token_method = NULL;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                int r = mqtt_runner_new(&world.runner, &bad[i]);

                ck_assert_msg(r == -EINVAL, "%zu: %d", i, r);
        }
}
END_TEST

START_TEST(a_directory_of_its_own_goes_with_it) {
        struct stat st;

        ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", world.dir, 1), 0);
        world.config.runtime_dir = NULL;
        make_connected(&world);
        world.runner = mqtt_runner_free(world.runner);
        ck_assert_int_eq(stat(world.dir, &st), 0);
        ck_assert_msg(st.st_nlink == 2, "a directory is left in it");
}
END_TEST

START_TEST(each_event_has_a_name) {
        CHECK_NAMES(mqtt_runner_event_type_to_string, _MQTT_RUNNER_EVENT_MAX);
}
END_TEST

static Suite *mqtt_runner_suite(void) {
        Suite *s = suite_create("mqtt-runner");
        TCase *t = tcase_create("runner");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, connect_says_what_the_configuration_says);
        tcase_add_loop_test(t, a_refusal_is_fatal_or_not, 0, ELEMENTSOF(connacks));
        tcase_add_loop_test(t, the_end_that_a_server_makes_is_fatal_or_not, 0, ELEMENTSOF(disconnects));
        tcase_add_test(t, a_server_that_is_not_there_is_tried_less_and_less_often);
        tcase_add_test(t, no_connack_in_time_is_a_loss);
        tcase_add_test(t, another_client_with_its_id_ends_it);
        tcase_add_loop_test(t, a_stop_ends_the_session_or_keeps_it, 0, 2);
        tcase_add_test(t, a_session_that_the_server_has_lost_is_fatal);
        tcase_add_test(t, or_it_is_begun_anew);
        tcase_add_test(t, a_token_goes_out_as_it_is_and_again_when_it_changes);
        tcase_add_test(t, a_token_that_is_not_taken_is_shown_again_by_a_new_connection);
        tcase_add_test(t, a_server_that_wants_to_see_more_is_shown_the_token_again);
        tcase_add_test(t, a_server_that_says_something_else_has_not_taken_the_token);
        tcase_add_test(t, a_token_that_is_refused_is_read_again);
        tcase_add_test(t, without_its_token_file_it_waits);
        tcase_add_test(t, a_password_is_a_line_and_a_new_one_needs_a_new_connection);
        tcase_add_test(t, a_connection_is_renewed_for_what_was_not_acknowledged);
        tcase_add_test(t, a_configuration_that_makes_no_sense_is_refused);
        tcase_add_test(t, a_directory_of_its_own_goes_with_it);
        tcase_add_test(t, each_event_has_a_name);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_runner_suite)
