/* SPDX-License-Identifier: MIT */

/*
 * What an outbox makes of its directory after somebody or something has been at the files. Whatever it was:
 * it opens, hands out nothing but what was once appended, in order, and what is missing has been reported and
 * kept.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/outbox-cursor.h"
#include "daemon/outbox.h"
#include "daemon/segment.h"

#include "outbox-fixture.h"

static Fixture fixture;
static Fixture *const f = &fixture;

static void setup(void) {
        fixture_init(f);
        fixture_open(f);
}

static void teardown(void) {
        fixture_done(f);
}

static void reopen(void) {
        f->log[0] = '\0';
        fixture_open(f);
        fixture_settle(f);
}

/* ---- Files ---- */

/* A file of the directory as it was. */
typedef struct Saved {
        const char *name;
        uint8_t bytes[8192];
        size_t n;
} Saved;

static void load(Saved *saved, const char *name) {
        _cleanup_(fclosep) FILE *file = NULL;
        char path[128];

        scratch_path(f->directory, name, path, sizeof(path));
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        saved->name = name;
        saved->n = fread(saved->bytes, 1, sizeof(saved->bytes), file);
}

static void store(const Saved *saved, size_t n) {
        _cleanup_(fclosep) FILE *file = NULL;
        char path[128];

        scratch_path(f->directory, saved->name, path, sizeof(path));
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(saved->bytes, 1, n, file), n);
}

/* Overwrites bytes of a file. */
static void damage(const char *name, size_t offset, uint8_t with, size_t n) {
        Saved saved;

        load(&saved, name);
        memset(saved.bytes + offset, with, n);
        store(&saved, saved.n);
}

static void delete_file(const char *name) {
        char path[128];

        scratch_path(f->directory, name, path, sizeof(path));
        ck_assert_int_eq(unlink(path), 0);
}

