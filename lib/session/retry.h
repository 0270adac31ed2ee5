/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_RETRY_H
#define _az_SESSION_RETRY_H

#include <stdint.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* How long to wait between attempts. */
typedef struct {
        uint32_t min_s;
        uint32_t max_s;
} az_retry_policy;

/*
 * Calculates how long to wait after the 'n_failures'-th failure in a row: min_s doubled that often, at most
 * max_s, of which the upper half is random. So the first wait is one to two times min_s, and the longest ones
 * are spread over half of max_s: devices that lost the same hub do not come back in step.
 *
 *   policy  1 <= min_s <= max_s
 *   n_failures  from 1 on
 *   random  64 random bits
 *
 * Returns microseconds, never 0.
 */
AZ_NODISCARD uint64_t az_retry_delay_us(az_retry_policy const *policy, uint32_t n_failures, uint64_t random);

/*
 * Draws 64 random bits for az_retry_delay_us().
 *
 *   ref_state  seeded by the caller from the system's random source
 */
AZ_NODISCARD uint64_t az_retry_draw(uint64_t *ref_state);

_az_END_DECLS

#endif
