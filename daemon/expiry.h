/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * When to warn that a certificate ends: 30, 7 and 1 days before, and when it has ended. By the wall clock:
 * one that is put back lets the times come again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/util.h"

typedef struct Expiry {
        int64_t not_after_s; /* since 1970; 0: no certificate is known */
        unsigned n_warned;   /* of these times, so many had come when it was looked at last */
} Expiry;

/* The certificate is one that ends then; 0: there is none. Another one is warned of anew. */
void expiry_set(Expiry *e, int64_t not_after_s);

/* True, once for each time that has come: warn now. Call it when the clock was set, too. */
bool expiry_is_due(Expiry *e, uint64_t realtime_us);

/* How long until it may be due; UINT64_MAX: never. */
uint64_t expiry_wait_us(const Expiry *e, uint64_t realtime_us);
