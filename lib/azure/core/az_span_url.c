/* SPDX-License-Identifier: MIT */

#include <azure/core/az_span_internal.h>

#include <azure/core/az_precondition_internal.h>

#define YES_10 true, true, true, true, true, true, true, true, true, true
#define YES_26 YES_10, YES_10, true, true, true, true, true, true

/* What stands for itself. */
static bool const is_unreserved[256] = {
        ['-'] = true, ['.'] = true,   ['0'] = YES_10, ['A'] = YES_26,
        ['_'] = true, ['a'] = YES_26, ['~'] = true,
};

int32_t _az_span_url_encoded_size(az_span source) {
        int32_t size = az_span_size(source);

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION(size <= INT32_MAX / 3);

        for (int32_t i = 0; i < az_span_size(source); i++)
                if (!is_unreserved[az_span_ptr(source)[i]])
                        size += 2;
        return size;
}

az_result _az_span_url_encode(az_span destination, az_span source, int32_t *out_length) {
        static char const hex[] = "0123456789ABCDEF";
        uint8_t const *from = az_span_ptr(source);
        uint8_t *to = az_span_ptr(destination);
        int32_t n_left = az_span_size(destination);

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_length);

        for (int32_t i = 0; i < az_span_size(source); i++) {
                uint8_t c = from[i];
                bool plain = is_unreserved[c];

                n_left -= plain ? 1 : 3;
                if (n_left < 0)
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
                if (plain) {
                        *to++ = c;
                } else {
                        *to++ = '%';
                        *to++ = (uint8_t) hex[c >> 4];
                        *to++ = (uint8_t) hex[c & 0xF];
                }
        }

        *out_length = az_span_size(destination) - n_left;
        return AZ_OK;
}

int32_t _az_hex_digit_value(uint8_t digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'A' && digit <= 'F')
                return digit - 'A' + 10;
        return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

az_result _az_span_url_decode(az_span destination, az_span source, int32_t *out_length) {
        uint8_t const *from = az_span_ptr(source);
        int32_t n = 0;

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_length);

        for (int32_t i = 0; i < az_span_size(source); i++) {
                uint8_t c = from[i];

                if (c == '%') {
                        int32_t high, low;

                        if (az_span_size(source) - i < 3)
                                return AZ_ERROR_UNEXPECTED_END;
                        high = _az_hex_digit_value(from[i + 1]);
                        low = _az_hex_digit_value(from[i + 2]);
                        if (high < 0 || low < 0)
                                return AZ_ERROR_UNEXPECTED_CHAR;
                        c = (uint8_t) (high << 4 | low);
                        i += 2;
                }

                if (n == az_span_size(destination))
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
                az_span_ptr(destination)[n++] = c;
        }

        *out_length = n;
        return AZ_OK;
}
