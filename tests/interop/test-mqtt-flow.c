/* SPDX-License-Identifier: MIT */

/* Messages in both directions: what is bounded, what waits, and in which order it goes on. */

#include <poll.h>

#include "drive.h"
#include "fake-server.h"
#include "tests/unit/unit-span.h"

static Pki pki;

static void set_up(void) {
        pki_make(&pki);
        drive_distrust_system();
}

static void tear_down(void) {
        pki_remove(&pki);
}

static void link_and_server_end(MqttLink *l, FakeServer *s) {
        (void) mqtt_link_free(l);
        fake_server_stop(s);
}

/* ---- Sending ---- */

START_TEST(publish_refuses_what_mqtt_cannot_say) {
        const az_span topics[] = { AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("a/+"), AZ_SPAN_FROM_STR("#"),
                                   AZ_SPAN_FROM_STR("a\0b"), AZ_SPAN_FROM_STR("\xff") };
        FakeServer s = { .pki = &pki, .script = fake_script_mqtt };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        for (size_t i = 0; i < ELEMENTSOF(topics); i++)
                ck_assert_int_eq(mqtt_link_publish(l, topics[i], AZ_SPAN_EMPTY, 1, 0), -EINVAL);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), AZ_SPAN_EMPTY, 2, 0), -EINVAL);
        ck_assert_uint_eq(mqtt_link_window_free(l), MQTT_WINDOW_DEFAULT);
        link_and_server_end(l, &s);
}
END_TEST

/* Reads what is there at once, and says how much of it was in the first TLS record. */
static void script_first_record(FakeServer *s, int fd) {
        uint8_t bytes[16384];
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        *(int *) s->userdata = SSL_read(ssl, bytes, sizeof(bytes));
        fake_server_close_tls(ssl);
}

START_TEST(what_is_published_in_one_go_leaves_in_one_record) {
        int n_record = 0;
        FakeServer s = { .pki = &pki, .script = script_first_record, .userdata = &n_record };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        for (unsigned i = 0; i < 50; i++)
                ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("0123456789"), 1, i), 0);
        drive_expect_lost(l, MQTT_LOST_CLOSED, "closed");
        link_and_server_end(l, &s);
        ck_assert_int_eq(n_record, 50 * (2 + 2 + 1 + 2 + 10));
}
END_TEST

/* A server that reads nothing until it is told to, then acknowledges everything. */
typedef struct Gatekeeper {
        bool is_open;
        unsigned n_messages;
        size_t n_bytes;
} Gatekeeper;

static void script_gatekeeper(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        Gatekeeper *g = s->userdata;

        while (!__atomic_load_n(&g->is_open, __ATOMIC_SEQ_CST))
                (void) poll(NULL, 0, 5);
        while (fake_server_read(ssl, packet) && packet->type == 3) {
                size_t n_topic = (size_t) packet->body[0] << 8 | packet->body[1];
                const uint8_t *id = packet->body + 2 + n_topic, puback[] = { 0x40, 2, id[0], id[1] };

                g->n_bytes += packet->n_body - n_topic - 4;
                g->n_messages++;
                (void) fake_server_write(ssl, puback, sizeof(puback));
        }
        fake_server_close_tls(ssl);
}

START_TEST(a_server_that_reads_nothing_stops_the_sender_within_bounds) {
        static uint8_t payload[100000];
        Gatekeeper gatekeeper = {};
        FakeServer s = { .pki = &pki, .script = script_gatekeeper, .userdata = &gatekeeper };
        unsigned n_sent = 0;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        while (mqtt_link_publish(l, str("t"), AZ_SPAN_FROM_BUFFER(payload), 1, n_sent) == 0) {
                drive_expect_nothing(l, 1);
                n_sent++;
        }
        ck_assert_uint_eq(n_sent, 10); /* 1 MiB */
        drive_expect_nothing(l, 50);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), AZ_SPAN_FROM_BUFFER(payload), 1, 0),
                         MQTT_WINDOW_FULL);

        __atomic_store_n(&gatekeeper.is_open, true, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < n_sent; i++)
                ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_PUBACK).puback.token, i);
        ck_assert_uint_eq(mqtt_link_window_free(l), MQTT_WINDOW_DEFAULT);
        link_and_server_end(l, &s);
        ck_assert_uint_eq(gatekeeper.n_messages, n_sent);
        ck_assert_uint_eq(gatekeeper.n_bytes, n_sent * sizeof(payload));
}
END_TEST

START_TEST(one_message_is_never_too_large_for_the_window) {
        static uint8_t payload[256 * 1024];
        Gatekeeper gatekeeper = { .is_open = true };
        FakeServer s = { .pki = &pki, .script = script_gatekeeper, .userdata = &gatekeeper };
        const MqttLinkConfig config = { .window = 1 };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, &config);
        for (unsigned i = 0; i < 5; i++) {
                ck_assert_uint_eq(mqtt_link_window_free(l), 1);
                ck_assert_int_eq(mqtt_link_publish(l, str("t"), AZ_SPAN_FROM_BUFFER(payload), 1, i), 0);
                ck_assert_uint_eq(mqtt_link_window_free(l), 0);
                ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, i), MQTT_WINDOW_FULL);
                ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_PUBACK).puback.token, i);
        }
        link_and_server_end(l, &s);
}
END_TEST

