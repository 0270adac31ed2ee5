/* SPDX-License-Identifier: MIT */

/* Span functions for the layers above; not part of the public API. */

#ifndef _az_SPAN_INTERNAL_H
#define _az_SPAN_INTERNAL_H

#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* az_span_create() and az_span_slice_to_end(), for what is known to keep their preconditions. */
AZ_NODISCARD AZ_INLINE az_span _az_span_of(uint8_t *ptr, int32_t size) {
        az_span span = { { ptr, size } };

        return span;
}

AZ_NODISCARD AZ_INLINE az_span _az_span_from(az_span span, int32_t index) {
        /* No arithmetic on the NULL that an empty span may have. */
        return index > 0 ? _az_span_of(az_span_ptr(span) + index, az_span_size(span) - index) : span;
}

/*
 * Percent-encoding (RFC 3986). Letters, digits and "-_.~" stand for themselves; every other byte
 * becomes '%' and two uppercase hexadecimal digits.
 *
 *   out_length  bytes written to 'destination', written only on success
 *
 * NOT_ENOUGH_SPACE: 'destination' is too small; what it holds is undefined.
 */
AZ_NODISCARD az_result _az_span_url_encode(az_span destination, az_span source, int32_t *out_length);

/* Returns the size that _az_span_url_encode() needs. Precondition: at most INT32_MAX / 3 bytes. */
AZ_NODISCARD int32_t _az_span_url_encoded_size(az_span source);

/*
 * Undoes percent-encoding: each "%XX", hexadecimal digits in either case, becomes a byte; all else stands for
 * itself, '+' too. The result is never longer than 'source', and 'destination' may be the same memory.
 *
 *   out_length  bytes written to 'destination', written only on success
 *
 * UNEXPECTED_CHAR, UNEXPECTED_END: '%' without two hexadecimal digits. NOT_ENOUGH_SPACE: 'destination' is too
 * small.
 */
AZ_NODISCARD az_result _az_span_url_decode(az_span destination, az_span source, int32_t *out_length);

/* Returns the value of a hexadecimal digit in either case, or -1. */
AZ_NODISCARD int32_t _az_hex_digit_value(uint8_t digit);

/*
 * Returns how many bytes follow 'lead' in a UTF-8 sequence (0 to 3), or -1 if no sequence starts with it. The
 * first of them must lie between 'out_low' and 'out_high', the others between 0x80 and 0xBF.
 */
AZ_NODISCARD int32_t _az_utf8_continuation(uint8_t lead, uint8_t *out_low, uint8_t *out_high);

_az_END_DECLS

#endif /* _az_SPAN_INTERNAL_H */
