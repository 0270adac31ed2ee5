/* SPDX-License-Identifier: MIT */

/* A configuration file, whose names are looked for, and whose values are tried as those of every key; and the
 * same bytes as a connection string. */

#include "daemon/config-mistake.h"
#include "daemon/config-value.h"
#include "daemon/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const ConfigItem *item) {
        if (az_span_size(item->section) == 0)
                abort();
        if (az_span_size(item->value) > 0 &&
            memchr(az_span_ptr(item->value), '\n', (size_t) az_span_size(item->value)))
                abort();
}

/* What would be said of it if there were no such section, or no such key: text, and not much of it. */
static void check_mistakes(const ConfigItem *item) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        const char *meant;

        if (config_mistake_section(&messages, "fuzz", item, &meant) < 0 ||
            config_mistake_key(&messages, "fuzz", item, "Hub") < 0)
                abort();
        for (size_t i = 0; i < messages.n; i++) {
                az_span text = az_span_create_from_str(messages.messages[i].text);

                if (az_span_size(text) > 1024 || !az_span_is_valid_utf8(text))
                        abort();
        }
}

/* What is no value is told why; users and groups would be looked up. */
static void check_values(az_span value) {
        _cleanup_(config_done) Config c = {};

        for (const ConfigKey *key = config_table; key->section; key++) {
                const char *wrong;
                int r;

                if (key->type == CONFIG_USER || key->type == CONFIG_GROUP)
                        continue;
                r = config_value_set(&c, key, value, &wrong);
                if ((r != 0) != (wrong != NULL))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_file_done) ConfigFile f = {};
        az_span text = az_span_create((uint8_t *) data, (int32_t) size);
        ConnectionString s;
        ConfigItem item;

        config_file_init(&f, "fuzz", text);
        while (config_file_next(&f, &messages, &item) > 0) {
                check_item(&item);
                check_mistakes(&item);
                check_values(item.value);
        }
        (void) connection_string_parse(&s, text, "fuzz", &messages);
        return 0;
}
