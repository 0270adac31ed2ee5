/* SPDX-License-Identifier: MIT */

/*
 * The reader walks a cursor over the text. Within a chunk the cursor is a pointer; where the chunk ends it
 * moves to the next one, if there is one: a text in one buffer is a text in one chunk. Each call reads one
 * token with a copy of the reader's state, and keeps the copy only if the token was good.
 */

#include <azure/core/az_json.h>

#include <azure/core/az_json_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

#define QUOTE      _az_JSON_BYTE_QUOTE
#define ESCAPE     _az_JSON_BYTE_ESCAPE
#define CONTROL    _az_JSON_BYTE_CONTROL
#define CONTROL_8  CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL
#define CONTROL_32 CONTROL_8, CONTROL_8, CONTROL_8, CONTROL_8
#define UTF8       _az_JSON_BYTE_UTF8
#define UTF8_8     UTF8, UTF8, UTF8, UTF8, UTF8, UTF8, UTF8, UTF8
#define UTF8_32    UTF8_8, UTF8_8, UTF8_8, UTF8_8

uint8_t const _az_json_string_bytes[256] = {
        CONTROL_32, ['"'] = QUOTE, ['\\'] = ESCAPE, [0x80] = UTF8_32, UTF8_32, UTF8_32, UTF8_32,
};

bool _az_json_cursor_next_chunk(_az_json_cursor *ref_cursor) {
        while (ref_cursor->chunk_index + 1 < ref_cursor->n_chunks) {
                az_span chunk = ref_cursor->chunks[++ref_cursor->chunk_index];

                if (az_span_size(chunk) == 0)
                        continue;
                ref_cursor->n_passed += (int32_t) (ref_cursor->end - ref_cursor->start);
                ref_cursor->start = ref_cursor->p = az_span_ptr(chunk);
                ref_cursor->end = ref_cursor->start + az_span_size(chunk);
                return true;
        }
        return false;
}

/* Moves to the next byte that is no white space; false: there is none. */
static inline bool skip_white_space(_az_json_cursor *c) {
        while (_az_json_cursor_has_byte(c)) {
                if (*c->p > ' ' || (*c->p != ' ' && *c->p != '\n' && *c->p != '\r' && *c->p != '\t'))
                        return true;
                c->p++;
        }
        return false;
}

static az_result skip_text(_az_json_cursor *c, char const *text) {
        for (; *text != '\0'; text++, c->p++) {
                if (!_az_json_cursor_has_byte(c))
                        return AZ_ERROR_UNEXPECTED_END;
                if (*c->p != (uint8_t) *text)
                        return AZ_ERROR_UNEXPECTED_CHAR;
        }
        return AZ_OK;
}

static az_result skip_utf8(_az_json_cursor *c) {
        uint8_t low, high;
        int32_t n = _az_utf8_continuation(*c->p++, &low, &high);

        if (n < 0)
                return AZ_ERROR_UNEXPECTED_CHAR;
        for (; n > 0; n--, c->p++) {
                if (!_az_json_cursor_has_byte(c))
                        return AZ_ERROR_UNEXPECTED_END;
                if (*c->p < low || *c->p > high)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                low = 0x80;
                high = 0xBF;
        }
        return AZ_OK;
}

static az_result read_4_hex_digits(_az_json_cursor *c, uint32_t *out_unit) {
        uint32_t unit = 0;

        for (int32_t i = 0; i < 4; i++, c->p++) {
                int32_t digit;

                if (!_az_json_cursor_has_byte(c))
                        return AZ_ERROR_UNEXPECTED_END;
                digit = _az_hex_digit_value(*c->p);
                if (digit < 0)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                unit = unit << 4 | (uint32_t) digit;
        }

        *out_unit = unit;
        return AZ_OK;
}

az_result _az_json_read_escape(_az_json_cursor *ref_cursor, uint32_t *out_code_point) {
        static char const escapes[] = _az_JSON_ESCAPES;
        uint32_t high, low;
        az_result result;

        ref_cursor->p++;
        if (!_az_json_cursor_has_byte(ref_cursor))
                return AZ_ERROR_UNEXPECTED_END;
        if (*ref_cursor->p != 'u') {
                char const *escape = memchr(escapes, *ref_cursor->p, sizeof(escapes) - 1);

                if (escape == NULL)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                ref_cursor->p++;
                *out_code_point = (uint32_t) _az_JSON_MEANINGS[escape - escapes];
                return AZ_OK;
        }

        ref_cursor->p++;
        result = read_4_hex_digits(ref_cursor, &high);
        if (az_result_failed(result))
                return result;
        if (high < 0xD800 || high > 0xDFFF) {
                *out_code_point = high;
                return AZ_OK;
        }
        if (high > 0xDBFF)
                return AZ_ERROR_UNEXPECTED_CHAR;

        result = skip_text(ref_cursor, "\\u");
        if (az_result_failed(result))
                return result;
        result = read_4_hex_digits(ref_cursor, &low);
        if (az_result_failed(result))
                return result;
        if (low < 0xDC00 || low > 0xDFFF)
                return AZ_ERROR_UNEXPECTED_CHAR;
        *out_code_point = 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
        return AZ_OK;
}

