/* SPDX-License-Identifier: MIT */

/*
 * One list per stage, in the order in which the waits came. Sequences rise, so a list is nearly sorted by
 * 'last' and what is reached stands at its head: only a Flush, which waits for older messages, can be behind
 * its place, and it is reached when it gets to the head.
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

typedef TAILQ_HEAD(StageWaitList, StageWait) StageWaitList;

struct StageWaits {
        StageWaitList lists[_STAGE_MAX];
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
        StageWait *wait;

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
        TAILQ_INSERT_TAIL(&waits->lists[stage], wait, link);
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

void stage_waits_failed(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, StageOutcome outcome,
                        int error) {
        StageWait *wait, *next;

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
        uint64_t earliest_us = UINT64_MAX;
        StageWait *wait, *next;

        if (now_us < waits->deadline_us)
                return;

        for (int stage = 0; stage < _STAGE_MAX; stage++)
                for (wait = TAILQ_FIRST(&waits->lists[stage]); wait; wait = next) {
                        next = TAILQ_NEXT(wait, link);
                        if (wait->deadline_us <= now_us)
                                wait_end(waits, wait, STAGE_TIMEOUT, 0);
                        else
                                earliest_us = MIN(earliest_us, wait->deadline_us);
                }
        waits->deadline_us = earliest_us;
}
