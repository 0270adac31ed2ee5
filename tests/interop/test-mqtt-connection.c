/* SPDX-License-Identifier: MIT */

/* A connection with a server that plays a script. Where minutes would have to pass the clock is put forward.
 */

#include <poll.h>
#include <sys/socket.h>

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

/* Bytes that a server sends. */
typedef struct Bytes {
        size_t n;
        uint8_t bytes[32];
} Bytes;

static const MqttConnect connect_now = { .client_id = AZ_SPAN_LITERAL_FROM_STR("device"),
                                         .keep_alive_s = 60,
                                         .clean_session = true };

/* Opens, and sends CONNECT. */
static MqttLink *link_connecting(const FakeServer *s, const MqttConnect *connect) {
        MqttLink *l = drive_new(&pki, NULL);

        drive_open(l, &pki, s->port);
        ck_assert_int_eq(mqtt_link_connect(l, connect, boottime_us()), 0);
        return l;
}

static void link_and_server_end(MqttLink *l, FakeServer *s) {
        (void) mqtt_link_free(l);
        fake_server_stop(s);
}

/* ---- CONNECT ---- */

START_TEST(a_server_that_does_not_answer_connect_is_lost) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttConnect connect = connect_now;
        MqttLink *l;

        connect.connack_timeout_us = 100 * USEC_PER_MSEC;
        fake_server_start(&s);
        l = link_connecting(&s, &connect);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, 0), -ENOTCONN);
        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), -ENOTCONN);
        drive_expect_lost(l, MQTT_LOST_CONNACK_TIMEOUT, "has not answered CONNECT within 0.1 s");
        link_and_server_end(l, &s);
}
END_TEST

/* What CONNECT looks like, to the byte. */
static const struct {
        MqttConnect connect;
        Bytes body;
} connects[] = {
        { { .client_id = AZ_SPAN_LITERAL_FROM_STR("d"), .keep_alive_s = 60, .clean_session = true },
          { 13, { 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 60, 0, 1, 'd' } } },
        { { .client_id = AZ_SPAN_LITERAL_FROM_STR("d"),
            .user_name = AZ_SPAN_LITERAL_FROM_STR("hub/d"),
            .password = AZ_SPAN_LITERAL_FROM_STR("sig"),
            .keep_alive_s = 1177 },
          { 25, { 0, 4, 'M', 'Q', 'T', 'T', 4,   0xc0, 4, 0x99, 0,   1,  'd',
                  0, 5, 'h', 'u', 'b', '/', 'd', 0,    3, 's',  'i', 'g' } } },
        { { .client_id = AZ_SPAN_LITERAL_FROM_STR("d"),
            .user_name = AZ_SPAN_LITERAL_FROM_STR("u"),
            .keep_alive_s = 65535 },
          { 16, { 0, 4, 'M', 'Q', 'T', 'T', 4, 0x80, 0xff, 0xff, 0, 1, 'd', 0, 1, 'u' } } },
};

static void script_check_connect(FakeServer *s, int fd) {
        const Bytes *expected = s->userdata;
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_open_tls(s, fd);

        ck_assert(fake_server_read(ssl, packet));
        ck_assert_uint_eq(packet->type, 1);
        ck_assert_uint_eq(packet->n_body, expected->n);
        ck_assert_mem_eq(packet->body, expected->bytes, expected->n);
        fake_server_close_tls(ssl);
}

