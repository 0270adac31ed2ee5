/* SPDX-License-Identifier: MIT */
#include <aio/uuid.h>

#include <azure/core/az_precondition_internal.h>

void aio_uuid_from_random(uint8_t ref_bytes[AIO_UUID_SIZE]) {
        _az_PRECONDITION_NOT_NULL(ref_bytes);

        ref_bytes[6] = (uint8_t) ((ref_bytes[6] & 0x0F) | 0x40); /* version 4 */
        ref_bytes[8] = (uint8_t) ((ref_bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
}

az_result aio_uuid_format(uint8_t const bytes[AIO_UUID_SIZE], az_span destination, az_span *out_text) {
        static char const digits[] = "0123456789abcdef";
        uint8_t *p = az_span_ptr(destination);

        _az_PRECONDITION_NOT_NULL(bytes);
        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_text);

        if (az_span_size(destination) < AIO_UUID_TEXT_SIZE)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        for (int i = 0; i < AIO_UUID_SIZE; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                *p++ = (uint8_t) digits[bytes[i] >> 4];
                *p++ = (uint8_t) digits[bytes[i] & 0x0F];
        }
        *out_text = az_span_slice(destination, 0, AIO_UUID_TEXT_SIZE);
        return AZ_OK;
}
