/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The daemon as one object: it owns everything else, wires it together and runs it on one sd-event loop.
 *
 * Whatever woke the loop, manager_turn() runs afterwards, once: it moves the link, the outbox and all that is
 * due, and arms the one timer for whichever of them is next.
 */

#include <systemd/sd-event.h>

#include "daemon/broker.h"
#include "daemon/client-log.h"
#include "daemon/device.h"
#include "daemon/drop-report.h"
#include "daemon/messages.h"
#include "daemon/methods.h"
#include "daemon/network-watch.h"
#include "daemon/telemetry.h"
#include "daemon/twin.h"

/* Strings outlive the manager. */
typedef struct ManagerOptions {
        const char *config_path;
        bool config_required;    /* a missing file is an error */
        const char *state_dir;   /* exists, mode 0700, ours */
        const char *runtime_dir; /* the same */
        const char *socket_path; /* to listen on when systemd passed no socket; NULL: nothing else is there */
} ManagerOptions;

typedef struct Manager {
        sd_event *event;
        sd_event_source *signals[3], *disk_source, *link_source, *broker_source, *check_source,
                *network_source, *clock_source, *turn, *timer;
        bool stopping;
        int lock_fd; /* -1: the state directory could not be locked */

        ManagerOptions options;
        Log log;
        ClientLog client_log;
        Config config;
        ConfigReloads reloads;
        Disk *disk;
        History *history;
        Outboxes *outboxes;
        HubLink *link;
        NetworkWatch *network;
        StageWaits *waits[_PRIORITY_MAX];
        DeadLetters *dead_letters;
        Uplink *uplink;
        DropReport *drop_report; /* NULL: it is not wanted */
        bool has_hub;            /* the configuration has one, or neither a hub nor a broker */
        Broker *broker;

        SendRates rates;
        Telemetry *telemetry;
        Methods *methods;
        Messages *messages;
        Twin *twin;
        Check *check;
        Device *device;
        IpcServer *ipc;
} Manager;

/*
 * Sets everything up and begins to serve and to connect; what goes wrong is logged. -EBUSY: another process
 * has the state directory, or that of the outbox. -EBADMSG: the configuration has mistakes.
 */
int manager_new(Manager **ret, const ManagerOptions *options);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* Runs until a signal asks to stop and everything that was accepted is safe. */
int manager_run(Manager *m);
