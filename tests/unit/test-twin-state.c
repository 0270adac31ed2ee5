/* SPDX-License-Identifier: MIT */

#include "daemon/twin-state.h"

#include "tests/unit/unit-span.h"

#define COPY(members)    "{\"device\":\"d/m\"," members "}"
#define REPORTS(patches) "{\"device\":\"d/m\",\"patches\":[" patches "]}"

START_TEST(copy_is_read_back) {
        _cleanup_(twin_copy_done) TwinCopy copy = TWIN_COPY_NULL, again = TWIN_COPY_NULL;
        _cleanup_(freep) char *text = NULL;

        copy = (TwinCopy){
                .desired = strdup("{\"a\":1.10,\"b\":\"\\u0041\"}"),
                .reported = strdup("{}"),
                .desired_version = 7,
                .reported_version = -1,
                .as_of_us = UINT64_C(1795000000123456),
        };
        ck_assert_int_eq(twin_copy_format(&copy, "d/m", &text), 0);
        ck_assert_str_eq(text, COPY("\"asOf\":1795000000123456,\"desiredVersion\":7,\"reportedVersion\":-1,"
                                    "\"desired\":{\"a\":1.10,\"b\":\"\\u0041\"},\"reported\":{}"));

        ck_assert_int_eq(twin_copy_parse(&again, str(text), "d/m"), 0);
        ck_assert_str_eq(again.desired, copy.desired);
        ck_assert_str_eq(again.reported, copy.reported);
        ck_assert_int_eq(again.desired_version, 7);
        ck_assert_int_eq(again.reported_version, -1);
        ck_assert_uint_eq(again.as_of_us, copy.as_of_us);
}
END_TEST

static const struct {
        const char *text;
        int r;
} copies[] = {
        { COPY("\"asOf\":1,\"desiredVersion\":1,\"reportedVersion\":1,\"desired\":{},\"reported\":{}"), 0 },
        { "{\"device\":\"d\",\"asOf\":1,\"desiredVersion\":1,\"reportedVersion\":1,\"desired\":{},"
          "\"reported\":{}}",
          TWIN_STATE_FOREIGN },
        { COPY("\"asOf\":-1,\"desiredVersion\":1,\"reportedVersion\":1,\"desired\":{},\"reported\":{}"),
          TWIN_STATE_INVALID },
        { COPY("\"asOf\":1,\"desiredVersion\":1,\"reportedVersion\":1,\"desired\":[],\"reported\":{}"),
          TWIN_STATE_INVALID },
        { COPY("\"asOf\":1,\"desiredVersion\":1,\"reportedVersion\":1,\"desired\":{}"), TWIN_STATE_INVALID },
        { "[]", TWIN_STATE_INVALID },
        { "{", TWIN_STATE_INVALID },
        { "", TWIN_STATE_INVALID },
};

START_TEST(copy_is_what_was_written_or_nothing) {
        _cleanup_(twin_copy_done) TwinCopy copy = TWIN_COPY_NULL;

        ck_assert_int_eq(twin_copy_parse(&copy, str(copies[_i].text), "d/m"), copies[_i].r);
        ck_assert_int_eq(copy.desired != NULL, copies[_i].r == 0);
}
END_TEST

static void on_answer(void *userdata, void *author, const TwinReportResult *result) {
        ck_abort_msg("nobody waits");
}

static const TwinPendingOps ops = { .answer = on_answer };

static const struct {
        const char *text;
        int r;
        const char *pending; /* afterwards */
} reports[] = {
        { REPORTS("{\"uid\":0,\"patch\":{\"a\":1}},{\"uid\":4294967295,\"patch\":{\"b\":null}}"), 0,
          REPORTS("{\"uid\":0,\"patch\":{\"a\":1}},{\"uid\":4294967295,\"patch\":{\"b\":null}}") },
        { REPORTS("{\"uid\":1,\"patch\":{\"a\":1}},{\"uid\":2,\"patch\":{\"a\":2}}"), 0,
          REPORTS("{\"uid\":2,\"patch\":{\"a\":2}}") },
        { REPORTS(""), 0, REPORTS("") },
        { "{\"device\":\"d\",\"patches\":[{\"uid\":0,\"patch\":{\"a\":1}}]}", TWIN_STATE_FOREIGN,
          REPORTS("") },
        { REPORTS("{\"uid\":-1,\"patch\":{\"a\":1}}"), TWIN_STATE_INVALID, REPORTS("") },
        { REPORTS("{\"uid\":4294967296,\"patch\":{\"a\":1}}"), TWIN_STATE_INVALID, REPORTS("") },
        { REPORTS("{\"uid\":0,\"patch\":1}"), TWIN_STATE_INVALID, REPORTS("") },
        { "{\"device\":\"d/m\"}", TWIN_STATE_INVALID, REPORTS("") },
        { "null", TWIN_STATE_INVALID, REPORTS("") },
};

START_TEST(reports_are_read_back_in_their_order) {
        _cleanup_(twin_pending_freep) TwinPending *pending = NULL;
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(twin_pending_new(&pending, &ops, NULL), 0);
        ck_assert_int_eq(twin_reports_parse(pending, str(reports[_i].text), "d/m"), reports[_i].r);
        ck_assert_int_eq(twin_reports_format(pending, "d/m", &text), 0);
        ck_assert_str_eq(text, reports[_i].pending);
}
END_TEST

static Suite *twin_state_suite(void) {
        Suite *s = suite_create("twin-state");
        TCase *t = tcase_create("files");

        tcase_add_test(t, copy_is_read_back);
        tcase_add_loop_test(t, copy_is_what_was_written_or_nothing, 0, ELEMENTSOF(copies));
        tcase_add_loop_test(t, reports_are_read_back_in_their_order, 0, ELEMENTSOF(reports));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(twin_state_suite)
