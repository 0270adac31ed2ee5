/* SPDX-License-Identifier: MIT */

/* The public API is that of the Azure SDK for Embedded C: what az-api.c leaves to be compared by a test. */

#include <azure/az_core.h>

#include "az-api.h"
#include "unit-span.h"

START_TEST(texts_are_the_same) {
        for (size_t i = 0; i < az_api_n_texts; i++)
                ck_assert_msg(strcmp(az_api_texts[i].text, az_api_texts[i].expected) == 0, "%s is '%s'",
                              az_api_texts[i].name, az_api_texts[i].text);
}
END_TEST

START_TEST(a_macro_for_spans_makes_one) {
        ck_assert_span_eq(az_api_use_spans(0), "");
        ck_assert_span_eq(az_api_use_spans(1), "literal");
        ck_assert_span_eq(az_api_use_spans(2), "text");
        ck_assert_int_eq(az_span_size(az_api_use_spans(3)), 4);
        ck_assert_ptr_null(az_span_ptr(az_api_use_spans(4)));
}
END_TEST

START_TEST(errors_are_told_from_successes) {
        ck_assert(az_result_succeeded(AZ_OK) && !az_result_failed(AZ_OK));
        ck_assert(az_result_succeeded(_az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7)));
        ck_assert(!az_result_failed(_az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7)));
        ck_assert(az_result_failed(AZ_ERROR_CANCELED) && !az_result_succeeded(AZ_ERROR_CANCELED));
        ck_assert(az_result_failed(AZ_ERROR_ITEM_NOT_FOUND));
}
END_TEST

static Suite *api_suite(void) {
        Suite *s = suite_create("az-api");
        TCase *t = tcase_create("constants");

        tcase_add_test(t, texts_are_the_same);
        tcase_add_test(t, a_macro_for_spans_makes_one);
        tcase_add_test(t, errors_are_told_from_successes);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(api_suite)
