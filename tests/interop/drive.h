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

/* The same with CONNECT and an accepting CONNACK; the client id is "device". */
void drive_connect(MqttLink *l, const Pki *p, uint16_t port, bool clean_session);

/* Counts the open fds of the process. */
unsigned drive_count_fds(void);
