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
#include <sys/random.h>
#include <sys/stat.h>

#include "daemon/aside.h"
#include "daemon/file.h"
#include "daemon/lock.h"

typedef struct Recovery {
        Outbox *o;
        AsideUsed aside_used;
        Cursor cursor;
        bool has_cursor;
        uint64_t last_sequence; /* of the record seen last */
        uint64_t lost_sequence; /* everything up to it that was not seen is known to be lost */
        uint32_t last_boot;
        bool is_reported; /* damage behind that record was: a gap there is its consequence */
} Recovery;

/* ---- The directory ---- */

static int recover_directory(Outbox *o) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        r = file_open_directory(o->directory, &fd);
        if (r < 0)
                return r;
        r = lock_take(fd);
        if (r < 0)
                return r;

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

        for (;;) {
                errno = 0;
                entry = readdir(d);
                if (!entry)
                        return -errno;
                r = recover_name(rec, entry->d_name);
                if (r < 0)
                        return r;
        }
}

/* Opens a file of ours to be read, and written if 'flags' say so; what may pass is tried twice. */
static int open_file(int directory_fd, const char *name, int flags) {
        for (int n_tries = 0;; n_tries++) {
                int fd = openat(directory_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

                if (fd >= 0)
                        return fd;
                if (n_tries == 1 || errno == ENOENT || errno == EROFS)
                        return -errno;
        }
}

/* That a file cannot be opened or read is not always the file's fault: it may be ours, or the disk's. */
static bool is_our_fault(int r) {
        return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

static bool is_files_fault(int r) {
        return r == -EBADMSG || r == -ENODATA || r == -EISDIR || r == -ELOOP || r == -ENXIO || r == -ESPIPE;
}

static void set_aside(Recovery *rec, const char *name, const char *reason) {
        char where[ASIDE_NAME_MAX * 2];

        aside_move(rec->o->directory_fd, &rec->aside_used, name, where, sizeof(where));
        outbox_add_damaged(rec->o, "%s: %s; %s", name, reason, where);
}

static void set_newer_aside(Recovery *rec, const char *name) {
        char where[ASIDE_NAME_MAX * 2];

        aside_move_newer(rec->o->directory_fd, name, where, sizeof(where));
        outbox_add_damaged(rec->o, "%s: was written by a newer aziotd; %s", name, where);
}

/* ---- The cursor ---- */

/* Nothing has been written into the file since it was created. */
static bool is_blank(const uint8_t *bytes, size_t n) {
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

static int recover_cursor(Recovery *rec) {
        Outbox *o = rec->o;
        _cleanup_(close_fdp) int fd = -1;
        uint8_t bytes[CURSOR_FILE_BYTES] = {};
        int r;

        fd = open_file(o->directory_fd, CURSOR_NAME, O_RDONLY);
        if (is_our_fault(fd))
                return fd;
        if (fd == -ENOENT) {
                if (o->n_segments > 0)
                        outbox_add_damaged(o,
                                           CURSOR_NAME ": is missing, so that what was acknowledged may be "
                                                       "sent again");
                return 0;
        }

        r = fd < 0 ? fd : disk_salvage_at(fd, bytes, sizeof(bytes), 0);
        rec->has_cursor = fd >= 0 && cursor_parse(&rec->cursor, az_span_create(bytes, sizeof(bytes)));
        if (rec->has_cursor) {
                o->head = MAX(rec->cursor.lowest, o->head);
                memcpy(o->n_dropped, rec->cursor.n_dropped, sizeof(o->n_dropped));
                o->counted_since_us = rec->cursor.counted_since_us;
        } else if (r >= 0 && cursor_is_newer(az_span_create(bytes, sizeof(bytes))))
                set_newer_aside(rec, CURSOR_NAME);
        else if (o->n_segments == 0 && (r >= 0 || r == -ENODATA) && is_blank(bytes, sizeof(bytes)))
                return 0; /* the first start of all was interrupted */
        else if (r >= 0 || is_files_fault(r))
                set_aside(rec, CURSOR_NAME, "is damaged, so that what was acknowledged may be sent again");
        else
                outbox_add_error(o, -r, "Failed to read the cursor of the outbox");
        return 0;
}

/* ---- One segment ---- */

/* Opens it and reads its header; its state says whether it may be appended to. -EPROTONOSUPPORT: it is newer.
 */
static int segment_open(OutboxSegment *segment, int directory_fd, const char *name) {
        uint8_t bytes[SEGMENT_HEADER_BYTES];
        int r;

        segment->state = SEGMENT_ACTIVE;
        segment->fd = open_file(directory_fd, name, O_RDWR);
        if (segment->fd == -EROFS) {
                segment->state = SEGMENT_SEALED;
                segment->fd = open_file(directory_fd, name, O_RDONLY);
        }
        if (segment->fd < 0)
                return segment->fd;

        r = disk_salvage_at(segment->fd, bytes, sizeof(bytes), 0);
        if (segment_header_parse(&segment->header, az_span_create(bytes, sizeof(bytes))) &&
            segment->header.n_bytes <= SEGMENT_BYTES_MAX && segment->header.generation > 0)
                return 0;
        if (r >= 0 && segment_header_is_newer(az_span_create(bytes, sizeof(bytes))))
                return -EPROTONOSUPPORT;
        return r < 0 ? r : -EBADMSG;
}

/* Deals with one that has no header. What the disk may give another time stays where it is. */
static void recover_without_header(Recovery *rec, OutboxSegment *segment, const char *name, int error) {
        bool is_newer = error == EPROTONOSUPPORT, is_lost = is_newer || is_files_fault(-error);

        close_fd(segment->fd);
        *segment = (OutboxSegment){
                .state = is_lost ? SEGMENT_ABSENT : SEGMENT_UNUSABLE,
                .number = segment->number,
                .fd = -1,
        };
        rec->is_reported = true;
        if (is_newer)
                set_newer_aside(rec, name);
        else if (is_lost)
                set_aside(rec, name, "its header is damaged");
        else
                outbox_add_error(rec->o, error, "Failed to read a segment of the outbox");
}

static int compare_generations(const void *a, const void *b) {
        const OutboxSegment *x = a, *y = b;

        return (x->header.generation > y->header.generation) - (x->header.generation < y->header.generation);
}

/* Opens them all, and puts them into the order of the log. Those without a usable file come first. */
static int recover_headers(Recovery *rec) {
        Outbox *o = rec->o;

        for (size_t i = 0; i < o->n_segments; i++) {
                OutboxSegment *segment = &o->segments[i];
                char name[OUTBOX_NAME_MAX];
                int r;

                (void) snprintf(name, sizeof(name), SEGMENT_NAME, segment->number);
                r = segment_open(segment, o->directory_fd, name);
                if (is_our_fault(r))
                        return r;
                if (r < 0)
                        recover_without_header(rec, segment, name, -r);
                o->generation = MAX(o->generation, segment->header.generation);
                o->next_sequence = MAX(o->next_sequence, segment->header.first_sequence);
        }
        if (o->n_segments > 0)
                qsort(o->segments, o->n_segments, sizeof(*o->segments), compare_generations);
        return 0;
}

/* Reads the whole segment; what cannot be read is zeros, and *ret_error says why. Returns -ENOMEM. */
static int segment_load(const OutboxSegment *segment, uint8_t **ret, int *ret_error) {
        uint8_t *bytes;

        bytes = malloc(segment->header.n_bytes);
        if (!bytes)
                return -ENOMEM;

        *ret_error = -disk_salvage_at(segment->fd, bytes, segment->header.n_bytes, 0);
        *ret = bytes;
        return 0;
}

/* Keeps what is there, before it is mended. */
static void recover_damaged(Recovery *rec, OutboxSegment *segment, az_span bytes, const char *reason) {
        char name[OUTBOX_NAME_MAX], where[ASIDE_NAME_MAX * 2];

        rec->is_reported = true;
        if (segment->is_damaged)
                return;
        segment->is_damaged = true;
        (void) snprintf(name, sizeof(name), SEGMENT_NAME, segment->number);
        aside_copy(rec->o->directory_fd, &rec->aside_used, name, bytes, where, sizeof(where));
        outbox_add_damaged(rec->o, "%s: %s; %s", name, reason, where);
}

static OutboxSegment *last_with_records(const Outbox *o) {
        for (size_t i = o->n_segments; i > 0; i--)
                if (o->segments[i - 1].last_sequence > 0)
                        return &o->segments[i - 1];
        return NULL;
}

/* Messages up to 'last' were appended and are in no segment: damaged, or not synced before power failed. */
static int recover_gap(Recovery *rec, uint64_t last) {
        Outbox *o = rec->o;
        OutboxSegment *segment = last_with_records(o);
        uint64_t first = MAX(MAX(rec->last_sequence, rec->lost_sequence) + 1, o->head);
        _cleanup_(freep) uint8_t *bytes = NULL;
        int error, r;

        if (last < first)
                return 0;
        rec->lost_sequence = last;

        /* If no damage explains it, they were at the end of the segment that was seen last. */
        if (!rec->is_reported && segment) {
                r = segment_load(segment, &bytes, &error);
                if (r < 0)
                        return r;
                recover_damaged(rec, segment, az_span_create(bytes, (int32_t) segment->header.n_bytes),
                                "its last messages are missing");
        }
        rec->is_reported = false;

        o->n_dropped[OUTBOX_DROP_DAMAGED] +=
                MIN(last - first + 1, o->config.max_bytes / SEGMENT_RECORD_BYTES);
        outbox_add_dropped(o, first, last, OUTBOX_DROP_DAMAGED);
        return 0;
}

static int recover_record(Recovery *rec, OutboxSegment *segment, const SegmentItem *item) {
        const SegmentRecord *record = &item->record;
        Outbox *o = rec->o;
        int r;

        rec->last_sequence = segment->last_sequence = record->sequence;
        rec->last_boot = record->boot;
        if (record->sequence < o->head)
                return 0;
        /* One place is left for the lowest, which is not acknowledged. */
        if (rec->has_cursor && cursor_is_acked(&rec->cursor, record->sequence) &&
            o->window.n < WINDOW_MAX - 1) {
                WindowEntry entry = { .sequence = record->sequence, .is_acked = true };

                (void) window_insert(&o->window, &entry);
                return 0;
        }

        r = segment_reserve(segment, record->owner);
        if (r < 0)
                return r;
        if (o->reader.realtime_us == 0)
                o->reader.realtime_us = record->realtime_us;
        segment_count(segment, record->owner, item->size);
        segment_note_expiry(segment, record, o->now.boot);
        return 0;
}

/*
 * Accounts for what is missing before 'record', and leaves a filler for it, so that it is found only once:
 * over the bytes that are damaged, or before the first record of its segment.
 */
static int recover_before(Recovery *rec, const OutboxSegment *segment, const SegmentItem *record,
                          const SegmentItem *damage) {
        uint64_t lost_before = rec->lost_sequence;
        uint8_t filler[SEGMENT_RECORD_BYTES];
        uint32_t offset = damage->offset, size = damage->size;
        uint32_t n_filler = segment_record_bytes(segment->header.version);
        int r;

        /* What was before the first segment was acknowledged, even if the cursor is too old to know. */
        if (rec->last_sequence == 0 && !rec->is_reported)
                rec->o->head = MAX(rec->o->head, record->record.previous + 1);
        r = recover_gap(rec, record->record.previous);
        if (r < 0)
                return r;

        if (size == 0 && record->offset == SEGMENT_HEADER_BYTES && rec->lost_sequence > lost_before) {
                offset = segment_first_offset(segment->header.version);
                size = n_filler;
        }
        if (size < n_filler || segment->is_unreadable)
                return 0;
        segment_filler_format(rec->lost_sequence, size, &segment->header, filler);
        /* If the disk refuses, it is found again the next time. */
        (void) disk_write_at(segment->fd, filler, n_filler, offset);
        return 0;
}

static int recover_records(Recovery *rec, OutboxSegment *segment, az_span bytes) {
        SegmentHeader header = segment->header;
        SegmentItem damage = {};
        SegmentScan scan;
        int r;

        header.first_sequence = MAX(header.first_sequence, rec->last_sequence + 1);
        segment_scan_init(&scan, &header, bytes);
        for (;;) {
                SegmentItem item = segment_scan_next(&scan);

                switch (item.type) {
                case SEGMENT_ITEM_RECORD:
                        r = recover_before(rec, segment, &item, &damage);
                        if (r < 0)
                                return r;
                        damage.size = 0;
                        r = recover_record(rec, segment, &item);
                        if (r < 0)
                                return r;
                        break;

                case SEGMENT_ITEM_FILLER:
                        rec->lost_sequence = MAX(rec->lost_sequence, item.record.sequence);
                        break;

                case SEGMENT_ITEM_BAD:
                        recover_damaged(rec, segment, bytes, "is damaged");
                        damage = item;
                        break;

                case SEGMENT_ITEM_END:
                        segment->tail = item.offset;
                        return 0;
                }
        }
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
                if (ftruncate(segment->fd, (off_t) segment->header.n_bytes) < 0)
                        segment->is_unreadable = true;
        } else if (error != 0) {
                recover_damaged(rec, segment, span, "cannot be read as a whole");
                segment->is_unreadable = true;
        }

        return recover_records(rec, segment, span);
}

/* ---- All of it ---- */

/*
 * Whether it begins with a record at or below 'sequence': then those before it have nothing above. Its header
 * tells less: one that was prepared and not used stays behind when two kills come close together.
 */
static bool segment_begins_by(const OutboxSegment *segment, uint64_t sequence) {
        uint8_t bytes[SEGMENT_RECORD_BYTES];
        SegmentRecord record;
        size_t size;

        if (segment->fd < 0 || disk_read_at(segment->fd, bytes, sizeof(bytes), SEGMENT_HEADER_BYTES) < 0 ||
            segment_record_parse(&record, &size, AZ_SPAN_FROM_BUFFER(bytes), &segment->header,
                                 segment->header.first_sequence) == SEGMENT_RECORD_NONE)
                return false;
        (void) segment_record_view(&record, bytes, segment->header.version);
        return (record.flags & SEGMENT_FILLER) == 0 && record.sequence <= sequence;
}

/* Reads the segments from the cursor on. */
static int recover_segments(Recovery *rec) {
        Outbox *o = rec->o;
        int r;

        for (size_t i = 0; i < o->n_segments; i++) {
                OutboxSegment *segment = &o->segments[i];

                if (segment->fd < 0)
                        continue;
                if (rec->has_cursor && i + 1 < o->n_segments &&
                    segment_begins_by(&o->segments[i + 1], o->head))
                        continue;
                r = recover_segment(rec, segment);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What becomes of a segment that has a file. */
static void recover_state(Outbox *o, OutboxSegment *segment, const OutboxSegment *last) {
        bool is_read_only = segment->state != SEGMENT_ACTIVE;
        bool may_append = !is_read_only && !segment->is_damaged && segment->header.version == SEGMENT_VERSION;

        if (segment == last || segment->last_sequence >= o->head) {
                segment->state = segment == last && may_append ? SEGMENT_ACTIVE : SEGMENT_SEALED;
                o->log[o->n_log++] = segment;
        } else if (may_append && segment->tail == SEGMENT_HEADER_BYTES && !o->ready &&
                   segment->header.n_bytes == o->config.segment_bytes && (!last || segment > last)) {
                segment->state = SEGMENT_READY;
                o->ready = segment;
        } else if (is_read_only) {
                segment->fd = close_fd(segment->fd);
                segment->state = SEGMENT_ABSENT;
        } else
                segment_free(segment, o->head);
}

static bool has_number(const Outbox *o, unsigned number) {
        for (size_t i = 0; i < o->n_segments; i++)
                if (o->segments[i].number == number)
                        return true;
        return false;
}

void outbox_fill_table(Outbox *o) {
        for (unsigned number = 0; o->n_segments < o->n_segments_max; number++)
                if (!has_number(o, number))
                        o->segments[o->n_segments++] = (OutboxSegment){ .number = number, .fd = -1 };
}

/*
 * Fills the table up, and sorts what was found into it. From now on there are pointers into it, and more may
 * be allowed later: it gets all the room that it will ever need.
 */
static int recover_table(Recovery *rec) {
        size_t n = MAX(rec->o->n_segments, OUTBOX_SEGMENTS_MAX);
        const OutboxSegment *last;
        OutboxSegment *segments;
        Outbox *o = rec->o;

        segments = reallocarray(o->segments, n, sizeof(*segments));
        if (!segments)
                return -ENOMEM;
        o->segments = segments;
        o->log = calloc(n, sizeof(*o->log));
        if (!o->log)
                return -ENOMEM;
        outbox_fill_table(o);

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
                            (rec->last_sequence > 0 && rec->last_boot == (uint32_t) o->now.boot);

        if (rec->has_cursor)
                o->next_sequence =
                        MAX(o->next_sequence, MAX(rec->cursor.next_sequence, rec->cursor.last_sequence + 1));
        o->next_sequence = MAX(o->next_sequence, MAX(rec->last_sequence + 1, o->head));
        if (!is_new && !is_same_boot)
                o->next_sequence += SEQUENCE_GAP;

        /* Whether what a killed process had appended is synced nobody knows. */
        o->synced_sequence = o->wanted_sequence = o->last_sequence = o->head - 1;
        outbox_begin_interval(o);
        o->last_sequence = MAX(rec->last_sequence, o->last_sequence);
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
        if (r >= 0)
                r = recover_names(&rec);
        if (r >= 0)
                r = recover_cursor(&rec);
        if (r >= 0)
                r = recover_headers(&rec);
        if (r >= 0)
                r = recover_segments(&rec);
        if (r >= 0)
                r = recover_gap(&rec, rec.cursor.last_sequence);
        if (r >= 0)
                r = recover_id(&rec);
        if (r >= 0)
                r = recover_table(&rec);
        if (r < 0)
                return r;

        recover_sequences(&rec);
        if (o->counted_since_us == 0)
                o->counted_since_us = o->now.realtime_us;
        outbox_release(o);
        return 0;
}
