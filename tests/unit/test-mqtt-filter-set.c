/* SPDX-License-Identifier: MIT */
#include <mqtt/filter-set.h>

#include "tests/unit/unit-span.h"

static MqttFilterSet set;

static void tear_down(void) {
        mqtt_filter_set_done(&set);
}

static size_t request(const char *text, uint8_t qos, bool takes_options) {
        const MqttFilter filter = { .filter = str(text), .qos = qos };
        size_t index;

        ck_assert_int_eq(mqtt_filter_set_request(&set, &filter, takes_options, &index), 0);
        return index;
}

static const struct {
        const char *filter;
        uint8_t qos;
        bool no_local;
        unsigned retain_handling;
        bool is_valid;
} filters[] = {
        { "a", 1, true, MQTT_RETAIN_NEVER, true },
        { "a/+/b", 0, false, 0, true },
        { "#", 1, false, 0, true },
        { "$share/g/a/#", 1, false, 0, true },
        { "", 1, false, 0, false },
        { "a/#/b", 1, false, 0, false },
        { "a+", 1, false, 0, false },
        { "\377", 1, false, 0, false },
        { "a", 2, false, 0, false },
        { "a", 1, false, _MQTT_RETAIN_MAX, false },
        { "$share/g/a", 1, true, 0, false },
};

START_TEST(a_filter_is_one_or_not) {
        const MqttFilter filter = {
                .filter = str(filters[_i].filter),
                .qos = filters[_i].qos,
                .no_local = filters[_i].no_local,
                .retain_handling = (MqttRetainHandling) filters[_i].retain_handling,
        };

        ck_assert_int_eq(mqtt_filter_is_valid(&filter), filters[_i].is_valid);
}
END_TEST

START_TEST(the_same_text_is_the_same_filter_and_the_last_options_count) {
        size_t a = request("a", 0, true), b = request("b", 1, true);

        ck_assert_uint_ne(a, b);
        ck_assert_uint_eq(request("a", 1, true), a);
        ck_assert_uint_eq(mqtt_filter_set_get(&set, a)->qos, 1);
        ck_assert_msg(request("a", 0, false) == a && mqtt_filter_set_get(&set, a)->qos == 1,
                      "to unsubscribe is no option");
        ck_assert_span_eq(mqtt_filter_set_get(&set, a)->filter, "a");
}
END_TEST

START_TEST(a_place_is_free_when_nobody_needs_it) {
        size_t a = request("a", 0, true);

        mqtt_filter_set_hold(&set, a, true);
        mqtt_filter_set_unrequest(&set, a);
        ck_assert_uint_ne(request("b", 0, true), a);
        mqtt_filter_set_hold(&set, a, false);
        ck_assert_span_eq(mqtt_filter_set_get(&set, a)->filter, "a");
        ck_assert_uint_eq(request("c", 0, true), a);
        ck_assert_span_eq(mqtt_filter_set_get(&set, a)->filter, "c");
}
END_TEST

START_TEST(all_are_let_go_at_once) {
        size_t a = request("a", 0, true), b = request("b", 0, true);

        mqtt_filter_set_hold(&set, a, true);
        mqtt_filter_set_unrequest(&set, a);
        mqtt_filter_set_hold(&set, b, true);
        mqtt_filter_set_hold_none(&set);
        ck_assert_uint_eq(request("c", 0, true), a);
        ck_assert_msg(request("d", 0, true) != b, "a request names it still");
}
END_TEST

static Suite *mqtt_filter_set_suite(void) {
        Suite *s = suite_create("mqtt-filter-set");
        TCase *t = tcase_create("filter");

        tcase_add_checked_fixture(t, NULL, tear_down);
        tcase_add_loop_test(t, a_filter_is_one_or_not, 0, ELEMENTSOF(filters));
        tcase_add_test(t, the_same_text_is_the_same_filter_and_the_last_options_count);
        tcase_add_test(t, a_place_is_free_when_nobody_needs_it);
        tcase_add_test(t, all_are_let_go_at_once);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_filter_set_suite)
