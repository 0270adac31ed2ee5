/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The part of libcheck that the unit tests of lib/azure and lib/session use, for builds that have no
 * libcheck: with MemorySanitizer, which wants all code instrumented, and for another processor. Results are
 * printed as TAP.
 *
 * Each test has a process of its own, which goes on with the next turn of its loop until one fails. What a
 * failed assertion has to say stands before the results of that process.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define _check_unused_ __attribute__((unused))

typedef void (*SFun)(void);

typedef struct {
        const char *name;
        void (*run)(int i);
} TTest;

/* A test with the range of its loop, and the signal that it has to end with (0: none). */
typedef struct {
        const TTest *test;
        int start, end, signal;
} CheckRow;

#define CHECK_ROWS_MAX 64

typedef struct {
        const char *name;
        SFun setup, teardown;
        CheckRow rows[CHECK_ROWS_MAX];
        int n_rows;
} TCase;

typedef struct {
        const char *name;
        TCase *cases[CHECK_ROWS_MAX];
        int n_cases;
} Suite;

typedef struct {
        Suite *suite;
        int n_run, n_failed;
} SRunner;

enum print_output {
        CK_SILENT
};

#define START_TEST(name)                                        \
        static void name##_run(int _i);                         \
        static const TTest name##_test = { #name, name##_run }; \
        static const TTest *const name = &name##_test;          \
        static void name##_run(_check_unused_ int _i)
#define END_TEST

/* The first failure ends the test's process. */
#define ck_abort_msg(...)                                \
        do {                                             \
                printf("# %s:%d: ", __FILE__, __LINE__); \
                printf(__VA_ARGS__);                     \
                printf("\n");                            \
                (void) fflush(stdout);                   \
                _exit(EXIT_FAILURE);                     \
        } while (0)
#define ck_abort() ck_abort_msg("aborted")

#define ck_assert_msg(condition, ...)              \
        do {                                       \
                if (!(condition))                  \
                        ck_abort_msg(__VA_ARGS__); \
        } while (0)
#define ck_assert(condition) ck_assert_msg(condition, "'%s' is false", #condition)

#define _ck_compare(type, format, a, op, b)                                                              \
        do {                                                                                             \
                type _ck_a = (type) (a);                                                                 \
                type _ck_b = (type) (b);                                                                 \
                                                                                                         \
                ck_assert_msg(_ck_a op _ck_b, "'%s' is false: %" format ", %" format, #a " " #op " " #b, \
                              _ck_a, _ck_b);                                                             \
        } while (0)

#define ck_assert_int_eq(a, b) _ck_compare(intmax_t, PRIdMAX, a, ==, b)
#define ck_assert_int_ne(a, b) _ck_compare(intmax_t, PRIdMAX, a, !=, b)
#define ck_assert_int_lt(a, b) _ck_compare(intmax_t, PRIdMAX, a, <, b)
#define ck_assert_int_le(a, b) _ck_compare(intmax_t, PRIdMAX, a, <=, b)
#define ck_assert_int_gt(a, b) _ck_compare(intmax_t, PRIdMAX, a, >, b)
#define ck_assert_int_ge(a, b) _ck_compare(intmax_t, PRIdMAX, a, >=, b)

#define ck_assert_uint_eq(a, b) _ck_compare(uintmax_t, PRIuMAX, a, ==, b)
#define ck_assert_uint_ne(a, b) _ck_compare(uintmax_t, PRIuMAX, a, !=, b)
#define ck_assert_uint_lt(a, b) _ck_compare(uintmax_t, PRIuMAX, a, <, b)
#define ck_assert_uint_le(a, b) _ck_compare(uintmax_t, PRIuMAX, a, <=, b)
#define ck_assert_uint_gt(a, b) _ck_compare(uintmax_t, PRIuMAX, a, >, b)
#define ck_assert_uint_ge(a, b) _ck_compare(uintmax_t, PRIuMAX, a, >=, b)

#define ck_assert_double_eq(a, b) _ck_compare(double, "g", a, ==, b)

#define ck_assert_ptr_eq(a, b)   _ck_compare(const void *, "p", a, ==, b)
#define ck_assert_ptr_ne(a, b)   _ck_compare(const void *, "p", a, !=, b)
#define ck_assert_ptr_null(a)    ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a) ck_assert((a) != NULL)

/* NULL equals nothing, and is not unequal to anything either. */
#define _ck_compare_str(a, op, b)                                                                     \
        do {                                                                                          \
                const char *_ck_a = (a), *_ck_b = (b);                                                \
                                                                                                      \
                ck_assert_msg(_ck_a != NULL && _ck_b != NULL && strcmp(_ck_a, _ck_b) op 0,            \
                              "'%s' is false: '%s', '%s'", #a " " #op " " #b, _ck_a ? _ck_a : "NULL", \
                              _ck_b ? _ck_b : "NULL");                                                \
        } while (0)

#define ck_assert_str_eq(a, b) _ck_compare_str(a, ==, b)
#define ck_assert_str_ne(a, b) _ck_compare_str(a, !=, b)

