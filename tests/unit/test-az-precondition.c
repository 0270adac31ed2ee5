/* SPDX-License-Identifier: MIT */

#include <signal.h>

#include <azure/az_core.h>
#include <azure/core/az_log_internal.h>
#include <azure/core/az_span_internal.h>

#include "unit-precondition.h"

/* What a trap instruction raises. */
#ifdef __aarch64__
#define SIGNAL_OF_TRAP SIGTRAP
#else
#define SIGNAL_OF_TRAP SIGILL
#endif

#define BUFFER az_span_create(some_bytes, sizeof(some_bytes))

START_TEST(spans_must_be_well_formed) {
        az_span out;
        bool is_equal;
        int32_t n;

        CHECK_FAILS(out = az_span_create(NULL, 1));
        CHECK_FAILS(out = az_span_create(some_bytes, -1));
        CHECK_FAILS(out = az_span_create_from_str(NULL));
        CHECK_FAILS(out = az_span_slice(BUFFER, -1, 2));
        CHECK_FAILS(out = az_span_slice(BUFFER, 3, 2));
        CHECK_FAILS(out = az_span_slice(BUFFER, 0, 9));
        CHECK_FAILS(out = az_span_slice(span_nowhere, 0, 0));
        CHECK_FAILS(out = az_span_slice_to_end(BUFFER, -1));
        CHECK_FAILS(out = az_span_slice_to_end(BUFFER, 9));
        CHECK_FAILS(out = az_span_slice_to_end(AZ_SPAN_EMPTY, 1));
        CHECK_FAILS(is_equal = az_span_is_content_equal_ignoring_case(BUFFER, span_nowhere));
        CHECK_FAILS(is_equal = az_span_is_content_equal_ignoring_case(span_negative, BUFFER));
        CHECK_FAILS(is_equal = az_span_is_valid_utf8(span_negative));
        CHECK_FAILS(n = az_span_find(span_nowhere, BUFFER));
        CHECK_FAILS(n = az_span_find(BUFFER, span_nowhere));
        CHECK_FAILS(az_span_copy(az_span_slice(BUFFER, 0, 7), BUFFER));
        CHECK_FAILS(az_span_copy(span_nowhere, str("a")));
        CHECK_FAILS(az_span_copy(BUFFER, span_nowhere));
        CHECK_FAILS(az_span_copy_u8(AZ_SPAN_EMPTY, 0));
        CHECK_FAILS(az_span_to_str(NULL, 1, AZ_SPAN_EMPTY));
        CHECK_FAILS(az_span_to_str((char *) some_bytes, 0, AZ_SPAN_EMPTY));
        CHECK_FAILS(az_span_to_str((char *) some_bytes, 3, str("abc")));
        CHECK_FAILS(az_span_to_str((char *) some_bytes, 3, span_nowhere));
        (void) out;
        (void) is_equal;
        (void) n;
}
END_TEST

START_TEST(numbers_need_text_and_somewhere_to_go) {
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        int32_t i32;
        double d;
        az_span out;
        az_result result;

        CHECK_FAILS(result = az_span_atou64(span_nowhere, &u64));
        CHECK_FAILS(result = az_span_atou64(BUFFER, NULL));
        CHECK_FAILS(result = az_span_atoi64(span_nowhere, &i64));
        CHECK_FAILS(result = az_span_atoi64(BUFFER, NULL));
        CHECK_FAILS(result = az_span_atou32(span_nowhere, &u32));
        CHECK_FAILS(result = az_span_atou32(BUFFER, NULL));
        CHECK_FAILS(result = az_span_atoi32(span_nowhere, &i32));
        CHECK_FAILS(result = az_span_atoi32(BUFFER, NULL));
        CHECK_FAILS(result = az_span_atod(span_nowhere, &d));
        CHECK_FAILS(result = az_span_atod(BUFFER, NULL));
        CHECK_FAILS(result = az_span_u64toa(span_nowhere, 0, &out));
        CHECK_FAILS(result = az_span_u64toa(BUFFER, 0, NULL));
        CHECK_FAILS(result = az_span_i64toa(span_nowhere, 0, &out));
        CHECK_FAILS(result = az_span_i64toa(BUFFER, 0, NULL));
        CHECK_FAILS(result = az_span_u32toa(span_nowhere, 0, &out));
        CHECK_FAILS(result = az_span_u32toa(BUFFER, 0, NULL));
        CHECK_FAILS(result = az_span_i32toa(span_nowhere, 0, &out));
        CHECK_FAILS(result = az_span_i32toa(BUFFER, 0, NULL));
        CHECK_FAILS(result = az_span_dtoa(span_negative, 0, 0, &out));
        CHECK_FAILS(result = az_span_dtoa(BUFFER, 0, -1, &out));
        CHECK_FAILS(result = az_span_dtoa(BUFFER, 0, 0, NULL));
        CHECK_FAILS(result = az_span_dtoa_with_fractional(span_negative, 0, 0, &out));
        CHECK_FAILS(result = az_span_dtoa_with_fractional(BUFFER, 0, -1, &out));
        CHECK_FAILS(result = az_span_dtoa_with_fractional(BUFFER, 0, 0, NULL));
        (void) result;
}
END_TEST

