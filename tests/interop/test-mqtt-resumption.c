/* SPDX-License-Identifier: MIT */

/* A connection goes on with the TLS session of the one before, and without it if that does not work. */

#include <arpa/inet.h>
#include <mqtt/tls-session.h>
#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "program.h"
#include "tests/unit/unit-span.h"

#define BROKER "/usr/sbin/mosquitto"

static Pki pki;

static void set_up(void) {
        pki_make(&pki);
        drive_distrust_system();
}

static void tear_down(void) {
        pki_remove(&pki);
}

/* Opens a connection and sends CONNECT: the server's tickets come with its CONNACK. */
static MqttReport connect_once(MqttLink *l, const char *host, uint16_t port, const char *ca) {
        const MqttConnect connect = { .client_id = AZ_SPAN_FROM_STR("device"),
                                      .keep_alive_s = 60,
                                      .clean_session = true };
        char path[PATH_MAX];
        const MqttEndpoint endpoint = { .host = str(host),
                                        .port = port,
                                        .ca_file = pki_path(&pki, ca, path) };
        MqttReport report;

        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        report = *drive_expect(l, MQTT_EVENT_OPENED).opened.report;
        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), 0);
        ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_CONNACK).connack.code, 0);
        return report;
}

/* ---- Which connections share a session ---- */

static const struct {
        const char *host;
        int max_version;
        bool is_same_context; /* of the server: it knows its tickets again */
        bool is_resumed;
        const char *version;
} servers[] = {
        { "localhost", 0, true, true, "TLSv1.3" },   { "localhost", TLS1_2_VERSION, true, true, "TLSv1.2" },
        { "localhost", 0, false, false, "TLSv1.3" }, { "localhost", TLS1_2_VERSION, false, false, "TLSv1.2" },
        { "127.0.0.1", 0, true, false, "TLSv1.3" },
};

START_TEST(the_next_connection_goes_on_with_the_session) {
        FakeServer s = { .pki = &pki, .max_version = servers[_i].max_version, .script = fake_script_mqtt };
        MqttLink *l = drive_new(&pki, NULL);

        if (servers[_i].is_same_context)
                s.ctx = fake_server_context_new(&s);
        fake_server_start(&s);
        for (unsigned i = 0; i < 4; i++) {
                MqttReport report = connect_once(l, servers[_i].host, s.port, "ca.pem");

                ck_assert(report.is_resumed == (i > 0 && servers[_i].is_resumed));
                ck_assert_str_eq(report.tls_version, servers[_i].version);
                ck_assert_str_ne(report.tls_cipher, "");
                ck_assert_str_eq(report.server.subject, "CN=server");
                ck_assert_str_eq(report.server.issuer, "CN=ca");
                if (i % 2 == 0) {
                        mqtt_link_close(l);
                        continue;
                }
                ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
                (void) drive_expect(l, MQTT_EVENT_LOST);
        }
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        SSL_CTX_free(s.ctx);
}
END_TEST

static void file_copy(const char *from, const char *to) {
        char path[PATH_MAX], bytes[4096];
        FILE *in = fopen(pki_path(&pki, from, path), "re"), *out = fopen(pki_path(&pki, to, path), "ae");
        size_t n = fread(bytes, 1, sizeof(bytes), in);

        ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
        (void) fclose(in);
        (void) fclose(out);
}

START_TEST(a_session_is_dropped_when_other_certificates_are_trusted) {
        FakeServer s = { .pki = &pki, .script = fake_script_mqtt };
        MqttLink *l = drive_new(&pki, NULL);

        s.ctx = fake_server_context_new(&s);
        fake_server_start(&s);
        file_copy("ca.pem", "changing.pem");
        (void) connect_once(l, "localhost", s.port, "changing.pem");
        mqtt_link_close(l);
        ck_assert(connect_once(l, "localhost", s.port, "changing.pem").is_resumed);
        mqtt_link_close(l);
        file_copy("stranger.pem", "changing.pem");
        ck_assert(!connect_once(l, "localhost", s.port, "changing.pem").is_resumed);
        mqtt_link_close(l);
        ck_assert(connect_once(l, "localhost", s.port, "changing.pem").is_resumed);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        SSL_CTX_free(s.ctx);
}
END_TEST

