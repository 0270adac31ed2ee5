/* SPDX-License-Identifier: MIT */

#include "daemon/outbox.h"

#include "outbox-fixture.h"

/* A record of so many bytes of body takes 160 bytes, so that a segment of the fixture holds 25 of them. */
#define BODY_BYTES  96U
#define PER_SEGMENT 25U

static Fixture fixture;
static Fixture *const f = &fixture;

static void setup(void) {
        fixture_init(f);
        fixture_open(f);
}

static void setup_closed(void) {
        fixture_init(f);
}

static void teardown(void) {
        fixture_done(f);
}

static void restart(void) {
        fixture_stop(f);
        fixture_open(f);
}

/* Appends one message with so many zeros. */
static int append(size_t n_body) {
        uint8_t body[BODY_BYTES] = {};
        OutboxMessage message = { .body = az_span_create(body, (int32_t) n_body) };
        uint64_t sequence;

        return outbox_append(f->outbox, &message, 1, &f->now, &sequence);
}

/* ---- Order and window ---- */

START_TEST(messages_come_out_in_order_as_they_went_in) {
        OutboxMessage messages[] = {
                { .properties = AZ_SPAN_FROM_STR("a=1"), .body = AZ_SPAN_FROM_STR("one"), .flags = 1 },
                { .properties = AZ_SPAN_EMPTY, .body = AZ_SPAN_FROM_STR("{\"n\":9007199254740993}") },
                { .properties = AZ_SPAN_FROM_STR("b=2"), .body = AZ_SPAN_EMPTY, .flags = 0xff },
        };
        OutboxRecord record;
        uint64_t first;

        ck_assert_int_eq(outbox_append(f->outbox, messages, 3, &f->now, &first), 0);
        for (size_t i = 0; i < 3; i++) {
                ck_assert(fixture_next(f, &record));
                ck_assert_uint_eq(record.sequence, first + i);
                ck_assert(az_span_is_content_equal(record.properties, messages[i].properties));
                ck_assert(az_span_is_content_equal(record.body, messages[i].body));
                ck_assert_uint_eq(record.flags, messages[i].flags);
                ck_assert_uint_eq(record.realtime_us, f->now.realtime_us);
                ck_assert(!record.sent_before);
        }
        ck_assert(!fixture_next(f, &record));
}
END_TEST

START_TEST(sequences_are_consecutive) {
        uint64_t first = fixture_send(f, "a");

        ck_assert_uint_eq(fixture_send(f, "b"), first + 1);
        ck_assert_uint_eq(fixture_send(f, "c"), first + 2);
}
END_TEST

START_TEST(after_a_rewind_the_unacknowledged_come_again_in_order) {
        OutboxRecord record;
        uint64_t first = fixture_send(f, "a");
        char all[32];

        fixture_send(f, "b");
        fixture_send(f, "c");
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b c ");
        outbox_acked(f->outbox, first + 1);
        fixture_send(f, "d");

        outbox_rewind(f->outbox);
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, first);
        ck_assert(record.sent_before);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "c d ");

        outbox_rewind(f->outbox);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a c d ");
        for (uint64_t sequence = first; sequence < first + 4; sequence++)
                outbox_acked(f->outbox, sequence);
        outbox_rewind(f->outbox);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "");
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
}
END_TEST

START_TEST(the_head_is_beyond_what_is_acknowledged_also_after_a_rewind) {
        uint64_t first = fixture_send(f, "a");
        char all[32];

        fixture_send(f, "b");
        fixture_send(f, "c");
        (void) fixture_read_all(f, all, sizeof(all));
        outbox_acked(f->outbox, first + 1);
        ck_assert_uint_eq(outbox_get_head(f->outbox), first);

        outbox_rewind(f->outbox);
        (void) fixture_read_all(f, all, sizeof(all));
        outbox_acked(f->outbox, first);
        ck_assert_uint_eq(outbox_get_head(f->outbox), first + 2);
        outbox_acked(f->outbox, first + 2);
        ck_assert_uint_eq(outbox_get_head(f->outbox), first + 3);
}
END_TEST

