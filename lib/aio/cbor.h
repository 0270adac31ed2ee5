/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CBOR_H
#define _az_AIO_CBOR_H

/*
 * CBOR (RFC 8949) for payloads. The check is part of libaziot-core; the serializer, which makes items with
 * libcbor, is a library of its own, libaziot-cbor, which a program without CBOR does not link. This header
 * does not need libcbor's.
 */

#include <aio/serializer.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* Arrays, maps, tags and strings of several chunks lie in each other so deep at most. */
#define AIO_CBOR_NESTING_MAX 32

/*
 * Checks that 'payload' is one well-formed CBOR data item, whose text strings are UTF-8. Allocates nothing,
 * and takes time in proportion to the size.
 *
 * UNEXPECTED_END: the item ends too early, or an array, map or string claims more than the bytes that follow.
 * UNEXPECTED_CHAR: it is malformed, text is not UTF-8, or something follows it. AZ_ERROR_NOT_SUPPORTED: it is
 * deeper than AIO_CBOR_NESTING_MAX.
 *
 * Source: RFC 8949, 3 and appendix C.
 */
AZ_NODISCARD az_result aio_cbor_validate(az_span payload);

/*
 * CBOR: application/cbor, format 0. Values are libcbor's items:
 *
 *   serialize    'value' is a cbor_item_t const *. NOT_ENOUGH_SPACE: the item does not fit
 *   deserialize  'out_value' is a cbor_item_t **, which receives a new item, to be released with
 *                cbor_decref(). The payload is validated before, so that libcbor allocates in proportion to
 *                its size. OUT_OF_MEMORY: it could not. NOT_SUPPORTED: well-formed, but libcbor does not
 *                know it, as simple values that nobody has assigned
 */
AZ_NODISCARD aio_serializer aio_serializer_cbor(void);

_az_END_DECLS

#endif
