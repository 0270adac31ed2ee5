/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The link to the hub: az_hub_session (what to do next) driven over MqttLink (how). It loads the identity,
 * signs, connects, and connects again for as long as it runs; what comes and goes over a live link passes
 * through HubLinkOps and the functions below. Of a device that is provisioned it asks the Device Provisioning
 * Service for the hub, over the same MqttLink: az_dps_session, when az_recovery says so. Part of the loop
 * thread; it has one fd and one deadline.
 *
 * While there is no usable identity it looks for one every minute and says what is missing.
 */

#include <azure/core/az_span.h>
#include <azure/iot/az_iot_hub_client.h>
#include <mqtt/link.h>

#include "daemon/assignment.h"
#include "daemon/config.h"
#include "daemon/disk.h"
#include "daemon/history.h"
#include "daemon/link-record.h"
#include "daemon/link-status.h"
#include "daemon/log.h"
#include "daemon/network-facts.h"
#include "daemon/route.h"

typedef struct HubLink HubLink;

/* What is NULL is not subscribed to, or of no interest. Spans live until the callback returns. */
typedef struct HubLinkOps {
        /* The link is up and all subscriptions stand. */
        void (*on_live)(void *userdata);
        /* Nothing that is in flight will be answered any more: the link, or an attempt, is over. */
        void (*on_lost)(void *userdata, LinkEnd end);
        void (*on_puback)(void *userdata, uint64_t token);
        /* These three may come before on_live(). */
        void (*on_method)(void *userdata, az_span request_id, az_span name, az_span payload);
        /* A cloud-to-device message. The hub hears of it by hub_link_ack(). 'dup': it may have come before.
         */
        void (*on_c2d)(void *userdata, az_iot_hub_client_c2d_request *request, az_span payload, bool dup,
                       MqttAck ack);
        /* An answer about the twin, or a change of its desired properties. */
        void (*on_twin)(void *userdata, const az_iot_hub_client_twin_response *response, az_span payload);
        /* Whether nothing of the caller's is under way that a renewal should wait for, 5 s at most. */
        bool (*is_drained)(void *userdata);
        /* Whether the caller has something more urgent to do than what the link moves. */
        bool (*is_wanted)(void *userdata);
        /* How far this machine's network goes. */
        NetworkReach (*get_reach)(void *userdata);
        /* The state, its reason or the time of the next attempt changed. */
        void (*on_status)(void *userdata);
        /* Something became of the link that is worth keeping. */
        void (*on_event)(void *userdata, HistoryEvent event, const HistoryFacts *facts);
} HubLinkOps;

/* What a link works with. */
typedef struct HubLinkEnvironment {
        const Config *config; /* these three must outlive it */
        const Log *log;
        Disk *disk;
        const char *state_dir;   /* what it keeps */
        const char *runtime_dir; /* for MqttLink */
} HubLinkEnvironment;

/* 'ops' must outlive the link. */
int hub_link_new(HubLink **ret, const HubLinkEnvironment *environment, const HubLinkOps *ops, void *userdata);
HubLink *hub_link_free(HubLink *link);
DEFINE_CLEANUP(HubLink *, hub_link_free)

/* Begins to connect. */
void hub_link_start(HubLink *link);
/* Sends DISCONNECT, bounded by two seconds; LINK_STOPPED says that it is done. */
void hub_link_stop(HubLink *link);
/*
 * Connects again now: if the link is online as for a renewal, otherwise by ending the wait for the next
 * attempt, also at the provisioning service. Where the link is being made or stopped there is nothing to be
 * done.
 */
void hub_link_reconnect(HubLink *link);

/*
 * Keys of the configuration that are CONFIG_APPLY_RECONNECT have changed: a link that is up is renewed with
 * them, when what is in flight is finished; an attempt, or the wait for one, begins anew.
 */
void hub_link_configure(HubLink *link);

/* Condition of hub_link_reprovision(): the device is not provisioned, its hub is configured. */
#define HUB_LINK_NOT_ENROLLED 1

/* Asks the provisioning service again for the hub, when what is in flight is finished. 0; NOT_ENROLLED. */
int hub_link_reprovision(HubLink *link);

