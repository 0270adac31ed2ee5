/* SPDX-License-Identifier: MIT */

#include "ipc/rfc3339.h"

#include "util/util.h"

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