START_TEST(an_acknowledgement_counts_once_and_only_for_what_was_handed_out) {
        OutboxRecord record;
        uint64_t first = fixture_send(f, "a");

        fixture_send(f, "b");
        outbox_acked(f->outbox, first);
        ck_assert_uint_eq(fixture_stats(f).messages, 2);

        ck_assert(fixture_next(f, &record));
        outbox_acked(f->outbox, first);
        outbox_acked(f->outbox, first);
        outbox_acked(f->outbox, 0);
        outbox_acked(f->outbox, UINT64_MAX);
        ck_assert_uint_eq(fixture_stats(f).messages, 1);
}
END_TEST

START_TEST(no_more_is_handed_out_than_the_window_holds) {
        OutboxRecord record;
        uint64_t first = 0;
        size_t n;

        f->config.segment_bytes = 1024 * 1024;
        f->config.max_bytes = 4 * f->config.segment_bytes;
        fixture_open(f);
        first = fixture_send(f, "x");
        for (n = 1; n < OUTBOX_WINDOW_MAX + 10; n++)
                fixture_send(f, "x");

        for (n = 0; fixture_next(f, &record); n++)
                ;
        ck_assert_uint_eq(n, OUTBOX_WINDOW_MAX);
        outbox_acked(f->outbox, first + 1);
        ck_assert(!fixture_next(f, &record));
        outbox_acked(f->outbox, first);
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, first + OUTBOX_WINDOW_MAX);
        ck_assert(fixture_next(f, &record));
        ck_assert(!fixture_next(f, &record));
}
END_TEST

START_TEST(a_backlog_larger_than_memory_comes_from_the_disk) {
        static uint8_t body[3000];
        OutboxMessage message = { .body = AZ_SPAN_FROM_BUFFER(body) };
        OutboxRecord record;
        uint64_t first = 0, sequence;
        const size_t n_messages = 1500;

        f->config.segment_bytes = 1024 * 1024;
        f->config.max_bytes = 8 * f->config.segment_bytes;
        fixture_open(f);
        for (size_t i = 0; i < n_messages; i++) {
                memset(body, (int) i, sizeof(body));
                while (outbox_append(f->outbox, &message, 1, &f->now, &sequence) == OUTBOX_BUSY)
                        fixture_settle(f);
                first = i == 0 ? sequence : first;
        }

        for (size_t i = 0; i < n_messages; i++) {
                memset(body, (int) i, sizeof(body));
                ck_assert(fixture_next(f, &record));
                ck_assert_uint_eq(record.sequence, first + i);
                ck_assert(az_span_is_content_equal(record.body, message.body));
                /* The link is lost now and then: the place on the disk has to be found again. */
                if (i % 100 == 50) {
                        outbox_rewind(f->outbox);
                        ck_assert(fixture_next(f, &record));
                        ck_assert_uint_eq(record.sequence, first + i);
                }
                outbox_acked(f->outbox, record.sequence);
        }
        ck_assert(!fixture_next(f, &record));
        ck_assert_uint_gt(f->n_events[OUTBOX_EVENT_READABLE], 5);
}
END_TEST

START_TEST(a_rewind_while_the_disk_is_read_loses_nothing) {
        OutboxRecord record;
        uint64_t first;
        int r;

        fixture_fill(f, BODY_BYTES, &r);
        restart();
        first = 1;
        ck_assert_int_eq(outbox_next(f->outbox, &f->now, &record), 0);
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, first);

        /* Reads to the end of the first segment, so that the next chunk is on its way. */
        for (uint64_t i = 1; i < PER_SEGMENT; i++)
                ck_assert_int_eq(outbox_next(f->outbox, &f->now, &record), 1);
        ck_assert_int_eq(outbox_next(f->outbox, &f->now, &record), 0);
        outbox_rewind(f->outbox);
        for (uint64_t i = 0; i < 3 * PER_SEGMENT; i++) {
                ck_assert(fixture_next(f, &record));
                ck_assert_uint_eq(record.sequence, first + i);
        }
}
END_TEST

/* ---- Limits ---- */

