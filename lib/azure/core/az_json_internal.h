/* SPDX-License-Identifier: MIT */

/* What the JSON reader, the token getters and the JSON writer share. */

#ifndef _az_JSON_INTERNAL_H
#define _az_JSON_INTERNAL_H

#include <azure/core/az_json.h>

/* What may come next: 'expects' of _az_json_state. */
enum {
        _az_JSON_EXPECTS_VALUE,   /* the outermost one */
        _az_JSON_EXPECTS_FIRST,   /* the first item or name of a container, or its end */
        _az_JSON_EXPECTS_NEXT,    /* a further one, behind a comma, or the end */
        _az_JSON_EXPECTS_MEMBER,  /* the value that belongs to a name, behind a colon */
        _az_JSON_EXPECTS_NOTHING, /* the outermost value is complete */
};

AZ_NODISCARD AZ_INLINE bool _az_json_state_in_object(_az_json_state const *state) {
        return state->depth > 0 && (state->nesting & 1) != 0;
}

/* A value is complete. */
AZ_INLINE void _az_json_state_end_value(_az_json_state *ref_state) {
        ref_state->expects = ref_state->depth > 0 ? _az_JSON_EXPECTS_NEXT : _az_JSON_EXPECTS_NOTHING;
}

AZ_NODISCARD AZ_INLINE az_result _az_json_state_push(_az_json_state *ref_state, bool is_object) {
        if (ref_state->depth == AZ_JSON_NESTING_MAX)
                return AZ_ERROR_JSON_NESTING_OVERFLOW;

        ref_state->nesting = ref_state->nesting << 1 | (is_object ? 1 : 0);
        ref_state->depth++;
        ref_state->expects = _az_JSON_EXPECTS_FIRST;
        return AZ_OK;
}

AZ_INLINE void _az_json_state_pop(_az_json_state *ref_state) {
        ref_state->nesting >>= 1;
        ref_state->depth--;
        _az_json_state_end_value(ref_state);
}

/* What a byte within a string is. */
enum {
        _az_JSON_BYTE_PLAIN,
        _az_JSON_BYTE_QUOTE,
        _az_JSON_BYTE_ESCAPE,
        _az_JSON_BYTE_CONTROL, /* not allowed unescaped */
        _az_JSON_BYTE_UTF8,    /* not ASCII */
};

extern uint8_t const _az_json_string_bytes[256];

#define _az_JSON_EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether any of eight bytes may be other than plain; a few that are plain are taken for others. */
AZ_NODISCARD AZ_INLINE bool _az_json_may_end_plain(uint8_t const *p) {
        uint64_t bytes, below_space, quote, backslash;

        memcpy(&bytes, p, sizeof(bytes));
        below_space = bytes - _az_JSON_EACH_BYTE(0x20); /* the borrow sets the highest bit, or two of them */
        quote = (bytes ^ _az_JSON_EACH_BYTE('"')) - _az_JSON_EACH_BYTE(1);
        backslash = (bytes ^ _az_JSON_EACH_BYTE('\\')) - _az_JSON_EACH_BYTE(1);
        return ((bytes | below_space | quote | backslash) & _az_JSON_EACH_BYTE(0x80)) != 0;
}

/* Returns the first byte that is not plain, or 'end'. */
AZ_NODISCARD AZ_INLINE uint8_t const *_az_json_skip_plain(uint8_t const *p, uint8_t const *end) {
        while (end - p >= 8 && !_az_json_may_end_plain(p))
                p += 8;
        while (p < end && _az_json_string_bytes[*p] == _az_JSON_BYTE_PLAIN)
                p++;
        return p;
}

/* The characters that may stand behind a backslash, 'u' apart, and what they mean, in the same order. */
#define _az_JSON_ESCAPES  "\"\\/bfnrt"
#define _az_JSON_MEANINGS "\"\\/\b\f\n\r\t"

/* Returns the address behind a span; no arithmetic on the NULL that an empty one may have. */
AZ_NODISCARD AZ_INLINE uint8_t const *_az_json_end_of(az_span span) {
        return az_span_size(span) > 0 ? az_span_ptr(span) + az_span_size(span) : az_span_ptr(span);
}

/* Returns the start of a text of one chunk. */
AZ_NODISCARD AZ_INLINE _az_json_cursor _az_json_cursor_create(az_span chunk) {
        return (_az_json_cursor){
                .p = az_span_ptr(chunk),
                .start = az_span_ptr(chunk),
                .end = _az_json_end_of(chunk),
        };
}

/* Moves from the end of a chunk to the next one that has a byte; false: there is none. */
AZ_NODISCARD bool _az_json_cursor_next_chunk(_az_json_cursor *ref_cursor);

AZ_NODISCARD AZ_INLINE bool _az_json_cursor_has_byte(_az_json_cursor *ref_cursor) {
        return ref_cursor->p < ref_cursor->end || _az_json_cursor_next_chunk(ref_cursor);
}

AZ_NODISCARD AZ_INLINE int32_t _az_json_cursor_position(_az_json_cursor const *cursor) {
        return cursor->n_passed + (int32_t) (cursor->p - cursor->start);
}

/*
 * Reads an escape sequence, from its backslash on; of a character that takes two, both.
 *
 * UNEXPECTED_CHAR, UNEXPECTED_END: it is malformed, or half of a surrogate pair.
 */
AZ_NODISCARD az_result _az_json_read_escape(_az_json_cursor *ref_cursor, uint32_t *out_code_point);

#endif /* _az_JSON_INTERNAL_H */
