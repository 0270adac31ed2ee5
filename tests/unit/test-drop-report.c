/* SPDX-License-Identifier: MIT */

#include "daemon/drop-report.h"

#include <inttypes.h>

#include "daemon/drop-report-file.h"
#include "daemon/state-json.h"
#include "tests/unit/fault.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define NOW UINT64_C(1790000000)

typedef struct Fixture {
        char outbox[SCRATCH_SIZE], state[SCRATCH_SIZE];
        OutboxTime now;
        Log log;
        Disk *disk;
        Outboxes *outboxes;
        DropReport *report;
        bool is_recovered;
        uint64_t max_messages;
        char told[1024]; /* the last message that was read from the outbox: its properties and its body */
} Fixture;

static Fixture fixture;
static Fixture *const f = &fixture;

static void start(void) {
        const OutboxesConfig config = {
                .directory = f->outbox,
                .max_bytes = OUTBOXES_BYTES_MIN,
                .max_messages = f->max_messages,
                .ttl_s = 5,
        };

        ck_assert_int_eq(outboxes_open(&f->outboxes, f->disk, &config, &f->now), 0);
        ck_assert_int_eq(drop_report_new(&f->report, f->outboxes, f->disk, f->state, &f->log), 0);
}

/* As SIGKILL does, but what the disk has begun is finished. */
static void crash(void) {
        f->report = drop_report_free(f->report);
        f->outboxes = outboxes_free(f->outboxes);
}

static void setup(void) {
        *f = (Fixture){
                .now = { .boot = 1, .boottime_us = USEC_PER_SEC, .realtime_us = NOW * USEC_PER_SEC },
                .log.max_level = -1,
                .is_recovered = true,
        };
        scratch_init(f->outbox, "drop-report-outbox");
        scratch_init(f->state, "drop-report");
        ck_assert_int_eq(disk_new(&f->disk), 0);
        start();
        f->now.realtime_us += 7 * USEC_PER_SEC; /* since counting began */
}

static void teardown(void) {
        char high[SCRATCH_SIZE + 8];

        crash();
        f->disk = disk_free(f->disk);
        scratch_path(f->outbox, "high", high, sizeof(high));
        scratch_done(high);
        scratch_done(f->outbox);
        scratch_done(f->state);
}

static Outbox *normal(void) {
        return outboxes_get(f->outboxes, PRIORITY_NORMAL);
}

/* One turn of the loop, and all that the disk does for it. */
static void turn(void) {
        OutboxEvent event;

        drop_report_run_due(f->report, f->is_recovered, &f->now);
        disk_drain(f->disk);
        while (outbox_next_event(normal(), &event))
                ;
}

/* As many turns as a report needs from its beginning to its end. */
static void run(void) {
        for (unsigned i = 0; i < 4; i++)
                turn();
}

/* Waits for the disk, should that be what is missing. */
static bool next(OutboxRecord *ret) {
        if (outbox_next(normal(), &f->now, ret) > 0)
                return true;
        disk_drain(f->disk);
        return outbox_next(normal(), &f->now, ret) > 0;
}

/* Reads all that is in the outbox; returns the number of messages. */
static size_t drain(void) {
        OutboxRecord record;
        size_t n = 0;

        f->told[0] = '\0';
        for (; next(&record); n++) {
                (void) snprintf(f->told, sizeof(f->told), "%.*s %.*s", az_span_size(record.properties),
                                (const char *) az_span_ptr(record.properties), az_span_size(record.body),
                                (const char *) az_span_ptr(record.body));
                outbox_acked(normal(), record.sequence);
        }
        return n;
}

static void refuse(Priority priority, uint64_t n) {
        outbox_count_refused(outboxes_get(f->outboxes, priority), n);
}

static void send_one(void) {
        const OutboxMessage message = { .body = AZ_SPAN_FROM_STR("old") };
        uint64_t sequence;

        ck_assert_int_eq(outboxes_append(f->outboxes, PRIORITY_NORMAL, &message, 1, NULL, &f->now, &sequence),
                         0);
}

