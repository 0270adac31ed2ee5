/* SPDX-License-Identifier: MIT */

/*
 * One list per stage, sorted by 'last', so that what is reached stands at its head. Sequences rise, so a new
 * wait belongs at the tail or, if it is for older messages (a Flush), near it.
 *
 * What has failed is remembered for the waits that come later: the last FAILURES_MAX ranges, of which
 * neighbours are one. When there are more, the two oldest become one with all that is in between: a wait that
 * goes back so far may hear of a failure that was not its own, but never misses one.
 */

#include "daemon/stage.h"

#include <assert.h>
#include <sys/queue.h>

struct StageWait {
        TAILQ_ENTRY(StageWait) link;
        Stage stage;
        uint64_t first, last;
        uint64_t deadline_us;
        StageDone done;
        void *userdata;
};

/* An outage makes one range of what expired in it. */
#define FAILURES_MAX 16U

typedef struct StageFailure {
        uint64_t first, last;
        StageOutcome outcome;
        int error;
} StageFailure;

typedef TAILQ_HEAD(StageWaitList, StageWait) StageWaitList;

struct StageWaits {
        StageWaitList lists[_STAGE_MAX];
        StageFailure failures[_STAGE_MAX][FAILURES_MAX];
        size_t n_failures[_STAGE_MAX];
        /* No wait ends before this; it may be too early after a wait has gone. */
        uint64_t deadline_us;
};

const char *const stage_names[] = {
        [STAGE_ACCEPTED] = "accepted",
        [STAGE_DURABLE] = "durable",
        [STAGE_DELIVERED] = "delivered",
        NULL,
};

int stage_waits_new(StageWaits **ret) {
        StageWaits *waits;

        waits = malloc(sizeof(*waits));
        if (!waits)
                return -ENOMEM;

        *waits = (StageWaits){ .deadline_us = UINT64_MAX };
        for (int stage = 0; stage < _STAGE_MAX; stage++)
                TAILQ_INIT(&waits->lists[stage]);
        *ret = waits;
        return 0;
}

StageWaits *stage_waits_free(StageWaits *waits) {
        StageWait *wait;

        if (!waits)
                return NULL;

        for (int stage = 0; stage < _STAGE_MAX; stage++)
                while ((wait = TAILQ_FIRST(&waits->lists[stage])))
                        stage_wait_cancel(waits, wait);
        free(waits);
        return NULL;
}

int stage_wait_add(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, uint64_t deadline_us,
                   StageDone done, void *userdata, StageWait **ret) {
        StageWait *wait, *before;

        assert(stage == STAGE_DURABLE || stage == STAGE_DELIVERED);

        wait = malloc(sizeof(*wait));
        if (!wait)
                return -ENOMEM;

        *wait = (StageWait){
                .stage = stage,
                .first = first,
                .last = last,
                .deadline_us = deadline_us,
                .done = done,
                .userdata = userdata,
        };
        TAILQ_FOREACH_REVERSE(before, &waits->lists[stage], StageWaitList, link)
        /* cppcheck-suppress nullPointerRedundantCheck ; it does not know that the line above is a loop */
        if (before->last <= last)
                break;
        if (before)
                TAILQ_INSERT_AFTER(&waits->lists[stage], before, wait, link);
        else
                TAILQ_INSERT_HEAD(&waits->lists[stage], wait, link);
        waits->deadline_us = MIN(waits->deadline_us, deadline_us);
        *ret = wait;
        return 0;
}

void stage_wait_cancel(StageWaits *waits, StageWait *wait) {
        TAILQ_REMOVE(&waits->lists[wait->stage], wait, link);
        free(wait);
}

static void wait_end(StageWaits *waits, StageWait *wait, StageOutcome outcome, int error) {
        StageDone done = wait->done;
        void *userdata = wait->userdata;

        stage_wait_cancel(waits, wait);
        done(userdata, outcome, error);
}

void stage_waits_reached(StageWaits *waits, Stage stage, uint64_t last) {
        StageWait *wait;

        while ((wait = TAILQ_FIRST(&waits->lists[stage])) && wait->last <= last)
                wait_end(waits, wait, STAGE_REACHED, 0);
}

static void failure_remember(StageWaits *waits, Stage stage, const StageFailure *failure) {
        StageFailure *failures = waits->failures[stage];
        size_t n = waits->n_failures[stage];

        if (n > 0 && failures[n - 1].last + 1 == failure->first &&
            failures[n - 1].outcome == failure->outcome) {
                failures[n - 1].last = failure->last;
                return;
        }
        if (n == FAILURES_MAX) {
                failures[1].first = MIN(failures[0].first, failures[1].first);
                failures[1].last = MAX(failures[0].last, failures[1].last);
                memmove(failures, failures + 1, --n * sizeof(*failures));
        }
        failures[n] = *failure;
        waits->n_failures[stage] = n + 1;
}

bool stage_waits_find_failure(const StageWaits *waits, Stage stage, uint64_t first, uint64_t last,
                              StageOutcome *ret_outcome, int *ret_error) {
        const StageFailure *failures = waits->failures[stage];

        for (size_t i = 0; i < waits->n_failures[stage]; i++)
                if (failures[i].first <= last && failures[i].last >= first) {
                        *ret_outcome = failures[i].outcome;
                        *ret_error = failures[i].error;
                        return true;
                }
        return false;
}

void stage_waits_failed(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, StageOutcome outcome,
                        int error) {
        StageWait *wait, *next;

        failure_remember(waits, stage, &(StageFailure){ first, last, outcome, error });
        for (wait = TAILQ_FIRST(&waits->lists[stage]); wait; wait = next) {
                next = TAILQ_NEXT(wait, link);
                if (wait->first <= last && wait->last >= first)
                        wait_end(waits, wait, outcome, error);
        }
}

uint64_t stage_waits_deadline_us(const StageWaits *waits) {
        return waits->deadline_us;
}

void stage_waits_run_due(StageWaits *waits, uint64_t now_us) {
        StageWait *wait, *next;

        if (now_us < waits->deadline_us)
                return;

        waits->deadline_us = UINT64_MAX; /* until the ones that go on, and those that are added, say so */
        for (int stage = 0; stage < _STAGE_MAX; stage++)
                for (wait = TAILQ_FIRST(&waits->lists[stage]); wait; wait = next) {
                        next = TAILQ_NEXT(wait, link);
                        if (wait->deadline_us <= now_us)
                                wait_end(waits, wait, STAGE_TIMEOUT, 0);
                        else
                                waits->deadline_us = MIN(waits->deadline_us, wait->deadline_us);
                }
}
