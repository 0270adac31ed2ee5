/* SPDX-License-Identifier: MIT */

#include "hubsim/limits.h"

#include "unit.h"

#define MS USEC_PER_MSEC

/* Ten a second, of which a second's worth may wait: when each comes, and how long it waits. */
static const struct {
        uint64_t at_ms, wait_ms;
} arrivals[] = {
        /* a burst of ten */
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        { 1000, 0 },
        /* then each waits for the one before it */
        { 1000, 100 },
        { 1000, 200 },
        { 1250, 50 },
        { 1400, 0 },
        /* and after a silence a burst is free again, but no more than one */
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 0 },
        { 9000, 100 },
};

START_TEST(what_is_beyond_a_rate_waits) {
        Meter meter = {};

        for (size_t i = 0; i < ELEMENTSOF(arrivals); i++)
                ck_assert_msg(meter_take(&meter, 10, USEC_PER_SEC, USEC_PER_SEC, arrivals[i].at_ms * MS,
                                         NULL) == arrivals[i].wait_ms * MS,
                              "%zu", i);
}
END_TEST

START_TEST(what_would_wait_too_long_is_not_counted) {
        Limits limits = LIMITS_DEFAULT;
        uint64_t wait_us;

        limits.values[LIMIT_D2C] = 2;
        limits.values[LIMIT_D2C_BACKLOG] = 1;
        for (uint64_t i = 0; i < 4; i++)
                ck_assert_uint_eq(limits_take(&limits, LIMIT_D2C, MS, NULL), i < 2 ? 0 : (i - 1) * 500 * MS);
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_uint_eq(limits_take(&limits, LIMIT_D2C, MS, &wait_us), LIMIT_EXCEEDED);
                ck_assert_uint_eq(wait_us, 1500 * MS);
        }
        ck_assert_uint_eq(limits_take(&limits, LIMIT_D2C, 501 * MS, NULL), 1000 * MS);
}
END_TEST

START_TEST(anything_but_telemetry_does_not_wait) {
        Limits limits = LIMITS_DEFAULT;
        uint64_t wait_us;

        limits.values[LIMIT_REGISTRATIONS] = 1;
        ck_assert_uint_eq(limits_take(&limits, LIMIT_REGISTRATIONS, MS, &wait_us), 0);
        ck_assert_uint_eq(limits_take(&limits, LIMIT_REGISTRATIONS, 1001 * MS, &wait_us), LIMIT_EXCEEDED);
        ck_assert_uint_eq(wait_us, 59000 * MS);
        ck_assert_uint_eq(limits_take(&limits, LIMIT_REGISTRATIONS, 60001 * MS, &wait_us), 0);
}
END_TEST

START_TEST(without_a_limit_there_is_none) {
        Limits limits = LIMITS_DEFAULT;

        for (unsigned i = 0; i < 1000; i++) {
                ck_assert_uint_eq(limits_take(&limits, LIMIT_CONNECTS, MS, NULL), 0);
                ck_assert(limits_take_message(&limits, 1000000, MS));
        }
}
END_TEST

static const struct {
        size_t n_bytes;
        uint64_t n_messages;
} sizes[] = { { 0, 1 }, { 1, 1 }, { 4096, 1 }, { 4097, 2 }, { 262144, 64 } };

START_TEST(messages_are_counted_in_blocks) {
        Limits limits = LIMITS_DEFAULT;

        ck_assert(limits_take_message(&limits, sizes[_i].n_bytes, 0));
        ck_assert_uint_eq(limits.n_today, sizes[_i].n_messages);
}
END_TEST

START_TEST(day_ends_at_midnight) {
        const uint64_t midnight_us = 20000 * UINT64_C(86400) * USEC_PER_SEC;
        Limits limits = LIMITS_DEFAULT;

        limits.values[LIMIT_DAY] = 2;
        ck_assert(limits_take_message(&limits, 1, midnight_us - 2));
        ck_assert(!limits_are_used_up(&limits, midnight_us - 2));
        ck_assert(limits_take_message(&limits, 1, midnight_us - 2));
        ck_assert(limits_are_used_up(&limits, midnight_us - 1));
        ck_assert(!limits_take_message(&limits, 1, midnight_us - 1));
        ck_assert(limits_take_message(&limits, 1, midnight_us));
        ck_assert_uint_eq(limits.n_today, 1);
        limits_reset_day(&limits);
        ck_assert_uint_eq(limits.n_today, 0);
}
END_TEST

static Suite *hubsim_limits_suite(void) {
        Suite *s = suite_create("hubsim-limits");
        TCase *t = tcase_create("limits_take");

        tcase_add_test(t, what_is_beyond_a_rate_waits);
        tcase_add_test(t, what_would_wait_too_long_is_not_counted);
        tcase_add_test(t, anything_but_telemetry_does_not_wait);
        tcase_add_test(t, without_a_limit_there_is_none);
        suite_add_tcase(s, t);

        t = tcase_create("limits_take_message");
        tcase_add_loop_test(t, messages_are_counted_in_blocks, 0, ELEMENTSOF(sizes));
        tcase_add_test(t, day_ends_at_midnight);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_limits_suite)
