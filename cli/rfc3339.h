/* SPDX-License-Identifier: MIT */
#pragma once

/* The times that the daemon tells, "2026-11-22T01:45:10Z", and how a person says how long ago that is. */

#include <azure/core/az_span.h>

/* Parses a time in UTC, with or without a fraction, to microseconds since 1970. -EINVAL: it is something
 * else. */
int rfc3339_parse(az_span text, uint64_t *ret_realtime_us);

/* "8 s", "12 min", "3 h 5 min", "4 d 7 h" */
#define DURATION_TEXT_MAX 32U

/* Writes a length of time as text, rounded down; returns 'buffer'. */
const char *duration_format(char buffer[DURATION_TEXT_MAX], uint64_t duration_us);
