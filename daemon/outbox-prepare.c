/* SPDX-License-Identifier: MIT */

/*
 * One segment at a time is prepared, ahead of need: its file is created and written once in full, so that an
 * append changes no metadata, or it is one that was used before and gets a new header. The disk thread runs
 * its jobs in their order: what still reads or syncs a segment is done before it is prepared for another use.
 */

#include "daemon/outbox-internal.h"

#include <fcntl.h>
#include <sys/random.h>

static int prepare_zeros(int fd, uint64_t n_bytes) {
        const uint8_t zeros[16 * 1024] = {};
        int r;

        /* A file system without fallocate() allocates while the zeros are written. */
        if (fallocate(fd, 0, 0, (off_t) n_bytes) < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
                return -errno;
        for (uint64_t offset = 0; offset < n_bytes; offset += sizeof(zeros)) {
                r = disk_write_at(fd, zeros, MIN(sizeof(zeros), n_bytes - offset), offset);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int prepare_header(PrepareJob *p, int fd) {
        uint8_t bytes[SEGMENT_HEADER_BYTES];
        int r;

        if (getrandom(&p->header.salt, sizeof(p->header.salt), 0) != (ssize_t) sizeof(p->header.salt))
                return -EIO;
        segment_header_format(&p->header, bytes);
        r = disk_write_at(fd, bytes, sizeof(bytes), 0);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

/* Until it is complete and synced the file has another name: recovery would take it for a damaged one. */
static int prepare_file(PrepareJob *p) {
        _cleanup_(close_fdp) int fd = -1;
        char name[OUTBOX_NAME_MAX], new_name[OUTBOX_NAME_MAX];
        int r;

        (void) snprintf(name, sizeof(name), SEGMENT_NAME, p->number);
        (void) snprintf(new_name, sizeof(new_name), SEGMENT_NAME SEGMENT_NEW_SUFFIX, p->number);

        fd = openat(p->directory_fd, new_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = prepare_zeros(fd, p->header.n_bytes);
        if (r >= 0)
                r = prepare_header(p, fd);
        if (r >= 0 &&
            (renameat(p->directory_fd, new_name, p->directory_fd, name) < 0 || fsync(p->directory_fd) < 0))
                r = -errno;
        if (r < 0) {
                (void) unlinkat(p->directory_fd, new_name, 0);
                return r;
        }
        p->fd = TAKE_FD(fd);
        return 0;
}

static void prepare_run(DiskJob *job) {
        PrepareJob *p = (PrepareJob *) job;

        if (p->is_new) {
                p->fd = close_fd(p->fd);
                p->result = prepare_file(p);
        } else
                p->result = prepare_header(p, p->fd);
}

static void prepare_failed(Outbox *o, int error) {
        if (o->prepare.error != error)
                outbox_add_error(o, error, "Failed to prepare a segment of the outbox");
        o->prepare.error = error;
        o->storage_errno = error;
        o->retry_us = o->now.boottime_us + STORAGE_RETRY_US;
}

static void prepare_done(DiskJob *job) {
        PrepareJob *p = (PrepareJob *) job;
        Outbox *o = p->outbox;
        OutboxSegment *segment = TAKE_PTR(p->segment);

        segment->fd = p->fd;
        if (p->result < 0) {
                segment->state = p->fd < 0 ? SEGMENT_ABSENT : SEGMENT_FREE;
                prepare_failed(o, -p->result);
        } else {
                segment->state = SEGMENT_READY;
                segment->header = p->header;
                segment->tail = SEGMENT_HEADER_BYTES;
                o->ready = segment;
                p->error = 0;
        }
        outbox_add_space(o);
}

static OutboxSegment *find_state(const Outbox *o, SegmentState state) {
        for (size_t i = 0; i < o->n_segments; i++)
                if (o->segments[i].state == state)
                        return &o->segments[i];
        return NULL;
}

/* Finds a segment to prepare; one that has a file comes first. */
static OutboxSegment *prepare_find(const Outbox *o) {
        OutboxSegment *segment;

        if (o->n_log >= o->n_segments_max)
                return NULL;
        segment = find_state(o, SEGMENT_FREE);
        return segment ? segment : find_state(o, SEGMENT_ABSENT);
}

/* The same, after making room as far as the policy allows: what has expired goes first. */
static OutboxSegment *prepare_make_room(Outbox *o) {
        OutboxSegment *segment = prepare_find(o);

        if (!segment) {
                outbox_drop_expired_segments(o);
                segment = prepare_find(o);
        }
        /* More than one, if max_bytes was lowered. */
        while (!segment && o->config.policy == OUTBOX_DROP_OLDEST && o->n_log > 0 &&
               o->log[0]->state == SEGMENT_SEALED) {
                outbox_drop_segment(o, o->log[0], OUTBOX_DROP_OLDER);
                segment = prepare_find(o);
        }
        return segment;
}

/* Sets the job up; false: there is nothing to prepare, or it is not the time to try again. */
static bool prepare_begin(Outbox *o) {
        PrepareJob *p = &o->prepare;
        OutboxSegment *segment;

        if (p->segment || o->ready || o->directory_fd < 0)
                return false;
        p->waits_for_cursor = false;
        if (p->error != 0 && o->retry_us != UINT64_MAX && o->now.boottime_us < o->retry_us)
                return false;
        segment = prepare_make_room(o);
        if (!segment)
                return false;
        if (segment->freed_head > o->cursor_synced_lowest) {
                outbox_sync_cursor(o); /* which comes back here */
                p->waits_for_cursor = o->cursor.is_busy;
                return false;
        }

        p->job = (DiskJob){ .run = prepare_run, .done = prepare_done };
        p->outbox = o;
        p->segment = segment;
        p->directory_fd = o->directory_fd;
        p->number = segment->number;
        p->fd = segment->fd;
        p->is_new = segment->state == SEGMENT_ABSENT || segment->header.n_bytes != o->config.segment_bytes;
        p->header = (SegmentHeader){
                .version = SEGMENT_VERSION,
                .outbox_id = o->id,
                .generation = ++o->generation,
                .first_sequence = o->next_sequence,
                .n_bytes = o->config.segment_bytes,
        };
        segment->state = SEGMENT_PREPARING;
        return true;
}

void outbox_prepare(Outbox *o) {
        if (prepare_begin(o))
                disk_submit(o->disk, &o->prepare.job);
}

void outbox_prepare_now(Outbox *o) {
        if (prepare_begin(o)) {
                prepare_run(&o->prepare.job);
                prepare_done(&o->prepare.job);
        }
}
