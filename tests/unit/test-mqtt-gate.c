/* SPDX-License-Identifier: MIT */

#include "gate-fixture.h"

static MqttGate gate_new(unsigned receive_max) {
        const MqttGateConfig config = {
                .max_packet_bytes = 2000,
                .receive_max = receive_max,
                .keep_alive_us = KEEP_ALIVE,
                .ping_timeout_us = 15 * USEC_PER_SEC,
                .puback_timeout_us = 60 * USEC_PER_SEC,
        };
        MqttGate g;

        ck_assert_int_eq(mqtt_gate_init(&g, &config, T0), 0);
        return g;
}

/* A QoS 1 message to us with this packet id, handled and acknowledged by libmosquitto. */
static void receive(MqttGate *g, uint8_t packet_id) {
        uint8_t buffer[64];

        ck_assert_int_eq(feed_network(g, BYTES(0x32, 5, 0, 1, 't', 0, packet_id), T0), 0);
        ck_assert_uint_eq(take_local(g, buffer), 7);
        feed_local(g, BYTES(0x40, 2, 0, packet_id), T0);
}

/* Lets the gate's timers fire as they are due, up to and including 'until_us'. */
static int run_until(MqttGate *g, uint64_t until_us, unsigned *n_fired) {
        int r = 0;

        *n_fired = 0;
        while (r == 0 && mqtt_gate_deadline_us(g) <= until_us) {
                r = mqtt_gate_run_due(g, mqtt_gate_deadline_us(g), &fault);
                ++*n_fired;
        }
        return r;
}

static MqttGate gate_new_connected(unsigned receive_max) {
        MqttGate g = gate_new(receive_max);
        uint8_t buffer[64];

        feed_local(&g, BYTES(0x10, 4, 'C', 'O', 'N', 'N'), T0);
        (void) take_network(&g, buffer, T0);
        ck_assert_int_eq(feed_network(&g, BYTES(0x20, 2, 0, 0), T0), 0);
        (void) take_local(&g, buffer);
        return g;
}

/* ---- Framing ---- */

/* Packets of every inbound kind; the PINGRESPs are not for libmosquitto. LAST_BODY bytes follow. */
#define LAST_BODY 195

static const uint8_t inbound[] = {
        0x20, 2,    1, 0, 0xd0, 0,    0x30, 4,    0,    1,    't', 'x', 0xd0, 0, 0xd0, 0,
        0x32, 6,    0, 1, 't',  0,    7,    'y',  0x40, 2,    0,   9,   0x90, 3, 0,    1,
        0x80, 0xb0, 2, 0, 2,    0xd0, 0,    0x3a, 0xc8, 0x01, 0,   1,   't',  0, 8,
};
static const uint8_t inbound_passed[] = {
        0x20, 2, 1,    0, 0x30, 4, 0,    1,    't', 'x', 0x32, 6,    0,    1,    't', 0, 7,   'y', 0x40, 2,
        0,    9, 0x90, 3, 0,    1, 0x80, 0xb0, 2,   0,   2,    0x3a, 0xc8, 0x01, 0,   1, 't', 0,   8,
};

static void assert_inbound_passes(const uint8_t *stream, size_t n_stream, size_t n_chunk) {
        uint8_t passed[512], expected[512] = { 0 };
        size_t n_passed = 0;
        MqttGate g = gate_new(8);
        bool is_dup;

        memcpy(expected, inbound_passed, sizeof(inbound_passed));
        for (size_t i = 0; i < n_stream; i += n_chunk) {
                ck_assert_int_eq(feed_network(&g, stream + i, MIN(n_chunk, n_stream - i), T0), 0);
                n_passed += take_local(&g, passed + n_passed);
        }
        ck_assert_uint_eq(n_passed, sizeof(inbound_passed) + LAST_BODY);
        ck_assert_mem_eq(passed, expected, n_passed);
        ck_assert(!mqtt_gate_is_mid_packet(&g));
        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 0);
        ck_assert(!is_dup);
        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 1);
        ck_assert(is_dup);
        mqtt_gate_done(&g);
}

START_TEST(inbound_packets_pass_in_any_split) {
        uint8_t stream[sizeof(inbound) + LAST_BODY] = { 0 };

        memcpy(stream, inbound, sizeof(inbound));
        for (size_t n_chunk = 1; n_chunk <= sizeof(stream); n_chunk++)
                assert_inbound_passes(stream, sizeof(stream), n_chunk);
}
END_TEST

