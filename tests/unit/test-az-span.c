/* SPDX-License-Identifier: MIT */

#include <azure/core/az_span.h>
#include <azure/core/az_span_internal.h>

#include "unit-span.h"

START_TEST(literals_buffers_and_strings_become_spans) {
        static const az_span literal = AZ_SPAN_LITERAL_FROM_STR("abc");
        static const az_span empty = AZ_SPAN_LITERAL_EMPTY;
        uint8_t buffer[5];

        ck_assert_span_eq(literal, "abc");
        ck_assert_int_eq(az_span_size(AZ_SPAN_FROM_STR("")), 0);
        ck_assert_int_eq(az_span_size(AZ_SPAN_FROM_STR("a\0b")), 3);
        ck_assert_ptr_null(az_span_ptr(empty));
        ck_assert_int_eq(az_span_size(AZ_SPAN_EMPTY), 0);
        ck_assert_int_eq(az_span_size(AZ_SPAN_FROM_BUFFER(buffer)), 5);
        ck_assert_ptr_eq(az_span_ptr(AZ_SPAN_FROM_BUFFER(buffer)), buffer);
}
END_TEST

START_TEST(slices_lie_within_their_span) {
        az_span span = AZ_SPAN_FROM_STR("0123456789");

        ck_assert_span_eq(az_span_slice(span, 2, 5), "234");
        ck_assert_span_eq(az_span_slice_to_end(span, 7), "789");
        ck_assert_int_eq(az_span_size(az_span_slice(span, 10, 10)), 0);
        ck_assert_ptr_eq(az_span_ptr(az_span_slice(span, 4, 4)), az_span_ptr(span) + 4);
        ck_assert_ptr_null(az_span_ptr(az_span_slice_to_end(AZ_SPAN_EMPTY, 0)));
}
END_TEST

static const struct {
        const char *a, *b;
        bool equal, equal_ignoring_case;
} comparisons[] = {
        { "", "", true, true },          { "abc", "abc", true, true },   { "abc", "aBC", false, true },
        { "AZaz", "azAZ", false, true }, { "abc", "abd", false, false }, { "abc", "abcd", false, false },
        { "[", "{", false, false }, /* beside the letters, as far apart as upper and lower case */
        { "@", "`", false, false },
};

START_TEST(content_is_compared_with_and_without_case) {
        az_span a = str(comparisons[_i].a), b = str(comparisons[_i].b);

        ck_assert_int_eq(az_span_is_content_equal(a, b), comparisons[_i].equal);
        ck_assert_int_eq(az_span_is_content_equal_ignoring_case(a, b), comparisons[_i].equal_ignoring_case);
}
END_TEST

static const struct {
        const char *source, *target;
        int32_t index;
} finds[] = {
        { "", "", 0 },
        { "abc", "", 0 },
        { "", "a", -1 },
        { "abc", "abc", 0 },
        { "abc", "abcd", -1 },
        { "abc", "c", 2 },
        { "aaab", "aab", 1 },
        { "abababc", "ababc", 2 },
        { "abc", "d", -1 },
        { "abcx", "cy", -1 },
        { "mississippi", "issip", 4 },
};

START_TEST(find_returns_the_first_occurrence) {
        ck_assert_int_eq(az_span_find(str(finds[_i].source), str(finds[_i].target)), finds[_i].index);
}
END_TEST

START_TEST(find_in_null_spans) {
        ck_assert_int_eq(az_span_find(AZ_SPAN_EMPTY, AZ_SPAN_EMPTY), 0);
        ck_assert_int_eq(az_span_find(AZ_SPAN_EMPTY, str("a")), -1);
}
END_TEST

START_TEST(copies_return_what_is_left) {
        char buffer[8] = "abcdefg";
        az_span span = AZ_SPAN_FROM_BUFFER(buffer), rest;

        rest = az_span_copy(span, str("xyz"));
        ck_assert_ptr_eq(az_span_ptr(rest), buffer + 3);
        ck_assert_int_eq(az_span_size(rest), 5);
        rest = az_span_copy_u8(rest, '!');
        ck_assert_int_eq(az_span_size(rest), 4);
        ck_assert_str_eq(buffer, "xyz!efg");

        (void) az_span_copy(az_span_slice_to_end(span, 1), az_span_slice(span, 0, 6)); /* they overlap */
        ck_assert_str_eq(buffer, "xxyz!ef");

        rest = az_span_copy(span, AZ_SPAN_EMPTY);
        ck_assert_ptr_eq(az_span_ptr(rest), buffer);

        az_span_fill(az_span_slice(span, 0, 7), '-');
        ck_assert_str_eq(buffer, "-------");
        az_span_fill(AZ_SPAN_EMPTY, 'x');
}
END_TEST

START_TEST(to_str_appends_a_nul) {
        char buffer[8];

        for (int32_t size = 4; size <= (int32_t) sizeof(buffer); size++) {
                az_span_to_str((char *) az_span_ptr(ROOM(buffer, size)), size, str("abc"));
                ck_assert_str_eq(buffer, "abc");
                ck_assert_untouched(buffer, 4);
        }
        az_span_to_str((char *) az_span_ptr(ROOM(buffer, 1)), 1, AZ_SPAN_EMPTY);
        ck_assert_str_eq(buffer, "");
        ck_assert_untouched(buffer, 1);
}
END_TEST

