/* SPDX-License-Identifier: MIT */
#pragma once

/* Runs a link in a test, in real time or with the clock put forward. */

#include <mqtt/link.h>

#include "pki.h"

/* Makes a link whose private socket is in the directory of 'p'. */
MqttLink *drive_new(const Pki *p, const MqttLinkConfig *config);

/* Gives the next event, dispatching for up to 10 s until there is one. */
MqttEvent drive_next(MqttLink *l);

/* The same; fails the test if it is of another type. */
MqttEvent drive_expect(MqttLink *l, MqttEventType type);

/* Dispatches for so long; fails the test if there is an event. */
void drive_expect_nothing(MqttLink *l, unsigned limit_ms);

/* Opens a connection to this port of 'localhost', trusting ca.pem, and waits until it is open. */
void drive_open(MqttLink *l, const Pki *p, uint16_t port);

/* The same, then connects as this client; fails the test if CONNACK does not accept. True: session present.
 */
bool drive_connect(MqttLink *l, const Pki *p, uint16_t port, const char *client_id, bool clean_session);

/* Makes a link and connects it as "device", clean. */
MqttLink *drive_new_connected(const Pki *p, uint16_t port, const MqttLinkConfig *config);

/* Expects MQTT_EVENT_LOST with this cause and this in its text, nothing behind it, and a link that is closed.
 */
void drive_expect_lost(MqttLink *l, MqttLost cause, const char *text);

/* A listener on 127.0.0.1 that never answers: nobody accepts and its queue is full, so that SYNs are dropped.
 */
typedef struct DriveDead {
        int listen_fd, fillers[8];
        uint16_t port; /* 0: any; then the one that it is */
} DriveDead;

void drive_dead_start(DriveDead *d);
void drive_dead_stop(DriveDead *d);

/* Trust then comes from what a test says, not from the machine. */
void drive_distrust_system(void);

/* Counts the entries of a directory: /proc/self/fd, /proc/self/task. */
unsigned drive_count_entries(const char *path);
