/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Opens a TLS connection in a worker thread: everything that may block (signing, the resolver, TCP, the
 * handshake) happens there, one thread per attempt and at most two alive.
 */

#include <mqtt/link.h>
#include <mqtt/stream.h>

typedef struct MqttTransport MqttTransport;

/* 'wake_fd' is an eventfd that is written to when mqtt_transport_take() should be called; a duplicate is
 * kept. */
int mqtt_transport_new(MqttTransport **ret, int wake_fd);

/* Abandons the attempt; see mqtt_link_free() for what is waited for. */
MqttTransport *mqtt_transport_free(MqttTransport *t);

/* Starts an attempt; there must be none. The sign job's userdata is given away, whatever is returned. */
int mqtt_transport_open(MqttTransport *t, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                        uint64_t now_us);

/* The same, but the attempt ends well when 'last_stage' is over; its stream is to be closed. */
int mqtt_transport_open_until(MqttTransport *t, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                              MqttStage last_stage, uint64_t now_us);

/* Gives the report of the attempt, as of when it entered its present stage. There must be one. */
void mqtt_transport_get_report(const MqttTransport *t, MqttReport *ret);

/* Forgets the attempt, if there is one, and tells its worker to stop. */
void mqtt_transport_abandon(MqttTransport *t);

/* When the stage that the attempt is in runs out of time; UINT64_MAX: there is no attempt. */
uint64_t mqtt_transport_deadline_us(const MqttTransport *t);

/* What the files held for this connection, of this transport, is to come back to: mqtt_link_proven(). */
void mqtt_transport_set_proven(MqttTransport *t, const MqttStream *stream);

/* Keeps the TLS session of a connection that is about to end, for the next attempt. */
void mqtt_transport_keep_session(MqttTransport *t, const MqttStream *stream);

/* How an attempt ended. */
typedef struct MqttOpenResult {
        int error; /* 0: connected */
        MqttReport report;
        MqttStream stream;
        char signature[MQTT_SIGNATURE_MAX];
        uint8_t *secret; /* or NULL; owned */
        size_t n_secret;
        char text[MQTT_TEXT_MAX];
} MqttOpenResult;

/* Closes and wipes what is still there. */
void mqtt_open_result_done(MqttOpenResult *r);

/* Also starts what waited for a worker. True: the attempt has ended, and there is none any more. */
bool mqtt_transport_take(MqttTransport *t, uint64_t now_us, MqttOpenResult *ret);
