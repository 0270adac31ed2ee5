/* SPDX-License-Identifier: MIT */

/*
 * Group commit: one sync is under way at a time, of the oldest segment that needs one; it takes with it
 * whatever had been appended when it was submitted. Whoever asks meanwhile is answered by the next one.
 */

#include "daemon/outbox-internal.h"

#include <assert.h>

static void sync_run(DiskJob *job) {
        SyncJob *s = (SyncJob *) job;

        s->error = fdatasync(s->fd) < 0 ? errno : 0;
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
