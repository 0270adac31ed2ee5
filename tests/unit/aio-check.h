/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of lib/aio share, where a span may be absent, which is not the same as empty. */

#include "unit-span.h"

/* A span of a text; absent if that is NULL. */
_unused_ static az_span of(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

/* The span has this text; it is absent if that is NULL. */
#define CHECK_SPAN(span, text)                                               \
        do {                                                                 \
                az_span span_ = (span);                                      \
                const char *text_ = (text);                                  \
                                                                             \
                if (text_) {                                                 \
                        ck_assert_msg(az_span_ptr(span_), "no '%s'", text_); \
                        ck_assert_span_eq(span_, text_);                     \
                } else {                                                     \
                        ck_assert_ptr_null(az_span_ptr(span_));              \
                }                                                            \
        } while (0)
