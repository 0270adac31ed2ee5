/* SPDX-License-Identifier: MIT */

#include "daemon/credential.h"

#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "tests/unit/unit.h"

#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

/* 'mentions': what the message for an invalid one says; it never has the key in it. */
static const struct {
        const char *text, *mentions;
        const char *host, *device, *module;
        uint16_t port;
} strings[] = {
        { "HostName=h.example;DeviceId=d;SharedAccessKey=" KEY, NULL, "h.example", "d", "", 0 },
        { "SharedAccessKey=" KEY ";DeviceId=d;HostName=h", NULL, "h", "d", "", 0 },
        { "HostName=h:8884;DeviceId=d;SharedAccessKey=" KEY, NULL, "h", "d", "", 8884 },
        { "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=" KEY ";", NULL, "h", "d", "m", 0 },
        { "", "HostName", NULL, NULL, NULL, 0 },
        { "rubbish", "no '='", NULL, NULL, NULL, 0 },
        { KEY, "not known", NULL, NULL, NULL, 0 },
        { "HostName=h;DeviceId=d", "SharedAccessKey", NULL, NULL, NULL, 0 },
        { "HostName=h;SharedAccessKey=" KEY, "DeviceId", NULL, NULL, NULL, 0 },
        { "HostName=h;HostName=i;DeviceId=d;SharedAccessKey=" KEY, "twice", NULL, NULL, NULL, 0 },
        { "HostName=h;DeviceId=;SharedAccessKey=" KEY, "empty", NULL, NULL, NULL, 0 },
        { "HostName=h;DeviceId=d;x509=true", NULL, "h", "d", "", 0 },
        { "HostName=h;DeviceId=d;x509=false", "x509", NULL, NULL, NULL, 0 },
        { "HostName=h;DeviceId=d;x509=true;SharedAccessKey=" KEY, "one of them", NULL, NULL, NULL, 0 },
        { "hostname=h;DeviceId=d;SharedAccessKey=" KEY, "not known", NULL, NULL, NULL, 0 },
        { "HostName=h:0;DeviceId=d;SharedAccessKey=" KEY, "port", NULL, NULL, NULL, 0 },
        { "HostName=h:70000;DeviceId=d;SharedAccessKey=" KEY, "port", NULL, NULL, NULL, 0 },
        { "HostName=h;DeviceId=d;;SharedAccessKey=" KEY, "no '='", NULL, NULL, NULL, 0 },
};

static void assert_span(az_span span, const char *expected) {
        ck_assert(az_span_is_content_equal(span, az_span_create_from_str((char *) expected)));
}

START_TEST(a_connection_string_is_taken_apart_or_refused_by_part) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        az_span text = az_span_create_from_str((char *) strings[_i].text);
        ConnectionString s = {};
        int r;

        r = connection_string_parse(&s, text, "file", &messages);
        if (strings[_i].mentions) {
                ck_assert_int_eq(r, CONFIG_INVALID);
                ck_assert_ptr_nonnull(strstr(messages.messages[0].text, strings[_i].mentions));
                ck_assert_ptr_null(strstr(messages.messages[0].text, KEY));
                return;
        }
        ck_assert_int_eq(r, 0);
        assert_span(s.host, strings[_i].host);
        assert_span(s.device_id, strings[_i].device);
        assert_span(s.module_id, strings[_i].module);
        assert_span(s.key, s.is_x509 ? "" : KEY);
        ck_assert_uint_eq(s.port, strings[_i].port);
}
END_TEST

static void write_secret(const char *dir, const char *name, const char *text, mode_t mode) {
        _cleanup_(fclosep) FILE *f = NULL;
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(chmod(path, mode), 0);
}

static void dir_remove(const char *dir) {
        static const char *const names[] = { "aziotd.connection-string", "aziotd.connection-string.encrypted",
                                             "aziotd.device-key", "aziotd.certificate",
                                             "aziotd.private-key" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
                (void) unlink(path);
        }
        ck_assert_int_eq(rmdir(dir), 0);
}

