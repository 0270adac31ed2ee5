/* SPDX-License-Identifier: MIT */

/* A probe goes as far as it is asked to, says how each stage went, and leaves nothing behind. */

#include <mqtt/probe.h>

#include <poll.h>
#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "tests/unit/unit-span.h"

#define LIMIT_US (10 * USEC_PER_SEC)

static Pki pki;
static char ca_file[PATH_MAX];

static void set_up(void) {
        pki_make(&pki);
        (void) pki_path(&pki, "ca.pem", ca_file);
        drive_distrust_system();
}

static void tear_down(void) {
        pki_remove(&pki);
}

static MqttEndpoint endpoint_of(const FakeServer *s) {
        return (MqttEndpoint){ .host = AZ_SPAN_FROM_STR("localhost"), .port = s->port, .ca_file = ca_file };
}

static MqttProbe *probe_new(void) {
        MqttProbe *p;

        ck_assert_int_eq(mqtt_probe_new(&p), 0);
        return p;
}

static void start(MqttProbe *p, const MqttEndpoint *endpoint, const MqttSignJob *sign, MqttStage last) {
        ck_assert_int_eq(mqtt_probe_start(p, endpoint, sign, last, boottime_us()), 0);
}

/* Dispatches until there is an event. */
static MqttProbeEvent next(MqttProbe *p) {
        uint64_t end_us = boottime_us() + LIMIT_US;
        MqttProbeEvent e;

        while (!mqtt_probe_next_event(p, &e)) {
                struct pollfd fd = { .fd = mqtt_probe_get_fd(p), .events = POLLIN };

                ck_assert_uint_lt(boottime_us(), end_us);
                ck_assert_int_ge(poll(&fd, 1, poll_timeout_ms(MIN(end_us, mqtt_probe_deadline_us(p)))), 0);
                mqtt_probe_dispatch(p, boottime_us());
        }
        return e;
}

/* Pops events to the last one. "name tcp tls" are the stages that went well, "name tcp!" failed at the last.
 */
static MqttProbeEvent run(MqttProbe *p, char *ret_stages, size_t size) {
        MqttProbeEvent e;
        size_t n = 0;

        do {
                e = next(p);
                n += (size_t) snprintf(ret_stages + n, size - n, "%s%s%s", n > 0 ? " " : "",
                                       mqtt_stage_to_string(e.stage), e.error < 0 ? "!" : "");
                ck_assert_uint_lt(e.duration_us, LIMIT_US);
                ck_assert(e.is_last || e.error == 0);
                ck_assert((e.error < 0) == (e.text && e.text[0] != '\0'));
                ck_assert(e.stage < MQTT_STAGE_TCP || e.error < 0 || e.report->address[0] != '\0');
        } while (!e.is_last);
        ck_assert(!mqtt_probe_next_event(p, &(MqttProbeEvent){}));
        ck_assert_uint_eq(mqtt_probe_deadline_us(p), UINT64_MAX);
        return e;
}

/* A server that counts what it is sent: in bytes of the application, and in connections. */
typedef struct Seen {
        size_t n_bytes;
        unsigned n_connections;
} Seen;