START_TEST(connect_carries_what_it_was_given) {
        FakeServer s = { .pki = &pki,
                         .script = script_check_connect,
                         .userdata = (void *) &connects[_i].body };
        MqttLink *l;

        fake_server_start(&s);
        l = link_connecting(&s, &connects[_i].connect);
        drive_expect_lost(l, MQTT_LOST_CLOSED, "the server closed the connection");
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(connect_refuses_what_mqtt_cannot_say) {
        const MqttConnect bad[] = {
                { .keep_alive_s = 60, .clean_session = true },
                { .client_id = AZ_SPAN_FROM_STR("d"), .keep_alive_s = 4 },
                { .client_id = AZ_SPAN_FROM_STR("d\0d"), .keep_alive_s = 60 },
                { .client_id = AZ_SPAN_FROM_STR("d"),
                  .user_name = AZ_SPAN_FROM_STR("u\0"),
                  .keep_alive_s = 60 },
                { .client_id = AZ_SPAN_FROM_STR("\xff"), .keep_alive_s = 60 },
        };
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);

        fake_server_start(&s);
        ck_assert_int_eq(mqtt_link_connect(l, &connect_now, boottime_us()), -ENOTCONN);
        drive_open(l, &pki, s.port);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_int_eq(mqtt_link_connect(l, &bad[i], boottime_us()), -EINVAL);
        ck_assert_int_eq(mqtt_link_connect(l, &connect_now, boottime_us()), 0);
        link_and_server_end(l, &s);
}
END_TEST

/* ---- What a server sends ---- */

/* Sends bytes as the answer to CONNECT, then closes. */
static void script_answer(FakeServer *s, int fd) {
        const Bytes *answer = s->userdata;
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_open_tls(s, fd);

        ck_assert(fake_server_read(ssl, packet));
        if (answer->n > 0)
                (void) fake_server_write(ssl, answer->bytes, answer->n);
        fake_server_close_tls(ssl);
}

/* CONNACK, then what the name says; the code of the event (-1: none), and the end. */
static const struct {
        Bytes answer;
        int code;
        MqttLost cause;
        const char *text;
} answers[] = {
        { { 0, {} }, -1, MQTT_LOST_CLOSED, "the server closed the connection" },
        { { 4, { 0x20, 2, 0, 1 } }, 1, MQTT_LOST_REFUSED, "refused" },
        { { 4, { 0x20, 2, 0, 3 } }, 3, MQTT_LOST_REFUSED, "refused" },
        { { 4, { 0x20, 2, 0, 5 } }, 5, MQTT_LOST_REFUSED, "refused" },
        { { 4, { 0x20, 2, 0, 6 } }, 6, MQTT_LOST_PROTOCOL, "does not allow" },
        { { 4, { 0x20, 2, 0, 0 } }, 0, MQTT_LOST_CLOSED, "the server closed the connection" },
        { { 3, { 0x20, 2, 0 } }, -1, MQTT_LOST_CLOSED, "in the middle of a packet" },
        { { 8, { 0x20, 2, 0, 0, 0x30, 20, 0, 1 } }, 0, MQTT_LOST_CLOSED, "in the middle of a packet" },
        { { 6, { 0x20, 2, 0, 0, 0x30, 0x80 } }, 0, MQTT_LOST_CLOSED, "in the middle of a packet" },
        { { 6, { 0x20, 2, 0, 0, 0x00, 0 } }, 0, MQTT_LOST_PROTOCOL, "unexpected type 0" },
        { { 9, { 0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0xff } }, 0, MQTT_LOST_PROTOCOL, "remaining length" },
        { { 8, { 0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0x7f } }, 0, MQTT_LOST_TOO_LARGE, "2097155 bytes" },
        { { 8, { 0x20, 2, 0, 0, 0x40, 2, 0, 0 } },
          0,
          MQTT_LOST_PROTOCOL,
          "does not allow" }, /* packet id 0 */
        { { 9, { 0x20, 2, 0, 0, 0x30, 3, 0, 9, 't' } },
          0,
          MQTT_LOST_PROTOCOL,
          "does not allow" }, /* topic cut */
        { { 7, { 0x30, 5, 0, 1, 't', 'x', 'y' } },
          -1,
          MQTT_LOST_PROTOCOL,
          "does not allow" }, /* no CONNACK */
};

START_TEST(what_a_server_sends_is_answered_or_ends_the_connection_with_the_reason) {
        FakeServer s = { .pki = &pki, .script = script_answer, .userdata = (void *) &answers[_i].answer };
        MqttLink *l;

        fake_server_start(&s);
        l = link_connecting(&s, &connect_now);
        if (answers[_i].code >= 0)
                ck_assert_int_eq(drive_expect(l, MQTT_EVENT_CONNACK).connack.code, answers[_i].code);
        drive_expect_lost(l, answers[_i].cause, answers[_i].text);
        link_and_server_end(l, &s);
}
END_TEST

