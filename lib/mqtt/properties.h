/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Between the properties of MQTT 5 as spans and as libmosquitto's lists. What is wrong with libmosquitto's
 * functions (2.0.11) is met here: no length is checked there, nor the UTF-8 of a user property's value, and
 * an empty string is a crash when the list is copied.
 */

#include <mosquitto.h>

#include <mqtt/link.h>

#include "util/util.h"

/* A list that is being made, or the room for what one says. */
typedef struct MqttProperties {
        mosquitto_property *list; /* NULL: there are none */
        size_t n_bytes;           /* of 'list' on the wire; authentication data not counted */
        uint8_t *text;
        az_mqtt_user_property *users;
        size_t users_size;
} MqttProperties;

#define MQTT_PROPERTIES_NULL ((MqttProperties){})

/* -ENOMEM. */
int mqtt_properties_init(MqttProperties *p);
void mqtt_properties_done(MqttProperties *p);

/* Drops the list and keeps the room for the next one. */
void mqtt_properties_clear(MqttProperties *p);

/*
 * Add to the list. -EINVAL: text is not UTF-8 or has control characters. -EMSGSIZE: above
 * MQTT_PROPERTIES_BYTES_MAX, MQTT_USER_PROPERTIES_MAX or, of a secret, MQTT_SECRET_MAX. -ENOMEM. Absent text,
 * and an empty content type or response topic, is left out.
 */
int mqtt_properties_add_message(MqttProperties *p, const az_mqtt_message *message);
int mqtt_properties_add_users(MqttProperties *p, const az_mqtt_user_property *users, int32_t n);
int mqtt_properties_add_text(MqttProperties *p, int identifier, az_span text);
int mqtt_properties_add_secret(MqttProperties *p, az_span data);
int mqtt_properties_add_u16(MqttProperties *p, int identifier, uint16_t value);
int mqtt_properties_add_u32(MqttProperties *p, int identifier, uint32_t value);

/*
 * Reads a list of a PUBLISH into 'message', but for what is not property; its spans live in 'p' until the
 * next call. -EMSGSIZE: above MQTT_PROPERTIES_BYTES_MAX. -ENOMEM.
 */
int mqtt_properties_read_message(MqttProperties *p, const mosquitto_property *list, az_mqtt_message *message);

/* Reads a text or data of a list of another packet, as above; AZ_SPAN_EMPTY: it has none. */
int mqtt_properties_read_text(MqttProperties *p, const mosquitto_property *list, int identifier,
                              az_span *ret);
