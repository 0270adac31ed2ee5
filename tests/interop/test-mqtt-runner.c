/* SPDX-License-Identifier: MIT */

/* The runner against a scripted server: what it sends, and what it makes of what comes. */

#include <mqtt/runner.h>

#include <poll.h>
#include <sys/stat.h>

#include "tests/peer/peer.h"
#include "tests/unit/unit-span.h"

#define LIMIT_US (10 * USEC_PER_SEC)

/* Reason codes (MQTT 5.0, 2.4). */
enum {
        NO_MATCHING_SUBSCRIBERS = 0x10,
        UNSUPPORTED_VERSION = 0x84,
        NOT_AUTHORIZED = 0x87,
        SERVER_UNAVAILABLE = 0x88,
        SHUTTING_DOWN = 0x8B,
        TAKEN_OVER = 0x8E,
        PACKET_TOO_LARGE = 0x95,
        QUOTA_EXCEEDED = 0x97,
};

/* A server, a client, and a clock that can be put forward. */
typedef struct World {
        Peer *peer;
        MqttRunner *runner;
        MqttRunnerConfig config;
        uint64_t ahead_us;
        char dir[32], path[64];
} World;

static World world;

static uint64_t now_us(const World *w) {
        return boottime_us() + w->ahead_us;
}

static void set_up(void) {
        world = (World){ .dir = "/tmp/test-mqtt-runner-XXXXXX", .config = mqtt_runner_config_default() };
        ck_assert_ptr_nonnull(mkdtemp(world.dir));
        (void) snprintf(world.path, sizeof(world.path), "%s/secret", world.dir);
        world.peer = peer_new();
        world.config.host = "127.0.0.1";
        world.config.port = peer_get_port(world.peer);
        world.config.no_tls = true;
        world.config.client_id = "dev";
        world.config.runtime_dir = world.dir;
        world.config.random_seed = 42;
}

static void tear_down(void) {
        world.runner = mqtt_runner_free(world.runner);
        world.peer = peer_free(world.peer);
        (void) unlink(world.path);
        (void) rmdir(world.dir);
}

static void make(World *w) {
        ck_assert_int_eq(mqtt_runner_new(&w->runner, &w->config), 0);
}

/* One turn of a loop that would serve both. */
static void turn(World *w) {
        struct pollfd fds[] = { { .fd = mqtt_runner_get_fd(w->runner), .events = POLLIN },
                                { .fd = peer_get_fd(w->peer), .events = POLLIN } };
        uint64_t deadline_us = mqtt_runner_deadline_us(w->runner);
        bool is_due = deadline_us <= now_us(w);

        (void) poll(fds, ELEMENTSOF(fds), is_due ? 0 : 10);
        peer_dispatch(w->peer);
        ck_assert_int_eq(mqtt_runner_dispatch(w->runner, now_us(w)), 0);
}

static MqttRunnerEvent next(World *w) {
        uint64_t until_us = boottime_us() + LIMIT_US;
        MqttRunnerEvent event;

        while (!mqtt_runner_next_event(w->runner, &event)) {
                ck_assert_msg(boottime_us() < until_us, "no event");
                turn(w);
        }
        return event;
}

static MqttRunnerEvent expect(World *w, MqttRunnerEventType type) {
        MqttRunnerEvent event = next(w);

        ck_assert_msg(event.type == type, "%s, not %s", mqtt_runner_event_type_to_string(event.type),
                      mqtt_runner_event_type_to_string(type));
        return event;
}

/* Runs until the server has seen so many packets of the type; no event may come. */
static const PeerPacket *expect_packet(World *w, PeerPacketType type, size_t n) {
        uint64_t until_us = boottime_us() + LIMIT_US;
        MqttRunnerEvent event;

        while (peer_count(w->peer, type) < n) {
                ck_assert_msg(boottime_us() < until_us, "no packet");
                turn(w);
                ck_assert_msg(!mqtt_runner_next_event(w->runner, &event), "an event: %s",
                              mqtt_runner_event_type_to_string(event.type));
        }
        return peer_get(w->peer, type, n - 1);
}

static void expect_nothing(World *w) {
        uint64_t until_us = boottime_us() + 50 * USEC_PER_MSEC;
        MqttRunnerEvent event;

        while (boottime_us() < until_us) {
                turn(w);
                ck_assert_msg(!mqtt_runner_next_event(w->runner, &event), "an event: %s",
                              mqtt_runner_event_type_to_string(event.type));
        }
}

static void start(World *w) {
        ck_assert_int_eq(mqtt_runner_start(w->runner, now_us(w)), 0);
}

