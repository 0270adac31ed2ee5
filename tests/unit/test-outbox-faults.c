/* SPDX-License-Identifier: MIT */

/*
 * A disk, and a memory, that fail. Whatever fails: no crash, no leak, a plain answer, and afterwards
 * everything that was accepted is there.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/outboxes.h"

#include "fault.h"
#include "outbox-fixture.h"

/* ---- The story ---- */

#define N_STORY    24U
#define BODY_BYTES 900U /* four records to a segment */

static Fixture fixture;
static Fixture *const f = &fixture;

/* Of the story, in the directory of the fixture. */
static Outboxes *outboxes;

/* What was promised of the message with the number that its body begins with. */
static struct {
        bool was_appended;
        bool was_accepted;
        bool was_acked;
} promises[N_STORY + 1];

/* Calls of the library's own that allocate must not be made while faults are on: hence no ck_assert() here.
 */
static void story_settle(void) {
        OutboxEvent event;

        disk_drain(f->disk);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                while (outbox_next_event(outboxes_get(outboxes, p), &event))
                        ;
}

/* Every third message is an alarm; the two behind it are a batch. */
static Priority priority_of(unsigned number) {
        return number % 3 == 1 ? PRIORITY_HIGH : PRIORITY_NORMAL;
}

static void story_append(unsigned first, size_t n) {
        char bodies[3][BODY_BYTES];
        OutboxMessage messages[3];
        uint64_t sequence = 0;
        int r = OUTBOX_BUSY;

        for (unsigned i = 0; i < n; i++) {
                /* Not what a segment may have there already, so that half a write leaves half a message. */
                memset(bodies[i], 'a' + (int) (first + i), BODY_BYTES);
                (void) snprintf(bodies[i], BODY_BYTES, "%u", first + i);
                messages[i] = (OutboxMessage){ .body = AZ_SPAN_FROM_BUFFER(bodies[i]) };
                promises[first + i].was_appended = true;
        }
        for (int tries = 0; tries < 3 && r != 0; tries++) {
                r = outboxes_append(outboxes, priority_of(first), messages, n, NULL, &f->now, &sequence);
                if (r == OUTBOX_BUSY)
                        story_settle();
        }
        if (r != 0)
                return;
        for (unsigned i = 0; i < n; i++)
                promises[first + i].was_accepted = true;
        (void) outbox_request_sync(outboxes_get(outboxes, priority_of(first)), sequence + n - 1);
}

static void story_send(Priority priority, unsigned n) {
        Outbox *outbox = outboxes_get(outboxes, priority);
        OutboxRecord record;

        for (unsigned i = 0; i < n; i++) {
                if (outbox_next(outbox, &f->now, &record) == 0) {
                        story_settle();
                        if (outbox_next(outbox, &f->now, &record) == 0)
                                return;
                }
                if (i % 2 == 0) {
                        unsigned number =
                                (unsigned) strtoul((const char *) az_span_ptr(record.body), NULL, 10);

                        outbox_acked(outbox, record.sequence);
                        promises[number].was_acked = true;
                }
        }
        outbox_rewind(outbox);
}

static int story_open(void) {
        OutboxesConfig config = {
                .directory = f->directory,
                .max_bytes = 16 * f->config.segment_bytes,
                .segment_bytes = f->config.segment_bytes,
                .sync_interval_us = 2 * USEC_PER_SEC,
        };

        return outboxes_open(&outboxes, f->disk, &config, &f->now);
}

/* From the number 'first', in outboxes that are opened and left again. Returns what outboxes_open() did. */
static int story(unsigned first) {
        int r;

        r = story_open();
        if (r < 0)
                return r;
        for (unsigned i = 0; i < N_STORY / 2; i += 3) {
                story_append(first + i, 1);
                story_append(first + i + 1, 2);
                story_send(PRIORITY_HIGH, i % 2 == 0 ? 0 : 2); /* so that some of them remain */
                story_send(PRIORITY_NORMAL, 3);
                f->now.boottime_us += 3 * USEC_PER_SEC;
                outboxes_run_due(outboxes, f->now.boottime_us);
                story_settle();
        }
        if (first == 1)
                (void) outboxes_close(outboxes);
        outboxes = outboxes_free(outboxes);
        return 0;
}

