/* SPDX-License-Identifier: MIT */

/*
 * The next record after reader.read_sequence comes from the cache if it is recent; otherwise from a chunk of
 * its segment, which the disk thread reads. The first chunk of a segment begins at the segment's start, and
 * what is not above read_sequence is passed over, so that a place in the log is never more than a sequence.
 */

#include "daemon/outbox-internal.h"

static bool outbox_peek_cache(Outbox *o, SegmentRecord *ret, size_t *ret_size) {
        OutboxReader *reader = &o->reader;

        if (!reader->block) {
                reader->block = o->cache.first;
                reader->block_offset = 0;
        }
        while (reader->block) {
                while (reader->block_offset < reader->block->n_bytes) {
                        *ret_size = segment_record_view(ret, reader->block->bytes + reader->block_offset,
                                                        SEGMENT_VERSION);
                        if (ret->sequence > reader->read_sequence)
                                return true;
                        reader->block_offset += *ret_size;
                }
                /* The last block stays, so that the one appended next is found behind it. */
                if (!reader->block->next)
                        return false;
                reader->block = reader->block->next;
                reader->block_offset = 0;
        }
        return false;
}

static void chunk_run(DiskJob *job) {
        ReadJob *j = (ReadJob *) job;

        j->error = -disk_salvage_at(j->fd, j->buffer, j->n_bytes, j->offset);
}

/* What cannot be read may be another time: only after many tries does it count as lost. */
static bool chunk_is_given_up(Outbox *o) {
        OutboxReader *reader = &o->reader;

        if (reader->n_failures++ == 0)
                outbox_add_error(o, o->read.error, "Failed to read a part of the outbox");
        if (reader->n_failures < READ_TRIES_MAX) {
                reader->is_waiting = true;
                o->retry_us = o->now.boottime_us + STORAGE_RETRY_US;
                return false;
        }
        if (o->read.segment->header.generation == o->read.generation)
                o->read.segment->is_unreadable = true;
        return true;
}

static void chunk_done(DiskJob *job) {
        ReadJob *j = (ReadJob *) job;
        Outbox *o = j->outbox;

        j->is_busy = false;
        if (j->error == 0)
                o->reader.n_failures = 0;
        if (o->reader.is_stale || (j->error != 0 && !chunk_is_given_up(o)))
                j->generation = 0;
        if (!o->reader.is_waiting)
                outbox_add_event(o, &(OutboxEvent){ .type = OUTBOX_EVENT_READABLE });
}

/* Called when it is time to try again what has failed. */
void outbox_retry_read(Outbox *o) {
        if (!o->reader.is_waiting)
                return;
        o->reader.is_waiting = false;
        outbox_add_event(o, &(OutboxEvent){ .type = OUTBOX_EVENT_READABLE });
}

static void chunk_read(Outbox *o, OutboxSegment *segment, uint32_t offset) {
        ReadJob *j = &o->read;

        j->job = (DiskJob){ .run = chunk_run, .done = chunk_done };
        j->outbox = o;
        j->is_busy = true;
        j->segment = segment;
        j->fd = segment->fd;
        j->generation = segment->header.generation;
        j->offset = offset;
        j->n_bytes = MIN(CHUNK_BYTES, segment->tail - offset);
        o->reader.position = 0;
        o->reader.is_stale = false;
        disk_submit(o->disk, &j->job);
}

/* What was not read up to 'last' cannot be read, if there is any. */
static void outbox_lose_through(Outbox *o, OutboxSegment *segment, uint64_t last) {
        uint64_t first = o->reader.read_sequence + 1, n, n_doomed;

        if (last < first)
                return;

        n = MIN(segment->n_live, last - first + 1);
        segment_forget_unseen(segment, n);
        window_ack_range(&o->window, first, last);
        n_doomed = MIN(n, o->n_doomed);
        o->n_doomed -= n_doomed;
        o->n_dropped[OUTBOX_DROP_DAMAGED] += n - n_doomed;
        outbox_add_dropped(o, first, last, OUTBOX_DROP_DAMAGED);
        outbox_add_damaged(o, SEGMENT_NAME ": the messages %" PRIu64 "..%" PRIu64 " cannot be read",
                           segment->number, first, last);
        o->reader.read_sequence = last;
        outbox_advance(o);
}

/* Looks at the chunk's position. Returns true if the next record is there, else it has moved on or waits. */
static bool chunk_step(Outbox *o, OutboxSegment *segment, SegmentRecord *ret, size_t *ret_size) {
        OutboxReader *reader = &o->reader;
        az_span rest = az_span_create(o->read.buffer + reader->position,
                                      (int32_t) (o->read.n_bytes - reader->position));
        uint32_t offset = o->read.offset + reader->position;

        switch (segment_record_parse(ret, ret_size, rest, &segment->header, segment->header.first_sequence)) {
        case SEGMENT_RECORD_WHOLE:
                if ((ret->flags & SEGMENT_FILLER) != 0) /* recovery has reported what is lost */
                        reader->read_sequence = MAX(reader->read_sequence, ret->sequence);
                else if (ret->sequence > reader->read_sequence) {
                        outbox_lose_through(o, segment, ret->previous);
                        return true;
                }
                reader->position += (uint32_t) *ret_size;
                return false;

        case SEGMENT_RECORD_SHORT:
                if (reader->position > 0 && *ret_size <= segment->tail - offset) {
                        chunk_read(o, segment, offset);
                        return false;
                }
                reader->position += SEGMENT_RECORD_ALIGN;
                return false;

        case SEGMENT_RECORD_BAD_CONTENT:
                reader->position += (uint32_t) *ret_size;
                return false;

        case SEGMENT_RECORD_NONE:
                reader->position += SEGMENT_RECORD_ALIGN;
                return false;
        }
        return false;
}

