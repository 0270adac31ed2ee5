/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries messages from the outboxes to the hub: as many at a time as the window of the link allows, those of
 * high priority first, each priority in order, and tells the waits how far each has come. After a loss of the
 * link the outboxes hand out again what was not acknowledged.
 */

#include "daemon/dead-letter.h"
#include "daemon/hub-link.h"
#include "daemon/outboxes.h"
#include "daemon/stage.h"

typedef struct Uplink Uplink;

/* Everything must outlive the uplink. 'waits': of each priority. 'boot' as in OutboxTime. */
int uplink_new(Uplink **ret, const Outboxes *outboxes, HubLink *link, StageWaits *const waits[_PRIORITY_MAX],
               DeadLetters *dead_letters, const Log *log, uint64_t boot);
Uplink *uplink_free(Uplink *uplink);
DEFINE_CLEANUP(Uplink *, uplink_free)

/*
 * Sends what waits when the link comes up, and what is accepted behind it until all of that has been sent, so
 * many messages a second, 'burst' of them at once (0: those of a second). Messages of high priority are never
 * held back, and neither is what is accepted while nothing waits. 0: as fast as the hub takes them.
 */
void uplink_set_pace(Uplink *uplink, uint64_t per_s, uint64_t burst);

/* The present time, as the outbox wants it. */
OutboxTime uplink_now(const Uplink *uplink);

/* The link is gone. */
void uplink_lost(Uplink *uplink, HubLinkEnd end);
/* The hub has acknowledged a message: the token with which it was published. */
void uplink_acked(Uplink *uplink, uint64_t token);

/*
 * Publishes what can be published and passes the outbox's news on. Returns true if it published, so that the
 * link has something to write.
 */
bool uplink_run(Uplink *uplink);

/* Whether there are messages that have not been sent over the present link. */
bool uplink_has_backlog(const Uplink *uplink);

/* When uplink_run() has something to do that nothing else tells of; UINT64_MAX: no timer. */
uint64_t uplink_deadline_us(const Uplink *uplink);
