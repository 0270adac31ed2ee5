/* SPDX-License-Identifier: MIT */
#include "cli/environment.h"

#include "tests/unit/unit.h"

static const struct {
        const char *key, *variable;
} rows[] = {
        { "alert", "AZIOT_PROPERTY_alert" },     { "Alert2", "AZIOT_PROPERTY_Alert2" },
        { "a-b.c d", "AZIOT_PROPERTY_a_b_c_d" }, { "ü", "AZIOT_PROPERTY___" },
        { "a=b", "AZIOT_PROPERTY_a_b" },         { "", "AZIOT_PROPERTY_" },
};

START_TEST(a_property_is_a_variable_that_a_shell_can_name) {
        AziotProperty property = { rows[_i].key, "v" };

        ck_assert_int_eq(environment_set_properties(&property, 1), 0);
        ck_assert_str_eq(getenv(rows[_i].variable), "v");
}
END_TEST

START_TEST(nothing_is_left_of_the_message_before) {
        const AziotProperty first[] = { { "a", "1" }, { "b", "2" } }, second[] = { { "b", "" } };

        ck_assert_int_eq(setenv("AZIOT_PROPERTY_c", "of the caller", true), 0);
        ck_assert_int_eq(environment_set_properties(first, 2), 0);
        ck_assert_str_eq(getenv("AZIOT_PROPERTY_a"), "1");
        ck_assert_ptr_null(getenv("AZIOT_PROPERTY_c"));

        ck_assert_int_eq(environment_set_properties(second, 1), 0);
        ck_assert_ptr_null(getenv("AZIOT_PROPERTY_a"));
        ck_assert_str_eq(getenv("AZIOT_PROPERTY_b"), "");
}
END_TEST

START_TEST(variables_of_another_beginning_are_left) {
        AziotProperty property = { "a", "1" };

        ck_assert_int_eq(environment_set_properties(&property, 1), 0);
        ck_assert_int_eq(environment_add(ENVIRONMENT_TOKEN, "ex:line", "3"), 0);
        ck_assert_str_eq(getenv("AZIOT_TOKEN_ex_line"), "3");
        environment_clear(ENVIRONMENT_TOKEN);
        ck_assert_ptr_null(getenv("AZIOT_TOKEN_ex_line"));
        ck_assert_str_eq(getenv("AZIOT_PROPERTY_a"), "1");
}
END_TEST

START_TEST(of_keys_that_come_out_the_same_the_first_counts) {
        const AziotProperty properties[] = { { "a.b", "1" }, { "a-b", "2" } };

        ck_assert_int_eq(environment_set_properties(properties, 2), 0);
        ck_assert_str_eq(getenv("AZIOT_PROPERTY_a_b"), "1");
}
END_TEST

START_TEST(a_variable_is_set_and_removed) {
        ck_assert_int_eq(environment_set("AZIOT_METHOD", "reboot"), 0);
        ck_assert_str_eq(getenv("AZIOT_METHOD"), "reboot");
        ck_assert_int_eq(environment_set("AZIOT_METHOD", NULL), 0);
        ck_assert_ptr_null(getenv("AZIOT_METHOD"));
}
END_TEST

static Suite *environment_suite(void) {
        Suite *s = suite_create("cli-environment");
        TCase *t;

        t = tcase_create("environment_set");
        tcase_add_test(t, a_variable_is_set_and_removed);
        suite_add_tcase(s, t);

        t = tcase_create("environment_set_properties");
        tcase_add_loop_test(t, a_property_is_a_variable_that_a_shell_can_name, 0, ELEMENTSOF(rows));
        tcase_add_test(t, variables_of_another_beginning_are_left);
        tcase_add_test(t, nothing_is_left_of_the_message_before);
        tcase_add_test(t, of_keys_that_come_out_the_same_the_first_counts);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(environment_suite)
