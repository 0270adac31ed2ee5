/* SPDX-License-Identifier: MIT */

#include "daemon/json-merge.h"

#include "tests/unit/unit-span.h"

/* What is made of two texts; NULL: they are refused. */
typedef struct Case {
        const char *a, *b, *result;
} Case;

static void check(const Case *c, int (*merge)(az_span a, az_span b, char **ret)) {
        _cleanup_(freep) char *result = NULL;

        ck_assert_int_eq(merge(str(c->a), str(c->b), &result), c->result ? 0 : JSON_MERGE_INVALID);
        ck_assert_pstr_eq(result, c->result);
}

/* The first rows are those of RFC 7386, appendix A, that are about objects. */
static const Case applied[] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        /* Values are the bytes that they were. */
        { "{\"n\":9007199254740993, \"s\":\"\\u0041\\/\"}", "{\"m\":1.10e+1}",
          "{\"n\":9007199254740993,\"s\":\"\\u0041\\/\",\"m\":1.10e+1}" },
        { "{\"a\":[ null, {\"b\" : null} ]}", "{\"c\":[ null ]}",
          "{\"a\":[ null, {\"b\" : null} ],\"c\":[ null ]}" },
        /* A name is what it means. */
        { "{\"\\u0061\":1}", "{\"a\":2}", "{\"a\":2}" },
        { "{\"a\":1}", "{\"\\u0061\":null}", "{}" },
        { "{\"\\u00e9\\n\":1}", "{}", "{\"\303\251\\n\":1}" },
        { "{\"\":1}", "{\"\":{\"\":2}}", "{\"\":{\"\":2}}" },
        { "{\"a\":1}", "{\"a\":{}}", "{\"a\":{}}" },
        /* What is no object, or says something twice. */
        { "[]", "{}", NULL },
        { "{}", "1", NULL },
        { "{}", "{", NULL },
        { "", "{}", NULL },
        { "{}", "{} {}", NULL },
        { "{}", "{\"a\":1,\"\\u0061\":2}", NULL },
        { "{}", "{\"a\":{\"b\":1,\"b\":1}}", NULL },
};

START_TEST(apply_gives_the_patched_document) {
        check(&applied[_i], json_merge_apply);
}
END_TEST

static const Case selected[] = {
        { "{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"a\":null}", "{\"a\":{\"b\":1,\"c\":2}}" },
        { "{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"a\":{\"c\":null}}", "{\"a\":{\"c\":2}}" },
        { "{\"d\":{ \"x\" : 1.10 },\"a\":[ 1 ]}", "{\"a\":null,\"d\":null}",
          "{\"a\":[ 1 ],\"d\":{ \"x\" : 1.10 }}" },
        { "{\"\\u0061\":\"\\u0062\"}", "{\"a\":null}", "{\"a\":\"\\u0062\"}" },
        /* What a section is in is always there, the section only if it is. */
        { "{}", "{\"a\":null}", "{}" },
        { "{}", "{\"a\":{\"b\":{\"c\":null}},\"d\":null}", "{\"a\":{\"b\":{}}}" },
        { "{\"a\":5}", "{\"a\":{\"b\":null}}", "{\"a\":{}}" },
        { "{\"a\":[{\"b\":1}]}", "{\"a\":{\"b\":null}}", "{\"a\":{}}" },
        { "{\"a\":1}", "{}", "{}" },
        { "[]", "{\"a\":null}", NULL },
        { "{\"a\":1,\"a\":1}", "{\"a\":null}", NULL },
};

START_TEST(select_gives_the_sections_of_a_document) {
        check(&selected[_i], json_merge_select);
}
END_TEST

/* 32 levels are what a document may have. */
START_TEST(apply_refuses_what_is_nested_too_deeply) {
        char deep[256] = "";
        _cleanup_(freep) char *result = NULL;

        for (int i = 0; i < 31; i++)
                strcat(deep, "{\"a\":");
        strcat(deep, "{}");
        for (int i = 0; i < 31; i++)
                strcat(deep, "}");
        ck_assert_int_eq(json_merge_apply(str(deep), str(deep), &result), 0);
        ck_assert_str_eq(result, deep);

        memmove(deep + 5, deep, strlen(deep) + 1);
        memcpy(deep, "{\"a\":", 5);
        strcat(deep, "}");
        ck_assert_int_eq(json_merge_apply(str("{}"), str(deep), &result), JSON_MERGE_INVALID);
}
END_TEST

/* NULL: they are not one patch. */
static const Case combined[] = {
        { "{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}" },
        { "{\"a\":1}", "{\"a\":null}", "{\"a\":null}" },
        { "{\"a\":null}", "{\"a\":1}", "{\"a\":1}" },
        { "{\"a\":null,\"b\":1}", "{\"b\":null}", "{\"a\":null,\"b\":null}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":null}}", "{\"a\":{\"b\":1,\"c\":null}}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":[]}", "{\"a\":[]}" },
        { "{}", "{\"a\":{\"b\":null}}", "{\"a\":{\"b\":null}}" },
        { "{\"a\":null}", "{\"a\":{\"b\":1}}", NULL },
        { "{\"a\":1}", "{\"a\":{}}", NULL },
        { "{\"a\":{\"b\":[]}}", "{\"a\":{\"b\":{\"c\":1}}}", NULL },
};

START_TEST(combine_gives_one_patch_for_two) {
        bool can = true;

        ck_assert_int_eq(json_merge_can_combine(str(combined[_i].a), str(combined[_i].b), &can), 0);
        ck_assert_int_eq(can, combined[_i].result != NULL);
        if (can)
                check(&combined[_i], json_merge_combine);
}
END_TEST