#define STRING      "HostName=h;DeviceId=d;SharedAccessKey=" KEY
#define X509_STRING "HostName=h;DeviceId=d;x509=true"
#define NAMES       .hub.host = (char *) "h", .hub.device_id = (char *) "d"
#define SAS         AZ_CREDENTIAL_SAS
#define X509        AZ_CREDENTIAL_X509

/* Which files lie in the credentials directory, what is configured, and how loading ends. */
static const struct {
        const char *connection_string, *key, *certificate;
        Config config;
        mode_t mode;
        int result;
        az_credential kind;
        const char *mentions; /* in the last message; NULL: there is none */
} loads[] = {
        { STRING "\n", NULL, NULL, {}, 0600, 0, SAS, NULL },
        { STRING, NULL, NULL, {}, 0604, 0, SAS, "others" },
        { "HostName=h;DeviceId=d$1;SharedAccessKey=" KEY, NULL, NULL, {}, 0600, 0, SAS, "avoid" },
        { NULL, KEY "\n", NULL, { NAMES }, 0600, 0, SAS, NULL },
        { NULL, KEY, NULL, { .hub.host = (char *) "h" }, 0600, CONFIG_INVALID, SAS, "no identity" },
        { NULL, NULL, NULL, { NAMES }, 0600, CONFIG_INVALID, SAS, "no identity" },
        { NULL, NULL, NULL, {}, 0600, CONFIG_INVALID, SAS, "no identity" },
        { "HostName=h;DeviceId=d#1;SharedAccessKey=" KEY,
          NULL,
          NULL,
          {},
          0600,
          CONFIG_INVALID,
          SAS,
          "device id" },
        { "HostName=h;DeviceId=d/1;SharedAccessKey=" KEY,
          NULL,
          NULL,
          {},
          0600,
          CONFIG_INVALID,
          SAS,
          "device id" },
        { "HostName=h h;DeviceId=d;SharedAccessKey=" KEY, NULL, NULL, {}, 0600, CONFIG_INVALID, SAS, "host" },
        { "HostName=h;DeviceId=d;SharedAccessKey=a", NULL, NULL, {}, 0600, CONFIG_INVALID, SAS, "base64" },
        { NULL, "not base64", NULL, { NAMES }, 0600, CONFIG_INVALID, SAS, "base64" },
        { NULL, "", NULL, { NAMES }, 0600, CONFIG_INVALID, SAS, "base64" },
        { X509_STRING, NULL, "any", {}, 0600, 0, X509, NULL },
        { X509_STRING, NULL, "any", {}, 0604, 0, X509, "others" },
        { X509_STRING, NULL, NULL, {}, 0600, CONFIG_INVALID, X509, "CertificateFile" },
        { X509_STRING, KEY, NULL, {}, 0600, CONFIG_INVALID, X509, "CertificateFile" },
        { NULL, NULL, "any", { NAMES }, 0600, 0, X509, NULL },
        { NULL, KEY, "any", { NAMES }, 0600, 0, SAS, NULL },
        { NULL, KEY, NULL, { NAMES, .hub.certificate_file = (char *) "/f" }, 0600, 0, X509, NULL },
        { NULL,
          KEY,
          NULL,
          { NAMES, .hub.certificate_file = (char *) "/f", .hub.key_file = (char *) "/k" },
          0600,
          CONFIG_INVALID,
          SAS,
          "both" },
};

START_TEST(an_identity_is_found_and_checked) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        char dir[] = "/tmp/test-credential-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(dir));
        if (loads[_i].connection_string)
                write_secret(dir, "aziotd.connection-string", loads[_i].connection_string, loads[_i].mode);
        if (loads[_i].key)
                write_secret(dir, "aziotd.device-key", loads[_i].key, loads[_i].mode);
        if (loads[_i].certificate)
                write_secret(dir, "aziotd.certificate", loads[_i].certificate, loads[_i].mode);

        ck_assert_int_eq(credential_load(&credential, &loads[_i].config, dir, &messages), loads[_i].result);
        dir_remove(dir);

        ck_assert_int_eq(messages.n > 0, loads[_i].mentions != NULL);
        if (loads[_i].mentions)
                ck_assert_ptr_nonnull(strstr(messages.messages[messages.n - 1].text, loads[_i].mentions));
        if (loads[_i].result != 0)
                return;
        ck_assert_str_eq(credential.host, "h");
        ck_assert_int_eq(credential.kind, loads[_i].kind);
        if (credential.kind == AZ_CREDENTIAL_SAS)
                ck_assert_str_eq(credential.key, KEY);
        else
                ck_assert_ptr_nonnull(credential.certificate_file);
}
END_TEST

