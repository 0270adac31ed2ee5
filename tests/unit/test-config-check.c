/* SPDX-License-Identifier: MIT */

#include "daemon/config-check.h"

#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void write_file(const char *path, const char *text) {
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
}

/* A configuration in a directory that is also that of the systemd credentials. */
typedef struct Fixture {
        char directory[SCRATCH_SIZE], path[PATH_MAX];
        ConfigMessages messages;
        Config config;
} Fixture;

static void fixture_init(Fixture *f, const char *text) {
        *f = (Fixture){};
        scratch_init(f->directory, "config-check");
        scratch_path(f->directory, "c", f->path, sizeof(f->path));
        write_file(f->path, text);
        ck_assert_int_eq(config_load(&f->config, f->path, true, &f->messages), 0);
}

static void fixture_done(Fixture *f) {
        config_done(&f->config);
        config_messages_done(&f->messages);
        scratch_done(f->directory);
}

/* What is said: "file" stands for the path of the configuration. */
static const struct {
        const char *text, *credential;
        int level; /* 0: nothing is wrong */
        unsigned line;
        const char *message;
} keys[] = {
        { "", NULL, 0, 0, NULL },
        { "[Hub]\nHost=h\nDeviceId=d\nModuleId=m\nKeyFile=/k\n", NULL, 0, 0, NULL },
        { "[Hub]\nConnectionStringFile=/c\n", NULL, 0, 0, NULL },
        { "[Hub]\nCertificateFile=/c\nPrivateKeyFile=/k\nPrivateKeyPasswordFile=/p\n", NULL, 0, 0, NULL },
        { "[Provisioning]\nIdScope=0ne\nRegistrationId=r\nKeyFile=/k\nPayloadFile=/p\n", NULL, 0, 0, NULL },
        { "[Provisioning]\nIdScope=0ne\n[Hub]\nCertificateFile=/c\n", NULL, 0, 0, NULL },
        { "[Hub]\nHost=h\n", NULL, LOG_ERR, 2, "[Hub] Host=: this is of no use without [Hub] DeviceId=" },
        { "[Hub]\nDeviceId=d\n", NULL, LOG_ERR, 2, "[Hub] DeviceId=: this is of no use without [Hub] Host=" },
        { "[Hub]\nModuleId=m\n", NULL, LOG_ERR, 2,
          "[Hub] ModuleId=: this is of no use without [Hub] DeviceId=" },
        { "[Hub]\nConnectionStringFile=/c\nHost=h\n", NULL, LOG_WARNING, 3,
          "[Hub] Host=: [Hub] ConnectionStringFile= is set, too (file:2): the connection string says it" },
        { "[Hub]\nHost=h\nDeviceId=d\nKeyFile=/k\nCertificateFile=/c\n", NULL, LOG_ERR, 4,
          "[Hub] KeyFile=: [Hub] CertificateFile= is set, too (file:5): a device has one of them" },
        { "[Hub]\nPrivateKeyFile=/k\n", NULL, LOG_ERR, 2,
          "[Hub] PrivateKeyFile=: this is of no use without [Hub] CertificateFile=" },
        { "[Hub]\nPrivateKeyFile=/k\n", "aziotd.certificate", 0, 0, NULL },
        { "[Hub]\nConnectionStringFile=/c\n[Provisioning]\nIdScope=0ne\n", NULL, LOG_ERR, 2,
          "[Hub] ConnectionStringFile=: [Provisioning] IdScope= is set, too (file:4): the provisioning "
          "service "
          "tells who the device is" },
        { "[Provisioning]\nRegistrationId=r\n", NULL, LOG_ERR, 2,
          "[Provisioning] RegistrationId=: this is of no use without [Provisioning] IdScope=" },
        { "[Provisioning]\nIdScope=0ne\nRegistrationId=r\nKeyFile=/k\nGroupKeyFile=/g\n", NULL, LOG_ERR, 4,
          "[Provisioning] KeyFile=: [Provisioning] GroupKeyFile= is set, too (file:5): a device has one of "
          "them" },
        { "[Broker]\nHost=b\n", NULL, LOG_ERR, 2,
          "[Broker] Host=: this is of no use without [Broker] ClientId=" },
        { "[Broker]\nHost=b\nClientId=c\nTokenFile=/t\nPasswordFile=/p\nUserName=u\n", NULL, LOG_ERR, 4,
          "[Broker] TokenFile=: [Broker] PasswordFile= is set, too (file:5): a device has one of them" },
        { "[Broker]\nHost=b\nClientId=c\nPasswordFile=/p\n", NULL, LOG_ERR, 4,
          "[Broker] PasswordFile=: this is of no use without [Broker] UserName=" },
        { "[Broker]\nHost=b\nClientId=c\nCertificateFile=/c\n", NULL, LOG_ERR, 4,
          "[Broker] CertificateFile=: this is of no use without [Broker] PrivateKeyFile=" },
        { "[Broker]\nHost=b\nClientId=c\nCertificateFile=/c\n", "aziotd.broker-private-key", 0, 0, NULL },
        { "[Broker]\nSettingsFrom=environment\nTLS=no\n", NULL, LOG_ERR, 3,
          "[Broker] TLS=: [Broker] SettingsFrom= is set, too (file:2): it says where all settings of the "
          "connection are" },
        { "[Broker]\nSettingsFrom=here\nTLS=no\n", NULL, 0, 0, NULL },
        { "[Broker]\nSettingsFrom=environment\nTopicNamespace=n\n", NULL, 0, 0, NULL },
        { "[Broker]\nConnectionStringFile=/c\nKeepAliveSec=9\n", NULL, LOG_ERR, 3,
          "[Broker] KeepAliveSec=: [Broker] ConnectionStringFile= is set, too (file:2): the connection "
          "string "
          "says it" },
        { "[Network]\nProxyCredentialFile=/p\n", NULL, LOG_WARNING, 2,
          "[Network] ProxyCredentialFile=: this is of no use without [Network] Proxy=" },
        { "[Outbox]\nMaxBytes=64M\nMaxBytesPerApplication=128M\n", NULL, LOG_WARNING, 3,
          "[Outbox] MaxBytesPerApplication=128M: this limits nothing, since MaxBytes= is 64M" },
        { "[Outbox]\nMaxBytesPerApplication=64M\nMaxMessagesPerApplication=9\n", NULL, 0, 0, NULL },
        { "[Outbox]\nMaxMessages=5\nMaxMessagesPerApplication=9\n", NULL, LOG_WARNING, 3,
          "[Outbox] MaxMessagesPerApplication=9: this limits nothing, since MaxMessages= is 5" },
        { "[Outbox]\nDrainBurst=5\n", NULL, LOG_WARNING, 2,
          "[Outbox] DrainBurst=: this is of no use without [Outbox] DrainPerSec=" },
};

