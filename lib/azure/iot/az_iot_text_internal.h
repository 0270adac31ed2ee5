/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_TEXT_INTERNAL_H
#define _az_IOT_TEXT_INTERNAL_H

/*
 * How azure/iot writes and reads user names, passwords and topics; not part of the public API. What is short
 * is inline, so that a topic is written by a handful of moves: most of its pieces are known to the compiler.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span_internal.h>
#include <azure/iot/az_iot_common.h>

_az_BEGIN_DECLS

/*
 * Text being built in a buffer of the caller. A piece that does not fit is left out: append all of them and
 * ask once, at the end, whether they fitted.
 */
typedef struct {
        uint8_t *buffer;
        uint8_t *next;
        size_t n_left;
        bool is_full;
} _az_iot_text;

AZ_NODISCARD AZ_INLINE _az_iot_text _az_iot_text_begin(void *buffer, size_t size) {
        _az_iot_text text = { (uint8_t *) buffer, (uint8_t *) buffer, size < INT32_MAX ? size : INT32_MAX,
                              false };

        return text;
}

AZ_INLINE void _az_iot_text_append(_az_iot_text *text, az_span source) {
        size_t size = (size_t) az_span_size(source);

        if (size > text->n_left) {
                text->is_full = true;
        } else if (size > 0) {
                memcpy(text->next, az_span_ptr(source), size);
                text->next += size;
                text->n_left -= size;
        }
}

/* Percent-encodes every byte but A-Z a-z 0-9 - _ . ~, with upper-case digits. */
void _az_iot_text_append_encoded(_az_iot_text *text, az_span source);

void _az_iot_text_append_u64(_az_iot_text *text, uint64_t number);

/* Returns the text so far. */
AZ_NODISCARD AZ_INLINE az_span _az_iot_text_written(_az_iot_text const *text) {
        return _az_span_of(text->buffer, (int32_t) (text->next - text->buffer));
}

/* Ends the text with a NUL. NOT_ENOUGH_SPACE: it or the text did not fit. 'out_length' may be NULL. */
AZ_NODISCARD AZ_INLINE az_result _az_iot_text_end(_az_iot_text *text, size_t *out_length) {
        if (text->is_full || text->n_left == 0)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        *text->next = '\0';
        if (out_length)
                *out_length = (size_t) (text->next - text->buffer);
        return AZ_OK;
}

/*
 * Moves 'ref_topic' behind 'prefix', which is not empty; false, and nothing moved: it begins with something
 * else.
 */
AZ_NODISCARD AZ_INLINE bool _az_iot_topic_skip_prefix(az_span *ref_topic, az_span prefix) {
        int32_t size = az_span_size(prefix);

        if (az_span_size(*ref_topic) < size ||
            memcmp(az_span_ptr(*ref_topic), az_span_ptr(prefix), (size_t) size) != 0)
                return false;

        ref_topic->_internal.ptr += size;
        ref_topic->_internal.size -= size;
        return true;
}

/*
 * Reads "{status}/?", of three digits, and moves 'ref_topic' behind it. UNEXPECTED_CHAR, UNEXPECTED_END: it
 * begins with something else; nothing moved.
 */
AZ_NODISCARD az_result _az_iot_topic_read_status(az_span *ref_topic, az_iot_status *out_status);

/*
 * Reads the first of the properties "name=value&name=value" and moves 'ref_topic' behind it. Empty pairs are
 * passed over; one without '=' has an empty value. False, and nothing is written: there is none.
 */
AZ_NODISCARD bool _az_iot_topic_read_property(az_span *ref_topic, az_span *out_name, az_span *out_value);

_az_END_DECLS

#endif
