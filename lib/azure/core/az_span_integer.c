/* SPDX-License-Identifier: MIT */

#include <azure/core/az_span.h>

#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

#define U64_DIGITS_MAX 20

/* An integer whose magnitude is at most 'max'; '-' is refused if 'max_negative' is 0. */
static az_result parse_integer(az_span text, uint64_t max, uint64_t max_negative, bool *out_negative,
                               uint64_t *out_magnitude) {
        uint8_t const *p = az_span_ptr(text);
        int32_t size = az_span_size(text);
        bool negative = size > 0 && p[0] == '-' && max_negative > 0;
        int32_t i = negative || (size > 0 && p[0] == '+') ? 1 : 0;
        uint64_t magnitude = 0;

        if (i == size)
                return AZ_ERROR_UNEXPECTED_END;
        if (negative)
                max = max_negative;

        for (; i < size; i++) {
                uint64_t digit = (uint64_t) p[i] - '0';

                if (digit > 9 || magnitude > (max - digit) / 10)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                magnitude = magnitude * 10 + digit;
        }

        *out_negative = negative;
        *out_magnitude = magnitude;
        return AZ_OK;
}

static az_result parse_signed(az_span text, uint64_t max, int64_t *out_number) {
        bool negative;
        uint64_t magnitude;
        az_result result = parse_integer(text, max, max + 1, &negative, &magnitude);

        if (az_result_failed(result))
                return result;

        if (negative && magnitude > 0)
                *out_number =
                        -(int64_t) (magnitude - 1) - 1; /* the least number has no positive counterpart */
        else
                *out_number = (int64_t) magnitude;
        return AZ_OK;
}

az_result az_span_atou64(az_span source, uint64_t *out_number) {
        bool negative;

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_number);

        return parse_integer(source, UINT64_MAX, 0, &negative, out_number);
}

az_result az_span_atoi64(az_span source, int64_t *out_number) {
        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_number);

        return parse_signed(source, INT64_MAX, out_number);
}

az_result az_span_atou32(az_span source, uint32_t *out_number) {
        bool negative;
        uint64_t number;
        az_result result;

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_number);

        result = parse_integer(source, UINT32_MAX, 0, &negative, &number);
        if (az_result_succeeded(result))
                *out_number = (uint32_t) number;
        return result;
}

az_result az_span_atoi32(az_span source, int32_t *out_number) {
        int64_t number;
        az_result result;

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_number);

        result = parse_signed(source, INT32_MAX, &number);
        if (az_result_succeeded(result))
                *out_number = (int32_t) number;
        return result;
}

/* Writes the digits before 'end'; returns the first. */
static uint8_t *write_digits(uint8_t *end, uint64_t number) {
        uint32_t low;

        for (; number > UINT32_MAX; number /= 10) /* slow on a machine of 32 bits */
                *--end = (uint8_t) ('0' + number % 10);
        low = (uint32_t) number;
        do {
                *--end = (uint8_t) ('0' + low % 10);
                low /= 10;
        } while (low > 0);
        return end;
}

static az_result write_integer(az_span destination, bool negative, uint64_t magnitude, az_span *out_span) {
        uint8_t text[1 + U64_DIGITS_MAX];
        uint8_t *start;
        int32_t size;

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_span);

        start = write_digits(text + sizeof(text), magnitude);
        if (negative)
                *--start = '-';

        size = (int32_t) (text + sizeof(text) - start);
        if (az_span_size(destination) < size)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        memcpy(az_span_ptr(destination), start, (size_t) size);
        *out_span = _az_span_from(destination, size);
        return AZ_OK;
}

az_result az_span_u64toa(az_span destination, uint64_t source, az_span *out_span) {
        return write_integer(destination, false, source, out_span);
}

az_result az_span_i64toa(az_span destination, int64_t source, az_span *out_span) {
        return write_integer(destination, source < 0, source < 0 ? 0 - (uint64_t) source : (uint64_t) source,
                             out_span);
}

az_result az_span_u32toa(az_span destination, uint32_t source, az_span *out_span) {
        return az_span_u64toa(destination, source, out_span);
}

az_result az_span_i32toa(az_span destination, int32_t source, az_span *out_span) {
        return az_span_i64toa(destination, source, out_span);
}
