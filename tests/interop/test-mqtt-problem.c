/* SPDX-License-Identifier: MIT */

/* Who else may be at the other end, from a captive portal to a hub that does not know us, and what we call
 * it. */

#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "tests/unit/unit-span.h"

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

static MqttEvent open_at(MqttLink *l, uint16_t port, const char *websocket_path, MqttEventType type) {
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("localhost"),
                                        .port = port,
                                        .websocket_path = websocket_path,
                                        .ca_file = ca_file };

        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        return drive_expect(l, type);
}

static void check_problem(const MqttEvent *e, MqttStage stage, MqttProblem problem, const char *text) {
        const MqttReport *report = e->open_failed.report;

        ck_assert_str_eq(mqtt_stage_to_string(report->stage), mqtt_stage_to_string(stage));
        ck_assert_str_eq(mqtt_problem_to_string(report->problem), mqtt_problem_to_string(problem));
        ck_assert_msg(strstr(e->open_failed.text, text), "'%s' is not in '%s'", text, e->open_failed.text);
}

/* ---- Not TLS ---- */

/* Says it when it was spoken to, or before. */
typedef struct Speech {
        bool is_first;
        const char *text;
        size_t n;
} Speech;

static void script_speak(FakeServer *s, int fd) {
        const Speech *speech = s->userdata;
        uint8_t bytes[4096];

        if (!speech->is_first)
                (void) recv(fd, bytes, sizeof(bytes), 0);
        (void) send(fd, speech->text, speech->n, MSG_NOSIGNAL);
        while (recv(fd, bytes, sizeof(bytes), 0) > 0)
                ;
}

#define SPEECH(text) (text), sizeof(text) - 1

static const struct {
        Speech speech;
        MqttProblem problem;
        int http_status;
        const char *text;
} strangers[] = {
        { { false, SPEECH("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n") },
          MQTT_PROBLEM_NOT_TLS_BUT_HTTP,
          302,
          "the peer does not speak TLS but HTTP: 'HTTP/1.1 302 Found'" },
        { { false, SPEECH("HTTP/1.0 400 Bad Request\r\n\r\n") },
          MQTT_PROBLEM_NOT_TLS_BUT_HTTP,
          400,
          "'HTTP/1.0 400 Bad Request'" },
        { { true, SPEECH("220 mail.example ESMTP\r\n") },
          MQTT_PROBLEM_NOT_TLS,
          0,
          "the peer does not speak TLS: '220 mail.example ESMTP'" },
        { { true, SPEECH("HTTPS is not spoken here\n") }, MQTT_PROBLEM_NOT_TLS, 0, "'HTTPS is not spoken" },
        { { false, SPEECH("\x20\x02\x00\x05") }, MQTT_PROBLEM_NOT_TLS, 0, "does not speak TLS" },
        /* A filter in between that says "access denied" means the connection, not the device. */
        { { false, SPEECH("\x15\x03\x03\x00\x02\x02\x31") },
          MQTT_PROBLEM_TLS_PROTOCOL,
          0,
          "alert access denied" },
        /* An alert is TLS, also in plain text. */
        { { false, SPEECH("\x15\x03\x03\x00\x02\x02\x28") },
          MQTT_PROBLEM_TLS_PROTOCOL,
          0,
          "TLS handshake with 'localhost' failed" },
        { { false, SPEECH("\x16garbage") }, MQTT_PROBLEM_TLS_PROTOCOL, 0, "TLS handshake with" },
};

START_TEST(a_peer_that_does_not_speak_tls_is_named_by_what_it_says) {
        Speech speech = strangers[_i].speech;
        FakeServer s = { .pki = &pki, .script = script_speak, .userdata = &speech };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        fake_server_start(&s);
        e = open_at(l, s.port, NULL, MQTT_EVENT_OPEN_FAILED);
        check_problem(&e, MQTT_STAGE_TLS, strangers[_i].problem, strangers[_i].text);
        ck_assert_int_eq(e.open_failed.report->http_status, strangers[_i].http_status);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

/* ---- TLS of the wrong kind ---- */

static const struct {
        const char *certificate;
        MqttProblem problem;
        const char *issuer, *text;
} certificates[] = {
        { "portal", MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED, "CN=portal",
          "was refused: self-signed certificate (it is of 'CN=portal', issued by 'CN=portal')" },
        { "other", MQTT_PROBLEM_CERTIFICATE_NAME, "CN=ca",
          "was refused: hostname mismatch (it is of 'CN=other', issued by 'CN=ca')" },
        { "expired", MQTT_PROBLEM_CERTIFICATE_EXPIRED, "CN=ca",
          "was refused: certificate has expired (it is of 'CN=expired', issued by 'CN=ca')" },
        { "future", MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID, "CN=ca",
          "was refused: certificate is not yet valid (it is of 'CN=future', issued by 'CN=ca')" },
};

START_TEST(a_certificate_that_is_refused_is_reported) {
        static const int versions[] = { 0, TLS1_2_VERSION };
        char subject[64];

        for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
                FakeServer s = { .pki = &pki,
                                 .certificate = certificates[_i].certificate,
                                 .max_version = versions[i],
                                 .script = fake_script_tls };
                MqttLink *l = drive_new(&pki, NULL);
                const MqttCertificate *c;
                MqttEvent e;

                fake_server_start(&s);
                e = open_at(l, s.port, NULL, MQTT_EVENT_OPEN_FAILED);
                check_problem(&e, MQTT_STAGE_TLS, certificates[_i].problem, certificates[_i].text);
                c = &e.open_failed.report->server;
                (void) snprintf(subject, sizeof(subject), "CN=%s", certificates[_i].certificate);
                ck_assert_str_eq(c->subject, subject);
                ck_assert_str_eq(c->issuer, certificates[_i].issuer);
                ck_assert_int_gt(c->not_after_s, c->not_before_s);
                (void) mqtt_link_free(l);
                fake_server_stop(&s);
        }
}
END_TEST

