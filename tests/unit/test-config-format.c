/* SPDX-License-Identifier: MIT */

#include "daemon/config-format.h"

#include <syslog.h>

#include "daemon/config-value.h"
#include "tests/unit/unit.h"

static const struct {
        ConfigType type;
        uint64_t value;
        const char *text;
} quantities[] = {
        { CONFIG_NUMBER, 0, "0" },
        { CONFIG_NUMBER, UINT64_MAX, "18446744073709551615" },
        { CONFIG_SECONDS, 0, "0" },
        { CONFIG_SECONDS, 59, "59s" },
        { CONFIG_SECONDS, 60, "1min" },
        { CONFIG_SECONDS, 5400, "1h 30min" },
        { CONFIG_SECONDS, 86400, "1d" },
        { CONFIG_SECONDS, 90061, "1d 1h 1min 1s" },
        { CONFIG_SECONDS, UINT64_MAX, "213503982334601d 7h 15s" },
        { CONFIG_BYTES, 0, "0" },
        { CONFIG_BYTES, 512, "512" },
        { CONFIG_BYTES, 1 << 10, "1K" },
        { CONFIG_BYTES, (64 << 20) + 1, "67108865" },
        { CONFIG_BYTES, 64 << 20, "64M" },
        { CONFIG_BYTES, UINT64_C(4) << 30, "4G" },
};

START_TEST(a_quantity_is_written_exactly) {
        char buffer[CONFIG_QUANTITY_SIZE];

        ck_assert_str_eq(config_quantity_format(buffer, quantities[_i].type, quantities[_i].value),
                         quantities[_i].text);
}
END_TEST

static const ConfigKey *find_key(const char *section, const char *name) {
        const ConfigKey *key = config_table;

        while (strcmp(key->section, section) != 0 || strcmp(key->key, name) != 0)
                key++;
        return key;
}

/* What is written in the file, and how it reads when it is asked for; NULL: not at all. */
static const struct {
        const char *section, *key, *written, *text;
} values[] = {
        { "Hub", "Host", "", NULL },
        { "Hub", "Host", "hub.example", "hub.example" },
        { "Hub", "TokenLifetimeSec", "", "1h" },
        { "Hub", "TokenLifetimeSec", "3600", "1h" },
        { "Hub", "TokenLifetimeSec", "5400", "1h 30min" },
        { "Hub", "KeepAliveSec", "1min", "60s" },
        { "Hub", "TrustedCAFile", "/etc/ca.pem", "/etc/ca.pem" },
        { "Outbox", "MessageTTLSec", "", "infinity" },
        { "Outbox", "MessageTTLSec", "0", "infinity" },
        { "Outbox", "SyncIntervalSec", "infinity", "0" },
        { "Outbox", "MaxBytes", "134217728", "128M" },
        { "Outbox", "WhenFull", "drop-oldest", "drop-oldest" },
        { "Network", "Transports", "websocket", "websocket" },
        { "Network", "Proxy", "http://proxy:3128", "http://proxy:3128" },
        { "Log", "Level", "", "info" },
        { "Log", "Level", "debug", "debug" },
        { "Access", "User", "", NULL },
        { "Access", "User", "0", "0" },
        { "Access", "Unit", "press.service", "press.service" },
        { "Access", "Grants", "", NULL },
        { "Access", "Grants", "none", "none" },
        { "Access", "Grants", "serve  read", "read serve" },
        { "Access", "TwinSection", "/pump", "/pump" },
        { "Access", "OutboxMaxMessages", "", NULL },
        { "Access", "OutboxMaxMessages", "0", "0" },
        { "Access", "OutboxMaxBytes", "8M", "8M" },
};

START_TEST(a_value_is_written_as_in_the_file) {
        const ConfigKey *key = find_key(values[_i].section, values[_i].key);
        az_span written = az_span_create_from_str((char *) values[_i].written);
        _cleanup_(config_done) Config c = { .access = ACCESS_NULL };
        _cleanup_(freep) char *text = NULL;
        const char *wrong;

        if (az_span_size(written) == 0)
                written = config_default(key);
        ck_assert_int_eq(config_value_set(&c, key, written, &wrong), 0);
        ck_assert_int_eq(config_value_format(&c, key, &text), 0);
        ck_assert_pstr_eq(text, values[_i].text);
}
END_TEST

START_TEST(several_values_have_a_space_in_between) {
        const ConfigKey *key = find_key("Access", "TwinSection");
        _cleanup_(config_done) Config c = { .access = ACCESS_NULL };
        _cleanup_(freep) char *text = NULL;
        const char *wrong;

        ck_assert_int_eq(config_value_set(&c, key, AZ_SPAN_FROM_STR("/pump"), &wrong), 0);
        ck_assert_int_eq(config_value_set(&c, key, AZ_SPAN_FROM_STR("/press"), &wrong), 0);
        ck_assert_int_eq(config_value_format(&c, key, &text), 0);
        ck_assert_str_eq(text, "/pump /press");
}
END_TEST

static Suite *config_format_suite(void) {
        Suite *s = suite_create("config-format");
        TCase *t = tcase_create("format");

        tcase_add_loop_test(t, a_quantity_is_written_exactly, 0, ELEMENTSOF(quantities));
        tcase_add_loop_test(t, a_value_is_written_as_in_the_file, 0, ELEMENTSOF(values));
        tcase_add_test(t, several_values_have_a_space_in_between);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(config_format_suite)
