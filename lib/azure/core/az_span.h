/* SPDX-License-Identifier: MIT */

/*
 * az_span: a view of bytes, pointer and size. It owns nothing: what it points to must outlive it. Spans are
 * not NUL-terminated and are passed by value. Preconditions (az_precondition.h) of all functions here: spans
 * are well formed (size >= 0, and a pointer unless the size is 0), pointers are not NULL.
 *
 * az_span_is_valid_utf8() is an extension; everything else is the API of the Azure SDK for Embedded C.
 */

#ifndef _az_SPAN_H
#define _az_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* A view of bytes; use the functions below to look into it. */
typedef struct {
        struct {
                uint8_t *ptr;
                int32_t size;
        } _internal;
} az_span;

/* Returns the address of the first byte; may be NULL if the span is empty. */
AZ_NODISCARD AZ_INLINE uint8_t *az_span_ptr(az_span span) {
        return span._internal.ptr;
}

/* Returns the number of bytes. */
AZ_NODISCARD AZ_INLINE int32_t az_span_size(az_span span) {
        return span._internal.size;
}

/* Returns a span of the 'size' bytes at 'ptr'. */
#ifdef AZ_NO_PRECONDITION_CHECKING
AZ_NODISCARD AZ_INLINE az_span az_span_create(uint8_t *ptr, int32_t size) {
        az_span span = { { ptr, size } };

        return span;
}
#else
AZ_NODISCARD az_span az_span_create(uint8_t *ptr, int32_t size);
#endif

/* The empty span, as initializer and as expression. */
#define AZ_SPAN_LITERAL_EMPTY \
        {                     \
                { NULL, 0 }   \
        }
#define AZ_SPAN_EMPTY _az_LITERAL(az_span) AZ_SPAN_LITERAL_EMPTY

/* A span of a string literal without its NUL, as initializer, even of a constant, and as expression. */
#define AZ_SPAN_LITERAL_FROM_STR(STRING_LITERAL)                                                   \
        {                                                                                          \
                { _az_BYTES(STRING_LITERAL ""), _az_CAST(int32_t, sizeof(STRING_LITERAL "") - 1) } \
        }
#define AZ_SPAN_FROM_STR(STRING_LITERAL) _az_LITERAL(az_span) AZ_SPAN_LITERAL_FROM_STR(STRING_LITERAL)

/*
 * A span of a whole array of bytes, 'uint8_t buffer[10]' or 'char buffer[10]'; compilers warn of a pointer
 * and of elements wider than a byte (a division by zero).
 */
#define AZ_SPAN_FROM_BUFFER(BYTE_BUFFER)                                                  \
        az_span_create(_az_BYTES(BYTE_BUFFER),                                            \
                       _az_CAST(int32_t, sizeof(BYTE_BUFFER) / sizeof((BYTE_BUFFER)[0]) / \
                                                 (sizeof((BYTE_BUFFER)[0]) == 1 ? 1U : 0U)))

/* Returns a span of the NUL-terminated 'str', without the NUL. */
AZ_NODISCARD az_span az_span_create_from_str(char *str);

/* Returns the bytes from 'start_index' to before 'end_index'. Precondition: 0 <= start <= end <= size. */
AZ_NODISCARD az_span az_span_slice(az_span span, int32_t start_index, int32_t end_index);

/* Returns the bytes from 'start_index' to the end. Precondition: 0 <= start <= size. */
AZ_NODISCARD az_span az_span_slice_to_end(az_span span, int32_t start_index);

/* Tells whether both spans have the same size and bytes; two empty spans are equal. */
AZ_NODISCARD AZ_INLINE bool az_span_is_content_equal(az_span span1, az_span span2) {
        if (az_span_size(span1) != az_span_size(span2))
                return false;
        return az_span_size(span1) == 0 ||
               memcmp(az_span_ptr(span1), az_span_ptr(span2), _az_CAST(size_t, az_span_size(span1))) == 0;
}

/* The same, with the letters A to Z equal to a to z. */
AZ_NODISCARD bool az_span_is_content_equal_ignoring_case(az_span span1, az_span span2);

/*
 * Copies 'source' to 'destination' and appends a NUL.
 *
 *   destination_max_size  bytes at 'destination'. Precondition: greater than the size of 'source'
 */
void az_span_to_str(char *destination, int32_t destination_max_size, az_span source);

/* Returns the index of the first 'target' in 'source': 0 if 'target' is empty, -1 if there is none. */
AZ_NODISCARD int32_t az_span_find(az_span source, az_span target);

