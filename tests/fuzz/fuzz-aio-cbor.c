/* SPDX-License-Identifier: MIT */

/*
 * The input is a CBOR payload. What is well-formed libcbor reads, or says that it does not know it; what it
 * writes of that is well-formed, and in a smaller room it writes nothing.
 */

#include <stdlib.h>

#include <aio/cbor.h>
#include <cbor.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        /* libFuzzer stops at 1 MiB, and an item may be written longer than it was. */
        static uint8_t buffer[16 * 1024 * 1024];
        az_span payload = az_span_create((uint8_t *) data, (int32_t) size), again;
        aio_serializer serializer = aio_serializer_cbor();
        cbor_item_t *item;
        aio_error error;
        az_result r;

        r = aio_deserialize(&serializer, payload, &item, &error);
        if (r != AZ_OK) {
                check(error.kind == AIO_ERROR_INVALID_PAYLOAD);
                check(error.cause == AZ_ERROR_NOT_SUPPORTED || aio_cbor_validate(payload) == error.cause);
                return 0;
        }
        check(aio_cbor_validate(payload) == AZ_OK);

        check(aio_serialize(&serializer, item, AZ_SPAN_FROM_BUFFER(buffer), &again, &error) == AZ_OK);
        check(aio_cbor_validate(again) == AZ_OK);
        if (az_span_size(again) > 1)
                check(aio_serialize(&serializer, item, az_span_create(buffer, az_span_size(again) - 1),
                                    &again, &error) == AZ_ERROR_NOT_ENOUGH_SPACE);
        cbor_decref(&item);
        return 0;
}
