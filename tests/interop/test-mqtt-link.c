/* SPDX-License-Identifier: MIT */

/* Stock mosquitto is the judge of our client: what it accepts, and what it gives back. */

#include <sys/stat.h>

#include "drive.h"
#include "program.h"
#include "tests/unit/unit-span.h"

#define BROKER "/usr/sbin/mosquitto"

static Pki pki;
static uint16_t broker_port;
static pid_t broker_pid;

/* ---- The broker ---- */

static void broker_configure(const char *path) {
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        if (!f)
                abort();
        fprintf(f,
                "allow_anonymous true\n"
                "listener %u 127.0.0.1\n"
                "certfile %s/server.pem\n"
                "keyfile %s/server.key\n"
                "max_queued_messages 0\n"
                "set_tcp_nodelay true\n"
                "log_dest none\n"
                "user root\n",
                broker_port, pki.dir, pki.dir);
}

static void broker_start(void) {
        char path[PATH_MAX];

        pki_make(&pki);
        drive_distrust_system();
        broker_port = program_find_port();
        broker_configure(pki_path(&pki, "mosquitto.conf", path));
        broker_pid = program_start(BROKER, "-c", path, broker_port);
}

static void broker_stop(void) {
        program_stop(broker_pid);
        pki_remove(&pki);
}

/* ---- What we do with it ---- */

static MqttLink *link_connected(const char *client_id) {
        MqttLink *l = drive_new(&pki, NULL);

        ck_assert(!drive_connect(l, &pki, broker_port, client_id, true));
        return l;
}

static void subscribe(MqttLink *l, const char *filter) {
        const MqttFilter filters[] = { { str(filter), 1 }, { AZ_SPAN_FROM_STR("unused"), 0 } };
        MqttEvent e;

        ck_assert_int_eq(mqtt_link_subscribe(l, filters, ELEMENTSOF(filters)), 0);
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, ELEMENTSOF(filters)), -EBUSY);
        e = drive_expect(l, MQTT_EVENT_SUBACK);
        ck_assert_uint_eq(e.suback.n_codes, 2);
        ck_assert_uint_eq(e.suback.codes[0], 1);
        ck_assert_uint_eq(e.suback.codes[1], 0);
}

static void disconnect(MqttLink *l) {
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        ck_assert_int_eq(drive_expect(l, MQTT_EVENT_LOST).lost.cause, MQTT_LOST_ASKED);
}

START_TEST(thousands_of_messages_go_out_through_the_window_and_come_back_in_order) {
        const unsigned n = 5000;
        unsigned n_sent = 0, n_acknowledged = 0, n_received = 0;
        MqttLink *l = link_connected("device");

        subscribe(l, "there/and/back");
        while (n_acknowledged < n || n_received < n) {
                MqttEvent e;

                while (n_sent < n) {
                        az_span payload = az_span_create((uint8_t *) &n_sent, sizeof(n_sent));
                        unsigned n_free = mqtt_link_window_free(l);
                        int r = mqtt_link_publish(l, str("there/and/back"), payload, 1, n_sent);

                        ck_assert_int_eq(r, n_free == 0 ? MQTT_WINDOW_FULL : 0);
                        if (r == MQTT_WINDOW_FULL)
                                break;
                        n_sent++;
                }
                e = drive_next(l);
                if (e.type == MQTT_EVENT_PUBACK) {
                        ck_assert_uint_eq(e.puback.token, n_acknowledged++);
                } else {
                        ck_assert_int_eq(e.type, MQTT_EVENT_MESSAGE);
                        ck_assert_span_eq(e.message.publish.topic, "there/and/back");
                        ck_assert_mem_eq(az_span_ptr(e.message.publish.payload), &n_received,
                                         sizeof(n_received));
                        n_received++;
                        mqtt_link_ack(l, e.message.ack);
                }
        }
        disconnect(l);
        (void) mqtt_link_free(l);
}
END_TEST

static const int32_t sizes[] = { 0, 1, 110, 120, 16100, 16384, 65536, 262144 };

static void expect_back(MqttLink *l, az_span payload, uint8_t qos) {
        bool is_back = false, is_acknowledged = qos == 0;

        ck_assert_int_eq(mqtt_link_publish(l, str("\xc3\xbc/%24/a b"), payload, qos, 0), 0);
        while (!is_back || !is_acknowledged) {
                MqttEvent e = drive_next(l);

                if (e.type == MQTT_EVENT_PUBACK) {
                        is_acknowledged = true;
                        continue;
                }
                ck_assert_int_eq(e.type, MQTT_EVENT_MESSAGE);
                ck_assert_span_eq(e.message.publish.topic, "\xc3\xbc/%24/a b");
                ck_assert_uint_eq(e.message.publish.qos, qos);
                ck_assert(!e.message.publish.dup);
                ck_assert(az_span_is_content_equal(e.message.publish.payload, payload));
                mqtt_link_ack(l, e.message.ack);
                is_back = true;
        }
}

