/* SPDX-License-Identifier: MIT */

#include "daemon/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "daemon/config-table.h"
#include "daemon/config-value.h"
#include "daemon/file.h"

static void config_free_strings(Config *c) {
        for (size_t i = 0; config_table[i].section; i++)
                if (config_table[i].type == CONFIG_STRING || config_table[i].type == CONFIG_PATH_NAME ||
                    config_table[i].type == CONFIG_PROXY)
                        free(*(char **) config_member(c, &config_table[i]));
}

void config_done(Config *c) {
        access_done(&c->access);
        config_free_strings(c);
        *c = (Config){};
}

static bool span_equals(az_span span, const char *s) {
        return az_span_is_content_equal(span, az_span_create_from_str((char *) s));
}

static const ConfigKey *find_key(az_span section, az_span key) {
        for (size_t i = 0; config_table[i].section; i++)
                if (span_equals(section, config_table[i].section) && span_equals(key, config_table[i].key))
                        return &config_table[i];
        return NULL;
}

/* How many letters two names differ by when laid over each other from both ends: enough to find a slip. */
static size_t name_distance(az_span a, const char *b) {
        size_t n_a = (size_t) az_span_size(a), n_b = strlen(b), prefix = 0, suffix = 0,
               shorter = MIN(n_a, n_b);
        const char *s = (const char *) az_span_ptr(a);

        while (prefix < shorter && strncasecmp(s + prefix, b + prefix, 1) == 0)
                prefix++;
        while (suffix < shorter - prefix && strncasecmp(s + n_a - 1 - suffix, b + n_b - 1 - suffix, 1) == 0)
                suffix++;
        return MAX(n_a, n_b) - prefix - suffix;
}

static int warn_unknown(const ConfigFile *f, const ConfigItem *item, ConfigMessages *messages) {
        const ConfigKey *nearest = &config_table[0];
        size_t best = SIZE_MAX;

        for (size_t i = 0; config_table[i].section; i++) {
                size_t distance = name_distance(item->section, config_table[i].section) +
                                  name_distance(item->key, config_table[i].key);

                if (distance < best) {
                        best = distance;
                        nearest = &config_table[i];
                }
        }
        return config_messages_add(
                messages, LOG_WARNING, f->name, item->line,
                "unknown key %.*s= in section [%.*s]; the nearest is %s= in [%s], ignoring",
                az_span_size(item->key), (char *) az_span_ptr(item->key), az_span_size(item->section),
                (char *) az_span_ptr(item->section), nearest->key, nearest->section);
}

/* Takes an assignment. 0, or a negative errno. */
typedef int (*ItemFunc)(void *userdata, const ConfigFile *f, const ConfigItem *item,
                        ConfigMessages *messages);

static int apply_item(void *userdata, const ConfigFile *f, const ConfigItem *item, ConfigMessages *messages) {
        const ConfigKey *key = find_key(item->section, item->key);
        Config *c = userdata;
        const char *wrong;
        int r;

        if (!key)
                return warn_unknown(f, item, messages);
        if (strcmp(key->section, "Access") == 0) {
                r = access_begin_rule(&c->access, f->name, item->section_line, messages);
                if (r < 0)
                        return r;
        }

        r = config_value_set(c, key, az_span_size(item->value) == 0 ? config_default(key) : item->value,
                             &wrong);
        if (r == CONFIG_INVALID || r == CONFIG_DOUBTFUL) {
                /* What stands where the name of a file belongs, or in a URL, may be the secret itself. */
                bool is_secret = key->type == CONFIG_PATH_NAME || key->type == CONFIG_PROXY;
                az_span quoted = is_secret ? AZ_SPAN_EMPTY : item->value;

                return config_messages_add(messages, r == CONFIG_INVALID ? LOG_ERR : LOG_WARNING, f->name,
                                           item->line, "%s=%.*s: %s", key->key, az_span_size(quoted),
                                           (char *) az_span_ptr(quoted), wrong);
        }
        if (r == 0 && key->type == CONFIG_SECTION && az_span_size(item->value) > 0)
                r = access_check_section(&c->access, item->line, messages);
        return r;
}

