/* SPDX-License-Identifier: MIT */
#pragma once

/* What a command that is run finds in its environment. */

#include <stddef.h>

#include "ipc/aziot.h"

/* What the name of a variable for an application property begins with. */
#define ENVIRONMENT_PROPERTY "AZIOT_PROPERTY_"

/* Sets a variable; NULL: removes it. Returns a negative errno. */
int environment_set(const char *name, const char *value);

/*
 * Sets AZIOT_PROPERTY_KEY for each property, in which '_' stands for each byte of the key that is not a
 * letter or digit of ASCII. If several keys come out the same, the first one counts. Variables of that
 * beginning that were there before are removed. Returns a negative errno.
 */
int environment_set_properties(const AziotProperty *properties, size_t n_properties);
