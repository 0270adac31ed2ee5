/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_TEXT_INTERNAL_H
#define _az_IOT_TEXT_INTERNAL_H

/* How azure/iot writes and reads user names, passwords and topics; not part of the public API. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/*
 * Text being built in a buffer of the caller. A piece that does not fit is left out: append all of them and
 * ask once, at the end, whether they fitted.
 */
typedef struct {
        uint8_t *buffer;
        az_span rest;
        bool is_full;
} _az_iot_text;

AZ_NODISCARD _az_iot_text _az_iot_text_begin(void *buffer, size_t size);

void _az_iot_text_append(_az_iot_text *text, az_span source);

/* Percent-encodes every byte but A-Z a-z 0-9 - _ . ~, with upper-case digits. */
void _az_iot_text_append_encoded(_az_iot_text *text, az_span source);

void _az_iot_text_append_u64(_az_iot_text *text, uint64_t number);

/* Returns the text so far. */
AZ_NODISCARD az_span _az_iot_text_written(_az_iot_text const *text);

/* Ends the text with a NUL. NOT_ENOUGH_SPACE: it or the text did not fit. 'out_length' may be NULL. */
AZ_NODISCARD az_result _az_iot_text_end(_az_iot_text *text, size_t *out_length);

/* Moves 'ref_topic' behind 'prefix'; false, and nothing moved: it begins with something else. */
AZ_NODISCARD bool _az_iot_topic_skip_prefix(az_span *ref_topic, az_span prefix);

_az_END_DECLS

#endif
