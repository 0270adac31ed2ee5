/* SPDX-License-Identifier: MIT */

/* MQTT 5 against stock mosquitto, over TCP as it is: what it accepts, and what it gives back. */

#include "drive.h"
#include "program.h"
#include "tests/unit/unit-span.h"

#define BROKER "/usr/sbin/mosquitto"

static Pki pki;
static uint16_t broker_port;
static pid_t broker_pid;

static void broker_start(void) {
        _cleanup_(fclosep) FILE *f = NULL;
        char path[PATH_MAX];

        pki_make(&pki);
        broker_port = program_find_port();
        f = fopen(pki_path(&pki, "mosquitto.conf", path), "we");
        if (!f)
                abort();
        fprintf(f,
                "allow_anonymous true\n"
                "listener %u 127.0.0.1\n"
                "max_queued_messages 0\n"
                "max_keepalive 30\n"
                "set_tcp_nodelay true\n"
                "log_dest none\n"
                "user root\n",
                broker_port);
        (void) fflush(f);
        broker_pid = program_start(BROKER, "-c", path, broker_port);
}

static void broker_stop(void) {
        program_stop(broker_pid);
        pki_remove(&pki);
}

/* ---- What we do with it ---- */

static void link_open(MqttLink *l) {
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("localhost"),
                                        .port = broker_port,
                                        .no_tls = true };

        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
}

static MqttEvent link_connect(MqttLink *l, const MqttConnect *connect) {
        link_open(l);
        ck_assert_int_eq(mqtt_link_connect(l, connect, boottime_us()), 0);
        return drive_expect(l, MQTT_EVENT_CONNACK);
}

static MqttConnect connect_as(const char *client_id) {
        return (MqttConnect){ .client_id = str(client_id),
                              .keep_alive_s = 60,
                              .clean_session = true,
                              .version = MQTT_VERSION_5 };
}

static MqttLink *link_connected(const char *client_id) {
        const MqttConnect connect = connect_as(client_id);
        MqttLink *l = drive_new(&pki, NULL);

        ck_assert_uint_eq(link_connect(l, &connect).connack.code, 0);
        return l;
}

static void subscribe(MqttLink *l, const MqttFilter *filter) {
        ck_assert_int_eq(mqtt_link_subscribe(l, filter, 1), 0);
        ck_assert_uint_eq(*drive_expect(l, MQTT_EVENT_SUBACK).suback.codes, filter->qos);
}

static void disconnect(MqttLink *l) {
        MqttEvent e;

        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        do
                e = drive_next(l);
        while (e.type == MQTT_EVENT_PUBACK);
        ck_assert_int_eq(e.type, MQTT_EVENT_LOST);
        ck_assert_int_eq(e.lost.cause, MQTT_LOST_ASKED);
        ck_assert_ptr_null(mqtt_link_free(l));
}

START_TEST(connack_tells_the_limits_of_the_server) {
        const MqttConnect connect = { .keep_alive_s = 60, .clean_session = true, .version = MQTT_VERSION_5 };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e = link_connect(l, &connect);

        ck_assert_uint_eq(e.connack.code, 0);
        ck_assert(!e.connack.session_present);
        ck_assert_uint_eq(e.connack.server.receive_max, 20);
        ck_assert_uint_eq(e.connack.server.keep_alive_s, 30);
        ck_assert_uint_eq(e.connack.server.max_qos, 2);
        ck_assert(!e.connack.server.has_no_retain);
        ck_assert_int_gt(az_span_size(e.connack.server.assigned_client_id), 0);
        ck_assert_uint_eq(mqtt_link_window_free(l), 20);
        disconnect(l);
}
END_TEST

static const az_mqtt_user_property users[] = {
        { AZ_SPAN_LITERAL_FROM_STR("__ts"), AZ_SPAN_LITERAL_FROM_STR("001:00001:id") },
        { AZ_SPAN_LITERAL_FROM_STR("twice"), AZ_SPAN_LITERAL_FROM_STR("1") },
        { AZ_SPAN_LITERAL_FROM_STR("twice"), AZ_SPAN_LITERAL_FROM_STR("2") },
        { AZ_SPAN_LITERAL_FROM_STR("empty"), AZ_SPAN_LITERAL_FROM_STR("") },
        { AZ_SPAN_LITERAL_FROM_STR(""), AZ_SPAN_LITERAL_FROM_STR("\xc3\xbc") },
};

