/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-internal.h"

OutboxSegment *outbox_active(const Outbox *o) {
        OutboxSegment *last = o->n_log > 0 ? o->log[o->n_log - 1] : NULL;

        return last && last->state == SEGMENT_ACTIVE ? last : NULL;
}

/* The segment that the first record at or above 'sequence' is in. */
OutboxSegment *outbox_find_segment(const Outbox *o, uint64_t sequence) {
        for (size_t i = 0; i < o->n_log; i++)
                if (o->log[i]->last_sequence >= sequence)
                        return o->log[i];
        return NULL;
}

uint64_t outbox_count_live(const Outbox *o) {
        uint64_t n = 0;

        for (size_t i = 0; i < o->n_log; i++)
                n += o->log[i]->n_live;
        return n - MIN(n, o->n_doomed);
}

int segment_reserve(OutboxSegment *segment, uint32_t owner) {
        return owner_uses_reserve(&segment->owners, owner);
}

void segment_count(OutboxSegment *segment, uint32_t owner, uint64_t n_bytes) {
        segment->n_live++;
        segment->live_bytes += n_bytes;
        owner_uses_add(&segment->owners, owner, n_bytes);
}

void segment_forget_all(OutboxSegment *segment) {
        segment->n_live = 0;
        segment->live_bytes = 0;
        owner_uses_clear(&segment->owners);
}

/* Whose they were, and how large, nobody knows: that remains until the others are gone too. */
void segment_forget_unseen(OutboxSegment *segment, uint64_t n) {
        segment->n_live -= MIN(n, segment->n_live);
        if (segment->n_live == 0)
                segment_forget_all(segment);
}

void segment_forget(OutboxSegment *segment, const WindowEntry *entry) {
        segment->live_bytes -= MIN(entry->size, segment->live_bytes);
        owner_uses_remove(&segment->owners, entry->owner, entry->size);
        segment_forget_unseen(segment, 1);
}

OwnerUse outbox_get_use(const Outbox *o, uint32_t owner) {
        OwnerUse sum = { .owner = owner };

        for (size_t i = 0; i < o->n_log; i++) {
                OwnerUse use = owner_uses_get(&o->log[i]->owners, owner);

                sum.n_messages += use.n_messages;
                sum.n_bytes += use.n_bytes;
        }
        return sum;
}

/* ---- Time to live ---- */

void segment_note_expiry(OutboxSegment *segment, const SegmentRecord *record, uint64_t boot) {
        uint64_t ttl_us = record->ttl_s * USEC_PER_SEC;

        if (record->ttl_s == 0)
                segment->expires_boottime_us = UINT64_MAX;
        else if (record->boot == (uint32_t) boot)
                segment->expires_boottime_us =
                        MAX(segment->expires_boottime_us, record->boottime_us + ttl_us);
        else
                segment->expires_realtime_us =
                        MAX(segment->expires_realtime_us, record->realtime_us + ttl_us);
}

static bool segment_is_expired(const OutboxSegment *segment, const OutboxTime *now) {
        return segment->last_sequence > 0 && now->boottime_us >= segment->expires_boottime_us &&
               now->realtime_us >= segment->expires_realtime_us;
}

uint64_t record_age_us(const SegmentRecord *record, const OutboxTime *now) {
        bool is_of_boot = record->boot == (uint32_t) now->boot;
        uint64_t then_us = is_of_boot ? record->boottime_us : record->realtime_us;
        uint64_t now_us = is_of_boot ? now->boottime_us : now->realtime_us;

        /* While the wall clock is behind the record it was reset, and says nothing about age. */
        return now_us > then_us ? now_us - then_us : 0;
}

bool record_is_expired(const SegmentRecord *record, const OutboxTime *now) {
        return record->ttl_s > 0 && record_age_us(record, now) >= record->ttl_s * USEC_PER_SEC;
}

/* ---- Giving back ---- */