/*
 * Copies 'source' to the start of 'destination' and returns what is left of 'destination'. The two may
 * overlap. Precondition: 'destination' is at least as large as 'source'.
 */
az_span az_span_copy(az_span destination, az_span source);

/* Copies 'byte' to the start of 'destination', which must not be empty, and returns what is left of it. */
az_span az_span_copy_u8(az_span destination, uint8_t byte);

/* Sets every byte of 'destination' to 'value'. */
AZ_INLINE void az_span_fill(az_span destination, uint8_t value) {
        if (az_span_size(destination) > 0)
                memset(az_span_ptr(destination), value, _az_CAST(size_t, az_span_size(destination)));
}

/*
 * Extension. Tells whether 'span' is well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing
 * above U+10FFFF, no cut sequence. The empty span is; NUL bytes are allowed.
 */
AZ_NODISCARD bool az_span_is_valid_utf8(az_span span);

/*
 * Text to number. The whole of 'source' is the number: decimal digits after an optional '+', or '-' where the
 * type is signed. 'out_number' is written only on success.
 *
 * UNEXPECTED_CHAR: anything else, or a number that the type cannot hold. UNEXPECTED_END: no digit.
 */
AZ_NODISCARD az_result az_span_atou64(az_span source, uint64_t *out_number);
AZ_NODISCARD az_result az_span_atoi64(az_span source, int64_t *out_number);
AZ_NODISCARD az_result az_span_atou32(az_span source, uint32_t *out_number);
AZ_NODISCARD az_result az_span_atoi32(az_span source, int32_t *out_number);

/*
 * Text to double: an optional sign, digits with an optional decimal point among or beside them, an optional
 * exponent ("1", "-.5", "6.02e23"). The result is the double nearest to the text, ties to even, for text of
 * any length and in any locale; what is too small becomes zero or subnormal. 'out_number' is written only on
 * success.
 *
 * UNEXPECTED_CHAR: anything else, "nan", "inf" and hexadecimal included, or a number whose nearest double
 * would be infinite. UNEXPECTED_END: the text ends where a digit is missing.
 */
AZ_NODISCARD az_result az_span_atod(az_span source, double *out_number);

/*
 * Number to text: writes the shortest decimal digits, after '-' if negative, to the start of 'destination'
 * (no NUL).
 *
 *   out_span  what is left of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is too small, nothing was written.
 */
AZ_NODISCARD az_result az_span_i32toa(az_span destination, int32_t source, az_span *out_span);
AZ_NODISCARD az_result az_span_u32toa(az_span destination, uint32_t source, az_span *out_span);
AZ_NODISCARD az_result az_span_i64toa(az_span destination, int64_t source, az_span *out_span);
AZ_NODISCARD az_result az_span_u64toa(az_span destination, uint64_t source, az_span *out_span);

/*
 * Double to text, without exponent: the shortest decimal number that reads back as 'source', cut (not
 * rounded) after 'fractional_digits' digits behind the point. 0.29 with two digits is "0.29", 1.999 is
 * "1.99". Zeros at the end and a point without digits are left out: 1.50 is "1.5", 2.0 is "2". A zero has no
 * sign.
 *
 *   fractional_digits  0 to 15, more is taken as 15. Precondition: not negative
 *   out_span           what is left of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is too small, nothing was written. NOT_SUPPORTED: 'source' is not finite,
 * or its integer part is beyond +-(2^53 - 1).
 */
AZ_NODISCARD az_result az_span_dtoa(az_span destination, double source, int32_t fractional_digits,
                                    az_span *out_span);

/* The same with exactly 'fractional_digits' digits, padded with zeros: 1.5 with three is "1.500". */
AZ_NODISCARD az_result az_span_dtoa_with_fractional(az_span destination, double source,
                                                    int32_t fractional_digits, az_span *out_span);

/*
 * Hands a writer its next buffer, when it has filled one, or returns an error, which the writer passes on.
 *
 *   user_context           as given to the writer
 *   bytes_used             bytes written to the previous buffer, which is full and the writer is done with
 *   minimum_required_size  the least size that is of use
 */
typedef struct {
        void *user_context;
        int32_t bytes_used;
        int32_t minimum_required_size;
} az_span_allocator_context;
typedef az_result (*az_span_allocator_fn)(az_span_allocator_context *allocator_context,
                                          az_span *out_next_destination);

_az_END_DECLS

#endif /* _az_SPAN_H */