START_TEST(a_message_comes_back_with_all_its_properties) {
        const az_mqtt_message sent = { .topic = AZ_SPAN_LITERAL_FROM_STR("there/and/back"),
                                       .payload = AZ_SPAN_LITERAL_FROM_STR("{}"),
                                       .qos = (uint8_t) _i,
                                       .has_message_expiry = true,
                                       .message_expiry_s = 100,
                                       .has_payload_format = true,
                                       .payload_format = 1,
                                       .content_type = AZ_SPAN_LITERAL_FROM_STR("application/json"),
                                       .response_topic = AZ_SPAN_LITERAL_FROM_STR("to/me"),
                                       .correlation_data = AZ_SPAN_LITERAL_FROM_STR("\0\1\2"),
                                       .user_properties = users,
                                       .n_user_properties = ELEMENTSOF(users) };
        const MqttFilter filter = { .filter = AZ_SPAN_LITERAL_FROM_STR("there/#"), .qos = 1 };
        MqttLink *l = link_connected("device");
        az_mqtt_message got;
        MqttEvent e;

        subscribe(l, &filter);
        ck_assert_int_eq(mqtt_link_publish_message(l, &sent, false, NULL, 7), 0);
        e = drive_next(l);
        if (e.type == MQTT_EVENT_PUBACK) { /* it may also come behind the message */
                ck_assert_uint_eq(e.puback.token, 7);
                e = drive_next(l);
        }
        ck_assert_int_eq(e.type, MQTT_EVENT_MESSAGE);
        got = e.message.publish;
        ck_assert_span_eq(got.topic, "there/and/back");
        ck_assert_span_eq(got.payload, "{}");
        ck_assert_uint_eq(got.qos, sent.qos);
        ck_assert(got.has_message_expiry && got.has_payload_format);
        ck_assert_uint_eq(got.message_expiry_s, 100);
        ck_assert_uint_eq(got.payload_format, 1);
        ck_assert_span_eq(got.content_type, "application/json");
        ck_assert_span_eq(got.response_topic, "to/me");
        ck_assert(az_span_is_content_equal(got.correlation_data, sent.correlation_data));
        ck_assert_int_eq(got.n_user_properties, ELEMENTSOF(users));
        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                ck_assert(az_span_is_content_equal(got.user_properties[i].key, users[i].key));
                ck_assert(az_span_is_content_equal(got.user_properties[i].value, users[i].value));
        }
        disconnect(l);
}
END_TEST

START_TEST(thousands_of_messages_go_through_the_window_of_the_server) {
        const MqttFilter filter = { .filter = AZ_SPAN_LITERAL_FROM_STR("t"), .qos = 1 };
        const az_mqtt_message message = { .topic = AZ_SPAN_LITERAL_FROM_STR("t"),
                                          .payload = AZ_SPAN_LITERAL_FROM_STR("x"),
                                          .qos = 1,
                                          .user_properties = users,
                                          .n_user_properties = ELEMENTSOF(users) };
        const unsigned n = 5000;
        unsigned n_sent = 0, n_acknowledged = 0, n_received = 0;
        MqttLink *l = link_connected("device");

        subscribe(l, &filter);
        while (n_acknowledged < n || n_received < n) {
                MqttEvent e;

                while (n_sent < n && mqtt_link_window_free(l) > 0)
                        ck_assert_int_eq(mqtt_link_publish_message(l, &message, false, NULL, n_sent++), 0);
                e = drive_next(l);
                if (e.type == MQTT_EVENT_PUBACK)
                        ck_assert_uint_eq(e.puback.token, n_acknowledged++);
                else if (e.type == MQTT_EVENT_MESSAGE) {
                        n_received++;
                        mqtt_link_ack(l, e.message.ack);
                } else
                        ck_abort_msg("event %d: %s", e.type, e.type == MQTT_EVENT_LOST ? e.lost.text : "");
        }
        disconnect(l);
}
END_TEST

static Suite *link_suite(void) {
        Suite *s = suite_create("mqtt5-link");
        TCase *t = tcase_create("mosquitto");

        tcase_set_timeout(t, 30);
        tcase_add_unchecked_fixture(t, broker_start, broker_stop);
        tcase_add_test(t, connack_tells_the_limits_of_the_server);
        tcase_add_loop_test(t, a_message_comes_back_with_all_its_properties, 0, 2);
        tcase_add_test(t, thousands_of_messages_go_through_the_window_of_the_server);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (access(BROKER, X_OK) < 0)
                return unit_skip("there is no " BROKER);
        return unit_run(link_suite());
}