void segment_free(OutboxSegment *segment, uint64_t head) {
        owner_uses_clear(&segment->owners);
        *segment = (OutboxSegment){
                .owners = segment->owners,
                .state = segment->is_unreadable ? SEGMENT_UNUSABLE : SEGMENT_FREE,
                .number = segment->number,
                .fd = segment->fd,
                .freed_head = head,
                .header.n_bytes = segment->header.n_bytes,
        };
}

/* By the disk thread. Or by the next start: the cursor on disk does not say yet that it is free. */
static bool is_in_use(const Outbox *o, const OutboxSegment *segment) {
        return segment->freed_head > o->cursor_synced_lowest ||
               (o->read.is_busy && o->read.fd == segment->fd) ||
               (o->sync.is_busy && o->sync.fd == segment->fd);
}

static size_t count_files(const Outbox *o) {
        size_t n = 0;

        for (size_t i = 0; i < o->n_segments; i++)
                n += o->segments[i].fd >= 0;
        return n;
}

/* One of another size would be made anew. */
static bool is_surplus(const Outbox *o, const OutboxSegment *segment, size_t n_files) {
        return segment->state == SEGMENT_FREE &&
               (n_files > o->n_segments_max || segment->header.n_bytes != o->config.segment_bytes);
}

bool outbox_has_surplus(const Outbox *o) {
        size_t n_files = count_files(o);

        for (size_t i = 0; i < o->n_segments; i++)
                if (is_surplus(o, &o->segments[i], n_files))
                        return true;
        return false;
}

void outbox_delete_surplus(Outbox *o) {
        size_t n_files = count_files(o);

        for (size_t i = 0; i < o->n_segments; i++) {
                OutboxSegment *segment = &o->segments[i];
                char name[OUTBOX_NAME_MAX];

                if (!is_surplus(o, segment, n_files) || is_in_use(o, segment))
                        continue;
                (void) snprintf(name, sizeof(name), SEGMENT_NAME, segment->number);
                if (unlinkat(o->directory_fd, name, 0) < 0)
                        continue;
                segment->fd = close_fd(segment->fd);
                segment->state = SEGMENT_ABSENT;
                n_files--;
        }
}

void outbox_release(Outbox *o) {
        size_t n = 0;

        while (n < o->n_log && o->log[n]->last_sequence < o->head && o->log[n]->state == SEGMENT_SEALED) {
                outbox_add_synced(o, o->log[n]->last_sequence);
                segment_free(o->log[n++], o->head);
        }
        if (n == 0)
                return;

        o->n_log -= n;
        memmove(o->log, o->log + n, o->n_log * sizeof(*o->log));
}

void outbox_drop_segment(Outbox *o, const OutboxSegment *segment, OutboxDropCause cause) {
        uint64_t first = o->head, last = segment->last_sequence, n = 0, n_doomed;

        for (size_t i = 0; i < o->n_log && o->log[i]->last_sequence <= last; i++) {
                n += o->log[i]->n_live;
                segment_forget_all(o->log[i]);
        }
        n_doomed = MIN(n, o->n_doomed);
        o->n_doomed -= n_doomed;
        o->n_dropped[cause] += n - n_doomed;
        if (n > 0)
                outbox_add_dropped(o, first, last, cause);

        o->reader.read_sequence = MAX(o->reader.read_sequence, last);
        window_remove_through(&o->window, last);
        outbox_advance(o);
}

void outbox_drop_expired_segments(Outbox *o) {
        while (o->n_log > 0 && o->log[0]->n_live > 0 && segment_is_expired(o->log[0], &o->now))
                outbox_drop_segment(o, o->log[0], OUTBOX_DROP_EXPIRED);
}

void outbox_drop_expired(Outbox *o, const OutboxTime *now) {
        o->now = *now;
        outbox_drop_expired_segments(o);
}

/* Only what was not handed out can still be doomed. It is dropped when its turn comes. */
void outbox_doom(Outbox *o, uint64_t n) {
        uint64_t n_live = outbox_count_live(o);

        n = MIN(n, n_live - MIN(n_live, window_count_unacked(&o->window)));
        o->n_doomed += n;
        o->n_dropped[OUTBOX_DROP_OLDER] += n;
}
