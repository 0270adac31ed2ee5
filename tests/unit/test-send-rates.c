/* SPDX-License-Identifier: MIT */

#include "daemon/send-rates.h"

#include "tests/unit/unit.h"

#define START UINT64_C(77000000)

static const SendLimit slow = { 10, 20 }, other = { 10, 5 }, none = { 0, 0 };

/* One user after the other, on any of his connections. */
static const struct {
        uint64_t at_ms;
        uid_t uid;
        const SendLimit *limit;
        uint64_t n;
        int result;
        uint64_t retry_ms;
} rows[] = {
        { 0, 1, &slow, 20, 0, 0 },
        { 0, 1, &slow, 1, SEND_RATE_EXCEEDED, 100 },
        { 0, 1, &slow, 20, SEND_RATE_EXCEEDED, 2000 },
        { 0, 1, &slow, 21, SEND_RATE_TOO_MANY, 0 },
        { 99, 1, &slow, 1, SEND_RATE_EXCEEDED, 1 },
        { 100, 1, &slow, 1, 0, 0 },
        /* Another user, and another limit of the same one, have buckets of their own. */
        { 100, 2, &slow, 20, 0, 0 },
        { 100, 1, &other, 5, 0, 0 },
        { 100, 1, &other, 1, SEND_RATE_EXCEEDED, 100 },
        { 100, 1, &none, 1000000, 0, 0 },
        { 100, 1, &slow, 1, SEND_RATE_EXCEEDED, 100 },
        { 2100, 1, &slow, 20, 0, 0 },
};

START_TEST(a_user_sends_as_many_as_his_limit_allows) {
        SendRates s = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t retry_us = 0;
                int r = send_rates_take(&s, rows[i].uid, rows[i].limit, rows[i].n,
                                        START + rows[i].at_ms * USEC_PER_MSEC, &retry_us);

                ck_assert_msg(r == rows[i].result && retry_us == rows[i].retry_ms * USEC_PER_MSEC,
                              "row %zu: %d, %llu us", i, r, (unsigned long long) retry_us);
        }
        send_rates_done(&s);
}
END_TEST

START_TEST(what_was_not_sent_after_all_does_not_count) {
        SendRates s = {};
        uint64_t retry_us;

        ck_assert_int_eq(send_rates_take(&s, 1, &other, 5, START, &retry_us), 0);
        send_rates_put_back(&s, 1, &other, 2);
        send_rates_put_back(&s, 1, &none, 2);
        ck_assert_int_eq(send_rates_take(&s, 1, &other, 2, START, &retry_us), 0);
        ck_assert_int_eq(send_rates_take(&s, 1, &other, 1, START, &retry_us), SEND_RATE_EXCEEDED);
        send_rates_done(&s);
}
END_TEST

START_TEST(who_has_rested_takes_no_memory) {
        SendRates s = {};
        uint64_t retry_us;

        for (uid_t uid = 0; uid < 1000; uid++)
                ck_assert_int_eq(
                        send_rates_take(&s, uid, &slow, 20, START + uid * 3 * USEC_PER_SEC, &retry_us), 0);
        ck_assert_uint_eq(s.n, 1);
        ck_assert_uint_le(s.n_allocated, 4);
        send_rates_done(&s);
}
END_TEST

static Suite *send_rates_suite(void) {
        Suite *s = suite_create("send-rates");
        TCase *t = tcase_create("send-rates");

        tcase_add_test(t, a_user_sends_as_many_as_his_limit_allows);
        tcase_add_test(t, what_was_not_sent_after_all_does_not_count);
        tcase_add_test(t, who_has_rested_takes_no_memory);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(send_rates_suite)
