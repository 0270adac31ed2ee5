/* SPDX-License-Identifier: MIT */

#include "daemon/expiry.h"

#include "tests/unit/unit.h"

#define DAY UINT64_C(86400)
#define END (1000 * DAY)
#define US  USEC_PER_SEC

/* A certificate that ends on day 1000; the clock goes from row to row. */
static const struct {
        uint64_t now_s;
        bool is_due;
        uint64_t wait_s; /* after it; UINT64_MAX: for ever */
} rows[] = {
        { 0, false, 970 * DAY },
        { 970 * DAY - 1, false, 1 },
        { 970 * DAY, true, 23 * DAY },
        { 970 * DAY, false, 23 * DAY },
        { 100 * DAY, false, 870 * DAY }, /* the clock was put back */
        { 993 * DAY + 5, true, 6 * DAY - 5 },
        { 999 * DAY, true, DAY },
        { 1000 * DAY - 1, false, 1 },
        { 1000 * DAY, true, UINT64_MAX },
        { 2000 * DAY, false, UINT64_MAX },
};

START_TEST(each_time_is_warned_of_once) {
        Expiry e = {};

        expiry_set(&e, END);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t now_us = rows[i].now_s * US;

                expiry_set(&e, END); /* it is the same one */
                if (rows[i].is_due)
                        ck_assert_uint_eq(expiry_wait_us(&e, now_us), 0);
                ck_assert_int_eq(expiry_is_due(&e, now_us), rows[i].is_due);
                ck_assert_uint_eq(expiry_wait_us(&e, now_us),
                                  rows[i].wait_s == UINT64_MAX ? UINT64_MAX : rows[i].wait_s * US);
        }
}
END_TEST

START_TEST(times_that_were_missed_are_warned_of_in_one) {
        Expiry e = {};

        expiry_set(&e, END);
        ck_assert(expiry_is_due(&e, 1001 * DAY * US));
        ck_assert(!expiry_is_due(&e, 1001 * DAY * US));
}
END_TEST

START_TEST(another_certificate_is_warned_of_anew) {
        Expiry e = {};

        ck_assert(!expiry_is_due(&e, END * US));
        ck_assert_uint_eq(expiry_wait_us(&e, END * US), UINT64_MAX);
        expiry_set(&e, END);
        ck_assert(expiry_is_due(&e, END * US));
        expiry_set(&e, END + 10);
        ck_assert(expiry_is_due(&e, END * US));
        expiry_set(&e, 0);
        ck_assert(!expiry_is_due(&e, END * US));
}
END_TEST

static Suite *expiry_suite(void) {
        Suite *s = suite_create("expiry");
        TCase *t = tcase_create("expiry");

        tcase_add_test(t, each_time_is_warned_of_once);
        tcase_add_test(t, times_that_were_missed_are_warned_of_in_one);
        tcase_add_test(t, another_certificate_is_warned_of_anew);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(expiry_suite)