static void make_connected(World *w) {
        make(w);
        start(w);
        (void) expect(w, MQTT_RUNNER_CONNECTED);
}

static void reconnect(World *w) {
        peer_close(w->peer);
        (void) expect(w, MQTT_RUNNER_DISCONNECTED);
        (void) expect(w, MQTT_RUNNER_CONNECTED);
}

static int publish(World *w, const char *topic, uint64_t token) {
        const az_mqtt_message message = { .topic = str(topic), .payload = str("payload"), .qos = 1 };

        return mqtt_runner_publish(w->runner, &message, token, now_us(w));
}

static void expect_published(World *w, uint64_t token, az_broker_result result, uint8_t reason_code) {
        MqttRunnerEvent event = expect(w, MQTT_RUNNER_PUBLISHED);

        ck_assert_uint_eq(event.published.token, token);
        ck_assert_int_eq(event.published.result, result);
        ck_assert_uint_eq(event.published.reason_code, reason_code);
}

static void subscribe(World *w, const char *filter, uint64_t token) {
        const MqttFilter f = { .filter = str(filter), .qos = 1 };

        ck_assert_int_eq(mqtt_runner_subscribe(w->runner, &f, token), 0);
}

static void expect_subscribed(World *w, uint64_t token, az_broker_result result) {
        MqttRunnerEvent event = expect(w, MQTT_RUNNER_SUBSCRIBED);

        ck_assert_uint_eq(event.subscribed.token, token);
        ck_assert_int_eq(event.subscribed.result, result);
}

/* As who rotates credentials does it: all at once. */
static void replace_file(const char *path, const char *text) {
        char beside[80];
        FILE *f;

        (void) snprintf(beside, sizeof(beside), "%s.new", path);
        f = fopen(beside, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(rename(beside, path), 0);
}

static az_span property_of(const PeerPacket *packet, PeerPropertyId id) {
        const PeerProperty *p = peer_packet_find(packet, id);

        ck_assert_ptr_nonnull(p);
        return p->value;
}

static uint32_t number_of(const PeerPacket *packet, PeerPropertyId id) {
        const PeerProperty *p = peer_packet_find(packet, id);

        ck_assert_ptr_nonnull(p);
        return p->number;
}

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
        tcase_add_loop_test(t, a_stop_ends_the_session_or_keeps_it, 0, 2);
        tcase_add_test(t, a_session_that_the_server_has_lost_is_fatal);
        tcase_add_test(t, or_it_is_begun_anew);
        tcase_add_test(t, a_message_arrives_with_all_that_it_has);
        tcase_add_test(t, what_is_published_offline_leaves_in_order_with_what_is_left_of_its_time);
        tcase_add_test(t, what_was_not_acknowledged_is_sent_again_as_it_was);
        tcase_add_test(t, a_puback_says_how_a_message_came_out);
        tcase_add_test(t, a_message_that_the_server_does_not_take_is_told);
        tcase_add_test(t, no_more_is_under_way_than_the_server_wants);
        tcase_add_test(t, a_queue_that_is_full_says_so_and_when_it_is_not);
        tcase_add_loop_test(t, or_drops_the_oldest_or_the_newest, 0, 2);
        tcase_add_loop_test(t, nobody_listens_and_nothing_grows, 0, _AZ_BROKER_WHEN_FULL_MAX);
        tcase_add_test(t, acknowledgements_leave_in_the_order_of_the_messages);
        tcase_add_test(t, an_acknowledgement_of_an_earlier_connection_is_none);
        tcase_add_test(t, a_subscription_comes_and_goes);
        tcase_add_test(t, a_subscription_is_asked_for_until_it_is_answered);
        tcase_add_test(t, a_subscription_that_is_refused_is_told);
        tcase_add_test(t, filters_that_mqtt_does_not_allow_are_refused);
        tcase_add_test(t, a_token_goes_out_as_it_is_and_again_when_it_changes);
        tcase_add_test(t, a_token_that_is_not_taken_is_shown_again_by_a_new_connection);
        tcase_add_test(t, a_token_that_is_refused_is_read_again);
        tcase_add_test(t, without_its_token_file_it_waits);
        tcase_add_test(t, a_password_is_a_line_and_a_new_one_needs_a_new_connection);
        tcase_add_test(t, a_configuration_that_makes_no_sense_is_refused);
        tcase_add_test(t, a_directory_of_its_own_goes_with_it);
        tcase_add_test(t, each_event_has_a_name);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_runner_suite)
