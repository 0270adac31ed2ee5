/* SPDX-License-Identifier: MIT */
#include <session/twin_document_internal.h>

#include "unit-span.h"

#define NESTED_16(text) "[[[[[[[[[[[[[[[[" text "]]]]]]]]]]]]]]]]"
#define NESTED_64(text) NESTED_16(NESTED_16(NESTED_16(NESTED_16(text))))

static const struct {
        const char *json;
        bool is_valid; /* and of version 8 */
} changes[] = {
        { "{\"$version\":8}", true },
        { " {\n\"a\" : {\"$version\":1} , \"$version\" : 8 }\n", true },
        { "{\"\\u0024version\":8}", true },
        { "{\"$version\":1,\"$version\":8}", true },
        { "{\"a\":[1,{\"$version\":9}],\"$version\":8,\"b\":null}", true },

        { "", false },
        { "x", false },
        { "8", false },
        { "null", false },
        { "[]", false },
        { "\"$version\"", false },
        { "{}", false },
        { "{\"version\":8}", false },
        { "{\"a\":{\"$version\":8}}", false },
        { "{\"$version\":null}", false },
        { "{\"$version\":\"8\"}", false },
        { "{\"$version\":8.0}", false },
        { "{\"$version\":8e0}", false },
        { "{\"$version\":-8}", false },
        { "{\"$version\":9223372036854775808}", false },
        { "{\"$version\":{}}", false },
        { "{\"$version\":[8]}", false },
        { "{\"$version\":8", false },
        { "{\"$version\":8}{", false },
        { "{\"$version\":8}}", false },
        { "{\"$version\":8,}", false },
        { "{\"$version\":8,\"a\":}", false },
        { "{\"$version\":8,\"a\":\"\xff\"}", false },
        { "{\"$version\":8,\"a\":" NESTED_64("1") "}", false },
};

START_TEST(version_is_read_from_an_object_that_is_valid) {
        int64_t version = -5;
        az_result r;

        r = _az_twin_read_version(str(changes[_i].json), &version);
        ck_assert_int_eq(az_result_succeeded(r), changes[_i].is_valid);
        ck_assert_int_eq(version, changes[_i].is_valid ? 8 : -5);
}
END_TEST

START_TEST(missing_version_is_told_from_a_broken_one) {
        int64_t version;

        ck_assert_int_eq(_az_twin_read_version(str("{\"a\":1}"), &version), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(_az_twin_read_version(str("{\"$version\":-1}"), &version), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(_az_twin_read_version(AZ_SPAN_EMPTY, &version), AZ_ERROR_UNEXPECTED_END);
}
END_TEST

static const struct {
        const char *json;
        const char *desired; /* NULL: it is no twin */
        const char *reported;
        int64_t desired_version, reported_version;
} twins[] = {
        { "{\"desired\":{\"$version\":7},\"reported\":{\"$version\":3}}", "{\"$version\":7}",
          "{\"$version\":3}", 7, 3 },
        { " {\"reported\" : {\"a\":1e2, \"$version\":3} ,\"desired\":\t{ \"$version\":7 }} ",
          "{ \"$version\":7 }", "{\"a\":1e2, \"$version\":3}", 7, 3 },
        { "{\"desired\":{\"$version\":0},\"reported\":{\"$version\":0}}", "{\"$version\":0}",
          "{\"$version\":0}", 0, 0 },
        { "{\"desired\":{\"$version\":7},\"reported\":{}}", "{\"$version\":7}", "{}", 7, -1 },
        { "{\"desired\":{\"$version\":7}}", "{\"$version\":7}", "", 7, -1 },
        { "{\"deviceId\":\"d\",\"desired\":{\"$version\":7},\"tags\":[]}", "{\"$version\":7}", "", 7, -1 },

        { "", NULL },
        { "{}", NULL },
        { "[]", NULL },
        { "{\"desired\":{}}", NULL },
        { "{\"desired\":null}", NULL },
        { "{\"desired\":7}", NULL },
        { "{\"desired\":{\"$version\":-1}}", NULL },
        { "{\"reported\":{\"$version\":3}}", NULL },
        { "{\"properties\":{\"desired\":{\"$version\":7}}}", NULL },
        { "{\"desired\":{\"$version\":7},\"reported\":null}", NULL },
        { "{\"desired\":{\"$version\":7},\"reported\":{\"$version\":\"3\"}}", NULL },
        { "{\"desired\":{\"$version\":7},\"reported\":{\"$version\":3}", NULL },
        { "{\"desired\":{\"$version\":7},\"reported\":{\"$version\":3}}}", NULL },
        { "{\"desired\":{\"$version\":7},\"reported\":{\"a\":" NESTED_64("1") "}}", NULL },
        { "<html>", NULL },
};

START_TEST(twin_is_cut_into_its_sections) {
        az_twin_document document = { .desired = str("kept") };
        az_result r;

        r = _az_twin_read_document(str(twins[_i].json), &document);
        ck_assert_int_eq(az_result_succeeded(r), twins[_i].desired != NULL);
        ck_assert_span_eq(document.desired, twins[_i].desired ?: "kept");
        ck_assert_span_eq(document.reported, twins[_i].reported ?: "");
        ck_assert_int_eq(document.desired_version, twins[_i].desired_version);
        ck_assert_int_eq(document.reported_version, twins[_i].reported_version);
}
END_TEST

static Suite *twin_document_suite(void) {
        Suite *s = suite_create("twin-document");
        TCase *t;

        t = tcase_create("_az_twin_read_version");
        tcase_add_loop_test(t, version_is_read_from_an_object_that_is_valid, 0, ELEMENTSOF(changes));
        tcase_add_test(t, missing_version_is_told_from_a_broken_one);
        suite_add_tcase(s, t);

        t = tcase_create("_az_twin_read_document");
        tcase_add_loop_test(t, twin_is_cut_into_its_sections, 0, ELEMENTSOF(twins));
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(twin_document_suite)
