/* SPDX-License-Identifier: MIT */

#include "daemon/config.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "daemon/config-table.h"
#include "daemon/config-value.h"
#include "tests/unit/unit.h"

static const struct {
        ConfigType type;
        uint64_t min, max;
        const char *text;
        int result;
        uint64_t value;
} quantities[] = {
        { CONFIG_NUMBER, 0, 100, "0", 0, 0 },
        { CONFIG_NUMBER, 0, 100, "100", 0, 100 },
        { CONFIG_NUMBER, 0, 100, "101", CONFIG_INVALID, 0 },
        { CONFIG_NUMBER, 0, 100, "5s", CONFIG_INVALID, 0 },
        { CONFIG_NUMBER, 0, 100, "-1", CONFIG_INVALID, 0 },
        { CONFIG_NUMBER, 0, UINT64_MAX, "18446744073709551615", 0, UINT64_MAX },
        { CONFIG_NUMBER, 0, UINT64_MAX, "18446744073709551616", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 1, 100000, "90", 0, 90 },
        { CONFIG_SECONDS, 1, 100000, "90s", 0, 90 },
        { CONFIG_SECONDS, 1, 100000, "1h 30min", 0, 5400 },
        { CONFIG_SECONDS, 1, 100000, "1 h30 m", 0, 5400 },
        { CONFIG_SECONDS, 1, 100000, "1d", 0, 86400 },
        { CONFIG_SECONDS, 1, 100000, "0", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 1, 100000, "1.5s", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 1, 100000, "1 fortnight", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 1, 100000, "s", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 1, 100000, "infinity", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 0, 100000, "infinity", 0, 0 },
        { CONFIG_SECONDS, 0, UINT64_MAX, "18446744073709551615 d", CONFIG_INVALID, 0 },
        { CONFIG_SECONDS, 0, UINT64_MAX, "18446744073709551615 1", CONFIG_INVALID, 0 },
        { CONFIG_BYTES, 0, UINT64_MAX, "64M", 0, 64 << 20 },
        { CONFIG_BYTES, 0, UINT64_MAX, "1G", 0, 1 << 30 },
        { CONFIG_BYTES, 0, UINT64_MAX, "512", 0, 512 },
        { CONFIG_BYTES, 0, UINT64_MAX, "64MB", CONFIG_INVALID, 0 },
};

START_TEST(a_quantity_has_units_and_a_range) {
        ConfigKey key = {
                .type = quantities[_i].type,
                .offset = offsetof(Config, hub.port),
                .min = quantities[_i].min,
                .max = quantities[_i].max,
        };
        az_span text = az_span_create_from_str((char *) quantities[_i].text);
        const char *wrong;
        Config c = {};

        ck_assert_int_eq(config_value_set(&c, &key, text, &wrong), quantities[_i].result);
        ck_assert_uint_eq(c.hub.port, quantities[_i].value);
        ck_assert_int_eq(wrong != NULL, quantities[_i].result == CONFIG_INVALID);
}
END_TEST

/* A configuration in a directory of its own: a file and two drop-ins. */
typedef struct Files {
        char dir[64], path[PATH_MAX];
} Files;

static void write_file(const char *path, const char *text) {
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
}

