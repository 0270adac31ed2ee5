/* SPDX-License-Identifier: MIT */
#include <session/retry.h>

#include <azure/core/az_precondition_internal.h>

uint64_t az_retry_delay_us(az_retry_policy const *policy, uint32_t n_failures, uint64_t random) {
        uint64_t base_s, half_us;

        _az_PRECONDITION_RANGE(1, policy->min_s, policy->max_s);
        _az_PRECONDITION(n_failures >= 1);

        /* 32 doublings of at least 1 pass every maximum and fit into 64 bits. */
        base_s = (uint64_t) policy->min_s << (n_failures < 32 ? n_failures : 32);
        if (base_s > policy->max_s)
                base_s = policy->max_s;

        half_us = base_s * UINT64_C(1000000) / 2;
        return half_us + random % (half_us + 1);
}

/* SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
uint64_t az_retry_draw(uint64_t *ref_state) {
        uint64_t z = *ref_state += UINT64_C(0x9E3779B97F4A7C15);

        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        return z ^ (z >> 31);
}
