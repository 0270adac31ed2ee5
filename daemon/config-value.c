/* SPDX-License-Identifier: MIT */

#include "daemon/config-value.h"

#include <grp.h>
#include <pwd.h>

#include <aio/topic.h>

#include "daemon/credential.h"
#include "daemon/glob.h"
#include "daemon/method-router.h"
#include "daemon/proxy-url.h"
#include "daemon/twin-section.h"

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

/* systemd.time(7), as far as it is whole seconds. */
static const Unit time_units[] = {
        { "", 1 },         { "s", 1 },       { "sec", 1 },       { "second", 1 },     { "seconds", 1 },
        { "m", 60 },       { "min", 60 },    { "minute", 60 },   { "minutes", 60 },   { "h", 3600 },
        { "hr", 3600 },    { "hour", 3600 }, { "hours", 3600 },  { "d", 86400 },      { "day", 86400 },
        { "days", 86400 }, { "w", 604800 },  { "week", 604800 }, { "weeks", 604800 }, {},
};

/* As for systemd's sizes: powers of 1024. */
static const Unit byte_units[] = {
        { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { "T", UINT64_C(1) << 40 }, {},
};

static const Unit no_units[] = { { "", 1 }, {} };

void *config_member(Config *c, const ConfigKey *key) {
        return (uint8_t *) c + key->offset;
}

az_span config_default(const ConfigKey *key) {
        return key->default_text ? az_span_create_from_str((char *) key->default_text) : AZ_SPAN_EMPTY;
}

bool config_is_text(const ConfigKey *key) {
        switch (key->type) {
        case CONFIG_STRING:
        case CONFIG_HOST:
        case CONFIG_NAMESPACE:
        case CONFIG_ID:
        case CONFIG_PATH_NAME:
        case CONFIG_PROXY:
        case CONFIG_UNIT:
                return true;
        case CONFIG_NUMBER:
        case CONFIG_SECONDS:
        case CONFIG_BYTES:
        case CONFIG_ENUM:
        case CONFIG_USER:
        case CONFIG_GROUP:
        case CONFIG_SECTION:
        case CONFIG_PATTERNS:
        case CONFIG_FILTERS:
        case CONFIG_GRANTS:
        case _CONFIG_TYPE_MAX:
                break;
        }
        return false;
}

/* Of a member that is neither text nor a rule's. */
static size_t member_size(const ConfigKey *key) {
        return key->type == CONFIG_ENUM ? sizeof(int) : sizeof(uint64_t);
}

bool config_value_is_equal(const Config *a, const Config *b, const ConfigKey *key) {
        const void *x = (const uint8_t *) a + key->offset, *y = (const uint8_t *) b + key->offset;

        if (!config_is_text(key))
                return memcmp(x, y, member_size(key)) == 0;
        return strcmp(*(char *const *) x ?: "", *(char *const *) y ?: "") == 0;
}

void config_value_swap(Config *a, Config *b, const ConfigKey *key) {
        size_t n = config_is_text(key) ? sizeof(char *) : member_size(key);
        void *x = config_member(a, key), *y = config_member(b, key);
        uint64_t kept = 0;

        memcpy(&kept, x, n);
        memcpy(x, y, n);
        memcpy(y, &kept, n);
}

static bool is_digit(uint8_t c) {
        return c >= '0' && c <= '9';
}

static int32_t count_while(az_span s, bool (*is)(uint8_t c)) {
        int32_t n = 0;

        while (n < az_span_size(s) && is(az_span_ptr(s)[n]))
                n++;
        return n;
}

static bool is_letter(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(uint8_t c) {
        return c == ' ' || c == '\t';
}

static uint64_t unit_factor(const Unit *units, az_span name) {
        for (; units->name; units++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) units->name)))
                        return units->factor;
        return 0;
}

/* Sums up "1h 30min": numbers, each with its unit. */
static bool parse_quantity(az_span text, const Unit *units, uint64_t *ret) {
        uint64_t sum = 0, number, factor, product;
        int32_t n;

        do {
                n = count_while(text, is_digit);
                if (n == 0 || az_result_failed(az_span_atou64(az_span_slice(text, 0, n), &number)))
                        return false;
                text = az_span_slice_to_end(text, n);
                text = az_span_slice_to_end(text, count_while(text, is_blank));

                n = count_while(text, is_letter);
                factor = unit_factor(units, az_span_slice(text, 0, n));
                if (factor == 0 || __builtin_mul_overflow(number, factor, &product) ||
                    __builtin_add_overflow(sum, product, &sum))
                        return false;
                text = az_span_slice_to_end(text, n);
                text = az_span_slice_to_end(text, count_while(text, is_blank));
        } while (az_span_size(text) > 0);

        *ret = sum;
        return true;
}

