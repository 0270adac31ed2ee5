/* SPDX-License-Identifier: MIT */

#include "daemon/telemetry-internal.h"

static int error_stage(IpcCall *call, StageOutcome outcome, int error) {
        static const char *const reasons[] = {
                [STAGE_EXPIRED] = "expired",
                [STAGE_DROPPED] = "dropped",
                [STAGE_REFUSED] = "refused",
                [STAGE_TIMEOUT] = "timeout",
        };

        if (outcome == STAGE_STORAGE_FAILED)
                return ipc_call_error_cstring(call, ERROR_NAME("StorageFailed"), "reason", strerror(error));
        return ipc_call_error_cstring(call, ERROR_NAME("NotDelivered"), "reason", reasons[outcome]);
}

static void pending_cancel(PendingReply *pending) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                if (pending->waits[p].wait)
                        stage_wait_cancel(pending->telemetry->waits[p], pending->waits[p].wait);
        free(pending);
}

static void on_stage(void *userdata, StageOutcome outcome, int error) {
        PendingWait *wait = userdata;
        PendingReply *pending = wait->pending;

        wait->wait = NULL;
        for (Priority p = 0; p < _PRIORITY_MAX && outcome == STAGE_REACHED; p++)
                if (pending->waits[p].wait)
                        return;

        if (outcome == STAGE_REACHED)
                (void) pending->reply(pending->call, pending);
        else
                (void) error_stage(pending->call, outcome, error);
        pending_cancel(pending);
}

static void on_gone(IpcCall *call, void *userdata) {
        pending_cancel(userdata);
}

/* Whether 'stage' is reached already; otherwise asks for it. A condition of outbox_request_sync(), or 0. */
static int stage_request(Telemetry *t, Priority priority, Stage stage, uint64_t last) {
        Outbox *outbox = outboxes_get(t->outboxes, priority);

        if (stage == STAGE_ACCEPTED || last == 0)
                return OUTBOX_SYNCED;
        if (stage == STAGE_DURABLE)
                return outbox_request_sync(outbox, last);
        return outbox_get_head(outbox) > last ? OUTBOX_SYNCED : 0;
}

/* Waits until all priorities in 'is_awaited' have reached 'stage'. */
static int reply_later(Telemetry *t, const PendingReply *template, const bool is_awaited[_PRIORITY_MAX],
                       Stage stage, int64_t timeout_s) {
        uint64_t deadline_us = boottime_us() + (uint64_t) timeout_s * USEC_PER_SEC;
        PendingReply *pending;
        int r = 0;

        pending = malloc(sizeof(*pending));
        if (!pending)
                return -ENOMEM;
        *pending = *template;

        for (Priority p = 0; p < _PRIORITY_MAX && r >= 0; p++) {
                pending->waits[p].pending = pending;
                if (is_awaited[p])
                        r = stage_wait_add(t->waits[p], stage, pending->ranges[p].first,
                                           pending->ranges[p].last, deadline_us, on_stage, &pending->waits[p],
                                           &pending->waits[p].wait);
        }
        if (r < 0) {
                pending_cancel(pending);
                return r;
        }
        ipc_call_set_on_gone(template->call, on_gone, pending);
        return IPC_DEFERRED;
}

int telemetry_reply_at_stage(Telemetry *t, const PendingReply *template, Stage stage, int64_t timeout_s) {
        bool is_awaited[_PRIORITY_MAX] = {}, is_reached = true;

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                const Range *range = &template->ranges[p];
                StageOutcome outcome;
                int r, error;

                /* Of a Flush: what it asks about may have failed before it came. */
                if (stage_waits_find_failure(t->waits[p], stage, range->first, range->last, &outcome, &error))
                        return error_stage(template->call, outcome, error);

                r = stage_request(t, p, stage, range->last);
                if (r == OUTBOX_STORAGE_FAILED)
                        return error_stage(template->call, STAGE_STORAGE_FAILED,
                                           outbox_storage_errno(outboxes_get(t->outboxes, p)));
                is_awaited[p] = r == 0;
                is_reached = is_reached && !is_awaited[p];
        }
        if (is_reached)
                return template->reply(template->call, template);
        return reply_later(t, template, is_awaited, stage, timeout_s);
}
