/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_INTERNAL_H
#define _az_AIO_INTERNAL_H

/* What the files of lib/aio share; not part of the public API. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <aio/error.h>
#include <azure/core/az_span.h>
#include <azure/core/az_span_internal.h>

_az_BEGIN_DECLS

/* A string of MQTT is not longer (MQTT 5.0, 1.5.4). */
#define _AIO_STRING_SIZE_MAX 65535

/* Unlike AZ_SPAN_EMPTY, which is absent, this is there. */
#define _aio_PRESENT_EMPTY AZ_SPAN_FROM_STR("")

/* Tells whether a property is there, be it empty. */
AZ_NODISCARD AZ_INLINE bool _aio_is_present(az_span span) {
        return az_span_ptr(span) != NULL;
}

/* The value of a user property, which is there even if whoever made the message wrote no pointer. */
AZ_NODISCARD AZ_INLINE az_span _aio_present(az_span value) {
        return _aio_is_present(value) ? value : _aio_PRESENT_EMPTY;
}

AZ_NODISCARD AZ_INLINE bool _aio_is_digit(uint8_t c) {
        return c >= '0' && c <= '9';
}

/*
 * Text being built in a buffer of the caller. A piece that does not fit is left out: append all of them and
 * ask once, at the end, whether they fitted.
 */
typedef struct {
        az_span destination;
        int32_t size;
        bool is_full;
} _aio_text;

AZ_NODISCARD AZ_INLINE _aio_text _aio_text_begin(az_span destination) {
        _aio_text text = { destination, 0, false };

        return text;
}

AZ_INLINE void _aio_text_append(_aio_text *text, az_span source) {
        int32_t size = az_span_size(source);

        if (size > az_span_size(text->destination) - text->size) {
                text->is_full = true;
        } else if (size > 0) {
                memcpy(az_span_ptr(text->destination) + text->size, az_span_ptr(source), (size_t) size);
                text->size += size;
        }
}

/* Appends a number, with zeros in front if it has less than 'min_digits' digits (at most 20). */
void _aio_text_append_u64(_aio_text *text, uint64_t number, int32_t min_digits);

/* NOT_ENOUGH_SPACE: not every piece fitted; otherwise 'out_text' is what was written. */
AZ_NODISCARD AZ_INLINE az_result _aio_text_end(_aio_text const *text, az_span *out_text) {
        if (text->is_full)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        *out_text = _az_span_of(az_span_ptr(text->destination), text->size);
        return AZ_OK;
}

/* Reads the decimal digits that 'ref_text' begins with, and moves it behind them. UNEXPECTED_END: it is
 * empty. UNEXPECTED_CHAR: there is none, or 64 bits do not hold them. */
AZ_NODISCARD az_result _aio_read_u64(az_span *ref_text, uint64_t *out_number);

/* Moves 'ref_text' behind the character 'c', if it begins with it. */
AZ_NODISCARD AZ_INLINE bool _aio_skip(az_span *ref_text, uint8_t c) {
        if (az_span_size(*ref_text) == 0 || az_span_ptr(*ref_text)[0] != c)
                return false;

        *ref_text = _az_span_from(*ref_text, 1);
        return true;
}

/* Returns what stands before the first 'separator' of 'ref_text', or all of it, and moves 'ref_text' behind
 * the separator. 'out_is_last': there was none. */
AZ_NODISCARD az_span _aio_split(az_span *ref_text, uint8_t separator, bool *out_is_last);

/* Tells whether a text may be a string of MQTT: UTF-8, without NUL, not too long. */
AZ_NODISCARD bool _aio_is_string(az_span text);

/* Returns "internal logic error", shallow: the room that the program gave is too small. */
AZ_NODISCARD aio_error _aio_error_no_room(az_span property_name);

/* Returns "invalid configuration", shallow. */
AZ_NODISCARD aio_error _aio_error_configuration(az_span property_name, az_span property_value,
                                                az_span message);

/* Writes that error, and returns AZ_ERROR_ARG. */
AZ_NODISCARD az_result _aio_refuse(aio_error *out_error, az_span property_name, az_span property_value,
                                   az_span message);

_az_END_DECLS

#endif
