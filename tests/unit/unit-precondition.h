/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What tests share that break the preconditions of lib/azure and lib/session. They are programs of their own:
 * a library that was compiled without the checks has nothing to test there, and the program says so.
 *
 *      tcase_add_checked_fixture(t, expect_failures, NULL);
 *      PRECONDITION_MAIN(precondition_suite)
 */

#include <setjmp.h>

#include <azure/core/az_precondition.h>

#include "unit-span.h"

/* The callback of the library has no argument to find this by. */
static jmp_buf precondition_failed;

static void on_precondition_failed(void) {
        longjmp(precondition_failed, 1);
}

_unused_ static void expect_failures(void) {
        az_precondition_failed_set_callback(on_precondition_failed);
}

/* The statement breaks a precondition: the callback is called, which does not return. */
#define CHECK_FAILS(statement)                          \
        do {                                            \
                if (setjmp(precondition_failed) == 0) { \
                        statement;                      \
                        ck_abort_msg("%s", #statement); \
                }                                       \
        } while (0)

/* Spans that are none. */
static uint8_t some_bytes[8];
static const az_span span_negative = { { some_bytes, -1 } };
static const az_span span_nowhere = { { NULL, 1 } };

#ifdef AZ_NO_PRECONDITION_CHECKING
#define PRECONDITION_MAIN(suite)                                    \
        int main(void) {                                            \
                (void) suite;                                       \
                return unit_skip("preconditions are compiled out"); \
        }
#else
#define PRECONDITION_MAIN(suite) UNIT_MAIN(suite)
#endif
