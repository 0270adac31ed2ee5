/* SPDX-License-Identifier: MIT */

/* Stock mosquitto is the judge of our client: what it accepts, and what it gives back. */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "drive.h"
#include "tests/unit/unit-span.h"

#define BROKER "/usr/sbin/mosquitto"

static Pki pki;
static uint16_t broker_port;
static pid_t broker_pid;

/* The broker
 * ------------------------------------------------------------------------------------------------------ */

/* A port that is free now. The broker takes it a moment later. */
static uint16_t port_find(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        _cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (bind(fd, (struct sockaddr *) &address, size) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                abort();
        return ntohs(address.sin_port);
}

static bool port_answers(uint16_t port) {
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                             .sin_port = htons(port) };
        _cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0;
}

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
                "log_dest none\n"
                "user root\n",
                broker_port, pki.dir, pki.dir);
}

static void broker_start(void) {
        char path[PATH_MAX], *argv[] = { (char *) BROKER, (char *) "-c", path, NULL };

        pki_make(&pki);
        broker_port = port_find();
        broker_configure(pki_path(&pki, "mosquitto.conf", path));
        if (posix_spawn(&broker_pid, BROKER, NULL, NULL, argv, environ) != 0)
                abort();
        for (unsigned i = 0; i < 100 && !port_answers(broker_port); i++)
                (void) poll(NULL, 0, 50);
}

static void broker_stop(void) {
        (void) kill(broker_pid, SIGKILL);
        (void) waitpid(broker_pid, NULL, 0);
        pki_remove(&pki);
}

/* What we do with it
 * ---------------------------------------------------------------------------------------------- */

static MqttLink *link_connected(bool clean_session) {
        MqttLink *l = drive_new(&pki, NULL);

        drive_connect(l, &pki, broker_port, clean_session);
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
        ck_assert_int_eq(mqtt_link_disconnect(l, boottime_us()), 0);
        ck_assert_int_eq(drive_expect(l, MQTT_EVENT_LOST).lost.cause, MQTT_LOST_ASKED);
}

START_TEST(thousands_of_messages_go_out_through_the_window_and_come_back_in_order) {
        const unsigned n = 5000;
        unsigned n_sent = 0, n_acknowledged = 0, n_received = 0;
        MqttLink *l = link_connected(true);

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
                        ck_assert_span_eq(e.message.topic, "there/and/back");
                        ck_assert_mem_eq(az_span_ptr(e.message.payload), &n_received, sizeof(n_received));
                        n_received++;
                        mqtt_link_ack(l, e.message.ack);
                }
        }
        disconnect(l);
        (void) mqtt_link_free(l);
}
END_TEST

static Suite *link_suite(void) {
        Suite *s = suite_create("mqtt-link");
        TCase *t = tcase_create("mosquitto");

        tcase_add_unchecked_fixture(t, broker_start, broker_stop);
        tcase_set_timeout(t, 60);
        tcase_add_test(t, thousands_of_messages_go_out_through_the_window_and_come_back_in_order);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (access(BROKER, X_OK) < 0)
                return unit_skip("there is no " BROKER);
        return unit_run(link_suite());
}
