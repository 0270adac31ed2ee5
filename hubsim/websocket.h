/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The server's side of a WebSocket whose messages carry MQTT: first the upgrade, then frames. No I/O.
 *
 *      WEBSOCKET_REQUEST ──granted──► WEBSOCKET_OPEN ──close, or a violation──► WEBSOCKET_CLOSED
 *             └── refused ────────────────────────────────────────────────────────────┘
 *
 * Source: RFC 6455, "The WebSocket Protocol"; MQTT 3.1.1, 6.
 */

#include "hubsim/buffer.h"

typedef enum WebSocketState {
        WEBSOCKET_REQUEST,
        WEBSOCKET_OPEN,
        WEBSOCKET_CLOSED,
        _WEBSOCKET_STATE_MAX,
} WebSocketState;

#define WEBSOCKET_CONTROL_MAX 125U

typedef struct WebSocket {
        const char *const *hosts; /* our names; ends with NULL */
        unsigned refuse_status;   /* as a fault, the upgrade is refused with this; 0: it is not */
        uint32_t fragment_size;   /* as a fault, what is sent comes in pieces of this; 0: whole */

        WebSocketState state;
        bool ignores_certificate; /* by its request, the client has none */
        const char *reason;       /* why it was refused or closed, for the log */
        unsigned close_code;      /* that the client has closed it with; 1005: without one */

        bool is_in_message; /* of several frames, the last of which has not come yet */
        bool is_in_frame;   /* whose header this is: */
        uint8_t opcode, mask[4];
        uint64_t n_left, n_unmasked;
        uint8_t control[WEBSOCKET_CONTROL_MAX];
} WebSocket;

/*
 * Takes what is complete out of 'in', appends what the messages say to 'data', and what it is answered by
 * (the upgrade, pongs, the end) to 'out'. -EBADMSG: it is refused or closed because of a violation;
 * -ESHUTDOWN: the client has closed it. After either, 'out' is to be sent and the connection closed.
 */
int websocket_feed(WebSocket *w, IpcBuffer *in, IpcBuffer *data, IpcBuffer *out);

/* Appends a message that says this. */
int websocket_append_message(const WebSocket *w, az_span data, IpcBuffer *out);

/* Closes it, if it is open. */
int websocket_close(WebSocket *w, IpcBuffer *out);