static void script_session_present(FakeServer *s, int fd) {
        static const uint8_t connack[] = { 0x20, 2, 1, 0 };
        SSL *ssl = fake_server_open_tls(s, fd);

        (void) fake_server_write(ssl, connack, sizeof(connack));
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(a_server_that_speaks_first_is_lost) {
        FakeServer s = { .pki = &pki, .script = script_session_present };
        MqttLink *l = drive_new(&pki, NULL);

        fake_server_start(&s);
        drive_open(l, &pki, s.port);
        drive_expect_lost(l, MQTT_LOST_PROTOCOL, "before CONNECT");
        link_and_server_end(l, &s);
}
END_TEST

static void script_reset(FakeServer *s, int fd) {
        const struct linger now = { .l_onoff = 1 };
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        SSL_free(ssl);
}

START_TEST(a_reset_is_a_network_failure) {
        FakeServer s = { .pki = &pki, .script = script_reset };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        drive_expect_lost(l, MQTT_LOST_NETWORK, "Connection reset by peer");
        link_and_server_end(l, &s);
}
END_TEST

static void script_suback(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        uint8_t subacks[2][5] = { { 0x90, 3, 0, 0, 1 }, { 0x90, 3, 0, 0, 0x80 } };

        for (size_t i = 0; i < 2; i++) {
                ck_assert(fake_server_read(ssl, packet));
                ck_assert_uint_eq(packet->type, 8);
                memcpy(&subacks[i][2], packet->body, 2);
        }
        (void) fake_server_write(ssl, subacks[1], 5);
        (void) fake_server_write(ssl, subacks[0], 5);
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(codes_of_subacks_are_in_the_order_of_the_filters) {
        const MqttFilter filters[] = { { AZ_SPAN_FROM_STR("a/#"), 1 }, { AZ_SPAN_FROM_STR("b"), 0 } };
        const MqttFilter bad[] = { { AZ_SPAN_FROM_STR("a"), 2 },
                                   { AZ_SPAN_FROM_STR("a#"), 1 },
                                   { AZ_SPAN_FROM_STR(""), 1 } };
        FakeServer s = { .pki = &pki, .script = script_suback };
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_int_eq(mqtt_link_subscribe(l, &bad[i], 1), -EINVAL);
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, 0), -EINVAL);
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, 2), 0);
        e = drive_expect(l, MQTT_EVENT_SUBACK);
        ck_assert_uint_eq(e.suback.n_codes, 2);
        ck_assert_uint_eq(e.suback.codes[0], 1);
        ck_assert_uint_eq(e.suback.codes[1], 0x80);
        link_and_server_end(l, &s);
}
END_TEST

/* ---- Time ---- */

