/* SPDX-License-Identifier: MIT */

#include <azure/az_iot.h>

#include "unit.h"

/* Values that compiled code depends on. */
static const struct {
        az_result result;
        uint32_t value;
        bool failed;
} results[] = {
        { AZ_OK, 0x00010000, false },
        { AZ_ERROR_CANCELED, 0x80010000, true },
        { AZ_ERROR_ARG, 0x80010001, true },
        { AZ_ERROR_NOT_ENOUGH_SPACE, 0x80010002, true },
        { AZ_ERROR_NOT_IMPLEMENTED, 0x80010003, true },
        { AZ_ERROR_ITEM_NOT_FOUND, 0x80010004, true },
        { AZ_ERROR_UNEXPECTED_CHAR, 0x80010005, true },
        { AZ_ERROR_UNEXPECTED_END, 0x80010006, true },
        { AZ_ERROR_NOT_SUPPORTED, 0x80010007, true },
        { AZ_ERROR_DEPENDENCY_NOT_PROVIDED, 0x80010008, true },
        { AZ_ERROR_OUT_OF_MEMORY, 0x80020001, true },
        { AZ_ERROR_CLOCK, 0x80020002, true },
        { AZ_ERROR_JSON_INVALID_STATE, 0x80030001, true },
        { AZ_ERROR_JSON_NESTING_OVERFLOW, 0x80030002, true },
        { AZ_ERROR_JSON_READER_DONE, 0x80030003, true },
        { AZ_ERROR_HTTP_INVALID_STATE, 0x80040001, true },
        { AZ_ERROR_HTTP_PIPELINE_INVALID_POLICY, 0x80040002, true },
        { AZ_ERROR_HTTP_INVALID_METHOD_VERB, 0x80040003, true },
        { AZ_ERROR_HTTP_AUTHENTICATION_FAILED, 0x80040004, true },
        { AZ_ERROR_HTTP_RESPONSE_OVERFLOW, 0x80040005, true },
        { AZ_ERROR_HTTP_RESPONSE_COULDNT_RESOLVE_HOST, 0x80040006, true },
        { AZ_ERROR_HTTP_CORRUPT_RESPONSE_HEADER, 0x80040007, true },
        { AZ_ERROR_HTTP_END_OF_HEADERS, 0x80040008, true },
        { AZ_ERROR_HTTP_ADAPTER, 0x80040009, true },
        { AZ_ERROR_IOT_TOPIC_NO_MATCH, 0x80050001, true },
        { AZ_ERROR_IOT_END_OF_PROPERTIES, 0x80050002, true },
        { _az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7), 0x00050007, false },
};

START_TEST(results_have_their_values) {
        ck_assert_uint_eq((uint32_t) results[_i].result, results[_i].value);
        ck_assert_int_eq(az_result_failed(results[_i].result), results[_i].failed);
        ck_assert_int_eq(az_result_succeeded(results[_i].result), !results[_i].failed);
}
END_TEST

static const struct {
        az_log_classification classification;
        uint32_t value;
} classifications[] = {
        { AZ_LOG_HTTP_REQUEST, 0x00040001 },
        { AZ_LOG_HTTP_RESPONSE, 0x00040002 },
        { AZ_LOG_HTTP_RETRY, 0x00040003 },
        { AZ_LOG_IOT_RETRY, 0x00050001 },
        { AZ_LOG_IOT_SAS_TOKEN, 0x00050002 },
        { AZ_LOG_IOT_AZURERTOS, 0x00050003 },
        { AZ_LOG_IOT_ADU, 0x00050004 },
        { AZ_LOG_MQTT_RECEIVED_TOPIC, 0x00060001 },
        { AZ_LOG_MQTT_RECEIVED_PAYLOAD, 0x00060002 },
};

START_TEST(classifications_have_their_values) {
        ck_assert_uint_eq((uint32_t) classifications[_i].classification, classifications[_i].value);
}
END_TEST

static Suite *result_suite(void) {
        Suite *s = suite_create("az-result");
        TCase *t = tcase_create("az_result");

        tcase_add_loop_test(t, results_have_their_values, 0, ELEMENTSOF(results));
        tcase_add_loop_test(t, classifications_have_their_values, 0, ELEMENTSOF(classifications));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(result_suite)
