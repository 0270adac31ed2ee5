/* SPDX-License-Identifier: MIT */

#include "hubsim/fault-words.h"

#include "unit.h"

#define S USEC_PER_SEC
#define P "AzIoTHub_FaultOperation"

static const struct {
        const char *properties;
        int result;
        FaultOperation operation;
        uint64_t begin_s, end_s;
        const char *reason;
} rows[] = {
        { "", 0, FAULT_OPERATION_NONE, 0, 0, "" },
        { "a=b&c", 0, FAULT_OPERATION_NONE, 0, 0, "" },
        { P "DelayInSecs=5", 0, FAULT_OPERATION_NONE, 0, 0, "" },
        { P "Type=KillTcp", 0, FAULT_OPERATION_KILL_TCP, 100, 100, "" },
        { P "Type=ShutDownMqtt&" P "CloseReason=bye%20bye&" P "DelayInSecs=1&" P "DurationInSecs=20", 0,
          FAULT_OPERATION_SHUT_DOWN, 101, 121, "bye bye" },
        { "%24.mid=1&" P "DurationInSecs=5&a=b&" P "Type=InvokeThrottling", 0, FAULT_OPERATION_THROTTLE, 100,
          105, "" },
        { P "Type=InvokeMaxMessageQuota", 0, FAULT_OPERATION_QUOTA, 100, 100, "" },
        { P "Type=Invoke%41uthError", 0, FAULT_OPERATION_AUTH, 100, 100, "" },
        { P "Type=KillAmqpConnection", FAULT_WORDS_UNKNOWN, FAULT_OPERATION_NONE, 0, 0, "" },
        { P "Type=killtcp", FAULT_WORDS_UNKNOWN, FAULT_OPERATION_NONE, 0, 0, "" },
        { P "Type=KillTcp&" P "DelayInSecs=-1&" P "DurationInSecs=many", 0, FAULT_OPERATION_KILL_TCP, 100,
          100, "" },
        { P "Type=KillTcp&" P "DelayInSecs=4294967295", 0, FAULT_OPERATION_KILL_TCP, 86500, 86500, "" },
        { P "Type=KillTcp&" P "CloseReason=0123456789012345678901234567890123456789012345678901234567890123",
          0, FAULT_OPERATION_KILL_TCP, 100, 100, "" },
};

START_TEST(words_say_what_is_to_happen_and_when) {
        DeviceFault fault = {};

        ck_assert_int_eq(
                fault_words_parse(az_span_create_from_str((char *) rows[_i].properties), 100 * S, &fault),
                rows[_i].result);
        ck_assert_int_eq(fault.operation, rows[_i].operation);
        ck_assert_uint_eq(fault.begin_us, rows[_i].begin_s * S);
        ck_assert_uint_eq(fault.end_us, rows[_i].end_s * S);
        ck_assert_str_eq(fault.reason, rows[_i].reason);
}
END_TEST

START_TEST(fault_lasts_from_its_begin_to_its_end) {
        const DeviceFault fault = { FAULT_OPERATION_AUTH, 10 * S, 20 * S, "" };

        ck_assert_int_eq(device_fault_get(&fault, 10 * S - 1), FAULT_OPERATION_NONE);
        ck_assert_int_eq(device_fault_get(&fault, 10 * S), FAULT_OPERATION_AUTH);
        ck_assert_int_eq(device_fault_get(&fault, 20 * S - 1), FAULT_OPERATION_AUTH);
        ck_assert_int_eq(device_fault_get(&fault, 20 * S), FAULT_OPERATION_NONE);
}
END_TEST

static Suite *hubsim_fault_words_suite(void) {
        Suite *s = suite_create("hubsim-fault-words");
        TCase *t = tcase_create("fault_words_parse");

        tcase_add_loop_test(t, words_say_what_is_to_happen_and_when, 0, ELEMENTSOF(rows));
        tcase_add_test(t, fault_lasts_from_its_begin_to_its_end);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_fault_words_suite)
