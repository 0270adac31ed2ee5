/* SPDX-License-Identifier: MIT */

/*
 * JSON (RFC 8259): a reader that returns one token at a time, getters for tokens, and a writer into a buffer.
 * None of them allocates; values pass through as the bytes they are.
 *
 * The reader is strict. It refuses invalid UTF-8, control characters and unknown escapes in strings,
 * surrogates without their other half, numbers with leading zeros, trailing commas, anything behind the
 * value, and more than AZ_JSON_NESTING_MAX levels. It never reads outside the buffers it was given. It does
 * not look for duplicate names and does not limit the size or precision of numbers: the getters say whether a
 * number fits their type.
 *
 * az_json_reader_read_value_text() and az_json_validate() are extensions; everything else is the API of the
 * Azure SDK for Embedded C. Preconditions of all functions: pointers are not NULL (unless said otherwise),
 * spans well formed.
 */

#ifndef _az_JSON_H
#define _az_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_config.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* What a token is. */
typedef enum {
        AZ_JSON_TOKEN_NONE, /* before the first token */
        AZ_JSON_TOKEN_BEGIN_OBJECT,
        AZ_JSON_TOKEN_END_OBJECT,
        AZ_JSON_TOKEN_BEGIN_ARRAY,
        AZ_JSON_TOKEN_END_ARRAY,
        AZ_JSON_TOKEN_PROPERTY_NAME,
        AZ_JSON_TOKEN_STRING,
        AZ_JSON_TOKEN_NUMBER,
        AZ_JSON_TOKEN_TRUE,
        AZ_JSON_TOKEN_FALSE,
        AZ_JSON_TOKEN_NULL
} az_json_token_kind;

/*
 * A token, to be read only. It points into the reader's buffers and may be copied.
 *
 *   slice  the bytes of the token in the buffer; strings and names with their escapes but without their
 *          quotes. If the token straddles chunks, the part in its last chunk: use the functions below
 *   size   the number of bytes of the whole token, that is of 'slice' unless it straddles chunks
 */
typedef struct {
        az_span slice;
        az_json_token_kind kind;
        int32_t size;
        struct {
                bool has_escapes;
                bool straddles;      /* only then have the others a meaning */
                int32_t first_chunk; /* index and offset of the first byte */
                int32_t first_offset;
                int32_t last_chunk;
                az_span const *chunks;
        } _internal;
} az_json_token;

/*
 * Copies the bytes of the token to the start of 'destination' and returns what is left of it. Precondition:
 * 'destination' has token->size bytes at least.
 */
az_span az_json_token_copy_into_span(az_json_token const *json_token, az_span destination);

/*
 * Get the value of a token. 'out_value' is written only on success.
 *
 * JSON_INVALID_STATE: the token is of another kind. UNEXPECTED_CHAR: the type cannot hold the number, or it
 * has a fraction or an exponent and the type is an integer ("1.0" and "1e3" are no integers here); for a
 * double: it would be infinite. NOT_SUPPORTED: a number of more than 128 bytes straddles chunks.
 */
AZ_NODISCARD az_result az_json_token_get_boolean(az_json_token const *json_token, bool *out_value);
AZ_NODISCARD az_result az_json_token_get_uint64(az_json_token const *json_token, uint64_t *out_value);
AZ_NODISCARD az_result az_json_token_get_uint32(az_json_token const *json_token, uint32_t *out_value);
AZ_NODISCARD az_result az_json_token_get_int64(az_json_token const *json_token, int64_t *out_value);
AZ_NODISCARD az_result az_json_token_get_int32(az_json_token const *json_token, int32_t *out_value);
AZ_NODISCARD az_result az_json_token_get_double(az_json_token const *json_token, double *out_value);

/*
 * Copies the text of a string or property name, escapes undone, to 'destination' and appends a NUL. The text
 * may itself contain NULs (\u0000): 'out_string_length' is the truth.
 *
 *   destination_max_size  bytes at 'destination'; token->size + 1 always suffices. Precondition: at least 1
 *   out_string_length     length without the NUL; may be NULL
 *
 * JSON_INVALID_STATE: the token is of another kind. NOT_ENOUGH_SPACE: text and NUL do not fit; what
 * 'destination' holds is undefined.
 */
AZ_NODISCARD az_result az_json_token_get_string(az_json_token const *json_token, char *destination,
                                                int32_t destination_max_size, int32_t *out_string_length);