/* CONNECT, PUBACK 7, SUBSCRIBE, PUBLISH QoS 1, PUBACK 8, UNSUBSCRIBE; the PUBACKs stay. */
static const uint8_t outbound[] = {
        0x10, 3, 'C', 'O', 'N', 0x40, 2,    0, 7, 0x82, 3,    0, 1, 't', 0x32,
        5,    0, 1,   't', 0,   2,    0x40, 2, 0, 8,    0xa2, 2, 0, 3,
};
static const uint8_t outbound_passed[] = {
        0x10, 3, 'C', 'O', 'N', 0x82, 3, 0, 1, 't', 0x32, 5, 0, 1, 't', 0, 2, 0xa2, 2, 0, 3,
};

static void assert_outbound_passes(size_t n_chunk) {
        uint8_t passed[sizeof(outbound)];
        size_t n_passed = 0;
        MqttGate g = gate_new(8);

        ck_assert_int_eq(feed_network(&g, inbound, sizeof(inbound), T0), 0);
        for (size_t i = 0; i < sizeof(outbound); i += n_chunk) {
                feed_local(&g, outbound + i, MIN(n_chunk, sizeof(outbound) - i), T0);
                n_passed += take_network(&g, passed + n_passed, T0);
        }
        ck_assert_uint_eq(n_passed, sizeof(outbound_passed));
        ck_assert_mem_eq(passed, outbound_passed, n_passed);

        mqtt_gate_release(&g, 0, 0);
        mqtt_gate_release(&g, 1, 0);
        assert_network(&g, BYTES(0x40, 2, 0, 7, 0x40, 2, 0, 8), T0);
        mqtt_gate_done(&g);
}