static const char *set_number(uint64_t *member, const ConfigKey *key, az_span text, const Unit *units,
                              const char *wrong) {
        uint64_t value = 0;

        if (az_span_size(text) == 0 && !key->default_text) {
                *member = UINT64_MAX;
                return NULL;
        }
        if (key->type == CONFIG_SECONDS && key->min == 0 &&
            az_span_is_content_equal(text, AZ_SPAN_FROM_STR("infinity")))
                value = 0;
        else if (!parse_quantity(text, units, &value))
                return wrong;
        if (value < key->min || value > key->max)
                return "the value is out of range";
        *member = value;
        return NULL;
}

static const char *set_enum(int *member, const ConfigKey *key, az_span text) {
        for (size_t i = 0; key->names[i]; i++)
                if (az_span_is_content_equal(text, az_span_create_from_str((char *) key->names[i]))) {
                        *member = (int) (key->min + i);
                        return NULL;
                }
        return "this is not one of";
}

static int set_string(char **member, az_span text) {
        char *copy = NULL;

        if (az_span_size(text) > 0) {
                copy = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
                if (!copy)
                        return -ENOMEM;
        }
        free(*member);
        *member = copy;
        return 0;
}

static int set_proxy(char **member, az_span text, const char **ret_wrong) {
        ProxyUrl proxy;

        if (az_span_size(text) > 0)
                *ret_wrong = proxy_url_parse(&proxy, text);
        return *ret_wrong ? CONFIG_INVALID : set_string(member, text);
}

static bool is_namespace(az_span text) {
        aio_topic_pattern pattern;
        aio_error error;

        return az_result_succeeded(aio_topic_pattern_init(&pattern, AZ_SPAN_FROM_STR("topic"),
                                                          AZ_SPAN_FROM_STR("a"), text, (aio_topic_tokens){},
                                                          &error));
}

/* An empty text, too: none. */
static int set_valid(char **member, az_span text, bool (*is_valid)(az_span text), const char *wrong,
                     const char **ret_wrong) {
        if (az_span_size(text) > 0 && !is_valid(text))
                *ret_wrong = wrong;
        return *ret_wrong ? CONFIG_INVALID : set_string(member, text);
}

/* ACCESS_NOBODY: there is none. */
static uint32_t find_user(const char *name) {
        const struct passwd *user = getpwnam(name);

        return user ? user->pw_uid : ACCESS_NOBODY;
}

static uint32_t find_group(const char *name) {
        const struct group *group = getgrnam(name);

        return group ? group->gr_gid : ACCESS_NOBODY;
}

/* 0; CONFIG_DOUBTFUL, with 'doubt' in *ret_wrong: 'find' does not know it; -ENOMEM. */
static int set_who(AccessWho *member, az_span text, uint32_t (*find)(const char *name), const char *doubt,
                   const char **ret_wrong) {
        int r;

        r = set_string(&member->name, text);
        if (r < 0 || !member->name)
                return r;
        if (az_result_failed(az_span_atou32(text, &member->id)))
                member->id = find(member->name);
        if (member->id != ACCESS_NOBODY)
                return 0;
        *ret_wrong = doubt;
        return CONFIG_DOUBTFUL;
}

static int set_unit(char **member, az_span text, const char **ret_wrong) {
        int32_t dot = az_span_find(text, AZ_SPAN_FROM_STR("."));

        if (az_span_size(text) == 0 || (dot > 0 && dot + 1 < az_span_size(text)))
                return set_string(member, text);
        *ret_wrong = "a unit is written with its type, as in press.service";
        return CONFIG_INVALID;
}

