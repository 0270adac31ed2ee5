/* SPDX-License-Identifier: MIT */

/*
 * Base64 and base64url (RFC 4648). Decoding is strict: no white space, no characters of the other alphabet,
 * correct padding, and the bits that the last character has too many must be zero, so that each byte string
 * has one text.
 */

#ifndef _az_BASE64_H
#define _az_BASE64_H

#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/*
 * Encodes 'source_bytes' as base64 with padding. The two spans must not overlap.
 *
 *   out_written  bytes of text, written only on success
 *
 * NOT_ENOUGH_SPACE: 'destination_base64_text' is smaller than az_base64_get_max_encoded_size() says.
 */
AZ_NODISCARD az_result az_base64_encode(az_span destination_base64_text, az_span source_bytes,
                                        int32_t *out_written);

/* Returns the exact size of the text for so many bytes. Precondition: 0 to 1610612733. */
AZ_NODISCARD int32_t az_base64_get_max_encoded_size(int32_t source_bytes_size);

/*
 * Decodes base64 text with its padding. 'destination_bytes' may be the same memory as the text.
 *
 *   out_written  bytes decoded, written only on success
 *
 * UNEXPECTED_END: the size of the text is not a multiple of 4. UNEXPECTED_CHAR: it is not base64 as described
 * above. NOT_ENOUGH_SPACE: 'destination_bytes' cannot hold the decoded bytes.
 */
AZ_NODISCARD az_result az_base64_decode(az_span destination_bytes, az_span source_base64_text,
                                        int32_t *out_written);

/* Returns the most bytes that so many characters of base64 decode to. Precondition: not negative. */
AZ_NODISCARD int32_t az_base64_get_max_decoded_size(int32_t source_base64_text_size);

/*
 * Decodes base64url ('-' and '_' for '+' and '/'), as az_base64_decode() does except that padding may be left
 * out.
 *
 * UNEXPECTED_END: no text has this size (one more than a multiple of 4, or padding that is incomplete).
 */
AZ_NODISCARD az_result az_base64_url_decode(az_span destination_bytes, az_span source_base64_url_text,
                                            int32_t *out_written);

/* Returns the most bytes that so many characters of base64url decode to. Precondition: not negative. */
AZ_NODISCARD int32_t az_base64_url_get_max_decoded_size(int32_t source_base64_url_text_size);

_az_END_DECLS

#endif /* _az_BASE64_H */