static int read_text(ItemFunc func, void *userdata, const char *name, az_span text,
                     ConfigMessages *messages) {
        _cleanup_(config_file_done) ConfigFile f = {};
        ConfigItem item;
        int r;

        config_file_init(&f, name, text);
        while ((r = config_file_next(&f, messages, &item)) > 0) {
                r = func(userdata, &f, &item, messages);
                if (r < 0)
                        return r;
        }
        return r;
}

static int read_one(ItemFunc func, void *userdata, const char *path, bool required,
                    ConfigMessages *messages) {
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = file_read(path, CONFIG_FILE_MAX, &text, &n);
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT && !required)
                return 0;
        if (r < 0)
                return config_messages_add(messages, LOG_ERR, path, 0, "cannot be read: %s", strerror(-r));
        return read_text(func, userdata, path, az_span_create((uint8_t *) text, (int32_t) n), messages);
}

static int is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int read_drop_ins(ItemFunc func, void *userdata, const char *path, ConfigMessages *messages) {
        char dir[PATH_MAX], file[PATH_MAX];
        struct dirent **entries = NULL;
        int n, r = 0;

        if ((size_t) snprintf(dir, sizeof(dir), "%s.d", path) >= sizeof(dir))
                return -ENAMETOOLONG;
        n = scandir(dir, &entries, is_drop_in, alphasort);
        if (n < 0)
                return errno == ENOENT ? 0
                                       : config_messages_add(messages, LOG_ERR, dir, 0, "cannot be read: %m");

        for (int i = 0; i < n; i++) {
                if (r >= 0 &&
                    (size_t) snprintf(file, sizeof(file), "%s/%s", dir, entries[i]->d_name) < sizeof(file))
                        r = read_one(func, userdata, file, true, messages);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* The file, then its drop-ins. */
static int read_all(ItemFunc func, void *userdata, const char *path, bool required,
                    ConfigMessages *messages) {
        int r;

        r = read_one(func, userdata, path, required, messages);
        return r < 0 ? r : read_drop_ins(func, userdata, path, messages);
}

static int apply_defaults(Config *c) {
        const char *wrong;
        int r;

        for (size_t i = 0; config_table[i].section; i++) {
                r = config_value_set(c, &config_table[i], config_default(&config_table[i]), &wrong);
                if (r != 0)
                        return r < 0 ? r : -EINVAL; /* the table is wrong; a test looks at every default */
        }
        return 0;
}

int config_load(Config *ret, const char *path, bool required, ConfigMessages *messages) {
        _cleanup_(config_done) Config c = {};
        int r;

        r = apply_defaults(&c);
        if (r >= 0)
                r = read_all(apply_item, &c, path, required, messages);
        if (r >= 0)
                r = access_end_rule(&c.access, messages);
        if (r < 0)
                return r;
        if (messages->n_errors > 0)
                return CONFIG_INVALID;

        *ret = c;
        c = (Config){};
        return 0;
}

typedef struct Search {
        const char *section, *key;
        ConfigPlace *place;
} Search;

/* The last one counts, as it does for the value. */
static int note_place(void *userdata, const ConfigFile *f, const ConfigItem *item, ConfigMessages *messages) {
        Search *s = userdata;

        if (span_equals(item->section, s->section) && span_equals(item->key, s->key)) {
                s->place->line = item->line;
                (void) snprintf(s->place->file, sizeof(s->place->file), "%s", f->name);
        }
        return 0;
}

bool config_find(const char *path, const char *section, const char *key, ConfigPlace *ret) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        ConfigPlace place = {};
        Search s = { .section = section, .key = key, .place = &place };

        if (read_all(note_place, &s, path, false, &messages) < 0 || place.line == 0)
                return false;
        *ret = place;
        return true;
}
