/* SPDX-License-Identifier: MIT */

/*
 * A place is where a record is in the file, and in memory it is the index into 'places'. A record that is
 * counted on is written to another place, so that a torn write costs no more than the new count; its old
 * place is free from then on, and since the disk thread syncs one write before it begins the next, nothing
 * is written there before the new one is safe.
 */

#include "daemon/history.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "daemon/aside.h"
#include "daemon/file.h"

#define FILE_NAME "history"

/* A repeat is looked for among so many of the newest. */
#define FOLD_WINDOW 8U

/* Events that are no failures are repeats within this time, and this old a count on disk becomes at most. */
#define FOLD_US (3600 * USEC_PER_SEC)

typedef struct Entry {
        HistoryRecord record;
        uint64_t on_disk;  /* the sequence that it has there; 0: it is not there yet */
        uint64_t saved_us; /* CLOCK_BOOTTIME; 0: not since we started */
        char text[];
} Entry;

typedef struct Place {
        Entry *entry;
        uint64_t due; /* in which order it is to be written; 0: it need not be */
} Place;

struct History {
        DiskJob job; /* first: the job is the history */
        Disk *disk;
        const Log *log;
        char *directory;
        int fd; /* -1: all is in memory */
        uint32_t salt;
        uint64_t boot;
        uint64_t last_sequence;
        uint64_t last_due;
        Place places[HISTORY_RECORDS];

        void (*on_added)(void *userdata, const HistoryRecord *record);
        void *userdata;

        /* Of the write that is under way. */
        bool is_busy;
        bool is_failing; /* the last one did; it was logged */
        size_t place;
        uint64_t sequence;
        uint8_t bytes[HISTORY_RECORD_BYTES];
        int error;
};

const char *history_event_to_string(HistoryEvent event) {
        static const char *const names[_HISTORY_EVENT_MAX] = {
                [HISTORY_STARTED] = "started",
                [HISTORY_STOPPED] = "stopped",
                [HISTORY_IDENTITY_LOADED] = "identity-loaded",
                [HISTORY_IDENTITY_CHANGED] = "identity-changed",
                [HISTORY_IDENTITY_ROLLED_BACK] = "identity-rolled-back",
                [HISTORY_FAILED] = "failed",
                [HISTORY_CONNECTED] = "connected",
                [HISTORY_LOST] = "lost",
                [HISTORY_RENEWED] = "renewed",
                [HISTORY_PROVISIONED] = "provisioned",
                [HISTORY_CLOCK_STEPPED] = "clock-stepped",
                [HISTORY_NETWORK_UP] = "network-up",
                [HISTORY_NETWORK_DOWN] = "network-down",
                [HISTORY_CERTIFICATE_EXPIRES] = "certificate-expires",
                [HISTORY_SESSION_LOST] = "session-lost",
        };

        return (unsigned) event < _HISTORY_EVENT_MAX ? names[event] : NULL;
}

/* Entries --------------------------------------------------------------------------------------------- */

/* Copies the texts, too. */
static Entry *entry_new(const HistoryRecord *record) {
        size_t n = 0;
        Entry *e;
        char *p;

        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++)
                n += strlen(record->texts[i]) + 1;
        e = malloc(sizeof(*e) + n);
        if (!e)
                return NULL;
        *e = (Entry){ .record = *record };
        p = e->text;
        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++) {
                e->record.texts[i] = p;
                p = stpcpy(p, record->texts[i]) + 1;
        }
        return e;
}

static Place *find_first_after(History *h, uint64_t sequence) {
        Place *found = NULL;

        for (size_t i = 0; i < HISTORY_RECORDS; i++) {
                Place *p = &h->places[i];

                if (p->entry && p->entry->record.sequence > sequence &&
                    (!found || p->entry->record.sequence < found->entry->record.sequence))
                        found = p;
        }
        return found;
}

const HistoryRecord *history_next(const History *h, uint64_t sequence) {
        const Place *p = find_first_after((History *) h, sequence);

        return p ? &p->entry->record : NULL;
}

/* A place for an entry: a free one, or that of the oldest. */
static Place *find_room(History *h) {
        for (size_t i = 0; i < HISTORY_RECORDS; i++)
                if (!h->places[i].entry)
                        return &h->places[i];
        return find_first_after(h, 0);
}

/* Writing --------------------------------------------------------------------------------------------- */

static uint64_t place_offset(size_t place) {
        return HISTORY_HEADER_BYTES + place * HISTORY_RECORD_BYTES;
}

