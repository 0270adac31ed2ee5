/* SPDX-License-Identifier: MIT */

#include <azure/core/az_json.h>

#include <azure/core/az_json_internal.h>
#include <azure/core/az_precondition_internal.h>

/* A number in a single chunk may have any size; one that straddles chunks is put together here. */
#define STRADDLING_NUMBER_MAX 128

#define UTF8_SIZE_MAX 4

static bool is_string(az_json_token const *token) {
        return token->kind == AZ_JSON_TOKEN_STRING || token->kind == AZ_JSON_TOKEN_PROPERTY_NAME;
}

static _az_json_cursor cursor_over_token(az_json_token const *token) {
        _az_json_cursor c;

        if (!token->_internal.straddles)
                return _az_json_cursor_create(token->slice);

        c = _az_json_cursor_create(az_span_slice_to_end(token->_internal.chunks[token->_internal.first_chunk],
                                                        token->_internal.first_offset));
        c.chunks = token->_internal.chunks;
        c.chunk_index = token->_internal.first_chunk;
        c.n_chunks = token->_internal.last_chunk + 1;
        return c;
}

az_span az_json_token_copy_into_span(az_json_token const *json_token, az_span destination) {
        _az_json_cursor c;
        int32_t n_left;

        _az_PRECONDITION_NOT_NULL(json_token);
        _az_PRECONDITION_VALID_SPAN(destination, json_token->size);

        c = cursor_over_token(json_token);
        for (n_left = json_token->size; n_left > 0 && _az_json_cursor_has_byte(&c);) {
                int32_t n = (int32_t) (c.end - c.p) < n_left ? (int32_t) (c.end - c.p) : n_left;

                destination = az_span_copy(destination, az_span_create((uint8_t *) c.p, n));
                c.p += n;
                n_left -= n;
        }
        return destination;
}

static int32_t encode_utf8(uint32_t code_point, uint8_t *utf8) {
        if (code_point < 0x80) {
                utf8[0] = (uint8_t) code_point;
                return 1;
        }
        if (code_point < 0x800) {
                utf8[0] = (uint8_t) (0xC0 | code_point >> 6);
                utf8[1] = (uint8_t) (0x80 | (code_point & 0x3F));
                return 2;
        }
        if (code_point < 0x10000) {
                utf8[0] = (uint8_t) (0xE0 | code_point >> 12);
                utf8[1] = (uint8_t) (0x80 | (code_point >> 6 & 0x3F));
                utf8[2] = (uint8_t) (0x80 | (code_point & 0x3F));
                return 3;
        }
        utf8[0] = (uint8_t) (0xF0 | code_point >> 18);
        utf8[1] = (uint8_t) (0x80 | (code_point >> 12 & 0x3F));
        utf8[2] = (uint8_t) (0x80 | (code_point >> 6 & 0x3F));
        utf8[3] = (uint8_t) (0x80 | (code_point & 0x3F));
        return 4;
}

/* Reads an escape sequence as the character it means, or a byte that stands for itself. */
static az_result read_unescaped(_az_json_cursor *c, uint8_t *utf8, int32_t *out_size) {
        uint32_t code_point;
        az_result result;

        if (*c->p != '\\') {
                utf8[0] = *c->p++;
                *out_size = 1;
                return AZ_OK;
        }

        result = _az_json_read_escape(c, &code_point);
        if (az_result_succeeded(result))
                *out_size = encode_utf8(code_point, utf8);
        return result;
}

/* Copies what stands for itself, at most 'max' bytes and as far as the chunk goes; returns how many. */
static int32_t copy_plain(_az_json_cursor *c, uint8_t *to, int32_t max) {
        uint8_t const *from = c->p;
        int32_t n = 0;

        if (max > c->end - from)
                max = (int32_t) (c->end - from);
        for (; n < max && from[n] != '\\'; n++)
                to[n] = from[n];
        c->p += n;
        return n;
}

/* The text may be in the same memory as 'destination', as it never grows. */
static az_result unescape(_az_json_cursor *c, int32_t size, az_span destination, int32_t *out_length) {
        uint8_t *to = az_span_ptr(destination);
        int32_t n_free = az_span_size(destination), n_left;

        while ((n_left = size - _az_json_cursor_position(c)) > 0 && _az_json_cursor_has_byte(c)) {
                uint8_t utf8[UTF8_SIZE_MAX];
                int32_t n;

                if (*c->p != '\\' && n_free > 0) {
                        n = copy_plain(c, to, n_left < n_free ? n_left : n_free);
                } else {
                        az_result result = read_unescaped(c, utf8, &n);

                        if (az_result_failed(result))
                                return result;
                        if (n > n_free)
                                return AZ_ERROR_NOT_ENOUGH_SPACE;
                        memcpy(to, utf8, (size_t) n);
                }
                to += n;
                n_free -= n;
        }

        *out_length = az_span_size(destination) - n_free;
        return AZ_OK;
}

