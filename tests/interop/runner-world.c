/* SPDX-License-Identifier: MIT */
#include "runner-world.h"

#include <poll.h>

#define LIMIT_US (10 * USEC_PER_SEC)

World world;

uint64_t now_us(const World *w) {
        return boottime_us() + w->ahead_us;
}

void set_up(void) {
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

void tear_down(void) {
        world.runner = mqtt_runner_free(world.runner);
        world.peer = peer_free(world.peer);
        (void) unlink(world.path);
        (void) rmdir(world.dir);
}

void make(World *w) {
        ck_assert_int_eq(mqtt_runner_new(&w->runner, &w->config), 0);
}

void turn(World *w) {
        struct pollfd fds[] = { { .fd = mqtt_runner_get_fd(w->runner), .events = POLLIN },
                                { .fd = peer_get_fd(w->peer), .events = POLLIN } };
        uint64_t deadline_us = mqtt_runner_deadline_us(w->runner);
        bool is_due = deadline_us <= now_us(w);

        (void) poll(fds, ELEMENTSOF(fds), is_due ? 0 : 10);
        peer_dispatch(w->peer);
        ck_assert_int_eq(mqtt_runner_dispatch(w->runner, now_us(w)), 0);
}

MqttRunnerEvent next(World *w) {
        uint64_t until_us = boottime_us() + LIMIT_US;
        MqttRunnerEvent event;

        while (!mqtt_runner_next_event(w->runner, &event)) {
                ck_assert_msg(boottime_us() < until_us, "no event");
                turn(w);
        }
        return event;
}

MqttRunnerEvent expect(World *w, MqttRunnerEventType type) {
        MqttRunnerEvent event = next(w);

        ck_assert_msg(event.type == type, "%s, not %s", mqtt_runner_event_type_to_string(event.type),
                      mqtt_runner_event_type_to_string(type));
        return event;
}

const PeerPacket *expect_packet(World *w, PeerPacketType type, size_t n) {
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

void expect_nothing(World *w) {
        uint64_t until_us = boottime_us() + 50 * USEC_PER_MSEC;
        MqttRunnerEvent event;

        while (boottime_us() < until_us) {
                turn(w);
                ck_assert_msg(!mqtt_runner_next_event(w->runner, &event), "an event: %s",
                              mqtt_runner_event_type_to_string(event.type));
        }
}

void start(World *w) {
        ck_assert_int_eq(mqtt_runner_start(w->runner, now_us(w)), 0);
}

void make_connected(World *w) {
        make(w);
        start(w);
        (void) expect(w, MQTT_RUNNER_CONNECTED);
}

void reconnect(World *w) {
        peer_close(w->peer);
        (void) expect(w, MQTT_RUNNER_DISCONNECTED);
        (void) expect(w, MQTT_RUNNER_CONNECTED);
}

int publish(World *w, const char *topic, uint64_t token) {
        const az_mqtt_message message = { .topic = str(topic), .payload = str("payload"), .qos = 1 };

        return mqtt_runner_publish(w->runner, &message, token, now_us(w));
}

void expect_published(World *w, uint64_t token, az_broker_result result, uint8_t reason_code) {
        MqttRunnerEvent event = expect(w, MQTT_RUNNER_PUBLISHED);

        ck_assert_uint_eq(event.published.token, token);
        ck_assert_int_eq(event.published.result, result);
        ck_assert_uint_eq(event.published.reason_code, reason_code);
}

void subscribe(World *w, const char *filter, uint64_t token) {
        const MqttFilter f = { .filter = str(filter), .qos = 1 };

        ck_assert_int_eq(mqtt_runner_subscribe(w->runner, &f, token), 0);
}

void expect_subscribed(World *w, uint64_t token, az_broker_result result) {
        MqttRunnerEvent event = expect(w, MQTT_RUNNER_SUBSCRIBED);

        ck_assert_uint_eq(event.subscribed.token, token);
        ck_assert_int_eq(event.subscribed.result, result);
}

void replace_file(const char *path, const char *text) {
        char beside[80];
        FILE *f;

        (void) snprintf(beside, sizeof(beside), "%s.new", path);
        f = fopen(beside, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(rename(beside, path), 0);
}

az_span property_of(const PeerPacket *packet, PeerPropertyId id) {
        const PeerProperty *p = peer_packet_find(packet, id);

        ck_assert_ptr_nonnull(p);
        return p->value;
}

uint32_t number_of(const PeerPacket *packet, PeerPropertyId id) {
        const PeerProperty *p = peer_packet_find(packet, id);

        ck_assert_ptr_nonnull(p);
        return p->number;
}
