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
        ck_assert_uint_eq(wrap_print(f, "label", texts[_i].text, texts[_i].max_lines), texts[_i].n_lines);
        (void) fclose(f);
        ck_assert_str_eq(printed, texts[_i].printed);
}
END_TEST

static Suite *wrap_suite(void) {
        Suite *s = suite_create("cli-wrap");
        TCase *t = tcase_create("print");

        tcase_add_loop_test(t, text_is_wrapped, 0, ELEMENTSOF(texts));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(wrap_suite)