static void write_run(DiskJob *job) {
        History *h = (History *) job;

        h->error = disk_write_at(h->fd, h->bytes, sizeof(h->bytes), place_offset(h->place));
        if (h->error >= 0 && fdatasync(h->fd) < 0)
                h->error = -errno;
}

/* Takes what is to be written next, as if it were. False: nothing is. */
static bool write_prepare(History *h) {
        Place *next = NULL;

        for (size_t i = 0; i < HISTORY_RECORDS; i++)
                if (h->places[i].due > 0 && (!next || h->places[i].due < next->due))
                        next = &h->places[i];
        if (!next || h->fd < 0)
                return false;

        history_record_format(&next->entry->record, h->salt, h->bytes);
        h->place = (size_t) (next - h->places);
        h->sequence = next->entry->on_disk = next->entry->record.sequence;
        next->due = 0;
        return true;
}

/* A failed write is tried again with the next event. True: it did not fail. */
static bool write_finish(History *h) {
        Place *p = &h->places[h->place];

        if (h->error >= 0) {
                h->is_failing = false;
                return true;
        }
        if (!h->is_failing)
                (void) log_errno(h->log, MSG_STATE_UNWRITTEN, h->error,
                                 "The history cannot be written: %m, ignoring");
        h->is_failing = true;
        if (p->entry && p->entry->on_disk == h->sequence) {
                p->entry->on_disk = 0;
                p->due = ++h->last_due;
        }
        return false;
}

static void write_begin(History *h);

static void write_done(DiskJob *job) {
        History *h = (History *) job;

        h->is_busy = false;
        if (write_finish(h))
                write_begin(h);
}

static void write_begin(History *h) {
        if (h->is_busy || !write_prepare(h))
                return;
        h->is_busy = true;
        h->job = (DiskJob){ .run = write_run, .done = write_done };
        disk_submit(h->disk, &h->job);
}

/* An entry that is on disk gets another place there: see the top. */
static void make_due(History *h, Place *p, uint64_t now_us) {
        if (p->entry->on_disk > 0) {
                Place *room = find_room(h);
                Entry *e = TAKE_PTR(p->entry);

                e->on_disk = 0;
                free(room->entry);
                *room = (Place){ .entry = e };
                p = room;
        }
        p->entry->saved_us = now_us;
        if (p->due == 0)
                p->due = ++h->last_due;
}

void history_close(History *h) {
        for (size_t i = 0; i < HISTORY_RECORDS; i++) {
                const Entry *e = h->places[i].entry;

                if (e && e->on_disk != e->record.sequence)
                        make_due(h, &h->places[i], boottime_us());
        }
        write_begin(h);
        disk_drain(h->disk);
}

/* Adding ---------------------------------------------------------------------------------------------- */

/* Where it happened, and how; not what a person reads, which may have numbers in it. */
static bool is_same(const HistoryRecord *a, const HistoryRecord *b) {
        for (size_t i = 0; i <= HISTORY_TEXT_HOST; i++)
                if (strcmp(a->texts[i], b->texts[i]) != 0)
                        return false;
        return a->is_resumed == b->is_resumed;
}

static bool is_recent(const HistoryRecord *old, const HistoryRecord *now) {
        if (old->boot == now->boot)
                return now->boottime_us - old->boottime_us < FOLD_US;
        return now->realtime_us - old->realtime_us < FOLD_US; /* one that was set back is far ahead */
}

/* The place of what this is a repeat of, or NULL. */
static Place *find_repeated(History *h, const HistoryRecord *record, bool is_failure) {
        Place *newest[FOLD_WINDOW] = {};
        uint64_t below = UINT64_MAX;

        for (size_t n = 0; n < FOLD_WINDOW; n++) {
                for (size_t i = 0; i < HISTORY_RECORDS; i++) {
                        Place *p = &h->places[i];

                        if (p->entry && p->entry->record.sequence < below &&
                            (!newest[n] || p->entry->record.sequence > newest[n]->entry->record.sequence))
                                newest[n] = p;
                }
                if (!newest[n])
                        return NULL;
                below = newest[n]->entry->record.sequence;
                if (is_same(&newest[n]->entry->record, record) &&
                    (is_failure || is_recent(&newest[n]->entry->record, record)))
                        return newest[n];
        }
        return NULL;
}

