/* SPDX-License-Identifier: MIT */
#include "cli/properties.h"
#include "tests/unit/unit.h"

static const struct {
        const char *text;
        int result;
        const char *key, *value;
} rows[] = {
        { "new=1", 0, "new", "1" },    { "ol=2", 0, "ol", "2" },       { "older=", 0, "older", "" },
        { "a=b=c", 0, "a", "b=c" },    { "\"ü\"=x", 0, "\"ü\"", "x" }, { "old", -EINVAL, NULL, NULL },
        { "=1", -EINVAL, NULL, NULL }, { "", -EINVAL, NULL, NULL },    { "old=2", -EEXIST, NULL, NULL },
};

START_TEST(a_property_is_key_and_value_and_there_once) {
        _cleanup_(properties_done) Properties properties = {};
        char first[] = "old=1", text[16];

        (void) snprintf(text, sizeof(text), "%s", rows[_i].text);
        ck_assert_int_eq(properties_add(&properties, first), 0);
        ck_assert_int_eq(properties_add(&properties, text), rows[_i].result);
        if (rows[_i].result < 0) {
                ck_assert_uint_eq(properties.n_items, 1);
                ck_assert_str_eq(text, rows[_i].text);
                return;
        }
        ck_assert_uint_eq(properties.n_items, 2);
        ck_assert_str_eq(properties.items[0].key, "old");
        ck_assert_str_eq(properties.items[0].value, "1");
        ck_assert_str_eq(properties.items[1].key, rows[_i].key);
        ck_assert_str_eq(properties.items[1].value, rows[_i].value);
}
END_TEST

START_TEST(a_key_may_be_there_twice_where_told) {
        _cleanup_(properties_done) Properties properties = {};
        char first[] = "k=1", second[] = "k=2", none[] = "k";

        ck_assert_int_eq(properties_append(&properties, first), 0);
        ck_assert_int_eq(properties_append(&properties, second), 0);
        ck_assert_int_eq(properties_append(&properties, none), -EINVAL);
        ck_assert_uint_eq(properties.n_items, 2);
        ck_assert_str_eq(properties.items[1].key, "k");
        ck_assert_str_eq(properties.items[1].value, "2");
}
END_TEST

static Suite *properties_suite(void) {
        Suite *s = suite_create("cli-properties");
        TCase *t = tcase_create("properties_add");

        tcase_add_loop_test(t, a_property_is_key_and_value_and_there_once, 0, ELEMENTSOF(rows));
        tcase_add_test(t, a_key_may_be_there_twice_where_told);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(properties_suite)
