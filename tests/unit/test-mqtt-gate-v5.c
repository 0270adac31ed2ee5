/* SPDX-License-Identifier: MIT */

/* What the gate does for MQTT 5 beyond what test-mqtt-gate.c says. */

#include "gate-fixture.h"
#include "unit-span.h"

#define MAX_PACKET 20000U

static MqttEventList events;

static MqttGate gate_new(unsigned receive_max) {
        const MqttGateConfig config = {
                .max_packet_bytes = MAX_PACKET,
                .receive_max = receive_max,
                .keep_alive_us = KEEP_ALIVE,
                .ping_timeout_us = 15 * USEC_PER_SEC,
                .puback_timeout_us = 60 * USEC_PER_SEC,
                .is_v5 = true,
                .has_authentication = true,
                .events = &events,
        };
        MqttGate g;

        ck_assert_int_eq(mqtt_gate_init(&g, &config, T0), 0);
        feed_local(&g, BYTES(0x10, 4, 'C', 'O', 'N', 'N'), T0);
        assert_network(&g, BYTES(0x10, 4, 'C', 'O', 'N', 'N'), T0);
        ck_assert_int_eq(feed_network(&g, BYTES(0x20, 3, 0, 0, 0), T0), 0);
        assert_local(&g, BYTES(0x20, 3, 0, 0, 0));
        return g;
}

static void gate_done(MqttGate *g) {
        mqtt_gate_done(g);
        mqtt_event_list_done(&events);
}

static void add_id(MqttGate *g, MqttPacketType type, uint16_t local, uint16_t network, bool is_resend) {
        const MqttId id = {
                .type = type, .local = local, .network = network, .is_resend = is_resend, .n_filters = 2
        };

        mqtt_ids_add(&g->ids, &id);
}

static MqttEvent pop(MqttEventType type) {
        MqttEvent *e = mqtt_event_list_pop(&events);

        ck_assert_ptr_nonnull(e);
        ck_assert_int_eq(e->type, type);
        return *e;
}

static void pop_nothing(void) {
        ck_assert_ptr_null(mqtt_event_list_pop(&events));
}

/* ---- Packet ids ---- */

START_TEST(what_leaves_has_the_id_of_the_network_in_any_split) {
        static const uint8_t local[] = { 0x32, 9, 0, 3, 't', '/', 'u', 0,   1, 0, 'x', /* PUBLISH */
                                         0x82, 7, 0, 2, 0,   0,   1,   'f', 1,         /* SUBSCRIBE */
                                         0x30, 5, 0, 1, 't', 0,   'x',                 /* QoS 0 has none */
                                         0xa2, 6, 0, 3, 0,   0,   1,   'f',            /* UNSUBSCRIBE */
                                         0x32, 6, 0, 1, 't', 0,   4,   0 };
        static const uint8_t network[] = {
                0x3a, 9, 0,    3,    't', '/', 'u', 0x12, 0x34, 0,    'x', /* with DUP */
                0x82, 7, 0x7f, 0xff, 0,   0,   1,   'f',  1,    0x30, 5,   0, 1,   't',  0,    'x',
                0xa2, 6, 0x80, 0,    0,   0,   1,   'f',  0x32, 6,    0,   1, 't', 0xff, 0xff, 0
        };
        MqttGate g = gate_new(8);
        uint8_t passed[64];
        size_t n_passed = 0, n_chunk = (size_t) _i;

        add_id(&g, MQTT_PACKET_PUBLISH, 1, 0x1234, true);
        add_id(&g, MQTT_PACKET_SUBSCRIBE, 2, 0x7fff, false);
        add_id(&g, MQTT_PACKET_UNSUBSCRIBE, 3, 0x8000, false);
        add_id(&g, MQTT_PACKET_PUBLISH, 4, 0xffff, false);
        for (size_t i = 0; i < sizeof(local); i += n_chunk) {
                feed_local(&g, local + i, MIN(n_chunk, sizeof(local) - i), T0);
                n_passed += take_network(&g, passed + n_passed, T0);
        }
        ck_assert_uint_eq(n_passed, sizeof(network));
        ck_assert_mem_eq(passed, network, sizeof(network));
        ck_assert_uint_eq(g.n_unacked, 2);
        gate_done(&g);
}
END_TEST