START_TEST(a_full_outbox_refuses_and_takes_again_when_a_segment_is_free) {
        OutboxRecord record;
        size_t n;
        int r;

        n = fixture_fill(f, BODY_BYTES, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        ck_assert_uint_eq(n, 4 * PER_SEGMENT);
        ck_assert_uint_eq(fixture_stats(f).messages, n);
        ck_assert_uint_eq(fixture_stats(f).bytes, fixture_stats(f).capacity_bytes - 4 * 96);

        f->log[0] = '\0';
        for (unsigned i = 0; i < PER_SEGMENT; i++) {
                ck_assert_int_eq(append(BODY_BYTES), OUTBOX_FULL);
                ck_assert(fixture_next(f, &record));
                outbox_acked(f->outbox, record.sequence);
        }
        ck_assert_int_eq(append(BODY_BYTES), OUTBOX_BUSY);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "space; ");
        ck_assert_int_eq(append(BODY_BYTES), 0);
        ck_assert_uint_eq(fixture_drain(f), 3 * PER_SEGMENT + 1);
}
END_TEST

START_TEST(when_told_so_a_full_outbox_drops_its_oldest_segment) {
        OutboxRecord record;

        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        for (unsigned i = 0; i < 10 * PER_SEGMENT; i++) {
                uint8_t body[BODY_BYTES] = {};
                OutboxMessage message = { .body = AZ_SPAN_FROM_BUFFER(body) };
                uint64_t sequence;
                int r;

                r = outbox_append(f->outbox, &message, 1, &f->now, &sequence);
                if (r == OUTBOX_BUSY) {
                        fixture_settle(f);
                        r = outbox_append(f->outbox, &message, 1, &f->now, &sequence);
                }
                ck_assert_int_eq(r, 0);
                ck_assert_uint_eq(sequence, i + 1);
                fixture_settle(f);
        }
        ck_assert_uint_eq(fixture_stats(f).messages, 3 * PER_SEGMENT);
        ck_assert_uint_eq(fixture_stats(f).n_dropped[OUTBOX_DROP_OLDER], 7 * PER_SEGMENT);
        ck_assert_uint_eq(f->last[OUTBOX_EVENT_DROPPED].last, 7 * PER_SEGMENT);
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, 7 * PER_SEGMENT + 1);
        ck_assert_uint_le(scratch_count_files(f->directory, "segment-"), 4);
}
END_TEST

START_TEST(the_number_of_messages_can_be_limited) {
        OutboxRecord record;
        uint64_t sequence;

        f->config.max_messages = 3;
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_send(f, "c");
        ck_assert_int_eq(fixture_append(f, "d", &sequence), OUTBOX_FULL);
        ck_assert(fixture_next(f, &record));
        ck_assert_int_eq(fixture_append(f, "d", &sequence), OUTBOX_FULL);
        outbox_acked(f->outbox, record.sequence);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "space; ");
        ck_assert_int_eq(fixture_append(f, "d", &sequence), 0);
}
END_TEST

START_TEST(above_the_number_the_oldest_that_were_not_handed_out_are_dropped) {
        char all[32];
        OutboxRecord record;

        f->config.max_messages = 3;
        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        fixture_send(f, "a");
        ck_assert(fixture_next(f, &record));
        fixture_send(f, "b");
        fixture_send(f, "c");
        fixture_send(f, "d");
        fixture_send(f, "e");
        ck_assert_uint_eq(fixture_stats(f).messages, 3);
        ck_assert_uint_eq(fixture_stats(f).n_dropped[OUTBOX_DROP_OLDER], 2);

        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "d e ");
        ck_assert_str_eq(f->log, "dropped 2..3 overflow; ");
        outbox_rewind(f->outbox);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a d e ");
        ck_assert_uint_eq(fixture_stats(f).messages, 3);
}
END_TEST

