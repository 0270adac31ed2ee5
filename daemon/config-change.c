/* SPDX-License-Identifier: MIT */

#include "daemon/config-change.h"

#include <assert.h>

#include "daemon/config-value.h"

void config_reload_done(ConfigReload *reload) {
        config_messages_done(&reload->messages);
}

void config_compare(const Config *a, const Config *b, ConfigChanges *ret) {
        *ret = (ConfigChanges){ .access = !access_is_equal(&a->access, &b->access) };
        for (const ConfigKey *key = config_table; key->section; key++) {
                if (config_key_is_of_rule(key) || config_value_is_equal(a, b, key))
                        continue;
                assert(ret->n_keys < ELEMENTSOF(ret->keys));
                ret->keys[ret->n_keys++] = key;
        }
}

bool config_changes_have(const ConfigChanges *changes, ConfigApply apply) {
        for (size_t i = 0; i < changes->n_keys; i++)
                if (changes->keys[i]->apply == apply)
                        return true;
        return apply == CONFIG_APPLY_LIVE && changes->access;
}

bool config_changes_have_section(const ConfigChanges *changes, const char *section) {
        for (size_t i = 0; i < changes->n_keys; i++)
                if (strcmp(changes->keys[i]->section, section) == 0)
                        return true;
        return false;
}

static bool has_changed(const ConfigChanges *changes, const ConfigKey *key) {
        for (size_t i = 0; i < changes->n_keys; i++)
                if (changes->keys[i] == key)
                        return true;
        return false;
}

static void swap_origins(Config *c, Config *next, const ConfigKey *key) {
        ConfigOrigin *a = &c->origins[key - config_table], *b = &next->origins[key - config_table];
        ConfigOrigin kept = *a;

        *a = *b;
        *b = kept;
}

void config_take(Config *c, Config *next, const ConfigChanges *changes) {
        for (const ConfigKey *key = config_table; key->section; key++) {
                bool is_changed = has_changed(changes, key);

                if (config_key_is_of_rule(key) || (is_changed && key->apply == CONFIG_APPLY_RESTART))
                        continue;
                if (is_changed)
                        config_value_swap(c, next, key);
                swap_origins(c, next, key); /* what is the same may stand elsewhere now */
        }
}
