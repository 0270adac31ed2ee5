/* SPDX-License-Identifier: MIT */

#include <azure/core/az_json.h>

#include <azure/core/az_json_internal.h>
#include <azure/core/az_precondition_internal.h>

az_result az_json_writer_init(az_json_writer *out_json_writer, az_span destination_buffer,
                              az_json_writer_options const *options) {
        _az_PRECONDITION_NOT_NULL(out_json_writer);
        _az_PRECONDITION_VALID_SPAN(destination_buffer, 0);
        (void) options;

        *out_json_writer = (az_json_writer){ ._internal = { .destination = destination_buffer } };
        return AZ_OK;
}

az_result az_json_writer_chunked_init(az_json_writer *out_json_writer, az_span first_destination_buffer,
                                      az_span_allocator_fn allocator_callback, void *user_context,
                                      az_json_writer_options const *options) {
        _az_PRECONDITION_NOT_NULL(out_json_writer);
        _az_PRECONDITION_VALID_SPAN(first_destination_buffer, 0);
        _az_PRECONDITION_NOT_NULL(allocator_callback);
        (void) options;

        *out_json_writer = (az_json_writer) {
                ._internal = {
                        .destination = first_destination_buffer,
                        .allocator = allocator_callback,
                        .user_context = user_context,
                },
        };
        return AZ_OK;
}

static az_result next_buffer(az_json_writer *w) {
        az_span_allocator_context context = {
                .user_context = w->_internal.user_context,
                .bytes_used = w->_internal.bytes_written,
                .minimum_required_size = 1,
        };
        az_span buffer = AZ_SPAN_EMPTY;
        az_result result = w->_internal.allocator(&context, &buffer);

        if (az_result_failed(result))
                return result;
        if (az_span_size(buffer) < 1)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        w->_internal.destination = buffer;
        w->_internal.bytes_written = 0;
        return AZ_OK;
}

/* Writes to as many buffers as it takes. */
static az_result put_in_pieces(az_json_writer *w, uint8_t const *text, int32_t size) {
        while (size > 0) {
                int32_t n_left = az_span_size(w->_internal.destination) - w->_internal.bytes_written;
                int32_t n = size < n_left ? size : n_left;

                if (n == 0) {
                        az_result result = next_buffer(w);

                        if (az_result_failed(result))
                                return result;
                        continue;
                }
                memcpy(az_span_ptr(w->_internal.destination) + w->_internal.bytes_written, text, (size_t) n);
                text += n;
                size -= n;
                w->_internal.bytes_written += n;
                w->total_bytes_written += n;
        }
        return AZ_OK;
}

/* Writes what fits, as begin_item() found; in chunked mode the buffer may still end within it. */
static inline az_result put(az_json_writer *w, void const *text, int32_t size) {
        if (size > az_span_size(w->_internal.destination) - w->_internal.bytes_written)
                return put_in_pieces(w, text, size);
        if (size > 0)
                memcpy(az_span_ptr(w->_internal.destination) + w->_internal.bytes_written, text,
                       (size_t) size);
        w->_internal.bytes_written += size;
        w->total_bytes_written += size;
        return AZ_OK;
}

static az_result put_byte(az_json_writer *w, uint8_t byte) {
        return put(w, &byte, 1);
}

/* Checks that a further 'size' bytes fit, as far as that can be known. */
static az_result check_space(az_json_writer const *w, int64_t size) {
        if (size > INT32_MAX - w->total_bytes_written)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (w->_internal.allocator == NULL &&
            size > az_span_size(w->_internal.destination) - w->_internal.bytes_written)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        return AZ_OK;
}

/* Checks that a name or a value of 'size' bytes may stand here and fits, and writes the comma before it. */
static az_result begin_item(az_json_writer *w, bool is_name, int64_t size) {
        _az_json_state const *state = &w->_internal.state;
        bool is_next = state->expects == _az_JSON_EXPECTS_NEXT;
        bool name_expected = _az_json_state_in_object(state) && state->expects != _az_JSON_EXPECTS_MEMBER;
        az_result result;

        if (state->expects == _az_JSON_EXPECTS_NOTHING || name_expected != is_name)
                return AZ_ERROR_JSON_INVALID_STATE;
        result = check_space(w, size + (is_next ? 1 : 0));
        if (az_result_failed(result) || !is_next)
                return result;
        return put_byte(w, ',');
}

