/* SPDX-License-Identifier: MIT */

/* Connections that a hub ends, one after the other, and what is made of it. */

#include "daemon/close-watch.h"
#include "tests/unit/unit.h"

typedef struct Connection {
        unsigned begin_s, end_s;
        bool is_heard, on_publish;
        Problem problem;
} Connection;

#define CONNECTIONS_MAX 6

static const struct {
        const char *name;
        Connection connections[CONNECTIONS_MAX];
} rows[] = {
        { "one message may be to blame", { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH } } },
        { "twice is throttling",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 2, 3, false, true, PROBLEM_HUB_THROTTLES } } },
        { "an acknowledgement in between ends the row",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 2, 3, true, true, PROBLEM_NONE },
            { 4, 5, false, true, PROBLEM_CLOSED_ON_PUBLISH } } },
        { "an end of another kind does, too",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 2, 3, false, false, PROBLEM_NONE },
            { 4, 5, false, true, PROBLEM_CLOSED_ON_PUBLISH } } },
        { "over ten minutes it is the quota",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 100, 101, false, true, PROBLEM_HUB_THROTTLES },
            { 200, 201, false, true, PROBLEM_HUB_THROTTLES },
            { 300, 301, false, true, PROBLEM_HUB_THROTTLES },
            { 600, 601, false, true, PROBLEM_QUOTA },
            { 700, 701, false, true, PROBLEM_QUOTA } } },
        { "not if it was less",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 100, 101, false, true, PROBLEM_HUB_THROTTLES },
            { 200, 201, false, true, PROBLEM_HUB_THROTTLES },
            { 300, 301, false, true, PROBLEM_HUB_THROTTLES },
            { 599, 600, false, true, PROBLEM_HUB_THROTTLES } } },
        { "nor if it was three times only",
          { { 0, 1, false, true, PROBLEM_CLOSED_ON_PUBLISH },
            { 600, 601, false, true, PROBLEM_HUB_THROTTLES },
            { 1200, 1201, false, true, PROBLEM_HUB_THROTTLES } } },
        { "with acknowledgements the third is throttling",
          { { 0, 30, true, true, PROBLEM_NONE },
            { 31, 60, true, true, PROBLEM_NONE },
            { 61, 90, true, true, PROBLEM_HUB_THROTTLES },
            { 100, 130, true, true, PROBLEM_HUB_THROTTLES } } },
        { "a long life in between ends that row",
          { { 0, 30, true, true, PROBLEM_NONE },
            { 31, 60, true, true, PROBLEM_NONE },
            { 61, 661, true, true, PROBLEM_NONE },
            { 662, 700, true, true, PROBLEM_NONE } } },
        { "who is cut off within seconds may have a rival",
          { { 0, 9, true, true, PROBLEM_NONE },
            { 10, 19, true, true, PROBLEM_NONE },
            { 20, 29, true, true, PROBLEM_NONE },
            { 30, 39, true, true, PROBLEM_NONE } } },
};

START_TEST(how_connections_end_tells_why) {
        CloseWatch w = {};

        for (size_t i = 0; i < CONNECTIONS_MAX && rows[_i].connections[i].end_s > 0; i++) {
                const Connection *c = &rows[_i].connections[i];
                Problem problem;

                close_watch_begin(&w, c->begin_s * USEC_PER_SEC);
                if (c->is_heard)
                        close_watch_heard(&w);
                problem = close_watch_ended(&w, c->on_publish, c->end_s * USEC_PER_SEC);
                ck_assert_msg(problem == c->problem, "%s: %s after %u", rows[_i].name,
                              problem_to_string(problem), c->end_s);
        }
}
END_TEST

START_TEST(a_refusal_after_two_of_them_is_the_quota) {
        CloseWatch w = {};

        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(close_watch_refused(&w), PROBLEM_NONE);
                close_watch_begin(&w, 60 * i * USEC_PER_SEC);
                (void) close_watch_ended(&w, true, (60 * i + 1) * USEC_PER_SEC);
        }
        ck_assert_int_eq(close_watch_refused(&w), PROBLEM_QUOTA);
        ck_assert_uint_eq(close_watch_silence_us(&w, 91 * USEC_PER_SEC), 90 * USEC_PER_SEC);
}
END_TEST

static Suite *close_watch_suite(void) {
        Suite *s = suite_create("close-watch");
        TCase *t = tcase_create("close-watch");

        tcase_add_loop_test(t, how_connections_end_tells_why, 0, ELEMENTSOF(rows));
        tcase_add_test(t, a_refusal_after_two_of_them_is_the_quota);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(close_watch_suite)
