/* SPDX-License-Identifier: MIT */
#include <session/error_class.h>

#include "unit.h"

#define C(name) AZ_ERROR_CLASS_##name

static const struct {
        uint32_t status, code;
        az_error_class error_class;
} answers[] = {
        { 200, 0, C(NONE) },
        { 202, 0, C(NONE) },
        { 204, 0, C(NONE) },
        { 400, 0, C(CALLER) },
        { 401, 0, C(CREDENTIAL) },
        { 403, 0, C(FORBIDDEN) },
        { 404, 0, C(IDENTITY) },
        { 405, 0, C(CALLER) },
        { 408, 0, C(TIMEOUT) },
        { 409, 0, C(CONFLICT) },
        { 412, 0, C(CONFLICT) },
        { 413, 0, C(TOO_LARGE) },
        { 415, 0, C(CALLER) },
        { 429, 0, C(THROTTLED) },
        { 499, 0, C(TIMEOUT) },
        { 500, 0, C(SERVICE) },
        { 502, 0, C(SERVICE) },
        { 503, 0, C(SERVICE) },
        { 504, 0, C(SERVICE) },

        /* what is not known */
        { 418, 0, C(CALLER) },
        { 599, 0, C(SERVICE) },
        { 0, 0, C(PROTOCOL) },
        { 100, 0, C(PROTOCOL) },
        { 302, 0, C(PROTOCOL) },
        { 600, 0, C(PROTOCOL) },
        { UINT32_MAX, 0, C(PROTOCOL) },

        /* the code knows more, whatever the topic says */
        { 400, 400012, C(CALLER) },
        { 200, 400207, C(IDENTITY) },
        { 200, 400208, C(IDENTITY) },
        { 200, 400209, C(IDENTITY) },
        { 200, 400210, C(CALLER) },
        { 400, 400027, C(CONFLICT) },
        { 400, 400029, C(SERVICE) },
        { 400, 400030, C(SERVICE) },
        { 401, 401001, C(IDENTITY) },
        { 401, 401002, C(CREDENTIAL) },
        { 401, 401003, C(CREDENTIAL) },
        { 403, 403002, C(FORBIDDEN) },
        { 403, 403012, C(FORBIDDEN) },
        { 404, 404001, C(IDENTITY) },
        { 404, 404012, C(SERVICE) },
        { 404, 404201, C(IDENTITY) },
        { 409, 409002, C(CONFLICT) },
        { 413, 413001, C(TOO_LARGE) },
        { 429, 429002, C(THROTTLED) },
        { 500, 500001, C(SERVICE) },
        { 503, 503008, C(SERVICE) },
        { 504, 504101, C(SERVICE) },
        { 0, 7, C(PROTOCOL) },
        { 200, UINT32_MAX, C(PROTOCOL) },
};

START_TEST(answers_have_their_class) {
        ck_assert_int_eq(az_error_class_of_status(answers[_i].status, answers[_i].code),
                         answers[_i].error_class);
}
END_TEST

static const struct {
        uint8_t code;
        az_error_class error_class;
} connacks[] = {
        { 0, C(NONE) },       { 1, C(PROTOCOL) },   { 2, C(IDENTITY) }, { 3, C(SERVICE) },
        { 4, C(CREDENTIAL) }, { 5, C(CREDENTIAL) }, { 6, C(PROTOCOL) }, { 255, C(PROTOCOL) },
};

START_TEST(codes_of_connack_have_their_class) {
        ck_assert_int_eq(az_error_class_of_connack(connacks[_i].code), connacks[_i].error_class);
}
END_TEST

static const struct {
        az_error_class error_class;
        bool is_transient;
        const char *name;
} classes[_AZ_ERROR_CLASS_MAX] = {
        { C(NONE), false, "none" },         { C(LOCAL), false, "local" },
        { C(NETWORK), true, "network" },    { C(TIMEOUT), true, "timeout" },
        { C(SERVICE), true, "service" },    { C(THROTTLED), true, "throttled" },
        { C(CONFLICT), true, "conflict" },  { C(CREDENTIAL), false, "credential" },
        { C(IDENTITY), false, "identity" }, { C(FORBIDDEN), false, "forbidden" },
        { C(CALLER), false, "caller" },     { C(TOO_LARGE), false, "too-large" },
        { C(PROTOCOL), false, "protocol" },
};

START_TEST(classes_have_names_and_some_pass) {
        ck_assert_int_eq(classes[_i].error_class, _i);
        ck_assert_str_eq(az_error_class_to_string(classes[_i].error_class), classes[_i].name);
        ck_assert_int_eq(az_error_class_is_transient(classes[_i].error_class), classes[_i].is_transient);
}
END_TEST

START_TEST(what_is_no_class_has_no_name) {
        ck_assert_ptr_null(az_error_class_to_string(_AZ_ERROR_CLASS_MAX));
        ck_assert_ptr_null(az_error_class_to_string((az_error_class) -1));
}
END_TEST

static Suite *error_class_suite(void) {
        Suite *s = suite_create("error-class");
        TCase *t = tcase_create("az_error_class");

        tcase_add_loop_test(t, answers_have_their_class, 0, ELEMENTSOF(answers));
        tcase_add_loop_test(t, codes_of_connack_have_their_class, 0, ELEMENTSOF(connacks));
        tcase_add_loop_test(t, classes_have_names_and_some_pass, 0, ELEMENTSOF(classes));
        tcase_add_test(t, what_is_no_class_has_no_name);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(error_class_suite)