#define ck_assert_mem_eq(a, b, size) ck_assert(memcmp(a, b, size) == 0)
#define ck_assert_mem_ne(a, b, size) ck_assert(memcmp(a, b, size) != 0)

_check_unused_ static void *check_new(size_t size) {
        void *memory = calloc(1, size);

        if (memory == NULL)
                abort();
        return memory;
}

_check_unused_ static Suite *suite_create(const char *name) {
        Suite *suite = check_new(sizeof(*suite));

        suite->name = name;
        return suite;
}

_check_unused_ static TCase *tcase_create(const char *name) {
        TCase *tcase = check_new(sizeof(*tcase));

        tcase->name = name;
        return tcase;
}

_check_unused_ static void suite_add_tcase(Suite *suite, TCase *tcase) {
        if (suite->n_cases == CHECK_ROWS_MAX)
                abort();
        suite->cases[suite->n_cases++] = tcase;
}

_check_unused_ static void tcase_add_row(TCase *tcase, CheckRow row) {
        if (tcase->n_rows == CHECK_ROWS_MAX)
                abort();
        tcase->rows[tcase->n_rows++] = row;
}

#define tcase_add_test(tcase, test) tcase_add_row(tcase, (CheckRow){ test, 0, 1, 0 })
#define tcase_add_loop_test(tcase, test, start, end) \
        tcase_add_row(tcase, (CheckRow){ test, start, (int) (end), 0 })
#define tcase_add_test_raise_signal(tcase, test, sig) tcase_add_row(tcase, (CheckRow){ test, 0, 1, sig })

/* Run before and after each test, in its process. */
_check_unused_ static void tcase_add_checked_fixture(TCase *tcase, SFun setup, SFun teardown) {
        tcase->setup = setup;
        tcase->teardown = teardown;
}

/* Whoever runs the program ends it when it takes too long. */
#define tcase_set_timeout(tcase, seconds) ((void) (tcase))

_check_unused_ static SRunner *srunner_create(Suite *suite) {
        SRunner *runner = check_new(sizeof(*runner));

        runner->suite = suite;
        return runner;
}

/* Standard output is the only place for TAP. */
#define srunner_set_tap(runner, path) ((void) (runner))

/* Runs the turns from *ref_turn on in one process until one fails; returns the status of waitpid(). */
_check_unused_ static int check_run_turns(const TCase *tcase, const CheckRow *row, volatile int *ref_turn) {
        int status = 0;
        pid_t pid;

        (void) fflush(stdout);
        pid = fork();
        if (pid < 0)
                abort();
        if (pid == 0) {
                for (; *ref_turn < row->end; *ref_turn += 1) {
                        if (tcase->setup)
                                tcase->setup();
                        row->test->run(*ref_turn);
                        if (tcase->teardown)
                                tcase->teardown();
                }
                (void) fflush(stdout);
                _exit(EXIT_SUCCESS);
        }
        if (waitpid(pid, &status, 0) != pid)
                abort();
        return status;
}

_check_unused_ static void check_report(SRunner *runner, const TCase *tcase, const CheckRow *row, int turn,
                                        bool passed) {
        runner->n_run++;
        runner->n_failed += passed ? 0 : 1;
        printf("%s %d - %s:%s[%d]\n", passed ? "ok" : "not ok", runner->n_run, tcase->name, row->test->name,
               turn);
}

_check_unused_ static void check_run_row(SRunner *runner, const TCase *tcase, const CheckRow *row) {
        /* Where the process is, which its end does not tell. */
        volatile int *turn =
                mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (turn == MAP_FAILED)
                abort();
        for (*turn = row->start; *turn < row->end; *turn += 1) {
                int first = *turn, status = check_run_turns(tcase, row, turn);

                for (int i = first; i < *turn; i++)
                        check_report(runner, tcase, row, i, row->signal == 0);
                if (WIFSIGNALED(status))
                        printf("# signal %d\n", WTERMSIG(status));
                if (*turn < row->end)
                        check_report(runner, tcase, row, *turn,
                                     row->signal > 0 && WIFSIGNALED(status) &&
                                             WTERMSIG(status) == row->signal);
        }
        (void) munmap((void *) turn, sizeof(*turn));
}

_check_unused_ static void srunner_run_all(SRunner *runner, enum print_output output) {
        (void) output;
        for (int i = 0; i < runner->suite->n_cases; i++)
                for (int k = 0; k < runner->suite->cases[i]->n_rows; k++)
                        check_run_row(runner, runner->suite->cases[i], &runner->suite->cases[i]->rows[k]);
        printf("1..%d\n", runner->n_run);
}

_check_unused_ static int srunner_ntests_failed(const SRunner *runner) {
        return runner->n_failed;
}

_check_unused_ static void srunner_free(SRunner *runner) {
        for (int i = 0; i < runner->suite->n_cases; i++)
                free(runner->suite->cases[i]);
        free(runner->suite);
        free(runner);
}
