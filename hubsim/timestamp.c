/* SPDX-License-Identifier: MIT */

#include "hubsim/timestamp.h"

void timestamp_format(uint64_t realtime_us, unsigned n_digits, char ret[static TIMESTAMP_SIZE]) {
        time_t seconds = (time_t) (realtime_us / USEC_PER_SEC);
        unsigned fraction = (unsigned) (realtime_us % USEC_PER_SEC);
        struct tm tm = {};

        (void) gmtime_r(&seconds, &tm);
        (void) snprintf(ret, TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%0*uZ", tm.tm_year + 1900,
                        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) n_digits,
                        n_digits == 3   ? fraction / 1000
                        : n_digits == 7 ? fraction * 10
                                        : fraction);
}
