/* SPDX-License-Identifier: MIT */

#include <azure/core/az_json.h>

#include "unit-span.h"

/* Reads 'text', a single value, in one piece or, if 'cut' is not 0, in two. The chunks live as long as the
 * token. */
static az_json_token read_value(const char *text, int32_t cut, az_span chunks[2]) {
        az_json_reader reader;

        chunks[0] = az_span_slice(str(text), 0, cut);
        chunks[1] = az_span_slice_to_end(str(text), cut);
        if (cut > 0)
                ck_assert_int_eq(az_json_reader_chunked_init(&reader, chunks, 2, NULL), AZ_OK);
        else
                ck_assert_int_eq(az_json_reader_init(&reader, chunks[1], NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        return reader.token;
}

/* JSON and the text that it means, with its size as it may hold NULs. */
static const struct {
        const char *json, *text;
        int32_t size;
} strings[] = {
        { "\"\"", "", 0 },
        { "\"plain\"", "plain", 5 },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
        { "\"\\u0041\\u00e4\\u20AC\\uFFFF\"", "A\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBF", 9 },
        { "\"\\u007F\\u0080\\u07FF\\u0800\"", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80", 8 },
        { "\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80", 4 },
        { "\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF", 4 },
        { "\"a\\u0000b\"", "a\0b", 3 },
        { "\"\xE2\x82\xAC\\n\xE2\x82\xAC\"", "\xE2\x82\xAC\n\xE2\x82\xAC", 7 },
};

/* In a room of any size the text is written whole, with a NUL, or what is behind the room stays as it was. */
static void check_rooms(const az_json_token *token, const char *text, int32_t length) {
        for (int32_t size = 1; size <= length + 2; size++) {
                bool fits = size > length;
                char buffer[32], *room = (char *) az_span_ptr(ROOM(buffer, size));
                int32_t written = -1;

                ck_assert_int_eq(az_json_token_get_string(token, room, size, &written),
                                 fits ? AZ_OK : AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(written, fits ? length : -1);
                ck_assert_untouched(buffer, fits ? length + 1 : size);
                ck_assert(!fits || memcmp(buffer, text, (size_t) length + 1) == 0);
        }
}

START_TEST(strings_are_unescaped_however_they_are_cut) {
        az_span expected = az_span_create((uint8_t *) strings[_i].text, strings[_i].size);

        for (int32_t cut = 0; cut < (int32_t) strlen(strings[_i].json); cut++) {
                az_span chunks[2];
                az_json_token token = read_value(strings[_i].json, cut, chunks);
                char buffer[32], other[32];
                int32_t length = strings[_i].size;

                check_rooms(&token, strings[_i].text, length);
                ck_assert_int_eq(az_json_token_get_string(&token, buffer, sizeof(buffer), NULL), AZ_OK);

                ck_assert(az_json_token_is_text_equal(&token, expected));
                memcpy(other, buffer, sizeof(other));
                other[length] = 'x';
                ck_assert(
                        !az_json_token_is_text_equal(&token, az_span_create((uint8_t *) other, length + 1)));
                if (length == 0)
                        continue;
                ck_assert(!az_json_token_is_text_equal(&token, az_span_slice(expected, 0, length - 1)));
                other[length - 1] ^= 1;
                ck_assert(!az_json_token_is_text_equal(&token, az_span_create((uint8_t *) other, length)));
        }
}
END_TEST

START_TEST(a_string_is_unescaped_where_it_is) {
        char buffer[64];
        az_span json = az_span_slice(str(strings[_i].json), 1, (int32_t) strlen(strings[_i].json) - 1);
        az_span text;

        memcpy(buffer, az_span_ptr(json), (size_t) az_span_size(json));
        json = az_span_create((uint8_t *) buffer, az_span_size(json));
        text = az_json_string_unescape(json, json);
        ck_assert_ptr_eq(az_span_ptr(text), buffer);
        ck_assert(az_span_is_content_equal(text,
                                           az_span_create((uint8_t *) strings[_i].text, strings[_i].size)));
}
END_TEST

static const char *const malformed[] = { "\\", "a\\x", "\\u12", "\\uD800", "\\uD800x", "\\uDC00", "\\u123g" };

START_TEST(a_malformed_escape_gives_nothing) {
        uint8_t buffer[16];

        ck_assert_int_eq(
                az_span_size(az_json_string_unescape(str(malformed[_i]), AZ_SPAN_FROM_BUFFER(buffer))), 0);
}
END_TEST

/* What each getter returns: OK with the number, or why not. */
static const struct {
        const char *json;
        az_result u64, i64, u32, i32, number;
        double value;
} numbers[] = {
        { "0", AZ_OK, AZ_OK, AZ_OK, AZ_OK, AZ_OK, 0 },
        { "-0", AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, AZ_OK, 0 },
        { "42", AZ_OK, AZ_OK, AZ_OK, AZ_OK, AZ_OK, 42 },
        { "-42", AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, AZ_OK, -42 },
        { "4294967295", AZ_OK, AZ_OK, AZ_OK, AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, 4294967295.0 },
        { "-4294967296", AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR,
          AZ_OK, -4294967296.0 },
        { "9007199254740992", AZ_OK, AZ_OK, AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR, AZ_OK,
          9007199254740992.0 },
        { "1.0", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR,
          AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, 1 },
        { "1e3", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR,
          AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, 1000 },
        { "1e400", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR,
          AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "\"1\"", AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE,
          AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE, 0 },
        { "null", AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE,
          AZ_ERROR_JSON_INVALID_STATE, AZ_ERROR_JSON_INVALID_STATE, 0 },
};

#define CHECK_NUMBER(type, get, token, expected)                                \
        do {                                                                    \
                type value = 7;                                                 \
                                                                                \
                ck_assert_int_eq(get(token, &value), expected);                 \
                if (expected == AZ_OK)                                          \
                        ck_assert_double_eq((double) value, numbers[_i].value); \
                else                                                            \
                        ck_assert_double_eq((double) value, 7);                 \
        } while (0)

START_TEST(numbers_are_read_however_they_are_cut) {
        for (int32_t cut = 0; cut < (int32_t) strlen(numbers[_i].json); cut++) {
                az_span chunks[2];
                az_json_token token = read_value(numbers[_i].json, cut, chunks);

                CHECK_NUMBER(uint64_t, az_json_token_get_uint64, &token, numbers[_i].u64);
                CHECK_NUMBER(int64_t, az_json_token_get_int64, &token, numbers[_i].i64);
                CHECK_NUMBER(uint32_t, az_json_token_get_uint32, &token, numbers[_i].u32);
                CHECK_NUMBER(int32_t, az_json_token_get_int32, &token, numbers[_i].i32);
                CHECK_NUMBER(double, az_json_token_get_double, &token, numbers[_i].number);
        }
}
END_TEST

START_TEST(a_long_number_is_read_in_one_piece_only) {
        char text[130];
        az_span chunks[2];
        az_json_token token;
        double value;

        memset(text, '1', sizeof(text) - 1);
        text[1] = '.';
        text[sizeof(text) - 1] = '\0';
        token = read_value(text, 0, chunks);
        ck_assert_int_eq(az_json_token_get_double(&token, &value), AZ_OK);
        token = read_value(text, 64, chunks);
        ck_assert_int_eq(az_json_token_get_double(&token, &value), AZ_ERROR_NOT_SUPPORTED);
        text[128] = '\0';
        token = read_value(text, 64, chunks);
        ck_assert_int_eq(az_json_token_get_double(&token, &value), AZ_OK);
        ck_assert_double_eq(value, 10.0 / 9.0);
}
END_TEST

static const struct {
        const char *json;
        az_result result;
        bool value;
} booleans[] = {
        { "true", AZ_OK, true },
        { "false", AZ_OK, false },
        { "null", AZ_ERROR_JSON_INVALID_STATE, false },
        { "1", AZ_ERROR_JSON_INVALID_STATE, false },
        { "\"true\"", AZ_ERROR_JSON_INVALID_STATE, false },
};

START_TEST(booleans_are_true_and_false_alone) {
        az_span chunks[2];
        az_json_token token = read_value(booleans[_i].json, 0, chunks);
        bool value = !booleans[_i].value;

        ck_assert_int_eq(az_json_token_get_boolean(&token, &value), booleans[_i].result);
        ck_assert_int_eq(value, booleans[_i].result == AZ_OK ? booleans[_i].value : !booleans[_i].value);
}
END_TEST

START_TEST(text_is_in_strings_and_names_alone) {
        az_span chunks[2];
        az_json_token token = read_value("1", 0, chunks);
        az_json_reader reader;
        char buffer[8];

        ck_assert_int_eq(az_json_token_get_string(&token, buffer, sizeof(buffer), NULL),
                         AZ_ERROR_JSON_INVALID_STATE);
        ck_assert(!az_json_token_is_text_equal(&token, str("1")));

        ck_assert_int_eq(az_json_reader_init(&reader, str("{\"\\u0061\":1}"), NULL), AZ_OK);
        ck_assert(!az_json_token_is_text_equal(&reader.token, AZ_SPAN_EMPTY)); /* no token yet */
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_token_get_string(&reader.token, buffer, sizeof(buffer), NULL), AZ_OK);
        ck_assert_str_eq(buffer, "a");
        ck_assert(az_json_token_is_text_equal(&reader.token, str("a")));
        ck_assert(!az_json_token_is_text_equal(&reader.token, str("A")));
}
END_TEST

START_TEST(the_bytes_of_a_token_are_copied_as_they_are) {
        for (int32_t cut = 0; cut < 9; cut++) {
                az_span chunks[2], rest;
                az_json_token token = read_value("\"a\\u0062\"", cut, chunks);
                char buffer[16];

                for (int32_t size = 7; size <= 9; size++) {
                        rest = az_json_token_copy_into_span(&token, ROOM(buffer, size));
                        ck_assert_mem_eq(buffer, "a\\u0062", 7);
                        ck_assert_ptr_eq(az_span_ptr(rest), buffer + 7);
                        ck_assert_int_eq(az_span_size(rest), size - 7);
                        ck_assert_untouched(buffer, 7);
                }
        }
}
END_TEST

static Suite *json_token_suite(void) {
        Suite *s = suite_create("az-json-token");
        TCase *t;

        t = tcase_create("az_json_token_get_string");
        tcase_add_loop_test(t, strings_are_unescaped_however_they_are_cut, 0, ELEMENTSOF(strings));
        tcase_add_test(t, text_is_in_strings_and_names_alone);
        tcase_add_test(t, the_bytes_of_a_token_are_copied_as_they_are);
        suite_add_tcase(s, t);

        t = tcase_create("az_json_string_unescape");
        tcase_add_loop_test(t, a_string_is_unescaped_where_it_is, 0, ELEMENTSOF(strings));
        tcase_add_loop_test(t, a_malformed_escape_gives_nothing, 0, ELEMENTSOF(malformed));
        suite_add_tcase(s, t);

        t = tcase_create("az_json_token_get_double");
        tcase_add_loop_test(t, numbers_are_read_however_they_are_cut, 0, ELEMENTSOF(numbers));
        tcase_add_test(t, a_long_number_is_read_in_one_piece_only);
        suite_add_tcase(s, t);

        t = tcase_create("az_json_token_get_boolean");
        tcase_add_loop_test(t, booleans_are_true_and_false_alone, 0, ELEMENTSOF(booleans));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(json_token_suite)