static const struct {
        size_t n_messages, n_properties, n_body;
        int result;
} sizes[] = {
        { 1, 0, OUTBOX_BODY_MAX, 0 },
        { 1, 0, OUTBOX_BODY_MAX + 1, OUTBOX_TOO_LARGE },
        { 1, OUTBOX_PROPERTIES_MAX, OUTBOX_BODY_MAX, 0 },
        { 1, OUTBOX_PROPERTIES_MAX + 1, 0, OUTBOX_TOO_LARGE },
        { 3, 0, OUTBOX_BODY_MAX, 0 },
        { 4, 0, OUTBOX_BODY_MAX, OUTBOX_TOO_LARGE },
        { 5, 0, 0, 0 },
        { 6, 0, 0, OUTBOX_TOO_LARGE },
};

START_TEST(a_batch_that_no_segment_holds_is_too_large) {
        static uint8_t bytes[OUTBOX_BODY_MAX + 1];
        OutboxMessage messages[6];
        OutboxRecord record;
        uint64_t first;

        f->config.max_messages = 5;
        f->config.segment_bytes = 1024 * 1024;
        f->config.max_bytes = 3 * f->config.segment_bytes;
        fixture_open(f);
        for (size_t i = 0; i < sizes[_i].n_messages; i++)
                messages[i] = (OutboxMessage){
                        .properties = az_span_create(bytes, (int32_t) sizes[_i].n_properties),
                        .body = az_span_create(bytes, (int32_t) sizes[_i].n_body),
                };
        ck_assert_int_eq(outbox_append(f->outbox, messages, sizes[_i].n_messages, &f->now, &first),
                         sizes[_i].result);
        if (sizes[_i].result != 0)
                return;
        restart();
        ck_assert(fixture_next(f, &record));
        ck_assert_int_eq(az_span_size(record.body), (int32_t) sizes[_i].n_body);
}
END_TEST

START_TEST(segments_are_used_again) {
        for (unsigned round = 0; round < 40; round++) {
                for (unsigned i = 0; i < PER_SEGMENT; i++) {
                        uint64_t sequence;

                        while (fixture_append(f, "a message whose record takes ninety-six bytes",
                                              &sequence) != 0)
                                fixture_settle(f);
                }
                ck_assert_uint_eq(fixture_drain(f), PER_SEGMENT);
                fixture_settle(f);
        }
        ck_assert_uint_le(scratch_count_files(f->directory, "segment-"), 3);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        ck_assert_uint_eq(fixture_stats(f).bytes, 0);
}
END_TEST

/* ---- Time to live ---- */

static const struct {
        uint32_t ttl_s;
        int64_t boots, boottime_s, realtime_s; /* how far these have moved */
        bool expires;
        const char *why;
} ages[] = {
        { 0, 0, 1000000, 1000000, false, "no time to live" },
        { 10, 0, 9, 9, false, "young" },
        { 10, 0, 10, 10, true, "old" },
        { 10, 0, 9, 1000, false, "the wall clock was set forward, but the boot says young" },
        { 10, 0, 10, -1000, true, "the wall clock was set back, but the boot says old" },
        { 10, 1, -60, 9, false, "another boot: the wall clock says young" },
        { 10, 1, -60, 10, true, "another boot: the wall clock says old" },
        { 10, 1, -60, -1000000, false, "another boot, and a wall clock that was reset" },
        { UINT32_MAX, 1, 0, 4000000000, false, "the longest time to live" },
};

static void move_clock(int row) {
        f->now.boot += (uint64_t) ages[row].boots;
        f->now.boottime_us += (uint64_t) ages[row].boottime_s * USEC_PER_SEC;
        f->now.realtime_us += (uint64_t) ages[row].realtime_s * USEC_PER_SEC;
}

START_TEST(a_message_expires_by_the_clock_that_can_be_trusted) {
        OutboxRecord record;
        OutboxMessage message = { .body = AZ_SPAN_FROM_STR("x"), .ttl_s = ages[_i].ttl_s };
        uint64_t sequence;

        f->now.boottime_us = 100 * USEC_PER_SEC;
        ck_assert_int_eq(outbox_append(f->outbox, &message, 1, &f->now, &sequence), 0);
        move_clock(_i);
        ck_assert_msg(fixture_next(f, &record) != ages[_i].expires, "%s", ages[_i].why);
        ck_assert_uint_eq(fixture_stats(f).n_dropped[OUTBOX_DROP_EXPIRED], ages[_i].expires);
        ck_assert_str_eq(f->log, ages[_i].expires ? "dropped 1..1 expired; " : "");
}
END_TEST

