/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_text_internal.h>

#include <azure/core/az_span_internal.h>

static az_span get_rest(_az_iot_text const *text) {
        return az_span_create(text->next, (int32_t) text->n_left);
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
