/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_TELEMETRY_H
#define _az_AIO_TELEMETRY_H

/*
 * Telemetry: messages to whoever has subscribed, without an answer.
 *
 * A program that sends, and does not care about what the library does besides (see aio/client.h for pump()):
 *
 *      aio_telemetry_sender sender;
 *      aio_serializer json = aio_serializer_json();
 *      aio_telemetry_sender_options options = {
 *              .topic_pattern = AZ_SPAN_FROM_STR("sensors/{id}/temperature"),
 *              .serializer = &json,
 *      };
 *      aio_event publish;
 *      aio_error error;
 *
 *      r = aio_telemetry_sender_init(&sender, client, &options, &error);
 *      ...
 *      aio_topic_token id = { AZ_SPAN_FROM_STR("id"), AZ_SPAN_FROM_STR("7") };
 *      aio_telemetry telemetry = { .payload = AZ_SPAN_FROM_STR("21.5"), .tokens = { &id, 1 } };
 *
 *      r = aio_telemetry_sender_send(&sender, &telemetry, 42, time, &publish, &error);
 *      if (az_result_succeeded(r))
 *              carry(runner, client, &publish);     (SENT with the token 42 follows)
 *
 * and one that receives:
 *
 *      aio_telemetry_receiver receiver;
 *      aio_telemetry_receiver_options options = {
 *              .topic_pattern = AZ_SPAN_FROM_STR("sensors/{id}/temperature"),
 *              .serializer = &json,
 *      };
 *
 *      r = aio_telemetry_receiver_start(&receiver, client, &options, &error);
 *      pump(runner, client);                        (STARTED follows, then TELEMETRY)
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Telemetry".
 */

#include <aio/client.h>
#include <aio/cloud_event.h>
#include <aio/serializer.h>

_az_BEGIN_DECLS

/* ---- Sender ---- */

/* What to send, and whereto. What it points to must outlive the sender. */
typedef struct {
        az_span topic_pattern;
        az_span topic_namespace;          /* empty: none */
        aio_topic_tokens tokens;          /* resident */
        aio_serializer const *serializer; /* NULL: bytes (aio_serializer_raw()) */
} aio_telemetry_sender_options;

/* Sends telemetry. It needs no start and no stop, and can be forgotten at any time. */
typedef struct {
        struct {
                aio_client *client;
                aio_topic_pattern pattern;
                aio_serializer serializer;
        } _internal;
} aio_telemetry_sender;

/*
 * Initializes a sender.
 *
 * AZ_ERROR_ARG: 'out_error' says which option is at fault ("invalid configuration").
 */
AZ_NODISCARD az_result aio_telemetry_sender_init(aio_telemetry_sender *out_sender, aio_client *client,
                                                 aio_telemetry_sender_options const *options,
                                                 aio_error *out_error);

/* One message; {0} is an empty one, which is good for 10 seconds. */
typedef struct {
        az_span payload;         /* of a value: aio_serialize() makes one */
        aio_topic_tokens tokens; /* transient */
        az_mqtt_user_property const *user_properties;
        int32_t n_user_properties;
        aio_cloud_event const *cloud_event; /* NULL: none */
        az_span content_type;               /* instead of the serializer's; absent: that one */
        bool has_payload_format;            /* instead of the serializer's */
        uint8_t payload_format;
        bool has_timeout;    /* otherwise it is AIO_TIMEOUT_DEFAULT_US */
        uint64_t timeout_us; /* for so long the broker keeps it for those who are away; not 0 */
        bool is_qos_0;       /* otherwise 1 */
        bool retain;         /* the broker keeps it for later subscribers */
        bool persist;        /* the broker keeps it on disk; needs 'retain' */
} aio_telemetry;

/*
 * Makes the PUBLISH of a message.
 *
 *   token        the program's, below 2^61; comes back in SENT
 *   out_publish  a wish, to be carried out as if it had been popped, at once. Its spans lie in
 *                'telemetry', in the options, and in the memory of the client
 *
 * Whoever only wants the bytes of the message, to keep them and publish them some other time, takes
 * 'message', and need not tell the client what became of it.
 *
 * In these cases there is nothing to be sent, and 'out_error' says why, shallow:
 *
 * AZ_ERROR_ARG: "invalid configuration": a token is missing or invalid (its key), the time-out is 0 or too
 * long (AIO_PROPERTY_MESSAGE_EXPIRY), the metadata, the cloud event, 'persist' without 'retain'.
 *
 * UNEXPECTED_CHAR: "invalid payload": it is not of the serializer's format.
 *
 * AZ_ERROR_CLOCK: "invalid state": the clock of the program is ahead of the wall clock.
 *
 * NOT_ENOUGH_SPACE: the memory of the client is too small for this message, or the clock's counter is used
 * up.
 */
AZ_NODISCARD az_result aio_telemetry_sender_send(aio_telemetry_sender *sender, aio_telemetry const *telemetry,
                                                 uint64_t token, aio_time time, aio_event *out_publish,
                                                 aio_error *out_error);

/* ---- Receiver ---- */

/* What to receive. What it points to must outlive the receiver. */
typedef struct {
        az_span topic_pattern;
        az_span topic_filter;             /* instead of a pattern: a filter of MQTT, "sensors/#" */
        az_span topic_namespace;          /* of the pattern; empty: none */
        aio_topic_tokens tokens;          /* of the pattern, resident; others match any level */
        az_span share_name;               /* of a group, of which one receives each message; empty: none */
        aio_serializer const *serializer; /* NULL: bytes of any kind (aio_serializer_any()) */
        bool is_manual_ack;               /* the program acknowledges, by aio_telemetry_receiver_ack() */
        void *context;                    /* the caller's: 'context' of the endpoint */
} aio_telemetry_receiver_options;

/* What errors call that option. */
#define AIO_PROPERTY_TOPIC_FILTER "topicFilter"

/* Receives telemetry; TELEMETRY for each message. The same message may come twice, and is given twice. */
struct aio_telemetry_receiver {
        aio_endpoint endpoint;
        struct {
                aio_serializer serializer;
                bool is_manual_ack;
        } _internal;
};

/*
 * Starts to receive (SUBSCRIBE; then STARTED when that is answered).
 *
 * AZ_ERROR_ARG: 'out_error' says which option is at fault ("invalid configuration"). NOT_ENOUGH_SPACE: the
 * memory of the client is too small for the filter. Nothing was started.
 */
AZ_NODISCARD az_result aio_telemetry_receiver_start(aio_telemetry_receiver *out_receiver, aio_client *client,
                                                    aio_telemetry_receiver_options const *options,
                                                    aio_error *out_error);

/*
 * The program is done with a message; what has no ack id, or was acknowledged before, does nothing (ACK).
 *
 *   ack_id  of TELEMETRY
 */
void aio_telemetry_receiver_ack(aio_client *client, uint64_t ack_id);

/*
 * Stops (UNSUBSCRIBE, then STOPPED, maybe with "mqtt error"). What the program has not acknowledged is
 * acknowledged then. Does nothing if it is stopped or stopping.
 */
void aio_telemetry_receiver_stop(aio_telemetry_receiver *receiver);

_az_END_DECLS

#endif