START_TEST(answers_have_the_id_of_libmosquitto_in_any_split) {
        static const uint8_t network[] = { 0x40, 2, 0,    9,             /* nobody waits for it */
                                           0x40, 3, 0x12, 0x34, 0x10,    /* */
                                           0x90, 4, 0x7f, 0xff, 0,    1, /* */
                                           0x90, 4, 0x12, 0x34, 0,    1, /* it was answered before */
                                           0x40, 2, 0x7f, 0xff,          /* another type */
                                           0x40, 2, 0x56, 0x78 };
        static const uint8_t local[] = { 0x40, 3, 0, 1, 0x10, 0x90, 4, 0, 2, 0, 1, 0x40, 2, 0, 3 };
        MqttGate g = gate_new(8);
        uint8_t passed[64];
        size_t n_passed = 0, n_chunk = (size_t) _i;

        add_id(&g, MQTT_PACKET_PUBLISH, 1, 0x1234, false);
        add_id(&g, MQTT_PACKET_SUBSCRIBE, 2, 0x7fff, false);
        add_id(&g, MQTT_PACKET_PUBLISH, 3, 0x5678, false);
        feed_local(&g, BYTES(0x32, 6, 0, 1, 't', 0, 1, 0), T0);
        feed_local(&g, BYTES(0x82, 7, 0, 2, 0, 0, 1, 'f', 1), T0);
        feed_local(&g, BYTES(0x32, 6, 0, 1, 't', 0, 3, 0), T0);
        (void) take_network(&g, passed, T0);
        for (size_t i = 0; i < sizeof(network); i += n_chunk) {
                ck_assert_int_eq(feed_network(&g, network + i, MIN(n_chunk, sizeof(network) - i), T0), 0);
                n_passed += take_local(&g, passed + n_passed);
        }
        ck_assert_uint_eq(n_passed, sizeof(local));
        ck_assert_mem_eq(passed, local, sizeof(local));
        ck_assert_uint_eq(g.ids.n, 0);
        ck_assert_uint_eq(g.n_unacked, 0);
        ck_assert(!mqtt_gate_is_mid_packet(&g));
        gate_done(&g);
}
END_TEST

START_TEST(new_ids_go_round_and_take_none_that_is_open) {
        MqttIds ids = {};

        ck_assert_uint_eq(mqtt_ids_choose(&ids, 0), 1);
        ck_assert_uint_eq(mqtt_ids_choose(&ids, 65535), 1);
        for (uint16_t i = 1; i <= 3; i++)
                mqtt_ids_add(&ids, &(MqttId){ .type = MQTT_PACKET_PUBLISH, .network = i });
        ck_assert_uint_eq(mqtt_ids_choose(&ids, 65534), 65535);
        ck_assert_uint_eq(mqtt_ids_choose(&ids, 65535), 4);
        ck_assert_uint_eq(mqtt_ids_choose(&ids, 1), 4);
}
END_TEST

/* ---- What the gate tells ---- */

