/* SPDX-License-Identifier: MIT */

/*
 * Group commit: one sync is under way at a time, of the oldest segment that needs one; it takes with it
 * whatever had been appended when it was submitted. Whoever asks meanwhile is answered by the next one. What
 * nobody asks for is synced when the first of it has waited for the interval, unless the hub has it by then.
 */

#include "daemon/outbox-internal.h"

#include <assert.h>

static void sync_run(DiskJob *job) {
        SyncJob *s = (SyncJob *) job;

        uint64_t begun_us = boottime_us();

        s->error = fdatasync(s->fd) < 0 ? errno : 0;
        s->took_us = boottime_us() - begun_us;
}

/* After a failure the kernel forgets what it could not write, so the answer is final and the segment retires.
 */
static void sync_failed(Outbox *o, uint64_t first, uint64_t last, int error) {
        OutboxSegment *segment = outbox_find_segment(o, last);

        segment->unsynced_first = segment->unsynced_last > 0 ? MIN(segment->unsynced_first, first) : first;
        segment->unsynced_last = last;
        if (segment->state == SEGMENT_ACTIVE)
                segment->state = SEGMENT_SEALED;

        o->storage_errno = error;
        o->synced_sequence = last;
        outbox_add_event(
                o, &(OutboxEvent){
                           .type = OUTBOX_EVENT_SYNC_FAILED, .first = first, .last = last, .error = error });
}

static void sync_done(DiskJob *job) {
        SyncJob *s = (SyncJob *) job;
        Outbox *o = s->outbox;

        s->is_busy = false;
        histogram_add(&o->traffic.syncs, s->took_us);
        /* If the hub has acknowledged everything meanwhile, the waiting ones have been answered. */
        if (s->last_sequence > o->synced_sequence) {
                if (s->error == 0)
                        outbox_add_synced(o, s->last_sequence);
                else
                        sync_failed(o, o->synced_sequence + 1, s->last_sequence, s->error);
        }
        outbox_sync(o);
        outbox_prepare(o);
}

void outbox_sync(Outbox *o) {
        SyncJob *s = &o->sync;
        OutboxSegment *segment;

        if (s->is_busy || o->wanted_sequence <= o->synced_sequence)
                return;

        segment = outbox_find_segment(o, o->synced_sequence + 1);
        *s = (SyncJob){
                .job = { .run = sync_run, .done = sync_done },
                .outbox = o,
                .is_busy = true,
                .fd = segment->fd,
                .last_sequence = segment->last_sequence,
        };
        disk_submit(o->disk, &s->job);
}

/* Those who wait are told; what the hub has is as good as synced. */
void outbox_add_synced(Outbox *o, uint64_t last) {
        bool is_awaited = o->wanted_sequence > o->synced_sequence;

        if (last <= o->synced_sequence)
                return;
        o->synced_sequence = last;
        if (is_awaited)
                outbox_add_event(o, &(OutboxEvent){ .type = OUTBOX_EVENT_SYNCED, .last = last });
}

/* Up to here there is nothing to do: it is synced, will be, or the hub has it. */
static uint64_t outbox_settled_sequence(const Outbox *o) {
        return MAX(MAX(o->wanted_sequence, o->synced_sequence), o->head - 1);
}

void outbox_begin_interval(Outbox *o) {
        if (o->last_sequence <= outbox_settled_sequence(o))
                o->sync_due_us = o->now.boottime_us + o->config.sync_interval_us;
}

uint64_t outbox_sync_deadline_us(const Outbox *o) {
        if (o->config.sync_interval_us == 0 || o->last_sequence <= outbox_settled_sequence(o))
                return UINT64_MAX;
        return o->sync_due_us;
}

void outbox_sync_due(Outbox *o) {
        if (o->now.boottime_us < outbox_sync_deadline_us(o))
                return;
        o->wanted_sequence = o->last_sequence;
        outbox_sync(o);
}

int outbox_request_sync(Outbox *o, uint64_t sequence) {
        const OutboxSegment *segment;

        assert(sequence <= o->last_sequence);

        if (sequence > o->synced_sequence) {
                o->wanted_sequence = MAX(o->wanted_sequence, sequence);
                outbox_sync(o);
                return 0;
        }

        segment = outbox_find_segment(o, sequence);
        if (segment && segment->unsynced_last > 0 && segment->unsynced_first <= sequence &&
            sequence <= segment->unsynced_last)
                return OUTBOX_STORAGE_FAILED;
        return OUTBOX_SYNCED;
}
