/* SPDX-License-Identifier: MIT */
#pragma once

#include "util/util.h"

#define RFC3339_SIZE sizeof("2026-11-22T01:46:08.123Z")

/* Formats microseconds since 1970 as RFC 3339 in UTC, to the millisecond: a deadline may be one second away.
 */
_unused_ static inline const char *rfc3339_format(char buffer[static RFC3339_SIZE], uint64_t realtime_us) {
        time_t t = (time_t) (realtime_us / USEC_PER_SEC);
        size_t n = 0;
        struct tm tm;

        if (gmtime_r(&t, &tm))
                n = strftime(buffer, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        if (n > 0)
                (void) snprintf(buffer + n, RFC3339_SIZE - n, ".%03uZ",
                                (unsigned) (realtime_us % USEC_PER_SEC / USEC_PER_MSEC));
        else
                buffer[0] = '\0';
        return buffer;
}
