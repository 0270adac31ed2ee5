/* SPDX-License-Identifier: MIT */

#include "daemon/token-bucket.h"

#include "tests/unit/unit.h"

/* Any time but 0. */
#define START UINT64_C(77000000)

/* Ten a second, three at once; each row takes what it can. */
static const struct {
        uint64_t at_ms;
        unsigned n_taken;
        uint64_t due_ms; /* after it */
} rows[] = {
        { 0, 3, 100 },  /* it begins full */
        { 99, 0, 100 }, /* not yet */
        { 100, 1, 200 },
        { 350, 2, 400 }, /* half a token is left, and counts */
        { 400, 1, 500 },
        { 450, 0, 500 }, /* to ask costs nothing */
        { 500, 1, 600 },
        { 60000, 3, 60100 }, /* after a long rest, it is full and no more */
        { UINT32_MAX, 3, UINT32_MAX + UINT64_C(100) },
};

START_TEST(tokens_come_with_time_up_to_the_burst) {
        TokenBucket b;

        token_bucket_init(&b, 10, 3, START);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t now_us = START + rows[i].at_ms * USEC_PER_MSEC;
                unsigned n = 0;

                while (token_bucket_take(&b, now_us))
                        n++;
                ck_assert_msg(n == rows[i].n_taken, "row %zu: %u were taken", i, n);
                ck_assert_uint_eq(token_bucket_due_us(&b), START + rows[i].due_ms * USEC_PER_MSEC);
        }
}
END_TEST

static const struct {
        uint64_t per_s, burst;
} paces[] = { { 1, 1 }, { 3, 1 }, { 7, 100 }, { 999, 64 }, { 1000000, 1 }, { 1000000, 1000000 } };

/* Whoever comes when he was told to gets his token, and in the long run as many as were promised. */
START_TEST(a_token_is_there_when_it_is_due) {
        uint64_t per_s = paces[_i].per_s, burst = paces[_i].burst, now_us = START;
        TokenBucket b;

        token_bucket_init(&b, per_s, burst, START);
        for (uint64_t n = 0; n < burst; n++)
                ck_assert(token_bucket_take(&b, now_us));
        for (unsigned n = 1; n <= 1000; n++) {
                ck_assert(!token_bucket_take(&b, now_us));
                ck_assert(!token_bucket_take(&b, token_bucket_due_us(&b) - 1));
                now_us = token_bucket_due_us(&b);
                ck_assert(token_bucket_take(&b, now_us));
                /* Not one too early; a full bucket loses what is due within the same microsecond. */
                ck_assert_uint_ge(now_us - START, (n * USEC_PER_SEC + per_s - 1) / per_s);
                ck_assert_uint_le(now_us - START, (n * USEC_PER_SEC + per_s - 1) / per_s + n);
        }
}
END_TEST

START_TEST(several_are_taken_together_or_not_at_all) {
        TokenBucket b;

        token_bucket_init(&b, 10, 5, START);
        ck_assert(token_bucket_take_all(&b, 3, START));
        ck_assert(!token_bucket_take_all(&b, 3, START));
        ck_assert_uint_eq(token_bucket_all_due_us(&b, 3), START + 100 * USEC_PER_MSEC);
        ck_assert_uint_eq(token_bucket_all_due_us(&b, 5), START + 300 * USEC_PER_MSEC);
        ck_assert(token_bucket_take_all(&b, 2, START));
        ck_assert(!token_bucket_take(&b, START));
        token_bucket_put_back(&b, 2);
        ck_assert(token_bucket_take_all(&b, 2, START));
        token_bucket_put_back(&b, 50);
        ck_assert(token_bucket_take_all(&b, 5, START));
        ck_assert(!token_bucket_take(&b, START));
}
END_TEST

START_TEST(without_a_limit_there_is_always_one) {
        TokenBucket b;

        token_bucket_init(&b, 0, 1, START);
        for (unsigned n = 0; n < 1000; n++) {
                ck_assert(token_bucket_take(&b, START));
                ck_assert_uint_le(token_bucket_due_us(&b), START);
        }
}
END_TEST

static Suite *token_bucket_suite(void) {
        Suite *s = suite_create("token-bucket");
        TCase *t = tcase_create("token-bucket");

        tcase_add_test(t, tokens_come_with_time_up_to_the_burst);
        tcase_add_loop_test(t, a_token_is_there_when_it_is_due, 0, ELEMENTSOF(paces));
        tcase_add_test(t, several_are_taken_together_or_not_at_all);
        tcase_add_test(t, without_a_limit_there_is_always_one);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(token_bucket_suite)