static void files_make(Files *f, const char *main, const char *first, const char *second) {
        char path[PATH_MAX + 32];

        strcpy(f->dir, "/tmp/test-config-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(f->dir));
        (void) snprintf(f->path, sizeof(f->path), "%s/c", f->dir);
        write_file(f->path, main);
        (void) snprintf(path, sizeof(path), "%s.d", f->path);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        (void) snprintf(path, sizeof(path), "%s.d/10.conf", f->path);
        write_file(path, first);
        (void) snprintf(path, sizeof(path), "%s.d/20.conf", f->path);
        write_file(path, second);
        (void) snprintf(path, sizeof(path), "%s.d/30.ignored", f->path);
        write_file(path, "rubbish");
}

static void files_remove(const Files *f) {
        static const char *const names[] = { "c.d/10.conf", "c.d/20.conf", "c.d/30.ignored", "c" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
                ck_assert_int_eq(unlink(path), 0);
        }
        (void) snprintf(path, sizeof(path), "%s/c.d", f->dir);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(rmdir(f->dir), 0);
}

START_TEST(without_a_file_everything_has_its_default) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(config_load(&c, "/nonexistent/aziotd.conf", false, &messages), 0);
        ck_assert_uint_eq(messages.n, 0);
        ck_assert_uint_eq(c.hub.port, 8883);
        ck_assert_uint_eq(c.hub.keep_alive_s, 60);
        ck_assert_uint_eq(c.hub.token_lifetime_s, 3600);
        ck_assert_uint_eq(c.outbox.max_bytes, 64 << 20);
        ck_assert_uint_eq(c.outbox.message_ttl_s, 0);
        ck_assert_int_eq(c.outbox.when_full, OUTBOX_REJECT);
        ck_assert_int_eq(c.log.level, LOG_INFO);
        ck_assert_int_eq(c.network.transports, ROUTE_ORDER_MQTT_WEBSOCKET);
        ck_assert_ptr_null(c.network.proxy);
        ck_assert_ptr_null(c.hub.host);
}
END_TEST

/* Is it in the credentials directory, is it configured: whose file is it then? */
static const struct {
        bool is_credential;
        const char *text, *ends_with;
} trusted_cas[] = {
        { false, "", NULL },
        { true, "", "/aziotd.trusted-ca" },
        { true, "[Hub]\nTrustedCAFile=/etc/ca.pem\n", "/etc/ca.pem" },
        { true, "[Hub]\nTrustedCAFile=\n", "/aziotd.trusted-ca" },
};

START_TEST(what_is_trusted_may_be_a_credential) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        char path[PATH_MAX];
        Files f;

        files_make(&f, trusted_cas[_i].text, "", "");
        (void) snprintf(path, sizeof(path), "%s/aziotd.trusted-ca", f.dir);
        if (trusted_cas[_i].is_credential)
                write_file(path, "any");
        ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", f.dir, 1), 0);
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), 0);
        ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        (void) unlink(path);
        files_remove(&f);

        ck_assert_uint_eq(messages.n, 0);
        if (trusted_cas[_i].ends_with)
                ck_assert_ptr_nonnull(c.hub.trusted_ca_file
                                              ? strstr(c.hub.trusted_ca_file, trusted_cas[_i].ends_with)
                                              : NULL);
        else
                ck_assert_ptr_null(c.hub.trusted_ca_file);
}
END_TEST

START_TEST(a_file_that_must_be_there_is_missed) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(config_load(&c, "/nonexistent/aziotd.conf", true, &messages), CONFIG_INVALID);
        ck_assert_uint_eq(messages.n_errors, 1);
        ck_assert_str_eq(messages.messages[0].file, "/nonexistent/aziotd.conf");
}
END_TEST

START_TEST(what_is_read_later_wins_and_an_empty_value_resets) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        Files f;

        files_make(&f, "[Hub]\nHost=a\nPort=1\nDeviceId=d\nKeepAliveSec=30\n",
                   "[Hub]\nHost=b\nPort=2\nDeviceId=\n", "[Hub]\nHost=c\nKeepAliveSec=\n");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), 0);
        files_remove(&f);

        ck_assert_uint_eq(messages.n, 0);
        ck_assert_str_eq(c.hub.host, "c");
        ck_assert_uint_eq(c.hub.port, 2);
        ck_assert_ptr_null(c.hub.device_id);
        ck_assert_uint_eq(c.hub.keep_alive_s, 60);
}
END_TEST

