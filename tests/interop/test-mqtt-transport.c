/* SPDX-License-Identifier: MIT */

/* Opening a connection, and everything that can be wrong with the way to the server. */

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <mqtt/tls-context.h>

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

static MqttEndpoint endpoint_of(const FakeServer *s) {
        return (MqttEndpoint){ .host = AZ_SPAN_FROM_STR("localhost"), .port = s->port, .ca_file = ca_file };
}

static void open_at(MqttLink *l, const MqttEndpoint *endpoint, const MqttSignJob *sign) {
        ck_assert_int_eq(mqtt_link_open(l, endpoint, sign, boottime_us()), 0);
}

/* Opens, and expects this problem with this in its text. */
static void expect_failure(MqttLink *l, const MqttEndpoint *endpoint, MqttStage stage, MqttProblem problem,
                           int error, const char *text) {
        MqttEvent e;

        open_at(l, endpoint, NULL);
        e = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        ck_assert_str_eq(mqtt_stage_to_string(e.open_failed.stage), mqtt_stage_to_string(stage));
        ck_assert_str_eq(mqtt_problem_to_string(e.open_failed.report->problem),
                         mqtt_problem_to_string(problem));
        ck_assert_int_eq(e.open_failed.error, error);
        ck_assert_msg(strstr(e.open_failed.text, text), "'%s' is not in '%s'", text, e.open_failed.text);
}

/* ---- Scripts ---- */

static void script_silent(FakeServer *s, int fd) {
        uint8_t bytes[4096];

        while (recv(fd, bytes, sizeof(bytes), 0) > 0)
                ;
}

static void script_hang_up(FakeServer *s, int fd) {
        uint8_t byte;

        (void) recv(fd, &byte, 1, 0);
}

static void script_plain_text(FakeServer *s, int fd) {
        (void) send(fd, "220 mail.example ESMTP\r\n", 24, MSG_NOSIGNAL);
        script_silent(s, fd);
}

/* ---- Trust ---- */

static const struct {
        const char *host, *certificate, *ca;
        int max_version;
        MqttProblem problem;
        int error; /* 0: the connection opens */
        const char *text;
} servers[] = {
        { "localhost", "server", "ca.pem", 0, MQTT_PROBLEM_NONE, 0, NULL },
        { "127.0.0.1", "server", "ca.pem", 0, MQTT_PROBLEM_NONE, 0, NULL },
        { "localhost", "server", "ca.pem", TLS1_2_VERSION, MQTT_PROBLEM_NONE, 0, NULL },
        { "localhost", "server", "ca.pem", TLS1_1_VERSION, MQTT_PROBLEM_TLS_PROTOCOL, -EPROTO,
          "TLS handshake with 'localhost' failed" },
        { "localhost", "other", "ca.pem", 0, MQTT_PROBLEM_CERTIFICATE_NAME, -EKEYREJECTED,
          "TLS certificate of 'localhost' was refused: hostname mismatch (it is of 'CN=other', issued by "
          "'CN=ca')" },
        { "127.0.0.1", "other", "ca.pem", 0, MQTT_PROBLEM_CERTIFICATE_NAME, -EKEYREJECTED,
          "IP address mismatch" },
        { "localhost", "expired", "ca.pem", 0, MQTT_PROBLEM_CERTIFICATE_EXPIRED, -EKEYREJECTED,
          "certificate has expired" },
        { "localhost", "server", "stranger.pem", 0, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, -EKEYREJECTED,
          "unable to get local issuer certificate" },
        { "localhost", "server", NULL, 0, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, -EKEYREJECTED,
          "unable to get local issuer certificate" },
        { "localhost", "server", "none.pem", 0, MQTT_PROBLEM_TRUST_FILE, -EBADMSG,
          "none.pem' has no certificate" },
        { "localhost", "server", "missing.pem", 0, MQTT_PROBLEM_TRUST_FILE, -ENOENT,
          "missing.pem': No such file or directory" },
};

