/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who waits for which messages to come how far. A wait covers the sequences first..last and ends exactly
 * once, through StageDone: when all of them have reached its stage, when one of them never will, or when its
 * time is over. It does no I/O and reads no clock.
 */

#include "daemon/outbox.h"

/* How far a message has come; the names are those of io.aziotd.telemetry. */
typedef enum Stage {
        STAGE_ACCEPTED,  /* in the outbox: it survives the daemon */
        STAGE_DURABLE,   /* synced: it survives a power cut */
        STAGE_DELIVERED, /* acknowledged by the hub */
        _STAGE_MAX,
        _STAGE_INVALID = -EINVAL,
} Stage;

/* In the order of Stage and ended by NULL, for IPC_FIELD_ENUM. */
extern const char *const stage_names[];

typedef enum StageOutcome {
        STAGE_REACHED,
        STAGE_EXPIRED,        /* the message's time to live ran out */
        STAGE_DROPPED,        /* it made room for others, or the disk lost it */
        STAGE_REFUSED,        /* it cannot be sent to the hub at all */
        STAGE_TIMEOUT,        /* the wait's own limit; the message goes on */
        STAGE_STORAGE_FAILED, /* the sync failed, with 'error' */
        _STAGE_OUTCOME_MAX,
} StageOutcome;

typedef struct StageWaits StageWaits;
typedef struct StageWait StageWait;

/* 'error' is an errno, or 0. Must not call back into the waits, except to add one. */
typedef void (*StageDone)(void *userdata, StageOutcome outcome, int error);

int stage_waits_new(StageWaits **ret);
/* Forgets what still waits, without a word. */
StageWaits *stage_waits_free(StageWaits *waits);
DEFINE_CLEANUP(StageWaits *, stage_waits_free)

/* 'stage' is DURABLE or DELIVERED. The wait is valid until its StageDone or stage_wait_cancel(). -ENOMEM. */
int stage_wait_add(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, uint64_t deadline_us,
                   StageDone done, void *userdata, StageWait **ret);
/* Ends a wait without its StageDone. */
void stage_wait_cancel(StageWaits *waits, StageWait *wait);

/* Every message up to 'last' has reached 'stage', but those that stage_waits_failed() named before. */
void stage_waits_reached(StageWaits *waits, Stage stage, uint64_t last);
/* first..last will not reach 'stage'. */
void stage_waits_failed(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, StageOutcome outcome,
                        int error);

/* Whether stage_waits_failed() has named one of first..last before, and what it said then. */
bool stage_waits_find_failure(const StageWaits *waits, Stage stage, uint64_t first, uint64_t last,
                              StageOutcome *ret_outcome, int *ret_error);

uint64_t stage_waits_deadline_us(const StageWaits *waits); /* UINT64_MAX: no timer */
void stage_waits_run_due(StageWaits *waits, uint64_t now_us);
