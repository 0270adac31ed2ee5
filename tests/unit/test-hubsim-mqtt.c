/* SPDX-License-Identifier: MIT */

#include "hubsim/mqtt-codec.h"

#include "unit.h"

#define BYTES(text) az_span_create((uint8_t *) (text), (int32_t) sizeof(text) - 1)

#define CONNECT_HEAD "\x00\x04MQTT\x04"

/* What a server must refuse, with the paragraph of MQTT 3.1.1 that says so, and what it must not. */
static const struct {
        const char *name;
        az_span bytes;
        int result; /* what mqtt_parse() returns; 0: not complete */
} packets[] = {
#define ROW(name, text, result) \
        { name, { { (uint8_t *) (text), (int32_t) sizeof(text) - 1 } }, result }
        ROW("nothing at all", "", 0),
        ROW("half a fixed header", "\xc0", 0),
        ROW("PINGREQ", "\xc0\x00", 2),
        ROW("PINGREQ, then more", "\xc0\x00\xc0", 2),
        ROW("PINGREQ with a reserved flag (2.2.2)", "\xc1\x00", -EBADMSG),
        ROW("PINGREQ with a payload", "\xc0\x01\x00", -EBADMSG),
        ROW("type 0 is reserved (2.2.1)", "\x00\x00", -EBADMSG),
        ROW("type 15 is reserved (2.2.1)", "\xf0\x00", -EBADMSG),
        ROW("another protocol, known from its first byte", "G", -EBADMSG),
        ROW("CONNACK from a client", "\x20\x02\x00\x00", -EBADMSG),
        ROW("remaining length still open", "\x30\x80\x80\x80", 0),
        ROW("remaining length of five bytes (2.2.3)", "\x30\x80\x80\x80\x80\x01", -EBADMSG),
        ROW("a packet that is too long, known from its header", "\x30\xff\xff\xff\x7f", -EMSGSIZE),

        ROW("CONNECT",
            "\x10\x0d" CONNECT_HEAD "\x02\x00\x3c\x00\x01"
            "a",
            15),
        ROW("CONNECT, one byte short", "\x10\x0d" CONNECT_HEAD "\x02\x00\x3c\x00\x01", 0),
        ROW("CONNECT with a reserved connect flag (3.1.2.3)",
            "\x10\x0d" CONNECT_HEAD "\x03\x00\x3c\x00\x01"
            "a",
            -EBADMSG),
        ROW("CONNECT with will QoS but no will (3.1.2.6)",
            "\x10\x0d" CONNECT_HEAD "\x0a\x00\x3c\x00\x01"
            "a",
            -EBADMSG),
        ROW("CONNECT with will retain but no will (3.1.2.7)",
            "\x10\x0d" CONNECT_HEAD "\x22\x00\x3c\x00\x01"
            "a",
            -EBADMSG),
        ROW("CONNECT with will QoS 3 (3.1.2.6)",
            "\x10\x13" CONNECT_HEAD "\x1e\x00\x3c\x00\x01"
            "a\x00\x01t\x00\x01m",
            -EBADMSG),
        ROW("CONNECT with a password but no user name (3.1.2.9)",
            "\x10\x10" CONNECT_HEAD "\x42\x00\x3c\x00\x01"
            "a\x00\x01p",
            -EBADMSG),
        ROW("CONNECT with something behind its payload",
            "\x10\x0e" CONNECT_HEAD "\x02\x00\x3c\x00\x01"
            "ab",
            -EBADMSG),
        ROW("CONNECT with a string longer than the packet",
            "\x10\x0d" CONNECT_HEAD "\x02\x00\x3c\x00\x02"
            "a",
            -EBADMSG),
        ROW("CONNECT of another protocol",
            "\x10\x0d\x00\x04HTTP\x04\x02\x00\x3c\x00\x01"
            "a",
            -EBADMSG),
        ROW("CONNECT of MQTT 3.1 is understood, to be told",
            "\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01"
            "a",
            17),
        ROW("CONNECT of MQTT 5 is understood, to be told",
            "\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01"
            "a",
            16),

        ROW("PUBLISH of QoS 0",
            "\x30\x04\x00\x01"
            "ab",
            6),
        ROW("PUBLISH of QoS 1",
            "\x32\x06\x00\x01"
            "a\x00\x07"
            "b",
            8),
        ROW("PUBLISH of QoS 3 (3.3.1.2)",
            "\x36\x06\x00\x01"
            "a\x00\x07"
            "b",
            -EBADMSG),
        ROW("PUBLISH of QoS 0 with DUP (3.3.1.1)",
            "\x38\x04\x00\x01"
            "ab",
            -EBADMSG),
        ROW("PUBLISH with packet identifier 0 (2.3.1)",
            "\x32\x06\x00\x01"
            "a\x00\x00"
            "b",
            -EBADMSG),
        ROW("PUBLISH without its packet identifier",
            "\x32\x03\x00\x01"
            "a",
            -EBADMSG),
        ROW("PUBLISH without a topic (4.7.3)", "\x30\x02\x00\x00", -EBADMSG),
        ROW("PUBLISH to a wildcard (3.3.2.1)", "\x30\x03\x00\x01#", -EBADMSG),
        ROW("PUBLISH with U+0000 in its topic (1.5.3)", "\x30\x03\x00\x01\x00", -EBADMSG),
        ROW("PUBLISH with a surrogate in its topic (1.5.3)", "\x30\x05\x00\x03\xed\xa0\x80", -EBADMSG),
        ROW("PUBLISH with an overlong form in its topic (1.5.3)", "\x30\x04\x00\x02\xc0\xaf", -EBADMSG),

        ROW("SUBSCRIBE",
            "\x82\x06\x00\x01\x00\x01"
            "a\x01",
            8),
        ROW("SUBSCRIBE to two",
            "\x82\x0c\x00\x01\x00\x01"
            "a\x01\x00\x03+/#\x00",
            14),
        ROW("SUBSCRIBE with wrong flags (3.8.1)",
            "\x80\x06\x00\x01\x00\x01"
            "a\x01",
            -EBADMSG),
        ROW("SUBSCRIBE without a filter (3.8.3)", "\x82\x02\x00\x01", -EBADMSG),
        ROW("SUBSCRIBE with QoS 3 (3.8.3)",
            "\x82\x06\x00\x01\x00\x01"
            "a\x03",
            -EBADMSG),
        ROW("SUBSCRIBE with reserved bits in its QoS (3.8.3)",
            "\x82\x06\x00\x01\x00\x01"
            "a\x81",
            -EBADMSG),
        ROW("SUBSCRIBE without the QoS of its filter",
            "\x82\x05\x00\x01\x00\x01"
            "a",
            -EBADMSG),
        ROW("SUBSCRIBE to a '#' in the middle (4.7.1.2)", "\x82\x08\x00\x01\x00\x03#/a\x01", -EBADMSG),
        ROW("SUBSCRIBE to a '+' beside a letter (4.7.1.3)",
            "\x82\x07\x00\x01\x00\x02"
            "a+\x01",
            -EBADMSG),
        ROW("SUBSCRIBE to nothing (4.7.3)", "\x82\x05\x00\x01\x00\x00\x01", -EBADMSG),
        ROW("UNSUBSCRIBE",
            "\xa2\x05\x00\x01\x00\x01"
            "a",
            7),
        ROW("UNSUBSCRIBE with wrong flags (3.10.1)",
            "\xa0\x05\x00\x01\x00\x01"
            "a",
            -EBADMSG),

        ROW("PUBACK", "\x40\x02\x00\x01", 4),
        ROW("PUBACK of nothing (2.3.1)", "\x40\x02\x00\x00", -EBADMSG),
        ROW("PUBACK that is too long", "\x40\x03\x00\x01\x00", -EBADMSG),
        ROW("PUBREL", "\x62\x02\x00\x01", 4),
        ROW("PUBREL with wrong flags (3.6.1)", "\x60\x02\x00\x01", -EBADMSG),
        ROW("DISCONNECT", "\xe0\x00", 2),
        ROW("DISCONNECT with wrong flags (3.14.1)", "\xe1\x00", -EBADMSG),
#undef ROW
};

