/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The MQTT broker of Azure IoT Operations as a whole: the link, the outboxes of what is to be sent over it,
 * and io.aziotd.broker. Without a broker in the configuration there is nothing of it but this object; with
 * the first configuration that has one it is set up, and stays until the daemon ends.
 */

#include "daemon/broker-commands.h"
#include "daemon/broker-link.h"
#include "daemon/sender.h"
#include "ipc/server.h"

typedef struct Broker Broker;

/* Everything must outlive it. */
typedef struct BrokerParts {
        const Config *config;
        const Log *log;
        Disk *disk;
        const char *state_dir, *runtime_dir;
        ClientLog *clients;
        SendRates *rates; /* as of Sender */
        uint64_t boot;    /* as in OutboxTime */

        /* As of BrokerLinkOps; and whether somebody waits who is not busy. */
        NetworkReach (*get_reach)(void *userdata);
        bool (*is_wanted)(void *userdata);
        void (*on_status)(void *userdata);
        void (*on_event)(void *userdata, HistoryEvent event, const HistoryFacts *facts);
        void *userdata;
} BrokerParts;

/* -ENOMEM. */
int broker_new(Broker **ret, const BrokerParts *parts);
/* All connections must be gone: free the IpcServer first. */
Broker *broker_free(Broker *broker);
DEFINE_CLEANUP(Broker *, broker_free)

/*
 * Takes the configuration as it is now; without a broker in it a link that there is ends. 'outboxes' is that
 * of the hub: the broker's are in its subdirectory 'broker', with limits of their own that are the same.
 * -EBUSY: another process has that directory. -ENOMEM, -EINVAL.
 */
int broker_configure(Broker *broker, const OutboxesConfig *outboxes);
/* The rules for local programs have changed, for this one as well; 'lost' are the grants that it had before.
 */
void broker_update_access(Broker *broker, IpcConnection *connection, unsigned lost);

/* Whether the configuration has a broker. */
bool broker_is_configured(const Broker *broker);
/* Whether its settings can be used as well, so that the methods of the interface work. */
bool broker_is_available(const Broker *broker);

/* The machine's network has changed; the wall clock was set. */
void broker_network_changed(Broker *broker);
void broker_clock_changed(Broker *broker);

/* Ends the link; broker_is_stopped() says when it is done. Then broker_close() makes all durable. */
void broker_stop(Broker *broker);
bool broker_is_stopped(const Broker *broker);
int broker_close(Broker *broker);

/* An epoll fd of ours; it stays. */
int broker_get_fd(const Broker *broker);
uint64_t broker_deadline_us(const Broker *broker);
/* Does all there is to do: call it once a turn. */
void broker_run(Broker *broker, uint64_t now_us);

/* NULL: there has been no broker yet. */
BrokerLink *broker_get_link(const Broker *broker);
Outboxes *broker_get_outboxes(const Broker *broker);

/* Since the daemon started. */
typedef struct BrokerCounts {
        uint64_t n_given;   /* messages that were given to programs that watch */
        uint64_t n_ignored; /* that were not as they should be */
        unsigned n_watches;
        BrokerCommandsCounts commands;
} BrokerCounts;

void broker_get_counts(const Broker *broker, BrokerCounts *ret);

/* Its userdata is a Broker. */
extern const IpcInterface broker_interface;

/* For IpcServerConfig.unavailable. */
#define BROKER_UNAVAILABLE "io.aziotd.broker.NoBroker"
