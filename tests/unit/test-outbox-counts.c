/* SPDX-License-Identifier: MIT */

/* What was dropped is counted once, whatever happens between: the counts and what they count are in one
 * cursor. */

#include "daemon/outbox-cursor.h"

#include <endian.h>

#include "daemon/crc32c.h"
#include "outbox-fixture.h"

static Fixture fixture;
static Fixture *const f = &fixture;

static void setup(void) {
        fixture_init(f);
}

static void teardown(void) {
        fixture_done(f);
}

static uint64_t dropped(OutboxDropCause cause) {
        return fixture_stats(f).n_dropped[cause];
}

static void write_cursor(void) {
        f->now.boottime_us += USEC_PER_SEC;
        outbox_run_due(f->outbox, f->now.boottime_us);
        fixture_settle(f);
}

/* Two messages that expire, and the outbox notices. */
static void let_two_expire(void) {
        char all[32];

        f->config.ttl_s = 5;
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        f->now.boottime_us += 6 * USEC_PER_SEC;
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "");
        ck_assert_uint_eq(dropped(OUTBOX_DROP_EXPIRED), 2);
}

START_TEST(counts_survive_a_stop) {
        let_two_expire();
        outbox_count_refused(f->outbox, 7);
        fixture_stop(f);
        f->now.realtime_us += USEC_PER_SEC;
        fixture_open(f);
        ck_assert_uint_eq(dropped(OUTBOX_DROP_EXPIRED), 2);
        ck_assert_uint_eq(dropped(OUTBOX_DROP_REFUSED), 7);
        ck_assert_uint_eq(fixture_stats(f).counted_since_us, f->now.realtime_us - USEC_PER_SEC);
}
END_TEST

START_TEST(after_a_kill_what_is_dropped_again_is_counted_again) {
        char all[32];

        let_two_expire();
        fixture_crash(f);
        fixture_open(f);
        ck_assert_uint_eq(dropped(OUTBOX_DROP_EXPIRED), 0);
        ck_assert_uint_eq(fixture_stats(f).messages, 2);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "");
        ck_assert_uint_eq(dropped(OUTBOX_DROP_EXPIRED), 2);
}
END_TEST

START_TEST(after_a_kill_what_was_dropped_for_good_is_not_counted_again) {
        char all[32];

        let_two_expire();
        write_cursor();
        fixture_crash(f);
        fixture_open(f);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "");
        ck_assert_uint_eq(dropped(OUTBOX_DROP_EXPIRED), 2);
}
END_TEST

START_TEST(what_was_to_make_room_and_is_sent_after_a_kill_does_not_count) {
        char all[32];

        f->config.max_messages = 2;
        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        fixture_send(f, "a");
        ck_assert_uint_eq(fixture_drain(f), 1);
        for (const char *body = "b\0c\0d\0e\0"; *body; body += 2)
                fixture_send(f, body);
        ck_assert_uint_eq(dropped(OUTBOX_DROP_OLDER), 2);
        write_cursor();
        fixture_crash(f);
        f->config.max_messages = 0;
        fixture_open(f);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "b c d e ");
        ck_assert_uint_eq(dropped(OUTBOX_DROP_OLDER), 0);
}
END_TEST

/* Of 'n' messages that are larger than what is kept in memory the first cannot be read back. */
static void send_large_and_damage_the_first(unsigned n) {
        static uint8_t body[OUTBOX_BODY_MAX];
        const OutboxMessage message = { .body = AZ_SPAN_FROM_BUFFER(body) };
        char path[SCRATCH_SIZE + 16];
        uint64_t sequence;
        FILE *file;

        for (unsigned i = 0; i < n; i++) {
                while (outbox_append(f->outbox, &message, 1, &f->now, &sequence) == OUTBOX_BUSY)
                        fixture_settle(f);
                ck_assert_uint_eq(sequence, i + 1);
        }
        scratch_path(f->directory, "segment-0000", path, sizeof(path));
        file = fopen(path, "r+e");
        ck_assert_int_eq(fseek(file, 4096, SEEK_SET), 0);
        ck_assert_int_eq(fputc('x', file), 'x');
        ck_assert_int_eq(fclose(file), 0);
}

START_TEST(what_was_to_make_room_and_is_damaged_counts_once) {
        OutboxRecord record;
        uint64_t n = 0;

        f->config.segment_bytes = 1024 * 1024;
        f->config.max_bytes = 4 * f->config.segment_bytes;
        f->config.max_messages = 1;
        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        send_large_and_damage_the_first(8);
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, 8);
        ck_assert_ptr_nonnull(strstr(f->log, "dropped 1..1 damaged; "));
        for (OutboxDropCause cause = 0; cause < _OUTBOX_DROP_CAUSE_MAX; cause++)
                n += dropped(cause);
        ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(what_is_given_up_is_behind_us_and_counted_once) {
        OutboxRecord record;

        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        while (fixture_next(f, &record)) {
                outbox_give_up(f->outbox, record.sequence, OUTBOX_DROP_POISON);
                outbox_give_up(f->outbox, record.sequence, OUTBOX_DROP_POISON);
        }
        outbox_give_up(f->outbox, 77, OUTBOX_DROP_POISON);
        ck_assert_uint_eq(dropped(OUTBOX_DROP_POISON), 2);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        ck_assert_str_eq(f->log, "");
}
END_TEST