START_TEST(certificate_key_and_password_are_found_one_by_one) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        const Config config = { NAMES, .hub.private_key_password_file = (char *) "/etc/password" };
        _cleanup_(credential_done) Credential c = CREDENTIAL_NULL;
        char dir[] = "/tmp/test-credential-XXXXXX";
        char expected[PATH_MAX];

        ck_assert_ptr_nonnull(mkdtemp(dir));
        write_secret(dir, "aziotd.certificate", "any", 0644);
        write_secret(dir, "aziotd.private-key", "any", 0600);
        ck_assert_int_eq(credential_load(&c, &config, dir, &messages), 0);
        dir_remove(dir);

        ck_assert_uint_eq(messages.n, 0); /* everybody may read a certificate that has no key with it */
        (void) snprintf(expected, sizeof(expected), "%s/aziotd.certificate", dir);
        ck_assert_str_eq(c.certificate_file, expected);
        (void) snprintf(expected, sizeof(expected), "%s/aziotd.private-key", dir);
        ck_assert_str_eq(c.private_key_file, expected);
        ck_assert_str_eq(c.private_key_password_file, "/etc/password");
}
END_TEST

START_TEST(what_was_stored_encrypted_counts_before_what_was_not) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(credential_done) Credential c = CREDENTIAL_NULL;
        char dir[] = "/tmp/test-credential-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(dir));
        write_secret(dir, "aziotd.connection-string", "HostName=h;DeviceId=plain;SharedAccessKey=" KEY, 0600);
        write_secret(dir, "aziotd.connection-string.encrypted",
                     "HostName=h;DeviceId=encrypted;SharedAccessKey=" KEY, 0600);
        ck_assert_int_eq(credential_load(&c, &(Config){}, dir, &messages), 0);
        dir_remove(dir);

        ck_assert_str_eq(c.device_id, "encrypted");
}
END_TEST

static const struct {
        Credential credential;
        bool is_same;
} others[] = {
        { { .host = (char *) "hub", .device_id = (char *) "d", .key = (char *) "bmV3" }, true },
        { { .host = (char *) "hub", .device_id = (char *) "d", .module_id = (char *) "m" }, false },
        { { .host = (char *) "hub", .device_id = (char *) "e" }, false },
        { { .host = (char *) "bub", .device_id = (char *) "d" }, false },
        { { .host = (char *) "hub", .device_id = (char *) "d", .port = 443 }, false },
};

START_TEST(a_new_key_makes_no_other_device) {
        const Credential c = { .host = (char *) "hub", .device_id = (char *) "d", .key = (char *) "b2xk" };

        ck_assert_int_eq(credential_is_same_device(&others[_i].credential, &c), others[_i].is_same);
        ck_assert_int_eq(credential_is_same_device(&c, &others[_i].credential), others[_i].is_same);
}
END_TEST

static Suite *credential_suite(void) {
        Suite *s = suite_create("credential");
        TCase *t = tcase_create("credential");

        tcase_add_loop_test(t, a_connection_string_is_taken_apart_or_refused_by_part, 0, ELEMENTSOF(strings));
        tcase_add_loop_test(t, a_new_key_makes_no_other_device, 0, ELEMENTSOF(others));
        tcase_add_loop_test(t, an_identity_is_found_and_checked, 0, ELEMENTSOF(loads));
        tcase_add_test(t, certificate_key_and_password_are_found_one_by_one);
        tcase_add_test(t, what_was_stored_encrypted_counts_before_what_was_not);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(credential_suite)
