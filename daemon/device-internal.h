/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of io.aziotd.device share; nobody else includes it.
 *
 *      device.c               the status, and the table of methods
 *      device-access.c        what a program may do
 *      device-check.c         an active look at each layer
 *      device-config.c        the configuration
 *      device-explain.c       why it is down, or up
 *      device-history.c       what became of the link
 *      device-log.c           how much is logged
 *      device-metrics.c       what is measured
 *      device-metrics-broker.c  the same of the broker
 *      device-provisioning.c  what the provisioning service says
 */

#include "daemon/device.h"

typedef struct OutboxCounters {
        int64_t error;   /* of its storage; 0: it works. As wide as the rest: all bytes are compared. */
        OutboxStats sum; /* of all priorities */
        OutboxStats priorities[_PRIORITY_MAX];
} OutboxCounters;

/* What changes too often to be told each time. */
typedef struct Counters {
        OutboxCounters hub, broker; /* without a broker zeros */
        InboxStats inbox;
} Counters;

/* A call that is told of changes. */
typedef struct Watcher Watcher;
struct Watcher {
        Watcher **list;
        IpcCall *call;
        Watcher *previous, *next;
};

struct Device {
        const Config *config;
        const char *config_path;
        bool config_required;
        int (*reload)(void *userdata, ConfigReload *ret);
        void *userdata;
        const ConfigReloads *reloads;
        Log *log;
        HubLink *link;
        Broker *broker;
        const Outboxes *outboxes;
        const Messages *messages;
        const Methods *methods;
        const Twin *twin;
        const ClientLog *client_log;
        uint64_t start_us; /* CLOCK_BOOTTIME: when all this began */
        History *history;
        Check *check;
        IpcCall *check_call; /* that is told of it; NULL: none */

        Watcher *watchers;         /* of the status */
        Watcher *history_watchers; /* of the history */
        Watcher *provisioning_watchers;
        Counters told;
        uint64_t told_us;
        bool link_changed, counters_changed; /* since then */
        uint64_t told_runs;                  /* to who watches the provisioning */
        bool told_running;
};

Counters device_count(const Device *d);
/* Whether the configuration has a hub. */
bool device_has_hub(const Device *d);

/* Adds the call to a list until its client is gone. -ENOMEM. */
int device_watch(Watcher **list, IpcCall *call);

/* Writes a member with a time in microseconds since 1970. */
void device_write_time(IpcJson *json, const char *name, uint64_t realtime);

/* Methods, and their parameters. */
extern const IpcStruct device_get_access_struct, device_get_history_struct;
int device_get_access(IpcCall *call, const void *params, void *userdata);
int device_check(IpcCall *call, const void *params, void *userdata);
int device_get_history(IpcCall *call, const void *params, void *userdata);
int device_explain(IpcCall *call, const void *params, void *userdata);

extern const IpcStruct device_set_log_level_struct;
int device_get_log_level(IpcCall *call, const void *params, void *userdata);
int device_set_log_level(IpcCall *call, const void *params, void *userdata);

int device_get_metrics(IpcCall *call, const void *params, void *userdata);
/* Into the open array. */
void device_write_broker_metrics(IpcJson *json, const Device *d, const Counters *counters);

int device_get_config(IpcCall *call, const void *params, void *userdata);
int device_reload(IpcCall *call, const void *params, void *userdata);
int device_get_provisioning(IpcCall *call, const void *params, void *userdata);
int device_reprovision(IpcCall *call, const void *params, void *userdata);

/* Tells who watches the provisioning how that is now. */
void device_tell_provisioning(Device *d);

/* Tells who watches the history of what was added. */
void device_history_added(void *userdata, const HistoryRecord *record);
