/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A message to the broker as the outbox keeps it: the payload is the body, and the properties are topic and
 * MQTT 5 properties as they will be on the wire. No I/O.
 *
 *      1 byte   version of this format, 1
 *      1 byte   bit 0: retain
 *      2 bytes  length of the topic, and the topic (MQTT 5.0, 1.5.4)
 *      …        properties to the end (MQTT 5.0, 2.2.2.2): Payload Format Indicator, Message Expiry
 *               Interval, Content Type, User Property
 */

#include <azure/core/az_mqtt_message.h>

#include "util/util.h"

/* Properties have to fit into a PUBLISH as <mqtt/link.h> takes it. */
#define BROKER_RECORD_MAX (8U * 1024U)

/* User properties of one message: those of a program, and what lib/aio adds. */
#define BROKER_RECORD_PROPERTIES_MAX 128U

/* Writes the properties of a message to 'destination'; *ret lies there. False: there is no room. */
bool broker_record_format(const az_mqtt_message *message, az_span destination, az_span *ret);

/*
 * Reads them again: all of *ret but the payload, QoS 1. 'properties' has room for
 * BROKER_RECORD_PROPERTIES_MAX. False: it is no such record.
 */
bool broker_record_parse(az_span record, az_mqtt_message *ret, az_mqtt_user_property *properties);

/*
 * Makes the expiry of a message what is left of it after 'age_us': at least a second, as the outbox drops
 * what has expired.
 */
void broker_record_age(az_mqtt_message *message, uint64_t age_us);
