/* SPDX-License-Identifier: MIT */

#include <azure/core/az_span.h>

#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

#ifndef AZ_NO_PRECONDITION_CHECKING
az_span az_span_create(uint8_t *ptr, int32_t size) {
        az_span span = { { ptr, size } };

        _az_PRECONDITION_VALID_SPAN(span, 0);
        return span;
}
#endif

az_span az_span_create_from_str(char *str) {
        size_t length;

        _az_PRECONDITION_NOT_NULL(str);

        length = strlen(str);
        _az_PRECONDITION(length <= INT32_MAX);
        return az_span_create((uint8_t *) str, (int32_t) length);
}

az_span az_span_slice(az_span span, int32_t start_index, int32_t end_index) {
        _az_PRECONDITION_VALID_SPAN(span, 0);
        _az_PRECONDITION_RANGE(0, start_index, end_index);
        _az_PRECONDITION(end_index <= az_span_size(span));

        span._internal.size = end_index;
        return _az_span_from(span, start_index);
}

az_span az_span_slice_to_end(az_span span, int32_t start_index) {
        _az_PRECONDITION_VALID_SPAN(span, 0);
        _az_PRECONDITION_RANGE(0, start_index, az_span_size(span));

        return _az_span_from(span, start_index);
}

static uint8_t to_lower(uint8_t c) {
        return c >= 'A' && c <= 'Z' ? (uint8_t) (c + ('a' - 'A')) : c;
}

bool az_span_is_content_equal_ignoring_case(az_span span1, az_span span2) {
        _az_PRECONDITION_VALID_SPAN(span1, 0);
        _az_PRECONDITION_VALID_SPAN(span2, 0);

        if (az_span_size(span1) != az_span_size(span2))
                return false;
        for (int32_t i = 0; i < az_span_size(span1); i++)
                if (to_lower(az_span_ptr(span1)[i]) != to_lower(az_span_ptr(span2)[i]))
                        return false;
        return true;
}

void az_span_to_str(char *destination, int32_t destination_max_size, az_span source) {
        _az_PRECONDITION_NOT_NULL(destination);
        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION(destination_max_size > az_span_size(source));

        if (az_span_size(source) > 0)
                memmove(destination, az_span_ptr(source), (size_t) az_span_size(source));
        destination[az_span_size(source)] = '\0';
}

int32_t az_span_find(az_span source, az_span target) {
        uint8_t const *start = az_span_ptr(source);
        int32_t n_positions = az_span_size(source) - az_span_size(target) + 1;

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_VALID_SPAN(target, 0);

        if (az_span_size(target) == 0)
                return 0;

        for (int32_t i = 0; i < n_positions; i++) {
                uint8_t const *first = memchr(start + i, az_span_ptr(target)[0], (size_t) (n_positions - i));

                if (first == NULL)
                        return -1;
                if (memcmp(first, az_span_ptr(target), (size_t) az_span_size(target)) == 0)
                        return (int32_t) (first - start);
                i = (int32_t) (first - start);
        }
        return -1;
}

az_span az_span_copy(az_span destination, az_span source) {
        int32_t size = az_span_size(source);

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_VALID_SPAN(destination, size);

        if (size > 0)
                memmove(az_span_ptr(destination), az_span_ptr(source), (size_t) size);
        return _az_span_from(destination, size);
}

az_span az_span_copy_u8(az_span destination, uint8_t byte) {
        _az_PRECONDITION_VALID_SPAN(destination, 1);

        az_span_ptr(destination)[0] = byte;
        return _az_span_from(destination, 1);
}

int32_t _az_utf8_continuation(uint8_t lead, uint8_t *out_low, uint8_t *out_high) {
        /* RFC 3629, section 4; the second byte excludes overlong forms, surrogates and what is above
         * U+10FFFF. */
        *out_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        *out_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

        if (lead < 0x80)
                return 0;
        if (lead < 0xC2)
                return -1;
        if (lead < 0xE0)
                return 1;
        if (lead < 0xF0)
                return 2;
        return lead < 0xF5 ? 3 : -1;
}

bool az_span_is_valid_utf8(az_span span) {
        uint8_t const *p = az_span_ptr(span);
        int32_t size = az_span_size(span);

        _az_PRECONDITION_VALID_SPAN(span, 0);

        for (int32_t i = 0; i < size;) {
                uint8_t low, high;
                int32_t n;

                if (p[i] < 0x80) {
                        i++;
                        continue;
                }

                n = _az_utf8_continuation(p[i], &low, &high);
                if (n < 0 || n >= size - i || p[i + 1] < low || p[i + 1] > high)
                        return false;
                for (int32_t k = 2; k <= n; k++)
                        if ((p[i + k] & 0xC0) != 0x80)
                                return false;
                i += n + 1;
        }
        return true;
}