START_TEST(an_expired_segment_makes_room) {
        int r;

        f->config.ttl_s = ages[_i].ttl_s;
        f->now.boottime_us = 100 * USEC_PER_SEC;
        fixture_open(f);
        fixture_fill(f, BODY_BYTES, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        move_clock(_i);
        restart();
        r = append(BODY_BYTES);
        ck_assert_msg(r == (ages[_i].expires ? OUTBOX_BUSY : OUTBOX_FULL), "%s", ages[_i].why);
        ck_assert_uint_eq(fixture_stats(f).messages, ages[_i].expires ? 0 : 4 * PER_SEGMENT);
}
END_TEST

START_TEST(a_message_keeps_its_own_time_to_live) {
        OutboxMessage message = { .body = AZ_SPAN_FROM_STR("short"), .ttl_s = 5 };
        uint64_t sequence;
        char all[32];

        f->config.ttl_s = 60;
        fixture_open(f);
        fixture_send(f, "long");
        ck_assert_int_eq(outbox_append(f->outbox, &message, 1, &f->now, &sequence), 0);
        fixture_send(f, "longer");
        f->now.boottime_us += 10 * USEC_PER_SEC;
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "long longer ");
        ck_assert_str_eq(f->log, "dropped 2..2 expired; ");
}
END_TEST

START_TEST(expired_messages_do_not_count_against_the_number) {
        uint64_t sequence;

        f->config.max_messages = 2;
        f->config.ttl_s = 5;
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_settle(f);
        ck_assert_int_eq(fixture_append(f, "c", &sequence), OUTBOX_FULL);
        f->now.boottime_us += 5 * USEC_PER_SEC;
        ck_assert_int_eq(fixture_append(f, "c", &sequence), 0);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "dropped 1..2 expired; ");
}
END_TEST

/* ---- Durable ---- */

START_TEST(a_sync_is_answered_once_for_all_who_wait) {
        uint64_t a = fixture_send(f, "a"), b = fixture_send(f, "b");

        ck_assert_int_eq(outbox_request_sync(f->outbox, 0), OUTBOX_SYNCED); /* nothing was sent before */
        ck_assert_int_eq(outbox_request_sync(f->outbox, a), 0);
        ck_assert_int_eq(outbox_request_sync(f->outbox, b), 0);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "synced 2; ");
        ck_assert_int_eq(outbox_request_sync(f->outbox, a), OUTBOX_SYNCED);
        ck_assert_int_eq(outbox_request_sync(f->outbox, b), OUTBOX_SYNCED);
}
END_TEST

START_TEST(a_sync_covers_every_segment_that_is_not_synced) {
        uint64_t last = 0;

        for (unsigned i = 0; i < 2 * PER_SEGMENT; i++) {
                uint8_t body[BODY_BYTES] = {};
                OutboxMessage message = { .body = AZ_SPAN_FROM_BUFFER(body) };

                while (outbox_append(f->outbox, &message, 1, &f->now, &last) != 0)
                        fixture_settle(f);
        }
        ck_assert_int_eq(outbox_request_sync(f->outbox, last), 0);
        fixture_settle(f);
        ck_assert_uint_eq(f->last[OUTBOX_EVENT_SYNCED].last, last);
        ck_assert_int_eq(outbox_request_sync(f->outbox, last), OUTBOX_SYNCED);
}
END_TEST

/* ---- The cursor ---- */

START_TEST(the_cursor_is_written_soon_after_the_start_then_once_a_second_while_it_changes) {
        uint64_t deadline;

        fixture_settle(f);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);

        fixture_send(f, "a");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
        ck_assert_uint_eq(fixture_drain(f), 1);
        deadline = outbox_deadline_us(f->outbox);
        ck_assert_uint_eq(deadline, f->now.boottime_us + 100 * USEC_PER_MSEC);

        outbox_run_due(f->outbox, deadline - 1);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), deadline);
        outbox_run_due(f->outbox, deadline);
        fixture_settle(f);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);

        f->now.boottime_us = deadline;
        fixture_send(f, "b");
        ck_assert_uint_eq(fixture_drain(f), 1);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), deadline + USEC_PER_SEC);
}
END_TEST

