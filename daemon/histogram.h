/* SPDX-License-Identifier: MIT */
#pragma once

/* How long something takes, counted in the same steps of time for everything. Zeros: nothing yet. */

#include "util/util.h"

/* In 1, 3, 10 ... from 100 us to 100 s: a sync of good flash, and what a person does not wait for any more.
 */
#define HISTOGRAM_BOUNDS 13U

typedef struct Histogram {
        uint64_t n[HISTOGRAM_BOUNDS + 1]; /* up to each bound and above the one before; the last: above all */
        uint64_t sum_us;
} Histogram;

void histogram_add(Histogram *h, uint64_t us);
void histogram_merge(Histogram *h, const Histogram *other);

/* The i-th bound; the last is UINT64_MAX. */
uint64_t histogram_bound_us(size_t i);
