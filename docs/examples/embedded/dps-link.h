/* SPDX-License-Identifier: MIT */
#ifndef DPS_LINK_H
#define DPS_LINK_H

#include <session/dps_session.h>
#include <session/recovery.h>

#include "program.h"

/* Where a device belongs. */
typedef struct Assignment {
        char hub[AZ_DPS_SESSION_NAME_MAX + 1];
        char device_id[AZ_DPS_SESSION_NAME_MAX + 1];
} Assignment;

bool assignment_is_same(const Assignment *a, const Assignment *b);

/* A registration with the Device Provisioning Service. Lives where it was initialized. */
typedef struct DpsLink {
        const Program *program;
        az_recovery *recovery;
        az_dps_session session;
        Assignment assignment; /* the last one; at first what the device knows of an earlier one, or empty */
        Mqtt *mqtt;            /* NULL: there is no connection, nor an attempt to have one */
} DpsLink;

/*
 * Makes it the registration of a device.
 *
 *   id_scope  must outlive it
 *   recovery  is told how each run ends
 */
void dps_link_init(DpsLink *link, const Program *program, const char *id_scope, const char *registration_id,
                   az_recovery *recovery);

/* Begins a run. */
void dps_link_start(DpsLink *link);

/* Waits for something to happen or to be due, a second at most, and does what follows from it. */
void dps_link_turn(DpsLink *link);

/* Ends the run, if there is one. */
void dps_link_stop(DpsLink *link);

#endif