static const struct {
        const char *name;
        uint8_t bytes[32];
        size_t n_bytes;
        MqttLost cause;
        uint8_t reason_code;
        const char *text;
} ends[] = {
        { "DISCONNECT", { 0xe0, 0 }, 2, MQTT_LOST_DISCONNECT, 0, "Success (0x00)" },
        { "with a reason", { 0xe0, 1, 0x8e }, 3, MQTT_LOST_DISCONNECT, 0x8e, "Session taken over (0x8e)" },
        { "with words",
          { 0xe0, 12, 0x98, 10, 0x1f, 0, 2, 'b', '\n', 0x1c, 0, 2, 'o', 'k' },
          14,
          MQTT_LOST_DISCONNECT,
          0x98,
          "Administrative action (0x98): b?" },
        { "of no known reason", { 0xe0, 2, 0xfe, 0 }, 4, MQTT_LOST_DISCONNECT, 0xfe, "unknown (0xfe)" },
        { "length beyond the packet", { 0xe0, 2, 0x8e, 1 }, 4, MQTT_LOST_PROTOCOL, 0, "type 14" },
        { "length without end", { 0xe0, 5, 0, 0xff, 0xff, 0xff, 0xff }, 7, MQTT_LOST_PROTOCOL, 0, "type 14" },
        { "bytes behind", { 0xe0, 3, 0x8e, 0, 0 }, 5, MQTT_LOST_PROTOCOL, 0, "type 14" },
        { "unknown property", { 0xe0, 4, 0x8e, 2, 0x01, 0 }, 6, MQTT_LOST_PROTOCOL, 0, "type 14" },
        { "cut property", { 0xe0, 5, 0x8e, 3, 0x1f, 0, 1 }, 7, MQTT_LOST_PROTOCOL, 0, "type 14" },
        { "flags", { 0xe1, 0 }, 2, MQTT_LOST_PROTOCOL, 0, "flags" },
        { "second CONNACK", { 0x20, 3, 0, 0x87, 0 }, 5, MQTT_LOST_SECOND_CONNACK, 0x87, "Not authorized" },
        { "AUTH that is malformed", { 0xf0, 2, 0, 1 }, 4, MQTT_LOST_PROTOCOL, 0, "type 15" },
        { "UNSUBACK that is malformed", { 0xb0, 4, 0, 7, 9, 0 }, 6, MQTT_LOST_PROTOCOL, 0, "type 11" },
        { "UNSUBACK with a code too few", { 0xb0, 4, 0, 7, 0, 0 }, 6, MQTT_LOST_PROTOCOL, 0, "type 11" },
        { "UNSUBACK that is endless", { 0xb0, 0x80, 0x80, 1 }, 4, MQTT_LOST_TOO_LARGE, 0, "16388 bytes" },
        { "message without properties", { 0x30, 3, 0, 1, 't' }, 5, MQTT_LOST_PROTOCOL, 0, "length of 3" },
        { "message that ends in its id", { 0x32, 4, 0, 1, 't', 0 }, 6, MQTT_LOST_PROTOCOL, 0, "type 3" },
        { "properties beyond it", { 0x30, 4, 0, 1, 't', 1 }, 6, MQTT_LOST_PROTOCOL, 0, "type 3" },
};

START_TEST(an_end_is_told_behind_what_came_before) {
        MqttGate g = gate_new(8);
        uint8_t buffer[64];

        add_id(&g, MQTT_PACKET_UNSUBSCRIBE, 1, 7, false);
        feed_local(&g, BYTES(0xa2, 8, 0, 1, 0, 0, 1, 'f', 0, 0), T0);
        (void) take_network(&g, buffer, T0);
        ck_assert_int_eq(feed_network(&g, BYTES(0x30, 4, 0, 1, 't', 0), T0), 0);
        ck_assert_int_eq(feed_network(&g, ends[_i].bytes, ends[_i].n_bytes, T0), 0);
        ck_assert_uint_eq(take_local(&g, buffer), 6);
        ck_assert_int_lt(mqtt_gate_resume(&g, &fault), 0);
        ck_assert_str_eq(mqtt_lost_to_string(fault.cause), mqtt_lost_to_string(ends[_i].cause));
        ck_assert_uint_eq(fault.reason_code, ends[_i].reason_code);
        ck_assert_msg(strstr(fault.text, ends[_i].text), "%s", fault.text);
        gate_done(&g);
}
END_TEST