START_TEST(a_clean_stop_remembers_what_is_acknowledged) {
        OutboxRecord record;
        uint64_t first = fixture_send(f, "a");
        char id[16], all[32];

        fixture_send(f, "b");
        fixture_send(f, "c");
        fixture_send(f, "d");
        for (int i = 0; i < 3; i++)
                ck_assert(fixture_next(f, &record));
        outbox_acked(f->outbox, first);
        outbox_acked(f->outbox, first + 2);
        (void) snprintf(id, sizeof(id), "%s", outbox_get_id(f->outbox));
        ck_assert_uint_eq(strlen(id), 8);

        restart();
        ck_assert_str_eq(outbox_get_id(f->outbox), id);
        ck_assert_uint_eq(fixture_stats(f).messages, 2);
        ck_assert_uint_eq(fixture_send(f, "e"), first + 4);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "b d e ");
        ck_assert_str_eq(f->log, "");
}
END_TEST

START_TEST(after_a_crash_the_unacknowledged_are_there_and_at_most_a_second_comes_again) {
        char all[32];

        fixture_send(f, "a");
        fixture_send(f, "b");
        ck_assert_uint_eq(fixture_drain(f), 2);
        outbox_run_due(f->outbox, f->now.boottime_us + USEC_PER_SEC);
        fixture_send(f, "c");
        ck_assert_uint_eq(fixture_drain(f), 1);
        fixture_send(f, "d");

        fixture_crash(f);
        fixture_open(f);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "c d ");
        ck_assert_uint_eq(fixture_send(f, "e"), 5);
}
END_TEST

START_TEST(after_a_reboot_sequences_that_may_have_been_lost_are_not_used_again) {
        uint64_t last = fixture_send(f, "a"), next;
        char all[32];

        restart();
        ck_assert_uint_eq(fixture_send(f, "b"), last + 1);
        fixture_stop(f);
        f->now.boot++;
        fixture_open(f);
        next = fixture_send(f, "c");
        ck_assert_uint_ge(next, last + 1000000);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b c ");
        for (uint64_t sequence = next; sequence > 0; sequence = sequence == next ? 2 : sequence - 1)
                outbox_acked(f->outbox, sequence);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        restart();
        ck_assert_uint_eq(fixture_send(f, "d"), next + 1);
}
END_TEST

START_TEST(sequences_rise_even_when_nothing_is_left) {
        uint64_t last = 0;

        for (unsigned round = 0; round < 3 * PER_SEGMENT; round++) {
                uint64_t sequence;

                while (fixture_append(f, "a message whose record takes ninety-six bytes", &sequence) != 0)
                        fixture_settle(f);
                ck_assert_uint_gt(sequence, last);
                last = sequence;
                ck_assert_uint_eq(fixture_drain(f), 1);
                restart();
        }
}
END_TEST

START_TEST(the_oldest_message_is_known_by_its_time) {
        OutboxRecord record;

        ck_assert_uint_eq(fixture_stats(f).oldest_realtime_us, 0);
        fixture_send(f, "a");
        f->now.realtime_us += 1000;
        fixture_send(f, "b");
        ck_assert_uint_eq(fixture_stats(f).oldest_realtime_us, f->now.realtime_us - 1000);
        restart();
        ck_assert_uint_eq(fixture_stats(f).oldest_realtime_us, f->now.realtime_us - 1000);
        ck_assert(fixture_next(f, &record));
        ck_assert(fixture_next(f, &record));
        outbox_acked(f->outbox, record.sequence - 1);
        ck_assert_uint_eq(fixture_stats(f).oldest_realtime_us, f->now.realtime_us);
        outbox_acked(f->outbox, record.sequence);
        ck_assert_uint_eq(fixture_stats(f).oldest_realtime_us, 0);
}
END_TEST

