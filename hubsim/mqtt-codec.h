/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MQTT 3.1.1 as a server reads and writes it: bytes in, packets out, and back. No I/O and no state. What the
 * standard forbids is refused here (reserved bits, lengths, UTF-8, packet identifiers); what only IoT Hub
 * forbids is refused in session.c. Written for this program alone: it shares nothing with the device's side,
 * so that a mistake there cannot be hidden by the same mistake here.
 *
 * Source: OASIS "MQTT Version 3.1.1".
 */

#include <azure/core/az_span.h>

#include "hubsim/buffer.h"
#include "util/util.h"

/* A message of 256 KiB, the longest topic that MQTT can write, and the fields around them. */
#define MQTT_PACKET_MAX ((256U + 64U) * 1024U + 16U)

typedef enum MqttType {
        MQTT_CONNECT = 1,
        MQTT_CONNACK,
        MQTT_PUBLISH,
        MQTT_PUBACK,
        MQTT_PUBREC,
        MQTT_PUBREL,
        MQTT_PUBCOMP,
        MQTT_SUBSCRIBE,
        MQTT_SUBACK,
        MQTT_UNSUBSCRIBE,
        MQTT_UNSUBACK,
        MQTT_PINGREQ,
        MQTT_PINGRESP,
        MQTT_DISCONNECT,
        _MQTT_TYPE_MAX,
        _MQTT_TYPE_INVALID = -EINVAL,
} MqttType;

/* Return codes of CONNACK. */
typedef enum MqttConnackCode {
        MQTT_CONNACK_ACCEPTED,
        MQTT_CONNACK_BAD_PROTOCOL,
        MQTT_CONNACK_BAD_CLIENT_ID,
        MQTT_CONNACK_UNAVAILABLE,
        MQTT_CONNACK_BAD_CREDENTIALS,
        MQTT_CONNACK_NOT_AUTHORIZED,
        _MQTT_CONNACK_CODE_MAX,
        _MQTT_CONNACK_CODE_INVALID = -EINVAL,
} MqttConnackCode;

#define MQTT_SUBACK_FAILURE 0x80U

/* All spans below point into the bytes that were parsed. */
typedef struct MqttMessage {
        az_span topic;
        az_span payload;
        unsigned qos;
        bool retain;
} MqttMessage;

typedef struct MqttConnect {
        unsigned protocol_level; /* 4 is MQTT 3.1.1; with any other value, nothing below is filled in */
        bool clean_session, has_will, has_user_name, has_password;
        uint16_t keep_alive_s;
        az_span client_id;
        MqttMessage will;
        az_span user_name;
        az_span password;
} MqttConnect;

typedef struct MqttPublish {
        MqttMessage message;
        bool dup;
        uint16_t packet_id; /* 0 for QoS 0 */
} MqttPublish;

/* SUBSCRIBE and UNSUBSCRIBE; walk 'filters' with mqtt_filter_next(). */
typedef struct MqttFilters {
        uint16_t packet_id;
        bool with_qos;
        az_span filters;
} MqttFilters;

typedef struct MqttPacket {
        MqttType type;
        union {
                MqttConnect connect;
                MqttPublish publish;
                MqttFilters filters;
                uint16_t packet_id; /* PUBACK, PUBREC, PUBREL, PUBCOMP */
        };
} MqttPacket;

/*
 * Parses the first packet of 'input'. Returns how many bytes it took, 0 if it is not complete yet, -EBADMSG
 * if the peer broke the protocol, -EMSGSIZE if the packet is longer than MQTT_PACKET_MAX: close the
 * connection.
 */
int mqtt_parse(az_span input, MqttPacket *ret);

/* Pops the next filter of a parsed SUBSCRIBE or UNSUBSCRIBE; false: there is none left. */
bool mqtt_filter_next(MqttFilters *filters, az_span *ret_filter, unsigned *ret_qos);

/* Each appends one packet; the result is that of buffer_append(). */
int mqtt_append_connack(IpcBuffer *out, bool session_present, MqttConnackCode code);
int mqtt_append_publish(IpcBuffer *out, const MqttPublish *publish);
int mqtt_append_puback(IpcBuffer *out, uint16_t packet_id);
int mqtt_append_suback(IpcBuffer *out, uint16_t packet_id, const uint8_t *codes, size_t n_codes);
int mqtt_append_unsuback(IpcBuffer *out, uint16_t packet_id);
int mqtt_append_pingresp(IpcBuffer *out);
