/* SPDX-License-Identifier: MIT */

#include <azure/core/az_platform.h>

#include "unit.h"

START_TEST(there_is_neither_a_clock_nor_a_way_to_wait) {
        int64_t clock_msec = 7;

        ck_assert_int_eq(az_platform_clock_msec(&clock_msec), AZ_ERROR_DEPENDENCY_NOT_PROVIDED);
        ck_assert_int_eq(clock_msec, 7);
        ck_assert_int_eq(az_platform_sleep_msec(0), AZ_ERROR_DEPENDENCY_NOT_PROVIDED);
        ck_assert_int_eq(az_platform_sleep_msec(1000), AZ_ERROR_DEPENDENCY_NOT_PROVIDED);
        ck_assert_int_eq(az_platform_sleep_msec(-1), AZ_ERROR_ARG);
}
END_TEST

static Suite *platform_suite(void) {
        Suite *s = suite_create("az-platform-none");
        TCase *t = tcase_create("az_platform");

        tcase_add_test(t, there_is_neither_a_clock_nor_a_way_to_wait);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(platform_suite)
