/* SPDX-License-Identifier: MIT */

#include "hubsim/timestamp.h"

void timestamp_format(uint64_t realtime_us, unsigned n_digits, char ret[static TIMESTAMP_SIZE]) {
        time_t seconds = (time_t) (realtime_us / USEC_PER_SEC);
        char fraction[sizeof("1234567")];
        struct tm tm = {};
        size_t n;

        (void) gmtime_r(&seconds, &tm);
        n = strftime(ret, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S.", &tm);
        (void) snprintf(fraction, sizeof(fraction), "%06u0", (unsigned) (realtime_us % USEC_PER_SEC));
        (void) snprintf(ret + n, TIMESTAMP_SIZE - n, "%.*sZ", (int) n_digits, fraction);
}
