/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_SERIALIZER_H
#define _az_AIO_SERIALIZER_H

/*
 * What the payloads of a sender, receiver, invoker or executor are: the Content Type and Payload Format
 * Indicator that go with them, those that are accepted, and three functions that know the bytes. There are
 * serializers for bytes, JSON and no payload here, and for CBOR in aio/cbor.h; a program may make its own.
 *
 * Source: Azure IoT Operations SDKs, "Serialization".
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/*
 * A serializer. It is only read, and what it points to must outlive whoever uses it.
 *
 * The functions return AZ_OK, or any error for a payload or value that is not of this format; only
 * NOT_ENOUGH_SPACE of 'serialize' means that 'destination' is too small. Each may be NULL:
 *
 *   validate     checks a payload, received or to be sent. NULL: any is right
 *   serialize    writes a value. NULL: a value is an az_span, and its bytes are the payload
 *   deserialize  reads a value. NULL: a value is an az_span, which becomes the payload
 *
 * What a value is (void *) is between these functions and their caller. What it points to of the payload
 * lives as long as that.
 */
typedef struct {
        az_span content_type;   /* absent: none is sent */
        uint8_t payload_format; /* 0: bytes, 1: UTF-8 */
        bool accepts_utf8;      /* besides format 0, which is always accepted, format 1 is */
        bool accepts_any;       /* whatever the Content Type is */

        /* The Content Types that are accepted; an empty one stands for a message without. None:
         * 'content_type', and messages without. */
        az_span const *accepted;
        int32_t n_accepted;

        az_result (*validate)(void *context, az_span payload);
        az_result (*serialize)(void *context, void const *value, az_span destination, az_span *out_payload);
        az_result (*deserialize)(void *context, az_span payload, void *out_value);
        void *context; /* for these functions */
} aio_serializer;

/* Bytes: application/octet-stream, format 0. */
AZ_NODISCARD aio_serializer aio_serializer_raw(void);

/* One JSON value: application/json, format 1. Validates strictly; the value of the program is its text. */
AZ_NODISCARD aio_serializer aio_serializer_json(void);

/* No payload, and no Content Type. */
AZ_NODISCARD aio_serializer aio_serializer_empty(void);

/*
 * Bytes of whatever kind, for a program that looks at the Content Type itself.
 *
 *   content_type    of what is sent; absent: none
 *   payload_format  of what is sent
 */
AZ_NODISCARD aio_serializer aio_serializer_any(az_span content_type, uint8_t payload_format);

/*
 * Checks that a received message is of a kind that the serializer accepts. Content Types are compared byte
 * for byte, without the parameters ("; charset=utf-8") that the message has and the accepted one has not.
 *
 * AZ_ERROR_NOT_SUPPORTED: 'out_error' is "invalid header", AIO_HEADER_CONTENT_TYPE or
 * AIO_HEADER_PAYLOAD_FORMAT, with its value: an executor answers 415 (aio_error_to_status()).
 */
AZ_NODISCARD az_result aio_serializer_check(aio_serializer const *serializer, az_mqtt_message const *message,
                                            aio_error *out_error);

/*
 * Checks a payload, received or to be sent.
 *
 * AZ_ERROR_UNEXPECTED_CHAR: it is not of the format; 'out_error' is "invalid payload", with the result of
 * 'validate' as its cause.
 */
AZ_NODISCARD az_result aio_serializer_validate(aio_serializer const *serializer, az_span payload,
                                               aio_error *out_error);

/*
 * Makes a payload of a value.
 *
 *   destination  room for the payload; not used if a value is an az_span
 *   out_payload  the payload, in 'destination' or where the value lies
 *
 * AZ_ERROR_UNEXPECTED_CHAR: the value cannot be written; 'out_error' is "invalid payload", shallow, with the
 * cause. NOT_ENOUGH_SPACE: 'destination' is too small; 'out_error' is the same.
 */
AZ_NODISCARD az_result aio_serialize(aio_serializer const *serializer, void const *value, az_span destination,
                                     az_span *out_payload, aio_error *out_error);

/*
 * Makes a value of a payload. AZ_ERROR_UNEXPECTED_CHAR: as of aio_serializer_validate().
 */
AZ_NODISCARD az_result aio_deserialize(aio_serializer const *serializer, az_span payload, void *out_value,
                                       aio_error *out_error);

/* Gives a message the Content Type and Payload Format Indicator of what is sent. */
void aio_serializer_describe(aio_serializer const *serializer, az_mqtt_message *ref_message);

_az_END_DECLS

#endif
