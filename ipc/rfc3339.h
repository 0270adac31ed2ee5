/* SPDX-License-Identifier: MIT */
#pragma once

/* Times as they travel, "2026-11-22T01:45:10Z": RFC 3339, in UTC. */

#include <azure/core/az_span.h>

#include "util/util.h"

/* With its NUL. */
#define RFC3339_SIZE sizeof("2026-11-22T01:46:08.123Z")

/*
 * Formats microseconds since 1970, to the millisecond: a deadline may be one second away. Returns 'buffer',
 * which is empty for a year of more than four digits.
 */
const char *rfc3339_format(char buffer[static RFC3339_SIZE], uint64_t realtime_us);

/* Parses a time, with or without a fraction, to microseconds since 1970. -EINVAL: it is something else. */
int rfc3339_parse(az_span text, uint64_t *ret_realtime_us);
