/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The commands of io.aziotd.broker: Invoke, Take and Settle, between local programs and lib/aio. Who serves
 * what is in command-server.h, who has invoked what in command-caller.h.
 */

#include "daemon/access.h"
#include "daemon/broker-link.h"
#include "daemon/client-log.h"
#include "daemon/disk.h"
#include "ipc/server.h"

typedef struct BrokerCommands BrokerCommands;

/* What it works with; all must outlive it, but for the name of the directory. */
typedef struct BrokerCommandsParts {
        const Access *access;
        ClientLog *clients;
        Disk *disk;
        const char *state_dir;
} BrokerCommandsParts;

/* 'link' must outlive it. -ENOMEM */
int broker_commands_new(BrokerCommands **ret, BrokerLink *link, const BrokerCommandsParts *parts);
/* All connections must be gone: free the IpcServer first. */
BrokerCommands *broker_commands_free(BrokerCommands *commands);
DEFINE_CLEANUP(BrokerCommands *, broker_commands_free)

/* Handlers of the interface; see IpcHandler. 'params' is of the struct of the same name. */
extern const IpcStruct broker_invoke_struct, broker_take_struct, broker_settle_struct;
int broker_commands_invoke(BrokerCommands *commands, IpcCall *call, const void *params);
int broker_commands_take(BrokerCommands *commands, IpcCall *call, const void *params);
int broker_commands_settle(BrokerCommands *commands, IpcCall *call, const void *params);

/* News of the client's that are about invokers and executors. */
void broker_commands_event(BrokerCommands *commands, const aio_event *event);

/*
 * What the program at the other end may do has changed. If it may not serve its topic any more, a Take that
 * waits ends with TopicDenied, and the rest is as if the connection was closed; so it is without the grant to
 * serve.
 */
void broker_commands_update_access(BrokerCommands *commands, IpcConnection *connection, bool may_serve);

/* Since the daemon started, and in the last three now. */
typedef struct BrokerCommandsCounts {
        uint64_t n_invoked, n_invoked_failed;
        uint64_t n_requests, n_answered;
        uint64_t n_invocations, n_waiting, n_services;
} BrokerCommandsCounts;

void broker_commands_get_counts(const BrokerCommands *commands, BrokerCommandsCounts *ret);

uint64_t broker_commands_deadline_us(const BrokerCommands *commands);
/* In each turn, before the first message comes: what was served before a restart is served again then. */
void broker_commands_run_due(BrokerCommands *commands, uint64_t now_us);
