/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_text_internal.h>

#include <azure/core/az_span_internal.h>

_az_iot_text _az_iot_text_begin(void *buffer, size_t size) {
        return (_az_iot_text){
                .buffer = buffer,
                .rest = az_span_create(buffer, size < INT32_MAX ? (int32_t) size : INT32_MAX),
        };
}

void _az_iot_text_append(_az_iot_text *text, az_span source) {
        if (az_span_size(source) > az_span_size(text->rest))
                text->is_full = true;
        else
                text->rest = az_span_copy(text->rest, source);
}

void _az_iot_text_append_encoded(_az_iot_text *text, az_span source) {
        int32_t length = 0;

        if (az_result_failed(_az_span_url_encode(text->rest, source, &length)))
                text->is_full = true;
        else
                text->rest = az_span_slice_to_end(text->rest, length);
}

void _az_iot_text_append_u64(_az_iot_text *text, uint64_t number) {
        if (az_result_failed(az_span_u64toa(text->rest, number, &text->rest)))
                text->is_full = true;
}

az_span _az_iot_text_written(_az_iot_text const *text) {
        return az_span_create(text->buffer, (int32_t) (az_span_ptr(text->rest) - text->buffer));
}

az_result _az_iot_text_end(_az_iot_text *text, size_t *out_length) {
        if (text->is_full || az_span_size(text->rest) == 0)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        az_span_copy_u8(text->rest, '\0');
        if (out_length)
                *out_length = (size_t) az_span_size(_az_iot_text_written(text));
        return AZ_OK;
}

bool _az_iot_topic_skip_prefix(az_span *ref_topic, az_span prefix) {
        int32_t size = az_span_size(prefix);

        if (az_span_size(*ref_topic) < size ||
            !az_span_is_content_equal(az_span_slice(*ref_topic, 0, size), prefix))
                return false;

        *ref_topic = az_span_slice_to_end(*ref_topic, size);
        return true;
}
