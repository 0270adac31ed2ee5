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

static Suite *duration_suite(void) {
        Suite *s = suite_create("cli-duration");
        TCase *t = tcase_create("duration_format");

        tcase_add_loop_test(t, a_duration_has_two_figures_at_most, 0, ELEMENTSOF(durations));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(duration_suite)
