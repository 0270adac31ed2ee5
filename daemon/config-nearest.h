/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which of some names somebody meant who wrote another. It does no I/O, and its work is bounded: names longer
 * than CONFIG_NAME_MAX are not compared.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* The longest key has half as many letters. */
#define CONFIG_NAME_MAX 64

/*
 * How many letters are to be added, left out, replaced or swapped with their neighbour to make one of the
 * other; upper and lower case are the same. UINT_MAX: one of them is too long.
 */
unsigned config_name_distance(az_span a, az_span b);

/* The name that was written, and the nearest one so far; NULL: none is near. */
typedef struct ConfigNearest {
        az_span written;
        const char *name;
        unsigned distance; /* of 'name' */
} ConfigNearest;

void config_nearest_init(ConfigNearest *nearest, az_span written);

/* Looks at a name. It is near if no more than half of the letters of the longer one differ. */
void config_nearest_try(ConfigNearest *nearest, const char *name);
