/* SPDX-License-Identifier: MIT */
#pragma once

/* How one configuration differs from another, and how the one in use becomes the other. */

#include "daemon/config-table.h"

/* The table has about half as many rows. */
#define CONFIG_KEYS_MAX 128U

typedef struct ConfigChanges {
        const ConfigKey
                *keys[CONFIG_KEYS_MAX]; /* those that differ, in the order of the table, but of rules */
        size_t n_keys;
        bool access; /* the rules do */
} ConfigChanges;

/* What became of a reload. */
typedef struct ConfigReload {
        ConfigChanges
                changes; /* that the files have, but those for which a restart is needed are not in use */
        ConfigMessages messages; /* if there are errors among them, nothing has changed */
} ConfigReload;

void config_reload_done(ConfigReload *reload);

/* What became of all of them. */
typedef struct ConfigReloads {
        uint64_t n_taken, n_refused;
        bool is_refused;   /* the last one was */
        uint64_t taken_us; /* CLOCK_BOOTTIME: when the configuration in use was loaded */
} ConfigReloads;

void config_compare(const Config *a, const Config *b, ConfigChanges *ret);

/* Whether there is a key among them that is taken up in this way. Rules are CONFIG_APPLY_LIVE. */
bool config_changes_have(const ConfigChanges *changes, ConfigApply apply);

/* Whether there is one of this section among them. */
bool config_changes_have_section(const ConfigChanges *changes, const char *section);

/*
 * Makes 'c' what 'next' is, but for rules and for keys that need a restart; 'changes' are those between them.
 * 'next' gets what was there before, in so far, and is to be released as always. What is read through a
 * pointer to 'c' is the new value from then on; strings that were read before go with 'next' if they have
 * changed, and else stay where they are.
 */
void config_take(Config *c, Config *next, const ConfigChanges *changes);