static void let_one_expire(void) {
        send_one();
        f->now.boottime_us += 6 * USEC_PER_SEC;
        f->now.realtime_us += 6 * USEC_PER_SEC;
        ck_assert_uint_eq(drain(), 0);
}

/* What the message says, without its properties. */
static const char *told(void) {
        return strchr(f->told, ' ') + 1;
}

START_TEST(what_was_dropped_is_told_once) {
        char mid[64];

        let_one_expire();
        refuse(PRIORITY_NORMAL, 2);
        refuse(PRIORITY_HIGH, 1);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_str_eq(told(),
                         "{\"dropped\":{\"expired\":1,\"refused\":3},\"ofHighPriority\":{\"refused\":1},"
                         "\"since\":\"2026-09-21T14:13:20.000Z\",\"until\":\"2026-09-21T14:13:33.000Z\"}");
        (void) snprintf(mid, sizeof(mid), "%%24.mid=%s-dropped-%" PRIu64 "&", outbox_get_id(normal()),
                        f->now.realtime_us);
        ck_assert_msg(strstr(f->told, mid) && strstr(f->told, "aziotd=dropped"), "%s", f->told);

        f->now.boottime_us += 3600 * USEC_PER_SEC;
        run();
        ck_assert_uint_eq(drain(), 0);
}
END_TEST

START_TEST(the_next_one_tells_of_what_came_since) {
        refuse(PRIORITY_NORMAL, 2);
        run();
        ck_assert_uint_eq(drain(), 1);
        f->now.boottime_us += 3600 * USEC_PER_SEC;
        f->now.realtime_us += 3600 * USEC_PER_SEC;
        refuse(PRIORITY_NORMAL, 5);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_str_eq(told(), "{\"dropped\":{\"refused\":5},\"since\":\"2026-09-21T14:13:27.000Z\","
                                 "\"until\":\"2026-09-21T15:13:27.000Z\"}");
}
END_TEST

START_TEST(nothing_is_told_before_all_that_waited_is_sent_nor_without_a_reason) {
        run();
        ck_assert_uint_eq(drain(), 0);
        refuse(PRIORITY_NORMAL, 1);
        f->is_recovered = false;
        run();
        ck_assert_uint_eq(drain(), 0);
        ck_assert_uint_eq(drop_report_deadline_us(f->report), UINT64_MAX);
        f->is_recovered = true;
        run();
        ck_assert_uint_eq(drain(), 1);
}
END_TEST

START_TEST(there_is_one_a_minute_at_most) {
        refuse(PRIORITY_NORMAL, 1);
        run();
        refuse(PRIORITY_NORMAL, 1);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_uint_eq(drop_report_deadline_us(f->report), f->now.boottime_us + 60 * USEC_PER_SEC);
        f->now.boottime_us += 60 * USEC_PER_SEC;
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_uint_eq(drop_report_deadline_us(f->report), UINT64_MAX);
}
END_TEST

/* Killed after so many turns. Whatever was told before, it is told again by the same bytes, or not at all. */
START_TEST(a_kill_in_between_repeats_the_message_and_nothing_else) {
        char before[sizeof(f->told)] = "";
        size_t n_before, n_after;

        let_one_expire();
        refuse(PRIORITY_HIGH, 3);
        for (int i = 0; i < _i; i++)
                turn();
        n_before = drain();
        memcpy(before, f->told, sizeof(before));
        /* The cursor, too, without which what expired would expire again, and what was told would come again.
         */
        ck_assert_int_eq(outboxes_close(f->outboxes), 0);
        crash();
        f->now.realtime_us += USEC_PER_SEC;
        start();
        run();
        n_after = drain();
        ck_assert_uint_le(n_before, 1);
        ck_assert_uint_le(n_after, 1);
        ck_assert_uint_ge(n_before + n_after, 1);
        if (n_before == 1 && n_after == 1)
                ck_assert_str_eq(f->told, before);
        f->now.boottime_us += 3600 * USEC_PER_SEC;
        run();
        ck_assert_uint_eq(drain(), 0);
}
END_TEST