static void delete_damaged(void) {
        static const char *const names[] = { "segment-0000", "segment-0001", "segment-0002", "cursor" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (unsigned n = 1; n <= 4; n++) {
                        char name[64], path[128];

                        (void) snprintf(name, sizeof(name), "%s.damaged-%u", names[i], n);
                        scratch_path(f->directory, name, path, sizeof(path));
                        (void) unlink(path);
                }
}

/* ---- One bit, one byte ---- */

/*
 * A small spool: the messages 1 to 36, of which some are batches, over two segments; 1 to 3, 6 and 7 are
 * acknowledged. A third segment is ready.
 */
#define N_MESSAGES 36U
static Saved spool[4];

static bool is_acked(uint64_t sequence) {
        return sequence <= 3 || sequence == 6 || sequence == 7;
}

static void body_of(uint64_t sequence, char *ret, size_t n) {
        (void) snprintf(ret, n, "message %u %.*s", (unsigned) sequence, (int) (sequence % 7) * 20,
                        "................................................................................"
                        "................................................................................");
}

static void append_batch(unsigned first, unsigned n) {
        char bodies[3][256];
        OutboxMessage messages[3];
        uint64_t sequence;
        int r;

        for (unsigned i = 0; i < n; i++) {
                body_of(first + i, bodies[i], sizeof(bodies[i]));
                messages[i] = (OutboxMessage){ .body = az_span_create_from_str(bodies[i]) };
        }
        r = outbox_append(f->outbox, messages, n, &f->now, &sequence);
        if (r == OUTBOX_BUSY) {
                fixture_settle(f);
                r = outbox_append(f->outbox, messages, n, &f->now, &sequence);
        }
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(sequence, first);
}

static void make_spool(void) {
        static const char *const names[] = { "segment-0000", "segment-0001", "segment-0002", "cursor" };
        OutboxRecord record;

        for (unsigned first = 1; first <= N_MESSAGES; first += 1 + first % 3)
                append_batch(first, 1 + first % 3);
        for (int i = 0; i < 8; i++) {
                ck_assert(fixture_next(f, &record));
                if (is_acked(record.sequence))
                        outbox_acked(f->outbox, record.sequence);
                /* Both slots of the cursor are written, at different times. */
                f->now.boottime_us += USEC_PER_SEC;
                outbox_run_due(f->outbox, f->now.boottime_us);
                fixture_settle(f);
        }
        fixture_stop(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                load(&spool[i], names[i]);
}

static void restore_spool(void) {
        delete_damaged();
        for (size_t i = 0; i < ELEMENTSOF(spool); i++)
                store(&spool[i], spool[i].n);
}

/* Opens what is there and checks all that has to hold. Returns whether a message that was accepted is
 * missing. */
static bool check_spool(const char *what, size_t where) {
        bool is_missing = false;
        uint64_t last = 0, lowest = UINT64_MAX;
        OutboxRecord record;

        reopen();
        while (fixture_next(f, &record)) {
                char body[256];

                ck_assert_msg(record.sequence > last && record.sequence <= N_MESSAGES, "%s %zu: %u after %u",
                              what, where, (unsigned) record.sequence, (unsigned) last);
                body_of(record.sequence, body, sizeof(body));
                ck_assert_msg(az_span_is_content_equal(record.body, az_span_create_from_str(body)),
                              "%s %zu: message %u is not what was appended", what, where,
                              (unsigned) record.sequence);
                for (uint64_t sequence = last + 1; sequence < record.sequence; sequence++)
                        is_missing |= !is_acked(sequence);
                last = record.sequence;
                lowest = MIN(lowest, last);
        }
        for (uint64_t sequence = last + 1; sequence <= N_MESSAGES; sequence++)
                is_missing |= !is_acked(sequence);

        if (is_missing) {
                ck_assert_msg(f->n_events[OUTBOX_EVENT_DAMAGED] > 0, "%s %zu: nothing was said", what, where);
                ck_assert_msg(scratch_count_files(f->directory, "damaged") > 0, "%s %zu: nothing was kept",
                              what, where);
                ck_assert_msg(fixture_stats(f).n_dropped[OUTBOX_DROP_DAMAGED] > 0,
                              "%s %zu: nothing was counted", what, where);
        }
        ck_assert_msg(fixture_send(f, "new") > N_MESSAGES, "%s %zu: a sequence was used twice", what, where);
        fixture_stop(f);
        f->n_events[OUTBOX_EVENT_DAMAGED] = 0;

        /* What was found is mended: the next start has nothing to say. */
        reopen();
        ck_assert_msg(f->n_events[OUTBOX_EVENT_DAMAGED] == 0, "%s %zu: found again: %s", what, where, f->log);
        fixture_crash(f);
        return is_missing;
}

static const struct {
        size_t file;
        size_t first, last; /* bytes */
        bool may_lose;
} regions[] = {
        { 0, 0, 48, true },       /* header of a full segment */
        { 0, 4080, 8192, true },  /* its records */
        { 1, 0, 48, true },       /* header of the segment that is appended to */
        { 1, 4080, 4900, true },  /* its records and what follows them */
        { 2, 0, 48, false },      /* header of the one that is ready */
        { 2, 4080, 4200, false }, /* where its first record will be */
        { 3, 0, 168, false },     /* a slot of the cursor */
        { 3, 4080, 4264, false }, /* the other one */
};

START_TEST(a_changed_byte_costs_what_is_reported_and_never_the_start) {
        unsigned n_missing = 0;

        make_spool();
        for (size_t i = regions[_i].first; i < regions[_i].last; i++) {
                Saved changed = spool[regions[_i].file];
                bool is_missing;

                restore_spool();
                changed.bytes[i] ^= (uint8_t) (1U << i % 8);
                store(&changed, changed.n);
                is_missing = check_spool(changed.name, i);
                ck_assert_msg(regions[_i].may_lose || !is_missing, "byte %zu of %s cost a message", i,
                              changed.name);
                n_missing += is_missing;
        }
        /* The test tests something: most of what is in a segment does matter. */
        ck_assert(!regions[_i].may_lose || n_missing > (regions[_i].last - regions[_i].first) / 3);
}
END_TEST

START_TEST(a_cut_file_costs_what_is_reported_and_never_the_start) {
        size_t file = regions[_i].file;

        make_spool();
        for (size_t n = regions[_i].first; n < regions[_i].last; n++) {
                restore_spool();
                store(&spool[file], n);
                ck_assert_msg(!check_spool(spool[file].name, n) || file < 2, "cut to %zu bytes", n);
        }
}
END_TEST

/* ---- Single stories ---- */

START_TEST(a_torn_tail_is_cut_off_without_a_word) {
        char all[64];
        Saved before;

        fixture_send(f, "one");
        fixture_send(f, "two");
        load(&before, "segment-0000");
        fixture_send(f, "torn");
        fixture_crash(f);

        /* The end of the last record, and with it the record, did not reach the disk. */
        memset(before.bytes + 4096 + 2 * 64 + 40, 0, 8);
        store(&before, before.n);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "one two ");
        fixture_send(f, "three");
        fixture_crash(f);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "one two three ");
        ck_assert_str_eq(f->log, "");
}
END_TEST