static const struct {
        const char *text;
        int level;
        unsigned line;
        const char *message;
} complaints[] = {
        { "[Hub]\nHots=x\n", LOG_ERR, 2, "[Hub] Hots=: there is no such key. Did you mean Host=?" },
        { "[Hub]\nkeepalivesec=10\n", LOG_ERR, 2,
          "[Hub] keepalivesec=: there is no such key. Did you mean KeepAliveSec=?" },
        { "[Hub]\nColourOfTheHouse=red\n", LOG_ERR, 2, "[Hub] ColourOfTheHouse=: there is no such key" },
        /* A key of a device, alone on a line: it is not quoted. */
        { "[Hub]\nPvk0m4GxWdS+lNh8YEQN+BY80XPgqfkjTs8nLp8ThXA=\n", LOG_ERR, 2,
          "[Hub] =: there is no such key" },
        { "[Hub]\nPvk0m4GxWdSlNh8YEQNBY80XPgqfkjTs8nLp8ThXAab=\n", LOG_ERR, 2,
          "[Hub] =: there is no such key" },
        { "[Hub]\nMaxBytes=64M\n", LOG_ERR, 2,
          "[Hub] MaxBytes=: there is no such key in this section. Did you mean MaxBytes= in section "
          "[Outbox]?" },
        { "[Outbux]\nMaxBytes=64M\n", LOG_ERR, 1,
          "[Outbux]: there is no such section. Did you mean [Outbox]?" },
        { "[Outbux]\n", LOG_ERR, 1, "[Outbux]: there is no such section. Did you mean [Outbox]?" },
        { "\n[Somewhere]\nMaxBytes=64M\nx=y\n", LOG_ERR, 2, "[Somewhere]: there is no such section" },
        { "[Hub]\nPort=0\n", LOG_ERR, 2, "[Hub] Port=0: the value is out of range: from 1 to 65535" },
        { "[Hub]\nPort=https\n", LOG_ERR, 2, "[Hub] Port=https: this is not a number: from 1 to 65535" },
        { "[Hub]\n\nKeepAliveSec=1h\n", LOG_ERR, 3,
          "[Hub] KeepAliveSec=1h: the value is out of range: from 5s to 19min 37s" },
        { "[Outbox]\nMaxBytes=1K\n", LOG_ERR, 2,
          "[Outbox] MaxBytes=1K: the value is out of range: from 4M to 4G" },
        { "[Hub]\nTrustedCAFile=ca.pem\n", LOG_ERR, 2, "[Hub] TrustedCAFile=: a path must be absolute" },
        { "[Hub]\nHost=https://hub.example/\n", LOG_ERR, 2, "[Hub] Host=: this is not the name of a host" },
        { "[Hub]\nDeviceId=a/b\n", LOG_ERR, 2,
          "[Hub] DeviceId=: an id has at most 128 characters, and some cannot be used" },
        { "[Outbox]\nWhenFull=drop-oldst\n", LOG_ERR, 2,
          "[Outbox] WhenFull=drop-oldst: this is not one of 'reject', 'drop-oldest'. Did you mean "
          "'drop-oldest'?" },
        { "[Network]\nTransports=mqt\n", LOG_ERR, 2,
          "[Network] Transports=mqt: this is not one of 'mqtt websocket', 'websocket mqtt', 'mqtt', "
          "'websocket'. Did you mean 'mqtt'?" },
        { "[Network]\nTransports=mqtt,websocket\n", LOG_ERR, 2,
          "[Network] Transports=mqtt,websocket: this is not one of 'mqtt websocket', 'websocket mqtt', "
          "'mqtt', 'websocket'. Between words stands a space" },
        { "[Network]\nProxy=https://proxy:3128\n", LOG_ERR, 2, NULL },
        { "[Access]\nUser=nobody-of-this-name\nGrants=read\n", LOG_WARNING, 2,
          "[Access] User=nobody-of-this-name: there is no such user, so the rule is for nobody" },
        { "[Access]\nUser=0\nGrants=read  sned serve\n", LOG_ERR, 3,
          "[Access] Grants=read  sned serve: grants are of read, send, serve, admin, with a space in "
          "between, or "
          "none. Did you mean send?" },
        { "[Access]\nUser=0\nGrants=everything\n", LOG_ERR, 3,
          "[Access] Grants=everything: grants are of read, send, serve, admin, with a space in between, or "
          "none" },
        { "[Access]\nUser=0\nBrokerSend=a/b a/#/b\n", LOG_ERR, 3,
          "[Access] BrokerSend=a/b a/#/b: this is no filter of MQTT, as in factory/+/state or factory/#" },
        { "[Access]\nUser=0\nBrokerServe=$share/g/a\n", LOG_ERR, 3,
          "[Access] BrokerServe=$share/g/a: this is no filter of MQTT, as in factory/+/state or factory/#" },
        { "[Broker]\nTopicNamespace=factory/+\n", LOG_ERR, 2,
          "[Broker] TopicNamespace=factory/+: this is no namespace of topics, as in factory/east" },
        { "rubbish\n", LOG_ERR, 1, "this line is neither a [Section], nor Key=value, nor a comment (#)" },
};

