/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-internal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>

/* ---- Events ---- */

/* An event that continues the last one is added to it, so that a million dropped messages are one event. */
static bool event_merge(OutboxEvent *last, const OutboxEvent *event) {
        if (last->type != event->type)
                return false;

        switch (event->type) {
        case OUTBOX_EVENT_READABLE:
        case OUTBOX_EVENT_SPACE:
                return true;

        case OUTBOX_EVENT_SYNCED:
                last->last = event->last;
                return true;

        case OUTBOX_EVENT_DROPPED:
                if (last->cause != event->cause || last->last + 1 != event->first)
                        return false;
                last->last = event->last;
                return true;

        case OUTBOX_EVENT_SYNC_FAILED:
        case OUTBOX_EVENT_DAMAGED:
        case OUTBOX_EVENT_DISK_ERROR:
        case _OUTBOX_EVENT_TYPE_MAX:
                return false;
        }
        return false;
}

/* Without memory for it an event is lost; whoever waits for it has a time limit. */
void outbox_add_event(Outbox *o, const OutboxEvent *event) {
        OutboxEvents *e = &o->events;

        if (e->n > e->first && event_merge(&e->items[e->n - 1], event))
                return;
        if (e->n == e->first)
                e->n = e->first = 0;

        if (e->n == e->n_allocated) {
                size_t n = e->n_allocated > 0 ? 2 * e->n_allocated : 8;
                OutboxEvent *items = reallocarray(e->items, n, sizeof(*items));

                if (!items)
                        return;
                e->items = items;
                e->n_allocated = n;
        }
        e->items[e->n++] = *event;
}

bool outbox_next_event(Outbox *o, OutboxEvent *ret) {
        OutboxEvents *e = &o->events;

        if (e->first == e->n)
                return false;
        *ret = e->items[e->first++];
        return true;
}

void outbox_add_dropped(Outbox *o, uint64_t first, uint64_t last, OutboxDropCause cause) {
        outbox_add_event(
                o,
                &(OutboxEvent){ .type = OUTBOX_EVENT_DROPPED, .first = first, .last = last, .cause = cause });
}

void outbox_add_space(Outbox *o) {
        if (!o->was_refused)
                return;
        o->was_refused = false;
        outbox_add_event(o, &(OutboxEvent){ .type = OUTBOX_EVENT_SPACE });
}

void outbox_add_error(Outbox *o, int error, const char *text) {
        OutboxEvent event = { .type = OUTBOX_EVENT_DISK_ERROR, .error = error };

        (void) snprintf(event.text, sizeof(event.text), "%s", text);
        outbox_add_event(o, &event);
}

void outbox_add_damaged(Outbox *o, const char *format, ...) {
        OutboxEvent event = { .type = OUTBOX_EVENT_DAMAGED };
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(event.text, sizeof(event.text), format, ap);
        va_end(ap);
        outbox_add_event(o, &event);
}

const char *outbox_drop_cause_to_string(OutboxDropCause cause) {
        static const char *const table[_OUTBOX_DROP_CAUSE_MAX] = {
                [OUTBOX_DROP_EXPIRED] = "expired",   [OUTBOX_DROP_OLDER] = "overflow",
                [OUTBOX_DROP_DAMAGED] = "damaged",   [OUTBOX_DROP_UNSENDABLE] = "unsendable",
                [OUTBOX_DROP_POISON] = "poison",     [OUTBOX_DROP_REFUSED] = "refused",
                [OUTBOX_DROP_REJECTED] = "rejected",
        };

        return cause >= 0 && cause < _OUTBOX_DROP_CAUSE_MAX ? table[cause] : NULL;
}

/* ---- The cursor ---- */

