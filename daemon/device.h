/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.device: who this device is, and how its link to the cloud fares. */

#include "daemon/broker.h"
#include "daemon/check.h"
#include "daemon/client-log.h"
#include "daemon/config-change.h"
#include "daemon/history.h"
#include "daemon/hub-link.h"
#include "daemon/messages.h"
#include "daemon/methods.h"
#include "daemon/outboxes.h"
#include "daemon/twin.h"
#include "ipc/server.h"

typedef struct Device Device;

/* What it tells of, and acts on; everything must outlive it. */
typedef struct DeviceParts {
        const Config *config;
        const char *config_path; /* where that comes from */
        bool config_required;
        /* Loads it again. 0; CONFIG_INVALID: the messages in 'ret' say what is wrong; a negative errno. */
        int (*reload)(void *userdata, ConfigReload *ret);
        void *userdata; /* of 'reload' */
        const ConfigReloads *reloads;
        Log *log;
        HubLink *link;
        Broker *broker;
        const Outboxes *outboxes;
        const Messages *messages;
        const Methods *methods;
        const Twin *twin;
        const ClientLog *client_log;
        History *history;
        Check *check;
} DeviceParts;

/* The userdata of device_interface. */
int device_new(Device **ret, const DeviceParts *parts);
/* After the server is gone. */
Device *device_free(Device *device);
DEFINE_CLEANUP(Device *, device_free)

/* The state of the link, its reason or the time of the next attempt changed: who watches hears at once. */
void device_link_changed(Device *device);

/*
 * Looks for what else changed and tells who watches, once a second at most: call it once a turn. The
 * deadline is UINT64_MAX unless there is something to be told.
 */
void device_run_due(Device *device, uint64_t now_us);
uint64_t device_deadline_us(const Device *device);

extern const IpcInterface device_interface;