/* ---- Our certificate ---- */

static FakeServer server_that_wants_a_certificate(int max_version, FakeScript script) {
        return (FakeServer){
                .pki = &pki, .client_ca = "ca.pem", .max_version = max_version, .script = script
        };
}

START_TEST(a_server_of_tls_1_2_that_wants_a_certificate_says_so_in_the_handshake) {
        FakeServer s = server_that_wants_a_certificate(TLS1_2_VERSION, fake_script_tls);
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        fake_server_start(&s);
        e = open_at(l, s.port, NULL, MQTT_EVENT_OPEN_FAILED);
        check_problem(&e, MQTT_STAGE_TLS, MQTT_PROBLEM_CLIENT_CERTIFICATE, "alert handshake failure");
        ck_assert(e.open_failed.report->is_own_wanted);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(a_server_of_tls_1_3_says_so_behind_it) {
        const MqttConnect connect = { .client_id = AZ_SPAN_FROM_STR("device"), .keep_alive_s = 60 };
        FakeServer s = server_that_wants_a_certificate(0, fake_script_tls);
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        fake_server_start(&s);
        e = open_at(l, s.port, NULL, MQTT_EVENT_OPENED);
        ck_assert(e.opened.report->is_own_wanted);
        if (_i == 0)
                (void) mqtt_link_connect(l, &connect, boottime_us()); /* it may be lost by now */
        drive_expect_lost(
                l, MQTT_LOST_CLIENT_CERTIFICATE,
                "the server refused the certificate of this device: tlsv13 alert certificate required");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(with_websocket_it_is_known_before_the_connection_is_open) {
        FakeServer s = server_that_wants_a_certificate(0, fake_script_tls);
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        fake_server_start(&s);
        e = open_at(l, s.port, "/mqtt", MQTT_EVENT_OPEN_FAILED);
        check_problem(&e, MQTT_STAGE_WEBSOCKET, MQTT_PROBLEM_CLIENT_CERTIFICATE, "certificate required");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

/* ---- How far it came ---- */

START_TEST(the_report_of_an_open_connection_has_it_all) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        const MqttReport *r;
        char address[64];

        fake_server_start(&s);
        r = open_at(l, s.port, NULL, MQTT_EVENT_OPENED).opened.report;
        ck_assert_int_eq(r->problem, MQTT_PROBLEM_NONE);
        ck_assert_int_eq(r->stage, MQTT_STAGE_TLS);
        for (MqttStage stage = 0; stage < _MQTT_STAGE_MAX; stage++) {
                bool is_run = stage != MQTT_STAGE_SIGN && stage != MQTT_STAGE_PROXY &&
                              stage != MQTT_STAGE_WEBSOCKET;

                ck_assert((r->stage_us[stage] != MQTT_STAGE_NOT_RUN) == is_run);
        }
        ck_assert_str_eq(r->host, "localhost");
        ck_assert_str_eq(r->proxy, "");
        (void) snprintf(address, sizeof(address), "127.0.0.1:%u", s.port);
        ck_assert_str_eq(r->address, address);
        ck_assert_uint_ge(r->n_addresses, 1);
        ck_assert_str_eq(r->server.subject, "CN=server");
        ck_assert_str_eq(r->own.subject, "");
        ck_assert(!r->is_own_wanted && !r->is_resumed);
        ck_assert_str_eq(r->tls_version, "TLSv1.3");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(the_report_of_an_attempt_that_timed_out_says_where) {
        MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("127.0.0.1"),
                                  .tcp_timeout_us = 200 * USEC_PER_MSEC };
        MqttLink *l = drive_new(&pki, NULL);
        DriveDead dead = {};
        char address[64];
        MqttEvent e;

        drive_dead_start(&dead);
        endpoint.port = dead.port;
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        e = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        check_problem(&e, MQTT_STAGE_TCP, MQTT_PROBLEM_TIMEOUT, "no answer within 0.2 s");
        (void) snprintf(address, sizeof(address), "127.0.0.1:%u", dead.port);
        ck_assert_str_eq(e.open_failed.report->address, address);
        ck_assert_uint_ne(e.open_failed.report->stage_us[MQTT_STAGE_NAME], MQTT_STAGE_NOT_RUN);
        ck_assert_uint_eq(e.open_failed.report->stage_us[MQTT_STAGE_TCP], 200 * USEC_PER_MSEC);
        ck_assert_uint_eq(e.open_failed.report->stage_us[MQTT_STAGE_TLS], MQTT_STAGE_NOT_RUN);
        (void) mqtt_link_free(l);
        drive_dead_stop(&dead);
}
END_TEST

static Suite *problem_suite(void) {
        Suite *s = suite_create("mqtt-problem");
        TCase *t = tcase_create("problem");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, a_peer_that_does_not_speak_tls_is_named_by_what_it_says, 0,
                            ELEMENTSOF(strangers));
        tcase_add_loop_test(t, a_certificate_that_is_refused_is_reported, 0, ELEMENTSOF(certificates));
        tcase_add_test(t, a_server_of_tls_1_2_that_wants_a_certificate_says_so_in_the_handshake);
        tcase_add_loop_test(t, a_server_of_tls_1_3_says_so_behind_it, 0, 2);
        tcase_add_test(t, with_websocket_it_is_known_before_the_connection_is_open);
        tcase_add_test(t, the_report_of_an_open_connection_has_it_all);
        tcase_add_test(t, the_report_of_an_attempt_that_timed_out_says_where);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(problem_suite)