static void cursor_run(DiskJob *job) {
        CursorJob *j = (CursorJob *) job;

        if (j->fd < 0)
                j->fd = openat(j->directory_fd, CURSOR_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (j->fd < 0) {
                j->result = -errno;
                return;
        }
        j->result = disk_write_at(j->fd, j->slot, sizeof(j->slot), j->offset);
        if (j->result >= 0 && j->syncs && fdatasync(j->fd) < 0)
                j->result = -errno;
}

static void cursor_finish(Outbox *o) {
        CursorJob *j = &o->cursor;

        j->is_busy = false;
        if (j->result < 0) {
                if (j->error != -j->result)
                        outbox_add_error(o, -j->result, "Failed to write the cursor of the outbox");
                o->storage_errno = -j->result;
                o->cursor_is_dirty = true;
                o->cursor_due_us = o->now.boottime_us + STORAGE_RETRY_US;
                outbox_add_space(o); /* whoever waits for a segment is to hear of it */
        } else if (j->syncs)
                o->cursor_synced_lowest = j->lowest;
        j->error = -j->result;
}

static void cursor_done(DiskJob *job) {
        CursorJob *j = (CursorJob *) job;

        cursor_finish(j->outbox);
        outbox_delete_surplus(j->outbox);
        outbox_prepare(j->outbox); /* which may have waited for it */
}

/* Sets the job up with what is acknowledged now. */
static void cursor_begin(Outbox *o, bool syncs) {
        CursorJob *j = &o->cursor;
        Cursor cursor = {
                .outbox_id = o->id,
                .generation = ++o->cursor_generation,
                .boot = o->now.boot,
                .lowest = o->head,
                .last_sequence = o->last_sequence,
                .next_sequence = o->next_sequence,
                .counted_since_us = o->counted_since_us,
        };

        static_assert(_OUTBOX_DROP_CAUSE_MAX <= CURSOR_COUNTS, "a cause has no place");
        memcpy(cursor.n_dropped, o->n_dropped, sizeof(o->n_dropped));
        /* After a crash nobody is doomed any more. */
        cursor.n_dropped[OUTBOX_DROP_OLDER] -= o->n_doomed;
        for (size_t i = 0; i < o->window.n; i++)
                if (o->window.entries[i].is_acked)
                        cursor_set_acked(&cursor, o->window.entries[i].sequence);
        cursor_format(&cursor, j->slot);

        j->job = (DiskJob){ .run = cursor_run, .done = cursor_done };
        j->outbox = o;
        j->is_busy = true;
        j->directory_fd = o->directory_fd;
        j->offset = cursor_offset(&cursor);
        j->lowest = o->head;
        j->syncs = syncs;
        o->cursor_is_dirty = false;
        o->cursor_due_us = o->now.boottime_us + CURSOR_INTERVAL_US;
}

/* Does it on this thread. */
static int cursor_write_now(Outbox *o) {
        cursor_begin(o, true);
        cursor_run(&o->cursor.job);
        cursor_finish(o);
        return -o->cursor.error;
}

/* Without waiting for its second, but not while a try is yet to come after a failure. */
void outbox_sync_cursor(Outbox *o) {
        if (o->cursor.is_busy || (o->cursor.error != 0 && o->now.boottime_us < o->cursor_due_us))
                return;
        cursor_begin(o, true);
        disk_submit(o->disk, &o->cursor.job);
}

/* ---- Time ---- */

/* Forgets what outbox_recover() found. */
static void outbox_clear(Outbox *o) {
        for (size_t i = 0; i < o->n_segments; i++) {
                close_fd(o->segments[i].fd);
                owner_uses_done(&o->segments[i].owners);
        }
        free(o->segments);
        free(o->log);
        o->segments = NULL;
        o->log = NULL;
        o->n_segments = o->n_log = 0;
        o->ready = NULL;
        o->head = o->next_sequence = 1;
        o->window = (OutboxWindow){};
        o->reader = (OutboxReader){};
        memset(o->n_dropped, 0, sizeof(o->n_dropped));
        o->directory_fd = close_fd(o->directory_fd);
}

/* Begins with what is in the directory. Without a directory nothing can be kept, until it is there. */
static int outbox_start(Outbox *o) {
        int r;

        r = outbox_recover(o);
        if (r < 0) {
                outbox_clear(o);
                if (o->storage_errno != -r)
                        outbox_add_error(o, -r, "Failed to open the directory of the outbox");
                o->storage_errno = -r;
                o->retry_us = o->now.boottime_us + STORAGE_RETRY_US;
                return r;
        }

        /* Now, so that neither the id, nor the gap in the sequences, nor a loss is made up twice. */
        if (cursor_write_now(o) >= 0) {
                o->cursor_due_us = o->now.boottime_us + CURSOR_FIRST_US;
                outbox_delete_surplus(o);
        }
        if (outbox_active(o))
                outbox_prepare(o);
        else
                outbox_prepare_now(o);
        outbox_add_space(o);
        return 0;
}

uint64_t outbox_deadline_us(const Outbox *o) {
        bool wants_cursor = o->cursor_is_dirty && !o->cursor.is_busy && o->directory_fd >= 0;

        return MIN(MIN(o->retry_us, outbox_sync_deadline_us(o)),
                   wants_cursor ? o->cursor_due_us : UINT64_MAX);
}

void outbox_run_due(Outbox *o, uint64_t now_us) {
        o->now.boottime_us = now_us;

        outbox_sync_due(o);
        if (now_us >= o->retry_us) {
                o->retry_us = UINT64_MAX;
                if (o->directory_fd < 0)
                        (void) outbox_start(o);
                else
                        outbox_prepare(o);
                outbox_retry_read(o);
        }
        if (o->cursor_is_dirty && !o->cursor.is_busy && o->directory_fd >= 0 && now_us >= o->cursor_due_us) {
                cursor_begin(o, outbox_has_surplus(o));
                disk_submit(o->disk, &o->cursor.job);
        }
}

/* ---- Life ---- */

uint64_t outbox_segment_bytes(uint64_t max_bytes) {
        return MIN(MAX(max_bytes / 16, SEGMENT_BYTES_DEFAULT_MIN), SEGMENT_BYTES_MAX);
}

static int config_derive(OutboxConfig *c) {
        if (c->segment_bytes == 0)
                c->segment_bytes = outbox_segment_bytes(c->max_bytes);
        c->segment_bytes -= c->segment_bytes % SEGMENT_HEADER_BYTES;

        if (c->segment_bytes < 2 * SEGMENT_HEADER_BYTES || c->segment_bytes > SEGMENT_BYTES_MAX)
                return -EINVAL;
        if (c->max_bytes / c->segment_bytes < 3 || c->max_bytes / c->segment_bytes > OUTBOX_SEGMENTS_MAX)
                return -EINVAL;
        return 0;
}

int outbox_open(Outbox **ret, Disk *disk, const OutboxConfig *c, const OutboxTime *now) {
        _cleanup_(outbox_freep) Outbox *o = NULL;
        int r;

        o = malloc(sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Outbox){
                .config = *c,
                .disk = disk,
                .directory_fd = -1,
                .head = 1,
                .next_sequence = 1,
                .prepare.fd = -1,
                .cursor.fd = -1,
                .retry_us = UINT64_MAX,
                .id_text = "00000000",
                .now = *now,
        };

        r = config_derive(&o->config);
        if (r < 0)
                return r;
        o->n_segments_max = o->config.max_bytes / o->config.segment_bytes;
        o->config.directory = o->directory = strdup(c->directory);
        o->read.buffer = malloc(CHUNK_BYTES);
        if (!o->directory || !o->read.buffer)
                return -ENOMEM;

        r = outbox_start(o);
        if (r == -ENOMEM || r == -EBUSY)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

/* What is on the disk stays as it is; segments of the new size are made as they are needed. */
int outbox_configure(Outbox *o, const OutboxConfig *c, const OutboxTime *now) {
        OutboxConfig config = *c;
        int r;

        r = config_derive(&config);
        if (r < 0)
                return r;
        config.directory = o->directory;
        o->now = *now;
        o->config = config;
        o->n_segments_max = config.max_bytes / config.segment_bytes;
        o->sync_due_us = MIN(o->sync_due_us, now->boottime_us + config.sync_interval_us);
        if (o->directory_fd < 0)
                return 0;

        outbox_fill_table(o);
        outbox_delete_surplus(o);
        o->cursor_is_dirty |= outbox_has_surplus(o);
        outbox_prepare(o);
        outbox_add_space(o);
        return 0;
}

Outbox *outbox_free(Outbox *o) {
        if (!o)
                return NULL;

        disk_drain(o->disk);
        while (o->cache.first)
                cache_remove_first(o);
        outbox_clear(o);
        close_fd(o->cursor.fd);
        free(o->events.items);
        free(o->read.buffer);
        free(o->directory);
        free(o);
        return NULL;
}

int outbox_close(Outbox *o) {
        int r = 0, k;

        disk_drain(o->disk);
        if (o->directory_fd < 0)
                return 0;

        for (size_t i = 0; i < o->n_log; i++)
                if (o->log[i]->last_sequence > o->synced_sequence && fdatasync(o->log[i]->fd) < 0 && r == 0)
                        r = -errno;

        k = cursor_write_now(o);
        return r < 0 ? r : k;
}

/* ---- What one may ask ---- */

int outbox_boot_get(uint64_t *ret) {
        _cleanup_(fclosep) FILE *f = NULL;
        char uuid[40];

        f = fopen("/proc/sys/kernel/random/boot_id", "re");
        if (!f)
                return -errno;
        if (!fgets(uuid, sizeof(uuid), f) || strlen(uuid) < 36)
                return -EIO;

        *ret = strtoull(uuid + 24, NULL, 16); /* the last 12 digits, random like the others */
        return 0;
}

const char *outbox_get_id(const Outbox *o) {
        return o->id_text;
}

uint64_t outbox_get_head(const Outbox *o) {
        return o->head;
}

uint64_t outbox_get_last_handed_out(const Outbox *o) {
        return o->reader.read_sequence;
}

int outbox_storage_errno(const Outbox *o) {
        return o->storage_errno;
}

bool outbox_has_unsent(const Outbox *o) {
        return o->reader.read_sequence < o->last_sequence;
}

void outbox_count_refused(Outbox *o, uint64_t n) {
        o->n_dropped[OUTBOX_DROP_REFUSED] += n;
}

int outbox_get_storage_error(const Outbox *o) {
        if (o->directory_fd < 0)
                return o->storage_errno;
        return o->append_error ?: o->prepare.error ?: o->cursor.error;
}

const OutboxTraffic *outbox_get_traffic(const Outbox *o) {
        return &o->traffic;
}

void outbox_get_stats(const Outbox *o, OutboxStats *ret) {
        const OutboxWindow *w = &o->window;

        *ret = (OutboxStats){
                .messages = outbox_count_live(o),
                .capacity_bytes = o->n_segments_max * (o->config.segment_bytes - SEGMENT_HEADER_BYTES),
                .capacity_messages = o->config.max_messages,
        };
        for (size_t i = 0; i < o->n_log; i++)
                ret->bytes += o->log[i]->live_bytes;
        if (w->n > 0 && !w->entries[0].is_acked)
                ret->oldest_realtime_us = w->entries[0].realtime_us;
        else if (ret->messages > 0)
                ret->oldest_realtime_us = o->reader.realtime_us;
        memcpy(ret->n_dropped, o->n_dropped, sizeof(ret->n_dropped));
        ret->counted_since_us = o->counted_since_us;
}
