/* SPDX-License-Identifier: MIT */
#pragma once

/* The values of the configuration as text, as one would write them in the file. */

#include "daemon/config-table.h"

/* "16777215G" or "213503982334601d 7h 15s", and more than that. */
#define CONFIG_QUANTITY_SIZE 64U

/* Writes a NUMBER, a time (SECONDS) or a size (BYTES), exactly; returns 'buffer'. */
const char *config_quantity_format(char buffer[static CONFIG_QUANTITY_SIZE], ConfigType type, uint64_t value);

/*
 * Writes the value of a key, to be freed; of several there is a space in between. NULL in *ret: it has none.
 * 0 or -ENOMEM.
 */
int config_value_format(const Config *c, const ConfigKey *key, char **ret);
