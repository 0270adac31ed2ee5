/* SPDX-License-Identifier: MIT */
#pragma once

#include "util/util.h"

#define RFC3339_SIZE sizeof("2026-11-22T01:46:08Z")

/* Formats microseconds since 1970 as RFC 3339 in UTC, to the second. */
_unused_ static inline const char *rfc3339_format(char buffer[static RFC3339_SIZE], uint64_t realtime_us) {
        time_t t = (time_t) (realtime_us / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(buffer, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                buffer[0] = '\0';
        return buffer;
}