static void script_count(FakeServer *s, int fd) {
        Seen *seen = s->userdata;
        uint8_t bytes[256];
        SSL *ssl = fake_server_open_tls(s, fd);
        int n = 0;

        while (ssl && (n = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
                __atomic_add_fetch(&seen->n_bytes, (size_t) n, __ATOMIC_SEQ_CST);
        if (ssl)
                fake_server_close_tls(ssl);
        __atomic_add_fetch(&seen->n_connections, 1, __ATOMIC_SEQ_CST);
}

static void wait_for_connections(const Seen *seen, unsigned n) {
        uint64_t end_us = boottime_us() + LIMIT_US;

        while (__atomic_load_n(&seen->n_connections, __ATOMIC_SEQ_CST) < n) {
                ck_assert_uint_lt(boottime_us(), end_us);
                (void) poll(NULL, 0, 10);
        }
}

static const struct {
        MqttStage last_stage;
        const char *stages;
} depths[] = {
        { MQTT_STAGE_NAME, "identity name" },
        { MQTT_STAGE_TCP, "identity name tcp" },
        { MQTT_STAGE_TLS, "identity name tcp tls" },
};

START_TEST(a_probe_goes_as_far_as_it_is_asked_to) {
        Seen seen = {};
        FakeServer s = { .pki = &pki, .script = script_count, .userdata = &seen };
        MqttProbe *p = probe_new();
        MqttEndpoint endpoint;
        MqttProbeEvent e;
        char stages[128];

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        /* Twice: a probe can be started again. */
        for (unsigned i = 0; i < 2; i++) {
                start(p, &endpoint, NULL, depths[_i].last_stage);
                e = run(p, stages, sizeof(stages));
                ck_assert_int_eq(e.error, 0);
                ck_assert_int_eq(e.report->problem, MQTT_PROBLEM_NONE);
                ck_assert_int_eq(e.report->server.not_after_s > 0, depths[_i].last_stage == MQTT_STAGE_TLS);
                ck_assert_str_eq(stages, depths[_i].stages);
        }
        (void) mqtt_probe_free(p);
        wait_for_connections(&seen, depths[_i].last_stage == MQTT_STAGE_NAME ? 0 : 2);
        fake_server_stop(&s);
        ck_assert_uint_eq(seen.n_bytes, 0);
}
END_TEST

static void script_hang_up(FakeServer *s, int fd) {
        uint8_t byte;

        (void) recv(fd, &byte, 1, 0);
}

static void script_silent(FakeServer *s, int fd) {
        uint8_t bytes[4096];

        while (recv(fd, bytes, sizeof(bytes), 0) > 0)
                ;
}

static const struct {
        const char *host, *certificate;
        FakeScript script;
        const char *stages, *text;
} failures[] = {
        { "no-such-host.invalid", "server", fake_script_tls, "identity name!",
          "Cannot resolve 'no-such-host.invalid'" },
        { "localhost", "server", NULL, "identity name tcp!", "Connection refused" },
        { "localhost", "server", script_hang_up, "identity name tcp tls!",
          "TLS handshake with 'localhost' failed" },
        { "localhost", "server", script_silent, "identity name tcp tls!", "did not end within 0.3 s" },
        { "localhost", "expired", fake_script_tls, "identity name tcp tls!", "certificate has expired" },
        { "localhost", "other", fake_script_tls, "identity name tcp tls!", "hostname mismatch" },
};

START_TEST(a_probe_says_where_it_failed_and_why) {
        FakeServer s = { .pki = &pki,
                         .certificate = failures[_i].certificate,
                         .script = failures[_i].script ?: fake_script_tls };
        MqttProbe *p = probe_new();
        MqttEndpoint endpoint;
        MqttProbeEvent e;
        char stages[128];

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.host = str(failures[_i].host);
        endpoint.tls_timeout_us = 300 * USEC_PER_MSEC;
        if (!failures[_i].script)
                fake_server_stop(&s);
        start(p, &endpoint, NULL, MQTT_STAGE_TLS);
        e = run(p, stages, sizeof(stages));
        ck_assert_str_eq(stages, failures[_i].stages);
        ck_assert_msg(strstr(e.text, failures[_i].text), "'%s' is not in '%s'", failures[_i].text, e.text);
        (void) mqtt_probe_free(p);
        if (failures[_i].script)
                fake_server_stop(&s);
}
END_TEST

/* A server of TLS 1.3 judges our certificate after what is the end of the handshake for us. */
static const struct {
        const char *certificate, *key;
        MqttProblem problem;
} own[] = {
        { "device.pem", "device.key", MQTT_PROBLEM_NONE },
        { "expired.pem", "expired.key", MQTT_PROBLEM_CLIENT_CERTIFICATE },
};

START_TEST(a_certificate_that_the_server_refuses_is_found_out) {
        FakeServer s = { .pki = &pki, .client_ca = "ca.pem", .script = fake_script_tls };
        char certificate[PATH_MAX], key[PATH_MAX], stages[128];
        MqttProbe *p = probe_new();
        MqttEndpoint endpoint;
        MqttProbeEvent e;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.certificate_file = pki_path(&pki, own[_i].certificate, certificate);
        endpoint.private_key_file = pki_path(&pki, own[_i].key, key);
        start(p, &endpoint, NULL, MQTT_STAGE_WEBSOCKET);
        e = run(p, stages, sizeof(stages));
        ck_assert_str_eq(mqtt_problem_to_string(e.report->problem), mqtt_problem_to_string(own[_i].problem));
        ck_assert_int_eq(e.stage, MQTT_STAGE_TLS);
        (void) mqtt_probe_free(p);
        fake_server_stop(&s);
}
END_TEST

static int sign(void *userdata, az_span input, char *ret_signature, size_t size) {
        (void) snprintf(ret_signature, size, "signed");
        return *(int *) userdata;
}

static void count_destroyed(void *userdata) {
        __atomic_add_fetch((int *) userdata, 100, __ATOMIC_SEQ_CST);
}

START_TEST(a_sign_job_is_a_stage_and_is_destroyed_once) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        int results[] = { 0, -EACCES };
        MqttProbe *p = probe_new();
        MqttEndpoint endpoint;
        char stages[128];

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                int result = results[i];
                const MqttSignJob job = { .sign = sign,
                                          .destroy = count_destroyed,
                                          .userdata = &result,
                                          .input = AZ_SPAN_FROM_STR("x") };

                start(p, &endpoint, &job, MQTT_STAGE_TLS);
                ck_assert_int_eq(run(p, stages, sizeof(stages)).error, results[i]);
                ck_assert_str_eq(stages, i == 0 ? "identity sign name tcp tls" : "identity sign!");
                ck_assert_int_eq(result, results[i] + 100);
        }
        (void) mqtt_probe_free(p);
        fake_server_stop(&s);
}
END_TEST

