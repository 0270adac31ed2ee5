/* SPDX-License-Identifier: MIT */
#pragma once

/* The packets of MQTT 5 that libmosquitto cannot handle, or keeps to itself: AUTH, DISCONNECT, UNSUBACK. */

#include <mqtt/link.h>

#include "util/util.h"

/* What one says, as spans into the packet. */
typedef struct MqttControl {
        uint8_t reason_code;
        az_span method, data; /* of AUTH */
        az_span reason_string;
        az_span codes; /* of UNSUBACK */
} MqttControl;

/* Parses the body of an AUTH or DISCONNECT, which may be empty. -EPROTO: it is malformed. */
int mqtt_control_parse(az_span body, MqttControl *ret);

/* Parses what follows the packet id of an UNSUBACK. -EPROTO: it is malformed. */
int mqtt_control_parse_unsuback(az_span body, MqttControl *ret);

/*
 * Reads a Variable Byte Integer (MQTT 5.0, 1.5.5). Positive: how long it is. 0: more bytes are needed.
 * -EPROTO.
 */
int mqtt_control_parse_number(az_span bytes, uint32_t *ret);

/* What an AUTH packet has besides method and data: four lengths, three bytes, two of them identifiers. */
#define MQTT_AUTH_HEADER_MAX 16U

/* Makes an AUTH packet; 'method' and 'data' have at most 65535 bytes. The caller wipes and frees. -ENOMEM. */
int mqtt_control_new_auth(uint8_t reason_code, az_span method, az_span data, uint8_t **ret, size_t *ret_size);