/* Which of a batch of three, with a message before and one behind it, has its bytes damaged. */
static const struct {
        int damaged; /* 0 is the message before the batch; -1: none */
        bool is_behind;
        const char *found;
} batches[] = {
        { -1, true, "a b1 b2 b3 c " }, { 1, true, "a c " }, { 2, true, "a c " }, { 3, true, "a c " },
        { 0, true, "b1 b2 b3 c " },    { 1, false, "a " },  { 2, false, "a " },  { 3, false, "a " },
};

START_TEST(a_batch_comes_whole_or_not_at_all) {
        OutboxMessage messages[] = {
                { .body = AZ_SPAN_FROM_STR("b1") },
                { .body = AZ_SPAN_FROM_STR("b2") },
                { .body = AZ_SPAN_FROM_STR("b3") },
        };
        uint64_t first;
        char all[64];

        fixture_send(f, "a");
        ck_assert_int_eq(outbox_append(f->outbox, messages, 3, &f->now, &first), 0);
        if (batches[_i].is_behind)
                fixture_send(f, "c");
        fixture_crash(f);

        if (batches[_i].damaged >= 0)
                damage("segment-0000", 4096 + (size_t) batches[_i].damaged * 64 + 56, 0xee, 1);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), batches[_i].found);
        fixture_stop(f);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), batches[_i].found);
}
END_TEST

START_TEST(what_is_found_damaged_is_reported_with_its_messages_and_kept) {
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_send(f, "c");
        fixture_crash(f);
        damage("segment-0000", 4096 + 64 + 56, 0xee, 1);
        reopen();
        ck_assert_str_eq(
                f->log, "segment-0000: is damaged; a copy is segment-0000.damaged-1; dropped 2..2 damaged; ");
        ck_assert_uint_eq(fixture_stats(f).messages, 2);
        ck_assert_uint_eq(fixture_stats(f).n_dropped[OUTBOX_DROP_DAMAGED], 1);
}
END_TEST

START_TEST(at_most_four_damaged_files_are_kept) {
        for (int i = 0; i < 6; i++) {
                fixture_send(f, "x");
                fixture_stop(f);
                damage("cursor", 0, 0xee, 8192);
                reopen();
        }
        ck_assert_str_eq(f->log,
                         "cursor: is damaged, so that what was acknowledged may be sent again; deleted, as 4 "
                         "damaged files are kept already; ");
        ck_assert_uint_eq(scratch_count_files(f->directory, "damaged"), 4);
}
END_TEST

START_TEST(what_a_newer_program_wrote_is_kept) {
        char all[16];

        fixture_send(f, "a");
        fixture_crash(f);
        damage("segment-0000", 7, '9', 1);
        damage("cursor", 7, '9', 1);
        damage("cursor", 4096 + 7, '9', 1);
        reopen();
        ck_assert_msg(strncmp(f->log,
                              "cursor: was written by a newer aziotd; kept as cursor.newer-1; "
                              "segment-0000: was written by a newer aziotd; kept as segment-0000.newer-1; ",
                              134) == 0,
                      "%s", f->log);
        fixture_send(f, "b");
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "b ");
        fixture_crash(f);
        reopen();
        ck_assert_str_eq(f->log, "");
        ck_assert_uint_eq(scratch_count_files(f->directory, "newer-1"), 2);
}
END_TEST

static const struct { off_t size; } blanks[] = { { 0 }, { 512 }, { 8192 } };

START_TEST(a_first_start_that_was_interrupted_is_begun_again_without_a_word) {
        char path[SCRATCH_SIZE + 16];
        FILE *file;

        fixture_crash(f);
        delete_file("segment-0000");
        delete_file("cursor");
        scratch_path(f->directory, "cursor", path, sizeof(path));
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(ftruncate(fileno(file), blanks[_i].size), 0);
        (void) fclose(file);
        reopen();
        ck_assert_str_eq(f->log, "");
        ck_assert_uint_eq(scratch_count_files(f->directory, "damaged"), 0);
        fixture_send(f, "a");
}
END_TEST

START_TEST(without_its_cursor_everything_comes_again_under_the_same_id) {
        char id[16], all[64];

        (void) snprintf(id, sizeof(id), "%s", outbox_get_id(f->outbox));
        fixture_send(f, "a");
        fixture_send(f, "b");
        ck_assert_uint_eq(fixture_drain(f), 2);
        fixture_send(f, "c");
        fixture_stop(f);
        delete_file("cursor");
        reopen();
        ck_assert_str_eq(f->log, "cursor: is missing, so that what was acknowledged may be sent again; ");
        ck_assert_str_eq(outbox_get_id(f->outbox), id);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b c ");
        ck_assert_uint_eq(fixture_send(f, "d"), 4);
}
END_TEST

