/* SPDX-License-Identifier: MIT */
#pragma once

/* One direction of the frame gate: a buffer of bytes that are parsed where they lie. */

#include "util/util.h"

/* bytes[begin..ready) may go on, [ready..end) is the begin of a packet not understood yet. */
typedef struct MqttFlow {
        uint8_t *bytes;
        size_t size;
        size_t begin, ready, end;
        uint32_t n_body;   /* bytes of the packet at 'ready' that are still to come */
        unsigned n_ready;  /* packets that have begun in front of 'ready'; few, of the inbound ones */
        uint64_t n_passed; /* bytes that have ever left */
        uint64_t moved_us; /* when bytes last came (inbound) or left (outbound) on the network side */
} MqttFlow;

/* -ENOMEM. */
int mqtt_flow_init(MqttFlow *f, size_t size, uint64_t now_us);

/* Makes the buffer larger, and wipes the one before it. -ENOMEM. */
int mqtt_flow_grow(MqttFlow *f, size_t size);

/* Gives the room for more, so that at most 'limit' bytes are held. */
size_t mqtt_flow_space(MqttFlow *f, size_t limit, uint8_t **ret);

/* Gives what may go on, then takes what went. */
size_t mqtt_flow_pending(const MqttFlow *f, const uint8_t **ret);
void mqtt_flow_sent(MqttFlow *f, size_t n);

/* Lets as much of the current body pass as is there. */
void mqtt_flow_pass_body(MqttFlow *f);

/* Takes 'n' bytes at 'ready' out. */
void mqtt_flow_cut(MqttFlow *f, size_t n);

/* Puts a packet in at 'ready', where no body is under way. False: no room. */
bool mqtt_flow_insert(MqttFlow *f, const uint8_t *packet, size_t n);

/* Bytes that are there and not understood. */
_unused_ static inline size_t mqtt_flow_unread(const MqttFlow *f) {
        return f->end - f->ready;
}

/* MQTT 5.0, 2.1.2. */
typedef enum MqttPacketType {
        MQTT_PACKET_CONNECT = 1,
        MQTT_PACKET_CONNACK = 2,
        MQTT_PACKET_PUBLISH = 3,
        MQTT_PACKET_PUBACK = 4,
        MQTT_PACKET_SUBSCRIBE = 8,
        MQTT_PACKET_SUBACK = 9,
        MQTT_PACKET_UNSUBSCRIBE = 10,
        MQTT_PACKET_UNSUBACK = 11,
        MQTT_PACKET_PINGREQ = 12,
        MQTT_PACKET_PINGRESP = 13,
        MQTT_PACKET_DISCONNECT = 14,
        MQTT_PACKET_AUTH = 15,
        _MQTT_PACKET_MAX = 16,
} MqttPacketType;

/* Flags of PUBLISH. */
#define MQTT_PUBLISH_DUP  0x08U
#define MQTT_PUBLISH_QOS  0x06U
#define MQTT_PUBLISH_QOS1 0x02U

/* The fixed header of a packet. */
typedef struct MqttHeader {
        unsigned type, flags;
        uint32_t n_header, n_body;
} MqttHeader;

/* Parses the fixed header at 'ready'. Positive: complete. 0: more bytes are needed. -EPROTO. */
int mqtt_flow_parse_header(const MqttFlow *f, MqttHeader *ret);

/* Gives the number in two bytes. */
_unused_ static inline uint16_t mqtt_u16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}

/* The other way round. */
_unused_ static inline void mqtt_put_u16(uint8_t *p, uint16_t value) {
        p[0] = (uint8_t) (value >> 8);
        p[1] = (uint8_t) value;
}
