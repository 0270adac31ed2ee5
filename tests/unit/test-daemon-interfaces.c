/* SPDX-License-Identifier: MIT */

#include "daemon/device.h"
#include "daemon/messages.h"
#include "daemon/methods.h"
#include "daemon/telemetry.h"
#include "daemon/twin.h"

#include "tests/unit/interface-check.h"
#include "tests/unit/unit.h"

START_TEST(interface_files_and_tables_agree) {
        const IpcInterface *const interfaces[] = { &telemetry_interface, &methods_interface,
                                                   &messages_interface, &device_interface, &twin_interface };
        char buffer[256];

        ck_assert_pstr_eq(interface_find_difference(interfaces[_i], buffer), NULL);
}
END_TEST

static Suite *interfaces_suite(void) {
        Suite *s = suite_create("daemon-interfaces");
        TCase *t = tcase_create("tables");

        tcase_add_loop_test(t, interface_files_and_tables_agree, 0, 5);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(interfaces_suite)
