/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CLOUD_EVENT_H
#define _az_AIO_CLOUD_EVENT_H

/*
 * CloudEvents 1.0 in the metadata of telemetry, requests and responses: each attribute is a user property of
 * its name, and "datacontenttype" is the Content Type of the message (binary content mode).
 *
 * Strict both ways, but for the version that is sent, which is whatever the program says. What is refused in
 * a received message costs the event only: the message is delivered, without it.
 *
 * Preconditions of all functions: pointers are not NULL, spans well formed.
 *
 * Source: CloudEvents 1.0.2; "MQTT Protocol Binding for CloudEvents", 3.1; Azure IoT Operations SDKs,
 * "Cloud events"; RFC 3986 (URIs), RFC 3339 (time).
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <aio/metadata.h>
#include <aio/uuid.h>
#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* The attributes. What is absent is a span whose pointer is NULL; what is there must not be empty. */
typedef struct {
        az_span spec_version;      /* sent: what is said, "1.0" by default; received: "1.0" */
        az_span id;                /* together with 'source' of this event alone; by default a new UUID */
        az_span source;            /* a URI reference, "urn:line3:press" or "/line3/press"; has to be given */
        az_span type;              /* by default AIO_CLOUD_EVENT_TYPE_… */
        az_span subject;           /* by default the topic */
        az_span time;              /* RFC 3339; by default now */
        az_span data_schema;       /* a URI with a scheme */
        az_span data_content_type; /* received: of the message, like "application/json"; not looked at if sent
                                    */
} aio_cloud_event;

/* The types of events that do not say another. */
#define AIO_CLOUD_EVENT_TYPE_TELEMETRY "ms.aio.telemetry"
#define AIO_CLOUD_EVENT_TYPE_REQUEST   "ms.aio.rpc.request"
#define AIO_CLOUD_EVENT_TYPE_RESPONSE  "ms.aio.rpc.response"

/* What an event has of the message that carries it, where it does not say. */
typedef struct {
        az_span type;                  /* AIO_CLOUD_EVENT_TYPE_… */
        az_span topic;                 /* resolved */
        az_span content_type;          /* of the message; absent: it has none */
        uint8_t random[AIO_UUID_SIZE]; /* for the id, from the system's random source */
        uint64_t wall_ms;              /* for the time */
} aio_cloud_event_defaults;

/* So many properties are written at most, and so much scratch their texts need. */
#define AIO_CLOUD_EVENT_MAX          7
#define AIO_CLOUD_EVENT_SCRATCH_SIZE (AIO_UUID_TEXT_SIZE + 20)

/*
 * Appends the attributes of an event to the properties of a message, behind those of the program.
 *
 * In these cases nothing is written: AZ_ERROR_ARG: 'out_error' is "invalid configuration", shallow, and names
 * AIO_PROPERTY_CLOUD_EVENT, with the attribute that is at fault for its value; or AIO_PROPERTY_METADATA, with
 * the key, where the program's metadata has a property that is called like an attribute. NOT_ENOUGH_SPACE:
 * the writer's array or scratch is too small ("internal logic error", AIO_PROPERTY_CLOUD_EVENT).
 */
AZ_NODISCARD az_result aio_cloud_event_write(aio_metadata_writer *ref_writer, aio_cloud_event const *event,
                                             aio_cloud_event_defaults const *defaults, aio_error *out_error);

/*
 * Reads the event in a received message, in which its spans lie.
 *
 * ITEM_NOT_FOUND: there is none, as "specversion" is absent; 'out_error' is not written. UNEXPECTED_CHAR: an
 * attribute is missing, comes twice, or is not as it should be; 'out_error' is "missing header" or "invalid
 * header" with the attribute and its value: for a log, as it is no fault of the message.
 */
AZ_NODISCARD az_result aio_cloud_event_read(az_mqtt_message const *message, aio_cloud_event *out_event,
                                            aio_error *out_error);

_az_END_DECLS

#endif
