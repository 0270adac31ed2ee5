/* SPDX-License-Identifier: MIT */

#include "daemon/config-format.h"

#include <inttypes.h>
#include <limits.h>

#include "daemon/config-value.h"

typedef struct Unit {
        uint64_t factor;
        const char *name;
} Unit;

static const Unit time_units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
static const Unit byte_units[] = {
        { UINT64_C(1) << 30, "G" }, { 1 << 20, "M" }, { 1 << 10, "K" }, { 1, "" }
};

/* "1h 30min": of each unit as many as there are. */
static const char *format_time(char *buffer, uint64_t seconds) {
        int n = 0;

        if (seconds == 0)
                (void) snprintf(buffer, CONFIG_QUANTITY_SIZE, "0");
        for (size_t i = 0; i < ELEMENTSOF(time_units); i++) {
                uint64_t many = seconds / time_units[i].factor;

                if (many > 0)
                        n += snprintf(buffer + n, CONFIG_QUANTITY_SIZE - (size_t) n, "%s%" PRIu64 "%s",
                                      n > 0 ? " " : "", many, time_units[i].name);
                seconds %= time_units[i].factor;
        }
        return buffer;
}

/* "64M": the largest unit of which it is a whole number. */
static const char *format_bytes(char *buffer, uint64_t bytes) {
        size_t i = 0;

        while (bytes % byte_units[i].factor != 0 || (bytes == 0 && byte_units[i].factor > 1))
                i++;
        (void) snprintf(buffer, CONFIG_QUANTITY_SIZE, "%" PRIu64 "%s", bytes / byte_units[i].factor,
                        byte_units[i].name);
        return buffer;
}

const char *config_quantity_format(char buffer[static CONFIG_QUANTITY_SIZE], ConfigType type,
                                   uint64_t value) {
        if (type == CONFIG_SECONDS)
                return format_time(buffer, value);
        if (type == CONFIG_BYTES)
                return format_bytes(buffer, value);
        (void) snprintf(buffer, CONFIG_QUANTITY_SIZE, "%" PRIu64, value);
        return buffer;
}

static int copy_text(const char *text, char **ret) {
        char *copy = text ? strdup(text) : NULL;

        if (text && !copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

/* One that is the default reads like that: "infinity", say, where 0 would do. */
static int format_quantity(const Config *c, const ConfigKey *key, char **ret) {
        uint64_t value = *(const uint64_t *) ((const uint8_t *) c + key->offset);
        char buffer[CONFIG_QUANTITY_SIZE];
        const char *wrong;
        Config defaults = {};

        if (value == UINT64_MAX && !key->default_text)
                return copy_text(NULL, ret);
        if (key->default_text && config_value_set(&defaults, key, config_default(key), &wrong) == 0 &&
            value == *(const uint64_t *) config_member(&defaults, key))
                return copy_text(key->default_text, ret);
        return copy_text(config_quantity_format(buffer, key->type, value), ret);
}

static int join(const char *const *words, size_t n, char **ret) {
        size_t size = 1;
        char *text, *end;

        for (size_t i = 0; i < n; i++)
                size += strlen(words[i]) + 1;
        text = end = calloc(1, size);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        *end++ = ' ';
                end = mempcpy(end, words[i], strlen(words[i]));
        }
        *ret = text;
        return 0;
}

static int format_grants(unsigned grants, const ConfigKey *key, char **ret) {
        const char *words[sizeof(grants) * CHAR_BIT];
        size_t n = 0;

        if (grants == 0)
                return copy_text(NULL, ret);
        for (size_t i = 1; key->names[i]; i++)
                if (grants & 1U << (i - 1))
                        words[n++] = key->names[i];
        return n > 0 ? join(words, n, ret) : copy_text(key->names[0], ret);
}

int config_value_format(const Config *c, const ConfigKey *key, char **ret) {
        const void *member = (const uint8_t *) c + key->offset;
        const AccessTexts *texts = member;

        if (config_is_text(key))
                return copy_text(*(char *const *) member, ret);
        switch (key->type) {
        case CONFIG_ENUM:
                return copy_text(key->names[*(const int *) member - (int) key->min], ret);
        case CONFIG_USER:
        case CONFIG_GROUP:
                return copy_text(((const AccessWho *) member)->name, ret);
        case CONFIG_SECTION:
        case CONFIG_PATTERNS:
        case CONFIG_FILTERS:
                return texts->n > 0 ? join((const char *const *) texts->items, texts->n, ret)
                                    : copy_text(NULL, ret);
        case CONFIG_GRANTS:
                return format_grants(*(const unsigned *) member, key, ret);
        case CONFIG_NUMBER:
        case CONFIG_SECONDS:
        case CONFIG_BYTES:
        case CONFIG_STRING:
        case CONFIG_HOST:
        case CONFIG_NAMESPACE:
        case CONFIG_ID:
        case CONFIG_PATH_NAME:
        case CONFIG_PROXY:
        case CONFIG_UNIT:
        case _CONFIG_TYPE_MAX:
                break;
        }
        return format_quantity(c, key, ret);
}
