/* SPDX-License-Identifier: MIT */

/* Connections that a hub ends, one after the other, and what is made of it. */

#include "daemon/close-watch.h"
#include "tests/unit/unit.h"

typedef struct Connection {
        unsigned begin_s, end_s;
        bool is_heard, on_publish;
        Problem problem;
        unsigned waited_s; /* the first message, for its acknowledgement */
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
        { "with acknowledgements that come late the second is throttling",
          { { 0, 4, true, true, PROBLEM_NONE, .waited_s = 3 },
            { 5, 9, true, true, PROBLEM_HUB_THROTTLES, .waited_s = 3 },
            { 10, 60, true, true, PROBLEM_HUB_THROTTLES, .waited_s = 5 } } },
        { "then each one is, as soon as it may end",
          { { 0, 4, true, true, PROBLEM_NONE, .waited_s = 3 },
            { 5, 9, true, true, PROBLEM_HUB_THROTTLES, .waited_s = 3 },
            { 10, 11, true, true, PROBLEM_HUB_THROTTLES },
            { 12, 13, true, true, PROBLEM_HUB_THROTTLES } } },
        { "until one has lived long",
          { { 0, 4, true, true, PROBLEM_NONE, .waited_s = 3 },
            { 5, 9, true, true, PROBLEM_HUB_THROTTLES, .waited_s = 3 },
            { 10, 610, true, true, PROBLEM_NONE },
            { 611, 612, true, true, PROBLEM_NONE } } },
        { "or has ended in another way",
          { { 0, 4, true, true, PROBLEM_NONE, .waited_s = 3 },
            { 5, 9, true, true, PROBLEM_HUB_THROTTLES, .waited_s = 3 },
            { 10, 11, true, false, PROBLEM_NONE },
            { 12, 13, true, true, PROBLEM_NONE } } },
        { "who was served well until then may have a rival",
          { { 0, 4, true, true, PROBLEM_NONE, .waited_s = 2 },
            { 5, 9, true, true, PROBLEM_NONE, .waited_s = 2 },
            { 10, 14, true, true, PROBLEM_NONE, .waited_s = 2 } } },
};

START_TEST(how_connections_end_tells_why) {
        CloseWatch w = {};

        for (size_t i = 0; i < CONNECTIONS_MAX && rows[_i].connections[i].end_s > 0; i++) {
                const Connection *c = &rows[_i].connections[i];
                Problem problem;

                close_watch_begin(&w, c->begin_s * USEC_PER_SEC);
                close_watch_published(&w, 7, c->begin_s * USEC_PER_SEC);
                close_watch_published(&w, 8, c->begin_s * USEC_PER_SEC);
                if (c->is_heard)
                        close_watch_heard(&w, 7, (c->begin_s + c->waited_s) * USEC_PER_SEC);
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

START_TEST(a_message_that_was_never_acknowledged_has_waited_to_the_end) {
        CloseWatch w = {};

        for (unsigned i = 0; i < 2; i++) {
                close_watch_begin(&w, 0);
                close_watch_published(&w, 1, 0);
                close_watch_heard(&w, 1, USEC_PER_SEC);
                close_watch_published(&w, 2, USEC_PER_SEC);
                ck_assert_int_eq(close_watch_ended(&w, true, 4 * USEC_PER_SEC),
                                 i == 0 ? PROBLEM_NONE : PROBLEM_HUB_THROTTLES);
        }
}
END_TEST

START_TEST(the_hub_may_say_so) {
        CloseWatch w = {};

        close_watch_begin(&w, 0);
        close_watch_told(&w);
        close_watch_published(&w, 1, 0);
        ck_assert_int_eq(close_watch_ended(&w, true, USEC_PER_SEC), PROBLEM_QUOTA);
        ck_assert_int_eq(close_watch_refused(&w), PROBLEM_QUOTA);

        close_watch_begin(&w, 0);
        close_watch_published(&w, 1, 2 * USEC_PER_SEC);
        close_watch_heard(&w, 1, 2 * USEC_PER_SEC);
        ck_assert_int_eq(close_watch_refused(&w), PROBLEM_NONE);
}
END_TEST

static Suite *close_watch_suite(void) {
        Suite *s = suite_create("close-watch");
        TCase *t = tcase_create("close-watch");

        tcase_add_loop_test(t, how_connections_end_tells_why, 0, ELEMENTSOF(rows));
        tcase_add_test(t, a_message_that_was_never_acknowledged_has_waited_to_the_end);
        tcase_add_test(t, the_hub_may_say_so);
        tcase_add_test(t, a_refusal_after_two_of_them_is_the_quota);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(close_watch_suite)
