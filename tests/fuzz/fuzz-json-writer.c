/* SPDX-License-Identifier: MIT */

/*
 * The input is a list of calls to a writer, some of which it has to refuse. A writer with one large buffer,
 * one with a small one and one with a buffer in pieces must agree, and the reader must find what was written.
 *
 * The first byte is the size of the small buffer, the second that of a piece. A call is a letter: the
 * brackets and 'T', 'F', 'N' themselves; 'k' a name, 's' a string, 'j' JSON text, each with a byte for its
 * size and so many bytes; 'i' an integer of 4 bytes; 'd' a double of 8 bytes, and one for the digits behind
 * its point.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/core/az_json.h>

#define INPUT_MAX 512
/* A control character takes six characters, and a double of 10 bytes 33. */
#define TEXT_MAX (6 * INPUT_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

typedef struct {
        char letter;
        az_span text;
        int32_t number;
        double fraction;
        int32_t n_digits;
} Call;

typedef struct {
        uint8_t bytes[TEXT_MAX + 256];
        int32_t n_given, piece;
} Pieces;

static az_result next_piece(az_span_allocator_context *context, az_span *out_next_destination) {
        Pieces *p = context->user_context;

        check(context->minimum_required_size <= p->piece);
        check(p->n_given + p->piece <= (int32_t) sizeof(p->bytes));
        *out_next_destination = az_span_create(p->bytes + p->n_given, p->piece);
        p->n_given += p->piece;
        return AZ_OK;
}

/* Takes 'size' bytes off the input, zeros behind its end. */
static void take(az_span *ref_input, void *ret, int32_t size) {
        int32_t n = az_span_size(*ref_input) < size ? az_span_size(*ref_input) : size;

        memset(ret, 0, (size_t) size);
        memcpy(ret, az_span_ptr(*ref_input), (size_t) n);
        *ref_input = az_span_slice_to_end(*ref_input, n);
}

static bool next_call(az_span *ref_input, Call *ret) {
        uint8_t size;

        if (az_span_size(*ref_input) == 0)
                return false;
        take(ref_input, &ret->letter, 1);
        switch (ret->letter) {
        case 'k':
        case 's':
        case 'j':
                take(ref_input, &size, 1);
                if (size > az_span_size(*ref_input))
                        size = (uint8_t) az_span_size(*ref_input);
                ret->text = az_span_slice(*ref_input, 0, size);
                *ref_input = az_span_slice_to_end(*ref_input, size);
                break;
        case 'i':
                take(ref_input, &ret->number, sizeof(ret->number));
                break;
        case 'd':
                take(ref_input, &ret->fraction, sizeof(ret->fraction));
                take(ref_input, &size, 1);
                ret->n_digits = size;
                break;
        default:
                break;
        }
        return true;
}

static az_result apply(const Call *call, az_json_writer *w) {
        switch (call->letter) {
        case '{':
                return az_json_writer_append_begin_object(w);
        case '}':
                return az_json_writer_append_end_object(w);
        case '[':
                return az_json_writer_append_begin_array(w);
        case ']':
                return az_json_writer_append_end_array(w);
        case 'T':
        case 'F':
                return az_json_writer_append_bool(w, call->letter == 'T');
        case 'k':
                return az_json_writer_append_property_name(w, call->text);
        case 's':
                return az_json_writer_append_string(w, call->text);
        case 'j':
                return az_json_writer_append_json_text(w, call->text);
        case 'i':
                return az_json_writer_append_int32(w, call->number);
        case 'd':
                return az_json_writer_append_double(w, call->fraction, call->n_digits);
        default:
                return az_json_writer_append_null(w);
        }
}

