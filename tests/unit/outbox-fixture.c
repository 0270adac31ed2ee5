/* SPDX-License-Identifier: MIT */

#include "outbox-fixture.h"

#include <limits.h>

void fixture_init(Fixture *f) {
        *f = (Fixture){
                .config = { .max_bytes = 32 * 1024, .segment_bytes = 8 * 1024 },
                .now = { .boot = 1,
                         .boottime_us = USEC_PER_SEC,
                         .realtime_us = UINT64_C(1700000000) * USEC_PER_SEC },
        };
        scratch_init(f->directory, "outbox");
        ck_assert_int_eq(disk_new(&f->disk), 0);
}

void fixture_done(Fixture *f) {
        f->outbox = outbox_free(f->outbox);
        f->disk = disk_free(f->disk);
        scratch_done(f->directory);
}

void fixture_open(Fixture *f) {
        f->config.directory = f->directory;
        ck_assert_int_eq(outbox_open(&f->outbox, f->disk, &f->config, &f->now), 0);
}

void fixture_stop(Fixture *f) {
        ck_assert_int_eq(outbox_close(f->outbox), 0);
        f->outbox = outbox_free(f->outbox);
}

void fixture_crash(Fixture *f) {
        f->outbox = outbox_free(f->outbox);
}

static void log_event(const OutboxEvent *event, char *ret, size_t n) {
        switch (event->type) {
        case OUTBOX_EVENT_READABLE:
                ret[0] = '\0';
                break;

        case OUTBOX_EVENT_SPACE:
                (void) snprintf(ret, n, "space; ");
                break;

        case OUTBOX_EVENT_SYNCED:
                (void) snprintf(ret, n, "synced %u; ", (unsigned) event->last);
                break;

        case OUTBOX_EVENT_SYNC_FAILED:
                (void) snprintf(ret, n, "sync failed %u..%u %s; ", (unsigned) event->first,
                                (unsigned) event->last, strerrorname_np(event->error));
                break;

        case OUTBOX_EVENT_DROPPED:
                (void) snprintf(ret, n, "dropped %u..%u %s; ", (unsigned) event->first,
                                (unsigned) event->last, outbox_drop_cause_to_string(event->cause));
                break;

        case OUTBOX_EVENT_DAMAGED:
                (void) snprintf(ret, n, "%s; ", event->text);
                break;

        case OUTBOX_EVENT_DISK_ERROR:
                (void) snprintf(ret, n, "%s: %s; ", event->text, strerrorname_np(event->error));
                break;

        case _OUTBOX_EVENT_TYPE_MAX:
                ck_abort();
        }
}

void fixture_settle(Fixture *f) {
        OutboxEvent event;

        disk_drain(f->disk);
        while (outbox_next_event(f->outbox, &event)) {
                size_t n = strlen(f->log);

                log_event(&event, f->log + n, sizeof(f->log) - n);
                f->n_events[event.type]++;
                f->last[event.type] = event;
        }
}

int fixture_append(Fixture *f, const char *body, uint64_t *ret_sequence) {
        OutboxMessage message = { .body = az_span_create_from_str((char *) body) };

        return outbox_append(f->outbox, &message, 1, &f->now, ret_sequence);
}

uint64_t fixture_send(Fixture *f, const char *body) {
        uint64_t sequence;

        ck_assert_int_eq(fixture_append(f, body, &sequence), 0);
        return sequence;
}

size_t fixture_fill(Fixture *f, size_t n_body, int *ret_result) {
        uint8_t *body = calloc(1, n_body);
        OutboxMessage message = { .body = az_span_create(body, (int32_t) n_body) };
        uint64_t sequence;
        size_t n = 0;
        int r;

        for (;;) {
                r = outbox_append(f->outbox, &message, 1, &f->now, &sequence);
                if (r == OUTBOX_BUSY)
                        fixture_settle(f);
                else if (r != 0)
                        break;
                else
                        n++;
        }
        free(body);
        *ret_result = r;
        return n;
}

bool fixture_next(Fixture *f, OutboxRecord *ret) {
        for (;;) {
                unsigned n_read = f->n_events[OUTBOX_EVENT_READABLE];

                if (outbox_next(f->outbox, &f->now, ret) == 1)
                        return true;
                fixture_settle(f);
                if (f->n_events[OUTBOX_EVENT_READABLE] == n_read)
                        return false;
        }
}

size_t fixture_drain(Fixture *f) {
        OutboxRecord record;
        size_t n;

        for (n = 0; fixture_next(f, &record); n++)
                outbox_acked(f->outbox, record.sequence);
        return n;
}

const char *fixture_read_all(Fixture *f, char *buffer, size_t n) {
        OutboxRecord record;
        size_t length = 0;

        buffer[0] = '\0';
        while (fixture_next(f, &record)) {
                ck_assert_uint_lt(length, n);
                length += (size_t) snprintf(buffer + length, n - length, "%.*s ", az_span_size(record.body),
                                            (const char *) az_span_ptr(record.body));
        }
        return buffer;
}

OutboxStats fixture_stats(const Fixture *f) {
        OutboxStats stats;

        outbox_get_stats(f->outbox, &stats);
        return stats;
}