/* In place of the path, which differs from run to run. */
static void shorten(char *text, const char *path) {
        char *found = strstr(text, path);

        if (found) {
                memcpy(found, "file", 4);
                memmove(found + 4, found + strlen(path), strlen(found + strlen(path)) + 1);
        }
}

START_TEST(keys_contradict_each_other_or_need_each_other) {
        char credential[PATH_MAX];
        Fixture f;

        fixture_init(&f, keys[_i].text);
        if (keys[_i].credential) {
                scratch_path(f.directory, keys[_i].credential, credential, sizeof(credential));
                write_file(credential, "any");
        }
        ck_assert_int_eq(config_check_keys(&f.config, f.directory, &f.messages), 0);

        ck_assert_uint_eq(f.messages.n, keys[_i].message ? 1 : 0);
        if (keys[_i].message) {
                const ConfigMessage *message = &f.messages.messages[0];

                shorten(message->text, f.path);
                ck_assert_int_eq(message->level, keys[_i].level);
                ck_assert_str_eq(message->file, f.path);
                ck_assert_uint_eq(message->line, keys[_i].line);
                ck_assert_str_eq(message->text, keys[_i].message);
        }
        fixture_done(&f);
}
END_TEST

START_TEST(every_contradiction_is_named) {
        Fixture f;

        fixture_init(&f, "[Hub]\nHost=h\n[Provisioning]\nPayloadFile=/p\n[Outbox]\nDrainBurst=5\n");
        ck_assert_int_eq(config_check_keys(&f.config, NULL, &f.messages), 0);
        ck_assert_uint_eq(f.messages.n, 3);
        ck_assert_uint_eq(f.messages.n_errors, 2);
        fixture_done(&f);
}
END_TEST

START_TEST(every_file_that_cannot_be_read_is_named_with_its_key) {
        Fixture f;

        fixture_init(&f, "[Hub]\nTrustedCAFile=/nonexistent/ca\nKeyFile=/nonexistent/key\nHost=h\n"
                         "DeviceId=d\n[Outbox]\nDirectory=/nonexistent/outbox\n");
        ck_assert_int_eq(config_check_files(&f.config, NULL, NULL, &f.messages), 0);
        ck_assert_uint_eq(f.messages.n, 2);
        ck_assert_uint_eq(f.messages.n_errors, 2);
        ck_assert_uint_eq(f.messages.messages[0].line, 3);
        ck_assert_str_eq(f.messages.messages[0].text,
                         "[Hub] KeyFile=: /nonexistent/key: No such file or directory");
        ck_assert_uint_eq(f.messages.messages[1].line, 2);
        fixture_done(&f);
}
END_TEST