START_TEST(packet_is_taken_or_refused) {
        MqttPacket packet;

        ck_assert_msg(mqtt_parse(packets[_i].bytes, &packet) == packets[_i].result, "%s", packets[_i].name);
}
END_TEST

static bool is_text(az_span span, const char *text) {
        return az_span_is_content_equal(span, az_span_create_from_str((char *) text));
}

START_TEST(connect_has_all_its_fields) {
        az_span bytes = BYTES("\x10\x1e" CONNECT_HEAD "\xec\x00\x3c\x00\x03"
                              "dev\x00\x01t\x00\x03"
                              "bye"
                              "\x00\x01u\x00\x02pw");
        MqttPacket packet;

        ck_assert_int_eq(mqtt_parse(bytes, &packet), az_span_size(bytes));
        ck_assert_int_eq(packet.type, MQTT_CONNECT);
        ck_assert_uint_eq(packet.connect.protocol_level, 4);
        ck_assert(!packet.connect.clean_session);
        ck_assert_uint_eq(packet.connect.keep_alive_s, 60);
        ck_assert(is_text(packet.connect.client_id, "dev"));
        ck_assert(packet.connect.has_will);
        ck_assert_uint_eq(packet.connect.will.qos, 1);
        ck_assert(packet.connect.will.retain);
        ck_assert(is_text(packet.connect.will.topic, "t"));
        ck_assert(is_text(packet.connect.will.payload, "bye"));
        ck_assert(is_text(packet.connect.user_name, "u"));
        ck_assert(is_text(packet.connect.password, "pw"));
}
END_TEST

