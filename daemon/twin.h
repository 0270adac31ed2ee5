/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * io.aziotd.twin: the last known twin, which outlives connections and the daemon, for whoever asks or
 * watches; and the patches that programs report, until the hub has accepted them.
 */

#include "daemon/access.h"
#include "daemon/client-log.h"
#include "daemon/disk.h"
#include "daemon/hub-link.h"
#include "ipc/server.h"

typedef struct Twin Twin;

/* Everything must outlive it. The state directory is read once the link knows which device it is. */
int twin_new(Twin **ret, HubLink *link, Disk *disk, const char *state_dir, const Access *access,
             ClientLog *clients);
/* All connections must be gone: free the IpcServer first. */
Twin *twin_free(Twin *twin);
DEFINE_CLEANUP(Twin *, twin_free)

/* What HubLinkOps tells. */
void twin_live(Twin *twin);
void twin_lost(Twin *twin);
void twin_message(Twin *twin, const az_iot_hub_client_twin_response *response, az_span payload);

/*
 * The rules have changed: who watches, and sees another part of the twin than before, is told all of that.
 * What was reported and waits is sent all the same.
 */
void twin_update_access(Twin *twin);

typedef struct TwinCounts {
        bool is_fresh;
        int64_t desired_version, reported_version; /* -1: not known */
        unsigned n_pending;                        /* patches that the hub has not accepted yet */
        uint64_t n_refused;                        /* of those that were stored; since the daemon started */
} TwinCounts;

void twin_get_counts(const Twin *twin, TwinCounts *ret);

/* Whether no report is in flight that a planned reconnect should wait for. */
bool twin_is_drained(const Twin *twin);

uint64_t twin_deadline_us(const Twin *twin);
/* Does what is due. Returns true if it published since the last call, so that the link has something to
 * write. */
bool twin_run(Twin *twin);

/* The daemon stops, the link is down: writes what is to be kept, and answers who waits for that. */
void twin_close(Twin *twin);

/* Its userdata is a Twin. */
extern const IpcInterface twin_interface;
