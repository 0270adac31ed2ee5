/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries messages from the outbox to the hub: as many at a time as the window of the link allows, in order,
 * and tells the waits how far each has come. After a loss of the link the outbox hands out again what was not
 * acknowledged.
 */

#include "daemon/hub-link.h"
#include "daemon/outbox.h"
#include "daemon/stage.h"

typedef struct Uplink Uplink;

/* Since uplink_new(). */
typedef struct UplinkStats {
        uint64_t n_unsendable; /* messages given up because no hub takes them */
} UplinkStats;

/* Everything must outlive the uplink. 'boot' as in OutboxTime. */
int uplink_new(Uplink **ret, Outbox *outbox, HubLink *link, StageWaits *waits, const Log *log, uint64_t boot);
Uplink *uplink_free(Uplink *uplink);
DEFINE_CLEANUP(Uplink *, uplink_free)

/* The present time, as the outbox wants it. */
OutboxTime uplink_now(const Uplink *uplink);

/* The link is gone. */
void uplink_lost(Uplink *uplink);

/*
 * Publishes what can be published and passes the outbox's news on. Returns true if it published, so that the
 * link has something to write.
 */
bool uplink_run(Uplink *uplink);

void uplink_get_stats(const Uplink *uplink, UplinkStats *ret);
