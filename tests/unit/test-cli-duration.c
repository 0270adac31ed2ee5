/* SPDX-License-Identifier: MIT */

#include "cli/duration.h"

#include "tests/unit/unit.h"

static const struct {
        uint64_t seconds;
        const char *text;
} durations[] = {
        { 0, "0 s" },          { 59, "59 s" },           { 60, "1 min" },      { 3599, "59 min" },
        { 3600, "1 h 0 min" }, { 86399, "23 h 59 min" }, { 86400, "1 d 0 h" }, { 8726400, "101 d 0 h" },
};

START_TEST(a_duration_has_two_figures_at_most) {
        char buffer[DURATION_TEXT_MAX];

        ck_assert_str_eq(duration_format(buffer, durations[_i].seconds * USEC_PER_SEC), durations[_i].text);
}
END_TEST

static const struct {
        int distance_s;
        const char *text;
} distances[] = {
        { -90, "1 min" },
        { 90, "1 min" },
        { -100000, "1 d 3 h" },
};

START_TEST(a_distance_is_the_same_on_either_side) {
        char buffer[DURATION_TEXT_MAX], text[32];
        time_t then = time(NULL) + distances[_i].distance_s;
        struct tm utc;

        (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &utc));
        ck_assert_str_eq(duration_from_now(buffer, text), distances[_i].text);
}
END_TEST

START_TEST(what_is_no_time_has_no_distance) {
        char buffer[DURATION_TEXT_MAX];

        ck_assert_str_eq(duration_from_now(buffer, "yesterday"), "?");
}
END_TEST

static Suite *duration_suite(void) {
        Suite *s = suite_create("cli-duration");
        TCase *t = tcase_create("duration_format");

        tcase_add_loop_test(t, a_duration_has_two_figures_at_most, 0, ELEMENTSOF(durations));
        suite_add_tcase(s, t);

        t = tcase_create("duration_from_now");
        tcase_add_loop_test(t, a_distance_is_the_same_on_either_side, 0, ELEMENTSOF(distances));
        tcase_add_test(t, what_is_no_time_has_no_distance);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(duration_suite)
