/* SPDX-License-Identifier: MIT */

#include <azure/core/az_log_internal.h>

#include "unit-span.h"

/* The callback of the library has no argument to find this by. */
static az_log_classification logged;

static void log_message(az_log_classification classification, az_span message) {
        ck_assert(az_span_is_content_equal(message, AZ_SPAN_FROM_STR("message")));
        logged = classification;
}

static bool filter_requests(az_log_classification classification) {
        return classification == AZ_LOG_HTTP_REQUEST;
}

START_TEST(messages_pass_the_filter_to_the_callback) {
        az_span message = AZ_SPAN_FROM_STR("message");

        ck_assert(!_az_log_should_write(AZ_LOG_HTTP_RETRY));
        _az_log_write(AZ_LOG_HTTP_RETRY, message); /* to nobody */

        az_log_set_message_callback(log_message);
        ck_assert(_az_log_should_write(AZ_LOG_HTTP_RETRY));
        _az_log_write(AZ_LOG_HTTP_RETRY, message);
        ck_assert_int_eq(logged, AZ_LOG_HTTP_RETRY);

        az_log_set_classification_filter_callback(filter_requests);
        ck_assert(!_az_log_should_write(AZ_LOG_HTTP_RESPONSE));
        _az_log_write(AZ_LOG_HTTP_RESPONSE, message);
        ck_assert_int_eq(logged, AZ_LOG_HTTP_RETRY);
        _az_log_write(AZ_LOG_HTTP_REQUEST, message);
        ck_assert_int_eq(logged, AZ_LOG_HTTP_REQUEST);
}
END_TEST

static Suite *log_suite(void) {
        Suite *s = suite_create("az-log");
        TCase *t = tcase_create("az_log");

        tcase_add_test(t, messages_pass_the_filter_to_the_callback);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(log_suite)