/* Acknowledges the second message before the first. */
static void script_out_of_order(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        uint8_t pubacks[3][4] = { { 0x40, 2 }, { 0x40, 2 }, { 0x40, 2 } };

        for (size_t i = 0; i < 3; i++) {
                ck_assert(fake_server_read(ssl, packet));
                memcpy(&pubacks[i][2], packet->body + 3, 2);
        }
        (void) fake_server_write(ssl, pubacks[1], 4);
        (void) fake_server_write(ssl, pubacks[0], 4);
        (void) fake_server_write(ssl, pubacks[0], 4); /* a second time: nobody hears of it */
        (void) fake_server_write(ssl, pubacks[2], 4);
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(pubacks_out_of_order_find_their_message_and_the_window_counts_from_the_oldest) {
        static const uint64_t tokens[] = { 2, 1, 3 };
        static const unsigned n_free[] = { 0, 2, 3 };
        FakeServer s = { .pki = &pki, .script = script_out_of_order };
        const MqttLinkConfig config = { .window = 3 };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, &config);
        for (unsigned i = 1; i <= 3; i++)
                ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, i), 0);
        for (size_t i = 0; i < 3; i++) {
                ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_PUBACK).puback.token, tokens[i]);
                ck_assert_uint_ge(mqtt_link_window_free(l), n_free[i]);
        }
        ck_assert_uint_eq(mqtt_link_window_free(l), 3);
        link_and_server_end(l, &s);
}
END_TEST

/* ---- Receiving ---- */

#define FLOOD 20000U

static void script_flood(FakeServer *s, int fd) {
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        for (uint32_t i = 0; i < FLOOD; i++) {
                uint8_t message[] = { 0x30, 7, 0, 1, 't', 0, 0, 0, 0 };

                memcpy(message + 5, &i, sizeof(i));
                if (!fake_server_write(ssl, message, sizeof(message)))
                        break;
        }
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(a_flood_that_is_not_popped_is_not_read_and_nothing_of_it_is_lost) {
        FakeServer s = { .pki = &pki, .script = script_flood };
        unsigned n_popped = 0;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        for (unsigned i = 0; i < 100; i++) {
                (void) poll(NULL, 0, 1);
                ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us()), 0);
        }
        for (; n_popped < FLOOD; n_popped++) {
                uint32_t number;

                e = drive_expect(l, MQTT_EVENT_MESSAGE);
                memcpy(&number, az_span_ptr(e.message.publish.payload), sizeof(number));
                ck_assert_uint_eq(number, n_popped);
                ck_assert_uint_eq(e.message.publish.qos, 0);
                mqtt_link_ack(l, e.message.ack);
        }
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(the_queue_of_events_is_bounded) {
        FakeServer s = { .pki = &pki, .script = script_flood };
        unsigned n_popped = 0;
        struct pollfd fd;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        fd = (struct pollfd){ .fd = mqtt_link_get_fd(l), .events = POLLIN };
        while (poll(&fd, 1, 500) > 0)
                ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us()), 0);
        while (mqtt_link_next_event(l, &e))
                n_popped++;
        /* 128, and what was in the record by which the mark was passed. */
        ck_assert_uint_ge(n_popped, 128);
        ck_assert_uint_le(n_popped, 128 + 16384 / 9);
        link_and_server_end(l, &s);
}
END_TEST

static bool is_always_wanted(void *userdata) {
        return true;
}

START_TEST(who_has_something_else_to_do_gets_all_of_it_a_few_packets_at_a_time) {
        const MqttLinkConfig config = { .is_wanted = is_always_wanted };
        FakeServer s = { .pki = &pki, .script = script_flood };
        unsigned n_popped = 0, n;
        struct pollfd fd;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, &config);
        fd = (struct pollfd){ .fd = mqtt_link_get_fd(l), .events = POLLIN };
        while (n_popped < FLOOD) {
                ck_assert_int_eq(poll(&fd, 1, 10000), 1);
                ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us()), 0);
                for (n = 0; mqtt_link_next_event(l, &e); n++)
                        ck_assert_int_eq(e.type, MQTT_EVENT_MESSAGE);
                ck_assert_uint_le(n, 8);
                n_popped += n;
        }
        link_and_server_end(l, &s);
}
END_TEST

/* Sends ten QoS 1 messages, then a message of QoS 0 for each PUBACK, with its packet id. */
static void script_messages(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        for (uint8_t id = 1; id <= 10; id++) {
                const uint8_t message[] = { id % 2 ? 0x32 : 0x3a, 6, 0, 1, 't', 0, id, id };

                (void) fake_server_write(ssl, message, sizeof(message));
        }
        while (fake_server_read(ssl, packet) && packet->type == 4) {
                const uint8_t echo[] = { 0x30, 4, 0, 1, 'a', packet->body[1] };

                (void) fake_server_write(ssl, echo, sizeof(echo));
        }
        fake_server_close_tls(ssl);
}

