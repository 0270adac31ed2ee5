/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_text_internal.h>

#include <azure/core/az_span_internal.h>

static az_span get_rest(_az_iot_text const *text) {
        return _az_span_of(text->next, (int32_t) text->n_left);
}

void _az_iot_text_append_encoded(_az_iot_text *text, az_span source) {
        int32_t length;

        if (az_result_failed(_az_span_url_encode(get_rest(text), source, &length))) {
                text->is_full = true;
                return;
        }
        text->next += length;
        text->n_left -= (size_t) length;
}

void _az_iot_text_append_u64(_az_iot_text *text, uint64_t number) {
        az_span rest = get_rest(text);

        if (az_result_failed(az_span_u64toa(rest, number, &rest)))
                text->is_full = true;
        text->next = az_span_ptr(rest);
        text->n_left = (size_t) az_span_size(rest);
}

az_result _az_iot_topic_read_status(az_span *ref_topic, az_iot_status *out_status) {
        int32_t const n_digits = 3;
        az_span const separator = AZ_SPAN_FROM_STR("/?");
        az_span rest;
        int status = 0;

        if (az_span_size(*ref_topic) < n_digits + az_span_size(separator))
                return AZ_ERROR_UNEXPECTED_END;
        for (int32_t i = 0; i < n_digits; i++) {
                uint8_t digit = az_span_ptr(*ref_topic)[i];

                if (digit < '0' || digit > '9')
                        return AZ_ERROR_UNEXPECTED_CHAR;
                status = 10 * status + (digit - '0');
        }
        rest = _az_span_from(*ref_topic, n_digits);
        if (!_az_iot_topic_skip_prefix(&rest, separator))
                return AZ_ERROR_UNEXPECTED_CHAR;

        *ref_topic = rest;
        *out_status = (az_iot_status) status;
        return AZ_OK;
}
