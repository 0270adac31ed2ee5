/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The client side of WebSocket, RFC 6455, as a stream of bytes: MQTT does not care where frames begin. No
 * I/O:
 *
 *      what came     → mqtt_websocket_decode()                      → payload
 *      payload       → mqtt_websocket_put() … _pending()/_sent()    → what is to be sent
 *
 * Pings are answered, and so is the end, by what mqtt_websocket_pending() gives. Binary frames only, without
 * extensions. Bounded: one frame of at most 16 KiB is kept for the way out, none for the way in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/util.h"

/* A frame of ours with its header: what fits into one TLS record. */
#define MQTT_WEBSOCKET_FRAME_MAX 16384U
/* Of a frame of ours: 2 bytes, 2 bytes of length, 4 bytes of mask. */
#define MQTT_WEBSOCKET_HEAD_MAX 8U
/* "All control frames MUST have a payload length of 125 bytes or less" */
#define MQTT_WEBSOCKET_CONTROL_MAX 125U

typedef enum MqttWebSocketEnd {
        MQTT_WEBSOCKET_OPEN,
        MQTT_WEBSOCKET_CLOSED, /* the server said so */
        MQTT_WEBSOCKET_BROKEN, /* the server broke the rules */
} MqttWebSocketEnd;

typedef struct MqttWebSocket {
        /* Inbound. */
        uint8_t head[10]; /* of the frame that comes */
        size_t n_head;    /* bytes of it that are there */
        uint8_t opcode;
        bool is_last;
        bool is_in_message; /* fragments of a message are to come */
        uint64_t n_left;    /* bytes of the frame's payload that are to come, once its head is complete */
        uint8_t control[MQTT_WEBSOCKET_CONTROL_MAX];
        size_t n_control;

        MqttWebSocketEnd end;
        char text[160]; /* why it is over */

        /* Outbound. */
        uint8_t pong[MQTT_WEBSOCKET_CONTROL_MAX];
        size_t n_pong;
        bool is_pong_due;
        uint16_t close_code; /* to be sent; 0: nothing is over */
        bool is_close_sent;
        uint8_t out[MQTT_WEBSOCKET_FRAME_MAX];
        size_t out_begin, out_end;
} MqttWebSocket;

/* -ENOMEM. */
int mqtt_websocket_new(MqttWebSocket **ret);
MqttWebSocket *mqtt_websocket_free(MqttWebSocket *ws);
DEFINE_CLEANUP(MqttWebSocket *, mqtt_websocket_free)

/*
 * Takes 'n' bytes that came, and leaves the payload at their place. Returns how much that is; after it, 'end'
 * says whether there will be more.
 */
size_t mqtt_websocket_decode(MqttWebSocket *ws, uint8_t *bytes, size_t n);

/*
 * Makes a frame of the first bytes, when nothing is pending. Returns how many they are. -EIO: there are no
 * random numbers for the mask.
 */
ssize_t mqtt_websocket_put(MqttWebSocket *ws, const uint8_t *bytes, size_t n);

/* A close frame is to go out, and nothing may be put behind it; what still comes can be decoded. */
void mqtt_websocket_close(MqttWebSocket *ws);

/* Gives bytes to send; then tell how many were sent. -EIO: as above. */
ssize_t mqtt_websocket_pending(MqttWebSocket *ws, const uint8_t **ret);
void mqtt_websocket_sent(MqttWebSocket *ws, size_t n);
