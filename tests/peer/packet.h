/* SPDX-License-Identifier: MIT */
#pragma once

/* The packets of the peer: read and written from MQTT 5.0, sharing nothing with what is tested. */

#include "peer.h"

/* As realloc(), which must not fail. */
void *peer_grow(void *items, size_t n_items, size_t size);

/* Bytes that grow. */
typedef struct PeerBytes {
        uint8_t *bytes;
        size_t n, n_allocated;
} PeerBytes;

/* Appends a copy. */
void peer_bytes_append(PeerBytes *b, const void *bytes, size_t n);
/* Frees them; there are none then. */
void peer_bytes_done(PeerBytes *b);

/* Takes the first packet of these bytes. Returns its length, 0: not all of it is there. What is malformed
 * ends the program. */
size_t peer_packet_read(const uint8_t *bytes, size_t n, PeerPacket **ret);
PeerPacket *peer_packet_free(PeerPacket *packet);

/* Append a packet. */
void peer_write_connack(PeerBytes *b, bool session_present, uint8_t reason, const PeerProperty *p, size_t n);
void peer_write_publish(PeerBytes *b, const az_mqtt_message *m, uint16_t id, const PeerProperty *p, size_t n);
void peer_write_puback(PeerBytes *b, uint16_t id, uint8_t reason, const PeerProperty *p, size_t n);
/* SUBACK and UNSUBACK: the same reason code for each filter. */
void peer_write_suback(PeerBytes *b, PeerPacketType type, uint16_t id, uint8_t reason, size_t n_filters,
                       const PeerProperty *p, size_t n);
void peer_write_pingresp(PeerBytes *b);
/* AUTH and DISCONNECT. */
void peer_write_reason(PeerBytes *b, PeerPacketType type, uint8_t reason, const PeerProperty *p, size_t n);