static bool next_message(Priority priority, OutboxRecord *ret) {
        for (int n_tries = 0; n_tries < 3; n_tries++) {
                if (outbox_next(outboxes_get(outboxes, priority), &f->now, ret) == 1)
                        return true;
                story_settle();
        }
        return false;
}

static void check_missing(int n, Priority priority, unsigned first, unsigned end) {
        for (unsigned i = first; i < end; i++)
                ck_assert_msg(priority_of(i) != priority || !promises[i].was_accepted ||
                                      promises[i].was_acked,
                              "call %d: message %u is lost", n, i);
}

static void check_priority(int n, Priority priority) {
        OutboxRecord record;
        unsigned last = 0;

        while (next_message(priority, &record)) {
                unsigned number = (unsigned) strtoul((const char *) az_span_ptr(record.body), NULL, 10);

                ck_assert_msg(number > last && number <= N_STORY && priority_of(number) == priority,
                              "call %d: message %u after %u", n, number, last);
                ck_assert_msg(promises[number].was_accepted, "call %d: message %u had been refused", n,
                              number);
                check_missing(n, priority, last + 1, number);
                outbox_acked(outboxes_get(outboxes, priority), record.sequence);
                last = number;
        }
        check_missing(n, priority, last + 1, N_STORY + 1);
}

/* Opens them on a disk that works again, and looks for what was promised. */
static void check_promises(int n) {
        OutboxMessage after = { .body = AZ_SPAN_FROM_STR("after") };
        uint64_t sequence;

        ck_assert_int_eq(story_open(), 0);
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                check_priority(n, p);
                /* And it is of use. */
                story_settle();
                ck_assert_int_eq(outboxes_append(outboxes, p, &after, 1, NULL, &f->now, &sequence), 0);
        }
        ck_assert_uint_ge(scratch_count_files(f->directory, "segment-"), 1);
        ck_assert_int_eq(outboxes_close(outboxes), 0);
        outboxes = outboxes_free(outboxes);
}

START_TEST(what_was_accepted_is_there_whichever_call_failed) {
        const FaultCase *fault = &fault_cases[_i];
        bool was_hit = true;

        for (int n = 1; was_hit; n++) {
                int r = 0;

                memset(promises, 0, sizeof(promises));
                fixture_init(f);
                if (fault->in_second)
                        ck_assert_int_eq(story(1), 0);

                fault_begin_case(fault, n);
                r = story(fault->in_second ? 1 + N_STORY / 2 : 1);
                was_hit = fault_end();

                ck_assert_msg(r == 0 || (r == -ENOMEM && fault->kind == FAULT_MEMORY), "call %d: %d", n, r);
                check_promises(n);
                fixture_done(f);
        }
}
END_TEST

/* ---- Single stories ---- */

START_TEST(a_failed_sync_answers_those_who_waited_and_the_segment_retires) {
        uint64_t a, b, c;

        fixture_init(f);
        fixture_open(f);
        fixture_settle(f);
        a = fixture_send(f, "a");
        ck_assert_int_eq(outbox_request_sync(f->outbox, a), 0);
        fixture_settle(f);
        fault_begin(FAULT_SYNC, 1, EIO, false, false);
        b = fixture_send(f, "b");
        ck_assert_int_eq(outbox_request_sync(f->outbox, b), 0);
        fixture_settle(f);
        ck_assert(fault_end());
        ck_assert_str_eq(f->log, "synced 1; sync failed 2..2 EIO; ");
        ck_assert_int_eq(outbox_storage_errno(f->outbox), EIO);
        ck_assert_int_eq(outbox_request_sync(f->outbox, a), OUTBOX_SYNCED);
        ck_assert_int_eq(outbox_request_sync(f->outbox, b), OUTBOX_STORAGE_FAILED);

        c = fixture_send(f, "c");
        ck_assert_int_eq(outbox_request_sync(f->outbox, c), 0);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "synced 1; sync failed 2..2 EIO; synced 3; ");
        ck_assert_uint_eq(scratch_count_files(f->directory, "segment-"), 3);
        ck_assert_uint_eq(fixture_drain(f), 3);
        fixture_done(f);
}
END_TEST

