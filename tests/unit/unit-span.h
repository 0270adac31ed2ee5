/* SPDX-License-Identifier: MIT */
#pragma once

/* What unit tests of lib/ share beside unit.h: spans and the texts that they should be. */

#include <azure/core/az_span.h>

#include "unit.h"

/* What a function must not write over. */
#define CANARY 0xC5

/* Fills an array with canaries and gives a span of its first 'size' bytes. */
#define ROOM(array, size) \
        (memset(array, CANARY, sizeof(array)), az_span_create((uint8_t *) (array), (int32_t) (size)))

/* Of the array behind a ROOM(), nothing was written from index 'from' on. */
#define ck_assert_untouched(array, from)                                    \
        do {                                                                \
                for (size_t i_ = (size_t) (from); i_ < sizeof(array); i_++) \
                        ck_assert_uint_eq((uint8_t) (array)[i_], CANARY);   \
        } while (0)

_unused_ static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

#define ck_assert_span_eq(span, text)                                                                      \
        ck_assert_msg(az_span_is_content_equal(span, str(text)), "'%.*s' is not '%s'", az_span_size(span), \
                      (const char *) az_span_ptr(span), text)

/*
 * In a room of any size a function writes all that it makes of 'from', and how much that is, or says that the
 * room is too small; what is behind the room stays as it was.
 */
#define CHECK_ROOMS(function, from, to)                                                                  \
        do {                                                                                             \
                for (int32_t size = 0; size <= az_span_size(to) + 1; size++) {                           \
                        bool fits = size >= az_span_size(to);                                            \
                        uint8_t room[64];                                                                \
                        int32_t written = -1;                                                            \
                                                                                                         \
                        ck_assert_int_eq(function(ROOM(room, size), from, &written),                     \
                                         fits ? AZ_OK : AZ_ERROR_NOT_ENOUGH_SPACE);                      \
                        ck_assert_int_eq(written, fits ? az_span_size(to) : -1);                         \
                        ck_assert_untouched(room, fits ? written : size);                                \
                        ck_assert(!fits || az_span_is_content_equal(az_span_create(room, written), to)); \
                }                                                                                        \
        } while (0)
