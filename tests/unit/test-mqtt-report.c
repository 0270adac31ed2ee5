/* SPDX-License-Identifier: MIT */

#include <mqtt/report.h>

#include <mqtt/link.h>

#include "unit.h"

START_TEST(each_constant_has_a_name_of_its_own) {
        CHECK_NAMES(mqtt_stage_to_string, _MQTT_STAGE_MAX);
        CHECK_NAMES(mqtt_problem_to_string, _MQTT_PROBLEM_MAX);
        CHECK_NAMES(mqtt_lost_to_string, _MQTT_LOST_MAX);
}
END_TEST

static Suite *report_suite(void) {
        Suite *s = suite_create("mqtt-report");
        TCase *t = tcase_create("report");

        tcase_add_test(t, each_constant_has_a_name_of_its_own);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(report_suite)
