/* SPDX-License-Identifier: MIT */

#include "daemon/histogram.h"

static const uint64_t bounds_us[HISTOGRAM_BOUNDS + 1] = {
        100,    300,     1000,    3000,     10000,    30000,     100000,
        300000, 1000000, 3000000, 10000000, 30000000, 100000000, UINT64_MAX,
};

void histogram_add(Histogram *h, uint64_t us) {
        size_t i = 0;

        while (us > bounds_us[i])
                i++;
        h->n[i]++;
        h->sum_us += us;
}

void histogram_merge(Histogram *h, const Histogram *other) {
        for (size_t i = 0; i < ELEMENTSOF(h->n); i++)
                h->n[i] += other->n[i];
        h->sum_us += other->sum_us;
}

uint64_t histogram_bound_us(size_t i) {
        return bounds_us[i];
}
