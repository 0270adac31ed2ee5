/* SPDX-License-Identifier: MIT */

#include "hubsim/limits.h"

#define DAY_US (86400 * USEC_PER_SEC)

const char *const limit_names[] = {
        [LIMIT_D2C] = "d2cPerSecond",
        [LIMIT_D2C_BACKLOG] = "d2cBacklogSeconds",
        [LIMIT_CONNECTS] = "connectsPerSecond",
        [LIMIT_TWIN_READS] = "twinReadsPerSecond",
        [LIMIT_TWIN_UPDATES] = "twinUpdatesPerSecond",
        [LIMIT_TWIN_PER_DEVICE] = "deviceTwinPerSecond",
        [LIMIT_C2D] = "c2dPerSecond",
        [LIMIT_METHODS] = "methodsPerSecond",
        [LIMIT_REGISTRATIONS] = "registrationsPerMinute",
        [LIMIT_DAY] = "messagesPerDay",
        [LIMIT_BLOCK] = "messageBlockBytes",
        [LIMIT_QUOTA_CONNACK] = "quotaConnack",
        [_LIMIT_MAX] = NULL,
};

/* A bucket that leaks: each one is due an interval after the one before, and may come a burst early. */
uint64_t meter_take(Meter *meter, uint64_t n, uint64_t period_us, uint64_t max_wait_us, uint64_t now_us,
                    uint64_t *ret_wait_us) {
        uint64_t interval_us, burst_us, due_us, wait_us;

        if (n == 0)
                return 0;

        interval_us = period_us / n;
        burst_us = interval_us * (n - 1);
        due_us = MAX(meter->next_us, now_us);
        wait_us = due_us > now_us + burst_us ? due_us - now_us - burst_us : 0;
        if (ret_wait_us)
                *ret_wait_us = wait_us;
        if (wait_us > max_wait_us)
                return LIMIT_EXCEEDED;
        meter->next_us = due_us + interval_us;
        return wait_us;
}

uint64_t limits_take(Limits *limits, LimitKind kind, uint64_t now_us, uint64_t *ret_wait_us) {
        uint64_t period_us = kind == LIMIT_REGISTRATIONS ? 60 * USEC_PER_SEC : USEC_PER_SEC,
                 max_wait_us = kind == LIMIT_D2C ? limits->values[LIMIT_D2C_BACKLOG] * USEC_PER_SEC : 0;

        return meter_take(&limits->meters[kind], limits->values[kind], period_us, max_wait_us, now_us,
                          ret_wait_us);
}

bool limits_are_used_up(Limits *limits, uint64_t wall_us) {
        uint64_t day = wall_us / DAY_US;

        if (limits->day != day) {
                limits->day = day;
                limits->n_today = 0;
        }
        return limits->values[LIMIT_DAY] > 0 && limits->n_today >= limits->values[LIMIT_DAY];
}

bool limits_take_message(Limits *limits, size_t n_bytes, uint64_t wall_us) {
        uint64_t block = MAX(limits->values[LIMIT_BLOCK], 1U);

        if (limits_are_used_up(limits, wall_us))
                return false;
        limits->n_today += MAX((n_bytes + block - 1) / block, 1U);
        return true;
}

void limits_reset_day(Limits *limits) {
        limits->n_today = 0;
}
