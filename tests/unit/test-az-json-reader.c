/* SPDX-License-Identifier: MIT */

#include <stdio.h>

#include <azure/core/az_json.h>

#include "unit-span.h"

/* A text with its size, so that it may hold NULs. */
#define TEXT(s) s, (int32_t) (sizeof(s) - 1)

static const struct {
        const char *text;
        int32_t size;
        az_result result;
} documents[] = {
        { TEXT("{}"), AZ_OK },
        { TEXT("[]"), AZ_OK },
        { TEXT("0"), AZ_OK },
        { TEXT("true"), AZ_OK },
        { TEXT("false"), AZ_OK },
        { TEXT("null"), AZ_OK },
        { TEXT("\"\""), AZ_OK },
        { TEXT(" \t\r\n{ \"a\" \n:\t[ 1 , 2 ] , \"b\":{} } \r\n"), AZ_OK },
        { TEXT("{\"a\":1,\"a\":2}"), AZ_OK }, /* names may repeat here */
        { TEXT("{\"\":0}"), AZ_OK },
        { TEXT("[[[]],{},[{}]]"), AZ_OK },

        { TEXT(""), AZ_ERROR_UNEXPECTED_END },
        { TEXT(" "), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\f1"), AZ_ERROR_UNEXPECTED_CHAR }, /* no white space in JSON */
        { TEXT("\v1"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\xEF\xBB\xBF{}"), AZ_ERROR_UNEXPECTED_CHAR }, /* byte order mark */
        { TEXT("\0"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{}\0"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1\0"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{} {}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1 2"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1,"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"a\"\"b\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[1]]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("// comment\n1"), AZ_ERROR_UNEXPECTED_CHAR },

        { TEXT("["), AZ_ERROR_UNEXPECTED_END },
        { TEXT("[1"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("[1,"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("[1,]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[,1]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[1 2]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[1:2]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("{]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\""), AZ_ERROR_UNEXPECTED_END },
        { TEXT("{\"a\":"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("{\"a\":1"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("{\"a\":1,"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("{\"a\":1,}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\"}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\",1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\" 1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\":}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\":1 \"b\":2}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"a\":1:2}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{1:2}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{a:1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{'a':1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{null:1}"), AZ_ERROR_UNEXPECTED_CHAR },

        { TEXT("-0"), AZ_OK },
        { TEXT("1.10"), AZ_OK },
        { TEXT("-12.5e+10"), AZ_OK },
        { TEXT("1E400"), AZ_OK },
        { TEXT("0e-0"), AZ_OK },
        { TEXT("123456789012345678901234567890"), AZ_OK },
        { TEXT("-"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("1."), AZ_ERROR_UNEXPECTED_END },
        { TEXT("1e"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("1e+"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("01"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("-01"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("00"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("+1"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("-a"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("--1"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT(".5"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1.e5"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1.5.5"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1e5e5"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1e5.5"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("0x10"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1a"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1\"a\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[1[]]"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("1\xC3\xA4"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("NaN"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("Infinity"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("-Infinity"), AZ_ERROR_UNEXPECTED_CHAR },

        { TEXT("tru"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("nul"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("True"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("truth"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("truefalse"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("nulll"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("[true false]"), AZ_ERROR_UNEXPECTED_CHAR },

        { TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), AZ_OK },
        { TEXT("\"\\u0000\\u001F\\uabCD\\uFFFF\""), AZ_OK },
        { TEXT("\"\\uD83D\\uDE00\""), AZ_OK },
        { TEXT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), AZ_OK },
        { TEXT("\"\x7F\xC2\x80\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\""), AZ_OK },
        { TEXT("\""), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"a"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\\""), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\u12"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\uD800"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\uD800\\"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\xE2\x82"), AZ_ERROR_UNEXPECTED_END },
        { TEXT("\"\\a\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\'\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\0\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\\0\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\U0041\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\x41\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\u12\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\u12g4\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\u+123\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\""), AZ_ERROR_UNEXPECTED_CHAR }, /* half a pair */
        { TEXT("\"\\uDC00\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800a\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\\n\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\\u0041\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\\uD800\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\\uE000\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uD800\\uDC0g\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\\uDC00\\uD800\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\n\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\t\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\0\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\x1F\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\x80\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\xC0\xAF\""), AZ_ERROR_UNEXPECTED_CHAR }, /* overlong */
        { TEXT("\"\xE0\x80\xAF\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\xED\xA0\x80\""), AZ_ERROR_UNEXPECTED_CHAR }, /* surrogate */
        { TEXT("\"\xF4\x90\x80\x80\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\xFF\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("\"\xE2\x82\""), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("{\"\xC3\":1}"), AZ_ERROR_UNEXPECTED_CHAR },
        { TEXT("'a'"), AZ_ERROR_UNEXPECTED_CHAR },
};

/* Reads all tokens; 'ret_reader' is left where it ended. */
static az_result read_all(az_json_reader *ret_reader, az_span text) {
        az_result result = az_json_reader_init(ret_reader, text, NULL);

        while (az_result_succeeded(result))
                result = az_json_reader_next_token(ret_reader);
        return result;
}

START_TEST(documents_are_accepted_or_refused) {
        az_result expected = documents[_i].result;
        /* A copy in memory of just that size: reading behind it is noticed. */
        uint8_t *copy = malloc((size_t) documents[_i].size + 1);
        az_span text = az_span_create(copy + 1, documents[_i].size);
        az_json_reader reader;

        memcpy(copy + 1, documents[_i].text, (size_t) documents[_i].size);
        ck_assert_int_eq(az_json_validate(text), expected);
        ck_assert_int_eq(read_all(&reader, text), expected == AZ_OK ? AZ_ERROR_JSON_READER_DONE : expected);
        if (documents[_i].size > 0) /* and it says so again */
                ck_assert_int_eq(az_json_reader_next_token(&reader),
                                 expected == AZ_OK ? AZ_ERROR_JSON_READER_DONE : expected);
        free(copy);
}
END_TEST

START_TEST(a_byte_is_judged_wherever_it_stands_in_a_string) {
        for (int byte = 0; byte < 256; byte++) {
                bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                char text[] = "\"NO LETTER OF AN ESCAPE\"";

                text[1 + _i] = (char) byte;
                ck_assert_int_eq(az_json_validate(az_span_create((uint8_t *) text, sizeof(text) - 1)),
                                 plain ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR);
        }
}
END_TEST

/* One letter for each kind of token, in the order of the enum. */
static const char kinds[] = "?{}[]:s0tfn";

/* Writes "kind depth slice;" for each token. */
static void describe(az_json_reader *reader, char *ret_text, size_t size) {
        az_result result;
        size_t n = 0;

        while (az_result_succeeded(result = az_json_reader_next_token(reader))) {
                char slice[64];

                *az_span_ptr(az_json_token_copy_into_span(&reader->token, AZ_SPAN_FROM_BUFFER(slice))) = '\0';
                n += (size_t) snprintf(ret_text + n, size - n, "%c%d%s;", kinds[reader->token.kind],
                                       reader->current_depth, slice);
        }
        ck_assert_int_eq(result, AZ_ERROR_JSON_READER_DONE);
}

static const char tour[] =
        "{ \"a\" : [1, -2.50e3, \"x\\n\\u20AC\xE2\x82\xAC\", {}, [[]]], \"b\":true,\"\":false , "
        "\"\\uD83D\\uDE00\":null }";
static const char tour_tokens[] = "{0{;:1a;[1[;02"
                                  "1;02-2.50e3;s2x\\n\\u20AC\xE2\x82\xAC;{2{;}2};[2[;[3[;]3];]2];]1];"
                                  ":1b;t1true;:1;f1false;:1\\uD83D\\uDE00;n1null;}0};";

START_TEST(tokens_have_kind_depth_and_bytes) {
        az_json_reader reader;
        char text[512];

        ck_assert_int_eq(az_json_reader_init(&reader, str(tour), NULL), AZ_OK);
        ck_assert_int_eq(reader.token.kind, AZ_JSON_TOKEN_NONE);
        ck_assert_int_eq(reader.current_depth, 0);
        describe(&reader, text, sizeof(text));
        ck_assert_str_eq(text, tour_tokens);
}
END_TEST

START_TEST(a_text_cut_into_three_gives_the_same_tokens) {
        int32_t size = (int32_t) sizeof(tour) - 1;

        for (int32_t second = _i; second <= size; second++) {
                az_span chunks[] = {
                        az_span_slice(str(tour), 0, _i),
                        AZ_SPAN_EMPTY,
                        az_span_slice(str(tour), _i, second),
                        az_span_slice(str(tour), second, size),
                };
                az_json_reader reader;
                char text[512];

                ck_assert_int_eq(az_json_reader_chunked_init(&reader, chunks, ELEMENTSOF(chunks), NULL),
                                 AZ_OK);
                describe(&reader, text, sizeof(text));
                ck_assert_str_eq(text, tour_tokens);
        }
}
END_TEST

START_TEST(a_document_cut_anywhere_is_judged_the_same) {
        az_span text = az_span_create((uint8_t *) documents[_i].text, documents[_i].size);
        az_result expected = documents[_i].result == AZ_OK ? AZ_ERROR_JSON_READER_DONE : documents[_i].result;

        for (int32_t i = 0; i <= az_span_size(text); i++) {
                az_span chunks[] = { az_span_slice(text, 0, i), az_span_slice_to_end(text, i) };
                az_json_reader reader;
                az_result result = az_json_reader_chunked_init(&reader, chunks, ELEMENTSOF(chunks), NULL);

                while (az_result_succeeded(result))
                        result = az_json_reader_next_token(&reader);
                ck_assert_int_eq(result, expected);
        }
}
END_TEST

START_TEST(slices_point_into_the_buffer) {
        static const char text[] = "{\"name\":\"value\",\"n\":-1}";
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, str(text), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_ptr_eq(az_span_ptr(reader.token.slice), text + 2);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_ptr_eq(az_span_ptr(reader.token.slice), text + 9);
        ck_assert_int_eq(reader.token.size, 5);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_ptr_eq(az_span_ptr(reader.token.slice), text + 20);
        ck_assert_int_eq(reader.token.size, 2);
}
END_TEST

static const struct { char open, close; } brackets[] = { { '[', ']' }, { '{', '}' } };

START_TEST(nesting_is_limited) {
        const char *before = brackets[_i].open == '{' ? "{\"a\":" : "[";
        char text[7 * AZ_JSON_NESTING_MAX];
        az_json_reader reader;
        int n = 0;

        for (int depth = 1; depth < AZ_JSON_NESTING_MAX; depth++)
                n += snprintf(text + n, sizeof(text) - (size_t) n, "%s", before);
        n += snprintf(text + n, sizeof(text) - (size_t) n, "%c%c", brackets[_i].open, brackets[_i].close);
        for (int depth = 1; depth < AZ_JSON_NESTING_MAX; depth++)
                text[n++] = brackets[_i].close;
        ck_assert_int_eq(az_json_validate(az_span_create((uint8_t *) text, n)), AZ_OK);

        n = 0;
        for (int depth = 0; depth <= AZ_JSON_NESTING_MAX; depth++)
                n += snprintf(text + n, sizeof(text) - (size_t) n, "%s", before);
        ck_assert_int_eq(read_all(&reader, az_span_create((uint8_t *) text, n)),
                         AZ_ERROR_JSON_NESTING_OVERFLOW);
        ck_assert_int_eq(reader.current_depth,
                         brackets[_i].open == '{' ? AZ_JSON_NESTING_MAX : AZ_JSON_NESTING_MAX - 1);
}
END_TEST

START_TEST(an_error_leaves_the_reader_where_it_was) {
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, str("[12,x]"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(reader.token.kind, AZ_JSON_TOKEN_NUMBER);
        ck_assert(az_span_is_content_equal(reader.token.slice, str("12")));
        ck_assert_int_eq(reader.current_depth, 1);
}
END_TEST

START_TEST(a_copy_of_a_reader_goes_on_by_itself) {
        az_json_reader reader, copy;

        ck_assert_int_eq(az_json_reader_init(&reader, str("[1,[2],3]"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        copy = reader;
        ck_assert_int_eq(az_json_reader_skip_children(&reader), AZ_OK);
        ck_assert_int_eq(reader.token.kind, AZ_JSON_TOKEN_END_ARRAY);
        ck_assert_int_eq(az_json_reader_next_token(&copy), AZ_OK);
        ck_assert(az_span_is_content_equal(copy.token.slice, str("1")));
}
END_TEST

/* 'n' tokens are read before; the last one that is then passed over is 'kind' at 'depth'. */
static const struct {
        const char *text;
        int n;
        az_result result;
        az_json_token_kind kind;
        int32_t depth;
        const char *value;
} skips[] = {
        { "{\"a\":[1,{\"b\":2}],\"c\":3}", 2, AZ_OK, AZ_JSON_TOKEN_END_ARRAY, 1, "[1,{\"b\":2}]" },
        { "{\"a\":[1,{\"b\":2}],\"c\":3}", 3, AZ_OK, AZ_JSON_TOKEN_END_ARRAY, 1, "[1,{\"b\":2}]" },
        { "{\"a\":[1,{\"b\":2}],\"c\":3}", 4, AZ_OK, AZ_JSON_TOKEN_NUMBER, 2, "1" },
        { " { \"a\" : 1 } ", 1, AZ_OK, AZ_JSON_TOKEN_END_OBJECT, 0, "{ \"a\" : 1 }" },
        { "{\"a\" : \"x\\n\\\"\" }", 2, AZ_OK, AZ_JSON_TOKEN_STRING, 1, "\"x\\n\\\"\"" },
        { "{\"a\": \"\"}", 3, AZ_OK, AZ_JSON_TOKEN_STRING, 1, "\"\"" },
        { "{\"n\": 9007199254740993 , \"x\":1.10}", 2, AZ_OK, AZ_JSON_TOKEN_NUMBER, 1, "9007199254740993" },
        { "[1e400]", 2, AZ_OK, AZ_JSON_TOKEN_NUMBER, 1, "1e400" },
        { "[ true ]", 2, AZ_OK, AZ_JSON_TOKEN_TRUE, 1, "true" },
        { "[[]]", 2, AZ_OK, AZ_JSON_TOKEN_END_ARRAY, 1, "[]" },
        { "{\"a\":[1,{\"b\"}]}", 2, AZ_ERROR_UNEXPECTED_CHAR, AZ_JSON_TOKEN_PROPERTY_NAME, 3, NULL },
        { "{\"a\":[1", 2, AZ_ERROR_UNEXPECTED_END, AZ_JSON_TOKEN_NUMBER, 2, NULL },
        { "{\"a\":x", 2, AZ_ERROR_UNEXPECTED_CHAR, AZ_JSON_TOKEN_PROPERTY_NAME, 1, NULL },
};

static void read_tokens(az_json_reader *reader, const char *text, int n) {
        ck_assert_int_eq(az_json_reader_init(reader, str(text), NULL), AZ_OK);
        for (int i = 0; i < n; i++)
                ck_assert_int_eq(az_json_reader_next_token(reader), AZ_OK);
}

START_TEST(children_are_skipped) {
        az_json_reader reader;

        read_tokens(&reader, skips[_i].text, skips[_i].n);
        ck_assert_int_eq(az_json_reader_skip_children(&reader), skips[_i].result);
        ck_assert_int_eq(reader.token.kind, skips[_i].kind);
        ck_assert_int_eq(reader.current_depth, skips[_i].depth);
}
END_TEST

START_TEST(a_value_is_found_byte_for_byte) {
        az_span value = AZ_SPAN_EMPTY;
        az_json_reader reader;

        read_tokens(&reader, skips[_i].text, skips[_i].n);
        ck_assert_int_eq(az_json_reader_read_value_text(&reader, &value), skips[_i].result);
        ck_assert_int_eq(reader.token.kind, skips[_i].kind);
        ck_assert(az_span_is_content_equal(value, skips[_i].value ? str(skips[_i].value) : AZ_SPAN_EMPTY));
}
END_TEST

START_TEST(an_end_token_or_none_is_no_value) {
        az_json_reader reader;
        az_span chunk = str("[]"), value;

        read_tokens(&reader, "[]", 0);
        ck_assert_int_eq(az_json_reader_skip_children(&reader), AZ_OK);
        ck_assert_int_eq(reader.token.kind, AZ_JSON_TOKEN_NONE);
        ck_assert_int_eq(az_json_reader_read_value_text(&reader, &value), AZ_ERROR_JSON_INVALID_STATE);
        read_tokens(&reader, "[]", 2);
        ck_assert_int_eq(az_json_reader_skip_children(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_read_value_text(&reader, &value), AZ_ERROR_JSON_INVALID_STATE);
        read_tokens(&reader, "{}", 2);
        ck_assert_int_eq(az_json_reader_skip_children(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_read_value_text(&reader, &value), AZ_ERROR_JSON_INVALID_STATE);

        ck_assert_int_eq(az_json_reader_chunked_init(&reader, &chunk, 1, NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_read_value_text(&reader, &value), AZ_ERROR_NOT_SUPPORTED);
}
END_TEST

START_TEST(empty_chunks_are_no_text_and_too_many_bytes_are_refused) {
        az_span empty[] = { AZ_SPAN_EMPTY, AZ_SPAN_EMPTY };
        uint8_t byte = '1';
        az_span huge[] = { az_span_create(&byte, 1), az_span_create(&byte, INT32_MAX) }; /* never read */
        az_json_reader_options options = az_json_reader_options_default();
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_chunked_init(&reader, empty, 2, NULL), AZ_ERROR_UNEXPECTED_END);
        ck_assert_int_eq(az_json_reader_chunked_init(&reader, huge, 2, &options), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_int_eq(az_json_reader_init(&reader, AZ_SPAN_EMPTY, &options), AZ_ERROR_UNEXPECTED_END);
}
END_TEST

static Suite *json_reader_suite(void) {
        Suite *s = suite_create("az-json-reader");
        TCase *t;

        t = tcase_create("az_json_reader_next_token");
        tcase_add_loop_test(t, documents_are_accepted_or_refused, 0, ELEMENTSOF(documents));
        tcase_add_loop_test(t, a_byte_is_judged_wherever_it_stands_in_a_string, 0, 20);
        tcase_add_test(t, tokens_have_kind_depth_and_bytes);
        tcase_add_test(t, slices_point_into_the_buffer);
        tcase_add_loop_test(t, nesting_is_limited, 0, ELEMENTSOF(brackets));
        tcase_add_test(t, an_error_leaves_the_reader_where_it_was);
        tcase_add_test(t, a_copy_of_a_reader_goes_on_by_itself);
        suite_add_tcase(s, t);

        t = tcase_create("az_json_reader_chunked_init");
        tcase_add_loop_test(t, a_text_cut_into_three_gives_the_same_tokens, 0, sizeof(tour));
        tcase_add_loop_test(t, a_document_cut_anywhere_is_judged_the_same, 0, ELEMENTSOF(documents));
        tcase_add_test(t, empty_chunks_are_no_text_and_too_many_bytes_are_refused);
        suite_add_tcase(s, t);

        t = tcase_create("az_json_reader_skip_children");
        tcase_add_loop_test(t, children_are_skipped, 0, ELEMENTSOF(skips));
        tcase_add_loop_test(t, a_value_is_found_byte_for_byte, 0, ELEMENTSOF(skips));
        tcase_add_test(t, an_end_token_or_none_is_no_value);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(json_reader_suite)