/* Adds a text; an empty one removes all. */
static int add_text(AccessTexts *texts, az_span text) {
        char **items;

        if (az_span_size(text) == 0) {
                while (texts->n > 0)
                        free(texts->items[--texts->n]);
                return 0;
        }
        items = reallocarray(texts->items, texts->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        texts->items = items;
        items[texts->n] = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        if (!items[texts->n])
                return -ENOMEM;
        texts->n++;
        return 0;
}

static int add_section(AccessTexts *sections, az_span text, const char **ret_wrong) {
        if (az_span_size(text) > 0)
                *ret_wrong = twin_section_check(text);
        return *ret_wrong ? CONFIG_INVALID : add_text(sections, text);
}

static bool is_not_blank(uint8_t c) {
        return !is_blank(c);
}

/* Takes the next word off, and the blanks behind it. */
static az_span take_word(az_span *text, bool (*is)(uint8_t c)) {
        int32_t n = count_while(*text, is);
        az_span word = az_span_slice(*text, 0, n);

        *text = az_span_slice_to_end(*text, n);
        *text = az_span_slice_to_end(*text, count_while(*text, is_blank));
        return word;
}

/* What is wrong with one; NULL: nothing. */
static const char *check_pattern(az_span pattern) {
        return az_span_size(pattern) > (int32_t) METHOD_NAME_MAX ? "a name has at most 256 bytes"
                                                                 : glob_check(pattern);
}

static const char *check_filter(az_span filter) {
        if (!aio_topic_filter_is_valid(filter) || az_span_find(filter, AZ_SPAN_FROM_STR("$share/")) == 0)
                return "this is no filter of MQTT, as in factory/+/state or factory/#";
        return NULL;
}

/* Adds words with blanks in between, at most 'max' in all; an empty text removes all. */
static int add_words(AccessTexts *words, az_span text, size_t max, const char *(*check)(az_span word),
                     const char **ret_wrong) {
        az_span rest = text;
        int r;

        for (size_t n = words->n; az_span_size(rest) > 0 && !*ret_wrong;)
                *ret_wrong = ++n > max ? "there are more than 64 in this rule"
                                       : check(take_word(&rest, is_not_blank));
        if (*ret_wrong)
                return CONFIG_INVALID;
        do {
                r = add_text(words, take_word(&text, is_not_blank));
        } while (r == 0 && az_span_size(text) > 0);
        return r;
}

static const char *set_grants(unsigned *member, const ConfigKey *key, az_span text) {
        unsigned grants = 0, n = 0;
        bool is_none = false;

        for (; az_span_size(text) > 0; n++) {
                az_span word = take_word(&text, is_letter);
                unsigned i = 0;

                while (key->names[i] &&
                       !az_span_is_content_equal(word, az_span_create_from_str((char *) key->names[i])))
                        i++;
                if (!key->names[i])
                        return "grants are of read, send, serve, admin, with a space in between, or none";
                is_none |= i == 0;
                grants |= ACCESS_GRANTS_SET | (i > 0 ? 1U << (i - 1) : 0);
        }
        if (is_none && n > 1)
                return "none means no grant at all, and cannot stand beside another word";
        *member = grants;
        return NULL;
}

int config_value_set(Config *c, const ConfigKey *key, az_span text, const char **ret_wrong) {
        void *member = config_member(c, key);

        *ret_wrong = NULL;
        switch (key->type) {
        case CONFIG_PATH_NAME:
                if (az_span_size(text) > 0 && az_span_ptr(text)[0] != '/') {
                        *ret_wrong = "a path must be absolute";
                        break;
                }
                return set_string(member, text);
        case CONFIG_PROXY:
                return set_proxy(member, text, ret_wrong);
        case CONFIG_HOST:
                return set_valid(member, text, credential_host_is_valid, "this is not the name of a host",
                                 ret_wrong);
        case CONFIG_NAMESPACE:
                return set_valid(member, text, is_namespace,
                                 "this is no namespace of topics, as in factory/east", ret_wrong);
        case CONFIG_ID:
                return set_valid(member, text, credential_id_is_valid,
                                 "an id has at most 128 characters, and some cannot be used", ret_wrong);
        case CONFIG_STRING:
                return set_string(member, text);
        case CONFIG_NUMBER:
                *ret_wrong = set_number(member, key, text, no_units, "this is not a number");
                break;
        case CONFIG_SECONDS:
                *ret_wrong = set_number(member, key, text, time_units,
                                        "this is not a time, as in 90s or 1h 30min");
                break;
        case CONFIG_BYTES:
                *ret_wrong = set_number(member, key, text, byte_units, "this is not a size, as in 64M");
                break;
        case CONFIG_ENUM:
                *ret_wrong = set_enum(member, key, text);
                break;
        case CONFIG_USER:
                return set_who(member, text, find_user, "there is no such user, so the rule is for nobody",
                               ret_wrong);
        case CONFIG_GROUP:
                return set_who(member, text, find_group, "there is no such group, so the rule is for nobody",
                               ret_wrong);
        case CONFIG_UNIT:
                return set_unit(member, text, ret_wrong);
        case CONFIG_SECTION:
                return add_section(member, text, ret_wrong);
        case CONFIG_PATTERNS:
                return add_words(member, text, ACCESS_METHODS_MAX, check_pattern, ret_wrong);
        case CONFIG_FILTERS:
                return add_words(member, text, ACCESS_FILTERS_MAX, check_filter, ret_wrong);
        case CONFIG_GRANTS:
                *ret_wrong = set_grants(member, key, text);
                break;
        case _CONFIG_TYPE_MAX:
                break;
        }
        return *ret_wrong ? CONFIG_INVALID : 0;
}
