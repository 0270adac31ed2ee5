/* SPDX-License-Identifier: MIT */

#include "daemon/glob.h"

#include "tests/unit/unit-span.h"

static const struct {
        const char *pattern, *name;
        bool matches;
} rows[] = {
        { "reboot", "reboot", true },
        { "reboot", "Reboot", false },
        { "reboot", "reboots", false },
        { "reboot", "reboo", false },
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "anything", true },
        { "get*", "get", true },
        { "get*", "getLog", true },
        { "get*", "forget", false },
        { "*Log", "getLog", true },
        { "*Log", "getLogs", false },
        { "get*Log*", "getTheLogNow", true },
        { "get*Log*", "getThe", false },
        { "**", "a", true },
        { "*a*b*c", "xxaxxbxxbc", true },
        { "*a*b*c", "xxaxxcxxb", false },
        { "?", "a", true },
        { "?", "", false },
        { "a?c", "abc", true },
        { "a?c", "ac", false },
        { "*?", "", false },

        /* A character is one, however many bytes it has. */
        { "a?c",
          "a\xc3\xa9"
          "c",
          true },
        { "a??c",
          "a\xc3\xa9"
          "c",
          false },
        { "*??", "\xc3\xa9", false },

        /* Of Plug and Play: the star in a name, and in a pattern. */
        { "pump\\*reset", "pump*reset", true },
        { "pump\\*reset", "pumpX*reset", false },
        { "pump\\**", "pump*reset", true },
        { "pump\\**", "pumpreset", false },
        { "a\\?", "a?", true },
        { "a\\?", "ab", false },
        { "a\\\\", "a\\", true },
        { "\\[a]", "[a]", true },
};

START_TEST(a_pattern_matches_the_whole_name) {
        ck_assert_ptr_null(glob_check(str(rows[_i].pattern)));
        ck_assert_int_eq(glob_matches(str(rows[_i].pattern), str(rows[_i].name)), rows[_i].matches);
}
END_TEST

static const struct {
        const char *pattern, *mentions;
} wrong[] = {
        { "get[AB]", "[" },
        { "a\\", "backslash" },
        { "a\\\\\\", "backslash" },
        { "\xff", "UTF-8" },
};

START_TEST(what_would_mean_something_else_is_refused) {
        const char *text = glob_check(str(wrong[_i].pattern));

        ck_assert_ptr_nonnull(text);
        ck_assert_ptr_nonnull(strstr(text, wrong[_i].mentions));
}
END_TEST

/* Where a matcher that tries every way would not end in this life. */
START_TEST(many_stars_take_no_time) {
        static const char stars[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
        char name[256];

        memset(name, 'a', sizeof(name));
        ck_assert(!glob_matches(str(stars), az_span_create((uint8_t *) name, (int32_t) sizeof(name))));
}
END_TEST

static Suite *glob_suite(void) {
        Suite *s = suite_create("glob");
        TCase *t = tcase_create("glob");

        tcase_add_loop_test(t, a_pattern_matches_the_whole_name, 0, ELEMENTSOF(rows));
        tcase_add_loop_test(t, what_would_mean_something_else_is_refused, 0, ELEMENTSOF(wrong));
        tcase_add_test(t, many_stars_take_no_time);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(glob_suite)
