/* SPDX-License-Identifier: MIT */

#include "cli/wrap.h"
#include "tests/unit/unit.h"

#define TEN     "123456789 "
#define SEVENTY TEN TEN TEN TEN TEN TEN "1234567890"

static const struct {
        const char *text;
        unsigned max_lines, n_lines;
        const char *printed;
} texts[] = {
        { "short", 9, 1, "label     short\n" },
        { "", 9, 1, "label     \n" },
        { SEVENTY, 9, 1, "label     " SEVENTY "\n" },
        { SEVENTY " next", 9, 2, "label     " SEVENTY "\n          next\n" },
        { TEN TEN TEN TEN TEN TEN "123456789012", 9, 2,
          "label     123456789 123456789 123456789 123456789 123456789 123456789\n          123456789012\n" },
        { SEVENTY "1 next", 9, 2,
          "label     123456789 123456789 123456789 123456789 123456789 123456789\n          12345678901 "
          "next\n" },
        { SEVENTY " next", 1, 1,
          "label     123456789 123456789 123456789 123456789 123456789 123456789 ...\n" },
        { SEVENTY " next", 0, 0, "" },
        { "1234567890123456789012345678901234567890123456789012345678901234567890_", 9, 2,
          "label     1234567890123456789012345678901234567890123456789012345678901234567890\n          _\n" },
};

START_TEST(text_is_wrapped) {
        _cleanup_(freep) char *printed = NULL;
        size_t size;
        FILE *f = open_memstream(&printed, &size);

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(wrap_print(f, WRAP_WIDTH, "label", texts[_i].text, texts[_i].max_lines),
                          texts[_i].n_lines);
        (void) fclose(f);
        ck_assert_str_eq(printed, texts[_i].printed);
}
END_TEST

static const struct {
        unsigned width;
        const char *text, *printed;
} widths[] = {
        { 14, "one two three", "one two\n      three\n" },
        { 13, "one two three", "one two\n      three\n" },
        { 12, "one two three", "one\n      two\n      three\n" },
        { WRAP_NEVER, SEVENTY SEVENTY, SEVENTY SEVENTY "\n" },
        /* A character takes one column, however many bytes it has, and stays whole. */
        { 11, "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xc3\xa4 next",
          "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xc3\xa4\n      next\n" },
        { 8, "\xc3\xa4\xc3\xb6\xc3\xbc", "\xc3\xa4\xc3\xb6\n      \xc3\xbc\n" },
        /* What could drive the terminal does not reach it. */
        { 80,
          "\033[2J\r\x7f\xc2\x9b"
          "2J \xc2\xa0",
          "?[2J???2J \xc2\xa0\n" },
        { 80, "blanks at the end  ", "blanks at the end\n" },
        /* There is always some room. */
        { 3, "ab", "a\n      b\n" },
};

START_TEST(text_fits_the_width) {
        _cleanup_(freep) char *printed = NULL;
        size_t size;
        FILE *f = open_memstream(&printed, &size);

        ck_assert_ptr_nonnull(f);
        (void) wrap_text(f, widths[_i].width, 6, widths[_i].text, WRAP_ALL);
        (void) fclose(f);
        ck_assert_str_eq(printed, widths[_i].printed);
}
END_TEST

static Suite *wrap_suite(void) {
        Suite *s = suite_create("cli-wrap");
        TCase *t = tcase_create("print");

        tcase_add_loop_test(t, text_is_wrapped, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, text_fits_the_width, 0, ELEMENTSOF(widths));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(wrap_suite)
