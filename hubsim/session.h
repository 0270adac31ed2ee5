/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One connection: MQTT 3.1.1 as IoT Hub serves it. It closes whoever asks for what the hub does not have,
 * rather than answering. Sessions are kept in the list of their hub; a device has at most one.
 */

#include <azure/core/az_span.h>

#include "hubsim/hub.h"
#include "hubsim/mqtt-codec.h"
#include "hubsim/stream.h"

/* Serves an accepted socket, which it owns from then on; MQTT is in TLS, or in a WebSocket in that. */
int session_new(Hub *hub, int fd, bool has_websocket);

typedef enum SessionEnd {
        SESSION_END_LOST,  /* as a lost connection: the will is published */
        SESSION_END_QUIET, /* without the will */
        _SESSION_END_MAX,
} SessionEnd;

/* Closes and frees. 'code' is the six-digit reason of what the device still waits for. Not from its own
 * handlers. */
void session_close(Session *session, SessionEnd end, unsigned code);

/* The same, without the end of its TLS session being said. */
void session_drop(Session *session, StreamEnd end);

/* The hub's clock may have been set: when the connection's token ends is looked at again. */
int session_arm_expiry(Session *session);

/* How long a client may say nothing that asked for this keep-alive. */
uint64_t session_silence_max_us(uint16_t keep_alive_s);

/* Sends a message, and one of QoS 0. */
int session_publish_packet(Session *session, const MqttPublish *publish);
int session_publish(Session *session, az_span topic, az_span payload);

/* Sends the PUBACKs that were held back. */
int session_release_pubacks(Session *session);

/* From now on nothing is read, written or timed, and nothing is closed either. */
int session_freeze(Session *session);
bool session_is_frozen(const Session *session);

Session *session_get_next(const Session *session);
