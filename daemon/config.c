/* SPDX-License-Identifier: MIT */

#include "daemon/config.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "daemon/config-mistake.h"
#include "daemon/config-table.h"
#include "daemon/config-value.h"
#include "daemon/credential.h"
#include "daemon/file.h"

static size_t count_rows(void) {
        size_t n = 0;

        while (config_table[n].section)
                n++;
        return n;
}

void config_done(Config *c) {
        access_done(&c->access);
        for (size_t i = 0; config_table[i].section; i++) {
                if (config_is_text(&config_table[i]) && !config_key_is_of_rule(&config_table[i]))
                        free(*(char **) config_member(c, &config_table[i]));
                if (c->origins)
                        free(c->origins[i].file);
        }
        free(c->origins);
        *c = (Config){};
}

static bool span_equals(az_span span, const char *s) {
        return az_span_is_content_equal(span, az_span_create_from_str((char *) s));
}

static const ConfigKey *find_key(const char *section, az_span key) {
        for (size_t i = 0; config_table[i].section; i++)
                if (strcmp(section, config_table[i].section) == 0 && span_equals(key, config_table[i].key))
                        return &config_table[i];
        return NULL;
}

static const char *find_section(az_span name) {
        for (size_t i = 0; config_sections[i].name; i++)
                if (span_equals(name, config_sections[i].name))
                        return config_sections[i].name;
        return NULL;
}

/* What is being read, and where it goes. */
typedef struct Reading {
        Config *config;
        ConfigMessages *messages;
        const char *section; /* of the table: the present one, or the one that was meant; NULL: none */
} Reading;

/* An empty value goes back to the default, which was set nowhere. */
static int note_origin(Config *c, const ConfigKey *key, const char *file, const ConfigItem *item) {
        ConfigOrigin *origin = &c->origins[key - config_table];
        bool is_set = az_span_size(item->value) > 0;
        char *copy = is_set ? strdup(file) : NULL;

        if (is_set && !copy)
                return -ENOMEM;
        free(origin->file);
        *origin = (ConfigOrigin){ .file = copy, .line = is_set ? item->line : 0 };
        return 0;
}

static int apply_value(Reading *reading, const ConfigKey *key, const char *file, const ConfigItem *item) {
        az_span text = az_span_size(item->value) == 0 ? config_default(key) : item->value;
        Access *access = &reading->config->access;
        const char *wrong;
        int r;

        if (config_key_is_of_rule(key)) {
                r = access_begin_rule(access, file, item->section_line, reading->messages);
                if (r < 0)
                        return r;
        }

        r = config_value_set(reading->config, key, text, &wrong);
        if (r == CONFIG_INVALID || r == CONFIG_DOUBTFUL)
                return config_mistake_value(reading->messages, r == CONFIG_INVALID ? LOG_ERR : LOG_WARNING,
                                            file, item, key, wrong);
        if (r == 0 && key->type == CONFIG_SECTION && az_span_size(item->value) > 0)
                r = access_check_section(access, item->line, reading->messages);
        if (r == 0 && !config_key_is_of_rule(key))
                r = note_origin(reading->config, key, file, item);
        return r;
}

static int apply_item(Reading *reading, const char *file, const ConfigItem *item) {
        const ConfigKey *key;

        if (az_span_size(item->key) == 0) {
                reading->section = find_section(item->section);
                return reading->section
                               ? 0
                               : config_mistake_section(reading->messages, file, item, &reading->section);
        }
        if (!reading->section)
                return 0; /* it was said of the section */

        key = find_key(reading->section, item->key);
        if (!key)
                return config_mistake_key(reading->messages, file, item, reading->section);
        return apply_value(reading, key, file, item);
}

static int read_text(Reading *reading, const char *name, az_span text) {
        _cleanup_(config_file_done) ConfigFile f = {};
        ConfigItem item;
        int r;

        config_file_init(&f, name, text);
        while ((r = config_file_next(&f, reading->messages, &item)) > 0) {
                r = apply_item(reading, name, &item);
                if (r < 0)
                        return r;
        }
        return r;
}

static int read_one(Reading *reading, const char *path, bool required) {
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = file_read(path, CONFIG_FILE_MAX, &text, &n);
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT && !required)
                return 0;
        if (r < 0)
                return config_messages_add(reading->messages, LOG_ERR, path, 0, "cannot be read: %s",
                                           strerror(-r));
        return read_text(reading, path, az_span_create((uint8_t *) text, (int32_t) n));
}

static int is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int read_drop_ins(Reading *reading, const char *path) {
        char dir[PATH_MAX], file[PATH_MAX];
        struct dirent **entries = NULL;
        int n, r = 0;

        if ((size_t) snprintf(dir, sizeof(dir), "%s.d", path) >= sizeof(dir))
                return -ENAMETOOLONG;
        n = scandir(dir, &entries, is_drop_in, alphasort);
        if (n < 0)
                return errno == ENOENT ? 0
                                       : config_messages_add(reading->messages, LOG_ERR, dir, 0,
                                                             "cannot be read: %m");

        for (int i = 0; i < n; i++) {
                if (r >= 0 &&
                    (size_t) snprintf(file, sizeof(file), "%s/%s", dir, entries[i]->d_name) < sizeof(file))
                        r = read_one(reading, file, true);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int apply_defaults(Config *c) {
        size_t n = count_rows();
        const char *wrong;
        int r;

        assert(n > 0);
        c->origins = calloc(n, sizeof(*c->origins));
        if (!c->origins)
                return -ENOMEM;
        for (size_t i = 0; config_table[i].section; i++) {
                r = config_value_set(c, &config_table[i], config_default(&config_table[i]), &wrong);
                if (r != 0)
                        return r < 0 ? r : -EINVAL; /* the table is wrong; a test looks at every default */
        }
        return 0;
}

/* What is no secret is trusted from where the secrets are; those are found by daemon/credential.h. */
static int apply_trusted_ca(char **member, const char *credential) {
        char path[PATH_MAX];

        if (*member || !credential_find(getenv("CREDENTIALS_DIRECTORY"), credential, path))
                return 0;
        *member = strdup(path);
        return *member ? 0 : -ENOMEM;
}

int config_load(Config *ret, const char *path, bool required, ConfigMessages *messages) {
        _cleanup_(config_done) Config c = {};
        Reading reading = { .config = &c, .messages = messages };
        int r;

        r = apply_defaults(&c);
        if (r >= 0)
                r = read_one(&reading, path, required);
        if (r >= 0)
                r = read_drop_ins(&reading, path);
        if (r >= 0)
                r = apply_trusted_ca(&c.hub.trusted_ca_file, "aziotd.trusted-ca");
        if (r >= 0)
                r = apply_trusted_ca(&c.broker.trusted_ca_file, "aziotd.broker-trusted-ca");
        if (r >= 0)
                r = access_end_rule(&c.access, messages);
        if (r < 0)
                return r;

        *ret = c;
        c = (Config){};
        return messages->n_errors > 0 ? CONFIG_INVALID : 0;
}

bool config_has_broker(const Config *c, const char *directory) {
        char path[PATH_MAX];

        return c->broker.host || c->broker.connection_string_file ||
               c->broker.settings_from != BROKER_SETTINGS_CONFIG ||
               credential_find(directory, "aziotd.broker-connection-string", path);
}

bool config_has_hub(const Config *c, const char *directory) {
        char path[PATH_MAX];

        return c->hub.host || c->hub.connection_string_file || c->provisioning.id_scope ||
               credential_find(directory, "aziotd.connection-string", path) ||
               !config_has_broker(c, directory);
}