START_TEST(publish_has_all_its_fields) {
        az_span bytes = BYTES("\x3b\x07\x00\x01"
                              "a\x01\x02"
                              "hi");
        MqttPacket packet;

        ck_assert_int_eq(mqtt_parse(bytes, &packet), az_span_size(bytes));
        ck_assert_int_eq(packet.type, MQTT_PUBLISH);
        ck_assert(packet.publish.dup);
        ck_assert(packet.publish.message.retain);
        ck_assert_uint_eq(packet.publish.message.qos, 1);
        ck_assert_uint_eq(packet.publish.packet_id, 258);
        ck_assert(is_text(packet.publish.message.topic, "a"));
        ck_assert(is_text(packet.publish.message.payload, "hi"));
}
END_TEST

START_TEST(filters_are_popped_in_order) {
        az_span bytes = BYTES("\x82\x0c\x00\x01\x00\x01"
                              "a\x01\x00\x03+/#\x02"),
                filter;
        MqttPacket packet;
        unsigned qos;

        ck_assert_int_eq(mqtt_parse(bytes, &packet), az_span_size(bytes));
        ck_assert(mqtt_filter_next(&packet.filters, &filter, &qos));
        ck_assert(is_text(filter, "a"));
        ck_assert_uint_eq(qos, 1);
        ck_assert(mqtt_filter_next(&packet.filters, &filter, &qos));
        ck_assert(is_text(filter, "+/#"));
        ck_assert_uint_eq(qos, 2);
        ck_assert(!mqtt_filter_next(&packet.filters, &filter, &qos));
}
END_TEST

START_TEST(longest_packet_is_taken_and_one_more_byte_is_not) {
        size_t size = MQTT_PACKET_MAX + 4;
        _cleanup_(freep) uint8_t *bytes = calloc(1, size + 1);
        MqttPacket packet;

        ck_assert_ptr_nonnull(bytes);
        /* A PUBLISH to "a"; its remaining length in three bytes. */
        memcpy(bytes,
               (uint8_t[]){ 0x30, 0x80 | (MQTT_PACKET_MAX & 0x7f), 0x80 | ((MQTT_PACKET_MAX >> 7) & 0x7f),
                            MQTT_PACKET_MAX >> 14, 0, 1, 'a' },
               7);
        ck_assert_int_eq(mqtt_parse(az_span_create(bytes, (int32_t) size), &packet), (int) size);
        ck_assert_int_eq(az_span_size(packet.publish.message.payload), (int) MQTT_PACKET_MAX - 3);
        bytes[1]++;
        ck_assert_int_eq(mqtt_parse(az_span_create(bytes, (int32_t) size + 1), &packet), -EMSGSIZE);
}
END_TEST

