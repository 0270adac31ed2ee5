/* SPDX-License-Identifier: MIT */
#ifndef _az_MQTT_MESSAGE_H
#define _az_MQTT_MESSAGE_H

/*
 * An MQTT 5 PUBLISH as spans, with its properties (MQTT 5.0, 3.3): what the layers above the wire and the
 * one that writes it pass each other. It owns nothing: whoever hands one out says how long its spans live.
 *
 * What is absent is a span whose pointer is NULL (AZ_SPAN_EMPTY), or has its 'has_' flag unset; a property
 * that is there and empty is a span of size 0 with a pointer. {0} is a message without any property.
 */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_span.h>

/* One User Property: both are UTF-8. The same key may come more than once, and their order means something.
 */
typedef struct {
        az_span key;
        az_span value;
} az_mqtt_user_property;

/* An MQTT 5 PUBLISH. */
typedef struct {
        az_span topic;
        az_span payload;
        uint8_t qos; /* 0 or 1 */
        bool retain;
        bool dup; /* of a received one: it may have come before */
        bool has_message_expiry;
        bool has_payload_format;
        uint8_t payload_format;    /* 0: bytes, 1: UTF-8 */
        uint32_t message_expiry_s; /* of a received one: what was left when the server passed it on */
        az_span content_type;
        az_span response_topic;
        az_span correlation_data; /* bytes */
        const az_mqtt_user_property *user_properties;
        int32_t n_user_properties;
} az_mqtt_message;

#endif /* _az_MQTT_MESSAGE_H */