START_TEST(auth_is_unexpected_without_a_method_and_in_3_1_1) {
        MqttGate g = gate_new(8);

        g.config.has_authentication = _i == 0;
        g.config.is_v5 = _i == 1;
        ck_assert_int_lt(feed_network(&g, BYTES(0xf0, 0), T0), 0);
        ck_assert_int_eq(fault.cause, MQTT_LOST_PROTOCOL);
        gate_done(&g);
}
END_TEST

START_TEST(auth_and_unsuback_become_events_in_any_split) {
        static const uint8_t network[] = {
                0xf0, 0,                                                                   /* AUTH */
                0xf0, 15, 0x18, 13, 0x15, 0, 1,    'M', 0x16, 0, 2, 0, 1, 0x1f, 0, 1, 'r', /* */
                0xb0, 5,  0,    7,  0,    0, 0x11,                                         /* UNSUBACK */
                0xb0, 5,  0,    7,  0,    0, 0x11,                                         /* not asked */
                0x30, 4,  0,    1,  't',  0,
        };
        MqttGate g = gate_new(8);
        uint8_t buffer[64];
        size_t n_passed = 0, n_chunk = (size_t) _i;
        MqttEvent e;

        add_id(&g, MQTT_PACKET_UNSUBSCRIBE, 1, 7, false);
        feed_local(&g, BYTES(0xa2, 8, 0, 1, 0, 0, 1, 'f', 0, 0), T0);
        (void) take_network(&g, buffer, T0);
        for (size_t i = 0; i < sizeof(network); i += n_chunk) {
                ck_assert_int_eq(feed_network(&g, network + i, MIN(n_chunk, sizeof(network) - i), T0), 0);
                n_passed += take_local(&g, buffer);
                ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        }
        ck_assert_uint_eq(n_passed, 6);
        ck_assert_uint_eq(pop(MQTT_EVENT_AUTH).auth.reason_code, MQTT_AUTH_SUCCESS);
        e = pop(MQTT_EVENT_AUTH);
        ck_assert_uint_eq(e.auth.reason_code, MQTT_AUTH_CONTINUE);
        ck_assert_span_eq(e.auth.method, "M");
        ck_assert(az_span_is_content_equal(e.auth.data, AZ_SPAN_FROM_STR("\0\1")));
        ck_assert_span_eq(e.auth.reason_string, "r");
        e = pop(MQTT_EVENT_UNSUBACK);
        ck_assert_uint_eq(e.unsuback.n_codes, 2);
        ck_assert_mem_eq(e.unsuback.codes, "\x00\x11", 2);
        pop_nothing();
        gate_done(&g);
}
END_TEST

START_TEST(a_server_that_floods_us_with_auth_is_not_read_while_events_wait) {
        MqttGate g = gate_new(8);
        unsigned n_told = 0;

        for (unsigned i = 0; i < 1000; i++)
                ck_assert_int_eq(feed_network(&g, BYTES(0xf0, 0), T0), 0);
        ck_assert(mqtt_event_list_is_full(&events));
        ck_assert_uint_lt(events.n_events, 200);
        while (mqtt_event_list_pop(&events)) {
                n_told++;
                ck_assert_int_eq(mqtt_gate_resume(&g, &fault), 0);
        }
        ck_assert_uint_eq(n_told, 1000);
        gate_done(&g);
}
END_TEST

/* ---- AUTH that leaves ---- */

START_TEST(auth_leaves_at_the_boundary_of_a_packet) {
        MqttGate g = gate_new(8);

        add_id(&g, MQTT_PACKET_PUBLISH, 1, 1, false);
        feed_local(&g, BYTES(0x32, 8, 0, 1, 't', 0), T0);
        ck_assert_int_eq(mqtt_gate_send_auth(&g, MQTT_AUTH_REAUTHENTICATE, str("M"), str("tok")), 0);
        ck_assert_int_eq(mqtt_gate_send_auth(&g, MQTT_AUTH_REAUTHENTICATE, str("M"), str("tok")), -EBUSY);
        assert_network(&g, BYTES(0x32, 8, 0, 1, 't'), T0);
        feed_local(&g, BYTES(1, 0), T0);
        assert_network(&g, BYTES(0, 1, 0), T0);
        feed_local(&g, BYTES('x', 'y', 0x30), T0);
        assert_network(&g, BYTES('x', 'y', 0xf0, 12, 0x19, 10, 0x15, 0, 1, 'M', 0x16, 0, 3, 't', 'o', 'k'),
                       T0);
        feed_local(&g, BYTES(4, 0, 1, 't', 0), T0);
        assert_network(&g, BYTES(0x30, 4, 0, 1, 't', 0), T0);
        gate_done(&g);
}
END_TEST

