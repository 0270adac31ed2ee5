/* SPDX-License-Identifier: MIT */
#include <aio/cbor.h>
#include <cbor.h>

#include "aio-check.h"

static void unref(cbor_item_t **item) {
        cbor_decref(item);
}

START_TEST(an_item_is_written_and_read_again) {
        static const uint8_t bytes[] = { 0xA1, 0x64, 't', 'e', 'm', 'p', 0x18, 0x2A };
        _cleanup_(unref) cbor_item_t *item = cbor_new_definite_map(1);
        cbor_item_t *read;
        aio_serializer serializer = aio_serializer_cbor();
        uint8_t buffer[sizeof(bytes)];
        az_span payload;
        aio_error error;

        ck_assert(cbor_map_add(item, (struct cbor_pair){ .key = cbor_move(cbor_build_string("temp")),
                                                         .value = cbor_move(cbor_build_uint8(42)) }));
        for (int32_t size = 0; size < (int32_t) sizeof(bytes); size++)
                ck_assert_int_eq(
                        aio_serialize(&serializer, item, az_span_create(buffer, size), &payload, &error),
                        AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(aio_serialize(&serializer, item, AZ_SPAN_FROM_BUFFER(buffer), &payload, &error),
                         AZ_OK);
        ck_assert_mem_eq(az_span_ptr(payload), bytes, sizeof(bytes));

        ck_assert_int_eq(aio_deserialize(&serializer, payload, &read, &error), AZ_OK);
        ck_assert(cbor_isa_map(read) && cbor_map_size(read) == 1);
        ck_assert_uint_eq(cbor_get_int(cbor_map_handle(read)[0].value), 42);
        cbor_decref(&read);
}
END_TEST

static const struct {
        const char *bytes;
        int32_t size;
        az_result cause;
        bool is_valid; /* well-formed, though libcbor does not know it */
} refused[] = {
        { "", 0, AZ_ERROR_UNEXPECTED_END, false },
        { "\x81", 1, AZ_ERROR_UNEXPECTED_END, false },
        { "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x00", 10, AZ_ERROR_UNEXPECTED_END, false },
        { "\x61\xff", 2, AZ_ERROR_UNEXPECTED_CHAR, false },
        { "\x00\x00", 2, AZ_ERROR_UNEXPECTED_CHAR, false },
        { "\xf0", 1, AZ_ERROR_NOT_SUPPORTED, true },
};

START_TEST(what_is_no_item_is_refused_before_libcbor_allocates) {
        az_span payload = az_span_create((uint8_t *) refused[_i].bytes, refused[_i].size);
        aio_serializer serializer = aio_serializer_cbor();
        cbor_item_t *item = NULL;
        aio_error error = { 0 };

        ck_assert_int_eq(aio_serializer_validate(&serializer, payload, &error),
                         refused[_i].is_valid ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(aio_deserialize(&serializer, payload, &item, &error), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_PAYLOAD);
        ck_assert_int_eq(error.cause, refused[_i].cause);
        ck_assert_ptr_null(item);
}
END_TEST

START_TEST(a_message_is_bytes_of_application_cbor) {
        aio_serializer serializer = aio_serializer_cbor();
        az_mqtt_message message = { 0 };

        aio_serializer_describe(&serializer, &message);
        CHECK_SPAN(message.content_type, "application/cbor");
        ck_assert_uint_eq(message.payload_format, 0);
}
END_TEST

static Suite *aio_cbor_suite(void) {
        Suite *s = suite_create("aio-cbor");
        TCase *t = tcase_create("aio_serializer_cbor");

        tcase_add_test(t, an_item_is_written_and_read_again);
        tcase_add_loop_test(t, what_is_no_item_is_refused_before_libcbor_allocates, 0, ELEMENTSOF(refused));
        tcase_add_test(t, a_message_is_bytes_of_application_cbor);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_cbor_suite)
