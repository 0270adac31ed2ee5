/* SPDX-License-Identifier: MIT */

#include <math.h>

#include <azure/core/az_json.h>

#include "unit-span.h"

/*
 * Writes what 'script' says, a letter a call: the brackets and 'T', 'F', 'N' themselves, 'k' a name, 's' a
 * string, 'i' an integer, 'd' a double, 'j' JSON text.
 */
static az_result write_letter(az_json_writer *w, char letter) {
        switch (letter) {
        case '{':
                return az_json_writer_append_begin_object(w);
        case '}':
                return az_json_writer_append_end_object(w);
        case '[':
                return az_json_writer_append_begin_array(w);
        case ']':
                return az_json_writer_append_end_array(w);
        case 'T':
                return az_json_writer_append_bool(w, true);
        case 'F':
                return az_json_writer_append_bool(w, false);
        case 'N':
                return az_json_writer_append_null(w);
        case 'k':
                return az_json_writer_append_property_name(w, str("k\"ey"));
        case 's':
                return az_json_writer_append_string(w, str("a\nb\x01"));
        case 'i':
                return az_json_writer_append_int32(w, INT32_MIN);
        case 'd':
                return az_json_writer_append_double(w, -0.29, 2);
        default:
                return az_json_writer_append_json_text(w, str("{ \"n\":9007199254740993,\"x\":1.10 }"));
        }
}

static az_result write_script(az_json_writer *w, const char *script) {
        az_result result = AZ_OK;

        for (; *script != '\0' && az_result_succeeded(result); script++)
                result = write_letter(w, *script);
        return result;
}

static const struct {
        const char *script, *text;
} texts[] = {
        { "{}", "{}" },
        { "[]", "[]" },
        { "s", "\"a\\nb\\u0001\"" },
        { "i", "-2147483648" },
        { "d", "-0.29" },
        { "j", "{ \"n\":9007199254740993,\"x\":1.10 }" },
        { "[TFN]", "[true,false,null]" },
        { "[[][]{}]", "[[],[],{}]" },
        { "{kTk{kN}ks}", "{\"k\\\"ey\":true,\"k\\\"ey\":{\"k\\\"ey\":null},\"k\\\"ey\":\"a\\nb\\u0001\"}" },
        { "{kjk[jj]}",
          "{\"k\\\"ey\":{ \"n\":9007199254740993,\"x\":1.10 },"
          "\"k\\\"ey\":[{ \"n\":9007199254740993,\"x\":1.10 },{ \"n\":9007199254740993,\"x\":1.10 }]}" },
        { "[[[i]d]s]", "[[[-2147483648],-0.29],\"a\\nb\\u0001\"]" },
};

START_TEST(a_script_becomes_its_text) {
        int32_t size = (int32_t) strlen(texts[_i].text);
        char buffer[256];
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_init(&w, az_span_create((uint8_t *) buffer, size), NULL), AZ_OK);
        ck_assert_int_eq(write_script(&w, texts[_i].script), AZ_OK);
        ck_assert(az_span_is_content_equal(az_json_writer_get_bytes_used_in_destination(&w),
                                           str(texts[_i].text)));
        ck_assert_int_eq(w.total_bytes_written, size);
        ck_assert_int_eq(az_json_validate(str(texts[_i].text)), AZ_OK);
}
END_TEST