/* A session that such a server gives, and says nothing more: with TLS 1.2 it comes with the handshake. */
static SSL *handshake(SSL_CTX *ctx, const char *host, uint16_t port) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        SSL *ssl = SSL_new(ctx);

        ck_assert_int_eq(connect(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(SSL_set_tlsext_host_name(ssl, host), 1);
        ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
        ck_assert_int_eq(SSL_connect(ssl), 1);
        return ssl;
}

static void keep_session(MqttTlsSessions *sessions, SSL_CTX *ctx, const char *host, uint16_t port) {
        SSL *ssl = handshake(ctx, host, port);

        mqtt_tls_sessions_keep(sessions, ssl);
        (void) close(SSL_get_fd(ssl));
        SSL_free(ssl);
}

static bool is_offered(MqttTlsSessions *sessions, SSL_CTX *ctx, const char *host) {
        SSL *ssl = SSL_new(ctx);
        bool is_offered;

        ck_assert_int_eq(SSL_set_tlsext_host_name(ssl, host), 1);
        is_offered = mqtt_tls_sessions_offer(sessions, ssl);
        SSL_free(ssl);
        return is_offered;
}

static const struct {
        const char *certificate;
        bool is_offered;
} dates[] = { { "server", true }, { "expired", false }, { "future", false } };

START_TEST(a_session_is_not_good_for_longer_than_the_certificate_of_its_server) {
        FakeServer s = { .pki = &pki,
                         .certificate = dates[_i].certificate,
                         .max_version = TLS1_2_VERSION,
                         .script = fake_script_tls };
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        MqttTlsSessions *sessions;

        ck_assert_int_eq(mqtt_tls_sessions_new(&sessions), 0);
        fake_server_start(&s);
        keep_session(sessions, ctx, "localhost", s.port);
        ck_assert(is_offered(sessions, ctx, "localhost") == dates[_i].is_offered);
        ck_assert(!is_offered(sessions, ctx, "localhost"));
        (void) mqtt_tls_sessions_free(sessions);
        SSL_CTX_free(ctx);
        fake_server_stop(&s);
}
END_TEST

START_TEST(the_session_of_one_host_stays_while_another_is_used_again_and_again) {
        FakeServer s = { .pki = &pki, .max_version = TLS1_2_VERSION, .script = fake_script_tls };
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        MqttTlsSessions *sessions;

        ck_assert_int_eq(mqtt_tls_sessions_new(&sessions), 0);
        fake_server_start(&s);
        keep_session(sessions, ctx, "provisioning", s.port);
        for (unsigned i = 0; i < 3; i++) {
                keep_session(sessions, ctx, "hub", s.port);
                ck_assert(is_offered(sessions, ctx, "hub"));
        }
        ck_assert(is_offered(sessions, ctx, "provisioning"));
        (void) mqtt_tls_sessions_free(sessions);
        SSL_CTX_free(ctx);
        fake_server_stop(&s);
}
END_TEST

/* ---- When it does not work ---- */

/* Breaks off whatever the second connection wants. */
static void script_break_second(FakeServer *s, int fd) {
        unsigned *n = s->userdata;
        uint8_t bytes[4096];

        if (++*n == 2)
                (void) recv(fd, bytes, sizeof(bytes), 0);
        else
                fake_script_mqtt(s, fd);
}

START_TEST(a_server_that_breaks_off_over_a_session_is_asked_again_without) {
        unsigned n_connections = 0;
        FakeServer s = { .pki = &pki, .script = script_break_second, .userdata = &n_connections };
        MqttLink *l = drive_new(&pki, NULL);

        s.ctx = fake_server_context_new(&s);
        fake_server_start(&s);
        (void) connect_once(l, "localhost", s.port, "ca.pem");
        mqtt_link_close(l);
        ck_assert(!connect_once(l, "localhost", s.port, "ca.pem").is_resumed);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        SSL_CTX_free(s.ctx);
        ck_assert_uint_eq(n_connections, 3);
}
END_TEST

/* Takes the session of the second connection, but not its CONNECT. */
static void script_refuse_second(FakeServer *s, int fd) {
        unsigned *n = s->userdata;
        FakePacket packet;
        SSL *ssl;

        if (++*n != 2) {
                fake_script_mqtt(s, fd);
                return;
        }
        ssl = fake_server_open_tls(s, fd);
        ck_assert(fake_server_read(ssl, &packet));
        fake_server_close_tls(ssl);
}

START_TEST(a_session_that_did_not_lead_to_a_connack_is_not_used_again) {
        const MqttConnect connect = { .client_id = AZ_SPAN_FROM_STR("device"), .keep_alive_s = 60 };
        unsigned n_connections = 0;
        FakeServer s = { .pki = &pki, .script = script_refuse_second, .userdata = &n_connections };
        MqttLink *l = drive_new(&pki, NULL);

        s.ctx = fake_server_context_new(&s);
        fake_server_start(&s);
        (void) connect_once(l, "localhost", s.port, "ca.pem");
        mqtt_link_close(l);
        drive_open(l, &pki, s.port);
        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), 0);
        (void) drive_expect(l, MQTT_EVENT_LOST);
        ck_assert(!connect_once(l, "localhost", s.port, "ca.pem").is_resumed);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        SSL_CTX_free(s.ctx);
}
END_TEST

/* ---- Mosquitto ---- */

START_TEST(mosquitto_takes_its_sessions_again) {
        MqttLink *l = drive_new(&pki, NULL);
        uint16_t port = program_find_port();
        char path[PATH_MAX];
        FILE *f = fopen(pki_path(&pki, "mosquitto.conf", path), "we");
        pid_t pid;

        fprintf(f,
                "allow_anonymous true\nlistener %u 127.0.0.1\ncertfile %s/server.pem\nkeyfile %s/server.key\n"
                "tls_version %s\nlog_dest none\nuser root\n",
                port, pki.dir, pki.dir, _i == 0 ? "tlsv1.3" : "tlsv1.2");
        (void) fclose(f);
        pid = program_start(BROKER, "-c", path, port);
        for (unsigned i = 0; i < 3; i++) {
                ck_assert(connect_once(l, "localhost", port, "ca.pem").is_resumed == (i > 0));
                mqtt_link_close(l);
        }
        (void) mqtt_link_free(l);
        program_stop(pid);
}
END_TEST

static Suite *resumption_suite(void) {
        Suite *s = suite_create("mqtt-resumption");
        TCase *t = tcase_create("resumption");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, the_next_connection_goes_on_with_the_session, 0, ELEMENTSOF(servers));
        tcase_add_test(t, a_session_is_dropped_when_other_certificates_are_trusted);
        tcase_add_test(t, a_server_that_breaks_off_over_a_session_is_asked_again_without);
        tcase_add_loop_test(t, a_session_is_not_good_for_longer_than_the_certificate_of_its_server, 0,
                            ELEMENTSOF(dates));
        tcase_add_test(t, the_session_of_one_host_stays_while_another_is_used_again_and_again);
        tcase_add_test(t, a_session_that_did_not_lead_to_a_connack_is_not_used_again);
        tcase_add_loop_test(t, mosquitto_takes_its_sessions_again, 0, 2);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(resumption_suite)
