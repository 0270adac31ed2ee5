/* SPDX-License-Identifier: MIT */
#pragma once

/* One MQTT connection: moves bytes between the TLS stream, the gate and libmosquitto, all in the loop's
 * thread. */

#include <mqtt/client.h>
#include <mqtt/event.h>
#include <mqtt/stream.h>

typedef struct MqttConnection MqttConnection;

/* Takes over what 'stream' holds, also when it fails. Inbound limits as in MqttLinkConfig. -ENOMEM. */
int mqtt_connection_new(MqttConnection **ret, MqttStream *stream, uint32_t max_packet_bytes,
                        unsigned receive_max, MqttEventList *events, uint64_t now_us);
MqttConnection *mqtt_connection_free(MqttConnection *c);
DEFINE_CLEANUP(MqttConnection *, mqtt_connection_free)

/* True if the server has accepted CONNECT. */
bool mqtt_connection_was_accepted(const MqttConnection *c);

/* What it goes over; stays the connection's. */
const MqttStream *mqtt_connection_get_stream(const MqttConnection *c);

/* See mqtt_link_hint(). */
void mqtt_connection_hint(MqttConnection *c, uint64_t now_us);

/* Sends CONNECT at the next run. See mqtt_client_new(). -ENOTCONN: it was called before. */
int mqtt_connection_connect(MqttConnection *c, const MqttConnect *connect, const MqttClientConfig *config,
                            uint64_t now_us);

/* NULL before mqtt_connection_connect() and after mqtt_connection_disconnect(). */
MqttClient *mqtt_connection_client(const MqttConnection *c);

/* See mqtt_link_reauthenticate(). */
int mqtt_connection_send_auth(MqttConnection *c, uint8_t reason_code, az_span method, az_span data);

/* Begins to end the connection; mqtt_connection_run() then fails with MQTT_LOST_ASKED when it is over. */
int mqtt_connection_disconnect(MqttConnection *c, const MqttDisconnect *disconnect, uint64_t now_us);

/* See mqtt_gate_release(). */
void mqtt_connection_release(MqttConnection *c, uint64_t sequence, uint8_t reason_code);

/* The fd to poll and for what: EPOLLIN, EPOLLOUT. */
int mqtt_connection_get_fd(const MqttConnection *c);
uint32_t mqtt_connection_wanted(const MqttConnection *c);
uint64_t mqtt_connection_deadline_us(const MqttConnection *c);

/* Notes what epoll said of the fd. */
void mqtt_connection_ready(MqttConnection *c, uint32_t epoll_events);

/*
 * Does a bounded amount of work, and less if is_wanted(), which may be NULL, says so between its steps. 1:
 * more is left. Negative: the connection is over, 'fault' says why.
 */
int mqtt_connection_run(MqttConnection *c, bool (*is_wanted)(void *userdata), void *userdata, uint64_t now_us,
                        MqttFault *fault);
