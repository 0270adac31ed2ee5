/* SPDX-License-Identifier: MIT */
#pragma once

/* How a person says how long ago something is. */

#include <stdint.h>

/* "8 s", "12 min", "3 h 5 min", "4 d 7 h" */
#define DURATION_TEXT_MAX 32U

/* Writes a length of time as text, rounded down; returns 'buffer'. */
const char *duration_format(char buffer[DURATION_TEXT_MAX], uint64_t duration_us);

/* The same for the distance of a time, as the daemon tells it, from now, on either side; "?" if it is none.
 */
const char *duration_from_now(char buffer[DURATION_TEXT_MAX], const char *time);
