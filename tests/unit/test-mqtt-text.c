/* SPDX-License-Identifier: MIT */

#include <mqtt/text.h>

#include "unit.h"

/* Longer than what is looked at together, twice. */
#define N_AROUND 20U

static const struct {
        const char *bytes;
        bool is_unwanted;
} characters[] = {
        { "\x01", true },
        { "\n", true },
        { "\x1f", true },
        { " ", false },
        { "~", false },
        { "\x7f", true },
        { "\xc2\x80", true },
        { "\xc2\x9f", true },
        { "\xc2\xa0", false },
        { "\xc3\xbc", false },
        { "\xef\xb7\x8f", false },
        { "\xef\xb7\x90", true },
        { "\xef\xb7\xaf", true },
        { "\xef\xb7\xb0", false },
        { "\xef\xbf\xbd", false },
        { "\xef\xbf\xbe", true },
        { "\xef\xbf\xbf", true },
        { "\xf0\x9f\x98\x80", false },
        { "\xf0\x9f\xbf\xbe", true },
};

/* A content type of so many bytes before the character and behind it, as in a PUBLISH; returns its length. */
static size_t write_property(uint8_t *p, int row, size_t n_before) {
        size_t n = strlen(characters[row].bytes);

        memset(p, 'x', 3 + N_AROUND + n);
        p[0] = 0x03;
        p[1] = 0;
        p[2] = (uint8_t) (N_AROUND + n);
        memcpy(p + 3 + n_before, characters[row].bytes, n);
        return 3 + N_AROUND + n;
}

START_TEST(unwanted_characters_are_found_and_spaces_put_over_them_wherever_they_are) {
        size_t n_character = strlen(characters[_i].bytes);
        uint8_t bytes[64], expected[64];

        for (size_t n_before = 0; n_before <= N_AROUND; n_before++) {
                size_t n = write_property(bytes, _i, n_before);

                memcpy(expected, bytes, n);
                if (characters[_i].is_unwanted)
                        memset(expected + 3 + n_before, ' ', n_character);
                ck_assert_int_eq(mqtt_text_has_unwanted(az_span_create(bytes + 3, (int32_t) n - 3)),
                                 characters[_i].is_unwanted);
                mqtt_text_clean_properties(az_span_create(bytes, (int32_t) n));
                ck_assert_mem_eq(bytes, expected, n);
        }
}
END_TEST

START_TEST(several_unwanted_characters_are_all_cleaned) {
        uint8_t bytes[] = "\x03\0\x14\n23456789\r\n23456789\t";

        mqtt_text_clean_properties(az_span_create(bytes, sizeof(bytes) - 1));
        ck_assert_str_eq((char *) bytes + 3, " 23456789  23456789 ");
}
END_TEST

static Suite *text_suite(void) {
        Suite *s = suite_create("mqtt-text");
        TCase *t = tcase_create("text");

        tcase_add_loop_test(t, unwanted_characters_are_found_and_spaces_put_over_them_wherever_they_are, 0,
                            ELEMENTSOF(characters));
        tcase_add_test(t, several_unwanted_characters_are_all_cleaned);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(text_suite());
}
