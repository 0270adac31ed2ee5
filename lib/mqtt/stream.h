/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connected stream: TLS, and WebSocket frames inside of it where there is one; or TCP as it is.
 */

#include <mqtt/fault.h>
#include <mqtt/tls.h>
#include <mqtt/websocket.h>

/* All three are owned. */
typedef struct MqttStream {
        int fd;
        SSL *ssl;                 /* NULL: TCP as it is */
        MqttTraffic plain;        /* over TCP as it is */
        MqttWebSocket *websocket; /* or NULL */
        size_t n_framed;          /* bytes of the last write that are in the frame that leaves */
        bool is_own_wanted;       /* the server asked for our certificate */
        bool is_readable;         /* reading is worth a try: set by the caller when the fd polls ready */
        bool is_writable;
        bool wants_write; /* poll for EPOLLOUT too */
} MqttStream;

#define MQTT_STREAM_NULL ((MqttStream){ .fd = -1 })

/* Sends what ends the stream, and end of file; what the peer still sends can be read. */
void mqtt_stream_shutdown(MqttStream *s);

/* Sends what ends the stream if that is possible at once, closes and frees. Safe on MQTT_STREAM_NULL. */
void mqtt_stream_done(MqttStream *s);

/* Adds what went over it so far. */
void mqtt_stream_add_traffic(const MqttStream *s, MqttTraffic *total);

/* Reads up to 'size' bytes. 0: nothing to read now. Negative: 'fault' says why; the stream is at its end. */
ssize_t mqtt_stream_read(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault);

/*
 * Writes up to 'size' bytes. 0: no room now. Negative: as above.
 * After 0 the next call must begin with the same bytes; they may have moved, and more may follow.
 */
ssize_t mqtt_stream_write(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault);
