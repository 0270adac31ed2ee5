/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The link to the MQTT broker of Azure IoT Operations: an MqttRunner (mqtt/runner.h), which connects and
 * keeps the session, and an aio_client (aio/client.h) on it. Part of the loop thread; it has one fd and one
 * deadline.
 *
 * It never gives up: a broker that has lost the session gets a new one with all subscriptions, and that is
 * told; what a broker refuses for good is tried again after longer pauses; without usable settings they are
 * looked for every minute.
 *
 * What is published by broker_link_publish() is in flight until on_published() or on_lost(): over a loss of
 * the connection the runner keeps it. Wishes of the client are carried out in broker_link_dispatch(), which
 * has to follow each call that takes the client.
 */

#include <aio/client.h>
#include <mqtt/runner.h>

#include "daemon/broker-settings.h"
#include "daemon/history.h"
#include "daemon/link-record.h"
#include "daemon/link-status.h"
#include "daemon/log.h"

typedef struct BrokerLink BrokerLink;

/* How a message of broker_link_publish() came out; lives until the callback returns. */
typedef struct BrokerPublished {
        uint64_t token;
        az_broker_result result; /* never STOPPED: see on_lost() */
        uint8_t reason_code;     /* of the PUBACK */
        const char *reason;      /* for a person */
        const az_mqtt_message *message;
} BrokerPublished;

/* What is NULL is of no interest. */
typedef struct BrokerLinkOps {
        /* The connection stands, with the session. */
        void (*on_live)(void *userdata);
        /* Nothing that was published is under way any more: it has to be published again. */
        void (*on_lost)(void *userdata);
        void (*on_published)(void *userdata, const BrokerPublished *published);
        /* News of the client, not its wishes. */
        void (*on_client_event)(void *userdata, const aio_event *event);
        /* How far this machine's network goes. */
        NetworkReach (*get_reach)(void *userdata);
        /* The state, its reason or the time of the next attempt changed. */
        void (*on_status)(void *userdata);
        /* Something became of the link that is worth keeping. */
        void (*on_event)(void *userdata, HistoryEvent event, const HistoryFacts *facts);
} BrokerLinkOps;

/* Since the daemon started. */
typedef struct BrokerLinkCounts {
        LinkCounts link;
        uint64_t n_sessions_lost;
        uint64_t n_reauthenticated;
        uint64_t n_received; /* messages, repeats included */
} BrokerLinkCounts;

/* What a link works with. */
typedef struct BrokerLinkEnvironment {
        const Config *config; /* these two must outlive it */
        const Log *log;
        const char *runtime_dir; /* for MqttRunner; copied */
} BrokerLinkEnvironment;

/* 'ops' must outlive the link. -ENOMEM, -EMFILE. */
int broker_link_new(BrokerLink **ret, const BrokerLinkEnvironment *environment, const BrokerLinkOps *ops,
                    void *userdata);
BrokerLink *broker_link_free(BrokerLink *link);
DEFINE_CLEANUP(BrokerLink *, broker_link_free)

/* Begins to connect. */
void broker_link_start(BrokerLink *link);
/* Sends DISCONNECT, bounded by some seconds; the broker keeps the session. LINK_STOPPED: it is done. */
void broker_link_stop(BrokerLink *link);
/* Connects again now: a connection that is there is taken down first, else the wait ends. */
void broker_link_reconnect(BrokerLink *link);
/* The broker is to send again what was not acknowledged: on a new connection. */
void broker_link_renew(BrokerLink *link);
/* Section [Broker] has changed: the next dispatch reads it, and connects again if that makes a difference. */
void broker_link_configure(BrokerLink *link);
/* The machine's network has changed. */
void broker_link_network_changed(BrokerLink *link);
/* The wall clock was set: far back, the client gets a new clock. */
void broker_link_clock_changed(BrokerLink *link);
/* A new clock, of another node; for AZ_ERROR_CLOCK. */
void broker_link_reset_clock(BrokerLink *link);

int broker_link_get_fd(const BrokerLink *link);
uint64_t broker_link_deadline_us(const BrokerLink *link);
/* Call when the fd is readable, when the deadline has passed, and after publishing and using the client. */
void broker_link_dispatch(BrokerLink *link);

/*
 * Carries out all that the client wishes, and tells its news, at once; not from on_client_event(). And one
 * PUBLISH, which a function of the client has returned in place of an event.
 */
void broker_link_pump(BrokerLink *link);
void broker_link_carry(BrokerLink *link, const aio_event *wish);

/* NULL: the settings cannot be read, and who the device is is not known yet. Else it stays. */
aio_client *broker_link_get_client(BrokerLink *link);
/* What stands in front of all topics; empty: nothing. It is that of the time when the link was made. */
az_span broker_link_get_namespace(const BrokerLink *link);
/* The present time, as the client wants it. */
aio_time broker_link_time(void);

/* How many messages may be published now; 0 unless the link is online. */
unsigned broker_link_window_free(const BrokerLink *link);

/* Conditions of broker_link_publish(). */
enum {
        BROKER_LINK_FULL = 1,
        BROKER_LINK_UNSENDABLE, /* this message can never be sent */
};

/* Publishes a message, which is copied; 'token' is one of message-token.h. 0; a condition; -ENOMEM. */
int broker_link_publish(BrokerLink *link, const az_mqtt_message *message, uint64_t token);

LinkState broker_link_get_state(const BrokerLink *link);
/* Strings live until the next dispatch. */
void broker_link_get_status(const BrokerLink *link, LinkStatus *ret);
void broker_link_get_counts(const BrokerLink *link, BrokerLinkCounts *ret);
/* What is remembered of its failures and connections. It lives as long as the link, and changes with it. */
const LinkRecord *broker_link_get_record(const BrokerLink *link);
/* Remembers what is good to know, and tells on_status(); and forgets it. */
void broker_link_add_notice(BrokerLink *link, Problem problem, int error, const char *detail);
void broker_link_remove_notice(BrokerLink *link, Problem problem);
