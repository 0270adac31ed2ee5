/* SPDX-License-Identifier: MIT */

/*
 * What outbox_open() finds: the cursor, and segments, which are read once from the cursor on.
 *
 * Bytes that hold no whole batch though one follows were damaged: the segment is copied aside, a filler is
 * written over them so that they are found only once, and what they held counts as dropped. Bytes that
 * nothing follows are the tail: what a crash tore had not been accepted. But if the cursor knows of messages
 * that no segment has, more than that is missing. A segment whose header is damaged is set aside whole:
 * without its salt nothing in it can be told from what an earlier use left.
 */

#include "daemon/outbox-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "daemon/outbox-aside.h"

typedef struct Recovery {
        Outbox *o;
        AsideUsed aside_used;
        Cursor cursor;
        bool has_cursor;
        uint64_t last_sequence; /* of the record seen last */
        uint64_t last_boot;
        uint64_t lost_bytes; /* were found damaged, and what they held has not been counted yet */
} Recovery;

/* ---- The directory ---- */

static int recover_directory(Outbox *o) {
        _cleanup_(close_fdp) int fd = -1;

        if (mkdir(o->directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;

        o->directory_fd = TAKE_FD(fd);
        return 0;
}

static int add_segment(Outbox *o, unsigned number) {
        OutboxSegment *segments = reallocarray(o->segments, o->n_segments + 1, sizeof(*segments));

        if (!segments)
                return -ENOMEM;
        o->segments = segments;
        o->segments[o->n_segments++] = (OutboxSegment){ .number = number, .fd = -1 };
        return 0;
}

static void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

/* Takes up what is a segment; deletes one whose preparation was interrupted. */
static int recover_name(Recovery *rec, const char *name) {
        const char *digits = name + strlen(SEGMENT_PREFIX);
        char whole[OUTBOX_NAME_MAX], incomplete[OUTBOX_NAME_MAX];
        unsigned number;

        if (aside_note_name(&rec->aside_used, name) ||
            strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) != 0)
                return 0;

        number = (unsigned) (strtoul(digits, NULL, 10) % SEGMENT_NUMBERS);
        (void) snprintf(whole, sizeof(whole), SEGMENT_NAME, number);
        (void) snprintf(incomplete, sizeof(incomplete), SEGMENT_NAME SEGMENT_NEW_SUFFIX, number);
        if (strcmp(name, incomplete) == 0)
                (void) unlinkat(rec->o->directory_fd, name, 0);
        return strcmp(name, whole) == 0 ? add_segment(rec->o, number) : 0;
}

static int recover_names(Recovery *rec) {
        _cleanup_(closedirp) DIR *d = NULL;
        const struct dirent *entry;
        int fd, r;

        fd = openat(rec->o->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd); /* has the fd from here on */
        if (!d) {
                close_fd(fd);
                return -ENOMEM;
        }

        while ((entry = readdir(d))) {
                r = recover_name(rec, entry->d_name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void set_aside(Recovery *rec, const char *name, const char *reason) {
        char where[ASIDE_NAME_MAX * 2];

        aside_move(rec->o->directory_fd, &rec->aside_used, name, where, sizeof(where));
        outbox_add_damaged(rec->o, "%s: %s; %s", name, reason, where);
}

/* ---- The cursor ---- */

static void recover_cursor(Recovery *rec) {
        Outbox *o = rec->o;
        _cleanup_(close_fdp) int fd = -1;
        uint8_t bytes[CURSOR_FILE_BYTES];

        fd = openat(o->directory_fd, CURSOR_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
                return;
        if (fd >= 0) {
                (void) disk_salvage_at(fd, bytes, sizeof(bytes), 0);
                rec->has_cursor = cursor_parse(&rec->cursor, az_span_create(bytes, sizeof(bytes)));
        }
        if (rec->has_cursor)
                o->head = MAX(rec->cursor.lowest, o->head);
        else
                set_aside(rec, CURSOR_NAME, "is damaged, so that what was acknowledged may be sent again");
}

/* ---- One segment ---- */

/* Opens it and reads its header. Returns NULL, or what is wrong. Its state says whether it may be appended
 * to. */
static const char *segment_open(OutboxSegment *segment, int directory_fd, const char *name) {
        const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        uint8_t bytes[SEGMENT_HEADER_BYTES];

        segment->state = SEGMENT_ACTIVE;
        segment->fd = openat(directory_fd, name, O_RDWR | flags);
        if (segment->fd < 0 && errno == EROFS) {
                segment->state = SEGMENT_SEALED;
                segment->fd = openat(directory_fd, name, O_RDONLY | flags);
        }
        if (segment->fd < 0)
                return "cannot be opened";

        (void) disk_salvage_at(segment->fd, bytes, sizeof(bytes), 0);
        if (!segment_header_parse(&segment->header, az_span_create(bytes, sizeof(bytes))) ||
            segment->header.n_bytes > SEGMENT_BYTES_MAX || segment->header.generation == 0)
                return "its header is damaged";

        return NULL;
}

static int compare_generations(const void *a, const void *b) {
        const OutboxSegment *x = a, *y = b;

        return (x->header.generation > y->header.generation) - (x->header.generation < y->header.generation);
}

/* Opens them all, and puts them into the order of the log. Those without a usable file come first. */
static void recover_headers(Recovery *rec) {
        Outbox *o = rec->o;

        for (size_t i = 0; i < o->n_segments; i++) {
                OutboxSegment *segment = &o->segments[i];
                char name[OUTBOX_NAME_MAX];
                const char *reason;

                (void) snprintf(name, sizeof(name), SEGMENT_NAME, segment->number);
                reason = segment_open(segment, o->directory_fd, name);
                if (reason) {
                        close_fd(segment->fd);
                        *segment = (OutboxSegment){ .number = segment->number, .fd = -1 };
                        rec->lost_bytes += o->config.segment_bytes;
                        set_aside(rec, name, reason);
                }
                o->generation = MAX(o->generation, segment->header.generation);
                o->next_sequence = MAX(o->next_sequence, segment->header.first_sequence);
        }
        if (o->n_segments > 0)
                qsort(o->segments, o->n_segments, sizeof(*o->segments), compare_generations);
}

/* A gap in the sequences is a loss as far as damaged bytes explain it. */
static void recover_gap(Recovery *rec, uint64_t first, uint64_t last) {
        Outbox *o = rec->o;
        uint64_t n;

        first = MAX(first, o->head);
        if (first > last || rec->lost_bytes < SEGMENT_RECORD_BYTES)
                return;

        n = MIN(last - first + 1, rec->lost_bytes / SEGMENT_RECORD_BYTES);
        rec->lost_bytes -= n * SEGMENT_RECORD_BYTES;
        o->n_dropped[OUTBOX_DROP_DAMAGED] += n;
        outbox_add_dropped(o, first, last, OUTBOX_DROP_DAMAGED);
}

static void recover_record(Recovery *rec, OutboxSegment *segment, const SegmentItem *item) {
        const SegmentRecord *record = &item->record;
        Outbox *o = rec->o;

        if (!rec->has_cursor && rec->last_sequence == 0)
                o->head = record->sequence;
        recover_gap(rec, rec->last_sequence + 1, record->sequence - 1);

        rec->last_sequence = segment->last_sequence = record->sequence;
        rec->last_boot = record->boot;
        if (record->sequence < o->head)
                return;
        /* One place is left for the lowest, which is not acknowledged. */
        if (rec->has_cursor && cursor_is_acked(&rec->cursor, record->sequence) &&
            o->window.n < WINDOW_MAX - 1) {
                WindowEntry entry = { .sequence = record->sequence, .is_acked = true };

                (void) window_insert(&o->window, &entry);
                return;
        }
        if (o->reader.realtime_us == 0)
                o->reader.realtime_us = record->realtime_us;
        segment->n_live++;
        segment->live_bytes += item->size;
        segment_note_expiry(segment, record, o->now.boot);
}

/* Found damaged, and now whatever follows it is known. */
static void recover_fill(const OutboxSegment *segment, const SegmentItem *damage, uint64_t next_sequence) {
        uint8_t filler[SEGMENT_RECORD_BYTES];

        if (damage->size < sizeof(filler))
                return;
        segment_filler_format(next_sequence, damage->size, segment->header.salt, filler);
        /* If the disk refuses, it is found again the next time. */
        (void) disk_write_at(segment->fd, filler, sizeof(filler), damage->offset);
}

/* Keeps what is there, before it is mended. */
static void recover_damaged(Recovery *rec, OutboxSegment *segment, az_span bytes, const char *reason) {
        char name[OUTBOX_NAME_MAX], where[ASIDE_NAME_MAX * 2];

        if (segment->is_damaged)
                return;
        segment->is_damaged = true;
        (void) snprintf(name, sizeof(name), SEGMENT_NAME, segment->number);
        aside_copy(rec->o->directory_fd, &rec->aside_used, name, bytes, where, sizeof(where));
        outbox_add_damaged(rec->o, "%s: %s; %s", name, reason, where);
}

static void recover_records(Recovery *rec, OutboxSegment *segment, az_span bytes) {
        SegmentHeader header = segment->header;
        SegmentItem damage = {};
        SegmentScan scan;

        header.first_sequence = MAX(header.first_sequence, rec->last_sequence + 1);
        segment_scan_init(&scan, &header, bytes);
        for (;;) {
                SegmentItem item = segment_scan_next(&scan);

                switch (item.type) {
                case SEGMENT_ITEM_RECORD:
                        if (damage.size > 0)
                                recover_fill(segment, &damage, item.record.sequence);
                        damage.size = 0;
                        recover_record(rec, segment, &item);
                        break;

                case SEGMENT_ITEM_BAD:
                        recover_damaged(rec, segment, bytes, "is damaged");
                        rec->lost_bytes += item.size;
                        damage = item;
                        break;

                case SEGMENT_ITEM_END:
                        segment->tail = item.offset;
                        return;
                }
        }
}

/* Reads the whole segment; what cannot be read is zeros. Returns -ENOMEM. */
static int segment_load(const OutboxSegment *segment, uint8_t **ret, int *ret_error) {
        size_t n = segment->header.n_bytes;
        _cleanup_(freep) uint8_t *bytes = NULL;
        int r;

        bytes = malloc(n);
        if (!bytes)
                return -ENOMEM;
        r = disk_read_at(segment->fd, bytes, n, 0);
        if (r < 0)
                r = disk_salvage_at(segment->fd, bytes, n, 0);

        *ret_error = -r;
        *ret = TAKE_PTR(bytes);
        return 0;
}

static int recover_segment(Recovery *rec, OutboxSegment *segment) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        az_span span;
        int error, r;

        r = segment_load(segment, &bytes, &error);
        if (r < 0)
                return r;
        span = az_span_create(bytes, (int32_t) segment->header.n_bytes);

        if (error == ENODATA) {
                recover_damaged(rec, segment, span, "is too short");
                (void) ftruncate(segment->fd, (off_t) segment->header.n_bytes);
        } else if (error != 0)
                recover_damaged(rec, segment, span, "cannot be read as a whole");

        recover_records(rec, segment, span);
        return 0;
}

/* ---- All of it ---- */

/* Reads the segments from the cursor on. */
static int recover_segments(Recovery *rec) {
        Outbox *o = rec->o;
        int r;

        for (size_t i = 0; i < o->n_segments; i++) {
                OutboxSegment *segment = &o->segments[i];

                if (segment->fd < 0)
                        continue;
                /* The next but one was prepared after the last record of this one was written. */
                if (rec->has_cursor && i + 2 < o->n_segments &&
                    o->segments[i + 2].header.first_sequence <= o->head)
                        continue;
                r = recover_segment(rec, segment);
                if (r < 0)
                        return r;
        }
        return 0;
}

static OutboxSegment *last_with_records(const Outbox *o) {
        for (size_t i = o->n_segments; i > 0; i--)
                if (o->segments[i - 1].last_sequence > 0)
                        return &o->segments[i - 1];
        return NULL;
}

/* The cursor may know of messages that no segment has: damaged, or not synced before power failed. */
static int recover_missing(Recovery *rec) {
        Outbox *o = rec->o;
        OutboxSegment *segment = last_with_records(o);
        uint64_t first = MAX(rec->last_sequence + 1, o->head);
        _cleanup_(freep) uint8_t *bytes = NULL;
        int error, r;

        if (!rec->has_cursor || rec->cursor.last_sequence < first)
                return 0;

        if (segment) {
                r = segment_load(segment, &bytes, &error);
                if (r < 0)
                        return r;
                recover_damaged(rec, segment, az_span_create(bytes, (int32_t) segment->header.n_bytes),
                                "its last messages are missing");
        }
        rec->lost_bytes += segment ? segment->header.n_bytes - segment->tail : o->config.segment_bytes;
        recover_gap(rec, first, rec->cursor.last_sequence);
        return 0;
}

/* What becomes of a segment that has a file. */
static void recover_state(Outbox *o, OutboxSegment *segment, const OutboxSegment *last) {
        bool may_write = segment->state == SEGMENT_ACTIVE && !segment->is_damaged;

        if (segment == last || segment->last_sequence >= o->head) {
                segment->state = segment == last && may_write ? SEGMENT_ACTIVE : SEGMENT_SEALED;
                o->log[o->n_log++] = segment;
        } else if (may_write && segment->tail == SEGMENT_HEADER_BYTES && !o->ready &&
                   segment->header.n_bytes == o->config.segment_bytes && (!last || segment > last)) {
                segment->state = SEGMENT_READY;
                o->ready = segment;
        } else
                segment_free(segment);
}

static bool has_number(const Outbox *o, unsigned number) {
        for (size_t i = 0; i < o->n_segments; i++)
                if (o->segments[i].number == number)
                        return true;
        return false;
}

/* Fills the table up, and sorts what was found into it. */
static int recover_table(Recovery *rec) {
        Outbox *o = rec->o;
        const OutboxSegment *last;
        int r;

        for (unsigned number = 0; o->n_segments < o->n_segments_max; number++) {
                r = has_number(o, number) ? 0 : add_segment(o, number);
                if (r < 0)
                        return r;
        }
        o->log = calloc(o->n_segments, sizeof(*o->log));
        if (!o->log)
                return -ENOMEM;

        last = last_with_records(o);
        for (size_t i = 0; i < o->n_segments; i++)
                if (o->segments[i].fd >= 0)
                        recover_state(o, &o->segments[i], last);
        return 0;
}

static void recover_sequences(Recovery *rec) {
        Outbox *o = rec->o;
        bool is_new = !rec->has_cursor && rec->last_sequence == 0;
        bool is_same_boot = (rec->has_cursor && rec->cursor.boot == o->now.boot) ||
                            (rec->last_sequence > 0 && rec->last_boot == o->now.boot);

        if (rec->has_cursor)
                o->next_sequence =
                        MAX(o->next_sequence, MAX(rec->cursor.next_sequence, rec->cursor.last_sequence + 1));
        o->next_sequence = MAX(o->next_sequence, MAX(rec->last_sequence + 1, o->head));
        if (!is_new && !is_same_boot)
                o->next_sequence += SEQUENCE_GAP;

        o->last_sequence = MAX(rec->last_sequence, o->head - 1);
        o->synced_sequence = o->wanted_sequence = o->last_sequence;
        o->cache.after = o->last_sequence;
        o->reader.read_sequence = o->head - 1;
        o->cursor_generation = rec->cursor.generation;
}

static int recover_id(Recovery *rec) {
        Outbox *o = rec->o;

        if (rec->has_cursor)
                o->id = rec->cursor.outbox_id;
        else if (o->n_segments > 0)
                o->id = o->segments[o->n_segments - 1].header.outbox_id;
        if (o->id == 0 && getrandom(&o->id, sizeof(o->id), 0) != (ssize_t) sizeof(o->id))
                return -EIO;

        (void) snprintf(o->id_text, sizeof(o->id_text), "%08" PRIx32, o->id);
        return 0;
}

int outbox_recover(Outbox *o) {
        Recovery rec = { .o = o };
        int r;

        r = recover_directory(o);
        if (r < 0)
                return r;
        r = recover_names(&rec);
        if (r < 0)
                return r;

        recover_cursor(&rec);
        recover_headers(&rec);
        r = recover_segments(&rec);
        if (r >= 0)
                r = recover_missing(&rec);
        if (r >= 0)
                r = recover_table(&rec);
        if (r >= 0)
                r = recover_id(&rec);
        if (r < 0)
                return r;

        recover_sequences(&rec);
        o->cursor_is_dirty = !rec.has_cursor;
        outbox_release(o);
        return 0;
}