/* ---- Opening ---- */

static const struct {
        uint64_t max_bytes, segment_bytes, capacity_bytes;
        int result;
} configs[] = {
        { 3 * 1024 * 1024, 0, 3 * (1024 * 1024 - 4096), 0 },
        { 64 * 1024 * 1024, 0, 16 * (4 * 1024 * 1024 - 4096), 0 },
        { 3 * 1024 * 1024 - 1, 0, 0, -EINVAL },
        { 3 * 8192, 8192, 3 * 4096, 0 },
        { 2 * 8192, 8192, 0, -EINVAL },
        { 3 * 4096, 4096, 0, -EINVAL },
        { 4ULL * 1024 * 1024 * 1024 + 16 * 1024 * 1024, 0, 0, -EINVAL },
        { 1024 * 1024 * 1024, 17 * 1024 * 1024, 0, -EINVAL },
};

START_TEST(the_size_decides_the_segments) {
        int r;

        f->config.directory = f->directory;
        f->config.max_bytes = configs[_i].max_bytes;
        f->config.segment_bytes = configs[_i].segment_bytes;
        r = outbox_open(&f->outbox, f->disk, &f->config, &f->now);
        ck_assert_int_eq(r, configs[_i].result);
        if (r == 0)
                ck_assert_uint_eq(fixture_stats(f).capacity_bytes, configs[_i].capacity_bytes);
}
END_TEST

START_TEST(a_directory_has_one_outbox_at_a_time) {
        Outbox *second;

        ck_assert_int_eq(outbox_open(&second, f->disk, &f->config, &f->now), -EBUSY);
}
END_TEST

START_TEST(a_smaller_size_keeps_what_is_there) {
        OutboxStats before;
        int r;

        f->config.max_bytes = 8 * f->config.segment_bytes;
        fixture_open(f);
        fixture_fill(f, BODY_BYTES, &r);
        before = fixture_stats(f);
        fixture_stop(f);

        f->config.max_bytes = 3 * f->config.segment_bytes;
        fixture_open(f);
        ck_assert_uint_eq(fixture_stats(f).messages, before.messages);
        fixture_fill(f, BODY_BYTES, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        ck_assert_uint_eq(fixture_drain(f), before.messages);
        fixture_fill(f, BODY_BYTES, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        ck_assert_uint_eq(fixture_stats(f).messages, 3 * PER_SEGMENT);
}
END_TEST

START_TEST(what_is_new_makes_room_in_a_smaller_size_at_once) {
        int r;

        f->config.max_bytes = 8 * f->config.segment_bytes;
        fixture_open(f);
        fixture_fill(f, BODY_BYTES, &r);
        fixture_stop(f);

        f->config.max_bytes = 3 * f->config.segment_bytes;
        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        fixture_settle(f);
        ck_assert_int_eq(append(BODY_BYTES), 0);
        ck_assert_uint_eq(fixture_stats(f).n_dropped[OUTBOX_DROP_OLDER], 7 * PER_SEGMENT);
        ck_assert_uint_eq(fixture_drain(f), PER_SEGMENT + 1);
}
END_TEST

START_TEST(files_that_a_smaller_size_has_no_room_for_go_at_the_next_start_when_they_are_empty) {
        OutboxRecord record;
        int r;

        f->config.max_bytes = 8 * f->config.segment_bytes;
        fixture_open(f);
        fixture_fill(f, BODY_BYTES, &r);
        for (unsigned i = 0; i < 3 * PER_SEGMENT; i++) {
                ck_assert(fixture_next(f, &record));
                outbox_acked(f->outbox, record.sequence);
        }
        fixture_stop(f);

        f->config.max_bytes = 3 * f->config.segment_bytes;
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "segment-"), 6); /* one is ready */
        ck_assert_uint_eq(fixture_drain(f), 5 * PER_SEGMENT);
        restart();
        ck_assert_uint_eq(scratch_count_files(f->directory, "segment-"), 3);
        fixture_fill(f, BODY_BYTES, &r);
        restart();
        ck_assert_uint_eq(fixture_drain(f), 3 * PER_SEGMENT);
}
END_TEST

