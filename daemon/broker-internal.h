/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the broker share; nobody else includes it.
 *
 *      broker.c        life, the link and the outboxes; the interface
 *      broker-send.c   Send
 *      broker-watch.c  Watch
 */

#include <sys/queue.h>

#include "daemon/broker-message.h"
#include "daemon/broker.h"

/* A program that watches. */
typedef struct Watch Watch;

struct Broker {
        BrokerParts p;
        bool is_configured, is_stopping;
        int epoll_fd;

        /* NULL until there is a broker. */
        BrokerLink *link;
        Outboxes *outboxes;
        StageWaits *waits[_PRIORITY_MAX];
        DeadLetters *dead_letters;
        Uplink *uplink;
        BrokerCommands *commands;

        Sender sender;
        TAILQ_HEAD(WatchList, Watch) watches;
        unsigned n_unacknowledged; /* messages of all of them, one that two have counts twice */
        BrokerCounts counts;
};

/* Whether the caller may use a topic. If not it was answered by TopicDenied, *ret is what the handler
 * returns.
 */
bool broker_allows(Broker *broker, IpcCall *call, AccessUse use, az_span filter, int *ret);

/* Answers by InvalidMessage, for what lib/aio says is wrong. */
int broker_refuse_error(Broker *broker, IpcCall *call, const aio_error *error);

/* broker-send.c --------------------------------------------------------------------------------------- */

extern const IpcStruct broker_send_struct;
int broker_send(IpcCall *call, const void *params, void *userdata);
/* Sender.write_refusal. */
void broker_write_refusal(IpcJson *json, int reason_code);

/* broker-watch.c -------------------------------------------------------------------------------------- */

extern const IpcStruct broker_watch_struct;
int broker_watch(IpcCall *call, const void *params, void *userdata);
/* News of a receiver. */
void broker_watch_event(Broker *broker, const aio_event *event);
/* Acknowledges what was written, and goes on with what waits. */
void broker_watch_run(Broker *broker);
/* Ends those that the rules do not allow any more. */
void broker_watch_update_access(Broker *broker, IpcConnection *connection);
/* Without a word; the calls are gone. */
void broker_watch_free_all(Broker *broker);
