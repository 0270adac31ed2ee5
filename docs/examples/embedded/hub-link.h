/* SPDX-License-Identifier: MIT */
#ifndef HUB_LINK_H
#define HUB_LINK_H

#include <session/recovery.h>

#include "device.h"
#include "program.h"

/* A device and its link to a hub. Lives where it was started. */
typedef struct HubLink {
        const Program *program;
        const char *host;
        az_recovery *recovery;
        az_hub_session session;
        Device device;
        Mqtt *mqtt; /* NULL: there is no connection, nor an attempt to have one */
        bool is_draining;
} HubLink;

/*
 * Begins to connect a device to its hub.
 *
 *   host, device_id  must outlive it
 *   recovery  is told what becomes of the link; NULL: there is none
 */
void hub_link_start(HubLink *link, const Program *program, const char *host, const char *device_id,
                    az_recovery *recovery);

/* Waits for something to happen or to be due, a second at most, and does what follows from it. */
void hub_link_turn(HubLink *link);

/* Ends the connection. Does nothing to a link that is all zero. */
void hub_link_stop(HubLink *link);

#endif