START_TEST(auth_does_not_leave_before_connect) {
        const MqttGateConfig config = { .max_packet_bytes = MAX_PACKET, .receive_max = 1, .is_v5 = true };
        MqttGate g;

        ck_assert_int_eq(mqtt_gate_init(&g, &config, T0), 0);
        ck_assert_int_eq(mqtt_gate_send_auth(&g, MQTT_AUTH_CONTINUE, str("M"), AZ_SPAN_EMPTY), 0);
        feed_local(&g, BYTES(0x10), T0);
        assert_network(&g, NULL, 0, T0);
        feed_local(&g, BYTES(1, 'C'), T0);
        assert_network(&g, BYTES(0x10, 1, 'C', 0xf0, 9, 0x18, 7, 0x15, 0, 1, 'M', 0x16, 0, 0), T0);
        gate_done(&g);
}
END_TEST

static uint8_t secret[MQTT_SECRET_MAX];

START_TEST(a_token_of_any_size_leaves_and_is_wiped) {
        static const int sizes[] = { 1, 121, 122, 127, 128, 16000, 20000, 65535 };
        MqttGate g = gate_new(8);
        const uint8_t *bytes;
        size_t n, n_left = 0;

        memset(secret, 's', sizeof(secret));
        /* Behind as much as libmosquitto may have written. */
        for (size_t i = 0; i < 2300; i++)
                feed_local(&g, BYTES(0x30, 5, 0, 1, 't', 0, 'x'), T0);
        ck_assert_int_eq(
                mqtt_gate_send_auth(&g, MQTT_AUTH_CONTINUE, str("M"), az_span_create(secret, sizes[_i])), 0);
        while ((n = mqtt_gate_network_pending(&g, &bytes)) > 0) {
                mqtt_gate_network_sent(&g, MIN(n, (size_t) 5000), T0);
                n_left += MIN(n, (size_t) 5000);
        }
        ck_assert_uint_ge(n_left, 2300U * 7U + 11U + (size_t) sizes[_i]);
        ck_assert_ptr_null(memchr(g.out.bytes, 's', g.out.size));
        ck_assert_int_eq(mqtt_gate_send_auth(&g, MQTT_AUTH_CONTINUE, str("M"), AZ_SPAN_EMPTY), 0);
        assert_network(&g, BYTES(0xf0, 9, 0x18, 7, 0x15, 0, 1, 'M', 0x16, 0, 0), T0);
        gate_done(&g);
}
END_TEST

/* ---- Messages ---- */

START_TEST(a_puback_says_why_a_message_was_refused) {
        MqttGate g = gate_new(8);
        bool is_dup;

        g.config.is_v5 = _i == 1;
        ck_assert_int_eq(feed_network(&g, BYTES(0x32, 6, 0, 1, 't', 0, 5, 0), T0), 0);
        assert_local(&g, BYTES(0x32, 6, 0, 1, 't', 0, 5, 0));
        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 0);
        feed_local(&g, BYTES(0x40, 2, 0, 5), T0);
        mqtt_gate_release(&g, 0, 0x83);
        mqtt_gate_release(&g, 0, 0);
        if (_i == 1)
                assert_network(&g, BYTES(0x40, 3, 0, 5, 0x83), T0);
        else
                assert_network(&g, BYTES(0x40, 2, 0, 5), T0);
        gate_done(&g);
}
END_TEST