static az_result append_value(az_json_writer *w, az_span text) {
        az_result result = begin_item(w, false, az_span_size(text));

        if (az_result_succeeded(result))
                result = put(w, az_span_ptr(text), az_span_size(text));
        if (az_result_succeeded(result))
                _az_json_state_end_value(&w->_internal.state);
        return result;
}

static bool is_escaped(uint8_t byte) {
        return _az_json_string_bytes[byte] != _az_JSON_BYTE_PLAIN &&
               _az_json_string_bytes[byte] != _az_JSON_BYTE_UTF8;
}

/* Writes the escape sequence of 'byte' to 'text'; returns its size. */
static int32_t escape(uint8_t byte, uint8_t *text) {
        static char const meanings[] = _az_JSON_MEANINGS, hex[] = "0123456789ABCDEF";
        char const *meaning = memchr(meanings, byte, sizeof(meanings) - 1);

        text[0] = '\\';
        if (meaning != NULL) {
                text[1] = (uint8_t) _az_JSON_ESCAPES[meaning - meanings];
                return 2;
        }
        text[1] = 'u';
        text[2] = '0';
        text[3] = '0';
        text[4] = (uint8_t) hex[byte >> 4];
        text[5] = (uint8_t) hex[byte & 0xF];
        return 6;
}

/* Looks at each byte once: how much room does the text take? UNEXPECTED_CHAR: it is not UTF-8. */
static az_result measure(az_span text, int64_t *out_size) {
        uint8_t const *p = az_span_ptr(text), *end = _az_json_end_of(text);
        int64_t size = az_span_size(text);
        bool is_ascii = true;

        while ((p = _az_json_skip_plain(p, end)) < end) {
                uint8_t escaped[6];

                if (is_escaped(*p))
                        size += escape(*p, escaped) - 1;
                else
                        is_ascii = false;
                p++;
        }

        *out_size = size;
        return is_ascii || az_span_is_valid_utf8(text) ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR;
}

static az_result put_escaped(az_json_writer *w, az_span text) {
        uint8_t const *p = az_span_ptr(text), *end = _az_json_end_of(text);
        az_result result = AZ_OK;

        while (p < end && az_result_succeeded(result)) {
                uint8_t const *first = p;
                uint8_t escaped[6];

                while (p < end && !is_escaped(*p))
                        p++;
                if (p > first)
                        result = put(w, first, (int32_t) (p - first));
                else
                        result = put(w, escaped, escape(*p++, escaped));
        }
        return result;
}

/* Writes a name or a string in quotes. */
static az_result append_text(az_json_writer *w, az_span text, bool is_name) {
        int64_t size;
        az_result result = measure(text, &size);

        if (az_result_succeeded(result))
                result = begin_item(w, is_name, size + (is_name ? 3 : 2));
        if (az_result_succeeded(result))
                result = put_byte(w, '"');
        if (az_result_succeeded(result))
                result = size == az_span_size(text) ? put(w, az_span_ptr(text), az_span_size(text))
                                                    : put_escaped(w, text);
        if (az_result_succeeded(result))
                result = is_name ? put(w, "\":", 2) : put_byte(w, '"');
        return result;
}

az_result az_json_writer_append_string(az_json_writer *ref_json_writer, az_span value) {
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_writer);
        _az_PRECONDITION_VALID_SPAN(value, 0);

        result = append_text(ref_json_writer, value, false);
        if (az_result_succeeded(result))
                _az_json_state_end_value(&ref_json_writer->_internal.state);
        return result;
}

az_result az_json_writer_append_property_name(az_json_writer *ref_json_writer, az_span name) {
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_writer);
        _az_PRECONDITION_VALID_SPAN(name, 0);

        result = append_text(ref_json_writer, name, true);
        if (az_result_succeeded(result))
                ref_json_writer->_internal.state.expects = _az_JSON_EXPECTS_MEMBER;
        return result;
}