START_TEST(encodings_need_text_and_somewhere_to_go) {
        az_result result;
        int32_t n;

        CHECK_FAILS(n = _az_span_url_encoded_size(span_negative));
        CHECK_FAILS(n = _az_span_url_encoded_size((az_span){ { some_bytes, INT32_MAX / 3 + 1 } }));
        CHECK_FAILS(result = _az_span_url_encode(span_nowhere, BUFFER, &n));
        CHECK_FAILS(result = _az_span_url_encode(BUFFER, span_nowhere, &n));
        CHECK_FAILS(result = _az_span_url_encode(BUFFER, BUFFER, NULL));
        CHECK_FAILS(result = _az_span_url_decode(span_nowhere, BUFFER, &n));
        CHECK_FAILS(result = _az_span_url_decode(BUFFER, span_nowhere, &n));
        CHECK_FAILS(result = _az_span_url_decode(BUFFER, BUFFER, NULL));
        CHECK_FAILS(result = az_base64_encode(span_nowhere, BUFFER, &n));
        CHECK_FAILS(result = az_base64_encode(BUFFER, span_nowhere, &n));
        CHECK_FAILS(result = az_base64_encode(BUFFER, BUFFER, NULL));
        CHECK_FAILS(result = az_base64_decode(span_nowhere, BUFFER, &n));
        CHECK_FAILS(result = az_base64_decode(BUFFER, span_nowhere, &n));
        CHECK_FAILS(result = az_base64_decode(BUFFER, BUFFER, NULL));
        CHECK_FAILS(result = az_base64_url_decode(span_nowhere, BUFFER, &n));
        CHECK_FAILS(result = az_base64_url_decode(BUFFER, span_nowhere, &n));
        CHECK_FAILS(result = az_base64_url_decode(BUFFER, BUFFER, NULL));
        CHECK_FAILS(n = az_base64_get_max_encoded_size(-1));
        CHECK_FAILS(n = az_base64_get_max_encoded_size(1610612734));
        CHECK_FAILS(n = az_base64_get_max_decoded_size(-1));
        CHECK_FAILS(n = az_base64_url_get_max_decoded_size(-1));
        (void) result;
        (void) n;
}
END_TEST

