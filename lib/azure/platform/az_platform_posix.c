/* SPDX-License-Identifier: MIT */

#define _POSIX_C_SOURCE 200809L

#include <azure/core/az_platform.h>

#include <azure/core/az_precondition_internal.h>
#include <errno.h>
#include <time.h>

/* Tokens get old while a system is suspended. */
#ifdef CLOCK_BOOTTIME
#define CLOCK_THAT_RISES CLOCK_BOOTTIME
#else
#define CLOCK_THAT_RISES CLOCK_MONOTONIC
#endif

az_result az_platform_clock_msec(int64_t *out_clock_msec) {
        struct timespec now;

        _az_PRECONDITION_NOT_NULL(out_clock_msec);

        if (clock_gettime(CLOCK_THAT_RISES, &now) < 0)
                return AZ_ERROR_DEPENDENCY_NOT_PROVIDED;
        *out_clock_msec = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
        return AZ_OK;
}

az_result az_platform_sleep_msec(int32_t milliseconds) {
        struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

        if (milliseconds < 0)
                return AZ_ERROR_ARG;

        while (nanosleep(&left, &left) < 0)
                if (errno != EINTR)
                        return AZ_ERROR_DEPENDENCY_NOT_PROVIDED;
        return AZ_OK;
}
