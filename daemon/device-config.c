/* SPDX-License-Identifier: MIT */

/* GetConfig, Reload: what the configuration says, and where. */

#include <limits.h>

#include "daemon/config-format.h"
#include "daemon/config-value.h"
#include "daemon/credential.h"
#include "daemon/device-internal.h"

static void write_messages(IpcJson *json, const char *name, const ConfigMessages *messages, int level) {
        char text[1024];

        ipc_json_begin_array(json, name);
        for (size_t i = 0; i < messages->n; i++)
                if ((messages->messages[i].level <= LOG_ERR) == (level <= LOG_ERR))
                        ipc_json_cstring(json, NULL,
                                         config_message_format(&messages->messages[i], text, sizeof(text)));
        if (messages->n_left_out > 0 && level <= LOG_ERR) {
                (void) snprintf(text, sizeof(text), "and %zu more", messages->n_left_out);
                ipc_json_cstring(json, NULL, text);
        }
        ipc_json_end_array(json);
}

/* Reload ---------------------------------------------------------------------------------------------- */

static void write_names(IpcJson *json, const char *name, const ConfigChanges *changes, bool need_restart) {
        char text[64];

        ipc_json_begin_array(json, name);
        for (size_t i = 0; i < changes->n_keys; i++) {
                if ((changes->keys[i]->apply == CONFIG_APPLY_RESTART) != need_restart)
                        continue;
                (void) snprintf(text, sizeof(text), "%s.%s", changes->keys[i]->section,
                                changes->keys[i]->key);
                ipc_json_cstring(json, NULL, text);
        }
        if (changes->access && !need_restart)
                ipc_json_cstring(json, NULL, "Access");
        ipc_json_end_array(json);
}

int device_reload(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(config_reload_done) ConfigReload reload = {};
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *d = userdata;
        int r;

        r = d->reload(d->userdata, &reload);
        if (r < 0)
                return r;
        ipc_json_begin(&json, NULL);
        if (r == 0) {
                write_names(&json, "applied", &reload.changes, false);
                write_names(&json, "needRestart", &reload.changes, true);
                write_messages(&json, "warnings", &reload.messages, LOG_WARNING);
        } else
                write_messages(&json, "messages", &reload.messages, LOG_ERR);
        ipc_json_end(&json);
        return r == 0 ? ipc_call_reply_json(call, &json)
                      : ipc_call_error_json(call, "io.aziotd.device.ConfigInvalid", &json);
}

/* GetConfig ------------------------------------------------------------------------------------------- */

static void write_place(IpcJson *json, const char *file, unsigned line) {
        ipc_json_cstring(json, "source", "file");
        ipc_json_cstring(json, "file", file);
        ipc_json_int(json, "line", line);
}

static void begin_setting(IpcJson *json, const ConfigKey *key, const char *value) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "section", key->section);
        ipc_json_cstring(json, "key", key->key);
        if (value)
                ipc_json_cstring(json, "value", value);
        ipc_json_cstring(json, "apply", config_apply_to_string(key->apply));
}

static int write_setting(IpcJson *json, const ConfigKey *key, const Config *c, const Config *next) {
        _cleanup_(freep) char *value = NULL, *pending = NULL;
        const ConfigOrigin *origin = &c->origins[key - config_table];
        char path[PATH_MAX];
        const char *credential = NULL;
        int r;

        r = config_value_format(c, key, &value);
        if (r >= 0)
                r = config_value_format(next, key, &pending);
        if (r < 0)
                return r;
        if (!origin->file)
                credential = credential_find(getenv("CREDENTIALS_DIRECTORY"), key->credential, path);

        begin_setting(json, key, credential ?: value);
        if (origin->file)
                write_place(json, origin->file, origin->line);
        else
                ipc_json_cstring(json, "source", credential ? "credential" : "default");
        if (!config_value_is_equal(c, next, key))
                ipc_json_cstring(json, "pending", pending ?: "");
        ipc_json_end(json);
        return 0;
}

static void write_rule_setting(IpcJson *json, const ConfigKey *key, const char *value, const AccessRule *rule,
                               size_t number) {
        begin_setting(json, key, value);
        write_place(json, rule->file, rule->line);
        ipc_json_int(json, "rule", (int64_t) number);
        ipc_json_end(json);
}

/* What the rule sets of its keys. Sections are written one a line. */
static int write_rule(IpcJson *json, const AccessRule *rule, size_t number) {
        const Config view = { .access.draft = *rule };

        for (const ConfigKey *key = config_table; key->section; key++) {
                _cleanup_(freep) char *value = NULL;
                int r;

                if (!config_key_is_of_rule(key))
                        continue;
                if (key->type == CONFIG_SECTION) {
                        for (size_t i = 0; i < rule->twin_sections.n; i++)
                                write_rule_setting(json, key, rule->twin_sections.items[i], rule, number);
                        continue;
                }
                r = config_value_format(&view, key, &value);
                if (r < 0)
                        return r;
                if (value)
                        write_rule_setting(json, key, value, rule, number);
        }
        return 0;
}

static int write_settings(IpcJson *json, const Config *c, const Config *next) {
        int r = 0;

        ipc_json_begin_array(json, "settings");
        for (const ConfigKey *key = config_table; key->section && r >= 0; key++)
                if (!config_key_is_of_rule(key))
                        r = write_setting(json, key, c, next);
        for (size_t i = 0; i < c->access.n_rules && r >= 0; i++)
                r = write_rule(json, &c->access.rules[i], i + 1);
        ipc_json_end_array(json);
        return r;
}

/* What is wrong in the files now is told instead of what they say. */
int device_get_config(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(config_done) Config next = {};
        const Device *d = userdata;
        const Config *c = d->config;
        int r;

        r = config_load(&next, d->config_path, d->config_required, &messages);
        if (r < 0)
                return r;
        ipc_json_begin(&json, NULL);
        r = write_settings(&json, c, messages.n_errors > 0 ? c : &next);
        ipc_json_bool(&json, "rulesPending",
                      messages.n_errors == 0 && !access_is_equal(&c->access, &next.access));
        write_messages(&json, "mistakes", &messages, LOG_ERR);
        ipc_json_end(&json);
        return r < 0 ? r : ipc_call_reply_json(call, &json);
}