/* Counts. Without memory, the repeat is forgotten. */
static const Entry *add_repeat(History *h, Place *p, HistoryRecord *record) {
        const Entry *old = p->entry;
        uint64_t now_us = record->boottime_us, saved_us = old->saved_us;
        Entry *e;

        record->count = old->record.count == UINT32_MAX ? UINT32_MAX : old->record.count + 1;
        record->first_realtime_us = old->record.first_realtime_us;
        record->first_sequence = old->record.first_sequence;
        e = entry_new(record);
        if (!e)
                return NULL;
        e->on_disk = old->on_disk;
        e->saved_us = saved_us;
        free(p->entry);
        p->entry = e;
        /* The first one is written, or a device that restarts for ever would never get beyond it. */
        if ((record->count & (record->count - 1)) == 0 || saved_us == 0 || now_us - saved_us >= FOLD_US)
                make_due(h, p, now_us);
        return e;
}

static const Entry *add_new(History *h, const HistoryRecord *record) {
        Place *p = find_room(h);
        Entry *e = entry_new(record);

        if (!e)
                return NULL;
        free(p->entry);
        *p = (Place){ .entry = e };
        make_due(h, p, record->boottime_us);
        return e;
}

void history_add_at(History *h, HistoryEvent event, const HistoryFacts *facts, uint64_t boottime_us,
                    uint64_t realtime_us) {
        const HistoryFacts none = {}, *f = facts ?: &none;
        HistoryRecord record = {
                .sequence = h->last_sequence + 1,
                .first_sequence = h->last_sequence + 1,
                .count = 1,
                .boot = h->boot,
                .boottime_us = boottime_us,
                .realtime_us = realtime_us,
                .first_realtime_us = realtime_us,
                .is_resumed = f->is_resumed,
                .texts = { history_event_to_string(event), f->problem, f->layer, f->transport, f->host,
                           f->address, f->text },
        };
        uint8_t bytes[HISTORY_RECORD_BYTES];
        const Entry *added;
        Place *repeated;

        /* What does not fit is gone from here on, so that a repeat of it looks the same after a restart. */
        history_record_format(&record, h->salt, bytes);
        if (!history_record_parse(az_span_create(bytes, sizeof(bytes)), h->salt, &record))
                return; /* the wall clock is in the year 10000 */

        repeated = find_repeated(h, &record, event == HISTORY_FAILED);
        added = repeated ? add_repeat(h, repeated, &record) : add_new(h, &record);
        if (!added)
                return;
        h->last_sequence = record.sequence;
        write_begin(h);
        if (h->on_added)
                h->on_added(h->userdata, &added->record);
}

void history_add(History *h, HistoryEvent event, const HistoryFacts *facts) {
        history_add_at(h, event, facts, boottime_us(), realtime_us());
}

void history_set_listener(History *h, void (*on_added)(void *userdata, const HistoryRecord *record),
                          void *userdata) {
        h->on_added = on_added;
        h->userdata = userdata;
}

/* Reading --------------------------------------------------------------------------------------------- */

/* Takes the records of a file; those that are damaged are counted. -ENOMEM. */
static int load_records(History *h, az_span bytes, unsigned *ret_n_damaged) {
        unsigned n_damaged = 0;

        for (size_t i = 0; i < HISTORY_RECORDS; i++) {
                static const uint8_t zeros[HISTORY_RECORD_BYTES];
                az_span place =
                        az_span_slice(bytes, (int32_t) place_offset(i), (int32_t) place_offset(i + 1));
                HistoryRecord record;

                if (!history_record_parse(place, h->salt, &record)) {
                        n_damaged += memcmp(az_span_ptr(place), zeros, sizeof(zeros)) != 0;
                        continue;
                }
                h->places[i].entry = entry_new(&record);
                if (!h->places[i].entry)
                        return -ENOMEM;
                h->places[i].entry->on_disk = record.sequence;
                h->last_sequence = MAX(h->last_sequence, record.sequence);
        }
        *ret_n_damaged = n_damaged;
        return 0;
}

/* Forgets what happened again after it was written. */
static void drop_old(History *h) {
        for (size_t i = 0; i < HISTORY_RECORDS; i++)
                for (size_t j = 0; h->places[i].entry && j < HISTORY_RECORDS; j++) {
                        const HistoryRecord *r = &h->places[i].entry->record;
                        const Entry *other = h->places[j].entry;

                        if (other && other->record.first_sequence == r->first_sequence &&
                            other->record.sequence > r->sequence) {
                                free(h->places[i].entry);
                                h->places[i].entry = NULL;
                        }
                }
}

