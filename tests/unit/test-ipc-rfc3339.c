/* SPDX-License-Identifier: MIT */

#include "ipc/rfc3339.h"

#include "tests/unit/unit.h"

static const struct {
        const char *text;
        int result;
        uint64_t realtime_us;
} times[] = {
        { "1970-01-01T00:00:00Z", 0, 0 },
        { "2026-11-22T01:45:10Z", 0, UINT64_C(1795311910000000) },
        { "2026-11-22T01:45:10.5Z", 0, UINT64_C(1795311910500000) },
        { "2026-11-22T01:45:10.123456789Z", 0, UINT64_C(1795311910123456) },
        { "2026-11-22T01:45:10", -EINVAL, 0 },
        { "2026-11-22T01:45:10+01:00", -EINVAL, 0 },
        { "2026-11-22", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "2026-11-22T01:45:10.1234567890123456789Z", -EINVAL, 0 },
};

START_TEST(a_time_is_utc) {
        uint64_t realtime_us = 0;

        ck_assert_int_eq(rfc3339_parse(az_span_create_from_str((char *) times[_i].text), &realtime_us),
                         times[_i].result);
        ck_assert_uint_eq(realtime_us, times[_i].realtime_us);
}
END_TEST

START_TEST(a_time_is_written_to_the_millisecond) {
        char text[RFC3339_SIZE];

        ck_assert_str_eq(rfc3339_format(text, 0), "1970-01-01T00:00:00.000Z");
        ck_assert_str_eq(rfc3339_format(text, UINT64_C(1795311910123999)), "2026-11-22T01:45:10.123Z");
        ck_assert_str_eq(rfc3339_format(text, UINT64_MAX), "");
}
END_TEST

static Suite *rfc3339_suite(void) {
        Suite *s = suite_create("ipc-rfc3339");
        TCase *t = tcase_create("rfc3339");

        tcase_add_loop_test(t, a_time_is_utc, 0, ELEMENTSOF(times));
        tcase_add_test(t, a_time_is_written_to_the_millisecond);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(rfc3339_suite)
