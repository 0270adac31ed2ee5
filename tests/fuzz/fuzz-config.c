/* SPDX-License-Identifier: MIT */

/* A configuration file, and the same bytes as a connection string. */

#include "daemon/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const ConfigItem *item) {
        if (az_span_size(item->section) == 0 || az_span_size(item->key) == 0 ||
            memchr(az_span_ptr(item->value), '\n', (size_t) az_span_size(item->value)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_file_done) ConfigFile f = {};
        az_span text = az_span_create((uint8_t *) data, (int32_t) size);
        ConnectionString s;
        ConfigItem item;

        config_file_init(&f, "fuzz", text);
        while (config_file_next(&f, &messages, &item) > 0)
                check_item(&item);
        (void) connection_string_parse(&s, text, "fuzz", &messages);
        return 0;
}
