/* SPDX-License-Identifier: MIT */

#include "daemon/twin-check.h"

#include "tests/unit/unit-span.h"

/* A problem's path; NULL: the patch is good. */
static const struct {
        const char *patch, *path, *reason;
} rows[] = {
        { "{}", NULL, NULL },
        { "{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[1,\"y\",{\"e\":true}]},\"f\":null}", NULL, NULL },
        { "{\"pump\":{\"__t\":\"c\",\"speed\":{\"value\":1.5,\"ac\":200,\"av\":3,\"ad\":\"ok\"}}}", NULL,
          NULL },
        { "{\"a\":{\"b\":null}}", NULL, NULL },
        { "{\"\303\251\303\240\342\202\254\":1}", NULL, NULL },

        /* Numbers */
        { "{\"n\":-4503599627370496,\"m\":4503599627370495,\"z\":-0}", NULL, NULL },
        { "{\"n\":4503599627370496}", "n", "an integer" },
        { "{\"n\":-4503599627370497}", "n", "an integer" },
        { "{\"n\":99999999999999999999}", "n", "an integer" },
        { "{\"n\":4503599627370496.5,\"m\":1e300}", NULL, NULL },
        { "{\"n\":1e400}", "n", "the number" },

        /* Names */
        { "{\"\":1}", "", "must not be empty" },
        { "{\"a\":{\"\":1}}", "a.", "must not be empty" },
        { "{\"$version\":1}", "$version", "belong to the cloud" },
        { "{\"\\u0024version\":1}", "$version", "belong to the cloud" },
        { "{\"a\":{\"$x\":null}}", "a.$x", "belong to the cloud" },
        { "{\"a$\":1}", "a$", "must not hold" },
        { "{\"a.b\":1}", "a.b", "must not hold" },
        { "{\"a b\":1}", "a b", "must not hold" },
        { "{\"a\\tb\":1}", "a\tb", "must not hold" },
        { "{\"a\\u007f\":1}", "a\177", "must not hold" },
        { "{\"a\\u0085\":1}", "a\302\205", "must not hold" },
        { "{\"a\\u00a0\":1}", NULL, NULL },
        { "{\"l\":[{\"x.y\":1}]}", "l[0].x.y", "must not hold" },
        { "{\"a\":1,\"b\":1,\"\\u0061\":1}", "a", "twice" },
        { "{\"b\":{\"a\":1,\"a\":1}}", "b.a", "twice" },

        /* null */
        { "{\"l\":[1,null]}", "l[1]", "null" },
        { "{\"l\":[[1],[{\"a\":{\"b\":null}}]]}", "l[1][0].a.b", "null" },

        /* Depth: the section is level 0 */
        { "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"a\":1}}}}}}}}}}}", NULL,
          NULL },
        { "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"11\":{}}}}}}}}}}}}",
          "1.2.3.4.5.6.7.8.9.10.11", "10 levels" },
        { "{\"1\":[[[[[[[[[[]]]]]]]]]]}", NULL, NULL },
        { "{\"1\":[[[[[[[[[[[]]]]]]]]]]]}", "1[0][0][0][0][0][0][0][0][0][0]", "10 levels" },

        /* Not a patch */
        { "[]", "", "JSON object" },
        { "{", "", "JSON object" },
        { "", "", "JSON object" },
};

START_TEST(patch_is_what_the_cloud_takes) {
        TwinProblem problem = { .reason = "" };

        ck_assert_int_eq(twin_check_patch(str(rows[_i].patch), &problem), rows[_i].path ? TWIN_INVALID : 0);
        if (!rows[_i].path)
                return;
        ck_assert_span_eq(az_span_create((uint8_t *) problem.path, (int32_t) problem.n_path), rows[_i].path);
        ck_assert_msg(strstr(problem.reason, rows[_i].reason), "%s", problem.reason);
}
END_TEST

static int check_sizes(int n_name, int n_string) {
        char patch[TWIN_NAME_MAX + TWIN_STRING_MAX + 32];
        TwinProblem problem;

        (void) snprintf(patch, sizeof(patch), "{\"%0*d\":\"%0*d\"}", n_name, 0, n_string, 0);
        return twin_check_patch(str(patch), &problem);
}

START_TEST(names_and_strings_have_a_limit) {
        ck_assert_int_eq(check_sizes(TWIN_NAME_MAX, TWIN_STRING_MAX), 0);
        ck_assert_int_eq(check_sizes(TWIN_NAME_MAX + 1, 1), TWIN_INVALID);
        ck_assert_int_eq(check_sizes(1, TWIN_STRING_MAX + 1), TWIN_INVALID);
}
END_TEST

/* Names and strings count with their bytes, a number 8, a boolean 4; white space and what goes away do not.
 */
START_TEST(section_is_limited_by_the_size_formula) {
        char patch[64 * 1024];
        TwinProblem problem;
        size_t n;

        for (int excess = 0; excess <= 1; excess++) {
                n = (size_t) snprintf(patch, sizeof(patch), "{ \"gone%0900d\" : null", 0);
                for (int i = 0; i < 7; i++) /* 7 * 4098 */
                        n += (size_t) snprintf(patch + n, sizeof(patch) - n, ", \"s%d\": \"%04096d\"", i, 0);
                /* 32768 - 28686 = 4082 = 3 + 8 + 3 + 4 + 2 + 4062 */
                (void) snprintf(patch + n, sizeof(patch) - n, ",\"abc\":1,\"def\":true,\"gh\":\"%0*d\"}",
                                4062 + excess, 0);
                ck_assert_int_eq(twin_check_patch(str(patch), &problem), excess ? TWIN_INVALID : 0);
        }
        ck_assert_uint_eq(problem.n_path, 0);
}
END_TEST

START_TEST(text_is_limited_whatever_counts) {
        char patch[TWIN_TEXT_MAX + 2];
        TwinProblem problem;

        for (unsigned excess = 0; excess <= 1; excess++) {
                (void) snprintf(patch, sizeof(patch), "{\"gone\":null%*s}",
                                (int) (TWIN_TEXT_MAX + excess - strlen("{\"gone\":null}")), "");
                ck_assert_uint_eq(strlen(patch), TWIN_TEXT_MAX + excess);
                ck_assert_int_eq(twin_check_patch(str(patch), &problem), excess ? TWIN_INVALID : 0);
        }
        ck_assert_msg(strstr(problem.reason, "122880"), "%s", problem.reason);
}
END_TEST

START_TEST(long_path_is_cut) {
        TwinProblem problem;
        char patch[2048];

        (void) snprintf(patch, sizeof(patch), "{\"%0300d\":{\"a\":[null]}}", 0);
        ck_assert_int_eq(twin_check_patch(str(patch), &problem), TWIN_INVALID);
        ck_assert_uint_eq(problem.n_path, sizeof(problem.path));
}
END_TEST

static Suite *twin_check_suite(void) {
        Suite *s = suite_create("twin-check");
        TCase *t = tcase_create("patch");

        tcase_add_loop_test(t, patch_is_what_the_cloud_takes, 0, ELEMENTSOF(rows));
        tcase_add_test(t, names_and_strings_have_a_limit);
        tcase_add_test(t, section_is_limited_by_the_size_formula);
        tcase_add_test(t, text_is_limited_whatever_counts);
        tcase_add_test(t, long_path_is_cut);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(twin_check_suite)
