/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.telemetry: what programs send, into the outboxes. */

#include "daemon/client-log.h"
#include "daemon/config.h"
#include "daemon/stage.h"
#include "daemon/uplink.h"
#include "ipc/server.h"

typedef struct Telemetry Telemetry;

/* All of them must outlive it; 'waits': of each priority. */
int telemetry_new(Telemetry **ret, const Config *config, Outboxes *outboxes, Uplink *uplink,
                  StageWaits *const waits[_PRIORITY_MAX], ClientLog *clients);
/* All calls must be gone: free the IpcServer first. */
Telemetry *telemetry_free(Telemetry *telemetry);
DEFINE_CLEANUP(Telemetry *, telemetry_free)

/* Its userdata is a Telemetry. */
extern const IpcInterface telemetry_interface;
