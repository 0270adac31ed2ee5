/* SPDX-License-Identifier: MIT */
#include <session/retry.h>

#include "unit.h"

static const struct {
        az_retry_policy policy;
        uint32_t n_failures;
        uint64_t least_us, most_us; /* what the random numbers choose between */
} delays[] = {
        { { 1, 100 }, 1, 1000000, 2000000 },
        { { 1, 100 }, 2, 2000000, 4000000 },
        { { 1, 100 }, 3, 4000000, 8000000 },
        { { 1, 100 }, 6, 32000000, 64000000 },
        { { 1, 100 }, 7, 50000000, 100000000 },
        { { 1, 100 }, 32, 50000000, 100000000 },
        { { 1, 100 }, UINT32_MAX, 50000000, 100000000 },
        { { 10, 100 }, 1, 10000000, 20000000 },
        { { 10, 100 }, 4, 50000000, 100000000 },
        { { 30, 3600 }, 1, 30000000, 60000000 },
        { { 30, 3600 }, 2, 60000000, 120000000 },
        { { 30, 3600 }, 7, 1800000000, 3600000000 },
        { { 1, UINT32_MAX }, 32, UINT32_MAX *UINT64_C(500000), UINT32_MAX *UINT64_C(1000000) },
        { { 1, 1 }, 1, 500000, 1000000 },
        { { UINT32_MAX, UINT32_MAX },
          UINT32_MAX,
          UINT32_MAX *UINT64_C(500000),
          UINT32_MAX *UINT64_C(1000000) },
};

START_TEST(delay_doubles_up_to_its_maximum_and_its_upper_half_is_random) {
        uint64_t span_us = delays[_i].most_us - delays[_i].least_us;

        ck_assert_uint_eq(az_retry_delay_us(&delays[_i].policy, delays[_i].n_failures, 0),
                          delays[_i].least_us);
        ck_assert_uint_eq(az_retry_delay_us(&delays[_i].policy, delays[_i].n_failures, span_us),
                          delays[_i].most_us);
        ck_assert_uint_eq(az_retry_delay_us(&delays[_i].policy, delays[_i].n_failures, span_us / 2),
                          delays[_i].least_us + span_us / 2);
        ck_assert_uint_eq(az_retry_delay_us(&delays[_i].policy, delays[_i].n_failures, span_us + 1),
                          delays[_i].least_us);
        ck_assert_uint_le(az_retry_delay_us(&delays[_i].policy, delays[_i].n_failures, UINT64_MAX),
                          delays[_i].most_us);
}
END_TEST

START_TEST(draws_differ_and_repeat_with_the_seed) {
        uint64_t a = 42, b = 42, first = az_retry_draw(&a);

        ck_assert_uint_eq(az_retry_draw(&b), first);
        ck_assert_uint_ne(az_retry_draw(&a), first);
        b = 43;
        ck_assert_uint_ne(az_retry_draw(&b), first);
}
END_TEST

static Suite *retry_suite(void) {
        Suite *s = suite_create("retry");
        TCase *t = tcase_create("az_retry_delay_us");

        tcase_add_loop_test(t, delay_doubles_up_to_its_maximum_and_its_upper_half_is_random, 0,
                            ELEMENTSOF(delays));
        suite_add_tcase(s, t);

        t = tcase_create("az_retry_draw");
        tcase_add_test(t, draws_differ_and_repeat_with_the_seed);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(retry_suite)
