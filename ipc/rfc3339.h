/* SPDX-License-Identifier: MIT */
#pragma once

/* Times as they travel, "2026-11-22T01:45:10Z". */

#include <azure/core/az_span.h>

/* Parses a time in UTC, with or without a fraction, to microseconds since 1970. -EINVAL: it is something
 * else. */
int rfc3339_parse(az_span text, uint64_t *ret_realtime_us);
