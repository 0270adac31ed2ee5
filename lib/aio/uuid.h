/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_UUID_H
#define _az_AIO_UUID_H

/*
 * Random UUIDs (RFC 9562, version 4), for correlation data, and as texts for cloud events and nodes of a
 * clock. Randomness is the caller's: 16 bytes of the system's source for each.
 */

#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* The sizes of a UUID in bytes, and as text. */
#define AIO_UUID_SIZE      16
#define AIO_UUID_TEXT_SIZE 36

/* Makes 16 random bytes a UUID of version 4, which replaces six bits of them. */
void aio_uuid_from_random(uint8_t ref_bytes[AIO_UUID_SIZE]);

/*
 * Writes the 16 bytes of a UUID as text, "0195d1f4-7a6e-4c6b-9d3e-2f5a1c8b7e60".
 *
 *   out_text  the text, at the start of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is smaller than AIO_UUID_TEXT_SIZE.
 */
AZ_NODISCARD az_result aio_uuid_format(uint8_t const bytes[AIO_UUID_SIZE], az_span destination,
                                       az_span *out_text);

_az_END_DECLS

#endif
