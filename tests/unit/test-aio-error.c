/* SPDX-License-Identifier: MIT */
#include <aio/error.h>

#include "aio-check.h"

START_TEST(each_kind_has_a_name_that_leads_back_to_it) {
        aio_error_kind kind;

        CHECK_NAMES(aio_error_kind_to_string, _AIO_ERROR_KIND_MAX);
        for (int i = AIO_ERROR_NONE + 1; i < _AIO_ERROR_KIND_MAX; i++) {
                ck_assert_int_eq(aio_error_kind_from_string(of(aio_error_kind_to_string(i)), &kind), AZ_OK);
                ck_assert_int_eq(kind, i);
        }
        ck_assert_int_eq(aio_error_kind_from_string(of("none"), &kind), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(aio_error_kind_from_string(of("Timeout"), &kind), AZ_ERROR_ITEM_NOT_FOUND);
}
END_TEST

#define TEXT(text) AZ_SPAN_LITERAL_FROM_STR(text)
#define M          .message = TEXT("why")

/* An executor's error, the status by which it answers, and what the invoker makes of that. */
static const struct {
        aio_error error;
        aio_status status;
        aio_error_kind kind;
} statuses[] = {
        { { .kind = AIO_ERROR_MISSING_HEADER, M, .property_name = TEXT("Message Expiry") },
          { 400, false, TEXT("why"), .property_name = TEXT("Message Expiry") },
          AIO_ERROR_MISSING_HEADER },
        { { .kind = AIO_ERROR_MISSING_HEADER, M, .property_name = TEXT("x"), .property_value = TEXT("y") },
          { 400, false, TEXT("why"), .property_name = TEXT("x") },
          AIO_ERROR_MISSING_HEADER },
        { { .kind = AIO_ERROR_INVALID_HEADER,
            M,
            .property_name = TEXT("__ts"),
            .property_value = TEXT("bad") },
          { 400, false, TEXT("why"), TEXT("__ts"), TEXT("bad") },
          AIO_ERROR_INVALID_HEADER },
        { { .kind = AIO_ERROR_INVALID_HEADER, M, .property_name = TEXT("__ts"), .property_value = TEXT("") },
          { 400, false, TEXT("why"), TEXT("__ts"), TEXT("") },
          AIO_ERROR_INVALID_HEADER },
        { { .kind = AIO_ERROR_INVALID_HEADER,
            M,
            .property_name = TEXT("Content Type"),
            .property_value = TEXT("raw/0") },
          { 415, false, TEXT("why"), TEXT("Content Type"), TEXT("raw/0") },
          AIO_ERROR_INVALID_HEADER },
        { { .kind = AIO_ERROR_INVALID_HEADER,
            M,
            .property_name = TEXT("Payload Format Indicator"),
            .property_value = TEXT("1") },
          { 415, false, TEXT("why"), TEXT("Payload Format Indicator"), TEXT("1") },
          AIO_ERROR_INVALID_HEADER },
        { { .kind = AIO_ERROR_INVALID_PAYLOAD, M, .property_name = TEXT("x") },
          { 400, false, TEXT("why"), AZ_SPAN_LITERAL_EMPTY },
          AIO_ERROR_INVALID_PAYLOAD },
        { { .kind = AIO_ERROR_TIMEOUT,
            M,
            .property_name = TEXT("ExecutionTimeout"),
            .property_value = TEXT("PT1S") },
          { 408, false, TEXT("why"), TEXT("ExecutionTimeout"), TEXT("PT1S") },
          AIO_ERROR_TIMEOUT },
        { { .kind = AIO_ERROR_EXECUTION, M },
          { 500, true, TEXT("why"), AZ_SPAN_LITERAL_EMPTY },
          AIO_ERROR_EXECUTION },
        { { .kind = AIO_ERROR_EXECUTION, M, .property_name = TEXT("x"), .property_value = TEXT("y") },
          { 500, true, TEXT("why"), TEXT("x"), TEXT("y") },
          AIO_ERROR_EXECUTION },
        { { .kind = AIO_ERROR_INTERNAL_LOGIC, M, .property_name = TEXT("x") },
          { 500, false, TEXT("why"), TEXT("x") },
          AIO_ERROR_INTERNAL_LOGIC },
        { { .kind = AIO_ERROR_UNKNOWN, M },
          { 500, false, TEXT("why"), AZ_SPAN_LITERAL_EMPTY },
          AIO_ERROR_UNKNOWN },
        { { .kind = AIO_ERROR_CANCELLATION, M },
          { 500, false, TEXT("why"), AZ_SPAN_LITERAL_EMPTY },
          AIO_ERROR_UNKNOWN },
        { { .kind = AIO_ERROR_MQTT, M },
          { 500, false, TEXT("why"), AZ_SPAN_LITERAL_EMPTY },
          AIO_ERROR_UNKNOWN },
        { { .kind = AIO_ERROR_INVALID_CONFIGURATION, M, .property_name = TEXT("x") },
          { 500, false, TEXT("why"), TEXT("x") },
          AIO_ERROR_INTERNAL_LOGIC },
        { { .kind = AIO_ERROR_INVALID_STATE, M, .property_name = TEXT("MaxClockDrift") },
          { 503, false, TEXT("why"), TEXT("MaxClockDrift") },
          AIO_ERROR_INVALID_STATE },
        { { .kind = AIO_ERROR_UNSUPPORTED_VERSION,
            M,
            .protocol_version = TEXT("123456.0"),
            .supported_majors = TEXT("1") },
          { 505, false, TEXT("why"), .request_protocol_version = TEXT("123456.0"),
            .supported_majors = TEXT("1") },
          AIO_ERROR_UNSUPPORTED_VERSION },
};

static void check_span_eq(az_span a, az_span b) {
        ck_assert(az_span_is_content_equal(a, b));
        ck_assert_int_eq(az_span_ptr(a) == NULL, az_span_ptr(b) == NULL);
}

START_TEST(an_error_becomes_a_status_and_an_error_again) {
        const aio_status *expected = &statuses[_i].status;
        aio_status status = aio_error_to_status(&statuses[_i].error);
        aio_error error;

        ck_assert_int_eq(status.code, expected->code);
        ck_assert_int_eq(status.is_application_error, expected->is_application_error);
        check_span_eq(status.message, expected->message);
        check_span_eq(status.property_name, expected->property_name);
        check_span_eq(status.property_value, expected->property_value);
        check_span_eq(status.request_protocol_version, expected->request_protocol_version);
        check_span_eq(status.supported_majors, expected->supported_majors);

        ck_assert_int_eq(aio_error_from_status(&status, of("payload"), &error), AZ_ERROR_CANCELED);
        ck_assert_int_eq(error.kind, statuses[_i].kind);
        ck_assert(error.is_remote && !error.is_shallow);
        check_span_eq(error.message, expected->message);
        check_span_eq(error.property_name, expected->property_name);
        check_span_eq(error.property_value, expected->property_value);
        check_span_eq(error.protocol_version, expected->request_protocol_version);
        check_span_eq(error.supported_majors, expected->supported_majors);
}
END_TEST

/* What peers send that this library does not. */
static const struct {
        aio_status status;
        const char *payload;
        aio_error_kind kind; /* AIO_ERROR_NONE: success */
        bool is_remote;
} foreign[] = {
        { { 200, false, TEXT("") }, "x", AIO_ERROR_NONE, false },
        { { 200, true, TEXT("") }, "", AIO_ERROR_NONE, false },
        { { 204, false, TEXT("") }, "", AIO_ERROR_NONE, false },
        { { 204, false, TEXT("") }, "x", AIO_ERROR_INVALID_PAYLOAD, false },
        { { 415, false, TEXT(""), TEXT("Content Type"), TEXT("x") }, "", AIO_ERROR_INVALID_HEADER, true },
        { { 408, false, TEXT("") }, "", AIO_ERROR_TIMEOUT, true },
        { { 500, true, TEXT(""), TEXT("x") }, "", AIO_ERROR_EXECUTION, true },
        { { 418, false, TEXT(""), TEXT("x"), TEXT("y") }, "", AIO_ERROR_UNKNOWN, true },
        { { 422, true, TEXT(""), TEXT("x"), TEXT("y") }, "", AIO_ERROR_UNKNOWN, true },
        { { 202, false, TEXT("") }, "", AIO_ERROR_UNKNOWN, true },
        { { 0, false, TEXT("") }, "", AIO_ERROR_UNKNOWN, true },
};

START_TEST(a_status_of_others_is_understood) {
        aio_error error = { 0 };
        az_result r = aio_error_from_status(&foreign[_i].status, of(foreign[_i].payload), &error);

        ck_assert_int_eq(r, foreign[_i].kind == AIO_ERROR_NONE ? AZ_OK : AZ_ERROR_CANCELED);
        ck_assert_int_eq(error.kind, foreign[_i].kind);
        ck_assert_int_eq(error.is_remote, foreign[_i].is_remote);
        if (error.is_remote) {
                check_span_eq(error.property_name, foreign[_i].status.property_name);
                check_span_eq(error.property_value, foreign[_i].status.property_value);
        }
}
END_TEST

START_TEST(no_error_is_200) {
        aio_error none = { .message = TEXT("nothing to say") };
        aio_status status = aio_error_to_status(&none);

        ck_assert_int_eq(status.code, 200);
        CHECK_SPAN(status.message, NULL);
}
END_TEST

static Suite *aio_error_suite(void) {
        Suite *s = suite_create("aio-error");
        TCase *t = tcase_create("aio_error");

        tcase_add_test(t, each_kind_has_a_name_that_leads_back_to_it);
        tcase_add_loop_test(t, an_error_becomes_a_status_and_an_error_again, 0, ELEMENTSOF(statuses));
        tcase_add_loop_test(t, a_status_of_others_is_understood, 0, ELEMENTSOF(foreign));
        tcase_add_test(t, no_error_is_200);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_error_suite)