/* The cursor, and with it the count, is as old as the last message. */
START_TEST(refusals_whose_count_a_kill_took_hide_no_later_ones) {
        refuse(PRIORITY_NORMAL, 5);
        run();
        ck_assert_uint_eq(drain(), 1);
        crash();
        start();
        ck_assert_uint_eq(drain(), 1); /* what was acknowledged, again */
        refuse(PRIORITY_NORMAL, 5);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_ptr_nonnull(strstr(f->told, "{\"refused\":5}"));
}
END_TEST

START_TEST(a_report_that_finds_no_room_is_not_itself_a_refused_message) {
        OutboxStats stats;

        crash();
        f->max_messages = 1;
        start();
        refuse(PRIORITY_NORMAL, 1);
        turn();
        send_one();
        f->is_recovered = false;
        run();
        ck_assert_uint_eq(drop_report_deadline_us(f->report), UINT64_MAX); /* nothing wakes for it */
        f->is_recovered = true;
        for (int i = 0; i < 3; i++) {
                f->now.boottime_us += USEC_PER_SEC;
                run();
        }
        outbox_get_stats(normal(), &stats);
        ck_assert_uint_eq(stats.messages, 1);
        ck_assert_uint_eq(stats.n_dropped[OUTBOX_DROP_REFUSED], 1);
        ck_assert_uint_eq(drain(), 1);
        f->now.boottime_us += 10 * USEC_PER_SEC;
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_ptr_nonnull(strstr(f->told, "{\"refused\":1}"));
}
END_TEST

START_TEST(counting_that_begins_anew_is_told_from_its_beginning) {
        char path[SCRATCH_SIZE + 16];

        refuse(PRIORITY_NORMAL, 9);
        run();
        ck_assert_uint_eq(drain(), 1);
        crash();
        scratch_path(f->outbox, "cursor", path, sizeof(path));
        ck_assert_int_eq(unlink(path), 0);
        f->now.realtime_us += USEC_PER_SEC;
        start();
        (void) drain(); /* what was acknowledged, again */
        refuse(PRIORITY_NORMAL, 4);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_ptr_nonnull(strstr(f->told, "{\"refused\":4}"));
}
END_TEST

START_TEST(a_damaged_memory_costs_a_repetition) {
        char path[SCRATCH_SIZE + 16];
        FILE *file;

        refuse(PRIORITY_NORMAL, 2);
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_int_eq(outboxes_close(f->outboxes), 0);
        crash();
        scratch_path(f->state, DROP_REPORT_FILE, path, sizeof(path));
        file = fopen(path, "we");
        ck_assert_int_ge(fputs("aziotd counters 1 00000000\n{}", file), 0);
        ck_assert_int_eq(fclose(file), 0);
        start();
        run();
        ck_assert_uint_eq(drain(), 1);
        ck_assert_ptr_nonnull(strstr(f->told, "{\"refused\":2}"));
        ck_assert_uint_eq(scratch_count_files(f->state, "damaged"), 1);
}
END_TEST

/* Whatever fails, and when: afterwards it is told once. */
START_TEST(what_fails_is_tried_again) {
        const FaultCase *c = &fault_cases[_i];
        bool has_failed = true;

        for (int n = 1; has_failed; n++) {
                refuse(PRIORITY_NORMAL, 1);
                f->now.boottime_us += 3600 * USEC_PER_SEC;
                fault_begin_case(c, n);
                for (unsigned i = 0; i < 4; i++) {
                        drop_report_run_due(f->report, true, &f->now);
                        disk_drain(f->disk);
                }
                has_failed = fault_end();
                for (unsigned i = 0; i < 4; i++) {
                        f->now.boottime_us += 10 * USEC_PER_SEC;
                        outboxes_run_due(f->outboxes, f->now.boottime_us);
                        run();
                }
                ck_assert_uint_eq(drain(), 1);
                ck_assert_ptr_nonnull(strstr(f->told, "{\"dropped\":{\"refused\":1},"));
        }
}
END_TEST