/* Makes an empty file of the full size, so that a full disk cannot keep us from writing later. */
static int make_file(History *h, int directory_fd) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        uint8_t header[HISTORY_HEADER_BYTES];
        size_t n = HISTORY_RECORDS * HISTORY_RECORD_BYTES;
        int r;

        bytes = calloc(1, n);
        if (!bytes)
                return -ENOMEM;
        if (getrandom(&h->salt, sizeof(h->salt), 0) < 0)
                return -errno;
        history_header_format(header, h->salt);
        r = file_replace(directory_fd, FILE_NAME, az_span_create(header, sizeof(header)),
                         az_span_create(bytes, (int32_t) n));
        if (r < 0)
                return r;
        h->fd = openat(directory_fd, FILE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        return h->fd < 0 ? -errno : 0;
}

/* Conditions: what is there is no history; or one that a newer program wrote. */
#define LOAD_UNUSABLE 1
#define LOAD_NEWER    2

static int load_file(History *h, int fd) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        unsigned n_damaged;
        bool is_short;
        int r;

        bytes = calloc(1, HISTORY_FILE_BYTES);
        if (!bytes)
                return -ENOMEM;
        is_short = disk_salvage_at(fd, bytes, HISTORY_FILE_BYTES, 0) == -ENODATA;
        if (!history_header_parse(az_span_create(bytes, (int32_t) HISTORY_FILE_BYTES), &h->salt))
                return history_header_is_newer(az_span_create(bytes, (int32_t) HISTORY_FILE_BYTES))
                               ? LOAD_NEWER
                               : LOAD_UNUSABLE;
        if (is_short)
                log_message(h->log, MSG_STATE_DAMAGED,
                            "The history in '%s/" FILE_NAME "' was cut off: what was behind its end is lost, "
                            "ignoring",
                            h->directory);
        r = load_records(h, az_span_create(bytes, (int32_t) HISTORY_FILE_BYTES), &n_damaged);
        if (r < 0)
                return r;
        if (n_damaged > 0)
                log_message(h->log, MSG_STATE_DAMAGED,
                            "Of the history in '%s/" FILE_NAME "', %u of %u records are damaged, ignoring",
                            h->directory, n_damaged, HISTORY_RECORDS);
        drop_old(h);
        return 0;
}

static void set_aside(const History *h, int directory_fd, bool is_newer) {
        AsideUsed used = aside_find_used(directory_fd, FILE_NAME);
        char where[256];

        if (is_newer)
                aside_move_newer(directory_fd, FILE_NAME, where, sizeof(where));
        else
                aside_move(directory_fd, &used, FILE_NAME, where, sizeof(where));
        log_message(h->log, MSG_STATE_DAMAGED, "'%s/" FILE_NAME "' %s: %s; beginning a new one", h->directory,
                    is_newer ? "was written by a newer aziotd" : "is no history of ours", where);
}

/* Opens the file, for reading alone if it must be, and takes what is in it. */
static int open_file(History *h) {
        _cleanup_(close_fdp) int directory_fd = -1, fd = -1;
        bool is_writable = true;
        int r;

        r = file_open_directory(h->directory, &directory_fd);
        if (r < 0)
                return r;
        fd = openat(directory_fd, FILE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && (errno == EROFS || errno == EACCES)) {
                is_writable = false;
                fd = openat(directory_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        }
        if (fd < 0 && errno != ENOENT && errno != ELOOP && errno != EISDIR)
                return -errno;

        r = fd < 0 ? errno == ENOENT ? 0 : LOAD_UNUSABLE : load_file(h, fd);
        if (r < 0)
                return r;
        if (r > 0)
                set_aside(h, directory_fd, r == LOAD_NEWER);
        if (r > 0 || fd < 0)
                return make_file(h, directory_fd);
        if (!is_writable)
                return -EROFS;
        h->fd = TAKE_FD(fd);
        return 0;
}

/* Life ------------------------------------------------------------------------------------------------ */

int history_new(History **ret, Disk *disk, const char *directory, uint64_t boot, const Log *log) {
        _cleanup_(history_freep) History *h = NULL;
        int r;

        h = malloc(sizeof(*h));
        if (!h)
                return -ENOMEM;
        *h = (History){ .disk = disk, .log = log, .fd = -1, .boot = boot };
        h->directory = strdup(directory);
        if (!h->directory)
                return -ENOMEM;

        r = open_file(h);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                (void) log_errno(log, MSG_STATE_UNWRITTEN, r, "The history in '%s' is kept in memory: %m",
                                 directory);
        *ret = TAKE_PTR(h);
        return 0;
}

History *history_free(History *h) {
        if (!h)
                return NULL;

        if (h->is_busy)
                disk_drain(h->disk);
        for (size_t i = 0; i < HISTORY_RECORDS; i++)
                free(h->places[i].entry);
        (void) close_fd(h->fd);
        free(h->directory);
        free(h);
        return NULL;
}
