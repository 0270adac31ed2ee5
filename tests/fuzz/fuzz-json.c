/* SPDX-License-Identifier: MIT */

/*
 * The input is JSON, or not. However it is cut into chunks, it must give the same tokens; they must lie
 * within it; and what the writer makes of them must be read as the same again.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/core/az_json.h>

#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static bool is_text(const az_json_token *token) {
        return token->kind == AZ_JSON_TOKEN_STRING || token->kind == AZ_JSON_TOKEN_PROPERTY_NAME;
}

/* Returns the text of a string, which lives in 'buffer'; the three ways to it must agree. */
static az_span get_text(const az_json_token *token, uint8_t *buffer) {
        uint8_t unescaped[TEXT_MAX];
        az_span text = az_span_create(unescaped, sizeof(unescaped));
        int32_t length = -1;

        check(az_json_token_get_string(token, (char *) buffer, token->size + 1, &length) == AZ_OK);
        check(length >= 0 && length <= token->size && buffer[length] == '\0');
        text = az_span_slice(text, 0, token->size);
        (void) az_json_token_copy_into_span(token, text);
        text = az_json_string_unescape(text, text);
        check(az_span_is_content_equal(text, az_span_create(buffer, length)));
        check(az_span_is_valid_utf8(text));
        check(az_json_token_is_text_equal(token, text));
        return az_span_create(buffer, length);
}

static void check_token_within(const az_json_reader *reader, az_span text) {
        const az_json_token *token = &reader->token;
        const uint8_t *first = az_span_ptr(token->slice);

        check(token->kind > AZ_JSON_TOKEN_NONE && token->kind <= AZ_JSON_TOKEN_NULL);
        check(reader->current_depth >= 0 && reader->current_depth <= AZ_JSON_NESTING_MAX);
        check(token->size == az_span_size(token->slice));
        check(first >= az_span_ptr(text) && first + token->size <= az_span_ptr(text) + az_span_size(text));
}

/* The value that begins with the current token, or follows it, is JSON by itself. */
static void check_value_text(az_json_reader reader) {
        az_span value;
        az_result result = az_json_reader_read_value_text(&reader, &value);

        if (az_result_succeeded(result))
                check(az_json_validate(value) == AZ_OK);
}

/* Reads the text whole and in chunks of 'n' bytes at once. */
static void check_chunks(az_span text, int32_t n) {
        az_span chunks[TEXT_MAX];
        az_json_reader whole, cut;
        int32_t n_chunks = 0;

        for (int32_t i = 0; i < az_span_size(text); i += n)
                chunks[n_chunks++] =
                        az_span_slice(text, i, az_span_size(text) - i < n ? az_span_size(text) : i + n);
        check(az_json_reader_init(&whole, text, NULL) == AZ_OK);
        check(az_json_reader_chunked_init(&cut, chunks, n_chunks, NULL) == AZ_OK);

        for (;;) {
                uint8_t bytes[TEXT_MAX], texts[2][TEXT_MAX + 1];
                az_result result = az_json_reader_next_token(&whole);

                check(az_json_reader_next_token(&cut) == result);
                if (az_result_failed(result))
                        return;
                check_token_within(&whole, text);
                check(cut.token.kind == whole.token.kind && cut.current_depth == whole.current_depth);
                check(cut.token.size == whole.token.size);
                (void) az_json_token_copy_into_span(&cut.token, az_span_create(bytes, sizeof(bytes)));
                check(az_span_is_content_equal(az_span_create(bytes, cut.token.size), whole.token.slice));
                if (is_text(&whole.token))
                        check(az_span_is_content_equal(get_text(&whole.token, texts[0]),
                                                       get_text(&cut.token, texts[1])));
                if (az_span_size(text) <= 128)
                        check_value_text(whole);
        }
}

static az_result write_token(az_json_writer *w, const az_json_token *token) {
        uint8_t buffer[TEXT_MAX + 1];

        switch (token->kind) {
        case AZ_JSON_TOKEN_BEGIN_OBJECT:
                return az_json_writer_append_begin_object(w);
        case AZ_JSON_TOKEN_END_OBJECT:
                return az_json_writer_append_end_object(w);
        case AZ_JSON_TOKEN_BEGIN_ARRAY:
                return az_json_writer_append_begin_array(w);
        case AZ_JSON_TOKEN_END_ARRAY:
                return az_json_writer_append_end_array(w);
        case AZ_JSON_TOKEN_PROPERTY_NAME:
                return az_json_writer_append_property_name(w, get_text(token, buffer));
        case AZ_JSON_TOKEN_STRING:
                return az_json_writer_append_string(w, get_text(token, buffer));
        case AZ_JSON_TOKEN_NUMBER:
                return az_json_writer_append_json_text(w, token->slice);
        case AZ_JSON_TOKEN_TRUE:
        case AZ_JSON_TOKEN_FALSE:
                return az_json_writer_append_bool(w, token->kind == AZ_JSON_TOKEN_TRUE);
        case AZ_JSON_TOKEN_NULL:
                return az_json_writer_append_null(w);
        case AZ_JSON_TOKEN_NONE:
                break;
        }
        abort();
}

/* The writer's text is never longer than the one that was read. */
static az_span write_again(az_span text, uint8_t *buffer) {
        az_json_reader reader;
        az_json_writer w;

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        check(az_json_writer_init(&w, az_span_create(buffer, az_span_size(text)), NULL) == AZ_OK);
        while (az_json_reader_next_token(&reader) == AZ_OK)
                check(write_token(&w, &reader.token) == AZ_OK);
        return az_json_writer_get_bytes_used_in_destination(&w);
}

static void check_same_tokens(az_span a, az_span b) {
        az_json_reader readers[2];

        check(az_json_reader_init(&readers[0], a, NULL) == AZ_OK);
        check(az_json_reader_init(&readers[1], b, NULL) == AZ_OK);
        for (;;) {
                uint8_t buffer[TEXT_MAX + 1];
                az_result result = az_json_reader_next_token(&readers[0]);

                check(az_json_reader_next_token(&readers[1]) == result);
                if (az_result_failed(result))
                        return;
                check(readers[0].token.kind == readers[1].token.kind);
                if (is_text(&readers[0].token))
                        check(az_json_token_is_text_equal(&readers[1].token,
                                                          get_text(&readers[0].token, buffer)));
                else
                        check(az_span_is_content_equal(readers[0].token.slice, readers[1].token.slice));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t once[TEXT_MAX], twice[TEXT_MAX];
        az_span text, written;

        if (size == 0 || size > TEXT_MAX)
                return 0;
        text = az_span_create((uint8_t *) data, (int32_t) size);

        check_chunks(text, 1);
        check_chunks(text, 3);
        check_chunks(text, 16);
        if (az_json_validate(text) != AZ_OK)
                return 0;
        written = write_again(text, once);
        check_same_tokens(text, written);
        check(az_span_is_content_equal(write_again(written, twice), written));
        return 0;
}