START_TEST(what_is_unsent_is_known_without_asking_for_it) {
        OutboxRecord record;

        fixture_open(f);
        ck_assert(!outbox_has_unsent(f->outbox));
        fixture_send(f, "a");
        ck_assert(outbox_has_unsent(f->outbox));
        ck_assert(fixture_next(f, &record));
        ck_assert(!outbox_has_unsent(f->outbox));
        outbox_rewind(f->outbox);
        ck_assert(outbox_has_unsent(f->outbox));
        fixture_crash(f);
        fixture_open(f);
        ck_assert(outbox_has_unsent(f->outbox));
        ck_assert_uint_eq(fixture_drain(f), 1);
        ck_assert(!outbox_has_unsent(f->outbox));
}
END_TEST

/* A slot of the first version, as an earlier release wrote it: it ends behind the bits, and counts nothing.
 */
static void format_first_version(uint8_t slot[static CURSOR_SLOT_BYTES]) {
        static const uint64_t numbers[] = { 9, 4, 100, 110, 111 }; /* generation, boot, lowest, last, next */
        uint32_t id = htole32(0xabcd1234), crc;
        uint8_t *p = slot + 12;

        memset(slot, 0, CURSOR_SLOT_BYTES);
        memcpy(slot, "AZIOCUR1", 8);
        p = mempcpy(p, &id, sizeof(id));
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                uint64_t bytes = htole64(numbers[i]);

                p = mempcpy(p, &bytes, sizeof(bytes));
        }
        *p = 0x02; /* 102 is acknowledged */
        crc = htole32(crc32c(0, slot + 12, 76));
        memcpy(slot + 8, &crc, sizeof(crc));
}

START_TEST(a_cursor_of_the_first_version_is_read) {
        uint8_t file[CURSOR_FILE_BYTES] = {};
        Cursor c;

        format_first_version(file + CURSOR_SLOT_BYTES);
        ck_assert(cursor_parse(&c, AZ_SPAN_FROM_BUFFER(file)));
        ck_assert_uint_eq(c.outbox_id, 0xabcd1234);
        ck_assert_uint_eq(c.generation, 9);
        ck_assert_uint_eq(c.next_sequence, 111);
        ck_assert(cursor_is_acked(&c, 102) && !cursor_is_acked(&c, 101));
        ck_assert_uint_eq(c.counted_since_us, 0);
        for (size_t i = 0; i < CURSOR_COUNTS; i++)
                ck_assert_uint_eq(c.n_dropped[i], 0);
}
END_TEST

START_TEST(from_a_cursor_of_the_first_version_counting_begins) {
        uint8_t file[CURSOR_FILE_BYTES] = {};
        char path[SCRATCH_SIZE + 16];
        FILE *stream;

        format_first_version(file + CURSOR_SLOT_BYTES);
        scratch_path(f->directory, "cursor", path, sizeof(path));
        stream = fopen(path, "we");
        ck_assert_ptr_nonnull(stream);
        ck_assert_uint_eq(fwrite(file, sizeof(file), 1, stream), 1);
        ck_assert_int_eq(fclose(stream), 0);

        fixture_open(f);
        ck_assert_str_eq(outbox_get_id(f->outbox), "abcd1234");
        ck_assert_uint_eq(fixture_stats(f).counted_since_us, f->now.realtime_us);
        ck_assert_uint_ge(fixture_send(f, "a"), 111);
}
END_TEST

START_TEST(a_cursor_says_what_was_written) {
        Cursor c = { .outbox_id = 7, .generation = 3, .lowest = 5, .counted_since_us = 99 }, read;
        uint8_t file[CURSOR_FILE_BYTES] = {};

        for (size_t i = 0; i < CURSOR_COUNTS; i++)
                c.n_dropped[i] = UINT64_MAX - i;
        cursor_format(&c, file + cursor_offset(&c));
        ck_assert(cursor_parse(&read, AZ_SPAN_FROM_BUFFER(file)));
        ck_assert_mem_eq(&read, &c, sizeof(c));
}
END_TEST

static Suite *outbox_counts_suite(void) {
        Suite *s = suite_create("outbox-counts");
        TCase *t = tcase_create("outbox-counts");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, counts_survive_a_stop);
        tcase_add_test(t, after_a_kill_what_is_dropped_again_is_counted_again);
        tcase_add_test(t, after_a_kill_what_was_dropped_for_good_is_not_counted_again);
        tcase_add_test(t, what_was_to_make_room_and_is_sent_after_a_kill_does_not_count);
        tcase_add_test(t, what_was_to_make_room_and_is_damaged_counts_once);
        tcase_add_test(t, what_is_given_up_is_behind_us_and_counted_once);
        tcase_add_test(t, what_is_unsent_is_known_without_asking_for_it);
        tcase_add_test(t, a_cursor_of_the_first_version_is_read);
        tcase_add_test(t, from_a_cursor_of_the_first_version_counting_begins);
        tcase_add_test(t, a_cursor_says_what_was_written);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_counts_suite)
