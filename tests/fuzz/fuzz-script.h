/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How fuzz targets read an input of several lines: texts, or, of state machines, a script of one letter and
 * its argument each.
 */

#include <azure/core/az_span.h>

/* Returns what stands before the first 'end' of 'ref_rest', or all of it, and leaves what is behind it. */
static inline az_span script_next(az_span *ref_rest, char end) {
        int32_t n = az_span_find(*ref_rest, az_span_create((uint8_t *) &end, 1));
        az_span part = n < 0 ? *ref_rest : az_span_slice(*ref_rest, 0, n);

        *ref_rest = az_span_slice_to_end(*ref_rest, n < 0 ? az_span_size(*ref_rest) : n + 1);
        return part;
}

/* Of at most six digits, with a sign; what is behind it does not matter. */
static inline int64_t script_number(az_span text) {
        bool is_negative = az_span_size(text) > 0 && az_span_ptr(text)[0] == '-';
        int64_t number = 0;

        for (int32_t i = is_negative; i < az_span_size(text) && i < 6; i++) {
                uint8_t digit = az_span_ptr(text)[i];

                if (digit < '0' || digit > '9')
                        break;
                number = 10 * number + (digit - '0');
        }
        return is_negative ? -number : number;
}