START_TEST(a_secret_that_stands_in_the_file_is_not_repeated) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        Files f;

        files_make(&f, "[Hub]\nConnectionStringFile=HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0\n",
                   "[Hub]\nKeyFile=c2VjcmV0\n", "[Network]\nProxy=http://user:c2VjcmV0@proxy:3128\n");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), CONFIG_INVALID);
        files_remove(&f);

        ck_assert_uint_eq(messages.n, 3);
        for (size_t i = 0; i < messages.n; i++)
                ck_assert_ptr_null(strstr(messages.messages[i].text, "c2VjcmV0"));
}
END_TEST

START_TEST(a_complaint_names_its_line_and_what_is_wrong) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        Files f;

        files_make(&f, complaints[_i].text, "", "");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages),
                         complaints[_i].level == LOG_ERR ? CONFIG_INVALID : 0);
        files_remove(&f);

        ck_assert_uint_eq(messages.n, 1);
        ck_assert_int_eq(messages.messages[0].level, complaints[_i].level);
        ck_assert_uint_eq(messages.messages[0].line, complaints[_i].line);
        if (complaints[_i].message)
                ck_assert_str_eq(messages.messages[0].text, complaints[_i].message);
}
END_TEST

START_TEST(every_mistake_of_every_file_is_named) {
        static const char *const places[] = { "c:2", "c:3", "10.conf:1", "10.conf:2", "20.conf:1" };
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        char text[1024];
        Files f;

        files_make(&f, "[Hub]\nHots=x\nPort=0\nKeepAliveSec=30\n", "[Outbux]\nMaxBytes=1K\n", "rubbish\n");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), CONFIG_INVALID);
        files_remove(&f);

        ck_assert_uint_eq(messages.n, ELEMENTSOF(places));
        for (size_t i = 0; i < messages.n; i++)
                ck_assert_ptr_nonnull(
                        strstr(config_message_format(&messages.messages[i], text, sizeof(text)), places[i]));
        ck_assert_uint_eq(c.hub.keep_alive_s, 30);
        ck_assert_uint_eq(c.hub.port, 8883);
}
END_TEST

START_TEST(a_long_value_is_quoted_in_part) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        char text[400] = "[Outbox]\nWhenFull=x";
        Files f;

        /* Two bytes each, so that the hundredth byte is the first of one. */
        for (size_t i = 0; i < 100; i++)
                strcat(text, "\u00e4");
        files_make(&f, text, "", "");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), CONFIG_INVALID);
        files_remove(&f);
        ck_assert(az_span_is_valid_utf8(az_span_create_from_str(messages.messages[0].text)));
        ck_assert_uint_lt(strlen(messages.messages[0].text), 250);
}
END_TEST

