/* SPDX-License-Identifier: MIT */

/* In a locale that writes 1.5 as "1,5", numbers are read and written as in any other. */

#include <locale.h>

#include <azure/core/az_json.h>

#include "unit-span.h"

START_TEST(libc_follows_the_locale) {
        char text[8];

        (void) snprintf(text, sizeof(text), "%.1f", 1.5);
        ck_assert_str_eq(text, "1,5");
        ck_assert_double_eq(strtod("1,5", NULL), 1.5);
}
END_TEST

START_TEST(text_is_read_with_a_point) {
        double number = 42;

        ck_assert_int_eq(az_span_atod(str("1.5"), &number), AZ_OK);
        ck_assert_double_eq(number, 1.5);
        ck_assert_int_eq(az_span_atod(str("1,5"), &number), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(az_span_atod(str("1.000.000"), &number), AZ_ERROR_UNEXPECTED_CHAR);
}
END_TEST

START_TEST(numbers_are_written_with_a_point) {
        uint8_t text[16];
        az_span rest;

        ck_assert_int_eq(az_span_dtoa(AZ_SPAN_FROM_BUFFER(text), 1234567.5, 2, &rest), AZ_OK);
        ck_assert_span_eq(az_span_slice(AZ_SPAN_FROM_BUFFER(text), 0, 16 - az_span_size(rest)), "1234567.5");
        ck_assert_int_eq(az_span_dtoa_with_fractional(AZ_SPAN_FROM_BUFFER(text), 1234567.5, 2, &rest), AZ_OK);
        ck_assert_span_eq(az_span_slice(AZ_SPAN_FROM_BUFFER(text), 0, 16 - az_span_size(rest)), "1234567.50");
        ck_assert_int_eq(az_span_i32toa(AZ_SPAN_FROM_BUFFER(text), 1234567, &rest), AZ_OK);
        ck_assert_span_eq(az_span_slice(AZ_SPAN_FROM_BUFFER(text), 0, 16 - az_span_size(rest)), "1234567");
}
END_TEST

START_TEST(json_has_a_point) {
        uint8_t text[16];
        az_json_writer writer;
        az_json_reader reader;
        double number = 42;

        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(text), NULL), AZ_OK);
        ck_assert_int_eq(az_json_writer_append_double(&writer, 1.5, 3), AZ_OK);
        ck_assert_span_eq(az_json_writer_get_bytes_used_in_destination(&writer), "1.5");
        ck_assert_int_eq(az_json_reader_init(&reader, str("1.5"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_token_get_double(&reader.token, &number), AZ_OK);
        ck_assert_double_eq(number, 1.5);
}
END_TEST

static Suite *locale_suite(void) {
        Suite *s = suite_create("az-locale");
        TCase *t = tcase_create("de_DE.UTF-8");

        tcase_add_test(t, libc_follows_the_locale);
        tcase_add_test(t, text_is_read_with_a_point);
        tcase_add_test(t, numbers_are_written_with_a_point);
        tcase_add_test(t, json_has_a_point);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (!setlocale(LC_ALL, "de_DE.UTF-8"))
                return unit_skip("there is no locale de_DE.UTF-8 here");
        return unit_run(locale_suite());
}