/* Tells whether the token is a string or property name whose text, escapes undone, is 'expected_text'. */
AZ_NODISCARD bool az_json_token_is_text_equal(az_json_token const *json_token, az_span expected_text);

/*
 * Undoes the escapes of a string's text as a token's slice has it, without quotes.
 *
 *   destination  receives the text, without a NUL; may be the same memory as 'json_string'.
 *                Precondition: large enough for the text; the size of 'json_string' always suffices
 *
 * Returns the text, which is at the start of 'destination'; or the empty span if an escape is malformed, as
 * it cannot be in a token: then what 'destination' holds is undefined.
 */
AZ_NODISCARD az_span az_json_string_unescape(az_span json_string, az_span destination);

/* What to choose when reading: nothing yet. */
typedef struct {
        struct {
                bool unused;
        } _internal;
} az_json_reader_options;

/* Returns the default options. */
AZ_NODISCARD AZ_INLINE az_json_reader_options az_json_reader_options_default(void) {
        az_json_reader_options options = { { false } };

        return options;
}

/* Where a reader or writer stands in the grammar; private. */
typedef struct {
        uint64_t nesting; /* a bit for each open container, the innermost lowest: 1 is an object */
        int32_t depth;
        int32_t expects;
} _az_json_state;

/* A place in a text of one or several chunks, within a chunk or at its end; private. */
typedef struct {
        uint8_t const *p;
        uint8_t const *start; /* of the chunk */
        uint8_t const *end;
        int32_t n_passed; /* bytes in the chunks before */
        int32_t chunk_index;
        int32_t n_chunks; /* 0: there is one, and no array */
        az_span const *chunks;
} _az_json_cursor;

/*
 * A reader; 'token' and 'current_depth' are for reading only. A copy of a reader goes on by itself.
 *
 *   token          the last token that was read
 *   current_depth  how many arrays and objects the token lies in: the outermost '{' and '}' have depth 0, the
 *                  names between them 1. Thus a begin token of depth n opens level n + 1
 */
typedef struct {
        az_json_token token;
        int32_t current_depth;
        struct {
                _az_json_cursor cursor;
                _az_json_state state;
        } _internal;
} az_json_reader;

/*
 * Starts reading 'json_buffer', which must outlive the reader and its tokens.
 *
 *   options  may be NULL
 *
 * UNEXPECTED_END: the buffer is empty, which is no JSON.
 */
AZ_NODISCARD az_result az_json_reader_init(az_json_reader *out_json_reader, az_span json_buffer,
                                           az_json_reader_options const *options);

/*
 * Starts reading a text that lies in several buffers, cut anywhere. The array and the buffers must outlive
 * the reader and its tokens; empty buffers are passed over.
 *
 *   number_of_buffers  precondition: at least 1
 *   options            may be NULL
 *
 * UNEXPECTED_END: all buffers are empty. NOT_SUPPORTED: together they have more than INT32_MAX bytes.
 */
AZ_NODISCARD az_result az_json_reader_chunked_init(az_json_reader *out_json_reader, az_span json_buffers[],
                                                   int32_t number_of_buffers,
                                                   az_json_reader_options const *options);

/*
 * Reads the next token. After an error the reader stays where it was, and the next call says the same again.
 *
 * JSON_READER_DONE: the value is complete and nothing but white space follows. UNEXPECTED_CHAR: the text is
 * not JSON. UNEXPECTED_END: it ends too early. JSON_NESTING_OVERFLOW: more than AZ_JSON_NESTING_MAX levels.
 */
AZ_NODISCARD az_result az_json_reader_next_token(az_json_reader *ref_json_reader);

/*
 * Moves to the end of the current value: from a property name to its value, then from a begin token to the
 * end token that belongs to it. On any other token the reader stays.
 *
 * Errors: those of az_json_reader_next_token().
 */
AZ_NODISCARD az_result az_json_reader_skip_children(az_json_reader *ref_json_reader);

/*
 * Extension. Moves to the end of the current value, as az_json_reader_skip_children() does, and returns the
 * bytes of the whole value as they stand in the buffer, the quotes of a string included: to be forwarded,
 * byte for byte.
 *
 *   out_json_text  within the reader's buffer; written only on success
 *
 * JSON_INVALID_STATE: the current token is neither a property name nor the first token of a value.
 * NOT_SUPPORTED: the reader was started with az_json_reader_chunked_init(). Others: those of
 * az_json_reader_next_token().
 */
AZ_NODISCARD az_result az_json_reader_read_value_text(az_json_reader *ref_json_reader,
                                                      az_span *out_json_text);

