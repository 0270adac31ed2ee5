/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.methods: calls from the cloud, to the programs that take them. */

#include "daemon/access.h"
#include "daemon/client-log.h"
#include "daemon/histogram.h"
#include "daemon/hub-link.h"
#include "ipc/server.h"

typedef struct Methods Methods;

/* Everything must outlive it. 'limit_us': how long a program may take for its answer. */
int methods_new(Methods **ret, HubLink *link, const Access *access, ClientLog *clients, uint64_t limit_us);
/* All connections must be gone: free the IpcServer first. */
Methods *methods_free(Methods *methods);
DEFINE_CLEANUP(Methods *, methods_free)

/* The hundreds of statuses, of which HTTP has five; the last is for all others. */
#define METHODS_CLASSES 6U

/* Since the daemon started. */
typedef struct MethodsCounts {
        uint64_t n_answered[METHODS_CLASSES]; /* by whoever: "1xx" is the first */
        Histogram durations;                  /* of those that a program had taken, or could have */
        unsigned n_waiting;                   /* now */
} MethodsCounts;

void methods_get_counts(const Methods *methods, MethodsCounts *ret);

/* The same for the calls that come from now on. */
void methods_set_limit(Methods *methods, uint64_t limit_us);

/* A call has come over the link; the spans are copied. */
void methods_call(Methods *methods, az_span request_id, az_span name, az_span payload);
/* The daemon stops: tells the cloud of each call that waits. */
void methods_stop(Methods *methods);
/* Whether no call waits for its answer. */
bool methods_is_drained(const Methods *methods);
/* The link is gone: nobody waits for answers any more. */
void methods_lost(Methods *methods);

/*
 * What the program at the other end may do has changed. Names that it may not serve any more it gives up, and
 * a Take that waits for one ends with NotYourMethod; what it has taken it may still answer. Without the grant
 * to serve, all that is its is as if the connection was closed; nothing of it waits then.
 */
void methods_update_access(Methods *methods, IpcConnection *connection, bool may_serve);

uint64_t methods_deadline_us(const Methods *methods);
void methods_run_due(Methods *methods, uint64_t now_us);

/* Its userdata is a Methods. */
extern const IpcInterface methods_interface;
