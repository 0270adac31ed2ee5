/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.telemetry: what programs send, into the outboxes. */

#include "daemon/sender.h"

typedef struct Telemetry Telemetry;

/* 'sender' is copied; its interface and what is of a message are filled in. */
int telemetry_new(Telemetry **ret, const Sender *sender);
/* All calls must be gone: free the IpcServer first. */
Telemetry *telemetry_free(Telemetry *telemetry);
DEFINE_CLEANUP(Telemetry *, telemetry_free)

/* Its userdata is a Telemetry. */
extern const IpcInterface telemetry_interface;