/*
 * Extension. Checks that 'json_text' is one JSON value, with or without white space around it.
 *
 * Returns AZ_OK, or the error of az_json_reader_next_token(). The empty span gives UNEXPECTED_END.
 */
AZ_NODISCARD az_result az_json_validate(az_span json_text);

/* What to choose when writing: nothing yet. */
typedef struct {
        struct {
                bool unused;
        } _internal;
} az_json_writer_options;

/* Returns the default options. */
AZ_NODISCARD AZ_INLINE az_json_writer_options az_json_writer_options_default(void) {
        az_json_writer_options options = { { false } };

        return options;
}

/*
 * A writer, of JSON without white space.
 *
 *   total_bytes_written  in all buffers; for reading only
 */
typedef struct {
        int32_t total_bytes_written;
        struct {
                az_span destination;
                int32_t bytes_written; /* in 'destination' */
                az_span_allocator_fn allocator;
                void *user_context;
                _az_json_state state;
        } _internal;
} az_json_writer;

/*
 * Starts writing to 'destination_buffer', which must outlive the writer. The text alone has to fit.
 *
 *   options  may be NULL
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_json_writer_init(az_json_writer *out_json_writer, az_span destination_buffer,
                                           az_json_writer_options const *options);

/*
 * Starts writing to 'first_destination_buffer' and, whenever a buffer is full, goes on in the one that
 * 'allocator_callback' returns. Strings, numbers and text are cut wherever a buffer ends.
 *
 *   options  may be NULL
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_json_writer_chunked_init(az_json_writer *out_json_writer,
                                                   az_span first_destination_buffer,
                                                   az_span_allocator_fn allocator_callback,
                                                   void *user_context, az_json_writer_options const *options);

/* Returns what has been written to the last buffer, which is the whole text unless there were several. */
AZ_NODISCARD AZ_INLINE az_span
az_json_writer_get_bytes_used_in_destination(az_json_writer const *json_writer) {
        return az_span_slice(json_writer->_internal.destination, 0, json_writer->_internal.bytes_written);
}

/*
 * Append a value, a property name, or the begin or end of an array or object; commas and colons come by
 * themselves.
 *
 *   value, name        UTF-8 text, which is escaped as needed
 *   json_text          one JSON value (az_json_validate()), which is copied byte for byte
 *   fractional_digits  as for az_span_dtoa()
 *
 * JSON_INVALID_STATE: it cannot stand here (a value in an object without a name, an end without its begin,
 * anything behind the end). JSON_NESTING_OVERFLOW: more than AZ_JSON_NESTING_MAX levels, those of 'json_text'
 * counted from where it stands. NOT_SUPPORTED: the number is not finite or its integer part is beyond
 * +-(2^53 - 1). UNEXPECTED_CHAR: the text is not UTF-8. UNEXPECTED_CHAR, UNEXPECTED_END from
 * append_json_text: 'json_text' is no valid JSON. In all these cases nothing is written.
 *
 * NOT_ENOUGH_SPACE: the buffer is too small, nothing was written. In chunked mode: the allocator returned an
 * empty buffer, or its own error; the text written so far is then of no use.
 */
AZ_NODISCARD az_result az_json_writer_append_string(az_json_writer *ref_json_writer, az_span value);
AZ_NODISCARD az_result az_json_writer_append_json_text(az_json_writer *ref_json_writer, az_span json_text);
AZ_NODISCARD az_result az_json_writer_append_property_name(az_json_writer *ref_json_writer, az_span name);
AZ_NODISCARD az_result az_json_writer_append_bool(az_json_writer *ref_json_writer, bool value);
AZ_NODISCARD az_result az_json_writer_append_int32(az_json_writer *ref_json_writer, int32_t value);
AZ_NODISCARD az_result az_json_writer_append_double(az_json_writer *ref_json_writer, double value,
                                                    int32_t fractional_digits);
AZ_NODISCARD az_result az_json_writer_append_null(az_json_writer *ref_json_writer);
AZ_NODISCARD az_result az_json_writer_append_begin_object(az_json_writer *ref_json_writer);
AZ_NODISCARD az_result az_json_writer_append_begin_array(az_json_writer *ref_json_writer);
AZ_NODISCARD az_result az_json_writer_append_end_object(az_json_writer *ref_json_writer);
AZ_NODISCARD az_result az_json_writer_append_end_array(az_json_writer *ref_json_writer);

_az_END_DECLS

#endif /* _az_JSON_H */