START_TEST(a_cursor_that_is_older_than_the_segments_is_brought_up_to_them) {
        OutboxRecord record;
        Saved old;

        fixture_send(f, "a");
        fixture_stop(f);
        load(&old, "cursor");
        reopen();
        for (unsigned round = 0; round < 8; round++) {
                int r;

                (void) fixture_fill(f, 1000, &r);
                fixture_drain(f);
                fixture_settle(f);
        }
        fixture_send(f, "last");
        fixture_stop(f);
        store(&old, old.n);
        reopen();
        ck_assert_str_eq(f->log, "");
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_gt(record.sequence, 2);
        while (fixture_next(f, &record))
                ;
        ck_assert_str_eq((const char *) az_span_ptr(record.body), "last");
}
END_TEST

START_TEST(without_any_segment_sequences_rise_above_the_cursor) {
        uint64_t last;

        fixture_send(f, "a");
        last = fixture_send(f, "b");
        ck_assert_uint_eq(fixture_drain(f), 2);
        fixture_stop(f);
        delete_file("segment-0000");
        delete_file("segment-0001");
        reopen();
        ck_assert_str_eq(f->log, "");
        ck_assert_uint_eq(fixture_send(f, "c"), last + 1);
}
END_TEST

START_TEST(a_missing_segment_is_counted) {
        char all[64];

        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_stop(f);
        delete_file("segment-0000");
        reopen();
        ck_assert_str_eq(f->log, "dropped 1..2 damaged; ");
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "");
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        fixture_crash(f);
        reopen();
        ck_assert_str_eq(f->log, "");
        ck_assert_uint_eq(fixture_send(f, "c"), 3);
}
END_TEST

START_TEST(what_an_earlier_use_of_a_segment_left_never_comes_back) {
        uint64_t last = 0;
        OutboxRecord record;
        int r;

        for (unsigned round = 0; round < 6; round++) {
                fixture_fill(f, 100 + 8 * round, &r);
                fixture_drain(f);
                fixture_settle(f);
        }
        last = fixture_send(f, "new");
        fixture_crash(f);
        /* Not even when nothing says what had been acknowledged. */
        delete_file("cursor");
        reopen();
        for (uint64_t sequence = 0; fixture_next(f, &record); sequence = record.sequence) {
                ck_assert_uint_gt(record.sequence, sequence);
                ck_assert_uint_le(record.sequence, last);
        }
        ck_assert_uint_eq(record.sequence, last);
}
END_TEST

START_TEST(a_copy_of_a_segment_does_not_send_its_messages_twice) {
        char all[64];
        Saved copy;

        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_stop(f);
        load(&copy, "segment-0000");
        copy.name = "segment-0003";
        store(&copy, copy.n);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b ");
        ck_assert_uint_eq(fixture_send(f, "c"), 3);
        fixture_crash(f);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b c ");
}
END_TEST

START_TEST(a_segment_that_was_prepared_and_never_used_hides_no_message) {
        Saved unused;
        SegmentHeader header;
        OutboxRecord record;
        char all[64];

        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_send(f, "c");
        fixture_settle(f);
        fixture_crash(f);
        load(&unused, "segment-0001");
        ck_assert(segment_header_parse(&header, az_span_create(unused.bytes, (int32_t) unused.n)));
        header.generation++;
        header.first_sequence = 2;
        segment_header_format(&header, unused.bytes);
        unused.name = "segment-0002";
        store(&unused, unused.n);

        reopen();
        for (unsigned i = 0; i < 2; i++) {
                ck_assert(fixture_next(f, &record));
                outbox_acked(f->outbox, record.sequence);
        }
        fixture_stop(f);
        reopen();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "c ");
        ck_assert_uint_eq(fixture_send(f, "d"), 4);
}
END_TEST

START_TEST(a_segment_whose_preparation_was_interrupted_is_removed) {
        Saved incomplete = { .name = "segment-0002.new", .n = 100 };

        fixture_stop(f);
        store(&incomplete, incomplete.n);
        reopen();
        ck_assert_uint_eq(scratch_count_files(f->directory, ".new"), 0);
        ck_assert_str_eq(f->log, "");
}
END_TEST

