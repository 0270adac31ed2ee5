/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Patches of the reported section that the cloud has not accepted yet: who wrote them, in which order they
 * go, and what becomes of them when that fails. No I/O; time is an argument (CLOCK_BOOTTIME).
 *
 * What is sent at once is a batch: patches of one user, merged. A patch waits TWIN_REPORT_PAUSE_US for others
 * of its user, but a batch not longer than TWIN_REPORT_DELAY_US. Batches go in the order of their first
 * patches, one at a time. A refused batch is tried again patch by patch, so that only the guilty are told.
 *
 * Whatever fails and is sent again, an older value never replaces a newer one: what a new patch says is taken
 * out of all patches before it, also out of those that are just being sent.
 */

#include <sys/types.h>

#include <azure/core/az_span.h>

#include "ipc/json.h"
#include "util/util.h"

/* Source: the design's limit of one patch in flight, coalesced for 200 to 1000 ms. */
#define TWIN_REPORT_PAUSE_US (200 * USEC_PER_MSEC)
#define TWIN_REPORT_DELAY_US (1000 * USEC_PER_MSEC)

/* A section has 32 KiB: room for eight users who rewrite all of it, as JSON text. */
#define TWIN_PENDING_BYTES_MAX (256U * 1024U)
/* Each new patch is compared with all that wait. */
#define TWIN_PENDING_PATCHES_MAX 256U
/*
 * A user may have as much as is left for others, of both: who is alone half of it, with n users who take what
 * they can 1 / (n + 1) each. So there is always room for one more.
 */
#define TWIN_PENDING_USER_BYTES_MAX (TWIN_PENDING_BYTES_MAX / 2)

typedef enum TwinReportOutcome {
        TWIN_REPORT_ACCEPTED,
        TWIN_REPORT_REFUSED,
        TWIN_REPORT_RETRY,  /* of twin_pending_end() alone */
        TWIN_REPORT_STORED, /* the others: what twin_pending_stored() was told */
        TWIN_REPORT_STORAGE_FAILED,
        _TWIN_REPORT_OUTCOME_MAX,
} TwinReportOutcome;

typedef struct TwinReportResult {
        TwinReportOutcome outcome;
        int64_t version; /* ACCEPTED: of the reported section; -1: not known */
        int status;      /* REFUSED: as in HTTP */
        az_span body;    /* REFUSED: the hub's JSON, may be empty */
        int error;       /* STORAGE_FAILED: a negative errno */
} TwinReportResult;

/* None of them may call back into the TwinPending. */
typedef struct TwinPendingOps {
        /* Ends the wait of an author, once. */
        void (*answer)(void *userdata, void *author, const TwinReportResult *result);
        /* The hub refused a patch whose author does not wait any more: it is gone. */
        void (*gave_up)(void *userdata, uid_t uid, const TwinReportResult *result);
} TwinPendingOps;

typedef struct TwinPending TwinPending;

int twin_pending_new(TwinPending **ret, const TwinPendingOps *ops, void *userdata);
/* Authors that still wait are not told. */
TwinPending *twin_pending_free(TwinPending *pending);
DEFINE_CLEANUP(TwinPending *, twin_pending_free)

/* Condition of twin_pending_add(): over a limit, nothing was added. */
#define TWIN_PENDING_FULL 1

/*
 * Adds a patch that passed twin_check_patch(). 'author' waits for its result; NULL: nobody does. 0;
 * TWIN_PENDING_FULL; -ENOMEM; -EINVAL: a name is in it twice.
 */
int twin_pending_add(TwinPending *pending, uid_t uid, az_span patch, uint64_t now_us, void *author);

/* Adds one of twin_pending_format() again: for nobody who waits, and whatever its user has. The same. */
int twin_pending_restore(TwinPending *pending, uid_t uid, az_span patch);

/* The author is gone: the patch stays, but nobody waits for its result. */
void twin_pending_forget(TwinPending *pending, const void *author);

/* When the next batch is to be sent; UINT64_MAX: there is none, or one is in flight. */
uint64_t twin_pending_due_us(const TwinPending *pending);
bool twin_pending_is_in_flight(const TwinPending *pending);

/* Condition of twin_pending_begin(): nothing is left to be sent. */
#define TWIN_PENDING_NONE 2

/* Begins to send the next batch; *ret is its patch, valid until twin_pending_end(). 0; NONE; -ENOMEM. */
int twin_pending_begin(TwinPending *pending, az_span *ret);
/* What became of it; after RETRY it is the next batch again, without what has been overwritten since. */
void twin_pending_end(TwinPending *pending, const TwinReportResult *result);

/* Rises with each change of what twin_pending_format() writes. */
uint64_t twin_pending_get_generation(const TwinPending *pending);
/* How many patches there are. */
unsigned twin_pending_count(const TwinPending *pending);
bool twin_pending_is_empty(const TwinPending *pending);
/* Writes the array "patches" of {"uid", "patch"}: each is to be added, in this order, after a restart. */
void twin_pending_format(const TwinPending *pending, IpcJson *json);

/*
 * What it was at 'generation' is on disk (STORED), or cannot be written (STORAGE_FAILED): gives that result
 * to the authors that have waited since 'since_us' or longer. Their patches stay.
 */
void twin_pending_stored(TwinPending *pending, uint64_t generation, uint64_t since_us,
                         const TwinReportResult *result);
/* Since when the author has waited that waits longest; UINT64_MAX: none waits. */
uint64_t twin_pending_waiting_since_us(const TwinPending *pending);