START_TEST(a_server_is_believed_for_its_certificate_only) {
        FakeServer s = { .pki = &pki, .certificate = servers[_i].certificate, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char path[PATH_MAX];
        MqttEndpoint endpoint;

        s.max_version = servers[_i].max_version;
        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.host = str(servers[_i].host);
        endpoint.ca_file = servers[_i].ca ? pki_path(&pki, servers[_i].ca, path) : NULL;
        if (servers[_i].error == 0) {
                open_at(l, &endpoint, NULL);
                ck_assert_int_eq(az_span_size(drive_expect(l, MQTT_EVENT_OPENED).opened.signature), 0);
        } else {
                expect_failure(l, &endpoint,
                               servers[_i].problem == MQTT_PROBLEM_TRUST_FILE ? MQTT_STAGE_IDENTITY
                                                                              : MQTT_STAGE_TLS,
                               servers[_i].problem, servers[_i].error, servers[_i].text);
        }
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static void file_copy(const char *from, const char *to) {
        char path[PATH_MAX], bytes[4096];
        FILE *in = fopen(pki_path(&pki, from, path), "re"), *out = fopen(pki_path(&pki, to, path), "we");
        size_t n = fread(bytes, 1, sizeof(bytes), in);

        ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
        (void) fclose(in);
        (void) fclose(out);
}

/* A directory as c_rehash makes it: the name of the file is a hash of the authority's name. */
static void directory_make(char *path, size_t size) {
        char name[64], from[PATH_MAX];
        FILE *f = fopen(pki_path(&pki, "ca.pem", from), "re");
        X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);

        (void) snprintf(path, size, "%s/certs", pki.dir);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        (void) snprintf(name, sizeof(name), "certs/%08lx.0", X509_subject_name_hash(certificate));
        file_copy("ca.pem", name);
        X509_free(certificate);
        (void) fclose(f);
}

START_TEST(the_systems_authorities_are_trusted_besides_the_file) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char path[PATH_MAX], directory[PATH_MAX];
        MqttEndpoint endpoint;

        if (_i < 2) {
                (void) setenv("SSL_CERT_FILE", ca_file, 1);
        } else {
                directory_make(directory, sizeof(directory));
                (void) unsetenv("SSL_CERT_FILE");
                (void) setenv("SSL_CERT_DIR", directory, 1);
        }
        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.ca_file = _i == 0 ? NULL : pki_path(&pki, "stranger.pem", path);
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(the_systems_authorities_are_not_trusted_if_only_the_file_is) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char path[PATH_MAX];
        MqttEndpoint endpoint;

        (void) setenv("SSL_CERT_FILE", ca_file, 1);
        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.ca_file = pki_path(&pki, "stranger.pem", path);
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        mqtt_link_close(l);
        endpoint.ca_only = true;
        expect_failure(l, &endpoint, MQTT_STAGE_TLS, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, -EKEYREJECTED,
                       "unable to get local issuer certificate");
        endpoint.ca_file = ca_file;
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(a_changed_file_of_authorities_is_read_again) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char path[PATH_MAX];
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.ca_file = pki_path(&pki, "changing.pem", path);
        for (unsigned i = 0; i < 3; i++) {
                file_copy("stranger.pem", "changing.pem");
                expect_failure(l, &endpoint, MQTT_STAGE_TLS, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED,
                               -EKEYREJECTED, "was refused");
                file_copy("ca.pem", "changing.pem");
                open_at(l, &endpoint, NULL);
                (void) drive_expect(l, MQTT_EVENT_OPENED);
                mqtt_link_close(l);
        }
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(all_files_of_a_directory_of_authorities_count) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char path[PATH_MAX];
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.ca_file = pki_path(&pki, "authorities", path);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        expect_failure(l, &endpoint, MQTT_STAGE_IDENTITY, MQTT_PROBLEM_TRUST_FILE, -ENOENT,
                       "authorities' cannot be used: there is no file in it");

        file_copy("ca.pem", "authorities/..kept-by-somebody");
        file_copy("stranger.pem", "authorities/stranger.pem");
        expect_failure(l, &endpoint, MQTT_STAGE_TLS, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, -EKEYREJECTED,
                       "was refused");
        for (unsigned i = 0; i < 2; i++) {
                file_copy("ca.pem", "authorities/zone.pem");
                open_at(l, &endpoint, NULL);
                (void) drive_expect(l, MQTT_EVENT_OPENED);
                mqtt_link_close(l);

                file_copy("stranger.pem", "authorities/zone.pem");
                expect_failure(l, &endpoint, MQTT_STAGE_TLS, MQTT_PROBLEM_CERTIFICATE_UNTRUSTED,
                               -EKEYREJECTED, "was refused");
        }
        file_copy("server.key", "authorities/zone.pem");
        expect_failure(l, &endpoint, MQTT_STAGE_IDENTITY, MQTT_PROBLEM_TRUST_FILE, -EBADMSG,
                       "authorities/zone.pem' has no certificate");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static SSL_CTX *cache_get(MqttTlsCache *c, const char *path) {
        const MqttTlsFiles files = { .ca = (char *) path };
        char text[MQTT_TEXT_MAX];
        MqttTlsContext context;
        MqttProblem problem;
        SSL_CTX *ctx;

        ck_assert_int_eq(mqtt_tls_cache_get(c, &files, &context, &problem, text, sizeof(text)), 0);
        ctx = context.ctx;
        mqtt_tls_context_done(&context); /* the cache has one, too */
        return ctx;
}

START_TEST(a_context_is_kept_until_one_of_its_files_changes) {
        char path[PATH_MAX], system_path[PATH_MAX];
        MqttTlsCache *c;
        SSL_CTX *ctx;

        ck_assert_int_eq(mqtt_tls_cache_new(&c), 0);
        file_copy("ca.pem", "changing.pem");
        (void) setenv("SSL_CERT_FILE", pki_path(&pki, "system.pem", system_path), 1);
        ctx = cache_get(c, pki_path(&pki, "changing.pem", path));
        (void) SSL_CTX_up_ref(ctx); /* so that the address is not used again */
        ck_assert_ptr_eq(cache_get(c, path), ctx);
        file_copy("ca.pem", "system.pem");
        ck_assert_ptr_ne(cache_get(c, path), ctx);
        SSL_CTX_free(ctx);

        ctx = cache_get(c, path);
        (void) SSL_CTX_up_ref(ctx);
        ck_assert_ptr_ne(cache_get(c, NULL), ctx);
        SSL_CTX_free(ctx);
        (void) mqtt_tls_cache_free(c);
}
END_TEST

static void script_check_server_name(FakeServer *s, int fd) {
        SSL *ssl = fake_server_open_tls(s, fd);
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        const char *expected = s->userdata;

        ck_assert(expected ? name && strcmp(name, expected) == 0 : !name);
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

static const struct {
        const char *host, *server_name;
} server_names[] = {
        { "localhost", "localhost" }, { "127.0.0.1", NULL }, /* RFC 6066: no addresses */
};

START_TEST(the_server_is_told_the_name) {
        FakeServer s = { .pki = &pki,
                         .script = script_check_server_name,
                         .userdata = (void *) server_names[_i].server_name };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.host = str(server_names[_i].host);
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

/* ---- The way ---- */

START_TEST(a_refused_port_is_said_so) {
        FakeServer s = { .pki = &pki, .script = script_silent };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        fake_server_stop(&s);
        expect_failure(l, &endpoint, MQTT_STAGE_TCP, MQTT_PROBLEM_REFUSED, -ECONNREFUSED,
                       "Connection refused");
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(a_listener_that_does_not_answer_times_out) {
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("127.0.0.1"),
                                  .tcp_timeout_us = 200 * USEC_PER_MSEC };
        DriveDead dead = {};

        drive_dead_start(&dead);
        endpoint.port = dead.port;
        expect_failure(l, &endpoint, MQTT_STAGE_TCP, MQTT_PROBLEM_TIMEOUT, -ETIMEDOUT,
                       "no answer within 0.2 s");
        (void) mqtt_link_free(l);
        drive_dead_stop(&dead);
}
END_TEST

static const struct {
        FakeScript script;
        MqttProblem problem;
        int error;
        const char *text;
} handshakes[] = {
        { script_silent, MQTT_PROBLEM_TIMEOUT, -ETIMEDOUT,
          "TLS handshake with 'localhost' did not end within 0.2 s" },
        { script_hang_up, MQTT_PROBLEM_RESET, -ECONNRESET, "TLS handshake with 'localhost' failed" },
        { script_plain_text, MQTT_PROBLEM_NOT_TLS, -EPROTO,
          "the peer does not speak TLS: '220 mail.example ESMTP'" },
};

START_TEST(a_server_that_does_not_speak_tls_is_said_so) {
        FakeServer s = { .pki = &pki, .script = handshakes[_i].script };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.tls_timeout_us = 200 * USEC_PER_MSEC;
        expect_failure(l, &endpoint, MQTT_STAGE_TLS, handshakes[_i].problem, handshakes[_i].error,
                       handshakes[_i].text);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

/* A slow link: each byte in a segment of its own, in both directions. */
static void script_dribble(FakeServer *s, int client_fd) {
        const FakeServer *behind = s->userdata;
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                             .sin_port = htons(behind->port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct pollfd ends[] = { { client_fd, POLLIN, 0 }, { fd, POLLIN, 0 } };
        bool is_open = connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0;

        while (is_open && poll(ends, 2, -1) > 0)
                for (size_t i = 0; i < 2 && is_open; i++) {
                        uint8_t byte;

                        if (ends[i].revents != 0)
                                is_open = recv(ends[i].fd, &byte, 1, 0) == 1 &&
                                          send(ends[1 - i].fd, &byte, 1, MSG_NOSIGNAL) == 1;
                }
        (void) close(fd);
}

static void script_message(FakeServer *s, int fd) {
        static const uint8_t message[] = { 0x32, 9, 0, 1, 't', 0, 7, 's', 'l', 'o', 'w' };
        FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_accept_mqtt(s, fd);

        (void) fake_server_write(ssl, message, sizeof(message));
        ck_assert(fake_server_read(ssl, packet));
        ck_assert_uint_eq(packet->type, 4);
        free(packet);
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

START_TEST(a_link_that_brings_byte_by_byte_works) {
        FakeServer behind = { .pki = &pki, .script = script_message };
        FakeServer s = { .pki = &pki, .script = script_dribble, .userdata = &behind };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        fake_server_start(&behind);
        fake_server_start(&s);
        (void) drive_connect(l, &pki, s.port, "device", true);
        e = drive_expect(l, MQTT_EVENT_MESSAGE);
        ck_assert_span_eq(e.message.publish.payload, "slow");
        mqtt_link_ack(l, e.message.ack);
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        ck_assert_int_eq(drive_expect(l, MQTT_EVENT_LOST).lost.cause, MQTT_LOST_ASKED);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        fake_server_stop(&behind);
}
END_TEST

/* ---- Signing ---- */

typedef struct Signing {
        int result;
        int wait_ms;
        int n_begun, n_destroyed;
        pthread_t thread;
} Signing;

static int sign(void *userdata, az_span input, char *ret_signature, size_t size) {
        Signing *s = userdata;

        s->thread = pthread_self();
        __atomic_add_fetch(&s->n_begun, 1, __ATOMIC_SEQ_CST);
        (void) poll(NULL, 0, s->wait_ms);
        (void) snprintf(ret_signature, size, "signed %.*s", az_span_size(input), (char *) az_span_ptr(input));
        return s->result;
}

static void signing_destroy(void *userdata) {
        Signing *s = userdata;

        __atomic_add_fetch(&s->n_destroyed, 1, __ATOMIC_SEQ_CST);
}

/* Waits until the counter is 1; no event comes meanwhile. */
static void expect_one(MqttLink *l, const int *counter) {
        for (unsigned i = 0; i < 500 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) == 0; i++)
                drive_expect_nothing(l, 10);
        ck_assert_int_eq(__atomic_load_n(counter, __ATOMIC_SEQ_CST), 1);
}

static MqttSignJob sign_job(Signing *s, char *input) {
        return (MqttSignJob){ .sign = sign,
                              .destroy = signing_destroy,
                              .userdata = s,
                              .input = az_span_create_from_str(input) };
}

START_TEST(signing_runs_in_a_thread_and_its_result_comes_with_the_connection) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char input[] = "this";
        Signing signing = {};
        MqttSignJob job = sign_job(&signing, input);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        open_at(l, &endpoint, &job);
        memset(input, 'x', sizeof(input) - 1);
        ck_assert_span_eq(drive_expect(l, MQTT_EVENT_OPENED).opened.signature, "signed this");
        ck_assert(!pthread_equal(signing.thread, pthread_self()));
        ck_assert_int_eq(signing.n_destroyed, 1);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(a_key_that_cannot_sign_ends_the_attempt) {
        FakeServer s = { .pki = &pki, .port = 1 };
        const MqttEndpoint endpoint = endpoint_of(&s);
        MqttLink *l = drive_new(&pki, NULL);
        char input[] = "this";
        Signing signing = { .result = -EACCES };
        MqttSignJob job = sign_job(&signing, input);
        MqttEvent e;

        open_at(l, &endpoint, &job);
        e = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(e.open_failed.stage, MQTT_STAGE_SIGN);
        ck_assert_int_eq(e.open_failed.error, -EACCES);
        ck_assert_str_eq(e.open_failed.text, "Cannot sign with the device's key: Permission denied");
        ck_assert_int_eq(signing.n_destroyed, 1);
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(a_key_that_takes_too_long_is_left_behind) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char input[] = "this";
        Signing signing = { .wait_ms = 500 };
        MqttSignJob job = sign_job(&signing, input);
        MqttEndpoint endpoint;
        MqttEvent e;

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        endpoint.sign_timeout_us = 50 * USEC_PER_MSEC;
        open_at(l, &endpoint, &job);
        e = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(e.open_failed.stage, MQTT_STAGE_SIGN);
        ck_assert_int_eq(e.open_failed.error, -ETIMEDOUT);

        /* Its late result is not taken for that of the next attempt. */
        open_at(l, &endpoint, NULL);
        ck_assert_int_eq(az_span_size(drive_expect(l, MQTT_EVENT_OPENED).opened.signature), 0);
        expect_one(l, &signing.n_destroyed);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(a_third_attempt_waits_for_one_of_two_workers) {
        FakeServer s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        char input[] = "this";
        Signing signings[2] = { { .wait_ms = 500 }, { .wait_ms = 5000 } };
        MqttEndpoint endpoint;
        uint64_t begin_us = boottime_us();

        fake_server_start(&s);
        endpoint = endpoint_of(&s);
        for (size_t i = 0; i < 2; i++) {
                MqttSignJob job = sign_job(&signings[i], input);

                open_at(l, &endpoint, &job);
                expect_one(l, &signings[i].n_begun);
                mqtt_link_close(l);
        }
        endpoint.name_timeout_us = 100 * USEC_PER_MSEC;
        expect_failure(l, &endpoint, MQTT_STAGE_NAME, MQTT_PROBLEM_NAME_SERVER, -ETIMEDOUT,
                       "Cannot resolve 'localhost'");
        endpoint.name_timeout_us = 2 * USEC_PER_SEC;
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        ck_assert_uint_ge(boottime_us() - begin_us, 490 * USEC_PER_MSEC);

        /* Nor is the one that still signs waited for. */
        begin_us = boottime_us();
        (void) mqtt_link_free(l);
        ck_assert_uint_lt(boottime_us() - begin_us, 2 * USEC_PER_SEC);
        fake_server_stop(&s);
}
END_TEST

/* ---- Closing ---- */

START_TEST(closing_ends_an_attempt_without_an_event) {
        FakeServer silent = { .pki = &pki, .script = script_silent },
                   s = { .pki = &pki, .script = fake_script_tls };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&silent);
        fake_server_start(&s);
        endpoint = endpoint_of(&silent);
        open_at(l, &endpoint, NULL);
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), -EBUSY);
        drive_expect_nothing(l, 50);
        mqtt_link_close(l);
        ck_assert_uint_eq(mqtt_link_deadline_us(l), UINT64_MAX);
        drive_expect_nothing(l, 50);

        endpoint = endpoint_of(&s);
        open_at(l, &endpoint, NULL);
        (void) drive_expect(l, MQTT_EVENT_OPENED);
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), -EBUSY);
        mqtt_link_close(l);
        drive_expect_nothing(l, 50);
        (void) mqtt_link_free(l);
        fake_server_stop(&silent);
        fake_server_stop(&s);
}
END_TEST

static void open_and_close(MqttLink *l, const MqttEndpoint *endpoint, bool is_ok, bool is_waited_for) {
        open_at(l, endpoint, NULL);
        if (is_waited_for)
                (void) drive_expect(l, is_ok ? MQTT_EVENT_OPENED : MQTT_EVENT_OPEN_FAILED);
        mqtt_link_close(l);
}

START_TEST(many_attempts_leave_no_fd_and_no_thread) {
        FakeServer good = { .pki = &pki, .script = fake_script_mqtt };
        FakeServer other = { .pki = &pki, .certificate = "other", .script = fake_script_tls };
        FakeServer closed = { .pki = &pki, .script = script_silent };
        MqttEndpoint endpoints[3];
        MqttLink *l = drive_new(&pki, NULL);
        unsigned n_fds, n_threads;

        fake_server_start(&good);
        fake_server_start(&other);
        fake_server_start(&closed);
        endpoints[0] = endpoint_of(&good);
        endpoints[1] = endpoint_of(&other);
        endpoints[2] = endpoint_of(&closed);
        fake_server_stop(&closed);
        (void) drive_connect(l, &pki, good.port, "device", true);
        mqtt_link_close(l);
        n_fds = drive_count_entries("/proc/self/fd");
        n_threads = drive_count_entries("/proc/self/task");

        for (unsigned i = 0; i < 60; i++) {
                open_and_close(l, &endpoints[i % 3], i % 3 == 0, i % 2 == 0);
                (void) drive_connect(l, &pki, good.port, "device", true);
                mqtt_link_close(l);
        }
        for (unsigned i = 0; i < 100 && (drive_count_entries("/proc/self/task") > n_threads ||
                                         drive_count_entries("/proc/self/fd") > n_fds);
             i++)
                drive_expect_nothing(l, 20);
        ck_assert_uint_le(drive_count_entries("/proc/self/task"), n_threads);
        ck_assert_uint_le(drive_count_entries("/proc/self/fd"), n_fds);
        (void) mqtt_link_free(l);
        fake_server_stop(&good);
        fake_server_stop(&other);
}
END_TEST

static const struct {
        mode_t mode;
        int result;
} directories[] = { { 0700, 0 }, { 0500, 0 }, { 0750, -EPERM }, { 0701, -EPERM }, { 0777, -EPERM } };

START_TEST(a_directory_open_to_others_is_refused) {
        const MqttLinkConfig config = { .runtime_dir = pki.dir };
        MqttLink *l = NULL;

        ck_assert_int_eq(chmod(pki.dir, directories[_i].mode), 0);
        ck_assert_int_eq(mqtt_link_new(&l, &config), directories[_i].result);
        (void) mqtt_link_free(l);
        ck_assert_int_eq(chmod(pki.dir, 0700), 0);
}
END_TEST

START_TEST(numbers_out_of_their_range_are_refused) {
        const MqttLinkConfig configs[] = {
                { .runtime_dir = pki.dir, .window = 257 },
                { .runtime_dir = pki.dir, .receive_max = 65536 },
                { .runtime_dir = pki.dir, .max_packet_bytes = 100 },
        };
        const MqttEndpoint endpoints[] = { { .port = 1 },
                                           { .host = AZ_SPAN_FROM_STR("h") },
                                           { .host = AZ_SPAN_FROM_STR("h\0"), .port = 1 } };
        MqttLink *l;

        for (size_t i = 0; i < ELEMENTSOF(configs); i++)
                ck_assert_int_eq(mqtt_link_new(&l, &configs[i]), -EINVAL);
        l = drive_new(&pki, NULL);
        for (size_t i = 0; i < ELEMENTSOF(endpoints); i++)
                ck_assert_int_eq(mqtt_link_open(l, &endpoints[i], NULL, 0), -EINVAL);
        (void) mqtt_link_free(l);
}
END_TEST

static Suite *transport_suite(void) {
        Suite *s = suite_create("mqtt-transport");
        TCase *t = tcase_create("transport");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, a_server_is_believed_for_its_certificate_only, 0, ELEMENTSOF(servers));
        tcase_add_loop_test(t, the_systems_authorities_are_trusted_besides_the_file, 0, 3);
        tcase_add_test(t, the_systems_authorities_are_not_trusted_if_only_the_file_is);
        tcase_add_test(t, a_changed_file_of_authorities_is_read_again);
        tcase_add_test(t, all_files_of_a_directory_of_authorities_count);
        tcase_add_test(t, a_context_is_kept_until_one_of_its_files_changes);
        tcase_add_loop_test(t, the_server_is_told_the_name, 0, ELEMENTSOF(server_names));
        tcase_add_test(t, a_refused_port_is_said_so);
        tcase_add_test(t, a_listener_that_does_not_answer_times_out);
        tcase_add_loop_test(t, a_server_that_does_not_speak_tls_is_said_so, 0, ELEMENTSOF(handshakes));
        tcase_add_test(t, a_link_that_brings_byte_by_byte_works);
        tcase_add_test(t, signing_runs_in_a_thread_and_its_result_comes_with_the_connection);
        tcase_add_test(t, a_key_that_cannot_sign_ends_the_attempt);
        tcase_add_test(t, a_key_that_takes_too_long_is_left_behind);
        tcase_add_test(t, a_third_attempt_waits_for_one_of_two_workers);
        tcase_add_test(t, closing_ends_an_attempt_without_an_event);
        tcase_add_test(t, many_attempts_leave_no_fd_and_no_thread);
        tcase_add_loop_test(t, a_directory_open_to_others_is_refused, 0, ELEMENTSOF(directories));
        tcase_add_test(t, numbers_out_of_their_range_are_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(transport_suite)
