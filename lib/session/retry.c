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