START_TEST(another_segment_size_is_taken_up_as_segments_become_free_and_at_the_next_start) {
        uint64_t n;
        int r;

        fixture_fill(f, BODY_BYTES, &r);
        n = fixture_stats(f).messages;
        fixture_stop(f);
        f->config.segment_bytes *= 2;
        f->config.max_bytes *= 2;
        fixture_open(f);
        ck_assert_uint_eq(fixture_drain(f), n);
        restart();
        fixture_settle(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "segment-"), 2); /* the last, and one is ready */
        fixture_fill(f, BODY_BYTES, &r);
        ck_assert_uint_ge(fixture_stats(f).messages, 2 * n);
        n = fixture_stats(f).messages;
        restart();
        ck_assert_uint_eq(fixture_drain(f), n);
}
END_TEST

static Suite *outbox_suite(void) {
        Suite *s = suite_create("outbox");
        TCase *t = tcase_create("open");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, messages_come_out_in_order_as_they_went_in);
        tcase_add_test(t, sequences_are_consecutive);
        tcase_add_test(t, after_a_rewind_the_unacknowledged_come_again_in_order);
        tcase_add_test(t, the_head_is_beyond_what_is_acknowledged_also_after_a_rewind);
        tcase_add_test(t, an_acknowledgement_counts_once_and_only_for_what_was_handed_out);
        tcase_add_test(t, a_rewind_while_the_disk_is_read_loses_nothing);
        tcase_add_test(t, a_full_outbox_refuses_and_takes_again_when_a_segment_is_free);
        tcase_add_test(t, segments_are_used_again);
        tcase_add_loop_test(t, a_message_expires_by_the_clock_that_can_be_trusted, 0, ELEMENTSOF(ages));
        tcase_add_test(t, a_sync_is_answered_once_for_all_who_wait);
        tcase_add_test(t, a_sync_covers_every_segment_that_is_not_synced);
        tcase_add_test(t, the_cursor_is_written_soon_after_the_start_then_once_a_second_while_it_changes);
        tcase_add_test(t, a_clean_stop_remembers_what_is_acknowledged);
        tcase_add_test(t, after_a_crash_the_unacknowledged_are_there_and_at_most_a_second_comes_again);
        tcase_add_test(t, after_a_reboot_sequences_that_may_have_been_lost_are_not_used_again);
        tcase_add_test(t, sequences_rise_even_when_nothing_is_left);
        tcase_add_test(t, the_oldest_message_is_known_by_its_time);
        tcase_add_test(t, a_directory_has_one_outbox_at_a_time);
        tcase_add_test(t, another_segment_size_is_taken_up_as_segments_become_free_and_at_the_next_start);
        suite_add_tcase(s, t);

        t = tcase_create("configured");
        tcase_add_checked_fixture(t, setup_closed, teardown);
        tcase_add_test(t, no_more_is_handed_out_than_the_window_holds);
        tcase_add_test(t, a_backlog_larger_than_memory_comes_from_the_disk);
        tcase_add_test(t, when_told_so_a_full_outbox_drops_its_oldest_segment);
        tcase_add_test(t, the_number_of_messages_can_be_limited);
        tcase_add_test(t, above_the_number_the_oldest_that_were_not_handed_out_are_dropped);
        tcase_add_loop_test(t, a_batch_that_no_segment_holds_is_too_large, 0, ELEMENTSOF(sizes));
        tcase_add_loop_test(t, an_expired_segment_makes_room, 0, ELEMENTSOF(ages));
        tcase_add_test(t, a_message_keeps_its_own_time_to_live);
        tcase_add_test(t, expired_messages_do_not_count_against_the_number);
        tcase_add_loop_test(t, the_size_decides_the_segments, 0, ELEMENTSOF(configs));
        tcase_add_test(t, a_smaller_size_keeps_what_is_there);
        tcase_add_test(t, what_is_new_makes_room_in_a_smaller_size_at_once);
        tcase_add_test(t, files_that_a_smaller_size_has_no_room_for_go_at_the_next_start_when_they_are_empty);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_suite)
