/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What every unit test shares: libcheck, TAP on standard output (meson counts each test), and a main().
 *
 *      static Suite *topic_suite(void) { ... }
 *      UNIT_MAIN(topic_suite)
 */

#include <check.h>
#include <stdlib.h>

#include "util/util.h"

/* Runs the suite; the exit status of the program. For a main() that has to look around first. */
_unused_ static int unit_run(Suite *suite) {
        SRunner *runner = srunner_create(suite);
        int n_failed;

        srunner_set_tap(runner, "-");
        srunner_run_all(runner, CK_SILENT);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Says in TAP that there was nothing to run, and why; the exit status of the program. */
_unused_ static int unit_skip(const char *reason) {
        printf("1..0 # SKIP %s\n", reason);
        return EXIT_SUCCESS;
}

/* Each constant of an enum has a name that no other has, and what is no constant has none. */
#define CHECK_NAMES(to_string, max)                                           \
        do {                                                                  \
                for (int i = 0; i < (max); i++) {                             \
                        ck_assert_ptr_nonnull(to_string(i));                  \
                        for (int j = 0; j < i; j++)                           \
                                ck_assert_str_ne(to_string(i), to_string(j)); \
                }                                                             \
                ck_assert_ptr_null(to_string(max));                           \
                ck_assert_ptr_null(to_string(-1));                            \
        } while (0)

#define UNIT_MAIN(suite)                  \
        int main(void) {                  \
                return unit_run(suite()); \
        }