START_TEST(other_files_are_left_alone) {
        static const char *const names[] = { "segment-1", "segment-00001", "segment-", "README",
                                             "cursor.old" };

        fixture_stop(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                store(&(Saved){ .name = names[i], .n = 8 }, 8);
        reopen();
        fixture_send(f, "a");
        fixture_stop(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                delete_file(names[i]);
        ck_assert_str_eq(f->log, "");
}
END_TEST

START_TEST(something_else_in_the_place_of_a_file_is_set_aside) {
        char path[128];

        fixture_stop(f);
        delete_file("segment-0000");
        delete_file("cursor");
        scratch_path(f->directory, "segment-0000", path, sizeof(path));
        ck_assert_int_eq(mkdir(path, 0700), 0);
        scratch_path(f->directory, "cursor", path, sizeof(path));
        ck_assert_int_eq(symlink("/etc/passwd", path), 0);
        reopen();
        ck_assert_uint_eq(scratch_count_files(f->directory, "damaged"), 2);
        fixture_send(f, "a");
        fixture_stop(f);
        scratch_path(f->directory, "segment-0000.damaged-2", path, sizeof(path));
        ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(a_directory_that_is_not_there_yet_is_waited_for) {
        char inner[96];
        uint64_t sequence;

        fixture_stop(f);
        (void) snprintf(inner, sizeof(inner), "%s/later/outbox", f->directory);
        f->config.directory = inner;
        ck_assert_int_eq(outbox_open(&f->outbox, f->disk, &f->config, &f->now), 0);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "Failed to open the directory of the outbox: ENOENT; ");
        ck_assert_int_eq(fixture_append(f, "x", &sequence), OUTBOX_STORAGE_FAILED);
        ck_assert_int_eq(outbox_storage_errno(f->outbox), ENOENT);

        *strrchr(inner, '/') = '\0';
        ck_assert_int_eq(mkdir(inner, 0700), 0);
        outbox_run_due(f->outbox, outbox_deadline_us(f->outbox));
        ck_assert_int_eq(fixture_append(f, "x", &sequence), 0);
        fixture_settle(f);
        ck_assert_ptr_nonnull(strstr(f->log, "space; "));

        f->outbox = outbox_free(f->outbox);
        (void) snprintf(inner, sizeof(inner), "rm -r %s/later", f->directory);
        ck_assert_int_eq(system(inner), 0); /* NOLINT(cert-env33-c): a name that the test has made */
}
END_TEST

static Suite *outbox_recover_suite(void) {
        Suite *s = suite_create("outbox-recover");
        TCase *t = tcase_create("damage");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 100);
        tcase_add_loop_test(t, a_changed_byte_costs_what_is_reported_and_never_the_start, 0,
                            ELEMENTSOF(regions));
        tcase_add_loop_test(t, a_cut_file_costs_what_is_reported_and_never_the_start, 0, ELEMENTSOF(regions));
        suite_add_tcase(s, t);

        t = tcase_create("stories");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, a_torn_tail_is_cut_off_without_a_word);
        tcase_add_loop_test(t, a_batch_comes_whole_or_not_at_all, 0, ELEMENTSOF(batches));
        tcase_add_test(t, what_is_found_damaged_is_reported_with_its_messages_and_kept);
        tcase_add_test(t, what_a_newer_program_wrote_is_kept);
        tcase_add_test(t, at_most_four_damaged_files_are_kept);
        tcase_add_loop_test(t, a_first_start_that_was_interrupted_is_begun_again_without_a_word, 0,
                            ELEMENTSOF(blanks));
        tcase_add_test(t, without_its_cursor_everything_comes_again_under_the_same_id);
        tcase_add_test(t, a_cursor_that_is_older_than_the_segments_is_brought_up_to_them);
        tcase_add_test(t, without_any_segment_sequences_rise_above_the_cursor);
        tcase_add_test(t, a_missing_segment_is_counted);
        tcase_add_test(t, what_an_earlier_use_of_a_segment_left_never_comes_back);
        tcase_add_test(t, a_copy_of_a_segment_does_not_send_its_messages_twice);
        tcase_add_test(t, a_segment_that_was_prepared_and_never_used_hides_no_message);
        tcase_add_test(t, a_segment_whose_preparation_was_interrupted_is_removed);
        tcase_add_test(t, other_files_are_left_alone);
        tcase_add_test(t, something_else_in_the_place_of_a_file_is_set_aside);
        tcase_add_test(t, a_directory_that_is_not_there_yet_is_waited_for);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_recover_suite)