static const Case differences[] = {
        { "{}", "{}", "{}" },
        { "{\"a\":1,\"b\":{\"c\":2}}", "{\"b\":{\"c\":2},\"a\":1}", "{}" },
        { "{\"a\":1}", "{\"a\":2}", "{\"a\":2}" },
        { "{\"a\":1,\"b\":2}", "{\"b\":2}", "{\"a\":null}" },
        { "{\"a\":{\"b\":1,\"c\":1}}", "{\"a\":{\"b\":2,\"c\":1}}", "{\"a\":{\"b\":2}}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":{}}", "{\"a\":{\"b\":null}}" },
        { "{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":1}", "{\"a\":1}" },
        { "{\"a\":[1,2]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "{\"a\":1}", "{\"a\":1.0}", "{\"a\":1.0}" },
        { "{\"\":1,\"b\":{\"\":1}}", "{\"b\":{}}", "{\"\":null,\"b\":{\"\":null}}" },
};

START_TEST(difference_is_what_has_changed) {
        check(&differences[_i], json_merge_diff);
}
END_TEST

static const Case rests[] = {
        { "{\"a\":1,\"b\":2}", "{\"a\":3}", "{\"b\":2}" },
        { "{\"a\":1}", "{\"a\":null}", "{}" },
        { "{\"a\":null}", "{\"a\":1}", "{}" },
        { "{\"a\":{\"b\":1,\"c\":1}}", "{\"a\":{\"b\":2}}", "{\"a\":{\"c\":1}}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2}}", "{}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":null}", "{}" },
        { "{\"a\":{}}", "{\"b\":1}", "{\"a\":{}}" },
        { "{\"a\":null}", "{\"a\":{\"b\":1}}", "{\"a\":null}" },
        { "{\"a\":1}", "{\"\\u0061\":2}", "{}" },
};

START_TEST(subtract_leaves_what_is_not_overwritten) {
        check(&rests[_i], json_merge_subtract);
}
END_TEST

START_TEST(strip_drops_what_belongs_to_the_hub) {
        static const struct {
                const char *text, *stripped;
        } rows[] = {
                { "{\"a\":1,\"$version\":7}", "{\"a\":1}" },
                { "{\"$metadata\":{\"a\":{}},\"a\":{\"$lastUpdated\":1,\"b\":null}}",
                  "{\"a\":{\"b\":null}}" },
                { "{\"\\u0024version\":7}", "{}" },
                { "{\"__t\":\"c\",\"a$\":[{\"$\":1}]}", "{\"__t\":\"c\",\"a$\":[{\"$\":1}]}" },
        };
        _cleanup_(freep) char *result = NULL;

        ck_assert_int_eq(json_merge_strip(str(rows[_i].text), &result), 0);
        ck_assert_str_eq(result, rows[_i].stripped);
}
END_TEST

START_TEST(section_is_an_object_or_what_else_it_is) {
        static const struct {
                const char *text;
                int r;
                const char *section;
        } rows[] = {
                { "{\"b\":1,\"a\":{ \"c\":1 }}", 0, "{ \"c\":1 }" },
                { "{\"\\u0061\":{}}", 0, "{}" },
                { "{\"b\":{\"a\":{}}}", JSON_MERGE_ABSENT, NULL },
                { "{\"a\":null}", JSON_MERGE_OTHER, NULL },
                { "{\"a\":[]}", JSON_MERGE_OTHER, NULL },
                { "{\"a\":{},\"a\":{}}", JSON_MERGE_INVALID, NULL },
                { "null", JSON_MERGE_INVALID, NULL },
        };
        az_span section;

        ck_assert_int_eq(json_merge_get_section(str(rows[_i].text), str("a"), &section), rows[_i].r);
        if (rows[_i].section)
                ck_assert_span_eq(section, rows[_i].section);
}
END_TEST

/* Tens of thousands of members: a quadratic merge would take minutes. */
START_TEST(apply_takes_many_members) {
        enum {
                N = 50000,
                SIZE = 12 * N + 16
        };
        _cleanup_(freep) char *document = malloc(SIZE), *result = NULL;
        size_t n = 0;

        ck_assert_ptr_nonnull(document);
        for (int i = 0; i < N; i++)
                n += (size_t) snprintf(document + n, SIZE - n, "%c\"%x\":%d", i == 0 ? '{' : ',', i, i % 10);
        (void) snprintf(document + n, SIZE - n, "}");

        ck_assert_int_eq(json_merge_apply(str(document), str(document), &result), 0);
        ck_assert(strcmp(result, document) == 0);
}
END_TEST

static Suite *json_merge_suite(void) {
        Suite *s = suite_create("json-merge");
        TCase *t = tcase_create("merge");

        tcase_add_loop_test(t, apply_gives_the_patched_document, 0, ELEMENTSOF(applied));
        tcase_add_test(t, apply_refuses_what_is_nested_too_deeply);
        tcase_add_test(t, apply_takes_many_members);
        tcase_add_loop_test(t, combine_gives_one_patch_for_two, 0, ELEMENTSOF(combined));
        tcase_add_loop_test(t, difference_is_what_has_changed, 0, ELEMENTSOF(differences));
        tcase_add_loop_test(t, subtract_leaves_what_is_not_overwritten, 0, ELEMENTSOF(rests));
        tcase_add_loop_test(t, select_gives_the_sections_of_a_document, 0, ELEMENTSOF(selected));
        tcase_add_loop_test(t, strip_drops_what_belongs_to_the_hub, 0, 4);
        tcase_add_loop_test(t, section_is_an_object_or_what_else_it_is, 0, 7);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(json_merge_suite)
