/* SPDX-License-Identifier: MIT */

#include "daemon/assignment.h"

#include "tests/unit/unit-span.h"

#define OWNER   "\"idScope\":\"0ne1\",\"registrationId\":\"pump-17\",\"credential\":\"fp\""
#define REST    "\"substatus\":null,\"payload\":null,\"assigned\":1}"
#define HUB     "\"hub\":\"hub\",\"port\":0,\"deviceId\":\"d\","
#define NAME_32 "12345678901234567890123456789012"

static Assignment minimal(void) {
        return (Assignment){
                .owner = { .id_scope = (char *) "0ne1",
                           .registration_id = (char *) "pump-17",
                           .fingerprint = (char *) "fp" },
                .hub = (char *) "hub",
                .device_id = (char *) "d",
                .assigned_us = 1,
        };
}

static const char *const payloads[] = {
        "{\"region\":\"weu\",\"n\":9007199254740993}",
        "[1,1.10,1e400]",
        "\"x\\u0000y\\\"z\"",
        "1.10",
        "true",
        " { } ",
};

START_TEST(assignment_is_read_back_with_its_payload_byte_for_byte) {
        _cleanup_(assignment_done) Assignment again = ASSIGNMENT_NULL;
        _cleanup_(freep) char *text = NULL;
        Assignment a = minimal();

        a.port = 8883;
        a.substatus = (char *) "initialAssignment";
        a.payload = (char *) payloads[_i];
        a.assigned_us = UINT64_C(1795000000123456);
        ck_assert_int_eq(assignment_format(&a, &text), 0);
        ck_assert_int_eq(assignment_parse(&again, str(text)), 0);

        ck_assert_str_eq(again.owner.id_scope, "0ne1");
        ck_assert_str_eq(again.owner.registration_id, "pump-17");
        ck_assert_str_eq(again.owner.fingerprint, "fp");
        ck_assert_str_eq(again.hub, "hub");
        ck_assert_uint_eq(again.port, 8883);
        ck_assert_str_eq(again.device_id, "d");
        ck_assert_str_eq(again.substatus, "initialAssignment");
        ck_assert_str_eq(again.payload, payloads[_i]);
        ck_assert_uint_eq(again.assigned_us, a.assigned_us);
}
END_TEST

START_TEST(what_was_not_said_stays_so) {
        _cleanup_(assignment_done) Assignment again = ASSIGNMENT_NULL;
        _cleanup_(freep) char *text = NULL;
        const Assignment a = minimal();

        ck_assert_int_eq(assignment_format(&a, &text), 0);
        ck_assert_str_eq(text, "{" OWNER "," HUB REST);
        ck_assert_int_eq(assignment_parse(&again, str(text)), 0);
        ck_assert_ptr_null(again.substatus);
        ck_assert_ptr_null(again.payload);
}
END_TEST

static const char *const damaged[] = {
        "",
        "{",
        "null",
        "{" OWNER "," HUB "\"assigned\":-1}",
        "{" OWNER "," REST,
        "{" HUB REST,
        "{" OWNER ",\"hub\":\"\",\"port\":0,\"deviceId\":\"d\"," REST,
        "{" OWNER ",\"hub\":\"h\",\"port\":65536,\"deviceId\":\"d\"," REST,
        "{" OWNER ",\"hub\":\"h\",\"port\":0,\"deviceId\":\"" NAME_32 NAME_32 NAME_32 NAME_32 "x\"," REST,
        "{" OWNER ",\"hub\":\"h\\u0000\",\"port\":0,\"deviceId\":\"d\"," REST,
        "{" OWNER ",\"more\":1," HUB REST,
};

START_TEST(what_was_not_written_so_is_invalid) {
        _cleanup_(assignment_done) Assignment a = ASSIGNMENT_NULL;

        ck_assert_int_eq(assignment_parse(&a, str(damaged[_i])), STATE_JSON_INVALID);
        ck_assert_ptr_null(a.hub);
}
END_TEST

static const struct {
        AssignmentOwner owner;
        bool is_same;
} owners[] = {
        { { (char *) "0ne1", (char *) "pump-17", (char *) "fp" }, true },
        { { (char *) "0ne2", (char *) "pump-17", (char *) "fp" }, false },
        { { (char *) "0ne1", (char *) "pump-18", (char *) "fp" }, false },
        { { (char *) "0ne1", (char *) "pump-17", (char *) "fq" }, false },
};

START_TEST(assignment_is_of_who_asked_for_it) {
        const Assignment a = minimal();

        ck_assert_int_eq(assignment_is_of(&a, &owners[_i].owner), owners[_i].is_same);
}
END_TEST

static const struct {
        const char *hub;
        uint16_t port;
        const char *device_id;
        bool is_same;
} places[] = {
        { "hub", 0, "d", true },
        { "bub", 0, "d", false },
        { "hub", 443, "d", false },
        { "hub", 0, "e", false },
};

START_TEST(same_is_the_same_device_of_the_same_hub) {
        Assignment a = minimal(), b = minimal();

        b.hub = (char *) places[_i].hub;
        b.port = places[_i].port;
        b.device_id = (char *) places[_i].device_id;
        b.payload = (char *) "1";
        ck_assert_int_eq(assignment_is_same(&a, &b), places[_i].is_same);
}
END_TEST

static Suite *assignment_suite(void) {
        Suite *s = suite_create("assignment");
        TCase *t = tcase_create("assignment");

        tcase_add_loop_test(t, assignment_is_read_back_with_its_payload_byte_for_byte, 0,
                            ELEMENTSOF(payloads));
        tcase_add_test(t, what_was_not_said_stays_so);
        tcase_add_loop_test(t, what_was_not_written_so_is_invalid, 0, ELEMENTSOF(damaged));
        tcase_add_loop_test(t, assignment_is_of_who_asked_for_it, 0, ELEMENTSOF(owners));
        tcase_add_loop_test(t, same_is_the_same_device_of_the_same_hub, 0, ELEMENTSOF(places));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(assignment_suite)