/* Moves to the closing quote. */
static az_result skip_string(_az_json_cursor *c, bool *out_has_escapes) {
        *out_has_escapes = false;
        for (;;) {
                uint32_t code_point;
                az_result result = AZ_OK;

                c->p = _az_json_skip_plain(c->p, c->end);
                if (!_az_json_cursor_has_byte(c))
                        return AZ_ERROR_UNEXPECTED_END;

                switch (_az_json_string_bytes[*c->p]) {
                case QUOTE:
                        return AZ_OK;
                case ESCAPE:
                        *out_has_escapes = true;
                        result = _az_json_read_escape(c, &code_point);
                        break;
                case UTF8:
                        result = skip_utf8(c);
                        break;
                case CONTROL:
                        return AZ_ERROR_UNEXPECTED_CHAR;
                }
                if (az_result_failed(result))
                        return result;
        }
}

static bool is_digit(uint8_t byte) {
        return byte >= '0' && byte <= '9';
}

static az_result skip_digits(_az_json_cursor *c) {
        if (!_az_json_cursor_has_byte(c))
                return AZ_ERROR_UNEXPECTED_END;
        if (!is_digit(*c->p))
                return AZ_ERROR_UNEXPECTED_CHAR;
        do
                c->p++;
        while (_az_json_cursor_has_byte(c) && is_digit(*c->p));
        return AZ_OK;
}

/* Moves over the byte if it is one of the two. */
static bool skip_either(_az_json_cursor *c, uint8_t a, uint8_t b) {
        bool found = _az_json_cursor_has_byte(c) && (*c->p == a || *c->p == b);

        if (found)
                c->p++;
        return found;
}

static az_result skip_number(_az_json_cursor *c) {
        az_result result;

        (void) skip_either(c, '-', '-');
        result = skip_either(c, '0', '0') ? AZ_OK : skip_digits(c);
        if (az_result_succeeded(result) && skip_either(c, '.', '.'))
                result = skip_digits(c);
        if (az_result_succeeded(result) && skip_either(c, 'e', 'E')) {
                (void) skip_either(c, '+', '-');
                result = skip_digits(c);
        }
        return result;
}

/* A number or literal must not run into something else. */
static az_result check_scalar_end(_az_json_cursor *c) {
        if (!_az_json_cursor_has_byte(c))
                return AZ_OK;
        switch (*c->p) {
        case ',':
        case ']':
        case '}':
        case ' ':
        case '\n':
        case '\r':
        case '\t':
                return AZ_OK;
        default:
                return AZ_ERROR_UNEXPECTED_CHAR;
        }
}

static bool is_begin(az_json_token_kind kind) {
        return kind == AZ_JSON_TOKEN_BEGIN_OBJECT || kind == AZ_JSON_TOKEN_BEGIN_ARRAY;
}

/* The token from 'first' to 'last', which may lie in different chunks. */
static void set_token_across(az_json_token *token, _az_json_cursor const *first,
                             _az_json_cursor const *last) {
        token->size = _az_json_cursor_position(last) - _az_json_cursor_position(first);
        token->_internal.straddles = token->size > first->end - first->p;
        if (!token->_internal.straddles) {
                token->slice = _az_span_of((uint8_t *) first->p, token->size);
                return;
        }

        token->slice = _az_span_of((uint8_t *) last->start, (int32_t) (last->p - last->start));
        token->_internal.first_chunk = first->chunk_index;
        token->_internal.first_offset = (int32_t) (first->p - first->start);
        token->_internal.last_chunk = last->chunk_index;
        token->_internal.chunks = first->chunks;
}

static inline void set_token(az_json_token *token, az_json_token_kind kind, bool has_escapes,
                             _az_json_cursor const *first, _az_json_cursor const *last) {
        token->kind = kind;
        token->_internal.has_escapes = has_escapes;
        if (first->chunk_index != last->chunk_index) {
                set_token_across(token, first, last);
                return;
        }

        token->size = (int32_t) (last->p - first->p);
        token->slice = _az_span_of((uint8_t *) first->p, token->size);
        token->_internal.straddles = false;
}

static az_result read_bracket(_az_json_cursor *c, az_json_token_kind kind, az_json_token *out_token) {
        _az_json_cursor first = *c;

        c->p++;
        set_token(out_token, kind, false, &first, c);
        return AZ_OK;
}