/* A QoS 1 message with packet id 6 that is filled up to 'n_body'. */
static const struct {
        const char *name;
        uint32_t n_body, n_topic, n_properties;
        uint8_t in_topic, reason_code;
} refused[] = {
        { "above the limit", MAX_PACKET, 1, 0, 't', 0x97 },
        { "far above the limit", 3U * 1024U * 1024U, 1, 0, 't', 0x97 },
        { "topic too long", 18000, 4097, 0, 't', 0x97 },
        { "topic much too long", 19000, 17000, 0, 't', 0x97 },
        { "too many properties", 18000, 1, 8193, 't', 0x97 },
        { "control character in the topic", 100, 30, 0, '\n', 0x90 },
};

static void feed_refused(MqttGate *g, int row, size_t n_chunk) {
        static uint8_t packet[4U * 1024U * 1024U];
        uint32_t n_body = refused[row].n_body, n_topic = refused[row].n_topic;
        uint8_t *p = packet;

        memset(packet, 'x', sizeof(packet));
        *p++ = 0x32;
        for (uint32_t n = n_body; n > 0; n >>= 7)
                *p++ = (uint8_t) ((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        mqtt_put_u16(p, (uint16_t) n_topic);
        memset(p + 2, refused[row].in_topic, n_topic);
        mqtt_put_u16(p + 2 + n_topic, 6);
        p[4 + n_topic] = (uint8_t) (0x80 | (refused[row].n_properties & 0x7f));
        p[5 + n_topic] = (uint8_t) (refused[row].n_properties >> 7);
        for (uint8_t *i = packet; i < p + n_body; i += n_chunk) {
                ck_assert_int_eq(feed_network(g, i, MIN(n_chunk, (size_t) (p + n_body - i)), T0), 0);
                ck_assert_int_eq(mqtt_gate_resume(g, &fault), 0);
        }
        ck_assert_msg(!mqtt_gate_is_mid_packet(g), "%s", refused[row].name);
}

static void assert_refused_in_turn(int row, size_t n_chunk) {
        MqttGate g = gate_new(3);
        bool is_dup;
        MqttEvent e;

        ck_assert_int_eq(feed_network(&g, BYTES(0x32, 6, 0, 1, 't', 0, 5, 0), T0), 0);
        assert_local(&g, BYTES(0x32, 6, 0, 1, 't', 0, 5, 0));
        feed_refused(&g, row, n_chunk);
        ck_assert_int_eq(feed_network(&g, BYTES(0x3a, 6, 0, 1, 't', 0, 7, 0), T0), 0);
        assert_local(&g, BYTES(0x3a, 6, 0, 1, 't', 0, 7, 0));
        e = pop(MQTT_EVENT_REFUSED);
        ck_assert_uint_eq(e.refused.reason_code, refused[row].reason_code);
        ck_assert_uint_ge(e.refused.n_bytes, refused[row].n_body);
        pop_nothing();

        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 0);
        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 2);
        ck_assert(is_dup);
        feed_local(&g, BYTES(0x40, 2, 0, 5, 0x40, 2, 0, 7), T0);
        mqtt_gate_release(&g, 2, 0);
        assert_network(&g, NULL, 0, T0);
        mqtt_gate_release(&g, 0, 0);
        assert_network(&g, BYTES(0x40, 2, 0, 5, 0x40, 3, 0, 6, refused[row].reason_code, 0x40, 2, 0, 7), T0);
        gate_done(&g);
}

START_TEST(what_libmosquitto_cannot_handle_is_refused_when_its_turn_comes) {
        assert_refused_in_turn(_i, 16000);
        if (refused[_i].n_body <= MAX_PACKET)
                assert_refused_in_turn(_i, 1);
}
END_TEST

