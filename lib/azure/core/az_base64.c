/* SPDX-License-Identifier: MIT */

#include <azure/core/az_base64.h>

#include <azure/core/az_precondition_internal.h>

static char const encode_table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int32_t az_base64_get_max_encoded_size(int32_t source_bytes_size) {
        _az_PRECONDITION_RANGE(0, source_bytes_size, 1610612733);

        return (source_bytes_size / 3 + (source_bytes_size % 3 > 0)) * 4;
}

az_result az_base64_encode(az_span destination_base64_text, az_span source_bytes, int32_t *out_written) {
        uint8_t const *from = az_span_ptr(source_bytes);
        uint8_t *to = az_span_ptr(destination_base64_text);
        int32_t size = az_span_size(source_bytes);
        int32_t n_text;

        _az_PRECONDITION_VALID_SPAN(destination_base64_text, 0);
        _az_PRECONDITION_VALID_SPAN(source_bytes, 0);
        _az_PRECONDITION_NOT_NULL(out_written);

        n_text = az_base64_get_max_encoded_size(size);
        if (az_span_size(destination_base64_text) < n_text)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        for (int32_t i = 0; i < size; i += 3) {
                int32_t n = size - i;
                uint32_t group = (uint32_t) from[i] << 16;

                group |= n > 1 ? (uint32_t) from[i + 1] << 8 : 0;
                group |= n > 2 ? (uint32_t) from[i + 2] : 0;
                *to++ = (uint8_t) encode_table[group >> 18];
                *to++ = (uint8_t) encode_table[group >> 12 & 0x3F];
                *to++ = n > 1 ? (uint8_t) encode_table[group >> 6 & 0x3F] : '=';
                *to++ = n > 2 ? (uint8_t) encode_table[group & 0x3F] : '=';
        }

        *out_written = n_text;
        return AZ_OK;
}

/* Returns the six bits that 'c' stands for, or -1; 'c62' and 'c63' end the alphabet. */
static int32_t decode_char(uint8_t c, uint8_t c62, uint8_t c63) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == c62)
                return 62;
        return c == c63 ? 63 : -1;
}

/* 'size' characters without padding; their number is not 1 more than a multiple of 4. */
static az_result decode(az_span destination, uint8_t const *text, int32_t size, uint8_t c62, uint8_t c63,
                        int32_t *out_written) {
        int32_t n_bytes = az_base64_url_get_max_decoded_size(size);
        uint32_t bits = 0;
        int32_t n_bits = 0, n = 0;

        if (az_span_size(destination) < n_bytes)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        for (int32_t i = 0; i < size; i++) {
                int32_t value = decode_char(text[i], c62, c63);

                if (value < 0)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                bits = bits << 6 | (uint32_t) value;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        az_span_ptr(destination)[n++] = (uint8_t) (bits >> n_bits);
                        bits &= (1U << n_bits) - 1;
                }
        }
        if (bits != 0)
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_written = n;
        return AZ_OK;
}

/* Returns how many of the last two characters are '='. */
static int32_t count_padding(az_span text) {
        int32_t size = az_span_size(text);

        if (size == 0 || az_span_ptr(text)[size - 1] != '=')
                return 0;
        return size > 1 && az_span_ptr(text)[size - 2] == '=' ? 2 : 1;
}

int32_t az_base64_get_max_decoded_size(int32_t source_base64_text_size) {
        _az_PRECONDITION(source_base64_text_size >= 0);

        return source_base64_text_size / 4 * 3;
}

az_result az_base64_decode(az_span destination_bytes, az_span source_base64_text, int32_t *out_written) {
        int32_t size = az_span_size(source_base64_text);

        _az_PRECONDITION_VALID_SPAN(destination_bytes, 0);
        _az_PRECONDITION_VALID_SPAN(source_base64_text, 0);
        _az_PRECONDITION_NOT_NULL(out_written);

        if (size % 4 != 0)
                return AZ_ERROR_UNEXPECTED_END;
        return decode(destination_bytes, az_span_ptr(source_base64_text),
                      size - count_padding(source_base64_text), '+', '/', out_written);
}

int32_t az_base64_url_get_max_decoded_size(int32_t source_base64_url_text_size) {
        _az_PRECONDITION(source_base64_url_text_size >= 0);

        return source_base64_url_text_size / 4 * 3 + source_base64_url_text_size % 4 * 3 / 4;
}

az_result az_base64_url_decode(az_span destination_bytes, az_span source_base64_url_text,
                               int32_t *out_written) {
        int32_t size = az_span_size(source_base64_url_text);
        int32_t n_padding;

        _az_PRECONDITION_VALID_SPAN(destination_bytes, 0);
        _az_PRECONDITION_VALID_SPAN(source_base64_url_text, 0);
        _az_PRECONDITION_NOT_NULL(out_written);

        n_padding = count_padding(source_base64_url_text);
        if (n_padding > 0 ? size % 4 != 0 : size % 4 == 1)
                return AZ_ERROR_UNEXPECTED_END;
        return decode(destination_bytes, az_span_ptr(source_base64_url_text), size - n_padding, '-', '_',
                      out_written);
}