START_TEST(many_who_wait_share_a_sync) {
        int n_syncs;

        fixture_init(f);
        fixture_open(f);
        fixture_settle(f);
        (void) fault_take_syncs();
        for (int i = 0; i < 50; i++)
                ck_assert_int_eq(outbox_request_sync(f->outbox, fixture_send(f, "x")), 0);
        fixture_settle(f);
        n_syncs = fault_take_syncs();
        ck_assert_int_ge(n_syncs, 1);
        ck_assert_int_le(n_syncs, 4);
        ck_assert_uint_eq(f->last[OUTBOX_EVENT_SYNCED].last, 50);

        /* Acceptance alone costs no sync. */
        for (int i = 0; i < 10; i++)
                fixture_send(f, "x");
        fixture_settle(f);
        ck_assert_int_eq(fault_take_syncs(), 0);
        fixture_done(f);
}
END_TEST

START_TEST(a_backlog_that_cannot_be_read_for_a_moment_is_read_again) {
        char all[64];

        fixture_init(f);
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_stop(f);
        fixture_open(f);
        fault_begin(FAULT_DISK, 1, EIO, false, false);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b ");
        ck_assert(fault_end());
        ck_assert_str_eq(f->log, "");
        fixture_done(f);
}
END_TEST

START_TEST(a_backlog_that_stays_unreadable_is_given_up_after_a_minute_of_tries) {
        OutboxRecord record;
        uint64_t begin;

        fixture_init(f);
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_stop(f);
        fixture_open(f);
        begin = f->now.boottime_us;
        fault_begin(FAULT_DISK, 1, EIO, true, false);
        while (!fixture_next(f, &record) && fixture_stats(f).messages > 0) {
                f->now.boottime_us = outbox_deadline_us(f->outbox);
                outbox_run_due(f->outbox, f->now.boottime_us);
        }
        ck_assert(fault_end());
        ck_assert_uint_eq(f->now.boottime_us, begin + 58 * USEC_PER_SEC);
        ck_assert_ptr_nonnull(strstr(f->log, "Failed to read a part of the outbox: EIO; "));
        ck_assert_ptr_nonnull(
                strstr(f->log, "dropped 1..2 damaged; segment-0000: the messages 1..2 cannot be read; "));

        /* The file stays as it is, since its bytes may come back: here, after a crash. */
        fixture_send(f, "c");
        ck_assert_uint_eq(fixture_drain(f), 1);
        fixture_crash(f);
        fixture_open(f);
        ck_assert_uint_eq(fixture_drain(f), 3);
        fixture_done(f);
}
END_TEST

START_TEST(a_full_outbox_of_which_nothing_can_be_read_opens_all_the_same) {
        bool was_hit = true;

        for (int n = 1; was_hit; n++) {
                OutboxMessage message = { .body = AZ_SPAN_FROM_STR("x") };
                uint64_t sequence;
                int r;

                fixture_init(f);
                f->config.policy = OUTBOX_REJECT;
                fixture_open(f);
                (void) fixture_fill(f, BODY_BYTES, &r);
                fixture_stop(f);

                f->config.policy = OUTBOX_DROP_OLDEST;
                fault_begin(FAULT_DISK, n, EIO, true, false);
                r = outbox_open(&f->outbox, f->disk, &f->config, &f->now);
                (void) outbox_append(f->outbox, &message, 1, &f->now, &sequence);
                f->outbox = outbox_free(f->outbox);
                was_hit = fault_end();
                ck_assert_int_eq(r, 0);

                fixture_open(f);
                ck_assert_uint_ge(fixture_drain(f), 8); /* two of the four segments at least */
                fixture_done(f);
        }
}
END_TEST

static Suite *outbox_faults_suite(void) {
        Suite *s = suite_create("outbox-faults");
        TCase *t = tcase_create("nth call");

        tcase_set_timeout(t, 100);
        tcase_add_loop_test(t, what_was_accepted_is_there_whichever_call_failed, 0, FAULT_CASES_MAX);
        suite_add_tcase(s, t);

        t = tcase_create("stories");
        tcase_add_test(t, a_failed_sync_answers_those_who_waited_and_the_segment_retires);
        tcase_add_test(t, many_who_wait_share_a_sync);
        tcase_add_test(t, a_backlog_that_cannot_be_read_for_a_moment_is_read_again);
        tcase_add_test(t, a_backlog_that_stays_unreadable_is_given_up_after_a_minute_of_tries);
        tcase_add_test(t, a_full_outbox_of_which_nothing_can_be_read_opens_all_the_same);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_faults_suite)
