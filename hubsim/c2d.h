/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cloud-to-device messages on their way: from the back end to the queue of a device, to its connection, and
 * what its PUBACKs do. The queue's rules are in c2d-queue.h.
 */

#include <systemd/sd-event.h>

#include "hubsim/c2d-message.h"
#include "hubsim/registry.h"

typedef struct Hub Hub;

typedef struct C2d {
        Hub *hub;
        Device *device;
        C2dQueue queue;
        sd_event_source *timer;
} C2d;

C2d *c2d_free(C2d *c2d);
DEFINE_CLEANUP(C2d *, c2d_free)

/* The device's messages, made on first use. */
int c2d_get(Hub *hub, Device *device, C2d **ret);

/* Enqueues a message and sends it if it can be. Returns 0, the service's six digits, or < 0. */
int c2d_send(Hub *hub, Device *device, const C2dRequest *request);

/* Drops all that is enqueued or invisible; returns how many that were. */
int c2d_purge(Hub *hub, Device *device);

/* The device begins a session: a clean one drops all messages, in any other they come for the first time. */
int c2d_on_new_session(Hub *hub, Device *device, bool is_clean);

/* The device is connected or has subscribed: sends what there is. < 0: close its connection. */
int c2d_deliver(Hub *hub, Device *device);

/* The device sent PUBACK. < 0: close its connection, why has been logged. */
int c2d_on_puback(Hub *hub, Device *device, uint16_t packet_id);

/* The device's connection has gone. */
void c2d_on_closed(Hub *hub, Device *device);