static az_result read_string(_az_json_cursor *c, az_json_token_kind kind, az_json_token *out_token) {
        _az_json_cursor first;
        bool has_escapes;
        az_result result;

        c->p++;
        if (!_az_json_cursor_has_byte(c))
                return AZ_ERROR_UNEXPECTED_END;
        first = *c;
        result = skip_string(c, &has_escapes);
        if (az_result_failed(result))
                return result;
        set_token(out_token, kind, has_escapes, &first, c);
        c->p++;
        return AZ_OK;
}

/* A number, or the literal 'text'. */
static az_result read_scalar(_az_json_cursor *c, az_json_token_kind kind, char const *text,
                             az_json_token *out_token) {
        _az_json_cursor first = *c, last;
        az_result result = kind == AZ_JSON_TOKEN_NUMBER ? skip_number(c) : skip_text(c, text);

        if (az_result_failed(result))
                return result;
        last = *c;
        result = check_scalar_end(c);
        if (az_result_succeeded(result))
                set_token(out_token, kind, false, &first, &last);
        return result;
}

static az_result read_value(_az_json_cursor *c, _az_json_state *state, az_json_token *out_token) {
        az_result result;

        switch (*c->p) {
        case '{':
        case '[':
                result = _az_json_state_push(state, *c->p == '{');
                if (az_result_failed(result))
                        return result;
                return read_bracket(c, *c->p == '{' ? AZ_JSON_TOKEN_BEGIN_OBJECT : AZ_JSON_TOKEN_BEGIN_ARRAY,
                                    out_token);
        case '"':
                result = read_string(c, AZ_JSON_TOKEN_STRING, out_token);
                break;
        case 't':
                result = read_scalar(c, AZ_JSON_TOKEN_TRUE, "true", out_token);
                break;
        case 'f':
                result = read_scalar(c, AZ_JSON_TOKEN_FALSE, "false", out_token);
                break;
        case 'n':
                result = read_scalar(c, AZ_JSON_TOKEN_NULL, "null", out_token);
                break;
        default:
                result = read_scalar(c, AZ_JSON_TOKEN_NUMBER, NULL, out_token);
                break;
        }
        if (az_result_succeeded(result))
                _az_json_state_end_value(state);
        return result;
}

static az_result read_name(_az_json_cursor *c, _az_json_state *state, az_json_token *out_token) {
        if (*c->p != '"')
                return AZ_ERROR_UNEXPECTED_CHAR;
        state->expects = _az_JSON_EXPECTS_MEMBER;
        return read_string(c, AZ_JSON_TOKEN_PROPERTY_NAME, out_token);
}

static az_result read_end(_az_json_cursor *c, _az_json_state *state, az_json_token *out_token) {
        bool in_object = _az_json_state_in_object(state);

        if (*c->p != (in_object ? '}' : ']'))
                return AZ_ERROR_UNEXPECTED_CHAR;
        _az_json_state_pop(state);
        return read_bracket(c, in_object ? AZ_JSON_TOKEN_END_OBJECT : AZ_JSON_TOKEN_END_ARRAY, out_token);
}

/* Moves over the comma or colon before an item, and the white space around it. */
static az_result skip_separator(_az_json_cursor *c, uint8_t separator) {
        if (*c->p != separator)
                return AZ_ERROR_UNEXPECTED_CHAR;
        c->p++;
        return skip_white_space(c) ? AZ_OK : AZ_ERROR_UNEXPECTED_END;
}

static az_result read_token(_az_json_cursor *c, _az_json_state *state, az_json_token *out_token) {
        az_result result;

        if (!skip_white_space(c))
                return state->expects == _az_JSON_EXPECTS_NOTHING ? AZ_ERROR_JSON_READER_DONE
                                                                  : AZ_ERROR_UNEXPECTED_END;

        switch (state->expects) {
        case _az_JSON_EXPECTS_NOTHING:
                return AZ_ERROR_UNEXPECTED_CHAR;
        case _az_JSON_EXPECTS_FIRST:
                if (*c->p == '}' || *c->p == ']')
                        return read_end(c, state, out_token);
                break;
        case _az_JSON_EXPECTS_NEXT:
                if (*c->p == '}' || *c->p == ']')
                        return read_end(c, state, out_token);
                result = skip_separator(c, ',');
                if (az_result_failed(result))
                        return result;
                break;
        case _az_JSON_EXPECTS_MEMBER:
                result = skip_separator(c, ':');
                return az_result_failed(result) ? result : read_value(c, state, out_token);
        }
        return _az_json_state_in_object(state) ? read_name(c, state, out_token)
                                               : read_value(c, state, out_token);
}

