/* SPDX-License-Identifier: MIT */

#include <azure/core/az_base64.h>

#include "unit-span.h"

static const struct {
        const char *bytes, *text, *url_text;
} encodings[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" }, /* RFC 4648, section 10 */
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xFB\xFF\xBF", "+/+/", "-_-_" },
        { "\xFF\xFE", "//4=", "__4" },
};

START_TEST(encoding_goes_there_and_back) {
        az_span bytes = str(encodings[_i].bytes), text = str(encodings[_i].text);
        uint8_t buffer[16];
        int32_t n = -1;

        ck_assert_int_eq(az_base64_get_max_encoded_size(az_span_size(bytes)), az_span_size(text));
        ck_assert_int_eq(az_base64_encode(az_span_create(buffer, az_span_size(text)), bytes, &n), AZ_OK);
        ck_assert_int_eq(n, az_span_size(text));
        ck_assert_mem_eq(buffer, encodings[_i].text, (size_t) n);

        ck_assert_int_eq(az_base64_decode(az_span_create(buffer, n), az_span_create(buffer, n), &n), AZ_OK);
        ck_assert_int_eq(n, az_span_size(bytes));
        ck_assert_mem_eq(buffer, encodings[_i].bytes, (size_t) n);
        ck_assert_int_ge(az_base64_get_max_decoded_size(az_span_size(text)), n);
}
END_TEST

START_TEST(room_for_the_output_is_enough) {
        az_span bytes = str(encodings[_i].bytes), text = str(encodings[_i].text);
        az_span url_text = str(encodings[_i].url_text);

        CHECK_ROOMS(az_base64_encode, bytes, text);
        CHECK_ROOMS(az_base64_decode, text, bytes);
        CHECK_ROOMS(az_base64_url_decode, url_text, bytes);
}
END_TEST

START_TEST(url_text_is_decoded_into_exactly_its_size) {
        az_span bytes = str(encodings[_i].bytes), text = str(encodings[_i].url_text);
        uint8_t buffer[16];
        int32_t n = -1;

        ck_assert_int_eq(az_base64_url_get_max_decoded_size(az_span_size(text)), az_span_size(bytes));
        ck_assert_int_eq(az_base64_url_decode(az_span_create(buffer, az_span_size(bytes)), text, &n), AZ_OK);
        ck_assert_int_eq(n, az_span_size(bytes));
        ck_assert_mem_eq(buffer, encodings[_i].bytes, (size_t) n);
}
END_TEST

static const struct {
        const char *text;
        az_result result, url_result;
} decodings[] = {
        { "Zg==", AZ_OK, AZ_OK },
        { "Zm8=", AZ_OK, AZ_OK },
        { "Zg", AZ_ERROR_UNEXPECTED_END, AZ_OK },
        { "Zg=", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "Zm9vY", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "Z", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "=", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "====", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "Z===", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "Zg==Zg==", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "Z=g=", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "Zh==", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR }, /* the last bits are not zero */
        { "Zm9=", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "Zm9v\n", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "Zm 9vYg=", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "+/+/", AZ_OK, AZ_ERROR_UNEXPECTED_CHAR },
        { "-_-_", AZ_ERROR_UNEXPECTED_CHAR, AZ_OK },
        { "Zm\xC3\xA4", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "[@`{", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR }, /* beside the letters */
        { ":9zZ", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR }, /* beside the digits */
};

START_TEST(decoding_is_strict) {
        uint8_t buffer[16];
        int32_t n = -1;

        ck_assert_int_eq(az_base64_decode(AZ_SPAN_FROM_BUFFER(buffer), str(decodings[_i].text), &n),
                         decodings[_i].result);
        ck_assert(decodings[_i].result == AZ_OK || n == -1);
        n = -1;
        ck_assert_int_eq(az_base64_url_decode(AZ_SPAN_FROM_BUFFER(buffer), str(decodings[_i].text), &n),
                         decodings[_i].url_result);
        ck_assert(decodings[_i].url_result == AZ_OK || n == -1);
}
END_TEST

START_TEST(sizes_reach_to_the_limits_of_int32) {
        ck_assert_int_eq(az_base64_get_max_encoded_size(1610612733), 2147483644);
        ck_assert_int_eq(az_base64_get_max_decoded_size(INT32_MAX), 1610612733);
        ck_assert_int_eq(az_base64_url_get_max_decoded_size(INT32_MAX), 1610612735);
}
END_TEST

static Suite *base64_suite(void) {
        Suite *s = suite_create("az-base64");
        TCase *t = tcase_create("az_base64");

        tcase_add_loop_test(t, encoding_goes_there_and_back, 0, ELEMENTSOF(encodings));
        tcase_add_loop_test(t, room_for_the_output_is_enough, 0, ELEMENTSOF(encodings));
        tcase_add_loop_test(t, url_text_is_decoded_into_exactly_its_size, 0, ELEMENTSOF(encodings));
        tcase_add_loop_test(t, decoding_is_strict, 0, ELEMENTSOF(decodings));
        tcase_add_test(t, sizes_reach_to_the_limits_of_int32);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(base64_suite)