static MqttAck expect_message(MqttLink *l, const char *topic, uint8_t payload) {
        MqttEvent e = drive_expect(l, MQTT_EVENT_MESSAGE);

        ck_assert_span_eq(e.message.publish.topic, topic);
        ck_assert_int_eq(az_span_size(e.message.publish.payload), 1);
        ck_assert_uint_eq(*az_span_ptr(e.message.publish.payload), payload);
        if (e.message.publish.qos == 1)
                ck_assert(e.message.publish.dup == (payload % 2 == 0));
        return e.message.ack;
}

START_TEST(messages_that_are_not_acknowledged_are_bounded_and_acknowledged_in_order) {
        FakeServer s = { .pki = &pki, .script = script_messages };
        const MqttLinkConfig config = { .receive_max = 4 };
        MqttAck acks[10];
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, &config);
        for (uint8_t i = 0; i < 4; i++)
                acks[i] = expect_message(l, "t", (uint8_t) (i + 1));
        drive_expect_nothing(l, 50);

        mqtt_link_ack(l, acks[2]);
        mqtt_link_ack(l, acks[1]);
        drive_expect_nothing(l, 50);
        mqtt_link_ack(l, acks[0]);
        for (uint8_t i = 4; i < 7; i++)
                acks[i] = expect_message(l, "t", (uint8_t) (i + 1));
        for (size_t i = 0; i < 7; i++) /* some for the second time */
                mqtt_link_ack(l, acks[i]);
        for (uint8_t i = 7; i < 10; i++)
                acks[i] = expect_message(l, "t", (uint8_t) (i + 1));
        for (size_t i = 7; i < 10; i++)
                mqtt_link_ack(l, acks[i]);
        for (uint8_t id = 1; id <= 10; id++)
                (void) expect_message(l, "a", id);
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(an_ack_of_an_earlier_connection_does_nothing) {
        FakeServer s = { .pki = &pki, .script = script_messages };
        MqttAck old;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        e = drive_expect(l, MQTT_EVENT_MESSAGE);
        old = e.message.ack;
        mqtt_link_close(l);
        ck_assert_span_eq(e.message.publish.topic, "t"); /* who handles an event may close */
        mqtt_link_ack(l, old);

        (void) drive_connect(l, &pki, s.port, "device", true);
        for (uint8_t id = 1; id <= 10; id++)
                (void) expect_message(l, "t", id);
        mqtt_link_ack(l, old);
        drive_expect_nothing(l, 50);
        link_and_server_end(l, &s);
}
END_TEST

static void script_large_message(FakeServer *s, int fd) {
        static const uint8_t header[] = { 0x32, 0x85, 0x80, 0x10, 0, 1, 't', 0, 9 };
        _cleanup_(freep) uint8_t *payload = malloc(256 * 1024);
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        for (size_t i = 0; i < 256 * 1024; i++)
                payload[i] = (uint8_t) (i * 7);
        (void) fake_server_write(ssl, header, sizeof(header));
        (void) fake_server_write(ssl, payload, 256 * 1024);
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(a_message_of_256_kib_arrives_whole) {
        FakeServer s = { .pki = &pki, .script = script_large_message };
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        e = drive_expect(l, MQTT_EVENT_MESSAGE);
        ck_assert_int_eq(az_span_size(e.message.publish.payload), 256 * 1024);
        for (size_t i = 0; i < 256 * 1024; i++)
                if (az_span_ptr(e.message.publish.payload)[i] != (uint8_t) (i * 7))
                        ck_abort_msg("byte %zu", i);
        link_and_server_end(l, &s);
}
END_TEST

static Suite *flow_suite(void) {
        Suite *s = suite_create("mqtt-flow");
        TCase *t = tcase_create("flow");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_test(t, publish_refuses_what_mqtt_cannot_say);
        tcase_add_test(t, what_is_published_in_one_go_leaves_in_one_record);
        tcase_add_test(t, a_server_that_reads_nothing_stops_the_sender_within_bounds);
        tcase_add_test(t, one_message_is_never_too_large_for_the_window);
        tcase_add_test(t, pubacks_out_of_order_find_their_message_and_the_window_counts_from_the_oldest);
        tcase_add_test(t, a_flood_that_is_not_popped_is_not_read_and_nothing_of_it_is_lost);
        tcase_add_test(t, the_queue_of_events_is_bounded);
        tcase_add_test(t, who_has_something_else_to_do_gets_all_of_it_a_few_packets_at_a_time);
        tcase_add_test(t, messages_that_are_not_acknowledged_are_bounded_and_acknowledged_in_order);
        tcase_add_test(t, an_ack_of_an_earlier_connection_does_nothing);
        tcase_add_test(t, a_message_of_256_kib_arrives_whole);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(flow_suite)