START_TEST(answers_are_what_the_standard_draws) {
        static const uint8_t expected[] = { 0x20, 2,    1,    0, /* CONNACK, session present */
                                            0x20, 2,    0,    5, /* CONNACK, not authorized */
                                            0x40, 2,    0x12, 0x34, 0x90, 4,    0,    9,    1,   0x80, 0xb0,
                                            2,    0,    10,   0xd0, 0,    0x30, 5,    0,    1,   'a',  'h',
                                            'i',  0x3a, 7,    0,    1,    'a',  0x12, 0x34, 'h', 'i' };
        const MqttPublish repeated = {
                .message = { .topic = AZ_SPAN_FROM_STR("a"), .payload = AZ_SPAN_FROM_STR("hi"), .qos = 1 },
                .dup = true,
                .packet_id = 0x1234,
        };
        const MqttPublish once = {
                .message = { .topic = AZ_SPAN_FROM_STR("a"), .payload = AZ_SPAN_FROM_STR("hi") },
        };
        _cleanup_(ipc_buffer_done) IpcBuffer out = IPC_BUFFER_NULL;

        ck_assert_int_eq(mqtt_append_connack(&out, true, MQTT_CONNACK_ACCEPTED), 0);
        ck_assert_int_eq(mqtt_append_connack(&out, false, MQTT_CONNACK_NOT_AUTHORIZED), 0);
        ck_assert_int_eq(mqtt_append_puback(&out, 0x1234), 0);
        ck_assert_int_eq(mqtt_append_suback(&out, 9, (uint8_t[]){ 1, MQTT_SUBACK_FAILURE }, 2), 0);
        ck_assert_int_eq(mqtt_append_unsuback(&out, 10), 0);
        ck_assert_int_eq(mqtt_append_pingresp(&out), 0);
        ck_assert_int_eq(mqtt_append_publish(&out, &once), 0);
        ck_assert_int_eq(mqtt_append_publish(&out, &repeated), 0);
        ck_assert_uint_eq(ipc_buffer_size(&out), sizeof(expected));
        ck_assert_mem_eq(az_span_ptr(buffer_span(&out)), expected, sizeof(expected));
}
END_TEST

START_TEST(lengths_of_publish_take_one_to_three_bytes) {
        static const struct {
                size_t payload;
                uint8_t header[3];
        } rows[] = {
                { 127 - 3, { 0x7f, 0, 1 } },
                { 128 - 3, { 0x80, 0x01, 0 } },
                { 16384 - 3, { 0x80, 0x80, 0x01 } },
        };
        _cleanup_(ipc_buffer_done) IpcBuffer out = IPC_BUFFER_NULL;
        static uint8_t zeros[16384];
        MqttPublish publish = { .message = { .topic = AZ_SPAN_FROM_STR("a") } };

        publish.message.payload = az_span_create(zeros, (int32_t) rows[_i].payload);
        ck_assert_int_eq(mqtt_append_publish(&out, &publish), 0);
        ck_assert_mem_eq(az_span_ptr(buffer_span(&out)) + 1, rows[_i].header, 3);
}
END_TEST

static Suite *hubsim_mqtt_suite(void) {
        Suite *s = suite_create("hubsim-mqtt");
        TCase *t = tcase_create("mqtt_parse");

        tcase_add_loop_test(t, packet_is_taken_or_refused, 0, ELEMENTSOF(packets));
        tcase_add_test(t, connect_has_all_its_fields);
        tcase_add_test(t, publish_has_all_its_fields);
        tcase_add_test(t, filters_are_popped_in_order);
        tcase_add_test(t, longest_packet_is_taken_and_one_more_byte_is_not);
        suite_add_tcase(s, t);

        t = tcase_create("mqtt_append");
        tcase_add_test(t, answers_are_what_the_standard_draws);
        tcase_add_loop_test(t, lengths_of_publish_take_one_to_three_bytes, 0, 3);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_mqtt_suite)
