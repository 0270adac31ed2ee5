/* SPDX-License-Identifier: MIT */

#include "drive.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/unit-span.h"

#define LIMIT_US (10 * USEC_PER_SEC)

MqttLink *drive_new(const Pki *p, const MqttLinkConfig *config) {
        MqttLinkConfig c = config ? *config : (MqttLinkConfig){};
        MqttLink *l;

        c.runtime_dir = p->dir;
        ck_assert_int_eq(mqtt_link_new(&l, &c), 0);
        return l;
}

static bool drive_until(MqttLink *l, uint64_t end_us, MqttEvent *ret) {
        for (;;) {
                struct pollfd fd = { .fd = mqtt_link_get_fd(l), .events = POLLIN };
                uint64_t now_us = boottime_us(), due_us = MIN(end_us, mqtt_link_deadline_us(l));

                if (mqtt_link_next_event(l, ret))
                        return true;
                if (now_us >= end_us)
                        return false;
                ck_assert_int_ge(poll(&fd, 1, due_us > now_us ? (int) ((due_us - now_us) / 1000) + 1 : 0), 0);
                ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us()), 0);
        }
}

MqttEvent drive_next(MqttLink *l) {
        MqttEvent e;

        ck_assert_msg(drive_until(l, boottime_us() + LIMIT_US, &e), "There is no event");
        return e;
}

MqttEvent drive_expect(MqttLink *l, MqttEventType type) {
        MqttEvent e = drive_next(l);

        if (e.type == MQTT_EVENT_OPEN_FAILED && type != e.type)
                ck_abort_msg("%s", e.open_failed.text);
        if (e.type == MQTT_EVENT_LOST && type != e.type)
                ck_abort_msg("%s: %s", mqtt_lost_to_string(e.lost.cause), e.lost.text);
        ck_assert_int_eq(e.type, type);
        return e;
}

void drive_expect_nothing(MqttLink *l, unsigned limit_ms) {
        MqttEvent e;

        ck_assert(!drive_until(l, boottime_us() + limit_ms * USEC_PER_MSEC, &e));
}

void drive_open(MqttLink *l, const Pki *p, uint16_t port) {
        char ca_file[PATH_MAX];
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("localhost"),
                                        .port = port,
                                        .ca_file = pki_path(p, "ca.pem", ca_file) };

        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
}

bool drive_connect(MqttLink *l, const Pki *p, uint16_t port, const char *client_id, bool clean_session) {
        const MqttConnect connect = { .client_id = str(client_id),
                                      .user_name = AZ_SPAN_FROM_STR("user"),
                                      .password = AZ_SPAN_FROM_STR("password"),
                                      .keep_alive_s = 60,
                                      .clean_session = clean_session };
        MqttEvent e;

        drive_open(l, p, port);
        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), 0);
        e = drive_expect(l, MQTT_EVENT_CONNACK);
        ck_assert_uint_eq(e.connack.code, 0);
        return e.connack.session_present;
}

MqttLink *drive_new_connected(const Pki *p, uint16_t port, const MqttLinkConfig *config) {
        MqttLink *l = drive_new(p, config);

        (void) drive_connect(l, p, port, "device", true);
        return l;
}

void drive_expect_lost(MqttLink *l, MqttLost cause, const char *text) {
        MqttEvent e = drive_expect(l, MQTT_EVENT_LOST);

        ck_assert_str_eq(mqtt_lost_to_string(e.lost.cause), mqtt_lost_to_string(cause));
        ck_assert_msg(strstr(e.lost.text, text), "'%s' is not in '%s'", text, e.lost.text);
        drive_expect_nothing(l, 20);
        ck_assert_uint_eq(mqtt_link_deadline_us(l), UINT64_MAX);
        ck_assert_int_eq(mqtt_link_publish(l, str("t"), str("x"), 1, 0), -ENOTCONN);
        ck_assert_uint_eq(mqtt_link_window_free(l), 0);
}

void drive_dead_start(DriveDead *d) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                       .sin_port = htons(d->port) };
        socklen_t size = sizeof(address);

        d->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(d->listen_fd, (struct sockaddr *) &address, size), 0);
        ck_assert_int_eq(getsockname(d->listen_fd, (struct sockaddr *) &address, &size), 0);
        ck_assert_int_eq(listen(d->listen_fd, 0), 0);
        d->port = ntohs(address.sin_port);
        for (size_t i = 0; i < ELEMENTSOF(d->fillers); i++) {
                d->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                (void) connect(d->fillers[i], (struct sockaddr *) &address, size);
        }
}

void drive_dead_stop(DriveDead *d) {
        for (size_t i = 0; i < ELEMENTSOF(d->fillers); i++)
                (void) close(d->fillers[i]);
        (void) close(d->listen_fd);
}

void drive_distrust_system(void) {
        (void) setenv("SSL_CERT_FILE", "/nonexistent", 1);
        (void) setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

unsigned drive_count_entries(const char *path) {
        DIR *d = opendir(path);
        unsigned n = 0;

        ck_assert_ptr_nonnull(d);
        while (readdir(d))
                n++;
        (void) closedir(d);
        return n;
}
