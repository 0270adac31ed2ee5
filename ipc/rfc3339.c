/* SPDX-License-Identifier: MIT */

#include "ipc/rfc3339.h"

const char *rfc3339_format(char buffer[static RFC3339_SIZE], uint64_t realtime_us) {
        time_t t = (time_t) (realtime_us / USEC_PER_SEC);
        size_t n = 0;
        struct tm tm;

        if (gmtime_r(&t, &tm))
                n = strftime(buffer, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        if (n == strlen("2026-11-22T01:46:08"))
                (void) snprintf(buffer + n, RFC3339_SIZE - n, ".%03uZ",
                                (unsigned) (realtime_us % USEC_PER_SEC / USEC_PER_MSEC));
        else
                buffer[0] = '\0';
        return buffer;
}

int rfc3339_parse(az_span text, uint64_t *ret_realtime_us) {
        char buffer[sizeof("2026-11-22T01:45:10.123456789Z")];
        struct tm tm = {};
        uint64_t unit_us = USEC_PER_SEC, fraction_us = 0;
        const char *p;
        time_t t;

        if (az_span_size(text) >= (int32_t) sizeof(buffer))
                return -EINVAL;
        az_span_to_str(buffer, sizeof(buffer), text);
        p = strptime(buffer, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!p)
                return -EINVAL;
        if (*p == '.')
                for (p++; *p >= '0' && *p <= '9'; p++) {
                        unit_us /= 10;
                        fraction_us += unit_us * (uint64_t) (*p - '0');
                }
        if (strcmp(p, "Z") != 0)
                return -EINVAL;
        t = timegm(&tm);
        if (t < 0)
                return -EINVAL;
        *ret_realtime_us = (uint64_t) t * USEC_PER_SEC + fraction_us;
        return 0;
}