START_TEST(each_value_knows_where_it_was_set) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        Files f;

        files_make(&f, "[Hub]\nHost=a\nDeviceId=d\nPort=1\n", "[Hub]\n\nHost=b\n", "[Hub]\nPort=\n");
        ck_assert_int_eq(config_load(&c, f.path, true, &messages), 0);
        files_remove(&f);

        for (size_t i = 0; config_table[i].section; i++) {
                const char *key = config_table[i].key, *section = config_table[i].section;
                const char *file = c.origins[i].file;
                bool is_hub = strcmp(section, "Hub") == 0;

                if (is_hub && strcmp(key, "Host") == 0) {
                        ck_assert_ptr_nonnull(strstr(file, "10.conf"));
                        ck_assert_uint_eq(c.origins[i].line, 3);
                } else if (is_hub && strcmp(key, "DeviceId") == 0) {
                        ck_assert_str_eq(file, f.path);
                        ck_assert_uint_eq(c.origins[i].line, 3);
                } else
                        ck_assert_ptr_null(file);
        }
}
END_TEST

START_TEST(each_key_says_how_a_reload_takes_it_up) {
        for (const ConfigKey *key = config_table; key->section; key++) {
                ck_assert_int_ge(key->apply, 0);
                ck_assert_int_lt(key->apply, _CONFIG_APPLY_MAX);
                ck_assert_ptr_nonnull(config_apply_to_string(key->apply));
        }
}
END_TEST

static uint64_t max_bytes_limit(bool is_max) {
        for (const ConfigKey *key = config_table; key->section; key++)
                if (strcmp(key->key, "MaxBytes") == 0)
                        return is_max ? key->max : key->min;
        return 0;
}

/* 0: the smallest. 1: the largest. */
START_TEST(an_outbox_takes_the_sizes_that_can_be_configured) {
        char directory[] = "/tmp/test-config-XXXXXX", command[64];
        OutboxesConfig c = { .directory = directory, .max_bytes = max_bytes_limit(_i == 1) };
        OutboxTime now = { .boot = 1, .boottime_us = 1, .realtime_us = 1 };
        Outboxes *outboxes = NULL;
        Disk *disk = NULL;

        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(disk_new(&disk), 0);
        ck_assert_int_eq(outboxes_open(&outboxes, disk, &c, &now), 0);
        outboxes = outboxes_free(outboxes);
        disk = disk_free(disk);
        (void) snprintf(command, sizeof(command), "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

static Suite *config_suite(void) {
        Suite *s = suite_create("config");
        TCase *values = tcase_create("values"), *load = tcase_create("load");

        tcase_add_loop_test(values, a_quantity_has_units_and_a_range, 0, ELEMENTSOF(quantities));
        tcase_add_test(load, without_a_file_everything_has_its_default);
        tcase_add_loop_test(load, what_is_trusted_may_be_a_credential, 0, ELEMENTSOF(trusted_cas));
        tcase_add_test(load, a_file_that_must_be_there_is_missed);
        tcase_add_test(load, what_is_read_later_wins_and_an_empty_value_resets);
        tcase_add_test(load, a_secret_that_stands_in_the_file_is_not_repeated);
        tcase_add_test(load, every_mistake_of_every_file_is_named);
        tcase_add_test(load, a_long_value_is_quoted_in_part);
        tcase_add_test(load, each_value_knows_where_it_was_set);
        tcase_add_test(load, each_key_says_how_a_reload_takes_it_up);
        tcase_add_loop_test(load, a_complaint_names_its_line_and_what_is_wrong, 0, ELEMENTSOF(complaints));
        tcase_add_loop_test(load, an_outbox_takes_the_sizes_that_can_be_configured, 0, 2);
        suite_add_tcase(s, values);
        suite_add_tcase(s, load);
        return s;
}

UNIT_MAIN(config_suite)
