/* SPDX-License-Identifier: MIT */
#include <session/retry.h>

#include "unit-precondition.h"

START_TEST(a_retry_follows_a_failure_and_has_a_range) {
        static const az_retry_policy good = { .min_s = 1, .max_s = 10 }, none = { .min_s = 0, .max_s = 10 },
                                     turned = { .min_s = 11, .max_s = 10 };
        uint64_t delay_us;

        CHECK_FAILS(delay_us = az_retry_delay_us(&good, 0, 0));
        CHECK_FAILS(delay_us = az_retry_delay_us(&none, 1, 0));
        CHECK_FAILS(delay_us = az_retry_delay_us(&turned, 1, 0));
        (void) delay_us;
}
END_TEST

static Suite *session_precondition_suite(void) {
        Suite *s = suite_create("session-precondition");
        TCase *t = tcase_create("az_retry_delay_us");

        tcase_add_checked_fixture(t, expect_failures, NULL);
        tcase_add_test(t, a_retry_follows_a_failure_and_has_a_range);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(session_precondition_suite)