START_TEST(what_is_wrong_in_a_file_is_told_with_its_key) {
        ConfigIdentity identity = CONFIG_IDENTITY_NULL;
        char key[PATH_MAX], text[PATH_MAX + 64];
        Fixture f;

        fixture_init(&f, "");
        scratch_path(f.directory, "key", key, sizeof(key));
        write_file(key, "not base64!");
        ck_assert_int_eq(chmod(key, 0600), 0);
        config_done(&f.config);
        (void) snprintf(text, sizeof(text), "[Hub]\nHost=h\nDeviceId=d\nKeyFile=%s\n", key);
        write_file(f.path, text);
        ck_assert_int_eq(config_load(&f.config, f.path, true, &f.messages), 0);

        ck_assert_int_eq(config_check_files(&f.config, NULL, &identity, &f.messages), 0);
        ck_assert_uint_eq(f.messages.n, 1);
        ck_assert_uint_eq(f.messages.messages[0].line, 4);
        ck_assert_ptr_nonnull(strstr(f.messages.messages[0].text, "[Hub] KeyFile=: "));
        config_identity_done(&identity);
        fixture_done(&f);
}
END_TEST

/* There is none, which is a mistake only where one is looked for. */
START_TEST(an_identity_is_looked_for_if_it_is_wanted) {
        ConfigIdentity identity = CONFIG_IDENTITY_NULL;
        Fixture f;

        fixture_init(&f, "");
        ck_assert_int_eq(config_check_files(&f.config, NULL, NULL, &f.messages), 0);
        ck_assert_uint_eq(f.messages.n, 0);
        ck_assert_int_eq(config_check_files(&f.config, NULL, &identity, &f.messages), 0);
        ck_assert_uint_eq(f.messages.n_errors, 1);
        config_identity_done(&identity);
        fixture_done(&f);
}
END_TEST

/* Who neither names a hub nor a broker waits for the identity that a hub needs. */
static const struct {
        const char *text, *credential;
        bool has_hub, has_broker;
} clouds[] = {
        { "", NULL, true, false },
        { "[Hub]\nHost=h\nDeviceId=d\n", NULL, true, false },
        { "[Broker]\nHost=b\nClientId=c\n", NULL, false, true },
        { "[Broker]\nSettingsFrom=mount\n", NULL, false, true },
        { "[Broker]\nSettingsFrom=here\n", NULL, true, false },
        { "[Broker]\nConnectionStringFile=/c\n[Provisioning]\nIdScope=0ne\n", NULL, true, true },
        { "", "aziotd.broker-connection-string", false, true },
        { "[Broker]\nHost=b\nClientId=c\n", "aziotd.connection-string", true, true },
};

START_TEST(a_device_has_the_clouds_that_are_named) {
        char credential[PATH_MAX];
        Fixture f;

        fixture_init(&f, clouds[_i].text);
        if (clouds[_i].credential) {
                scratch_path(f.directory, clouds[_i].credential, credential, sizeof(credential));
                write_file(credential, "any");
        }
        ck_assert_int_eq(config_has_hub(&f.config, f.directory), clouds[_i].has_hub);
        ck_assert_int_eq(config_has_broker(&f.config, f.directory), clouds[_i].has_broker);
        fixture_done(&f);
}
END_TEST

static Suite *config_check_suite(void) {
        Suite *s = suite_create("config-check");
        TCase *t = tcase_create("keys"), *files = tcase_create("files");

        tcase_add_loop_test(t, keys_contradict_each_other_or_need_each_other, 0, ELEMENTSOF(keys));
        tcase_add_test(t, every_contradiction_is_named);
        tcase_add_loop_test(t, a_device_has_the_clouds_that_are_named, 0, ELEMENTSOF(clouds));
        tcase_add_test(files, every_file_that_cannot_be_read_is_named_with_its_key);
        tcase_add_test(files, what_is_wrong_in_a_file_is_told_with_its_key);
        tcase_add_test(files, an_identity_is_looked_for_if_it_is_wanted);
        suite_add_tcase(s, t);
        suite_add_tcase(s, files);
        return s;
}

UNIT_MAIN(config_check_suite)