START_TEST(nothing_is_written_where_it_does_not_fit) {
        int32_t size = (int32_t) strlen(texts[_i].text);
        char buffer[256];

        for (int32_t i = 0; i < size; i++) {
                az_json_writer w;
                int32_t used = 0;
                const char *letter = texts[_i].script;

                ck_assert_int_eq(az_json_writer_init(&w, ROOM(buffer, i), NULL), AZ_OK);
                while (az_result_succeeded(write_letter(&w, *letter))) {
                        used = w.total_bytes_written;
                        letter++;
                }
                ck_assert_int_eq(write_letter(&w, *letter), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(w.total_bytes_written, used);
                ck_assert_int_eq(az_span_size(az_json_writer_get_bytes_used_in_destination(&w)), used);
                ck_assert_mem_eq(buffer, texts[_i].text, (size_t) used);
                ck_assert_untouched(buffer, used);
        }
}
END_TEST

/* A buffer that is handed out in pieces of one size; an allocation beyond 'max' fails, unless that is 0. */
typedef struct {
        char bytes[256];
        int32_t n_given, piece, max;
} Pieces;

static az_result next_piece(az_span_allocator_context *context, az_span *out_next_destination) {
        Pieces *p = context->user_context;

        ck_assert_int_eq(context->bytes_used, p->n_given > 0 ? p->piece : 0);
        ck_assert_int_eq(context->minimum_required_size, 1);
        if (p->max > 0 && p->n_given + p->piece > p->max)
                return AZ_ERROR_OUT_OF_MEMORY;
        *out_next_destination = az_span_create((uint8_t *) p->bytes + p->n_given, p->piece);
        p->n_given += p->piece;
        return AZ_OK;
}

START_TEST(pieces_of_any_size_make_the_same_text) {
        for (int32_t piece = 1; piece < 20; piece++) {
                Pieces p = { .piece = piece };
                az_json_writer_options options = az_json_writer_options_default();
                az_json_writer w;

                ck_assert_int_eq(az_json_writer_chunked_init(&w, AZ_SPAN_EMPTY, next_piece, &p, &options),
                                 AZ_OK);
                ck_assert_int_eq(write_script(&w, texts[_i].script), AZ_OK);
                ck_assert_int_eq(w.total_bytes_written, (int) strlen(texts[_i].text));
                ck_assert_str_eq(p.bytes, texts[_i].text);
                ck_assert_int_eq(az_span_size(az_json_writer_get_bytes_used_in_destination(&w)),
                                 (w.total_bytes_written - 1) % piece + 1);
        }
}
END_TEST

START_TEST(an_allocator_may_fail_anywhere) {
        int32_t size = (int32_t) strlen(texts[_i].text);

        for (int32_t max = 1; max < size; max++) {
                Pieces p = { .piece = 1, .max = max };
                az_json_writer w;

                ck_assert_int_eq(az_json_writer_chunked_init(&w, AZ_SPAN_EMPTY, next_piece, &p, NULL), AZ_OK);
                ck_assert_int_eq(write_script(&w, texts[_i].script), AZ_ERROR_OUT_OF_MEMORY);
                ck_assert_int_eq(w.total_bytes_written, max);
                ck_assert_mem_eq(p.bytes, texts[_i].text, (size_t) max);
        }
}
END_TEST

START_TEST(an_allocator_may_have_nothing) {
        Pieces empty = { .piece = 0 };
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_chunked_init(&w, AZ_SPAN_EMPTY, next_piece, &empty, NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_null(&w), AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

START_TEST(a_text_has_no_more_bytes_than_can_be_counted) {
        Pieces p = { .piece = 8 };
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_chunked_init(&w, AZ_SPAN_EMPTY, next_piece, &p, NULL), AZ_OK);
        w.total_bytes_written = INT32_MAX - 4; /* instead of 2 GiB of text */
        ck_assert_int_eq(az_json_writer_append_bool(&w, false), AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(az_json_writer_append_string(&w, str("abc")), AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(az_json_writer_append_bool(&w, true), AZ_OK);
        ck_assert_int_eq(w.total_bytes_written, INT32_MAX);
}
END_TEST

/* The last letter cannot stand there. */
static const char *const misplaced[] = {
        "}",     "]",    "k",  "TT",  "{}{", "[]s", "[}",    "{]",   "[k",   "{T",
        "{s",    "{j",   "{i", "{d",  "{{",  "{[",  "{kk",   "{k}",  "{kTT", "{kT]",
        "{k{}]", "[{}k", "s}", "[]]", "{}}", "{}k", "{k[]]", "[[]}", "Tk",
};

START_TEST(what_cannot_stand_here_is_refused) {
        char buffer[256], script[8];
        size_t n = strlen(misplaced[_i]) - 1;
        az_json_writer w, before;

        memcpy(script, misplaced[_i], n);
        script[n] = '\0';
        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(write_script(&w, script), AZ_OK);
        before = w;
        ck_assert_int_eq(write_letter(&w, misplaced[_i][n]), AZ_ERROR_JSON_INVALID_STATE);
        ck_assert_int_eq(w.total_bytes_written, before.total_bytes_written);
        ck_assert(az_span_is_content_equal(az_json_writer_get_bytes_used_in_destination(&w),
                                           az_json_writer_get_bytes_used_in_destination(&before)));
        ck_assert_mem_eq(&w._internal.state, &before._internal.state, sizeof(w._internal.state));
}
END_TEST

START_TEST(nesting_is_limited) {
        char buffer[2 * AZ_JSON_NESTING_MAX];
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        for (int i = 0; i < AZ_JSON_NESTING_MAX; i++)
                ck_assert_int_eq(az_json_writer_append_begin_array(&w), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_begin_array(&w), AZ_ERROR_JSON_NESTING_OVERFLOW);
        ck_assert_int_eq(az_json_writer_append_begin_object(&w), AZ_ERROR_JSON_NESTING_OVERFLOW);
        for (int i = 0; i < AZ_JSON_NESTING_MAX; i++)
                ck_assert_int_eq(az_json_writer_append_end_array(&w), AZ_OK);
        ck_assert_int_eq(az_json_validate(az_json_writer_get_bytes_used_in_destination(&w)), AZ_OK);
}
END_TEST

START_TEST(levels_of_a_text_count_from_where_it_stands) {
        char buffer[2 * AZ_JSON_NESTING_MAX + 8], text[2 * AZ_JSON_NESTING_MAX];
        az_json_writer w;

        memset(text, '[', AZ_JSON_NESTING_MAX);
        memset(text + AZ_JSON_NESTING_MAX, ']', AZ_JSON_NESTING_MAX);
        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_begin_array(&w), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_json_text(&w, AZ_SPAN_FROM_BUFFER(text)),
                         AZ_ERROR_JSON_NESTING_OVERFLOW);
        ck_assert_int_eq(w.total_bytes_written, 1);

        ck_assert_int_eq(
                az_json_writer_append_json_text(&w, az_span_create((uint8_t *) text + 1, sizeof(text) - 2)),
                AZ_OK);
        ck_assert_int_eq(az_json_writer_append_end_array(&w), AZ_OK);
        ck_assert_int_eq(az_json_validate(az_json_writer_get_bytes_used_in_destination(&w)), AZ_OK);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused) {
        char buffer[64];
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_string(&w, str("\xC3")), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(az_json_writer_append_begin_object(&w), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_property_name(&w, str("\xED\xA0\x80")),
                         AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(w.total_bytes_written, 1);
}
END_TEST

static const struct {
        const char *text;
        az_result result;
} json_texts[] = {
        { "", AZ_ERROR_UNEXPECTED_END },      { "[1", AZ_ERROR_UNEXPECTED_END },
        { "[1]]", AZ_ERROR_UNEXPECTED_CHAR }, { "1 2", AZ_ERROR_UNEXPECTED_CHAR },
        { "}", AZ_ERROR_UNEXPECTED_CHAR },    { "\"a\":1", AZ_ERROR_UNEXPECTED_CHAR },
        { "nope", AZ_ERROR_UNEXPECTED_CHAR }, { " 1.0 ", AZ_OK },
};

START_TEST(json_text_must_be_one_value) {
        char buffer[64];
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_json_text(&w, str(json_texts[_i].text)),
                         json_texts[_i].result);
        ck_assert_int_eq(w.total_bytes_written,
                         json_texts[_i].result == AZ_OK ? (int) strlen(json_texts[_i].text) : 0);
}
END_TEST

START_TEST(numbers_that_json_cannot_hold_are_refused) {
        char buffer[64];
        az_json_writer w;

        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_double(&w, NAN, 2), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_int_eq(az_json_writer_append_double(&w, -INFINITY, 2), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_int_eq(az_json_writer_append_double(&w, 0x1p53, 2), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_int_eq(az_json_writer_append_double(&w, -4503599627370495.5, 15), AZ_OK);
        ck_assert(az_span_is_content_equal(az_json_writer_get_bytes_used_in_destination(&w),
                                           str("-4503599627370495.5")));
}
END_TEST

START_TEST(every_byte_of_a_string_is_read_back) {
        uint8_t ascii[128], buffer[1024];
        char text[129];
        int32_t length;
        az_json_writer w;
        az_json_reader reader;

        for (uint8_t i = 0; i < 128; i++)
                ascii[i] = i;
        ck_assert_int_eq(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_string(&w, AZ_SPAN_FROM_BUFFER(ascii)), AZ_OK);
        ck_assert_int_eq(az_json_reader_init(&reader, az_json_writer_get_bytes_used_in_destination(&w), NULL),
                         AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_token_get_string(&reader.token, text, sizeof(text), &length), AZ_OK);
        ck_assert_int_eq(length, 128);
        ck_assert_mem_eq(text, ascii, 128);
}
END_TEST

static Suite *json_writer_suite(void) {
        Suite *s = suite_create("az-json-writer");
        TCase *t;

        t = tcase_create("az_json_writer_append");
        tcase_add_loop_test(t, a_script_becomes_its_text, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, nothing_is_written_where_it_does_not_fit, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, what_cannot_stand_here_is_refused, 0, ELEMENTSOF(misplaced));
        tcase_add_test(t, nesting_is_limited);
        tcase_add_test(t, levels_of_a_text_count_from_where_it_stands);
        tcase_add_test(t, text_that_is_not_utf8_is_refused);
        tcase_add_loop_test(t, json_text_must_be_one_value, 0, ELEMENTSOF(json_texts));
        tcase_add_test(t, numbers_that_json_cannot_hold_are_refused);
        tcase_add_test(t, every_byte_of_a_string_is_read_back);
        suite_add_tcase(s, t);

        t = tcase_create("az_json_writer_chunked_init");
        tcase_add_loop_test(t, pieces_of_any_size_make_the_same_text, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, an_allocator_may_fail_anywhere, 0, ELEMENTSOF(texts));
        tcase_add_test(t, an_allocator_may_have_nothing);
        tcase_add_test(t, a_text_has_no_more_bytes_than_can_be_counted);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(json_writer_suite)