static bool outbox_peek_disk(Outbox *o, SegmentRecord *ret, size_t *ret_size) {
        while (!o->read.is_busy && !o->reader.is_waiting) {
                OutboxSegment *segment = outbox_find_segment(o, o->reader.read_sequence + 1);

                if (!segment)
                        return false;
                if (o->read.generation != segment->header.generation)
                        chunk_read(o, segment, segment_first_offset(segment->header.version));
                else if (o->read.offset + o->reader.position >= segment->tail)
                        outbox_lose_through(o, segment, segment->last_sequence);
                else if (chunk_step(o, segment, ret, ret_size))
                        return true;
        }
        return false;
}

static bool outbox_peek(Outbox *o, SegmentRecord *ret, size_t *ret_size) {
        if (o->reader.read_sequence >= o->cache.after)
                return outbox_peek_cache(o, ret, ret_size);
        return outbox_peek_disk(o, ret, ret_size);
}

/* ---- Handing out ---- */

void outbox_advance(Outbox *o) {
        OutboxWindow *w = &o->window;
        OutboxSegment *active;
        uint64_t head;

        window_remove_acked(w, o->reader.read_sequence);
        head = w->n > 0 && !w->entries[0].is_acked ? w->entries[0].sequence : o->reader.read_sequence + 1;
        if (head == o->head)
                return;

        o->head = head;
        o->cursor_is_dirty = true;
        active = outbox_active(o);
        if (active && active->last_sequence < head)
                segment_forget_all(active);
        outbox_release(o);
        cache_trim(o);
}

/* Decides about the record that is next. True: it will not be sent, for the cause *ret. */
static bool outbox_drops(Outbox *o, const SegmentRecord *record, const WindowEntry *entry,
                         OutboxDropCause *ret) {
        if (!entry->was_sent && o->n_doomed > 0) {
                o->n_doomed--;
                *ret = OUTBOX_DROP_OLDER;
                return true;
        }
        if (record_is_expired(record, &o->now)) {
                o->n_dropped[OUTBOX_DROP_EXPIRED]++;
                *ret = OUTBOX_DROP_EXPIRED;
                return true;
        }
        return false;
}

/* The entry of a record, a new one if need be. NULL: the window is full. */
static WindowEntry *outbox_enter(Outbox *o, const SegmentRecord *record, size_t size) {
        WindowEntry *entry = window_find(&o->window, record->sequence);
        WindowEntry fresh = {
                .sequence = record->sequence,
                .realtime_us = record->realtime_us,
                .size = (uint32_t) size,
                .owner = record->owner,
        };

        return entry ? entry : window_insert(&o->window, &fresh);
}

/* The record is behind us without having been handed out now. */
static void outbox_pass(Outbox *o, WindowEntry *entry) {
        if (!entry->is_acked)
                segment_forget(outbox_find_segment(o, entry->sequence), entry);
        entry->is_acked = true;
        o->reader.read_sequence = entry->sequence;
        outbox_advance(o);
}

int outbox_next(Outbox *o, const OutboxTime *now, OutboxRecord *ret) {
        OutboxDropCause cause;
        SegmentRecord record;
        size_t size;

        o->now = *now;
        while (outbox_peek(o, &record, &size)) {
                WindowEntry *entry = outbox_enter(o, &record, size);

                if (!entry)
                        break;
                if (entry->is_acked) {
                        outbox_pass(o, entry);
                        continue;
                }
                if (outbox_drops(o, &record, entry, &cause)) {
                        outbox_add_dropped(o, record.sequence, record.sequence, cause);
                        outbox_pass(o, entry);
                        continue;
                }

                *ret = (OutboxRecord){
                        .sequence = record.sequence,
                        .properties = record.properties,
                        .body = record.body,
                        .realtime_us = record.realtime_us,
                        .age_us = record_age_us(&record, now),
                        .flags = record.user_flags,
                        .sent_before = entry->was_sent,
                };
                entry->was_sent = true;
                o->reader.read_sequence = record.sequence;
                o->reader.realtime_us = record.realtime_us;
                return 1;
        }
        outbox_prepare(o);
        return 0;
}

static void done_with(Outbox *o, WindowEntry *entry) {
        entry->is_acked = true;
        o->cursor_is_dirty = true;
        segment_forget(outbox_find_segment(o, entry->sequence), entry);
        outbox_advance(o);
        outbox_prepare(o);
        if (o->config.max_messages > 0)
                outbox_add_space(o);
}

void outbox_acked(Outbox *o, uint64_t sequence) {
        WindowEntry *entry = window_find(&o->window, sequence);

        if (!entry || entry->is_acked)
                return;
        o->traffic.n_delivered++;
        done_with(o, entry);
}

void outbox_give_up(Outbox *o, uint64_t sequence, OutboxDropCause cause) {
        WindowEntry *entry = window_find(&o->window, sequence);

        if (!entry || entry->is_acked)
                return;
        o->n_dropped[cause]++;
        done_with(o, entry);
}

void outbox_rewind(Outbox *o) {
        const OutboxWindow *w = &o->window;

        if (w->n == 0 || w->entries[0].is_acked)
                return;

        o->reader.read_sequence = w->entries[0].sequence - 1;
        o->reader.block = NULL;
        o->reader.is_stale = true;
        if (!o->read.is_busy)
                o->read.generation = 0;
}