START_TEST(inbound_packets_pass_a_few_at_a_time) {
        static const size_t sizes[] = { 32, 32, 16, 0 };
        MqttGate g = gate_new_connected(4);
        uint8_t bytes[80], buffer[80];

        for (size_t i = 0; i < sizeof(bytes); i += 4)
                memcpy(bytes + i, (const uint8_t[]){ 0x40, 2, 0, (uint8_t) (i / 4) }, 4);
        ck_assert_int_eq(feed_network(&g, bytes, sizeof(bytes), T0), 0);
        for (size_t i = 0, n = 0; i < ELEMENTSOF(sizes); n += sizes[i++]) {
                ck_assert_uint_eq(take_local(&g, buffer), sizes[i]);
                ck_assert_mem_eq(buffer, bytes + n, sizes[i]);
                ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        }
        ck_assert(!mqtt_gate_is_mid_packet(&g));
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(outbound_packets_pass_in_any_split_and_pubacks_stay) {
        for (size_t n_chunk = 1; n_chunk <= sizeof(outbound); n_chunk++)
                assert_outbound_passes(n_chunk);
}
END_TEST

static const struct {
        size_t n;
        uint8_t bytes[6];
        MqttLost cause;
} refused[] = {
        { 2, { 0x00, 0 }, MQTT_LOST_PROTOCOL }, /* reserved */
        { 2, { 0x10, 2 }, MQTT_LOST_PROTOCOL }, /* CONNECT */
        { 2, { 0x50, 2 }, MQTT_LOST_PROTOCOL }, /* PUBREC: nothing of ours is QoS 2 */
        { 2, { 0x62, 2 }, MQTT_LOST_PROTOCOL }, /* PUBREL */
        { 2, { 0x82, 5 }, MQTT_LOST_PROTOCOL }, /* SUBSCRIBE */
        { 2, { 0xc0, 0 }, MQTT_LOST_PROTOCOL }, /* PINGREQ */
        { 2, { 0xe0, 0 }, MQTT_LOST_PROTOCOL }, /* DISCONNECT: not from a 3.1.1 server */
        { 2, { 0xf0, 0 }, MQTT_LOST_PROTOCOL }, /* AUTH */
        { 2, { 0x34, 9 }, MQTT_LOST_PROTOCOL }, /* QoS 2 */
        { 2, { 0x36, 9 }, MQTT_LOST_PROTOCOL }, /* QoS 3 */
        { 2, { 0x21, 2 }, MQTT_LOST_PROTOCOL }, /* flags where there are none */
        { 2, { 0xd0, 1 }, MQTT_LOST_PROTOCOL }, /* PINGRESP with a body */
        { 2, { 0x20, 1 }, MQTT_LOST_PROTOCOL }, /* too short for what it is */
        { 2, { 0x30, 2 }, MQTT_LOST_PROTOCOL },
        { 2, { 0x40, 1 }, MQTT_LOST_PROTOCOL },
        { 2, { 0x90, 2 }, MQTT_LOST_PROTOCOL },
        { 5, { 0x30, 0x80, 0x80, 0x80, 0x80 }, MQTT_LOST_PROTOCOL }, /* remaining length of 5 bytes */
        { 5, { 0x30, 0xff, 0xff, 0xff, 0x7f }, MQTT_LOST_TOO_LARGE },
        { 3, { 0x30, 0xce, 0x0f }, MQTT_LOST_TOO_LARGE }, /* 1998 and 3: one more than the limit */
};

START_TEST(bad_packets_are_refused_at_their_header_in_any_split) {
        for (size_t n_chunk = 1; n_chunk <= refused[_i].n; n_chunk++) {
                MqttGate g = gate_new(8);
                int r = 0;

                for (size_t i = 0; i < refused[_i].n && r == 0; i += n_chunk)
                        r = feed_network(&g, refused[_i].bytes + i, MIN(n_chunk, refused[_i].n - i), T0);
                ck_assert_int_lt(r, 0);
                ck_assert_int_eq(fault.cause, refused[_i].cause);
                ck_assert_int_eq(fault.error, r);
                ck_assert_str_ne(fault.text, "");
                mqtt_gate_done(&g);
        }
}
END_TEST

START_TEST(what_comes_before_a_bad_packet_passes_first) {
        MqttGate g = gate_new(8);

        ck_assert_int_eq(feed_network(&g, BYTES(0x20, 2, 0, 0, 0x50, 2, 0, 1), T0), 0);
        ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        assert_local(&g, BYTES(0x20, 2, 0, 0));
        ck_assert_int_eq(mqtt_gate_resume(&g, &fault), -EPROTO);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(the_largest_packet_passes) {
        MqttGate g = gate_new(8);

        ck_assert_int_eq(feed_network(&g, BYTES(0x30, 0xcd, 0x0f), T0), 0); /* 1997 and 3 */
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_body_larger_than_the_buffer_streams_through) {
        static const uint8_t body[1000];
        MqttGate g = gate_new(8);
        uint8_t buffer[4096];
        size_t n_passed = 0;

        g.config.max_packet_bytes = 300000;
        ck_assert_int_eq(feed_network(&g, BYTES(0x30, 0xc0, 0xa7, 0x12), T0), 0); /* 299968 */
        ck_assert_uint_eq(take_local(&g, buffer), 4);
        for (size_t n_left = 299968; n_left > 0;) {
                size_t n = MIN(n_left, sizeof(body));

                ck_assert(mqtt_gate_is_mid_packet(&g));
                ck_assert_int_eq(feed_network(&g, body, n, T0), 0);
                n_passed += take_local(&g, buffer);
                n_left -= n;
        }
        ck_assert_uint_eq(n_passed, 299968);
        ck_assert(!mqtt_gate_is_mid_packet(&g));
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_side_that_is_not_emptied_is_not_read) {
        static const uint8_t record[16384] = { 0x30, 0x80, 0x80, 0x01 };
        MqttGate g = gate_new(8);
        uint8_t *space;

        g.config.max_packet_bytes = 300000;
        ck_assert(!mqtt_gate_is_full(&g));
        ck_assert_int_eq(feed_network(&g, record, sizeof(record), T0), 0);
        ck_assert(mqtt_gate_is_full(&g));
        ck_assert_uint_eq(mqtt_gate_network_space(&g, &space), 0);
        mqtt_gate_local_sent(&g, 100);
        ck_assert_uint_eq(mqtt_gate_network_space(&g, &space), 100);

        feed_local(&g, record, sizeof(record), T0);
        ck_assert_uint_eq(mqtt_gate_local_space(&g, &space), 0);
        mqtt_gate_network_sent(&g, 100, T0);
        ck_assert_uint_eq(mqtt_gate_local_space(&g, &space), 100);
        mqtt_gate_done(&g);
}
END_TEST

/* ---- Held PUBACKs ---- */

/* Messages 0 to 3 have the packet ids 10 to 13. 'released' in this order lets so many PUBACKs go each time.
 */
static const struct {
        uint64_t released[4];
        size_t n_gone[4];
} orders[] = {
        { { 0, 1, 2, 3 }, { 1, 2, 3, 4 } }, { { 3, 2, 1, 0 }, { 0, 0, 0, 4 } },
        { { 1, 0, 3, 2 }, { 0, 2, 2, 4 } }, { { 0, 2, 3, 1 }, { 1, 1, 1, 4 } },
        { { 1, 1, 0, 0 }, { 0, 0, 2, 2 } }, { { 99, 0, 4, 1 }, { 0, 1, 1, 2 } },
};

START_TEST(pubacks_leave_in_the_order_of_their_messages) {
        static const uint8_t pubacks[] = {
                0x40, 2, 0, 10, 0x40, 2, 0, 11, 0x40, 2, 0, 12, 0x40, 2, 0, 13,
        };
        MqttGate g = gate_new_connected(4);
        uint8_t gone[64];
        size_t n_gone = 0;

        for (uint8_t id = 10; id < 14; id++)
                receive(&g, id);
        for (size_t i = 0; i < 4; i++) {
                mqtt_gate_release(&g, orders[_i].released[i], 0);
                n_gone += take_network(&g, gone + n_gone, T0);
                ck_assert_uint_eq(n_gone, 4 * orders[_i].n_gone[i]);
        }
        ck_assert_mem_eq(gone, pubacks, n_gone);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_message_released_before_libmosquitto_acknowledged_it_waits_for_that) {
        MqttGate g = gate_new_connected(4);
        uint8_t buffer[64];

        ck_assert_int_eq(feed_network(&g, BYTES(0x32, 5, 0, 1, 't', 0, 10), T0), 0);
        (void) take_local(&g, buffer);
        mqtt_gate_release(&g, 0, 0);
        assert_network(&g, NULL, 0, T0);
        feed_local(&g, BYTES(0x40, 2, 0, 10), T0);
        assert_network(&g, BYTES(0x40, 2, 0, 10), T0);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_full_ring_stops_messages_and_what_is_behind_them) {
        MqttGate g = gate_new_connected(2);

        receive(&g, 10);
        receive(&g, 11);
        ck_assert_int_eq(feed_network(&g, BYTES(0x32, 5, 0, 1, 't', 0, 12, 0x40, 2, 0, 9), T0), 0);
        assert_local(&g, NULL, 0);

        mqtt_gate_release(&g, 1, 0);
        ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        assert_local(&g, NULL, 0);

        mqtt_gate_release(&g, 0, 0);
        ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        assert_local(&g, BYTES(0x32, 5, 0, 1, 't', 0, 12, 0x40, 2, 0, 9));
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(the_ring_is_used_round_and_round) {
        MqttGate g = gate_new_connected(3);

        for (uint64_t i = 0; i < 20; i++) {
                receive(&g, (uint8_t) (i + 1));
                mqtt_gate_release(&g, i, 0);
                assert_network(&g, BYTES(0x40, 2, 0, (uint8_t) (i + 1)), T0);
        }
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(own_packets_wait_for_a_packet_boundary) {
        MqttGate g = gate_new_connected(4);

        receive(&g, 10);
        feed_local(&g, BYTES(0x30, 6, 0, 1, 't'), T0);
        mqtt_gate_release(&g, 0, 0);
        assert_network(&g, BYTES(0x30, 6, 0, 1, 't'), T0);
        feed_local(&g, BYTES('x', 'y', 'z', 0x30), T0);
        /* Behind the message, and in front of the one that has begun. */
        assert_network(&g, BYTES('x', 'y', 'z', 0x40, 2, 0, 10), T0);
        feed_local(&g, BYTES(3, 0, 1, 'u'), T0);
        assert_network(&g, BYTES(0x30, 3, 0, 1, 'u'), T0);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(nothing_follows_disconnect) {
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;

        receive(&g, 10);
        receive(&g, 11);
        mqtt_gate_release(&g, 0, 0);
        feed_local(&g, BYTES(0xe0, 0), T0);
        mqtt_gate_release(&g, 1, 0);
        ck_assert_int_eq(run_until(&g, T0 + KEEP_ALIVE, &n_fired), 0);
        assert_network(&g, BYTES(0x40, 2, 0, 10, 0xe0, 0), T0);
        assert_network(&g, NULL, 0, T0);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(own_packets_find_room_in_a_full_buffer) {
        static const uint8_t message[] = { 0x30, 2, 0, 0 }, first_puback[] = { 0x40, 2, 0, 1 };
        uint8_t record[16384];
        MqttGate g = gate_new_connected(200);
        uint8_t buffer[65536], *space;

        for (size_t i = 0; i < sizeof(record); i += sizeof(message))
                memcpy(record + i, message, sizeof(message));
        for (uint8_t id = 1; id <= 200; id++)
                receive(&g, id);
        feed_local(&g, record, sizeof(record), T0);
        for (uint64_t i = 0; i < 200; i++)
                mqtt_gate_release(&g, i, 0);
        ck_assert_uint_eq(mqtt_gate_local_space(&g, &space), 0);
        ck_assert_uint_eq(take_network(&g, buffer, T0), sizeof(record) + 200 * 4);
        ck_assert_mem_eq(buffer + sizeof(record), first_puback, sizeof(first_puback));
        mqtt_gate_done(&g);
}
END_TEST

/* ---- Time ---- */

/* Byte in and byte out this long after CONNACK: PINGREQ this long after CONNACK, found with so many timers.
 */
static const struct {
        unsigned in_s, out_s, ping_s, n_fired;
} pings[] = {
        { 0, 0, 60, 1 },   { 50, 0, 60, 1 },  { 0, 50, 60, 1 },
        { 10, 20, 70, 2 }, { 59, 30, 90, 2 }, { 59, 59, 119, 2 },
};

START_TEST(ping_is_due_a_keep_alive_after_the_older_of_last_in_and_last_out) {
        MqttGate g = gate_new_connected(4);
        uint8_t buffer[64];
        uint64_t ping_us = T0 + pings[_i].ping_s * USEC_PER_SEC;
        unsigned n_fired;

        ck_assert_int_eq(feed_network(&g, BYTES(0x30, 3, 0, 1, 't'), T0 + pings[_i].in_s * USEC_PER_SEC), 0);
        feed_local(&g, BYTES(0x30, 3, 0, 1, 't'), T0);
        (void) take_network(&g, buffer, T0 + pings[_i].out_s * USEC_PER_SEC);

        ck_assert_int_eq(run_until(&g, ping_us - 1, &n_fired), 0);
        assert_network(&g, NULL, 0, ping_us);
        ck_assert_uint_eq(n_fired, pings[_i].n_fired - 1);
        ck_assert_int_eq(run_until(&g, ping_us, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), ping_us);
        ck_assert_uint_eq(n_fired, 1);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(an_idle_link_wakes_once_per_ping) {
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;

        for (unsigned i = 1; i <= 10; i++) {
                uint64_t now_us = T0 + i * KEEP_ALIVE;

                ck_assert_int_eq(run_until(&g, now_us, &n_fired), 0);
                ck_assert_uint_eq(n_fired, 1);
                assert_network(&g, BYTES(0xc0, 0), now_us);
                ck_assert_int_eq(feed_network(&g, BYTES(0xd0, 0), now_us), 0);
                assert_local(&g, NULL, 0);
        }
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_server_that_is_silent_after_a_ping_is_lost) {
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;
        uint64_t sent_us = T0 + KEEP_ALIVE + 2 * USEC_PER_SEC; /* the network took it two seconds later */

        ck_assert_int_eq(run_until(&g, T0 + KEEP_ALIVE, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), sent_us);
        ck_assert_int_eq(run_until(&g, sent_us + 15 * USEC_PER_SEC - 1, &n_fired), 0);
        ck_assert_int_eq(run_until(&g, sent_us + 15 * USEC_PER_SEC, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PING_TIMEOUT);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(messages_that_nobody_acknowledges_are_named_as_the_reason) {
        static const uint8_t message[] = { 0x32, 5, 0, 1, 't', 0, 11 };
        MqttGate g = gate_new_connected(1);
        unsigned n_fired;

        receive(&g, 10);
        for (size_t i = 0; i < 16384 / sizeof(message); i++)
                ck_assert_int_eq(feed_network(&g, message, sizeof(message), T0), 0);
        ck_assert_int_eq(feed_network(&g, message, 16384 % sizeof(message), T0), 0);
        ck_assert_int_eq(run_until(&g, T0 + KEEP_ALIVE, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), T0 + KEEP_ALIVE);
        ck_assert_int_eq(run_until(&g, T0 + 2 * KEEP_ALIVE, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PING_TIMEOUT);
        ck_assert_ptr_nonnull(strstr(fault.text, "1 messages were received and not acknowledged"));
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(any_byte_answers_a_ping) {
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;

        ck_assert_int_eq(run_until(&g, T0 + KEEP_ALIVE, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), T0 + KEEP_ALIVE);
        ck_assert_int_eq(feed_network(&g, BYTES(0x30), T0 + KEEP_ALIVE + 14 * USEC_PER_SEC), 0);
        ck_assert_uint_eq(mqtt_gate_deadline_us(&g), T0 + 2 * KEEP_ALIVE);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_ping_behind_a_large_message_on_a_slow_link_waits_as_long_as_bytes_leave) {
        static const uint8_t record[16000] = { 0x30, 0x80, 0x80, 0x08 };
        MqttGate g = gate_new_connected(4);
        uint64_t now_us = T0 + KEEP_ALIVE;
        unsigned n_fired;

        feed_local(&g, record, sizeof(record), T0);
        ck_assert_int_eq(run_until(&g, now_us, &n_fired), 0);
        for (unsigned i = 0; i < 10; i++) {
                now_us += 14 * USEC_PER_SEC;
                ck_assert_int_eq(run_until(&g, now_us, &n_fired), 0);
                mqtt_gate_network_sent(&g, 1000, now_us);
        }
        ck_assert_int_eq(run_until(&g, now_us + 15 * USEC_PER_SEC - 1, &n_fired), 0);
        ck_assert_int_eq(run_until(&g, now_us + 15 * USEC_PER_SEC, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PING_TIMEOUT);
        mqtt_gate_done(&g);
}
END_TEST

/* A ping is asked for this long after CONNACK, with 5 s for its answer; there was one due after 60 s. */
static const struct {
        unsigned asked_s, sent_s, lost_s;
} asked_pings[] = {
        { 0, 0, 5 },    { 30, 30, 35 }, { 30, 32, 37 }, { 61, 60, 66 }, /* its answer has 5 s left, not 14 */
        { 74, 60, 75 }, { 30, 0, 35 },                                  /* 0: the network takes nothing */
};

START_TEST(a_ping_that_was_asked_for_leaves_at_once_and_has_a_limit_of_its_own) {
        const uint64_t asked_us = T0 + asked_pings[_i].asked_s * USEC_PER_SEC,
                       sent_us = T0 + asked_pings[_i].sent_s * USEC_PER_SEC,
                       lost_us = T0 + asked_pings[_i].lost_s * USEC_PER_SEC;
        bool is_sent = sent_us > T0 || asked_us == T0;
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;

        ck_assert_int_eq(run_until(&g, MIN(asked_us, T0 + KEEP_ALIVE), &n_fired), 0);
        if (asked_us > T0 + KEEP_ALIVE)
                assert_network(&g, BYTES(0xc0, 0), sent_us);
        ck_assert_int_eq(run_until(&g, asked_us, &n_fired), 0);
        mqtt_gate_ping(&g, 5 * USEC_PER_SEC, asked_us);
        if (is_sent && asked_us <= T0 + KEEP_ALIVE)
                assert_network(&g, BYTES(0xc0, 0), sent_us);
        ck_assert_int_eq(run_until(&g, lost_us - 1, &n_fired), 0);
        ck_assert_int_eq(run_until(&g, lost_us, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PING_TIMEOUT);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_ping_that_was_asked_for_and_answered_is_over) {
        MqttGate g = gate_new_connected(4);
        uint64_t asked_us = T0 + USEC_PER_SEC;
        unsigned n_fired;

        /* Asked twice: one ping. */
        mqtt_gate_ping(&g, 5 * USEC_PER_SEC, asked_us);
        mqtt_gate_ping(&g, 5 * USEC_PER_SEC, asked_us);
        assert_network(&g, BYTES(0xc0, 0), asked_us);
        ck_assert_int_eq(feed_network(&g, BYTES(0xd0, 0), asked_us + 1), 0);
        /* The next one has the usual limit again. */
        ck_assert_int_eq(run_until(&g, asked_us + KEEP_ALIVE, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), asked_us + KEEP_ALIVE);
        ck_assert_int_eq(run_until(&g, asked_us + KEEP_ALIVE + 15 * USEC_PER_SEC - 1, &n_fired), 0);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(there_is_no_ping_before_connack) {
        MqttGate g = gate_new(4);

        mqtt_gate_ping(&g, USEC_PER_SEC, T0);
        ck_assert_uint_eq(mqtt_gate_deadline_us(&g), UINT64_MAX);
        feed_local(&g, BYTES(0x10, 4, 'C', 'O', 'N', 'N'), T0);
        ck_assert_uint_eq(mqtt_gate_deadline_us(&g), UINT64_MAX);
        ck_assert_int_eq(feed_network(&g, BYTES(0x20, 2, 0, 0), T0), 0);
        ck_assert_uint_eq(mqtt_gate_deadline_us(&g), T0 + KEEP_ALIVE);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_server_that_acknowledges_nothing_is_lost) {
        MqttGate g = gate_new_connected(4);
        uint64_t sent_us = T0 + 30 * USEC_PER_SEC, answered_us = T0 + 50 * USEC_PER_SEC;
        uint64_t lost_us = answered_us + 60 * USEC_PER_SEC;
        uint8_t buffer[64];
        unsigned n_fired;

        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0), T0 + 10 * USEC_PER_SEC);
        ck_assert_uint_eq(mqtt_gate_deadline_us(&g), T0 + KEEP_ALIVE); /* half a message is not owed for */
        feed_local(&g, BYTES(1, 0x32, 5, 0, 1, 't', 0, 2), sent_us);
        (void) take_network(&g, buffer, sent_us);
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 1), answered_us), 0);

        /* Traffic of other kinds does not help. */
        ck_assert_int_eq(feed_network(&g, BYTES(0x30, 3, 0, 1, 't'), lost_us - 1), 0);
        feed_local(&g, BYTES(0x30, 3, 0, 1, 't'), lost_us - 1);
        (void) take_network(&g, buffer, lost_us - 1);
        ck_assert_int_eq(run_until(&g, lost_us - 1, &n_fired), 0);
        ck_assert_int_eq(run_until(&g, lost_us, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PUBACK_TIMEOUT);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_server_that_says_nothing_at_all_is_asked_first) {
        static const bool is_answered[] = { false, true };
        MqttGate g = gate_new_connected(4);
        uint64_t sent_us = T0 + USEC_PER_SEC, asked_us;
        uint8_t buffer[64];
        unsigned n_fired;

        /* Something is sent all the time, so that it is not the keep-alive that asks. */
        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0, 1), sent_us);
        (void) take_network(&g, buffer, sent_us);
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 1), sent_us + USEC_PER_SEC), 0);
        sent_us += USEC_PER_SEC;
        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0, 2), sent_us);
        (void) take_network(&g, buffer, sent_us);

        asked_us = sent_us + 60 * USEC_PER_SEC;
        ck_assert_int_eq(run_until(&g, asked_us, &n_fired), 0);
        assert_network(&g, BYTES(0xc0, 0), asked_us);
        if (is_answered[_i])
                ck_assert_int_eq(feed_network(&g, BYTES(0xd0, 0), asked_us + 1), 0);
        ck_assert_int_eq(run_until(&g, asked_us + 15 * USEC_PER_SEC, &n_fired), -ETIMEDOUT);
        ck_assert_int_eq(fault.cause, is_answered[_i] ? MQTT_LOST_PUBACK_TIMEOUT : MQTT_LOST_PING_TIMEOUT);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(a_puback_is_owed_for_what_has_left_as_a_whole) {
        MqttGate g = gate_new_connected(4);
        uint8_t buffer[64];

        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0), T0);
        (void) take_network(&g, buffer, T0);
        ck_assert(!mqtt_gate_is_puback_owed(&g));
        feed_local(&g, BYTES(1), T0);
        ck_assert(!mqtt_gate_is_puback_owed(&g));
        (void) take_network(&g, buffer, T0);
        ck_assert(mqtt_gate_is_puback_owed(&g));

        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0, 2), T0);
        ck_assert(mqtt_gate_is_puback_owed(&g));
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 1), T0), 0);
        ck_assert(!mqtt_gate_is_puback_owed(&g)); /* the second is on its way */
        (void) take_network(&g, buffer, T0);
        ck_assert(mqtt_gate_is_puback_owed(&g));
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 2), T0), 0);
        ck_assert(!mqtt_gate_is_puback_owed(&g));
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(nothing_owed_is_no_timer) {
        MqttGate g = gate_new_connected(4);
        unsigned n_fired;

        feed_local(&g, BYTES(0x32, 5, 0, 1, 't', 0, 1), T0 + 1);
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 1), T0 + 2), 0);
        ck_assert_int_eq(feed_network(&g, BYTES(0x40, 2, 0, 1), T0 + 3), 0); /* one too many does no harm */
        ck_assert_int_eq(run_until(&g, T0 + 60 * USEC_PER_SEC + 1, &n_fired), 0);
        ck_assert_uint_eq(g.puback_due_us, UINT64_MAX);
        mqtt_gate_done(&g);
}
END_TEST

