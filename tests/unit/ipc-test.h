/* SPDX-License-Identifier: MIT */
#pragma once

/* What the unit tests of ipc/ share. */

#include <azure/core/az_span.h>

#include "unit.h"

static inline az_span span(const char *text) {
        return az_span_create_from_str((char *) text);
}

static inline void assert_span(az_span actual, const char *expected) {
        ck_assert_uint_eq((size_t) az_span_size(actual), strlen(expected));
        if (strlen(expected) > 0)
                ck_assert_mem_eq(az_span_ptr(actual), expected, strlen(expected));
}