az_result az_json_reader_init(az_json_reader *out_json_reader, az_span json_buffer,
                              az_json_reader_options const *options) {
        _az_PRECONDITION_NOT_NULL(out_json_reader);
        _az_PRECONDITION_VALID_SPAN(json_buffer, 0);
        (void) options;

        *out_json_reader = (az_json_reader){ ._internal = { .cursor = _az_json_cursor_create(json_buffer) } };
        return az_span_size(json_buffer) > 0 ? AZ_OK : AZ_ERROR_UNEXPECTED_END;
}

az_result az_json_reader_chunked_init(az_json_reader *out_json_reader, az_span json_buffers[],
                                      int32_t number_of_buffers, az_json_reader_options const *options) {
        int64_t size = 0;

        _az_PRECONDITION_NOT_NULL(out_json_reader);
        _az_PRECONDITION_NOT_NULL(json_buffers);
        _az_PRECONDITION(number_of_buffers >= 1);
        (void) options;

        *out_json_reader =
                (az_json_reader){ ._internal = { .cursor = _az_json_cursor_create(json_buffers[0]) } };
        out_json_reader->_internal.cursor.chunks = json_buffers;
        out_json_reader->_internal.cursor.n_chunks = number_of_buffers;

        for (int32_t i = 0; i < number_of_buffers; i++) {
                _az_PRECONDITION_VALID_SPAN(json_buffers[i], 0);
                size += az_span_size(json_buffers[i]);
        }
        if (size > INT32_MAX)
                return AZ_ERROR_NOT_SUPPORTED;
        return size > 0 ? AZ_OK : AZ_ERROR_UNEXPECTED_END;
}

az_result az_json_reader_next_token(az_json_reader *ref_json_reader) {
        _az_json_cursor c;
        _az_json_state state;
        az_result result;

        _az_PRECONDITION_NOT_NULL(ref_json_reader);

        c = ref_json_reader->_internal.cursor;
        state = ref_json_reader->_internal.state;
        result = read_token(&c, &state, &ref_json_reader->token);
        if (az_result_failed(result))
                return result;

        ref_json_reader->_internal.cursor = c;
        ref_json_reader->_internal.state = state;
        ref_json_reader->current_depth =
                is_begin(ref_json_reader->token.kind) ? state.depth - 1 : state.depth;
        return AZ_OK;
}

az_result az_json_reader_skip_children(az_json_reader *ref_json_reader) {
        az_result result = AZ_OK;
        int32_t depth;

        _az_PRECONDITION_NOT_NULL(ref_json_reader);

        if (ref_json_reader->token.kind == AZ_JSON_TOKEN_PROPERTY_NAME)
                result = az_json_reader_next_token(ref_json_reader);
        if (az_result_failed(result) || !is_begin(ref_json_reader->token.kind))
                return result;

        depth = ref_json_reader->current_depth;
        do
                result = az_json_reader_next_token(ref_json_reader);
        while (az_result_succeeded(result) && ref_json_reader->current_depth > depth);
        return result;
}

az_result az_json_reader_read_value_text(az_json_reader *ref_json_reader, az_span *out_json_text) {
        az_json_token_kind kind;
        az_result result = AZ_OK;
        uint8_t *first;

        _az_PRECONDITION_NOT_NULL(ref_json_reader);
        _az_PRECONDITION_NOT_NULL(out_json_text);

        if (ref_json_reader->_internal.cursor.chunks != NULL)
                return AZ_ERROR_NOT_SUPPORTED;
        if (ref_json_reader->token.kind == AZ_JSON_TOKEN_PROPERTY_NAME)
                result = az_json_reader_next_token(ref_json_reader);
        if (az_result_failed(result))
                return result;
        kind = ref_json_reader->token.kind;
        if (kind == AZ_JSON_TOKEN_NONE || kind == AZ_JSON_TOKEN_END_OBJECT || kind == AZ_JSON_TOKEN_END_ARRAY)
                return AZ_ERROR_JSON_INVALID_STATE;

        first = az_span_ptr(ref_json_reader->token.slice) -
                (kind == AZ_JSON_TOKEN_STRING ? 1 : 0); /* its quote */
        result = az_json_reader_skip_children(ref_json_reader);
        if (az_result_failed(result))
                return result;
        *out_json_text = az_span_create(first, (int32_t) (ref_json_reader->_internal.cursor.p - first));
        return AZ_OK;
}

az_result az_json_validate(az_span json_text) {
        az_json_reader reader;
        az_result result = az_json_reader_init(&reader, json_text, NULL);

        while (az_result_succeeded(result))
                result = az_json_reader_next_token(&reader);
        return result == AZ_ERROR_JSON_READER_DONE ? AZ_OK : result;
}
