/* SPDX-License-Identifier: MIT */

#include "daemon/expiry.h"

#define SEC_PER_DAY 86400

static const int64_t ahead_s[] = { 30 * SEC_PER_DAY, 7 * SEC_PER_DAY, SEC_PER_DAY, 0 };

void expiry_set(Expiry *e, int64_t not_after_s) {
        if (e->not_after_s != not_after_s)
                *e = (Expiry){ .not_after_s = not_after_s };
}

/* How many of the times have come. */
static unsigned count_passed(const Expiry *e, uint64_t realtime_us) {
        unsigned n = 0;

        if (e->not_after_s == 0)
                return 0;
        while (n < ELEMENTSOF(ahead_s) &&
               (int64_t) (realtime_us / USEC_PER_SEC) >= e->not_after_s - ahead_s[n])
                n++;
        return n;
}

bool expiry_is_due(Expiry *e, uint64_t realtime_us) {
        unsigned n_passed = count_passed(e, realtime_us);
        bool is_due = n_passed > e->n_warned;

        e->n_warned = n_passed;
        return is_due;
}

uint64_t expiry_wait_us(const Expiry *e, uint64_t realtime_us) {
        unsigned n_passed = count_passed(e, realtime_us);

        if (n_passed > e->n_warned)
                return 0;
        if (e->not_after_s == 0 || n_passed == ELEMENTSOF(ahead_s))
                return UINT64_MAX;
        return (uint64_t) (e->not_after_s - ahead_s[n_passed]) * USEC_PER_SEC - realtime_us;
}