/* Checks that the text is a value that may stand in so many levels. */
static az_result check_json_text(az_span json_text, int32_t depth) {
        az_json_reader reader;
        az_result result = az_json_reader_init(&reader, json_text, NULL);

        while (az_result_succeeded(result)) {
                result = az_json_reader_next_token(&reader);
                if (az_result_succeeded(result) && reader._internal.state.depth > AZ_JSON_NESTING_MAX - depth)
                        return AZ_ERROR_JSON_NESTING_OVERFLOW;
        }
        return result == AZ_ERROR_JSON_READER_DONE ? AZ_OK : result;
}

az_result az_json_writer_append_json_text(az_json_writer *ref_json_writer, az_span json_text) {
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_writer);
        _az_PRECONDITION_VALID_SPAN(json_text, 0);

        result = check_json_text(json_text, ref_json_writer->_internal.state.depth);
        return az_result_failed(result) ? result : append_value(ref_json_writer, json_text);
}

az_result az_json_writer_append_bool(az_json_writer *ref_json_writer, bool value) {
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        return append_value(ref_json_writer, value ? AZ_SPAN_FROM_STR("true") : AZ_SPAN_FROM_STR("false"));
}

az_result az_json_writer_append_null(az_json_writer *ref_json_writer) {
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        return append_value(ref_json_writer, AZ_SPAN_FROM_STR("null"));
}

az_result az_json_writer_append_int32(az_json_writer *ref_json_writer, int32_t value) {
        uint8_t buffer[11];
        az_span text = AZ_SPAN_FROM_BUFFER(buffer), rest;
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        result = az_span_i32toa(text, value, &rest);
        if (az_result_failed(result))
                return result;
        return append_value(ref_json_writer, az_span_slice(text, 0, az_span_size(text) - az_span_size(rest)));
}

az_result az_json_writer_append_double(az_json_writer *ref_json_writer, double value,
                                       int32_t fractional_digits) {
        uint8_t buffer[33];
        az_span text = AZ_SPAN_FROM_BUFFER(buffer), rest;
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        result = az_span_dtoa(text, value, fractional_digits, &rest);
        if (az_result_failed(result))
                return result;
        return append_value(ref_json_writer, az_span_slice(text, 0, az_span_size(text) - az_span_size(rest)));
}

static az_result append_begin(az_json_writer *w, bool is_object) {
        _az_json_state state;
        az_result result;

        _az_PRECONDITION_NOT_NULL(w);

        state = w->_internal.state;
        result = _az_json_state_push(&state, is_object);
        if (az_result_succeeded(result))
                result = begin_item(w, false, 1);
        if (az_result_succeeded(result))
                result = put_byte(w, is_object ? '{' : '[');
        if (az_result_succeeded(result))
                w->_internal.state = state;
        return result;
}

static az_result append_end(az_json_writer *w, bool is_object) {
        _az_json_state *state;
        az_result result;

        _az_PRECONDITION_NOT_NULL(w);

        state = &w->_internal.state;
        if (state->depth == 0 || state->expects == _az_JSON_EXPECTS_MEMBER ||
            _az_json_state_in_object(state) != is_object)
                return AZ_ERROR_JSON_INVALID_STATE;
        result = check_space(w, 1);
        if (az_result_succeeded(result))
                result = put_byte(w, is_object ? '}' : ']');
        if (az_result_succeeded(result))
                _az_json_state_pop(state);
        return result;
}

az_result az_json_writer_append_begin_object(az_json_writer *ref_json_writer) {
        return append_begin(ref_json_writer, true);
}

az_result az_json_writer_append_begin_array(az_json_writer *ref_json_writer) {
        return append_begin(ref_json_writer, false);
}

az_result az_json_writer_append_end_object(az_json_writer *ref_json_writer) {
        return append_end(ref_json_writer, true);
}

az_result az_json_writer_append_end_array(az_json_writer *ref_json_writer) {
        return append_end(ref_json_writer, false);
}
