/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <signal.h>

#include <azure/az_core.h>
#include <azure/core/az_log_internal.h>
#include <azure/core/az_span_internal.h>

#include "unit.h"

/* The callbacks of the library have no argument to find these by. */
static jmp_buf failed;
static az_log_classification logged;

static void on_failed(void) {
        longjmp(failed, 1);
}

/* The statement fails a precondition. */
#define CHECK_FAILS(statement)                          \
        do {                                            \
                if (setjmp(failed) == 0) {              \
                        statement;                      \
                        ck_abort_msg("%s", #statement); \
                }                                       \
        } while (0)

/* What a trap instruction raises. */
#ifdef __aarch64__
#define SIGNAL_OF_TRAP SIGTRAP
#else
#define SIGNAL_OF_TRAP SIGILL
#endif

static uint8_t bytes[8];
static const az_span negative = { { bytes, -1 } };
static const az_span nowhere = { { NULL, 1 } };

START_TEST(spans_must_be_well_formed) {
        az_span buffer = AZ_SPAN_FROM_BUFFER(bytes), out;
        bool is_equal;
        int32_t n;

        az_precondition_failed_set_callback(on_failed);
        CHECK_FAILS(out = az_span_create(NULL, 1));
        CHECK_FAILS(out = az_span_create(bytes, -1));
        CHECK_FAILS(out = az_span_create_from_str(NULL));
        CHECK_FAILS(out = az_span_slice(buffer, -1, 2));
        CHECK_FAILS(out = az_span_slice(buffer, 3, 2));
        CHECK_FAILS(out = az_span_slice(buffer, 0, 9));
        CHECK_FAILS(out = az_span_slice_to_end(buffer, 9));
        CHECK_FAILS(out = az_span_slice_to_end(AZ_SPAN_EMPTY, 1));
        CHECK_FAILS(is_equal = az_span_is_content_equal_ignoring_case(buffer, nowhere));
        CHECK_FAILS(is_equal = az_span_is_valid_utf8(negative));
        CHECK_FAILS(n = az_span_find(nowhere, buffer));
        CHECK_FAILS(n = az_span_find(buffer, nowhere));
        CHECK_FAILS(az_span_copy(az_span_slice(buffer, 0, 7), buffer));
        CHECK_FAILS(az_span_copy_u8(AZ_SPAN_EMPTY, 0));
        CHECK_FAILS(az_span_to_str(NULL, 1, AZ_SPAN_EMPTY));
        CHECK_FAILS(az_span_to_str((char *) bytes, 0, AZ_SPAN_EMPTY));
        CHECK_FAILS(az_span_to_str((char *) bytes, 3, AZ_SPAN_FROM_STR("abc")));
        CHECK_FAILS(n = _az_span_url_encoded_size(negative));
        (void) out;
        (void) is_equal;
        (void) n;
}
END_TEST

START_TEST(outputs_must_not_be_null) {
        az_span buffer = AZ_SPAN_FROM_BUFFER(bytes), out;
        az_result result;
        int32_t n;

        az_precondition_failed_set_callback(on_failed);
        CHECK_FAILS(result = az_span_atou64(buffer, NULL));
        CHECK_FAILS(result = az_span_atoi64(buffer, NULL));
        CHECK_FAILS(result = az_span_atou32(buffer, NULL));
        CHECK_FAILS(result = az_span_atoi32(buffer, NULL));
        CHECK_FAILS(result = az_span_atod(buffer, NULL));
        CHECK_FAILS(result = az_span_i32toa(buffer, 0, NULL));
        CHECK_FAILS(result = az_span_u64toa(nowhere, 0, &out));
        CHECK_FAILS(result = az_span_dtoa(buffer, 0, 0, NULL));
        CHECK_FAILS(result = az_span_dtoa(buffer, 0, -1, &out));
        CHECK_FAILS(result = az_span_dtoa_with_fractional(negative, 0, 0, &out));
        CHECK_FAILS(result = _az_span_url_encode(buffer, buffer, NULL));
        CHECK_FAILS(result = _az_span_url_decode(buffer, nowhere, &n));
        CHECK_FAILS(result = az_base64_encode(buffer, buffer, NULL));
        CHECK_FAILS(result = az_base64_decode(nowhere, buffer, &n));
        CHECK_FAILS(result = az_base64_url_decode(buffer, buffer, NULL));
        CHECK_FAILS(n = az_base64_get_max_encoded_size(-1));
        CHECK_FAILS(n = az_base64_get_max_encoded_size(1610612734));
        CHECK_FAILS(n = az_base64_get_max_decoded_size(-1));
        CHECK_FAILS(n = az_base64_url_get_max_decoded_size(-1));
        (void) result;
        (void) n;
}
END_TEST

START_TEST(readers_and_writers_must_be_there) {
        az_span buffer = AZ_SPAN_FROM_BUFFER(bytes), out;
        az_json_token token = { 0 };
        az_json_reader reader;
        az_json_writer writer;
        az_result result;
        bool b;

        az_precondition_failed_set_callback(on_failed);
        ck_assert_int_eq(az_json_writer_init(&writer, buffer, NULL), AZ_OK);
        CHECK_FAILS(result = az_json_reader_init(NULL, buffer, NULL));
        CHECK_FAILS(result = az_json_reader_init(&reader, nowhere, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(&reader, NULL, 1, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(&reader, &buffer, 0, NULL));
        CHECK_FAILS(result = az_json_reader_next_token(NULL));
        CHECK_FAILS(result = az_json_reader_skip_children(NULL));
        CHECK_FAILS(result = az_json_reader_read_value_text(NULL, &out));
        CHECK_FAILS(result = az_json_validate(negative));
        CHECK_FAILS(result = az_json_token_get_boolean(NULL, &b));
        CHECK_FAILS(result = az_json_token_get_boolean(&token, NULL));
        CHECK_FAILS(result = az_json_token_get_double(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_string(&token, NULL, 1, NULL));
        CHECK_FAILS(result = az_json_token_get_string(&token, (char *) bytes, 0, NULL));
        CHECK_FAILS(b = az_json_token_is_text_equal(NULL, buffer));
        CHECK_FAILS(out = az_json_string_unescape(AZ_SPAN_FROM_STR("ab"), az_span_create(bytes, 1)));
        CHECK_FAILS(result = az_json_writer_init(NULL, buffer, NULL));
        CHECK_FAILS(result = az_json_writer_chunked_init(&writer, buffer, NULL, NULL, NULL));
        CHECK_FAILS(result = az_json_writer_append_null(NULL));
        CHECK_FAILS(result = az_json_writer_append_string(&writer, nowhere));
        CHECK_FAILS(result = az_json_writer_append_property_name(&writer, negative));
        CHECK_FAILS(result = az_json_writer_append_double(&writer, 1, -1));
        token.size = 9;
        CHECK_FAILS(az_json_token_copy_into_span(&token, buffer));
        (void) out;
        (void) result;
        (void) b;
}
END_TEST

START_TEST(a_callback_must_be_set) {
        az_precondition_failed_set_callback(on_failed);
        CHECK_FAILS(az_precondition_failed_set_callback(NULL));
}
END_TEST

START_TEST(the_default_does_not_return) {
        az_span span = az_span_create(NULL, 1);

        (void) span;
}
END_TEST

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
        { AZ_ERROR_JSON_INVALID_STATE, 0x80030001, true },
        { AZ_ERROR_JSON_NESTING_OVERFLOW, 0x80030002, true },
        { AZ_ERROR_JSON_READER_DONE, 0x80030003, true },
        { _az_RESULT_MAKE_SUCCESS(_az_FACILITY_IOT, 7), 0x00050007, false },
};

START_TEST(results_have_their_values) {
        ck_assert_uint_eq((uint32_t) results[_i].result, results[_i].value);
        ck_assert_int_eq(az_result_failed(results[_i].result), results[_i].failed);
        ck_assert_int_eq(az_result_succeeded(results[_i].result), !results[_i].failed);
}
END_TEST

static Suite *precondition_suite(void) {
        Suite *s = suite_create("az-precondition");
        TCase *t;

        t = tcase_create("az_precondition");
        tcase_add_test(t, spans_must_be_well_formed);
        tcase_add_test(t, outputs_must_not_be_null);
        tcase_add_test(t, readers_and_writers_must_be_there);
        tcase_add_test(t, a_callback_must_be_set);
        tcase_add_test_raise_signal(t, the_default_does_not_return, SIGNAL_OF_TRAP);
        suite_add_tcase(s, t);

        t = tcase_create("az_log");
        tcase_add_test(t, messages_pass_the_filter_to_the_callback);
        suite_add_tcase(s, t);

        t = tcase_create("az_result");
        tcase_add_loop_test(t, results_have_their_values, 0, ELEMENTSOF(results));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(precondition_suite)
