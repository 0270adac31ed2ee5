/* SPDX-License-Identifier: MIT */
#include <aio/aio_internal.h>

void _aio_text_append_u64(_aio_text *text, uint64_t number, int32_t min_digits) {
        uint8_t digits[20];
        int32_t i = (int32_t) sizeof(digits);

        while (number > 0 || (int32_t) sizeof(digits) - i < min_digits) {
                digits[--i] = (uint8_t) ('0' + number % 10);
                number /= 10;
        }
        _aio_text_append(text, _az_span_of(digits + i, (int32_t) sizeof(digits) - i));
}

az_result _aio_read_u64(az_span *ref_text, uint64_t *out_number) {
        int32_t n_digits = 0;
        az_result r;

        while (n_digits < az_span_size(*ref_text) && _aio_is_digit(az_span_ptr(*ref_text)[n_digits]))
                n_digits++;
        if (n_digits == 0)
                return az_span_size(*ref_text) == 0 ? AZ_ERROR_UNEXPECTED_END : AZ_ERROR_UNEXPECTED_CHAR;
        r = az_span_atou64(az_span_slice(*ref_text, 0, n_digits), out_number);
        if (az_result_failed(r))
                return r;

        *ref_text = _az_span_from(*ref_text, n_digits);
        return AZ_OK;
}

az_span _aio_split(az_span *ref_text, uint8_t separator, bool *out_is_last) {
        az_span text = *ref_text;
        uint8_t *end = NULL;
        int32_t size;

        if (az_span_size(text) > 0)
                end = (uint8_t *) memchr(az_span_ptr(text), separator, (size_t) az_span_size(text));
        *out_is_last = end == NULL;
        if (end == NULL) {
                *ref_text = AZ_SPAN_EMPTY;
                return text;
        }

        size = (int32_t) (end - az_span_ptr(text));
        *ref_text = _az_span_from(text, size + 1);
        return _az_span_of(az_span_ptr(text), size);
}

bool _aio_is_string(az_span text) {
        return az_span_size(text) <= _AIO_STRING_SIZE_MAX && az_span_is_valid_utf8(text) &&
               (az_span_size(text) == 0 ||
                memchr(az_span_ptr(text), '\0', (size_t) az_span_size(text)) == NULL);
}

aio_error _aio_error_no_room(az_span property_name) {
        aio_error error = { .kind = AIO_ERROR_INTERNAL_LOGIC,
                            .is_shallow = true,
                            .cause = AZ_ERROR_NOT_ENOUGH_SPACE,
                            .message = AZ_SPAN_FROM_STR("there is not enough room for it"),
                            .property_name = property_name };

        return error;
}

aio_error _aio_error_configuration(az_span property_name, az_span property_value, az_span message) {
        aio_error error = { .kind = AIO_ERROR_INVALID_CONFIGURATION,
                            .is_shallow = true,
                            .message = message,
                            .property_name = property_name,
                            .property_value = property_value };

        return error;
}

az_result _aio_refuse(aio_error *out_error, az_span property_name, az_span property_value, az_span message) {
        *out_error = _aio_error_configuration(property_name, property_value, message);
        return AZ_ERROR_ARG;
}
