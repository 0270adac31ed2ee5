/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_ERROR_H
#define _az_AIO_ERROR_H

/*
 * The errors of Azure IoT Operations: twelve kinds, each with the fields that tell what is at fault, and the
 * status by which an executor tells an invoker of them.
 *
 * Where a function of lib/aio has a parameter 'out_error', its az_result says how to go on and the aio_error
 * what to tell the user. It is written on failure only, complete, and its spans point to texts of the
 * library, which live for ever, and to what the caller passed in: the configuration, or the message that
 * came.
 *
 * Preconditions of all functions: pointers are not NULL, spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Error model" and "Message metadata".
 */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/*
 * What went wrong. Behind each stands what 'property_name' and 'property_value' of an aio_error say of it.
 * None are absent unless said.
 */
typedef enum {
        AIO_ERROR_NONE,                  /* of {0}: there is no error */
        AIO_ERROR_MISSING_HEADER,        /* the header: a user property, or a name of AIO_HEADER_… */
        AIO_ERROR_INVALID_HEADER,        /* the header and what it says */
        AIO_ERROR_INVALID_PAYLOAD,       /* (nothing) */
        AIO_ERROR_TIMEOUT,               /* the limit that passed, and how long it is (ISO 8601) */
        AIO_ERROR_CANCELLATION,          /* (nothing): the program or the end of the client called it off */
        AIO_ERROR_INVALID_CONFIGURATION, /* the option, or key of the token, and what was given, maybe "" */
        AIO_ERROR_INVALID_STATE,         /* what is in the wrong state, and may be that state */
        AIO_ERROR_INTERNAL_LOGIC,        /* what is inconsistent; a mistake of whoever reports it */
        AIO_ERROR_UNKNOWN,               /* whatever the peer sent of them */
        AIO_ERROR_EXECUTION,             /* whatever the peer sent of them: its handler failed */
        AIO_ERROR_MQTT,                  /* (nothing): see 'mqtt_reason' */
        AIO_ERROR_UNSUPPORTED_VERSION,   /* (nothing): see 'protocol_version' and 'supported_majors' */
        _AIO_ERROR_KIND_MAX
} aio_error_kind;

/* An error. {0} is none. */
typedef struct {
        aio_error_kind kind;
        bool is_shallow;          /* found before anything was sent: nobody else knows of it */
        bool is_remote;           /* found by the peer, who reported it */
        uint8_t mqtt_reason;      /* of AIO_ERROR_MQTT: the Reason Code, 0x80 or above; 0: there is none */
        az_result cause;          /* what the layer below said; AZ_OK: nothing */
        az_span message;          /* a sentence for people; may be absent in what a peer reports */
        az_span command_name;     /* of a command, where its name is known */
        az_span property_name;    /* what is at fault; see aio_error_kind */
        az_span property_value;   /* and what it holds */
        az_span protocol_version; /* of AIO_ERROR_UNSUPPORTED_VERSION: the one refused, as it stood there */
        az_span supported_majors; /* and those that are supported, with a space between them: "1", "2 3 4" */
} aio_error;

/* Returns the kind as Azure IoT Operations spells it, "invalid header"; NULL: there is no such kind. */
AZ_NODISCARD char const *aio_error_kind_to_string(aio_error_kind kind);

/* Finds the kind of a name. ITEM_NOT_FOUND: no kind but AIO_ERROR_NONE is called so. */
AZ_NODISCARD az_result aio_error_kind_from_string(az_span name, aio_error_kind *out_kind);

/* What an error calls the properties of an MQTT message, spaces included. */
#define AIO_HEADER_CONTENT_TYPE     "Content Type"
#define AIO_HEADER_PAYLOAD_FORMAT   "Payload Format Indicator"
#define AIO_HEADER_CORRELATION_DATA "Correlation Data"
#define AIO_HEADER_RESPONSE_TOPIC   "Response Topic"
#define AIO_HEADER_MESSAGE_EXPIRY   "Message Expiry"

/* What an error calls the options of senders, receivers, invokers and executors. */
#define AIO_PROPERTY_TOPIC_PATTERN          "topicPattern" /* of telemetry */
#define AIO_PROPERTY_REQUEST_TOPIC_PATTERN  "requestTopicPattern"
#define AIO_PROPERTY_RESPONSE_TOPIC_PATTERN "responseTopicPattern"
#define AIO_PROPERTY_RESPONSE_TOPIC_PREFIX  "responseTopicPrefix"
#define AIO_PROPERTY_RESPONSE_TOPIC_SUFFIX  "responseTopicSuffix"
#define AIO_PROPERTY_TOPIC_NAMESPACE        "TopicNamespace"
#define AIO_PROPERTY_SHARE_NAME             "ShareName"
#define AIO_PROPERTY_CLIENT_ID              "clientId"
#define AIO_PROPERTY_COMMAND_NAME           "commandName"
#define AIO_PROPERTY_COMMAND_TIMEOUT        "commandTimeout"
#define AIO_PROPERTY_EXECUTION_TIMEOUT      "executionTimeout"
#define AIO_PROPERTY_MESSAGE_EXPIRY         "MessageExpiry"
#define AIO_PROPERTY_CLOUD_EVENT            "CloudEvent"
#define AIO_PROPERTY_METADATA               "Metadata"

/* What an executor calls its limit, when it answers 408. */
#define AIO_TIMEOUT_EXECUTION "ExecutionTimeout"

/* The statuses that an executor of version 1 sends. */
enum {
        AIO_STATUS_OK = 200,
        AIO_STATUS_NO_CONTENT = 204,
        AIO_STATUS_BAD_REQUEST = 400,
        AIO_STATUS_TIMEOUT = 408,
        AIO_STATUS_UNSUPPORTED_MEDIA_TYPE = 415,
        AIO_STATUS_INTERNAL = 500,
        AIO_STATUS_UNAVAILABLE = 503,
        AIO_STATUS_VERSION_NOT_SUPPORTED = 505
};

/* What the metadata of a response say of how the command ended (aio/metadata.h writes and reads it). */
typedef struct {
        int32_t code;                     /* __stat */
        bool is_application_error;        /* __apErr */
        az_span message;                  /* __stMsg; may be absent */
        az_span property_name;            /* __propName; may be absent */
        az_span property_value;           /* __propVal; may be absent */
        az_span request_protocol_version; /* __requestProtVer; of 505 */
        az_span supported_majors;         /* __supProtMajVer; of 505 */
} aio_status;

/*
 * Returns the status by which an executor answers 'error': 200 if it is AIO_ERROR_NONE. What has no status of
 * its own (cancellation, invalid configuration, mqtt error) is 500, and comes to the invoker as an internal
 * logic error if it has a property name, else as an unknown error.
 */
AZ_NODISCARD aio_status aio_error_to_status(aio_error const *error);

/*
 * Judges the status of a response.
 *
 *   payload  of the response: a status 204 must not have one
 *
 * AZ_OK: 200 or 204, the command succeeded. AZ_ERROR_CANCELED: the executor reports an error, which
 * 'out_error' has, or, of 204 with a payload, "invalid payload", which is not remote. A code that this
 * version does not know is AIO_ERROR_UNKNOWN, and keeps name, value and message.
 */
AZ_NODISCARD az_result aio_error_from_status(aio_status const *status, az_span payload, aio_error *out_error);

_az_END_DECLS

#endif