START_TEST(the_password_does_not_stay_in_the_buffer) {
        MqttGate g = gate_new(4);
        uint8_t buffer[64];

        feed_local(&g, BYTES(0x10, 6, 's', 'e', 'c', 'r', 'e', 't'), T0);
        (void) take_network(&g, buffer, T0);
        ck_assert_ptr_null(memmem(g.out.bytes, g.out.size, "secret", 6));
        mqtt_gate_done(&g);
}
END_TEST

static Suite *gate_suite(void) {
        Suite *s = suite_create("mqtt-gate");
        TCase *framing = tcase_create("framing"), *held = tcase_create("held"), *time = tcase_create("time");

        tcase_add_test(framing, inbound_packets_pass_in_any_split);
        tcase_add_test(framing, inbound_packets_pass_a_few_at_a_time);
        tcase_add_test(framing, outbound_packets_pass_in_any_split_and_pubacks_stay);
        tcase_add_loop_test(framing, bad_packets_are_refused_at_their_header_in_any_split, 0,
                            ELEMENTSOF(refused));
        tcase_add_test(framing, what_comes_before_a_bad_packet_passes_first);
        tcase_add_test(framing, the_largest_packet_passes);
        tcase_add_test(framing, a_body_larger_than_the_buffer_streams_through);
        tcase_add_test(framing, a_side_that_is_not_emptied_is_not_read);
        suite_add_tcase(s, framing);

        tcase_add_loop_test(held, pubacks_leave_in_the_order_of_their_messages, 0, ELEMENTSOF(orders));
        tcase_add_test(held, a_message_released_before_libmosquitto_acknowledged_it_waits_for_that);
        tcase_add_test(held, a_full_ring_stops_messages_and_what_is_behind_them);
        tcase_add_test(held, the_ring_is_used_round_and_round);
        tcase_add_test(held, own_packets_wait_for_a_packet_boundary);
        tcase_add_test(held, nothing_follows_disconnect);
        tcase_add_test(held, own_packets_find_room_in_a_full_buffer);
        suite_add_tcase(s, held);

        tcase_add_loop_test(time, ping_is_due_a_keep_alive_after_the_older_of_last_in_and_last_out, 0,
                            ELEMENTSOF(pings));
        tcase_add_test(time, an_idle_link_wakes_once_per_ping);
        tcase_add_test(time, a_server_that_is_silent_after_a_ping_is_lost);
        tcase_add_test(time, messages_that_nobody_acknowledges_are_named_as_the_reason);
        tcase_add_test(time, any_byte_answers_a_ping);
        tcase_add_test(time, a_ping_behind_a_large_message_on_a_slow_link_waits_as_long_as_bytes_leave);
        tcase_add_loop_test(time, a_ping_that_was_asked_for_leaves_at_once_and_has_a_limit_of_its_own, 0,
                            ELEMENTSOF(asked_pings));
        tcase_add_test(time, a_ping_that_was_asked_for_and_answered_is_over);
        tcase_add_test(time, there_is_no_ping_before_connack);
        tcase_add_test(time, a_server_that_acknowledges_nothing_is_lost);
        tcase_add_loop_test(time, a_server_that_says_nothing_at_all_is_asked_first, 0, 2);
        tcase_add_test(time, a_puback_is_owed_for_what_has_left_as_a_whole);
        tcase_add_test(time, nothing_owed_is_no_timer);
        tcase_add_test(time, the_password_does_not_stay_in_the_buffer);
        suite_add_tcase(s, time);
        return s;
}

UNIT_MAIN(gate_suite)