/* The next token of the reader is what the call wrote. */
static void check_read_back(az_json_reader *reader, const Call *call) {
        uint8_t buffer[64];
        az_span text = AZ_SPAN_FROM_BUFFER(buffer), rest;
        int32_t number;

        check(az_json_reader_next_token(reader) == AZ_OK);
        switch (call->letter) {
        case '{':
                check(reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT);
                return;
        case '}':
                check(reader->token.kind == AZ_JSON_TOKEN_END_OBJECT);
                return;
        case '[':
                check(reader->token.kind == AZ_JSON_TOKEN_BEGIN_ARRAY);
                return;
        case ']':
                check(reader->token.kind == AZ_JSON_TOKEN_END_ARRAY);
                return;
        case 'T':
                check(reader->token.kind == AZ_JSON_TOKEN_TRUE);
                return;
        case 'F':
                check(reader->token.kind == AZ_JSON_TOKEN_FALSE);
                return;
        case 'k':
                check(reader->token.kind == AZ_JSON_TOKEN_PROPERTY_NAME);
                check(az_json_token_is_text_equal(&reader->token, call->text));
                return;
        case 's':
                check(reader->token.kind == AZ_JSON_TOKEN_STRING);
                check(az_json_token_is_text_equal(&reader->token, call->text));
                return;
        case 'j':
                check(az_json_reader_read_value_text(reader, &text) == AZ_OK);
                check(az_span_find(call->text, text) >= 0);
                return;
        case 'i':
                check(az_json_token_get_int32(&reader->token, &number) == AZ_OK && number == call->number);
                return;
        case 'd':
                check(az_span_dtoa(text, call->fraction, call->n_digits, &rest) == AZ_OK);
                text = az_span_slice(text, 0, az_span_size(text) - az_span_size(rest));
                check(az_span_is_content_equal(reader->token.slice, text));
                return;
        default:
                check(reader->token.kind == AZ_JSON_TOKEN_NULL);
        }
}

/* What the calls wrote is JSON, or the beginning of it. */
static void check_text(az_span text, const Call *calls, size_t n_calls) {
        az_json_reader reader;
        az_result result;

        if (n_calls == 0)
                return;
        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        for (size_t i = 0; i < n_calls; i++)
                check_read_back(&reader, &calls[i]);
        result = az_json_reader_next_token(&reader);
        check(result == AZ_ERROR_JSON_READER_DONE || result == AZ_ERROR_UNEXPECTED_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint8_t unwritten = 0xC5;
        uint8_t whole_text[TEXT_MAX], small_text[256];
        Call calls[INPUT_MAX], *call = calls;
        az_json_writer whole, small, cut;
        bool small_is_full = false;
        Pieces pieces = { .piece = 1 };
        az_span input;

        if (size < 2 || size > INPUT_MAX)
                return 0;
        input = az_span_create((uint8_t *) data + 2, (int32_t) size - 2);
        pieces.piece += data[1];
        memset(small_text, unwritten, sizeof(small_text));
        check(az_json_writer_init(&whole, AZ_SPAN_FROM_BUFFER(whole_text), NULL) == AZ_OK);
        check(az_json_writer_init(&small, az_span_create(small_text, data[0]), NULL) == AZ_OK);
        check(az_json_writer_chunked_init(&cut, AZ_SPAN_EMPTY, next_piece, &pieces, NULL) == AZ_OK);

        while (next_call(&input, call)) {
                az_result result = apply(call, &whole);

                check(apply(call, &cut) == result);
                if (!small_is_full && apply(call, &small) != result) {
                        check(result == AZ_OK && apply(call, &small) == AZ_ERROR_NOT_ENOUGH_SPACE);
                        small_is_full = true;
                }
                if (result == AZ_OK)
                        call++;
        }

        check(cut.total_bytes_written == whole.total_bytes_written);
        check(memcmp(pieces.bytes, whole_text, (size_t) whole.total_bytes_written) == 0);
        check(small_is_full || small.total_bytes_written == whole.total_bytes_written);
        check(memcmp(small_text, whole_text, (size_t) small.total_bytes_written) == 0);
        for (size_t i = (size_t) small.total_bytes_written; i < sizeof(small_text); i++)
                check(small_text[i] == unwritten);
        check_text(az_json_writer_get_bytes_used_in_destination(&whole), calls, (size_t) (call - calls));
        return 0;
}
