/* SPDX-License-Identifier: MIT */
#pragma once

/* What a command that is run finds in its environment. */

#include <stddef.h>

#include "ipc/aziot.h"

/* What the name of a variable begins with that is for an application property, or for a token of a topic. */
#define ENVIRONMENT_PROPERTY "AZIOT_PROPERTY_"
#define ENVIRONMENT_TOKEN    "AZIOT_TOKEN_"

/* Sets a variable; NULL: removes it. Returns a negative errno. */
int environment_set(const char *name, const char *value);

/* Removes all variables whose names begin so. */
void environment_clear(const char *prefix);

/*
 * Sets the variable whose name is 'prefix' and the key, in which '_' stands for each byte that is not a
 * letter or digit of ASCII, unless it is there: if several keys come out the same, the first one counts.
 * Returns a negative errno.
 */
int environment_add(const char *prefix, const char *key, const char *value);

/* Sets AZIOT_PROPERTY_KEY for each property, and removes those that were there before. The same. */
int environment_set_properties(const AziotProperty *properties, size_t n_properties);