START_TEST(payloads_of_any_size_come_back_byte_for_byte) {
        static uint8_t payload[262144];
        MqttLink *l = link_connected("device");

        for (size_t i = 0; i < sizeof(payload); i++)
                payload[i] = (uint8_t) (i * 31 + i / 256);
        subscribe(l, "\xc3\xbc/%24/#");
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                expect_back(l, az_span_create(payload, sizes[i]), 0);
                expect_back(l, az_span_create(payload, sizes[i]), 1);
        }
        disconnect(l);
        (void) mqtt_link_free(l);
}
END_TEST

/* The messages "0" to "9" to the device, which is not there. */
static void publish_ten(const char *topic) {
        MqttLink *l = link_connected("publisher");

        for (unsigned i = 0; i < 10; i++) {
                uint8_t digit = (uint8_t) ('0' + i);

                ck_assert_int_eq(mqtt_link_publish(l, str(topic), az_span_create(&digit, 1), 1, i), 0);
        }
        for (unsigned i = 0; i < 10; i++)
                (void) drive_expect(l, MQTT_EVENT_PUBACK);
        disconnect(l);
        (void) mqtt_link_free(l);
}

/* Expects these, and acknowledges those that are marked. */
static void expect_messages(MqttLink *l, const char *digits, bool dup, const char *acknowledged) {
        for (; *digits; digits++) {
                MqttEvent e = drive_expect(l, MQTT_EVENT_MESSAGE);

                ck_assert_int_eq(az_span_size(e.message.publish.payload), 1);
                ck_assert_int_eq(*az_span_ptr(e.message.publish.payload), *digits);
                ck_assert_msg(e.message.publish.dup == dup, "%c", *digits);
                if (strchr(acknowledged, *digits))
                        mqtt_link_ack(l, e.message.ack);
        }
        drive_expect_nothing(l, 50);
}

START_TEST(what_was_not_acknowledged_before_a_crash_is_given_again) {
        MqttLink *l = drive_new(&pki, NULL);

        ck_assert(!drive_connect(l, &pki, broker_port, "keeper", false));
        subscribe(l, "keep/+");
        disconnect(l);
        publish_ten("keep/this");

        /* 5 waits behind 3 and 4, so that the crash takes its acknowledgement along. */
        ck_assert(drive_connect(l, &pki, broker_port, "keeper", false));
        expect_messages(l, "0123456789", false, "0125");
        mqtt_link_close(l);

        ck_assert(drive_connect(l, &pki, broker_port, "keeper", false));
        expect_messages(l, "3456789", true, "98");
        l = mqtt_link_free(l);

        l = drive_new(&pki, NULL);
        ck_assert(drive_connect(l, &pki, broker_port, "keeper", false));
        expect_messages(l, "3456789", true, "3456789");
        disconnect(l);

        ck_assert(drive_connect(l, &pki, broker_port, "keeper", false));
        expect_messages(l, "", false, "");
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(messages_of_a_kept_session_may_come_right_behind_connack) {
        MqttLink *l = drive_new(&pki, NULL);

        ck_assert(!drive_connect(l, &pki, broker_port, "early", false));
        subscribe(l, "early/+");
        mqtt_link_close(l);
        publish_ten("early/this");
        ck_assert(drive_connect(l, &pki, broker_port, "early", false));
        expect_messages(l, "0123456789", false, "0123456789");
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(the_second_connection_of_a_client_ends_the_first) {
        MqttLink *first = link_connected("twin"), *second = link_connected("twin");

        ck_assert_int_eq(drive_expect(first, MQTT_EVENT_LOST).lost.cause, MQTT_LOST_CLOSED);
        ck_assert_int_eq(mqtt_link_publish(second, str("t"), str("x"), 1, 5), 0);
        ck_assert_uint_eq(drive_expect(second, MQTT_EVENT_PUBACK).puback.token, 5);
        (void) mqtt_link_free(first);
        (void) mqtt_link_free(second);
}
END_TEST

START_TEST(hundreds_of_reconnects_leave_no_fd) {
        MqttLink *l = link_connected("device");
        unsigned n_fds = drive_count_entries("/proc/self/fd");

        for (unsigned i = 0; i < 200; i++) {
                if (i % 2 == 0)
                        disconnect(l);
                mqtt_link_close(l);
                ck_assert(!drive_connect(l, &pki, broker_port, "device", true));
                ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, i), 0);
                ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_PUBACK).puback.token, i);
        }
        ck_assert_uint_eq(drive_count_entries("/proc/self/fd"), n_fds);
        (void) mqtt_link_free(l);
}
END_TEST

static Suite *link_suite(void) {
        Suite *s = suite_create("mqtt-link");
        TCase *t = tcase_create("mosquitto");

        tcase_add_unchecked_fixture(t, broker_start, broker_stop);
        tcase_set_timeout(t, 60);
        tcase_add_test(t, thousands_of_messages_go_out_through_the_window_and_come_back_in_order);
        tcase_add_test(t, payloads_of_any_size_come_back_byte_for_byte);
        tcase_add_test(t, what_was_not_acknowledged_before_a_crash_is_given_again);
        tcase_add_test(t, messages_of_a_kept_session_may_come_right_behind_connack);
        tcase_add_test(t, the_second_connection_of_a_client_ends_the_first);
        tcase_add_test(t, hundreds_of_reconnects_leave_no_fd);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (access(BROKER, X_OK) < 0)
                return unit_skip("there is no " BROKER);
        return unit_run(link_suite());
}
