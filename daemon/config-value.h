/* SPDX-License-Identifier: MIT */
#pragma once

/* The values of a configuration file, each from its text. */

#include "daemon/config-table.h"

/* The member of 'c' that 'key' describes. */
void *config_member(Config *c, const ConfigKey *key);

/* The text of the key's default; empty if it has none. */
az_span config_default(const ConfigKey *key);

/* Whether the member is a char *. */
bool config_is_text(const ConfigKey *key);

/* Whether the value is the same in both. Not for keys of [Access]: access_is_equal() looks at all of them. */
bool config_value_is_equal(const Config *a, const Config *b, const ConfigKey *key);

/* Exchanges it, likewise. */
void config_value_swap(Config *a, Config *b, const ConfigKey *key);

/* A condition of config_value_set(): the member was set, but *ret_wrong says what its author will not want.
 */
#define CONFIG_DOUBTFUL 2

/*
 * Decodes 'text' into the key's member; an empty one sets a string to NULL. 0; CONFIG_INVALID with a sentence
 * in *ret_wrong, and the member as it was; CONFIG_DOUBTFUL; or -ENOMEM.
 */
int config_value_set(Config *c, const ConfigKey *key, az_span text, const char **ret_wrong);
