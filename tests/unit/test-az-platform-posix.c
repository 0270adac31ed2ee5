/* SPDX-License-Identifier: MIT */

#include <azure/core/az_platform.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "unit.h"

static int64_t clock_msec(void) {
        int64_t now;

        ck_assert_int_eq(az_platform_clock_msec(&now), AZ_OK);
        return now;
}

START_TEST(the_clock_is_one_that_is_never_set_nor_suspended) {
        struct timespec t;
        int64_t before, after;

        before = clock_msec();
        ck_assert_int_eq(clock_gettime(CLOCK_BOOTTIME, &t), 0);
        after = clock_msec();
        ck_assert_int_le(before, t.tv_sec * 1000 + t.tv_nsec / 1000000);
        ck_assert_int_ge(after, t.tv_sec * 1000 + t.tv_nsec / 1000000);
}
END_TEST

static void on_signal(int number) {
        (void) number;
}

START_TEST(signals_do_not_shorten_a_sleep) {
        struct itimerval each_ms = { { 0, 1000 }, { 0, 1000 } };
        int64_t before;

        ck_assert_ptr_ne(signal(SIGALRM, on_signal), SIG_ERR);
        ck_assert_int_eq(setitimer(ITIMER_REAL, &each_ms, NULL), 0);
        before = clock_msec();
        ck_assert_int_eq(az_platform_sleep_msec(20), AZ_OK);
        ck_assert_int_ge(clock_msec() - before, 20);
}
END_TEST

START_TEST(no_time_is_slept_at_once_and_less_is_refused) {
        ck_assert_int_eq(az_platform_sleep_msec(0), AZ_OK);
        ck_assert_int_eq(az_platform_sleep_msec(-1), AZ_ERROR_ARG);
        ck_assert_int_eq(az_platform_sleep_msec(INT32_MIN), AZ_ERROR_ARG);
}
END_TEST

static Suite *platform_suite(void) {
        Suite *s = suite_create("az-platform-posix");
        TCase *t = tcase_create("az_platform_clock_msec");

        tcase_add_test(t, the_clock_is_one_that_is_never_set_nor_suspended);
        suite_add_tcase(s, t);

        t = tcase_create("az_platform_sleep_msec");
        tcase_add_test(t, signals_do_not_shorten_a_sleep);
        tcase_add_test(t, no_time_is_slept_at_once_and_less_is_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(platform_suite)
