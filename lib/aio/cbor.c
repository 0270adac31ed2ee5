/* SPDX-License-Identifier: MIT */
#include <aio/cbor.h>

#include <cbor.h>

static az_result validate(void *context, az_span payload) {
        return aio_cbor_validate(payload);
}

static az_result serialize(void *context, void const *value, az_span destination, az_span *out_payload) {
        size_t n_written = cbor_serialize((cbor_item_t const *) value, az_span_ptr(destination),
                                          (size_t) az_span_size(destination));

        if (n_written == 0)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        *out_payload = az_span_slice(destination, 0, (int32_t) n_written);
        return AZ_OK;
}

static az_result deserialize(void *context, az_span payload, void *out_value) {
        struct cbor_load_result result;
        cbor_item_t *item;
        az_result r;

        r = aio_cbor_validate(payload);
        if (az_result_failed(r))
                return r;
        item = cbor_load(az_span_ptr(payload), (size_t) az_span_size(payload), &result);
        if (!item)
                return result.error.code == CBOR_ERR_MEMERROR ? AZ_ERROR_OUT_OF_MEMORY
                                                              : AZ_ERROR_NOT_SUPPORTED;

        *(cbor_item_t **) out_value = item;
        return AZ_OK;
}

aio_serializer aio_serializer_cbor(void) {
        return (aio_serializer){ .content_type = AZ_SPAN_FROM_STR("application/cbor"),
                                 .validate = validate,
                                 .serialize = serialize,
                                 .deserialize = deserialize };
}
