/* SPDX-License-Identifier: MIT */

#include "cli/line.h"

#include "tests/unit/unit.h"

static const struct {
        int64_t n_bytes;
        const char *text;
} sizes[] = {
        { 0, "0 KiB" },
        { 1, "1 KiB" },
        { 1024, "1 KiB" },
        { 1025, "2 KiB" },
        { 10 * 1024 * 1024 - 1024, "10239 KiB" },
        { 10 * 1024 * 1024, "10 MiB" },
        { INT64_C(64) << 30, "65536 MiB" },
};

START_TEST(a_size_has_a_unit) {
        Line line = {};

        line_add_size(&line, sizes[_i].n_bytes);
        ck_assert_str_eq(line.text, sizes[_i].text);
}
END_TEST

START_TEST(a_time_ends_with_its_seconds) {
        Line line = {};

        line_add(&line, "since ");
        line_add_time(&line, "2026-11-22T18:48:00.123Z");
        line_add_time(&line, "2026-11-22T18:48:00Z");
        ck_assert_str_eq(line.text, "since 2026-11-22T18:48:00Z2026-11-22T18:48:00Z");
}
END_TEST

static const struct {
        const char *time, *text;
} ages[] = {
        { "1999-11-22T18:48:00.123Z", "1999-11-22T18:48:00Z (" },
        { "2999-11-22T18:48:00.123Z", "2999-11-22T18:48:00Z (in " },
        { "yesterday", "yesterday" },
};

START_TEST(a_time_has_its_distance) {
        bool is_past = _i == 0;
        Line line = {};

        line_add_age(&line, ages[_i].time);
        ck_assert_int_eq(strncmp(line.text, ages[_i].text, strlen(ages[_i].text)), 0);
        ck_assert_int_eq(strstr(line.text, " ago)") != NULL, is_past);
}
END_TEST

START_TEST(what_does_not_fit_is_cut) {
        Line line = {};

        for (int i = 0; i < 3; i++)
                line_add(&line, "%500s", "x");
        line_add(&line, "more");
        ck_assert_uint_eq(line.len, sizeof(line.text) - 1);
        ck_assert_uint_eq(strlen(line.text), line.len);
}
END_TEST

static Suite *line_suite(void) {
        Suite *s = suite_create("cli-line");
        TCase *t = tcase_create("add");

        tcase_add_loop_test(t, a_size_has_a_unit, 0, ELEMENTSOF(sizes));
        tcase_add_test(t, a_time_ends_with_its_seconds);
        tcase_add_loop_test(t, a_time_has_its_distance, 0, ELEMENTSOF(ages));
        tcase_add_test(t, what_does_not_fit_is_cut);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(line_suite)
