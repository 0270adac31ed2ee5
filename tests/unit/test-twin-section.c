/* SPDX-License-Identifier: MIT */

#include "daemon/twin-section.h"

#include "daemon/json-merge.h"
#include "tests/unit/unit-span.h"

/* What a section is as a set; NULL: the pointer is none. */
static const struct {
        const char *pointer, *set, *wrong;
} pointers[] = {
        { "/pump", "{\"pump\":null}", NULL },
        { "/pump/speed", "{\"pump\":{\"speed\":null}}", NULL },
        { "/0/-", "{\"0\":{\"-\":null}}", NULL },
        { "/a~1b/~0~01", "{\"a/b\":{\"~~1\":null}}", NULL },
        { "/\"\\", "{\"\\\"\\\\\":null}", NULL },
        { "/\303\251", "{\"\303\251\":null}", NULL },
        { "/a/b/c/d/e/f/g/h/i/j",
          "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":null}}}}}}}}}}", NULL },

        { "/a/b/c/d/e/f/g/h/i/j/k", NULL, "10 levels" },
        { "pump", NULL, "a JSON pointer" },
        { "#/pump", NULL, "a JSON pointer" },
        { "/", NULL, "must not be empty" },
        { "//a", NULL, "must not be empty" },
        { "/pump/", NULL, "must not be empty" },
        { "/$version", NULL, "belong to the cloud" },
        { "/a.b", NULL, "must not hold" },
        { "/a b", NULL, "must not hold" },
        { "/\377", NULL, "UTF-8" },
        { "/a~2", NULL, "~0" },
        { "/a~", NULL, "~0" },
};

START_TEST(a_section_is_named_by_a_pointer) {
        const char *wrong = twin_section_check(str(pointers[_i].pointer));
        _cleanup_(freep) char *set = NULL;

        if (pointers[_i].wrong) {
                ck_assert_ptr_nonnull(wrong);
                ck_assert_ptr_nonnull(strstr(wrong, pointers[_i].wrong));
                return;
        }
        ck_assert_ptr_null(wrong);
        ck_assert_int_eq(twin_section_format(str(pointers[_i].pointer), &set), 0);
        ck_assert_str_eq(set, pointers[_i].set);
}
END_TEST

START_TEST(a_name_is_as_long_as_in_the_twin) {
        char pointer[2 * 1025 + 2] = "/";

        /* Escapes count as what they are. */
        for (int i = 0; i < 1024; i++)
                strcat(pointer, "~0");
        ck_assert_ptr_null(twin_section_check(str(pointer)));
        strcat(pointer, "a");
        ck_assert_ptr_nonnull(twin_section_check(str(pointer)));
}
END_TEST

static const struct {
        const char *a, *b;
        bool do_overlap;
} pairs[] = {
        { "/a", "/a", true },   { "/a", "/a/b", true },    { "/a", "/ab", false },
        { "/a", "/b", false },  { "/a/b", "/a/c", false }, { "/a/b", "/a/b/c/d", true },
        { "/a/b", "/a", true },
};

START_TEST(sections_overlap_if_one_is_in_the_other) {
        ck_assert_int_eq(twin_section_overlaps(str(pairs[_i].a), str(pairs[_i].b)), pairs[_i].do_overlap);
        ck_assert_int_eq(twin_section_overlaps(str(pairs[_i].b), str(pairs[_i].a)), pairs[_i].do_overlap);
}
END_TEST

#define SECTIONS "{\"a\":{\"b\":null,\"c\":null},\"d\":null,\"x/y\":null}"

/* The first member of a patch that is outside of the sections, and the first that is inside. */
static const struct {
        const char *patch, *outside, *inside;
} patches[] = {
        { "{}", NULL, NULL },
        { "{\"a\":{\"b\":1}}", NULL, "/a/b" },
        { "{\"a\":{\"b\":null}}", NULL, "/a/b" },
        { "{\"a\":{\"b\":{\"x\":{}},\"c\":[]},\"d\":{\"a\":1}}", NULL, "/a/b" },
        { "{\"\\u0064\":{\"x\":1}}", NULL, "/d" },
        { "{\"x/y\":1}", NULL, "/x~1y" },
        { "{\"e\":1}", "/e", NULL },
        { "{\"e\":null}", "/e", NULL },
        { "{\"~\":{\"a\":1}}", "/~0", NULL },
        { "{\"a\":{\"e\":1}}", "/a/e", NULL },
        { "{\"a\":{\"b\":1,\"e\":1}}", "/a/e", "/a/b" },
        { "{\"d\":1,\"a\":{\"e\":{\"b\":1}}}", "/a/e", "/d" },
        /* What a section is in cannot be removed or replaced. */
        { "{\"a\":null}", "/a", "/a" },
        { "{\"a\":5}", "/a", "/a" },
        { "{\"a\":[{\"b\":1}]}", "/a", "/a" },
        { "{\"a\":{}}", NULL, NULL },
};

static void check_found(int (*find)(az_span, az_span, char **), const char *patch, const char *path) {
        _cleanup_(freep) char *found = NULL;

        ck_assert_int_eq(find(str(SECTIONS), str(patch), &found), path ? TWIN_SECTION_FOUND : 0);
        ck_assert_pstr_eq(found, path);
}

START_TEST(a_patch_is_looked_through_for_what_is_whose) {
        check_found(twin_section_find_outside, patches[_i].patch, patches[_i].outside);
        check_found(twin_section_find_inside, patches[_i].patch, patches[_i].inside);
}
END_TEST

static Suite *twin_section_suite(void) {
        Suite *s = suite_create("twin-section");
        TCase *names = tcase_create("pointers"), *finds = tcase_create("patches");

        tcase_add_loop_test(names, a_section_is_named_by_a_pointer, 0, ELEMENTSOF(pointers));
        tcase_add_test(names, a_name_is_as_long_as_in_the_twin);
        tcase_add_loop_test(names, sections_overlap_if_one_is_in_the_other, 0, ELEMENTSOF(pairs));
        tcase_add_loop_test(finds, a_patch_is_looked_through_for_what_is_whose, 0, ELEMENTSOF(patches));
        suite_add_tcase(s, names);
        suite_add_tcase(s, finds);
        return s;
}

UNIT_MAIN(twin_section_suite)