static const struct {
        const char *text;
        bool valid;
} utf8_texts[] = {
        { "", true },
        { "plain", true },
        { "\x7F", true },
        { "\xC2\x80", true },         /* U+0080 */
        { "\xDF\xBF", true },         /* U+07FF */
        { "\xE0\xA0\x80", true },     /* U+0800 */
        { "\xED\x9F\xBF", true },     /* U+D7FF */
        { "\xEE\x80\x80", true },     /* U+E000 */
        { "\xEF\xBF\xBF", true },     /* U+FFFF */
        { "\xF0\x90\x80\x80", true }, /* U+10000 */
        { "\xF4\x8F\xBF\xBF", true }, /* U+10FFFF */
        { "a\xC3\xA4o\xE2\x82\xACz", true },
        { "\x80", false }, /* continuation without a lead */
        { "\xBF", false },
        { "\xC0\x80", false }, /* overlong NUL */
        { "\xC1\xBF", false },
        { "\xE0\x9F\xBF", false },     /* overlong U+07FF */
        { "\xF0\x8F\xBF\xBF", false }, /* overlong U+FFFF */
        { "\xED\xA0\x80", false },     /* surrogates */
        { "\xED\xBF\xBF", false },
        { "\xF4\x90\x80\x80", false }, /* U+110000 */
        { "\xF5\x80\x80\x80", false },
        { "\xFF", false },
        { "\xC3", false }, /* cut */
        { "\xE2\x82", false },
        { "\xF0\x90\x80", false },
        { "\xC3z", false },
        { "\xE2\x82z", false },
        { "\xF0\x90\x80z", false },
        { "\xE2z\x82", false },
};

START_TEST(utf8_is_judged_by_rfc_3629) {
        ck_assert_int_eq(az_span_is_valid_utf8(str(utf8_texts[_i].text)), utf8_texts[_i].valid);
}
END_TEST

static const struct {
        const char *plain, *encoded;
} url_texts[] = {
        { "", "" },
        { "AZaz09-_.~", "AZaz09-_.~" },
        { "dtmi:com:example;1", "dtmi%3Acom%3Aexample%3B1" },
        { " +%/&=#", "%20%2B%25%2F%26%3D%23" },
        { "\xC3\xA4", "%C3%A4" },
        { "\x01\xFF", "%01%FF" },
        { "@[`{", "%40%5B%60%7B" },
};

START_TEST(url_encoding_goes_there_and_back) {
        az_span plain = str(url_texts[_i].plain), encoded = str(url_texts[_i].encoded);
        uint8_t buffer[64];
        int32_t length;

        ck_assert_int_eq(_az_span_url_encoded_size(plain), az_span_size(encoded));
        ck_assert_int_eq(_az_span_url_encode(AZ_SPAN_FROM_BUFFER(buffer), plain, &length), AZ_OK);
        ck_assert_span_eq(az_span_create(buffer, length), url_texts[_i].encoded);

        /* In place. */
        ck_assert_int_eq(
                _az_span_url_decode(AZ_SPAN_FROM_BUFFER(buffer), az_span_create(buffer, length), &length),
                AZ_OK);
        ck_assert_span_eq(az_span_create(buffer, length), url_texts[_i].plain);
}
END_TEST

START_TEST(url_encoding_needs_exactly_its_size) {
        az_span plain = str(url_texts[_i].plain), encoded = str(url_texts[_i].encoded);

        CHECK_ROOMS(_az_span_url_encode, plain, encoded);
        CHECK_ROOMS(_az_span_url_decode, encoded, plain);
}
END_TEST

static const struct {
        const char *text;
        az_result result;
        const char *decoded;
} url_decodes[] = {
        { "%2f%2F+", AZ_OK, "//+" },
        { "%", AZ_ERROR_UNEXPECTED_END, NULL },
        { "a%2", AZ_ERROR_UNEXPECTED_END, NULL },
        { "%2g", AZ_ERROR_UNEXPECTED_CHAR, NULL },
        { "%G2", AZ_ERROR_UNEXPECTED_CHAR, NULL },
        { "%%20", AZ_ERROR_UNEXPECTED_CHAR, NULL },
        { "%-1", AZ_ERROR_UNEXPECTED_CHAR, NULL },
};

START_TEST(url_decoding_wants_two_hex_digits) {
        uint8_t buffer[16];
        int32_t length = -1;

        ck_assert_int_eq(_az_span_url_decode(AZ_SPAN_FROM_BUFFER(buffer), str(url_decodes[_i].text), &length),
                         url_decodes[_i].result);
        if (url_decodes[_i].result == AZ_OK)
                ck_assert_span_eq(az_span_create(buffer, length), url_decodes[_i].decoded);
        else
                ck_assert_int_eq(length, -1);
}
END_TEST

static Suite *span_suite(void) {
        Suite *s = suite_create("az-span");
        TCase *t;

        t = tcase_create("az_span");
        tcase_add_test(t, literals_buffers_and_strings_become_spans);
        tcase_add_test(t, slices_lie_within_their_span);
        tcase_add_loop_test(t, content_is_compared_with_and_without_case, 0, ELEMENTSOF(comparisons));
        tcase_add_loop_test(t, find_returns_the_first_occurrence, 0, ELEMENTSOF(finds));
        tcase_add_test(t, find_in_null_spans);
        tcase_add_test(t, copies_return_what_is_left);
        tcase_add_test(t, to_str_appends_a_nul);
        suite_add_tcase(s, t);

        t = tcase_create("az_span_is_valid_utf8");
        tcase_add_loop_test(t, utf8_is_judged_by_rfc_3629, 0, ELEMENTSOF(utf8_texts));
        suite_add_tcase(s, t);

        t = tcase_create("_az_span_url");
        tcase_add_loop_test(t, url_encoding_goes_there_and_back, 0, ELEMENTSOF(url_texts));
        tcase_add_loop_test(t, url_encoding_needs_exactly_its_size, 0, ELEMENTSOF(url_texts));
        tcase_add_loop_test(t, url_decoding_wants_two_hex_digits, 0, ELEMENTSOF(url_decodes));
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(span_suite)
