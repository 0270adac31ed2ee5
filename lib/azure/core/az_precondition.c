/* SPDX-License-Identifier: MIT */

#include <azure/core/az_precondition.h>

#include <azure/core/az_precondition_internal.h>

_az_NORETURN static void stop_program(void) {
#if defined(__GNUC__) || defined(__clang__)
        __builtin_trap();
#endif
        for (;;) {
        }
}

/* The one setting of a program, as az_precondition_failed_set_callback() has no object to keep it in. */
/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables) */
static az_precondition_failed_fn failed_callback = stop_program;

void az_precondition_failed_set_callback(az_precondition_failed_fn az_precondition_failed_callback) {
        _az_PRECONDITION_NOT_NULL(az_precondition_failed_callback);

        failed_callback = az_precondition_failed_callback;
}

#ifndef AZ_NO_PRECONDITION_CHECKING
void _az_precondition_failed(void) {
        failed_callback();
        stop_program();
}
#endif