/* Answers so many PINGREQs, and no PUBLISH. */
static void script_pings(FakeServer *s, int fd) {
        static const uint8_t pingresp[] = { 0xd0, 0 };
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        unsigned n_left = *(unsigned *) s->userdata;

        while (fake_server_read(ssl, packet)) {
                if (packet->type == 3)
                        continue;
                ck_assert_uint_eq(packet->type, 12);
                if (n_left-- == 0)
                        break;
                (void) fake_server_write(ssl, pingresp, sizeof(pingresp));
        }
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

/* Runs the link at a time in the future until nothing moves any more. */
static void settle(MqttLink *l, uint64_t now_us) {
        struct pollfd fd = { .fd = mqtt_link_get_fd(l), .events = POLLIN };

        do
                ck_assert_int_eq(mqtt_link_dispatch(l, now_us), 0);
        while (poll(&fd, 1, 100) > 0);
}

/* Runs the link at a time in the future until the next time is this. */
static void run_until_due(MqttLink *l, uint64_t now_us, uint64_t due_us) {
        for (unsigned i = 0; i < 50 && mqtt_link_deadline_us(l) != due_us; i++)
                settle(l, now_us);
        ck_assert_uint_eq(mqtt_link_deadline_us(l), due_us);
}

START_TEST(an_idle_link_sleeps_between_pings_and_a_silent_server_is_lost) {
        unsigned n_pings = 3;
        FakeServer s = { .pki = &pki, .script = script_pings, .userdata = &n_pings };
        uint64_t now_us;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        settle(l, boottime_us());
        now_us = mqtt_link_deadline_us(l);
        ck_assert_uint_gt(now_us, boottime_us() + 50 * USEC_PER_SEC);
        for (unsigned i = 0; i < n_pings; i++) {
                run_until_due(l, now_us, now_us + 60 * USEC_PER_SEC);
                ck_assert(!mqtt_link_next_event(l, &e));
                now_us += 60 * USEC_PER_SEC;
        }
        run_until_due(l, now_us, now_us + 15 * USEC_PER_SEC);
        settle(l, now_us + 15 * USEC_PER_SEC);
        drive_expect_lost(l, MQTT_LOST_PING_TIMEOUT, "has not answered a ping within 15 s");
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(a_hint_finds_a_dead_connection_in_five_seconds) {
        unsigned n_pings = _i == 0 ? 1 : 0;
        FakeServer s = { .pki = &pki, .script = script_pings, .userdata = &n_pings };
        uint64_t now_us;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new(&pki, NULL);
        mqtt_link_hint(l, boottime_us());
        (void) drive_connect(l, &pki, s.port, "device", true);
        now_us = boottime_us();
        mqtt_link_hint(l, now_us);
        if (n_pings > 0) {
                run_until_due(l, now_us, now_us + 60 * USEC_PER_SEC);
        } else {
                settle(l, now_us);
                settle(l, now_us + 5 * USEC_PER_SEC);
                drive_expect_lost(l, MQTT_LOST_PING_TIMEOUT, "has not answered a ping within 5 s");
        }
        link_and_server_end(l, &s);
}
END_TEST

/* One that answers no ping either is not overloaded, but gone. */
START_TEST(a_server_that_does_not_acknowledge_is_lost) {
        unsigned n_pings = _i == 0 ? 1 : 0;
        FakeServer s = { .pki = &pki, .script = script_pings, .userdata = &n_pings };
        uint64_t now_us;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, 7), 0);
        now_us = boottime_us() + 30 * USEC_PER_SEC;
        settle(l, now_us);
        now_us += 60 * USEC_PER_SEC;
        run_until_due(l, now_us, now_us + 15 * USEC_PER_SEC);
        settle(l, now_us + 15 * USEC_PER_SEC);
        if (n_pings > 0)
                drive_expect_lost(l, MQTT_LOST_PUBACK_TIMEOUT, "has acknowledged no message for 60 s");
        else
                drive_expect_lost(l, MQTT_LOST_PING_TIMEOUT, "has not answered a ping within 15 s");
        link_and_server_end(l, &s);
}
END_TEST

/* ---- The end ---- */

/* Reads a message, DISCONNECT, close_notify; closes when it may. */
static void script_goodbye(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        const bool *may_close = s->userdata;

        ck_assert(fake_server_read(ssl, packet));
        ck_assert_uint_eq(packet->type, 3);
        ck_assert(fake_server_read(ssl, packet));
        ck_assert_uint_eq(packet->type, 14);
        ck_assert_uint_eq(packet->n_body, 0);
        ck_assert(!fake_server_read(ssl, packet));
        ck_assert_int_eq(SSL_get_shutdown(ssl), SSL_RECEIVED_SHUTDOWN);
        while (may_close && !__atomic_load_n(may_close, __ATOMIC_SEQ_CST))
                (void) poll(NULL, 0, 5);
        fake_server_close_tls(ssl);
}

