/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries messages from the outboxes to a cloud: as many at a time as the window of the link allows, those of
 * high priority first, each priority in order, and tells the waits how far each has come. After a loss of the
 * link the outboxes hand out again what was not acknowledged.
 */

#include <mqtt/link.h>

#include "daemon/dead-letter.h"
#include "daemon/link-status.h"
#include "daemon/log.h"
#include "daemon/outboxes.h"
#include "daemon/stage.h"

typedef struct Uplink Uplink;

/* What a link is given to publish; spans live until it returns. */
typedef struct UplinkMessage {
        uint64_t token; /* for uplink_acked() */
        const char *id; /* names the message for ever, also when it has to be sent again */
        az_span properties, body;
        uint8_t flags;   /* as of OutboxMessage */
        uint64_t age_us; /* since it was accepted */
} UplinkMessage;

/* Condition of UplinkOps.publish, besides MQTT_WINDOW_FULL: this message can never be sent. */
#define UPLINK_UNSENDABLE 2

/* The link to a cloud. */
typedef struct UplinkOps {
        const char *cloud; /* as in "will not reach the hub" */
        /* 0 unless the link is online. */
        unsigned (*window_free)(void *userdata);
        /* 0; MQTT_WINDOW_FULL; UPLINK_UNSENDABLE; a negative errno if the link is of no use any more. */
        int (*publish)(void *userdata, const UplinkMessage *message);
        /* Ends the link for an error on our side; uplink_lost() follows. */
        void (*fail)(void *userdata, int error);
        /* Remember what is good to know for who asks why, and forget it. */
        void (*add_notice)(void *userdata, Problem problem, int error, const char *detail);
        void (*remove_notice)(void *userdata, Problem problem);
} UplinkOps;

/* Everything must outlive the uplink. */
typedef struct UplinkConfig {
        const Outboxes *outboxes;
        StageWaits *const *waits; /* of each priority */
        DeadLetters *dead_letters;
        const Log *log;
        uint64_t boot; /* as in OutboxTime */
        const UplinkOps *ops;
        void *userdata; /* of 'ops' */
} UplinkConfig;

int uplink_new(Uplink **ret, const UplinkConfig *config);
Uplink *uplink_free(Uplink *uplink);
DEFINE_CLEANUP(Uplink *, uplink_free)

/*
 * Sends what waits when the link comes up, and what is accepted behind it until all of that has been sent, so
 * many messages a second, 'burst' of them at once (0: those of a second). Messages of high priority are never
 * held back, and neither is what is accepted while nothing waits. 0: as fast as the cloud takes them.
 */
void uplink_set_pace(Uplink *uplink, uint64_t per_s, uint64_t burst);

/* The present time, as the outbox wants it. */
OutboxTime uplink_now(const Uplink *uplink);

/* The link is gone, and with it what was in flight. */
void uplink_lost(Uplink *uplink, LinkEnd end);
/* The cloud has acknowledged a message: the token with which it was published. */
void uplink_acked(Uplink *uplink, uint64_t token);
/* It was not sent before its time was over. */
void uplink_expired(Uplink *uplink, uint64_t token);
/*
 * The cloud has refused it, for good. Who waits for it is told the reason code; it is set aside as 'letter',
 * of which priority and sequence are filled in here.
 */
void uplink_refused(Uplink *uplink, uint64_t token, uint8_t reason_code, const DeadLetter *letter);

/*
 * Publishes what can be published and passes the outbox's news on. Returns true if it published, so that the
 * link has something to write.
 */
bool uplink_run(Uplink *uplink);

/* Whether there are messages that have not been sent over the present link. */
bool uplink_has_backlog(const Uplink *uplink);

/* When uplink_run() has something to do that nothing else tells of; UINT64_MAX: no timer. */
uint64_t uplink_deadline_us(const Uplink *uplink);
