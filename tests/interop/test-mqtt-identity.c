/* SPDX-License-Identifier: MIT */

/* The device's certificate: from files to the server; what is wrong with files is said of the right one. */

#include <mqtt/tls-context.h>

#include <openssl/pem.h>
#include <sys/stat.h>

#include "drive.h"
#include "fake-server.h"
#include "tests/unit/unit-span.h"

static Pki pki;

/* Writes a file of this text. */
static void write_file(const char *name, const char *text, size_t n) {
        char path[PATH_MAX];
        FILE *f = fopen(pki_path(&pki, name, path), "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(text, 1, n, f), n);
        ck_assert_int_eq(fclose(f), 0);
}

static size_t read_file(const char *name, char *bytes, size_t size) {
        char path[PATH_MAX];
        FILE *f = fopen(pki_path(&pki, name, path), "re");
        size_t n;

        ck_assert_ptr_nonnull(f);
        n = fread(bytes, 1, size, f);
        ck_assert_int_eq(fclose(f), 0);
        return n;
}

/* The first 'n' bytes of one file, then all of another, if there is one. */
static void make_file(const char *name, const char *first, size_t n, const char *second) {
        char bytes[16384];
        size_t n_bytes = MIN(read_file(first, bytes, sizeof(bytes)), n);

        if (second)
                n_bytes += read_file(second, bytes + n_bytes, sizeof(bytes) - n_bytes);
        write_file(name, bytes, n_bytes);
}

static void make_files(void) {
        static char huge[MQTT_IDENTITY_FILE_MAX + 1];
        char path[PATH_MAX];

        make_file("both.pem", "device.pem", SIZE_MAX, "device.key");
        make_file("cut.pem", "device.pem", 300, NULL);
        make_file("cut-chain.pem", "server.pem", SIZE_MAX, "cut.pem");
        make_file("cut.key", "device.key", 100, NULL);
        make_file("cut-locked.key", "locked.key", 250, NULL);
        (void) read_file("device.pem", huge, 4096);
        memset(huge + 100, 'A', 40);
        write_file("changed.pem", huge, strlen(huge));
        memset(huge, '\n', sizeof(huge));
        write_file("huge.pem", huge, sizeof(huge));
        write_file("empty", "", 0);
        write_file("password", "secret\n", 7);
        write_file("wrong", "other", 5);
        write_file("long", huge, 2000);
        ck_assert_int_eq(mkdir(pki_path(&pki, "directory", path), 0700), 0);
        ck_assert_int_eq(mkfifo(pki_path(&pki, "fifo", path), 0600), 0);
}

static void set_up(void) {
        pki_make(&pki);
        make_files();
        drive_distrust_system();
}

static void tear_down(void) {
        pki_remove(&pki);
}

/* NULL: there is no such file. */
static const struct {
        const char *certificate, *key, *password;
        const char *file, *text; /* which file it is, and what is wrong with it; NULL: nothing is */
} sets[] = {
        { "device.pem", "device.key", NULL, NULL, NULL },
        { "device.pem", "device.key", "password", NULL, NULL }, /* not needed */
        { "both.pem", NULL, NULL, NULL, NULL },
        { "device.pem", "both.pem", NULL, NULL, NULL },
        { "device.pem", "locked.key", "password", NULL, NULL },
        { "expired.pem", "expired.key", NULL, NULL, NULL },
        { "missing", "device.key", NULL, "missing", "No such file" },
        { "directory", "device.key", NULL, "directory", "not a regular file" },
        { "fifo", "device.key", NULL, "fifo", "not a regular file" },
        { "huge.pem", "device.key", NULL, "huge.pem", "File too large" },
        { "empty", "device.key", NULL, "empty", "has no certificate" },
        { "none.pem", "device.key", NULL, "none.pem", "has no certificate" },
        { "device.key", "device.key", NULL, "device.key", "has no certificate" },
        { "cut.pem", "device.key", NULL, "cut.pem", "is damaged" },
        { "changed.pem", "device.key", NULL, "changed.pem", "is damaged" },
        { "cut-chain.pem", "server.key", NULL, "cut-chain.pem", "intermediate" },
        { "device.pem", NULL, NULL, "device.pem", "has no private key" },
        { "device.pem", "missing", NULL, "missing", "private key file" },
        { "device.pem", "empty", NULL, "empty", "has no private key" },
        { "device.pem", "none.pem", NULL, "none.pem", "has no private key" },
        { "device.pem", "cut.key", NULL, "cut.key", "is damaged" },
        { "device.pem", "server.key", NULL, "server.key", "does not belong to the first certificate" },
        { "device.pem", "locked.key", NULL, "locked.key", "encrypted, and no password" },
        { "device.pem", "locked.key", "wrong", "wrong", "does not open" },
        { "device.pem", "locked.key", "missing", "missing", "password file" },
        { "device.pem", "locked.key", "empty", "empty", "is empty" },
        { "device.pem", "locked.key", "long", "long", "File too large" },
        { "device.pem", "cut-locked.key", "password", "cut-locked.key", "is damaged" },
        { "device.pem", "fifo", NULL, "fifo", "not a regular file" },
};

static char *path_of(const char *name, char buffer[static PATH_MAX]) {
        return name ? (char *) pki_path(&pki, name, buffer) : NULL;
}

START_TEST(what_is_wrong_with_a_file_is_said_of_it) {
        char certificate[PATH_MAX], key[PATH_MAX], password[PATH_MAX], text[MQTT_TEXT_MAX] = "";
        const MqttTlsFiles files = { .certificate = path_of(sets[_i].certificate, certificate),
                                     .private_key = path_of(sets[_i].key, key),
                                     .password = path_of(sets[_i].password, password) };
        _cleanup_(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        int r;

        r = mqtt_identity_load(ctx, &files, NULL, text, sizeof(text));
        if (!sets[_i].text) {
                ck_assert_msg(r == 0, "%s", text);
                return;
        }
        ck_assert_int_lt(r, 0);
        ck_assert_msg(strstr(text, sets[_i].text), "%s", text);
        (void) snprintf(certificate, sizeof(certificate), "/%s'", sets[_i].file);
        ck_assert_msg(strstr(text, certificate), "%s", text);
        ck_assert_ptr_null(strstr(text, "secret"));
}
END_TEST

/* Whatever a cut makes of a file: a damaged one is refused, and nothing is read that is not there. */
START_TEST(a_file_that_was_cut_anywhere_is_refused) {
        char certificate[PATH_MAX], key[PATH_MAX], bytes[16384], text[MQTT_TEXT_MAX];
        const MqttTlsFiles files = { .certificate = path_of("cut.pem", certificate),
                                     .private_key = path_of("device.key", key) };
        size_t n = read_file("device.pem", bytes, sizeof(bytes));
        size_t n_first = (size_t) (strstr(bytes, "-----END") - bytes);

        for (size_t cut = 0; cut < n_first; cut += 13) {
                _cleanup_(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

                ck_assert_uint_lt(cut, n);
                write_file("cut.pem", bytes, cut);
                ck_assert_int_eq(mqtt_identity_load(ctx, &files, NULL, text, sizeof(text)), -EBADMSG);
        }
}
END_TEST

START_TEST(a_certificate_is_described) {
        char path[PATH_MAX], text[MQTT_TEXT_MAX];
        MqttIdentity device, other;

        ck_assert_int_eq(
                mqtt_identity_describe(&device, pki_path(&pki, "both.pem", path), text, sizeof(text)), 0);
        ck_assert_str_eq(device.common_name, "device");
        ck_assert_str_eq(device.certificate.subject, "CN=device");
        ck_assert_str_eq(device.certificate.issuer, "CN=intermediate");
        ck_assert_int_gt(device.certificate.not_after_s, time(NULL));
        ck_assert_int_eq(
                mqtt_identity_describe(&other, pki_path(&pki, "expired.pem", path), text, sizeof(text)), 0);
        ck_assert_int_eq(other.certificate.not_after_s, 365 * 86400);
        ck_assert_int_ne(memcmp(device.fingerprint, other.fingerprint, sizeof(other.fingerprint)), 0);
        ck_assert_int_eq(mqtt_identity_describe(&other, pki_path(&pki, "none.pem", path), text, sizeof(text)),
                         -EBADMSG);
}
END_TEST

typedef struct Endpoint {
        char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX];
        MqttEndpoint endpoint;
} Endpoint;

static const MqttEndpoint *endpoint_init(Endpoint *e, const FakeServer *s, const char *certificate,
                                         const char *key) {
        e->endpoint = (MqttEndpoint){
                .host = AZ_SPAN_FROM_STR("localhost"),
                .port = s->port,
                .ca_file = pki_path(&pki, "ca.pem", e->ca),
                .certificate_file = path_of(certificate, e->certificate),
                .private_key_file = path_of(key, e->key),
        };
        return &e->endpoint;
}

/* A server that knows only the root: the device has to send what is in between. */
START_TEST(the_chain_is_sent) {
        FakeServer s = { .pki = &pki,
                         .client_ca = "ca.pem",
                         .max_version = _i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION,
                         .script = fake_script_mqtt };
        const MqttConnect connect = { .client_id = AZ_SPAN_FROM_STR("device"),
                                      .keep_alive_s = 60,
                                      .clean_session = true };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent opened;
        Endpoint e;

        fake_server_start(&s);
        ck_assert_int_eq(
                mqtt_link_open(l, endpoint_init(&e, &s, "device.pem", "device.key"), NULL, boottime_us()), 0);
        opened = drive_expect(l, MQTT_EVENT_OPENED);
        ck_assert_str_eq(opened.opened.report->own.subject, "CN=device");
        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), 0);
        (void) drive_expect(l, MQTT_EVENT_CONNACK);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(a_broken_file_fails_the_attempt_before_the_network) {
        FakeServer s = { .pki = &pki, .port = 1 };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent failed;
        Endpoint e;

        ck_assert_int_eq(
                mqtt_link_open(l, endpoint_init(&e, &s, "device.pem", "server.key"), NULL, boottime_us()), 0);
        failed = drive_expect(l, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(failed.open_failed.report->stage, MQTT_STAGE_IDENTITY);
        ck_assert_int_eq(failed.open_failed.report->problem, MQTT_PROBLEM_IDENTITY_FILE);
        ck_assert_ptr_nonnull(strstr(failed.open_failed.text, "server.key"));
        (void) mqtt_link_free(l);
}
END_TEST

/* Opens, remembers the digest, closes; gives the problem. */
static MqttProblem try_open(MqttLink *l, const MqttEndpoint *endpoint, bool is_proven,
                            uint8_t digest[static MQTT_FILES_DIGEST_SIZE]) {
        MqttProblem problem = MQTT_PROBLEM_NONE;
        MqttEvent event;

        ck_assert_int_eq(mqtt_link_open(l, endpoint, NULL, boottime_us()), 0);
        event = drive_next(l);
        if (event.type == MQTT_EVENT_OPENED) {
                memcpy(digest, event.opened.report->files, MQTT_FILES_DIGEST_SIZE);
                if (is_proven)
                        mqtt_link_proven(l);
        } else {
                problem = event.open_failed.report->problem;
        }
        mqtt_link_close(l);
        return problem;
}

START_TEST(what_was_proven_outlives_its_files) {
        FakeServer s = {
                .pki = &pki, .client_ca = "ca.pem", .max_version = TLS1_2_VERSION, .script = fake_script_tls
        };
        uint8_t first[MQTT_FILES_DIGEST_SIZE] = {}, second[MQTT_FILES_DIGEST_SIZE] = {};
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint proven;
        char path[PATH_MAX];
        Endpoint e;

        fake_server_start(&s);
        make_file("now.pem", "device.pem", SIZE_MAX, "device.key");
        proven = *endpoint_init(&e, &s, "now.pem", NULL);
        proven.use_proven = true;
        /* None is proven yet: the files are read. */
        ck_assert_int_eq(try_open(l, &proven, true, first), MQTT_PROBLEM_NONE);

        /* The same contents in a new file are nothing new. */
        make_file("next.pem", "device.pem", SIZE_MAX, "device.key");
        ck_assert_int_eq(rename(path_of("next.pem", path), e.certificate), 0);
        ck_assert_int_eq(try_open(l, &e.endpoint, false, second), MQTT_PROBLEM_NONE);
        ck_assert_mem_eq(first, second, sizeof(first));

        /* A certificate that the server refuses, one that is broken, and none: back to the one before. */
        make_file("now.pem", "expired.pem", SIZE_MAX, "expired.key");
        ck_assert_int_eq(try_open(l, &e.endpoint, false, second), MQTT_PROBLEM_CLIENT_CERTIFICATE);
        ck_assert_int_eq(try_open(l, &proven, false, second), MQTT_PROBLEM_NONE);
        ck_assert_mem_eq(first, second, sizeof(first));
        make_file("now.pem", "none.pem", SIZE_MAX, NULL);
        ck_assert_int_eq(try_open(l, &e.endpoint, false, second), MQTT_PROBLEM_IDENTITY_FILE);
        ck_assert_int_eq(try_open(l, &proven, false, second), MQTT_PROBLEM_NONE);
        ck_assert_int_eq(unlink(e.certificate), 0);
        ck_assert_int_eq(try_open(l, &proven, true, second), MQTT_PROBLEM_NONE);

        /* Another one that is proven takes its place. */
        make_file("now.pem", "other.pem", SIZE_MAX, "other.key");
        ck_assert_int_eq(try_open(l, &e.endpoint, true, second), MQTT_PROBLEM_NONE);
        ck_assert_mem_ne(first, second, sizeof(first));
        ck_assert_int_eq(try_open(l, &proven, false, first), MQTT_PROBLEM_NONE);
        ck_assert_mem_eq(first, second, sizeof(first));
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static Suite *identity_suite(void) {
        Suite *s = suite_create("mqtt-identity");
        TCase *t = tcase_create("mqtt-identity");

        tcase_set_timeout(t, 60);
        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_add_loop_test(t, what_is_wrong_with_a_file_is_said_of_it, 0, ELEMENTSOF(sets));
        tcase_add_test(t, a_file_that_was_cut_anywhere_is_refused);
        tcase_add_test(t, a_certificate_is_described);
        tcase_add_loop_test(t, the_chain_is_sent, 0, 2);
        tcase_add_test(t, a_broken_file_fails_the_attempt_before_the_network);
        tcase_add_test(t, what_was_proven_outlives_its_files);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(identity_suite)
