/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.device: who this device is, and how its link to the cloud fares. */

#include "daemon/hub-link.h"
#include "daemon/outbox.h"
#include "ipc/server.h"

/* What the interface looks at; its userdata. Everything in it must outlive the server. */
typedef struct Device {
        const Config *config;
        const HubLink *link;
        const Outbox *outbox;
} Device;

extern const IpcInterface device_interface;
