/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MQTT over a private AF_UNIX stream: the only place that knows libmosquitto. One MqttClient per connection.
 * The other end of the stream is the frame gate's. Nothing is sent inside these calls but in
 * mqtt_client_write(), and callbacks of libmosquitto only queue events.
 */

#include <mqtt/event.h>
#include <mqtt/gate.h>
#include <mqtt/link.h>

typedef struct MqttClient MqttClient;

typedef struct MqttClientConfig {
        int dir_fd;      /* where the private socket lives for a moment */
        unsigned window; /* bounds mqtt_client_publish() */
        uint64_t epoch;  /* goes into MqttAck */
        /* Of MQTT 5. */
        unsigned receive_max;     /* what CONNECT says */
        uint16_t *last_packet_id; /* that was chosen, over all connections */
} MqttClientConfig;

/*
 * Makes a client whose CONNECT is ready to be written. 'gate' is told of packet ids and asked for DUP flags;
 * it and 'events' must outlive the client. 'ret_local_fd' is the other end of the stream, non-blocking.
 * -EINVAL: a number or text that MQTT does not allow. -EPERM: someone else answered at the private socket.
 */
int mqtt_client_new(MqttClient **ret, int *ret_local_fd, const MqttClientConfig *config,
                    const MqttConnect *connect, MqttGate *gate, MqttEventList *events);
MqttClient *mqtt_client_free(MqttClient *c);
DEFINE_CLEANUP(MqttClient *, mqtt_client_free)

/* Handles all that was written to the other end, which queues events. Negative: 'fault' says why it is over.
 */
int mqtt_client_read(MqttClient *c, MqttFault *fault);

/* Writes what is queued, as far as the socket takes it. 1: bytes may have been written. 0: nothing was
 * queued. */
int mqtt_client_write(MqttClient *c, MqttFault *fault);

/* True from an accepting CONNACK on. */
bool mqtt_client_is_connected(const MqttClient *c);

/* What counts from CONNACK on: the server's own, if it has told one. */
uint16_t mqtt_client_keep_alive_s(const MqttClient *c);

/* -EMSGSIZE: the server takes no packet of this size. */
int mqtt_client_check_size(const MqttClient *c, size_t n_bytes);

/* See mqtt_link_subscribe() and so on. */
int mqtt_client_subscribe(MqttClient *c, const MqttFilter *filters, size_t n_filters);
int mqtt_client_unsubscribe(MqttClient *c, const az_span *filters, size_t n_filters);
int mqtt_client_publish(MqttClient *c, const az_mqtt_message *message, bool is_resend, uint16_t *packet_id,
                        uint64_t token);
unsigned mqtt_client_window_free(const MqttClient *c);

/* Queues DISCONNECT; once it is written the other end reads end of file. */
int mqtt_client_disconnect(MqttClient *c, const MqttDisconnect *disconnect);
