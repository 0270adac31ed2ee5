/* SPDX-License-Identifier: MIT */
#pragma once

/* The values of a configuration file, each from its text. */

#include "daemon/config-table.h"

/* The member of 'c' that 'key' describes. */
void *config_member(Config *c, const ConfigKey *key);

/* The text of the key's default; empty if it has none. */
az_span config_default(const ConfigKey *key);

/* A condition of config_value_set(): the member was set, but *ret_wrong says what its author will not want.
 */
#define CONFIG_DOUBTFUL 2

/*
 * Decodes 'text' into the key's member; an empty one sets a string to NULL. 0; CONFIG_INVALID with a sentence
 * in *ret_wrong, and the member as it was; CONFIG_DOUBTFUL; or -ENOMEM.
 */
int config_value_set(Config *c, const ConfigKey *key, az_span text, const char **ret_wrong);
