/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Patterns of names: '*' stands for any characters, or none, '?' for one character, and a backslash takes its
 * meaning from what follows it. Everything else stands for itself.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* What is wrong with a pattern; NULL: nothing. */
const char *glob_check(az_span pattern);

/* Whether a pattern that passed glob_check() is one of the whole of 'name'. It takes at most the product of
 * both lengths. */
bool glob_matches(az_span pattern, az_span name);
