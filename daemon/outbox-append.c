/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-internal.h"

#include <assert.h>

void cache_remove_first(Outbox *o) {
        OutboxCache *cache = &o->cache;
        CacheBlock *block = cache->first;

        cache->first = block->next;
        if (!cache->first)
                cache->last = NULL;
        cache->n_bytes -= block->n_bytes;
        cache->after = block->last_sequence;
        if (o->reader.block == block)
                o->reader.block = NULL;
        free(block);
}

void cache_trim(Outbox *o) {
        const OutboxCache *cache = &o->cache;

        while (cache->first && (cache->n_bytes > CACHE_BYTES_MAX || cache->first->last_sequence < o->head))
                cache_remove_first(o);
}

static void cache_add(OutboxCache *cache, CacheBlock *block) {
        if (cache->last)
                cache->last->next = block;
        else
                cache->first = block;
        cache->last = block;
        cache->n_bytes += block->n_bytes;
}

/* Room in the sense of max_messages. */
static int append_count(Outbox *o, size_t n) {
        uint64_t n_live, max = o->config.max_messages;

        if (max == 0)
                return 0;
        if (n > max)
                return OUTBOX_TOO_LARGE;

        n_live = outbox_count_live(o);
        if (n_live + n > max) {
                outbox_drop_expired_segments(o);
                n_live = outbox_count_live(o);
        }
        if (n_live + n <= max)
                return 0;
        if (o->config.policy == OUTBOX_REJECT)
                return OUTBOX_FULL;

        outbox_doom(o, n_live + n - max);
        return 0;
}

/* Makes the active segment one that has room for 'size' bytes. */
static int append_room(Outbox *o, size_t size) {
        OutboxSegment *active = outbox_active(o);

        if (active && size <= active->header.n_bytes - active->tail)
                return 0;

        /* It was made before segments got another size: outbox_configure(). */
        if (o->ready && size > o->ready->header.n_bytes - SEGMENT_HEADER_BYTES) {
                o->ready->state = SEGMENT_FREE;
                o->ready = NULL;
        }
        if (!o->ready) {
                outbox_prepare(o);
                if (o->prepare.error != 0 || o->cursor.error != 0 || o->directory_fd < 0)
                        return OUTBOX_STORAGE_FAILED;
                return o->prepare.segment || o->prepare.waits_for_cursor ? OUTBOX_BUSY : OUTBOX_FULL;
        }

        if (active)
                active->state = SEGMENT_SEALED;
        o->ready->state = SEGMENT_ACTIVE;
        o->log[o->n_log++] = TAKE_PTR(o->ready);
        outbox_release(o);
        outbox_prepare(o);
        return 0;
}

size_t outbox_message_bytes(const OutboxMessage *message) {
        return segment_record_size(SEGMENT_VERSION, (size_t) az_span_size(message->properties),
                                   (size_t) az_span_size(message->body));
}

/* Writes the batch into 'block' as it will be in the segment. */
static void append_format(const Outbox *o, OutboxSegment *active, const OutboxMessage *messages, size_t n,
                          CacheBlock *block) {
        size_t offset = 0;

        for (size_t i = 0; i < n; i++) {
                SegmentRecord record = {
                        .sequence = o->next_sequence + i,
                        .boot = (uint32_t) o->now.boot,
                        .previous = i == 0 ? o->last_sequence : o->next_sequence + i - 1,
                        .boottime_us = o->now.boottime_us,
                        .realtime_us = o->now.realtime_us,
                        .ttl_s = messages[i].ttl_s > 0 ? messages[i].ttl_s : o->config.ttl_s,
                        .batch_index = (uint32_t) i,
                        .owner = messages[i].owner,
                        .flags = i + 1 < n ? SEGMENT_MORE : 0,
                        .user_flags = messages[i].flags,
                        .properties = messages[i].properties,
                        .body = messages[i].body,
                };

                segment_record_format(&record, &active->header, block->bytes + offset);
                segment_note_expiry(active, &record, o->now.boot);
                offset += outbox_message_bytes(&messages[i]);
        }
        block->last_sequence = o->next_sequence + n - 1;
}

/* All the memory that the batch needs. */
static CacheBlock *append_allocate(OutboxSegment *active, const OutboxMessage *messages, size_t n,
                                   size_t size) {
        for (size_t i = 0; i < n; i++)
                if (segment_reserve(active, messages[i].owner) < 0)
                        return NULL;
        return malloc(sizeof(CacheBlock) + size);
}

static int append_write(Outbox *o, const OutboxMessage *messages, size_t n, size_t size,
                        uint64_t *ret_first) {
        _cleanup_(freep) CacheBlock *block = NULL;
        OutboxSegment *active = outbox_active(o);
        uint64_t first = o->next_sequence;
        int r;

        block = append_allocate(active, messages, n, size);
        if (!block) {
                o->storage_errno = ENOMEM;
                return OUTBOX_STORAGE_FAILED;
        }
        *block = (CacheBlock){ .n_bytes = size };
        append_format(o, active, messages, n, block);

        /* Used up even if the write fails: what that leaves behind must not pass for what comes next. */
        o->next_sequence += n;

        r = disk_write_at(active->fd, block->bytes, size, active->tail);
        o->append_error = -r;
        if (r < 0) {
                o->storage_errno = -r;
                return OUTBOX_STORAGE_FAILED;
        }

        outbox_begin_interval(o);
        if (o->last_sequence <= o->reader.read_sequence)
                o->reader.realtime_us = o->now.realtime_us;
        active->tail += (uint32_t) size;
        active->last_sequence = block->last_sequence;
        for (size_t i = 0; i < n; i++)
                segment_count(active, messages[i].owner, outbox_message_bytes(&messages[i]));
        o->last_sequence = block->last_sequence;
        o->traffic.n_accepted += n;
        cache_add(&o->cache, TAKE_PTR(block));
        cache_trim(o);
        *ret_first = first;
        return 0;
}

int outbox_append(Outbox *o, const OutboxMessage *messages, size_t n, const OutboxTime *now,
                  uint64_t *ret_first) {
        size_t size = 0;
        int r;

        assert(n > 0);

        o->now = *now;
        for (size_t i = 0; i < n; i++) {
                if (az_span_size(messages[i].properties) > OUTBOX_PROPERTIES_MAX ||
                    az_span_size(messages[i].body) > OUTBOX_BODY_MAX)
                        return OUTBOX_TOO_LARGE;
                size += outbox_message_bytes(&messages[i]);
                if (size > o->config.segment_bytes - SEGMENT_HEADER_BYTES)
                        return OUTBOX_TOO_LARGE;
        }

        r = append_count(o, n);
        if (r == 0)
                r = append_room(o, size);
        if (r == 0)
                r = append_write(o, messages, n, size, ret_first);
        if (r != 0)
                o->was_refused = true;
        return r;
}
