/* SPDX-License-Identifier: MIT */

#include <azure/core/az_platform.h>

#include <azure/core/az_precondition_internal.h>

az_result az_platform_clock_msec(int64_t *out_clock_msec) {
        _az_PRECONDITION_NOT_NULL(out_clock_msec);

        return AZ_ERROR_DEPENDENCY_NOT_PROVIDED;
}

az_result az_platform_sleep_msec(int32_t milliseconds) {
        return milliseconds < 0 ? AZ_ERROR_ARG : AZ_ERROR_DEPENDENCY_NOT_PROVIDED;
}