START_TEST(a_refused_message_alone_is_answered_at_once) {
        MqttGate g = gate_new(1);
        bool is_dup;

        feed_refused(&g, 0, 16000);
        assert_network(&g, BYTES(0x40, 3, 0, 6, 0x97), T0);
        feed_refused(&g, 0, 16000);
        assert_network(&g, BYTES(0x40, 3, 0, 6, 0x97), T0);
        ck_assert_int_eq(feed_network(&g, BYTES(0x32, 6, 0, 1, 't', 0, 7, 0), T0), 0);
        assert_local(&g, BYTES(0x32, 6, 0, 1, 't', 0, 7, 0));
        feed_local(&g, BYTES(0x40, 2, 0, 7), T0);
        ck_assert_uint_eq(mqtt_gate_tell(&g, &is_dup), 2);
        mqtt_gate_release(&g, 2, 0);
        assert_network(&g, BYTES(0x40, 2, 0, 7), T0);
        gate_done(&g);
}
END_TEST

START_TEST(spaces_stand_for_control_characters_in_properties) {
        /* Content type, correlation data (bytes, which stay), a user property. */
        static const uint8_t before[] = { 0x30, 27,   0,    1,    't',  22,   0x03, 0,   2,   'a',
                                          '\n', 0x09, 0,    1,    '\n', 0x26, 0,    2,   'k', 0x7f,
                                          0,    4,    0xc2, 0x85, 0xc2, 0xa0, 0,    '\n' };
        static const uint8_t after[] = { 0x30, 27,   0, 1, 't', 22,  0x03, 0, 2,   'a', ' ',  0x09, 0, 1,
                                         '\n', 0x26, 0, 2, 'k', ' ', 0,    4, ' ', ' ', 0xc2, 0xa0, 0, '\n' };
        uint8_t first[sizeof(before)], second[sizeof(after)];
        MqttGate g = gate_new(8);

        memcpy(first, before, sizeof(before));
        memcpy(second, after, sizeof(after));
        first[1] = second[1] = sizeof(before) - 2;
        first[5] = second[5] = sizeof(before) - 6 - 2; /* what is behind is payload */
        ck_assert_int_eq(feed_network(&g, first, sizeof(first), T0), 0);
        assert_local(&g, second, sizeof(second));
        gate_done(&g);
}
END_TEST

static Suite *gate_suite(void) {
        Suite *s = suite_create("mqtt-gate-v5");
        TCase *t;

        t = tcase_create("ids");
        tcase_add_loop_test(t, what_leaves_has_the_id_of_the_network_in_any_split, 1, 50);
        tcase_add_loop_test(t, answers_have_the_id_of_libmosquitto_in_any_split, 1, 32);
        tcase_add_test(t, new_ids_go_round_and_take_none_that_is_open);
        suite_add_tcase(s, t);

        t = tcase_create("telling");
        tcase_add_loop_test(t, an_end_is_told_behind_what_came_before, 0, ELEMENTSOF(ends));
        tcase_add_loop_test(t, auth_is_unexpected_without_a_method_and_in_3_1_1, 0, 2);
        tcase_add_loop_test(t, auth_and_unsuback_become_events_in_any_split, 1, 40);
        tcase_add_test(t, a_server_that_floods_us_with_auth_is_not_read_while_events_wait);
        suite_add_tcase(s, t);

        t = tcase_create("auth");
        tcase_add_test(t, auth_leaves_at_the_boundary_of_a_packet);
        tcase_add_test(t, auth_does_not_leave_before_connect);
        tcase_add_loop_test(t, a_token_of_any_size_leaves_and_is_wiped, 0, 8);
        suite_add_tcase(s, t);

        t = tcase_create("messages");
        tcase_add_loop_test(t, a_puback_says_why_a_message_was_refused, 0, 2);
        tcase_add_loop_test(t, what_libmosquitto_cannot_handle_is_refused_when_its_turn_comes, 0,
                            ELEMENTSOF(refused));
        tcase_add_test(t, a_refused_message_alone_is_answered_at_once);
        tcase_add_test(t, spaces_stand_for_control_characters_in_properties);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(gate_suite());
}
