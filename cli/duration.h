/* SPDX-License-Identifier: MIT */
#pragma once

/* How a person says how long ago something is. */

#include <stdint.h>

/* "8 s", "12 min", "3 h 5 min", "4 d 7 h" */
#define DURATION_TEXT_MAX 32U

/* Writes a length of time as text, rounded down; returns 'buffer'. */
const char *duration_format(char buffer[DURATION_TEXT_MAX], uint64_t duration_us);
