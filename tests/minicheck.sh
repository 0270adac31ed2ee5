#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: tests/minicheck.sh
#
# tests/minicheck/check.h, seen from outside: what passes passes, and what fails is not overlooked.
set -uo pipefail
. "$(dirname -- "$0")/tap.sh"

tests=$(dirname -- "$0")

cat >"$scratch/program.c" <<'END'
#include <check.h>
#include <signal.h>

static int turns;

static void setup(void) {
        turns++;
}

START_TEST(passes) {
        ck_assert_int_eq(_i, turns - 1);
        ck_assert_uint_ge(UINT64_MAX, 1);
        ck_assert_str_eq("a", "a");
        ck_assert_str_ne("a", "b");
        ck_assert_double_eq(0.5, 0.5);
        ck_assert_mem_eq("ab", "ac", 1);
        ck_assert_ptr_null(NULL);
}
END_TEST

START_TEST(fails_now_and_then) {
        ck_assert_int_lt(_i % 2, 1);
}
END_TEST

START_TEST(compares_no_null) {
        const char *text = NULL;

        if (_i == 0)
                ck_assert_str_eq(text, text);
        else
                ck_assert_str_ne(text, "a");
}
END_TEST

START_TEST(ends) {
        if (_i == 0)
                (void) raise(SIGTERM);
        exit(_i);
}
END_TEST

START_TEST(does_not_end) {
}
END_TEST

int main(void) {
        Suite *s = suite_create("suite");
        TCase *t = tcase_create("case");
        SRunner *runner = srunner_create(s);
        int n_failed;

        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_loop_test(t, passes, 0, 2);
        tcase_add_loop_test(t, fails_now_and_then, 0, 4);
        tcase_add_loop_test(t, compares_no_null, 0, 2);
        tcase_add_loop_test(t, ends, 0, 2);
        tcase_add_test_raise_signal(t, ends, SIGTERM);
        tcase_add_test_raise_signal(t, ends, SIGSEGV);
        tcase_add_test_raise_signal(t, does_not_end, SIGTERM);
        suite_add_tcase(s, t);
        srunner_set_tap(runner, "-");
        srunner_run_all(runner, CK_SILENT);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed;
}
END

cat >"$scratch/expected" <<'END'
ok 1 - case:passes[0]
ok 2 - case:passes[1]
ok 3 - case:fails_now_and_then[0]
not ok 4 - case:fails_now_and_then[1]
ok 5 - case:fails_now_and_then[2]
not ok 6 - case:fails_now_and_then[3]
not ok 7 - case:compares_no_null[0]
not ok 8 - case:compares_no_null[1]
not ok 9 - case:ends[0]
not ok 10 - case:ends[1]
ok 11 - case:ends[0]
not ok 12 - case:ends[0]
not ok 13 - case:does_not_end[0]
1..13
END

results_are_as_expected() {
        cc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -I"$tests/minicheck" \
                "$scratch/program.c" -o "$scratch/program" || return
        "$scratch/program" >"$scratch/output" 2>&1
        [ $? -eq 8 ] || echo "it does not tell how many failed"
        grep -v '^#' "$scratch/output" | diff "$scratch/expected" -
}

failures_say_where_and_why() {
        grep -q "program.c:[0-9]*: '_i % 2 < 1' is false: 1, 1" "$scratch/output" || cat "$scratch/output"
}

check "each_result_is_reported" results_are_as_expected
check "failures_say_where_and_why" failures_say_where_and_why
finish
