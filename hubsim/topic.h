/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The topics that IoT Hub knows; it closes the connection of whoever uses another one. Also the property bag
 * of a telemetry topic and the names of the system properties in it. Pure functions over spans.
 *
 * Source: "Communicate with an IoT hub using the MQTT protocol" and "Create and read IoT Hub messages".
 */

#include <azure/core/az_span.h>

#include "util/util.h"

typedef enum TopicKind {
        TOPIC_TELEMETRY,
        TOPIC_METHOD_RESPONSE,
        TOPIC_TWIN_GET,
        TOPIC_TWIN_PATCH,
        _TOPIC_KIND_MAX,
        _TOPIC_KIND_INVALID = -EINVAL,
} TopicKind;

/* The parts of a topic that a device published to; they point into it. */
typedef struct Topic {
        TopicKind kind;
        az_span properties; /* telemetry: the bag, perhaps empty; walk it with topic_property_next() */
        unsigned status;    /* method response */
        az_span request_id; /* method response, twin: as it came, never empty */
} Topic;

/* Parses what 'device' published to. -EBADMSG: not a topic of this device; close the connection. */
int topic_parse(az_span topic, az_span device, Topic *ret);

/* May 'device' subscribe to this filter? If not, close the connection. */
bool topic_filter_is_allowed(az_span filter, az_span device);

/* One pair of a property bag, percent-decoded. */
typedef struct Property {
        az_span name;
        az_span value;
        const char
                *system_name; /* what the hub calls it if it is a system property ("message-id"), else NULL */
} Property;

/*
 * Pops the next pair of 'bag' and decodes it into 'scratch', which must be as long as the bag; name and value
 * live there. Returns 1, 0 at the end, -EBADMSG for a bag that would cost the device its connection: a bad
 * percent code, an unescaped reserved character, an empty name, no '=', or text that is not UTF-8.
 */
int topic_property_next(az_span *bag, az_span *scratch, Property *ret);
