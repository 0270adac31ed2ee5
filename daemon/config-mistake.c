/* SPDX-License-Identifier: MIT */

#include "daemon/config-mistake.h"

#include <syslog.h>

#include "daemon/config-format.h"
#include "daemon/config-nearest.h"

/* What is quoted of what somebody wrote. */
#define QUOTE_MAX 100

/* The range of a quantity, or the words that a value may be. */
#define HINT_SIZE 160U

/* Longer than any key of the table; a key of a device in base64, alone on a line, is longer or has other
 * characters. */
#define KEY_QUOTE_MAX 40

/* What is quoted begins with what was written, and ends between two characters. */
static int quote_len(az_span s) {
        int32_t n = az_span_size(s);

        if (n <= QUOTE_MAX)
                return n;
        n = QUOTE_MAX;
        while (n > 0 && (az_span_ptr(s)[n] & 0xC0) == 0x80)
                n--;
        return n;
}

static const char *quote(az_span s) {
        return (const char *) az_span_ptr(s);
}

/* How much of what stands before '=' is quoted: all of it or, if it may be a secret, nothing. */
static int key_quote_len(az_span s) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        int32_t n = az_span_size(s);

        if (n > KEY_QUOTE_MAX)
                return 0;
        for (int32_t i = 0; i < n; i++)
                if (!memchr(allowed, quote(s)[i], sizeof(allowed) - 1))
                        return 0;
        return n;
}

int config_mistake_section(ConfigMessages *messages, const char *file, const ConfigItem *item,
                           const char **ret_meant) {
        ConfigNearest nearest;
        const char *meant;
        int r;

        config_nearest_init(&nearest, item->section);
        for (size_t i = 0; config_sections[i].name; i++)
                config_nearest_try(&nearest, config_sections[i].name);
        meant = nearest.name;
        r = config_messages_add(messages, LOG_ERR, file, item->line, "[%.*s]: there is no such section%s%s%s",
                                quote_len(item->section), quote(item->section),
                                meant ? ". Did you mean [" : "", meant ?: "", meant ? "]?" : "");
        if (r < 0)
                return r;
        *ret_meant = meant;
        return 0;
}

int config_mistake_key(ConfigMessages *messages, const char *file, const ConfigItem *item,
                       const char *section) {
        const char *elsewhere_section = NULL;
        ConfigNearest here, elsewhere;

        config_nearest_init(&here, item->key);
        config_nearest_init(&elsewhere, item->key);
        for (const ConfigKey *key = config_table; key->section; key++) {
                bool is_here = strcmp(key->section, section) == 0;

                config_nearest_try(is_here ? &here : &elsewhere, key->key);
                if (elsewhere.name == key->key)
                        elsewhere_section = key->section;
        }

        if (elsewhere.distance < here.distance)
                return config_messages_add(
                        messages, LOG_ERR, file, item->line,
                        "[%s] %.*s=: there is no such key in this section. Did you mean %s= in section [%s]?",
                        section, key_quote_len(item->key), quote(item->key), elsewhere.name,
                        elsewhere_section);
        return config_messages_add(
                messages, LOG_ERR, file, item->line, "[%s] %.*s=: there is no such key%s%s%s", section,
                key_quote_len(item->key), quote(item->key), here.name ? ". Did you mean " : "",
                here.name ?: "", here.name ? "=?" : "");
}

/* " 'a', 'b c'. Did you mean 'a'?" */
static void hint_at_words(const ConfigKey *key, az_span value, char hint[static HINT_SIZE]) {
        bool is_of_words = false;
        ConfigNearest nearest;
        int n = 0;

        config_nearest_init(&nearest, value);
        for (size_t i = 0; key->names[i]; i++) {
                n += snprintf(hint + n, HINT_SIZE - (size_t) n, "%s'%s'", i == 0 ? " " : ", ", key->names[i]);
                config_nearest_try(&nearest, key->names[i]);
                is_of_words |= strchr(key->names[i], ' ') != NULL;
        }
        if (is_of_words && az_span_find(value, AZ_SPAN_FROM_STR(",")) >= 0)
                (void) snprintf(hint + n, HINT_SIZE - (size_t) n, ". Between words stands a space");
        else if (nearest.name)
                (void) snprintf(hint + n, HINT_SIZE - (size_t) n, ". Did you mean '%s'?", nearest.name);
}

/* The first of the words that is none. */
static void hint_at_grant(const ConfigKey *key, az_span value, char hint[static HINT_SIZE]) {
        const char *word = quote(value), *end = word + az_span_size(value);

        while (word < end) {
                int32_t n = 0;
                ConfigNearest nearest;

                while (word + n < end && word[n] != ' ' && word[n] != '\t')
                        n++;
                config_nearest_init(&nearest, az_span_create((uint8_t *) word, n));
                for (size_t i = 0; key->names[i]; i++)
                        config_nearest_try(&nearest, key->names[i]);
                if (nearest.name &&
                    (strlen(nearest.name) != (size_t) n || strncmp(nearest.name, word, (size_t) n) != 0)) {
                        (void) snprintf(hint, HINT_SIZE, ". Did you mean %s?", nearest.name);
                        return;
                }
                word += n + 1;
        }
}

static void hint_at_range(const ConfigKey *key, char hint[static HINT_SIZE]) {
        char min[CONFIG_QUANTITY_SIZE], max[CONFIG_QUANTITY_SIZE];

        (void) snprintf(hint, HINT_SIZE, ": from %s to %s", config_quantity_format(min, key->type, key->min),
                        config_quantity_format(max, key->type, key->max));
}

int config_mistake_value(ConfigMessages *messages, int level, const char *file, const ConfigItem *item,
                         const ConfigKey *key, const char *wrong) {
        /* What stands where the name of a file or host belongs, or in a URL, may be the secret itself. */
        bool may_be_secret = key->type == CONFIG_PATH_NAME || key->type == CONFIG_PROXY ||
                             key->type == CONFIG_HOST || key->type == CONFIG_ID;
        char hint[HINT_SIZE] = "";

        if (key->type == CONFIG_ENUM)
                hint_at_words(key, item->value, hint);
        else if (key->type == CONFIG_GRANTS)
                hint_at_grant(key, item->value, hint);
        else if (key->type == CONFIG_NUMBER || key->type == CONFIG_SECONDS || key->type == CONFIG_BYTES)
                hint_at_range(key, hint);
        return config_messages_add(messages, level, file, item->line, "[%s] %s=%.*s: %s%s", key->section,
                                   key->key, may_be_secret ? 0 : quote_len(item->value), quote(item->value),
                                   wrong, hint);
}
