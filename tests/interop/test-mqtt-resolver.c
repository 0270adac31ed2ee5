/* SPDX-License-Identifier: MIT */

/*
 * A dead resolver: in a network of its own, where somebody takes all questions and answers none. It gives up
 * after a second by itself; a worker cannot be made to do so earlier.
 */

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "tests/unit/unit-span.h"

static Pki pki;

static bool file_write(const char *path, const char *text) {
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        return f && fputs(text, f) >= 0;
}

static bool file_cover(const char *path, const char *name, const char *text) {
        char cover[PATH_MAX];

        return file_write(pki_path(&pki, name, cover), text) && mount(cover, path, NULL, MS_BIND, NULL) == 0;
}

static bool namespaces_make(void) {
        char map[64];
        unsigned uid = geteuid();

        if (uid == 0)
                return unshare(CLONE_NEWNS | CLONE_NEWNET) == 0;
        (void) snprintf(map, sizeof(map), "0 %u 1", uid);
        return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0 &&
               file_write("/proc/self/uid_map", map);
}

static bool loopback_up(void) {
        _cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

        return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/* Takes questions for as long as the program runs. */
static bool resolver_listen(void) {
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                             .sin_port = htons(53) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0;
}

static bool resolver_make(void) {
        return namespaces_make() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               file_cover("/etc/resolv.conf", "resolv.conf",
                          "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n") &&
               file_cover("/etc/nsswitch.conf", "nsswitch.conf", "hosts: files dns\n") &&
               file_cover("/etc/hosts", "hosts", "127.0.0.1 localhost\n127.0.0.2 localhost\n") &&
               loopback_up() && resolver_listen();
}

static void expect_failure(MqttLink *l, uint64_t timeout_us, int error, const char *text) {
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("hub.example"),
                                        .port = 8883,
                                        .name_timeout_us = timeout_us };
        MqttEvent e;

        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        e = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(e.open_failed.stage, MQTT_STAGE_NAME);
        ck_assert_int_eq(e.open_failed.error, error);
        ck_assert_str_eq(e.open_failed.text, text);
}

START_TEST(a_dead_resolver_costs_no_more_than_the_limit) {
        MqttLink *l = drive_new(&pki, NULL);
        uint64_t begin_us = boottime_us();

        for (unsigned i = 0; i < 4; i++)
                expect_failure(l, 100 * USEC_PER_MSEC, -ETIMEDOUT,
                               "Cannot resolve 'hub.example': no answer within 0.1 s");
        (void) mqtt_link_free(l);
        ck_assert_uint_lt(boottime_us() - begin_us, 2500 * USEC_PER_MSEC);
}
END_TEST

START_TEST(what_the_resolver_says_at_last_is_passed_on) {
        MqttLink *l = drive_new(&pki, NULL);

        expect_failure(l, 5 * USEC_PER_SEC, -EAGAIN,
                       "Cannot resolve 'hub.example': Temporary failure in name resolution");
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(an_attempt_behind_two_stuck_workers_succeeds_when_one_gives_up) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        unsigned n_fds;

        fake_server_start(&s);
        drive_open(l, &pki, s.port);
        mqtt_link_close(l);
        n_fds = drive_count_entries("/proc/self/fd");
        for (unsigned i = 0; i < 2; i++)
                expect_failure(l, 50 * USEC_PER_MSEC, -ETIMEDOUT,
                               "Cannot resolve 'hub.example': no answer within 0.05 s");
        drive_open(l, &pki, s.port);
        mqtt_link_close(l);
        drive_expect_nothing(l, 300);
        ck_assert_uint_le(drive_count_entries("/proc/self/fd"), n_fds);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(an_address_that_does_not_answer_costs_a_quarter_of_a_second) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls, .address = "127.0.0.2" };
        MqttLink *l = drive_new(&pki, NULL);
        DriveDead dead = {};
        uint64_t begin_us, opened_us;

        fake_server_start(&s);
        dead.port = s.port;
        drive_dead_start(&dead);
        begin_us = boottime_us();
        drive_open(l, &pki, s.port);
        opened_us = boottime_us();
        ck_assert_uint_ge(opened_us - begin_us, 250 * USEC_PER_MSEC);
        ck_assert_uint_lt(opened_us - begin_us, 2 * USEC_PER_SEC);
        (void) mqtt_link_free(l);
        drive_dead_stop(&dead);
        fake_server_stop(&s);
}
END_TEST

START_TEST(an_address_that_refuses_costs_nothing) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls, .address = "127.0.0.2" };
        MqttLink *l = drive_new(&pki, NULL);
        uint64_t least_us = UINT64_MAX;

        fake_server_start(&s);
        for (unsigned i = 0; i < 10; i++) { /* on a busy machine one of them is quick */
                uint64_t begin_us = boottime_us();

                drive_open(l, &pki, s.port);
                least_us = MIN(least_us, boottime_us() - begin_us);
                mqtt_link_close(l);
        }
        ck_assert_uint_lt(least_us, 250 * USEC_PER_MSEC);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static Suite *resolver_suite(void) {
        Suite *s = suite_create("mqtt-resolver");
        TCase *t = tcase_create("resolver");

        tcase_set_timeout(t, 30);
        tcase_add_test(t, a_dead_resolver_costs_no_more_than_the_limit);
        tcase_add_test(t, what_the_resolver_says_at_last_is_passed_on);
        tcase_add_test(t, an_attempt_behind_two_stuck_workers_succeeds_when_one_gives_up);
        tcase_add_test(t, an_address_that_does_not_answer_costs_a_quarter_of_a_second);
        tcase_add_test(t, an_address_that_refuses_costs_nothing);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        int r;

        pki_make(&pki);
        drive_distrust_system();
        r = resolver_make() ? unit_run(resolver_suite())
                            : unit_skip("there is no right to make a network with a dead resolver");
        pki_remove(&pki);
        return r;
}
