/* SPDX-License-Identifier: MIT */

#include "daemon/sender.h"

/* So often is looked at again what was in flight when its time was over. */
#define IN_FLIGHT_INTERVAL_US (5 * USEC_PER_SEC)

static int error_stage(const Sender *s, IpcCall *call, StageOutcome outcome, int error) {
        static const char *const reasons[] = {
                [STAGE_EXPIRED] = "expired",
                [STAGE_DROPPED] = "dropped",
                [STAGE_REFUSED] = "refused",
                [STAGE_TIMEOUT] = "timeout",
        };
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (outcome == STAGE_STORAGE_FAILED)
                return sender_error_storage(s, call, error);

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "reason", reasons[outcome]);
        if (outcome == STAGE_REFUSED && s->write_refusal)
                s->write_refusal(&json, error);
        ipc_json_end(&json);
        return sender_error_json(s, call, "NotDelivered", &json);
}

static void pending_cancel(PendingReply *pending) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                if (pending->waits[p].wait)
                        stage_wait_cancel(pending->sender->waits[p], pending->waits[p].wait);
        free(pending);
}

static int wait_begin(PendingReply *pending, Priority priority, uint64_t deadline_us);

/* Some of the messages were handed out and are not acknowledged. */
static bool is_in_flight(const PendingReply *pending, Priority priority) {
        const Outbox *outbox = outboxes_get(pending->sender->outboxes, priority);
        uint64_t first = MAX(pending->ranges[priority].first, outbox_get_head(outbox));

        return first <= MIN(pending->ranges[priority].last, outbox_get_last_handed_out(outbox));
}

/* What is in flight when its time is over may still arrive. */
static bool wait_again(PendingReply *pending, Priority priority, uint64_t now_us) {
        return now_us < pending->timeout_us &&
               wait_begin(pending, priority, MIN(pending->timeout_us, now_us + IN_FLIGHT_INTERVAL_US)) >= 0;
}

static bool is_waiting(const PendingReply *pending) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                if (pending->waits[p].wait)
                        return true;
        return false;
}

static void on_stage(void *userdata, StageOutcome outcome, int error) {
        PendingWait *wait = userdata;
        PendingReply *pending = wait->pending;
        Priority priority = (Priority) (wait - pending->waits);
        uint64_t now_us = boottime_us();

        wait->wait = NULL;
        if (outcome == STAGE_REACHED && is_waiting(pending))
                return;
        if (outcome == STAGE_TIMEOUT && now_us >= pending->expires_us) {
                /* The outbox drops it when its turn comes; until then nobody else tells. */
                if (!is_in_flight(pending, priority))
                        outcome = STAGE_EXPIRED;
                else if (wait_again(pending, priority, now_us))
                        return;
        }

        if (outcome == STAGE_REACHED)
                (void) pending->reply(pending->call, pending);
        else
                (void) error_stage(pending->sender, pending->call, outcome, error);
        pending_cancel(pending);
}

static int wait_begin(PendingReply *pending, Priority priority, uint64_t deadline_us) {
        const Range *range = &pending->ranges[priority];
        PendingWait *wait = &pending->waits[priority];

        wait->pending = pending;
        return stage_wait_add(pending->sender->waits[priority], pending->stage, range->first, range->last,
                              deadline_us, on_stage, wait, &wait->wait);
}

static void on_gone(IpcCall *call, void *userdata) {
        pending_cancel(userdata);
}

/* Whether 'stage' is reached already; otherwise asks for it. A condition of outbox_request_sync(), or 0. */
static int stage_request(const Sender *s, Priority priority, Stage stage, uint64_t last) {
        Outbox *outbox = outboxes_get(s->outboxes, priority);

        if (stage == STAGE_ACCEPTED || last == 0)
                return OUTBOX_SYNCED;
        if (stage == STAGE_DURABLE)
                return outbox_request_sync(outbox, last);
        return outbox_get_head(outbox) > last ? OUTBOX_SYNCED : 0;
}

/* Waits until all priorities in 'is_awaited' have reached the stage. */
static int reply_later(const PendingReply *template, const bool is_awaited[_PRIORITY_MAX]) {
        uint64_t deadline_us = template->timeout_us;
        PendingReply *pending;
        int r = 0;

        if (template->stage == STAGE_DELIVERED)
                deadline_us = MIN(deadline_us, template->expires_us);

        pending = malloc(sizeof(*pending));
        if (!pending)
                return -ENOMEM;
        *pending = *template;

        for (Priority p = 0; p < _PRIORITY_MAX && r >= 0; p++)
                if (is_awaited[p])
                        r = wait_begin(pending, p, deadline_us);
        if (r < 0) {
                pending_cancel(pending);
                return r;
        }
        ipc_call_set_on_gone(template->call, on_gone, pending);
        return IPC_DEFERRED;
}

int sender_reply_at_stage(const PendingReply *template) {
        bool is_awaited[_PRIORITY_MAX] = {}, is_reached = true;
        const Sender *s = template->sender;

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                const Range *range = &template->ranges[p];
                StageOutcome outcome;
                int r, error;

                /* Of a Flush: what it asks about may have failed before it came. */
                if (stage_waits_find_failure(s->waits[p], template->stage, range->first, range->last,
                                             &outcome, &error))
                        return error_stage(s, template->call, outcome, error);

                r = stage_request(s, p, template->stage, range->last);
                if (r == OUTBOX_STORAGE_FAILED)
                        return error_stage(s, template->call, STAGE_STORAGE_FAILED,
                                           outbox_storage_errno(outboxes_get(s->outboxes, p)));
                is_awaited[p] = r == 0;
                is_reached = is_reached && !is_awaited[p];
        }
        if (is_reached)
                return template->reply(template->call, template);
        return reply_later(template, is_awaited);
}
