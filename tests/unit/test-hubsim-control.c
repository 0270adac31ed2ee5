/* SPDX-License-Identifier: MIT */

#include "hubsim/control.h"

#include "interface-check.h"
#include "unit.h"

START_TEST(interface_file_and_tables_agree) {
        char buffer[256];

        ck_assert_pstr_eq(interface_find_difference(&control_interface, buffer), NULL);
}
END_TEST

static Suite *hubsim_control_suite(void) {
        Suite *s = suite_create("hubsim-control");
        TCase *t = tcase_create("control_interface");

        tcase_add_test(t, interface_file_and_tables_agree);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_control_suite)