START_TEST(disconnect_follows_what_was_published_and_waits_for_the_server_to_close) {
        FakeServer s = { .pki = &pki, .script = script_goodbye };
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 0, 0), 0);
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 0, 0), -ENOTCONN);
        drive_expect_lost(l, MQTT_LOST_ASKED, "");
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), -ENOTCONN);
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(disconnect_does_not_wait_for_ever) {
        bool may_close = false;
        FakeServer s = { .pki = &pki, .script = script_goodbye, .userdata = &may_close };
        uint64_t now_us;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 0, 0), 0);
        now_us = boottime_us();
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, now_us), 0);
        settle(l, now_us);
        ck_assert(!mqtt_link_next_event(l, &e));
        ck_assert_uint_eq(mqtt_link_deadline_us(l), now_us + 2 * USEC_PER_SEC);
        ck_assert_int_eq(mqtt_link_dispatch(l, now_us + 2 * USEC_PER_SEC), 0);
        drive_expect_lost(l, MQTT_LOST_ASKED, "");
        __atomic_store_n(&may_close, true, __ATOMIC_SEQ_CST);
        link_and_server_end(l, &s);
}
END_TEST

/* Reads DISCONNECT, and talks on for as long as somebody listens. */
static void script_talks_on(FakeServer *s, int fd) {
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);
        static const uint8_t zeros[16384];
        bool *is_talking = s->userdata;

        ck_assert(fake_server_read(ssl, packet));
        ck_assert_uint_eq(packet->type, 14);
        while (fake_server_write(ssl, zeros, sizeof(zeros)))
                __atomic_store_n(is_talking, true, __ATOMIC_SEQ_CST);
        fake_server_close_tls(ssl);
}

START_TEST(disconnect_does_not_wait_for_who_talks_on) {
        bool is_talking = false;
        FakeServer s = { .pki = &pki, .script = script_talks_on, .userdata = &is_talking };
        uint64_t now_us;
        MqttEvent e;
        MqttLink *l;

        fake_server_start(&s);
        l = drive_new_connected(&pki, s.port, NULL);
        now_us = boottime_us();
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, now_us), 0);
        while (!__atomic_load_n(&is_talking, __ATOMIC_SEQ_CST)) {
                ck_assert_int_eq(mqtt_link_dispatch(l, now_us), 0);
                (void) poll(NULL, 0, 5);
        }
        (void) poll(NULL, 0, 200); /* more than is read at a time */
        ck_assert_int_eq(mqtt_link_dispatch(l, now_us + 2 * USEC_PER_SEC), 0);
        ck_assert(mqtt_link_next_event(l, &e));
        ck_assert_int_eq(e.type, MQTT_EVENT_LOST);
        ck_assert_int_eq(e.lost.cause, MQTT_LOST_ASKED);
        link_and_server_end(l, &s);
}
END_TEST

START_TEST(an_open_connection_can_be_disconnected_before_connect) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);

        fake_server_start(&s);
        drive_open(l, &pki, s.port);
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        drive_expect_lost(l, MQTT_LOST_ASKED, "");
        link_and_server_end(l, &s);
}
END_TEST

static Suite *connection_suite(void) {
        Suite *s = suite_create("mqtt-connection");
        TCase *t = tcase_create("connection");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_test(t, a_server_that_does_not_answer_connect_is_lost);
        tcase_add_loop_test(t, connect_carries_what_it_was_given, 0, ELEMENTSOF(connects));
        tcase_add_test(t, connect_refuses_what_mqtt_cannot_say);
        tcase_add_loop_test(t, what_a_server_sends_is_answered_or_ends_the_connection_with_the_reason, 0,
                            ELEMENTSOF(answers));
        tcase_add_test(t, a_server_that_speaks_first_is_lost);
        tcase_add_test(t, a_reset_is_a_network_failure);
        tcase_add_test(t, codes_of_subacks_are_in_the_order_of_the_filters);
        tcase_add_test(t, an_idle_link_sleeps_between_pings_and_a_silent_server_is_lost);
        tcase_add_loop_test(t, a_hint_finds_a_dead_connection_in_five_seconds, 0, 2);
        tcase_add_loop_test(t, a_server_that_does_not_acknowledge_is_lost, 0, 2);
        tcase_add_test(t, disconnect_follows_what_was_published_and_waits_for_the_server_to_close);
        tcase_add_test(t, disconnect_does_not_wait_for_ever);
        tcase_add_test(t, disconnect_does_not_wait_for_who_talks_on);
        tcase_add_test(t, an_open_connection_can_be_disconnected_before_connect);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(connection_suite)