az_result az_json_token_get_string(az_json_token const *json_token, char *destination,
                                   int32_t destination_max_size, int32_t *out_string_length) {
        az_span text;
        int32_t length;

        _az_PRECONDITION_NOT_NULL(json_token);
        _az_PRECONDITION_NOT_NULL(destination);
        _az_PRECONDITION(destination_max_size >= 1);

        if (!is_string(json_token))
                return AZ_ERROR_JSON_INVALID_STATE;

        text = az_span_create((uint8_t *) destination, destination_max_size - 1);
        if (json_token->_internal.has_escapes) {
                _az_json_cursor c = cursor_over_token(json_token);
                az_result result = unescape(&c, json_token->size, text, &length);

                if (az_result_failed(result))
                        return result;
        } else {
                length = json_token->size;
                if (length > az_span_size(text))
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
                (void) az_json_token_copy_into_span(json_token, text);
        }

        destination[length] = '\0';
        if (out_string_length != NULL)
                *out_string_length = length;
        return AZ_OK;
}

bool az_json_token_is_text_equal(az_json_token const *json_token, az_span expected_text) {
        _az_json_cursor c;

        _az_PRECONDITION_NOT_NULL(json_token);
        _az_PRECONDITION_VALID_SPAN(expected_text, 0);

        if (!is_string(json_token))
                return false;
        if (!json_token->_internal.has_escapes && !json_token->_internal.straddles)
                return az_span_is_content_equal(json_token->slice, expected_text);

        c = cursor_over_token(json_token);
        while (_az_json_cursor_position(&c) < json_token->size && _az_json_cursor_has_byte(&c)) {
                uint8_t utf8[UTF8_SIZE_MAX];
                int32_t n;

                if (az_result_failed(read_unescaped(&c, utf8, &n)) || n > az_span_size(expected_text) ||
                    memcmp(az_span_ptr(expected_text), utf8, (size_t) n) != 0)
                        return false;
                expected_text = az_span_slice_to_end(expected_text, n);
        }
        return az_span_size(expected_text) == 0;
}

az_span az_json_string_unescape(az_span json_string, az_span destination) {
        _az_json_cursor c;
        int32_t length;
        az_result result;

        _az_PRECONDITION_VALID_SPAN(json_string, 0);
        _az_PRECONDITION_VALID_SPAN(destination, 0);

        c = _az_json_cursor_create(json_string);
        result = unescape(&c, az_span_size(json_string), destination, &length);
        _az_PRECONDITION(result != AZ_ERROR_NOT_ENOUGH_SPACE);
        return az_result_succeeded(result) ? az_span_slice(destination, 0, length) : AZ_SPAN_EMPTY;
}

az_result az_json_token_get_boolean(az_json_token const *json_token, bool *out_value) {
        _az_PRECONDITION_NOT_NULL(json_token);
        _az_PRECONDITION_NOT_NULL(out_value);

        if (json_token->kind != AZ_JSON_TOKEN_TRUE && json_token->kind != AZ_JSON_TOKEN_FALSE)
                return AZ_ERROR_JSON_INVALID_STATE;
        *out_value = json_token->kind == AZ_JSON_TOKEN_TRUE;
        return AZ_OK;
}

/* 'buffer' holds the text if it straddles chunks. */
static az_result get_number_text(az_json_token const *token, uint8_t *buffer, az_span *out_text) {
        _az_PRECONDITION_NOT_NULL(token);

        if (token->kind != AZ_JSON_TOKEN_NUMBER)
                return AZ_ERROR_JSON_INVALID_STATE;
        if (!token->_internal.straddles) {
                *out_text = token->slice;
                return AZ_OK;
        }
        if (token->size > STRADDLING_NUMBER_MAX)
                return AZ_ERROR_NOT_SUPPORTED;
        *out_text = az_span_create(buffer, token->size);
        (void) az_json_token_copy_into_span(token, *out_text);
        return AZ_OK;
}

az_result az_json_token_get_uint64(az_json_token const *json_token, uint64_t *out_value) {
        uint8_t buffer[STRADDLING_NUMBER_MAX];
        az_span text;
        az_result result = get_number_text(json_token, buffer, &text);

        return az_result_failed(result) ? result : az_span_atou64(text, out_value);
}

az_result az_json_token_get_uint32(az_json_token const *json_token, uint32_t *out_value) {
        uint8_t buffer[STRADDLING_NUMBER_MAX];
        az_span text;
        az_result result = get_number_text(json_token, buffer, &text);

        return az_result_failed(result) ? result : az_span_atou32(text, out_value);
}

az_result az_json_token_get_int64(az_json_token const *json_token, int64_t *out_value) {
        uint8_t buffer[STRADDLING_NUMBER_MAX];
        az_span text;
        az_result result = get_number_text(json_token, buffer, &text);

        return az_result_failed(result) ? result : az_span_atoi64(text, out_value);
}

az_result az_json_token_get_int32(az_json_token const *json_token, int32_t *out_value) {
        uint8_t buffer[STRADDLING_NUMBER_MAX];
        az_span text;
        az_result result = get_number_text(json_token, buffer, &text);

        return az_result_failed(result) ? result : az_span_atoi32(text, out_value);
}

az_result az_json_token_get_double(az_json_token const *json_token, double *out_value) {
        uint8_t buffer[STRADDLING_NUMBER_MAX];
        az_span text;
        az_result result = get_number_text(json_token, buffer, &text);

        return az_result_failed(result) ? result : az_span_atod(text, out_value);
}