START_TEST(without_memory_it_is_not_made) {
        DropReport *report = NULL;
        int r = -ENOMEM;

        for (int n = 1; r == -ENOMEM; n++) {
                fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
                r = drop_report_new(&report, f->outboxes, f->disk, f->state, &f->log);
                (void) fault_end();
        }
        ck_assert_int_eq(r, 0);
        (void) drop_report_free(report);
}
END_TEST

/* The file ------------------------------------------------------------------------------------------- */

#define COUNTS(since)         \
        "{\"since\":\"" since \
        "\",\"expired\":1,\"overflow\":2,\"damaged\":3,\"unsendable\":4,\"poison\":5,\"refused\":6}"
#define WHOLE(since) \
        "{\"since\":\"" since "\",\"normal\":" COUNTS("") ",\"high\":" COUNTS("2026-09-21T14:13:20.000Z")

static const struct {
        const char *text;
        int result;
} files[] = {
        { WHOLE("") "}", 0 },
        { WHOLE("2026-09-21T14:13:20.000Z") "}", 0 },
        { WHOLE("") ",\"messageId\":\"a-dropped-1\",\"body\":\"{\\\"dropped\\\":{}}\"}", 0 },
        { WHOLE("yesterday") "}", STATE_JSON_INVALID },
        { WHOLE("2026-09-21T14:13:20.000000000Z") "}", STATE_JSON_INVALID },
        { WHOLE("") ",\"messageId\":\"a-dropped-1\"}", STATE_JSON_INVALID },
        { WHOLE("") ",\"more\":1}", STATE_JSON_INVALID },
        { "{\"since\":\"\",\"normal\":" COUNTS("") "}", STATE_JSON_INVALID },
        { "{\"since\":\"\",\"normal\":" COUNTS("") ",\"high\":{\"since\":\"\"}}", STATE_JSON_INVALID },
        { "[]", STATE_JSON_INVALID },
        { "", STATE_JSON_INVALID },
};

START_TEST(the_file_says_what_was_formatted) {
        DropMemory memory = DROP_MEMORY_NULL;
        char *text = NULL;

        ck_assert_int_eq(drop_memory_parse(&memory, az_span_create_from_str((char *) files[_i].text)),
                         files[_i].result);
        if (files[_i].result == 0) {
                ck_assert_int_eq(drop_memory_format(&memory, &text), 0);
                ck_assert_str_eq(text, files[_i].text);
        }
        free(text);
        drop_memory_done(&memory);
}
END_TEST

static Suite *drop_report_suite(void) {
        Suite *s = suite_create("drop-report");
        TCase *t = tcase_create("report");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, what_was_dropped_is_told_once);
        tcase_add_test(t, the_next_one_tells_of_what_came_since);
        tcase_add_test(t, nothing_is_told_before_all_that_waited_is_sent_nor_without_a_reason);
        tcase_add_test(t, there_is_one_a_minute_at_most);
        tcase_add_loop_test(t, a_kill_in_between_repeats_the_message_and_nothing_else, 0, 6);
        tcase_add_test(t, refusals_whose_count_a_kill_took_hide_no_later_ones);
        tcase_add_test(t, a_report_that_finds_no_room_is_not_itself_a_refused_message);
        tcase_add_test(t, counting_that_begins_anew_is_told_from_its_beginning);
        tcase_add_test(t, a_damaged_memory_costs_a_repetition);
        tcase_add_loop_test(t, what_fails_is_tried_again, 0, FAULT_CASES_MAX);
        tcase_add_test(t, without_memory_it_is_not_made);
        suite_add_tcase(s, t);

        t = tcase_create("file");
        tcase_add_loop_test(t, the_file_says_what_was_formatted, 0, ELEMENTSOF(files));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(drop_report_suite)