START_TEST(a_reader_and_its_text_must_be_there) {
        az_span buffer = BUFFER, chunks[] = { BUFFER, span_nowhere }, out;
        az_json_reader reader;
        az_result result;

        CHECK_FAILS(result = az_json_reader_init(NULL, buffer, NULL));
        CHECK_FAILS(result = az_json_reader_init(&reader, span_nowhere, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(NULL, &buffer, 1, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(&reader, NULL, 1, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(&reader, &buffer, 0, NULL));
        CHECK_FAILS(result = az_json_reader_chunked_init(&reader, chunks, 2, NULL));
        CHECK_FAILS(result = az_json_reader_next_token(NULL));
        CHECK_FAILS(result = az_json_reader_skip_children(NULL));
        CHECK_FAILS(result = az_json_reader_read_value_text(NULL, &out));
        ck_assert_int_eq(az_json_reader_init(&reader, str("1"), NULL), AZ_OK);
        CHECK_FAILS(result = az_json_reader_read_value_text(&reader, NULL));
        CHECK_FAILS(result = az_json_validate(span_negative));
        (void) out;
        (void) result;
}
END_TEST

START_TEST(a_token_and_somewhere_to_go_must_be_there) {
        az_json_token number = { .kind = AZ_JSON_TOKEN_NUMBER, .slice = AZ_SPAN_FROM_STR("1"), .size = 1 };
        az_json_token text = { .kind = AZ_JSON_TOKEN_STRING, .slice = AZ_SPAN_FROM_STR("a"), .size = 1 };
        az_json_token token = { .size = 9 };
        az_span out;
        az_result result;
        bool b;

        CHECK_FAILS(az_json_token_copy_into_span(NULL, BUFFER));
        CHECK_FAILS(az_json_token_copy_into_span(&token, BUFFER));
        CHECK_FAILS(result = az_json_token_get_boolean(NULL, &b));
        CHECK_FAILS(result = az_json_token_get_boolean(&token, NULL));
        CHECK_FAILS(result = az_json_token_get_uint64(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_uint64(&number, NULL));
        CHECK_FAILS(result = az_json_token_get_int64(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_int64(&number, NULL));
        CHECK_FAILS(result = az_json_token_get_uint32(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_uint32(&number, NULL));
        CHECK_FAILS(result = az_json_token_get_int32(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_int32(&number, NULL));
        CHECK_FAILS(result = az_json_token_get_double(NULL, NULL));
        CHECK_FAILS(result = az_json_token_get_double(&number, NULL));
        CHECK_FAILS(result = az_json_token_get_string(NULL, (char *) some_bytes, 1, NULL));
        CHECK_FAILS(result = az_json_token_get_string(&text, NULL, 1, NULL));
        CHECK_FAILS(result = az_json_token_get_string(&text, (char *) some_bytes, 0, NULL));
        CHECK_FAILS(b = az_json_token_is_text_equal(NULL, BUFFER));
        CHECK_FAILS(b = az_json_token_is_text_equal(&text, span_nowhere));
        CHECK_FAILS(out = az_json_string_unescape(span_nowhere, BUFFER));
        CHECK_FAILS(out = az_json_string_unescape(str("ab"), span_nowhere));
        CHECK_FAILS(out = az_json_string_unescape(str("ab"), az_span_create(some_bytes, 1)));
        (void) out;
        (void) result;
        (void) b;
}
END_TEST

static az_result no_buffer(az_span_allocator_context *context, az_span *out_next_destination) {
        return AZ_ERROR_OUT_OF_MEMORY;
}

START_TEST(a_writer_and_what_it_writes_must_be_there) {
        az_json_writer writer;
        az_result result;

        ck_assert_int_eq(az_json_writer_init(&writer, BUFFER, NULL), AZ_OK);
        CHECK_FAILS(result = az_json_writer_init(NULL, BUFFER, NULL));
        CHECK_FAILS(result = az_json_writer_init(&writer, span_nowhere, NULL));
        CHECK_FAILS(result = az_json_writer_chunked_init(NULL, BUFFER, no_buffer, NULL, NULL));
        CHECK_FAILS(result = az_json_writer_chunked_init(&writer, span_nowhere, no_buffer, NULL, NULL));
        CHECK_FAILS(result = az_json_writer_chunked_init(&writer, BUFFER, NULL, NULL, NULL));
        CHECK_FAILS(result = az_json_writer_append_string(NULL, BUFFER));
        CHECK_FAILS(result = az_json_writer_append_string(&writer, span_nowhere));
        CHECK_FAILS(result = az_json_writer_append_json_text(NULL, BUFFER));
        CHECK_FAILS(result = az_json_writer_append_json_text(&writer, span_nowhere));
        CHECK_FAILS(result = az_json_writer_append_property_name(NULL, BUFFER));
        CHECK_FAILS(result = az_json_writer_append_property_name(&writer, span_negative));
        CHECK_FAILS(result = az_json_writer_append_bool(NULL, true));
        CHECK_FAILS(result = az_json_writer_append_int32(NULL, 1));
        CHECK_FAILS(result = az_json_writer_append_double(NULL, 1, 1));
        CHECK_FAILS(result = az_json_writer_append_double(&writer, 1, -1));
        CHECK_FAILS(result = az_json_writer_append_null(NULL));
        CHECK_FAILS(result = az_json_writer_append_begin_object(NULL));
        CHECK_FAILS(result = az_json_writer_append_begin_array(NULL));
        CHECK_FAILS(result = az_json_writer_append_end_object(NULL));
        CHECK_FAILS(result = az_json_writer_append_end_array(NULL));
        (void) result;
}
END_TEST

START_TEST(a_callback_and_a_message_must_be_there) {
        CHECK_FAILS(az_precondition_failed_set_callback(NULL));
        CHECK_FAILS(_az_log_write_message(AZ_LOG_HTTP_RETRY, span_nowhere));
}
END_TEST

START_TEST(the_default_does_not_return) {
        az_span span = az_span_create(NULL, 1);

        (void) span;
}
END_TEST

static void on_failed_return(void) {
}

START_TEST(a_callback_that_returns_stops_the_program) {
        az_span span;

        az_precondition_failed_set_callback(on_failed_return);
        span = az_span_create(NULL, 1);
        (void) span;
}
END_TEST

static Suite *precondition_suite(void) {
        Suite *s = suite_create("az-precondition");
        TCase *t;

        t = tcase_create("az_precondition_failed_set_callback");
        tcase_add_checked_fixture(t, expect_failures, NULL);
        tcase_add_test(t, spans_must_be_well_formed);
        tcase_add_test(t, numbers_need_text_and_somewhere_to_go);
        tcase_add_test(t, encodings_need_text_and_somewhere_to_go);
        tcase_add_test(t, a_reader_and_its_text_must_be_there);
        tcase_add_test(t, a_token_and_somewhere_to_go_must_be_there);
        tcase_add_test(t, a_writer_and_what_it_writes_must_be_there);
        tcase_add_test(t, a_callback_and_a_message_must_be_there);
        suite_add_tcase(s, t);

        t = tcase_create("default");
        tcase_add_test_raise_signal(t, the_default_does_not_return, SIGNAL_OF_TRAP);
        tcase_add_test_raise_signal(t, a_callback_that_returns_stops_the_program, SIGNAL_OF_TRAP);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(precondition_suite)