/* Strings live until the next hub_link_dispatch(). */
typedef struct HubLinkProvisioning {
        const char *endpoint, *id_scope;
        const char *registration_id;  /* NULL: not known yet */
        bool is_running;              /* or is going to */
        uint64_t n_runs;              /* that have ended */
        const char *last_error;       /* why the last one failed; NULL: it did not */
        uint64_t next_run_us;         /* CLOCK_BOOTTIME; UINT64_MAX: that depends on the hub */
        const Assignment *assignment; /* NULL: none */
} HubLinkProvisioning;

/* 0; HUB_LINK_NOT_ENROLLED. */
int hub_link_get_provisioning(const HubLink *link, HubLinkProvisioning *ret);

/*
 * What the connection needs of this machine's network has disappeared: the hub is asked at once whether it is
 * still there. And there is a network again: if that is what was missing, the wait for the next attempt ends.
 */
void hub_link_network_gone(HubLink *link);
void hub_link_network_up(HubLink *link);
/* The address of the connection on this machine; AF_UNSPEC: there is none. */
NetworkAddress hub_link_get_local(const HubLink *link);
/* The wall clock was set: a token may be of no use any more, or the time for one may have come. */
void hub_link_clock_changed(HubLink *link);
/* The way that it takes, for others that take it, and for what is kept of it: route_remember(). */
Route *hub_link_get_route(HubLink *link);
LinkState hub_link_get_state(const HubLink *link);
/* Whether it knows who the device is. */
bool hub_link_has_identity(const HubLink *link);

int hub_link_get_fd(const HubLink *link);
uint64_t hub_link_deadline_us(const HubLink *link);
/* Call when the fd is readable, when the deadline has passed, and after publishing. */
int hub_link_dispatch(HubLink *link);

/* 0 unless the link is online. */
unsigned hub_link_window_free(const HubLink *link);

/* Condition of hub_link_publish(), besides MQTT_WINDOW_FULL: this message can never be sent. */
#define HUB_LINK_UNSENDABLE 2

/*
 * Publishes one message of device-to-cloud telemetry, QoS 1: 'token' comes back through on_puback(). 'bag' is
 * an encoded property bag; 'message_id', if not empty, is added to it. 0; MQTT_WINDOW_FULL;
 * HUB_LINK_UNSENDABLE. Returns a negative errno if the link is of no use any more: see hub_link_fail().
 */
int hub_link_publish(HubLink *link, az_span bag, az_span message_id, az_span body, uint64_t token);

/* For the topics of the twin: set up while the link is online, and valid as long as it. */
const az_iot_hub_client *hub_link_get_client(const HubLink *link);

/* Publishes a request about the twin, QoS 0. 0; MQTT_WINDOW_FULL; -ENOTCONN: the link is gone. */
int hub_link_publish_twin(HubLink *link, az_span topic, az_span payload);

/*
 * Lets the PUBACK of an on_c2d() go, behind those of the messages before it. Does nothing when the link that
 * brought the message is gone: the hub sends it again.
 */
void hub_link_ack(HubLink *link, MqttAck ack);

/* Ends the link for an error on our side; on_lost() follows at once, and in time the next attempt. */
void hub_link_fail(HubLink *link, int error);

/*
 * Answers a direct method. 'payload' is JSON or empty. What does not fit into the connection waits its turn.
 * 0; -ENOBUFS: too many answers wait already; -ENOTCONN: the link is gone.
 */
int hub_link_answer_method(HubLink *link, az_span request_id, uint16_t status, az_span payload);

void hub_link_get_status(const HubLink *link, LinkStatus *ret);
void hub_link_get_counts(const HubLink *link, LinkCounts *ret);
/* What is remembered of its failures and connections. It lives as long as the link, and changes with it. */
const LinkRecord *hub_link_get_record(const HubLink *link);
/* Remembers what is good to know, and tells on_status(); see diagnosis_make(). */
void hub_link_add_notice(HubLink *link, Problem problem, int error, const char *detail);
/* It is no longer so. */
void hub_link_remove_notice(HubLink *link, Problem problem);
