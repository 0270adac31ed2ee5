/* SPDX-License-Identifier: MIT */
#pragma once

/* What unit tests of lib/ share beside unit.h: spans and the texts that they should be. */

#include <azure/core/az_span.h>

#include "unit.h"

_unused_ static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

#define ck_assert_span_eq(span, text)                                                                      \
        ck_assert_msg(az_span_is_content_equal(span, str(text)), "'%.*s' is not '%s'", az_span_size(span), \
                      (const char *) az_span_ptr(span), text)