START_TEST(one_probe_at_a_time_and_a_stopped_one_says_no_more) {
        FakeServer silent = { .pki = &pki, .script = script_silent };
        MqttProbe *p = probe_new();
        MqttEndpoint endpoint;
        char stages[128];
        int destroyed = 0;
        const MqttSignJob job = { .sign = sign, .destroy = count_destroyed, .userdata = &destroyed };
        MqttProbeEvent e;

        fake_server_start(&silent);
        endpoint = endpoint_of(&silent);
        start(p, &endpoint, NULL, MQTT_STAGE_TLS);
        ck_assert_int_eq(mqtt_probe_start(p, &endpoint, &job, MQTT_STAGE_TLS, boottime_us()), -EBUSY);
        ck_assert_int_eq(destroyed, 100);
        while (next(p).stage != MQTT_STAGE_TCP)
                ;
        mqtt_probe_stop(p);
        ck_assert(!mqtt_probe_next_event(p, &e));
        ck_assert_uint_eq(mqtt_probe_deadline_us(p), UINT64_MAX);

        start(p, &endpoint, NULL, MQTT_STAGE_TCP);
        ck_assert_int_eq(run(p, stages, sizeof(stages)).error, 0);
        (void) mqtt_probe_free(p);
        fake_server_stop(&silent);
}
END_TEST

START_TEST(many_probes_leave_no_fd_and_no_thread) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttProbe *p = probe_new();
        unsigned n_fds, n_threads;
        MqttEndpoint endpoint;
        char stages[128];

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        start(p, &endpoint, NULL, MQTT_STAGE_TLS);
        (void) run(p, stages, sizeof(stages));
        n_fds = drive_count_entries("/proc/self/fd");
        n_threads = drive_count_entries("/proc/self/task");
        for (unsigned i = 0; i < 60; i++) {
                start(p, &endpoint, NULL, depths[i % ELEMENTSOF(depths)].last_stage);
                if (i % 4 == 0)
                        mqtt_probe_stop(p);
                else
                        (void) run(p, stages, sizeof(stages));
        }
        (void) mqtt_probe_free(p);
        /* Workers of probes that were stopped end by themselves, and the server still has connections of
         * theirs to accept: the deadline is that of the case. */
        while (drive_count_entries("/proc/self/task") > n_threads ||
               drive_count_entries("/proc/self/fd") > n_fds + 1)
                (void) poll(NULL, 0, 20);
        fake_server_stop(&s);
}
END_TEST

static Suite *probe_suite(void) {
        Suite *s = suite_create("mqtt-probe");
        TCase *t = tcase_create("probe");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, a_probe_goes_as_far_as_it_is_asked_to, 0, ELEMENTSOF(depths));
        tcase_add_loop_test(t, a_probe_says_where_it_failed_and_why, 0, ELEMENTSOF(failures));
        tcase_add_loop_test(t, a_certificate_that_the_server_refuses_is_found_out, 0, ELEMENTSOF(own));
        tcase_add_test(t, a_sign_job_is_a_stage_and_is_destroyed_once);
        tcase_add_test(t, one_probe_at_a_time_and_a_stopped_one_says_no_more);
        tcase_add_test(t, many_probes_leave_no_fd_and_no_thread);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(probe_suite)
