/* SPDX-License-Identifier: MIT */

#include "daemon/histogram.h"

#include "tests/unit/unit.h"

START_TEST(a_time_counts_up_to_the_first_bound_that_is_not_below_it) {
        static const struct {
                uint64_t us, bound_us;
        } rows[] = {
                { 0, 100 },
                { 100, 100 },
                { 101, 300 },
                { 999999, 1000000 },
                { 100000000, 100000000 },
                { 100000001, UINT64_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Histogram h = {};

                histogram_add(&h, rows[i].us);
                for (size_t k = 0; k <= HISTOGRAM_BOUNDS; k++)
                        ck_assert_uint_eq(h.n[k], histogram_bound_us(k) == rows[i].bound_us);
                ck_assert_uint_eq(h.sum_us, rows[i].us);
        }
}
END_TEST

START_TEST(bounds_rise) {
        for (size_t i = 1; i <= HISTOGRAM_BOUNDS; i++)
                ck_assert_uint_gt(histogram_bound_us(i), histogram_bound_us(i - 1));
}
END_TEST

START_TEST(what_is_merged_is_as_if_it_had_been_added) {
        Histogram a = {}, b = {}, both = {};

        histogram_add(&a, 7);
        histogram_add(&b, 7);
        histogram_add(&b, 5000);
        histogram_merge(&a, &b);
        histogram_add(&both, 7);
        histogram_add(&both, 7);
        histogram_add(&both, 5000);
        ck_assert_mem_eq(&a, &both, sizeof(a));
}
END_TEST

static Suite *histogram_suite(void) {
        Suite *s = suite_create("histogram");
        TCase *t = tcase_create("histogram");

        tcase_add_test(t, a_time_counts_up_to_the_first_bound_that_is_not_below_it);
        tcase_add_test(t, bounds_rise);
        tcase_add_test(t, what_is_merged_is_as_if_it_had_been_added);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(histogram_suite)
