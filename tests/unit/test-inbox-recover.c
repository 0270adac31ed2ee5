/* SPDX-License-Identifier: MIT */

/* What inbox_open() makes of a directory, and what happens when a file cannot be read later. */

#include <fcntl.h>
#include <sys/stat.h>

#include "inbox-fixture.h"

static Fixture fixture;

static void setup(void) {
        fixture_init(&fixture);
        fixture_open(&fixture);
}

static void teardown(void) {
        fixture_done(&fixture);
}

/* ---- A directory that cannot be used ---- */

START_TEST(messages_wait_until_the_directory_can_be_used) {
        Fixture *f = &fixture;
        char elsewhere[128];
        InboxTaker *taker;

        /* Two messages are there already; then a file stands where the directory should be. */
        fixture_receive(f, 1, "x", "one");
        fixture_receive(f, 2, "y", "two");
        ck_assert_str_eq(fixture_said(f), "a1 a2 ");
        fixture_crash(f);
        ck_assert_int_lt(snprintf(elsewhere, sizeof(elsewhere), "%s.away", f->directory),
                         (int) sizeof(elsewhere));
        ck_assert_int_eq(rename(f->directory, elsewhere), 0);
        ck_assert_int_eq(close(open(f->directory, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);

        fixture_open(f);
        fixture_receive(f, 3, "z", "three");
        fixture_pass(f, 3600 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "");
        ck_assert_str_eq(fixture_stats(f).stalled, "the disk failed: Not a directory");

        ck_assert_int_eq(unlink(f->directory), 0);
        ck_assert_int_eq(rename(elsewhere, f->directory), 0);
        fixture_pass(f, 2 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "a3 ");
        ck_assert_str_eq(fixture_stats(f).stalled, "");
        taker = fixture_taker(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give one settled ");
        ck_assert_str_eq(fixture_consume(f, taker), "give two settled ");
        ck_assert_str_eq(fixture_consume(f, taker), "give three settled ");
        inbox_taker_free(taker);
}
END_TEST

/* ---- Damage ---- */

static void spoil(const char *path, off_t offset, const char *bytes, size_t n) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_eq(pwrite(fd, bytes, n, offset), (ssize_t) n);
        ck_assert_int_eq(close(fd), 0);
}

static const struct {
        const char *name;
        off_t offset;
        const char *bytes;
        size_t n_bytes;
        off_t truncate_to; /* -1: not */
} damages[] = {
        { "empty", .truncate_to = 0 },
        { "half a header", .truncate_to = 40 },
        { "no content", .truncate_to = 88 },
        { "cut", .truncate_to = 95 },
        { "longer", 97, "x", 1, -1 },
        { "no magic", 0, "B", 1, -1 },
        { "a bit of the header", 40, "\x01", 1, -1 },
        { "a bit of the payload", 96, "x", 1, -1 },
        { "larger than any", 1000000, "x", 1, -1 },
};

START_TEST(a_damaged_file_is_set_aside_and_the_others_are_given) {
        Fixture *f = &fixture;
        char path[128];
        InboxTaker *taker;

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        fixture_receive(f, 3, NULL, "six");
        ck_assert_str_eq(fixture_said(f), "a1 a2 a3 ");
        fixture_crash(f);

        scratch_path(f->directory, "message-000000000002", path, sizeof(path));
        if (damages[_i].truncate_to >= 0)
                ck_assert_int_eq(truncate(path, damages[_i].truncate_to), 0);
        else
                spoil(path, damages[_i].offset, damages[_i].bytes, damages[_i].n_bytes);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-000000000002.damaged-1"), 1);
        ck_assert_uint_eq(fixture_stats(f).n_damaged, 1);
        taker = fixture_taker(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give one settled ");
        ck_assert_str_eq(fixture_consume(f, taker), "give six settled ");
        inbox_taker_free(taker);
        fixture_restart(f);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        ck_assert_uint_eq(fixture_stats(f).n_damaged, 0);
}
END_TEST

START_TEST(a_file_damaged_while_the_daemon_runs_is_set_aside) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);
        char path[128];

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        (void) fixture_said(f);
        scratch_path(f->directory, "message-000000000001", path, sizeof(path));
        spoil(path, 90, "x", 1);
        ck_assert_str_eq(fixture_consume(f, taker), "give two settled ");
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-000000000001.damaged-1"), 1);
        ck_assert_uint_eq(fixture_stats(f).n_damaged, 1);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_does_not_hold_up_the_others_for_ever) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);
        char path[128];

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        (void) fixture_said(f);
        scratch_path(f->directory, "message-000000000001", path, sizeof(path));
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink("loop", path), 0); /* ELOOP, as it is not followed */
        ck_assert_int_eq(inbox_taker_wait(taker, UINT64_MAX, &f->now), 0);
        ck_assert_str_eq(fixture_said(f), "");
        for (unsigned s = 0; s < 60; s += 2)
                fixture_pass(f, 2 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "give two ");
        ck_assert_int_eq(inbox_taker_settle(taker, 2, f), 0);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(damaged_ids_are_set_aside) {
        Fixture *f = &fixture;
        char path[128];

        fixture_receive(f, 1, "x", "one");
        disk_drain(f->disk);
        fixture_crash(f);
        scratch_path(f->directory, "ids", path, sizeof(path));
        spoil(path, 20, "x", 1);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "ids.damaged-1"), 1);
        fixture_restart(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "ids.damaged"), 1);
}
END_TEST

START_TEST(ids_that_were_cut_off_are_told_and_the_others_kept) {
        Fixture *f = &fixture;
        char path[128];

        fixture_receive(f, 1, "x", "one");
        fixture_receive(f, 2, "y", "two");
        disk_drain(f->disk);
        fixture_crash(f);
        scratch_path(f->directory, "ids", path, sizeof(path));
        ck_assert_int_eq(truncate(path, 100), 0);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "ids.damaged-1"), 1);
        fixture_restart(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "ids.damaged"), 1);
        (void) fixture_said(f);
        fixture_receive(f, 3, "x", "one");
        ck_assert_str_eq(fixture_said(f), "a3 ");
        ck_assert_uint_eq(fixture_stats(f).n_repeated, 1);
}
END_TEST

START_TEST(what_a_newer_program_wrote_is_kept_and_the_others_are_given) {
        Fixture *f = &fixture;
        InboxTaker *taker;
        char path[128];

        fixture_receive(f, 1, "x", "one");
        fixture_receive(f, 2, "y", "two");
        disk_drain(f->disk);
        fixture_crash(f);
        scratch_path(f->directory, "message-000000000001", path, sizeof(path));
        spoil(path, 7, "2", 1);
        scratch_path(f->directory, "ids", path, sizeof(path));
        /* A slot with a version, whose checksum is that of what is written here. */
        spoil(path, 0, "\x92\x7c\xfa\xb1\x01\0\0\0\x01\0\0\0\0\0\0\0", 16);
        for (off_t offset = 16; offset < 64; offset += 8)
                spoil(path, offset, "\0\0\0\0\0\0\0\0", 8);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-000000000001.newer-1"), 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, "ids.newer-1"), 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, "damaged"), 0);
        (void) fixture_said(f);
        taker = fixture_taker(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give two settled ");
        inbox_taker_free(taker);
        fixture_restart(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "newer-"), 2);
}
END_TEST

/* Names that would leave no numbers to messages to come. */
static const char *const strays[] = {
        "message-18446744073709551615", "message-18446744073709551614", "message-9223372036854775807",
        "message-4611686018427387905",  "message-4611686018427387904", /* the highest number there can be, and
                                                                          no message */
};

START_TEST(a_stray_file_uses_up_no_numbers) {
        Fixture *f = &fixture;
        InboxTaker *taker;
        char path[128];

        fixture_receive(f, 1, NULL, "one");
        (void) fixture_said(f);
        fixture_crash(f);
        scratch_path(f->directory, strays[_i], path, sizeof(path));
        spoil(path, 0, "x", 1);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, strays[_i]), 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, ".damaged-1"), 1);
        fixture_receive(f, 2, NULL, "two");
        ck_assert_str_eq(fixture_said(f), "a2 ");
        taker = fixture_taker(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give one settled ");
        ck_assert_str_eq(fixture_consume(f, taker), "give two settled ");
        ck_assert_uint_lt(f->last.sequence, UINT64_C(1) << 63);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(what_does_not_belong_there_is_left_alone) {
        Fixture *f = &fixture;
        char path[128];

        fixture_crash(f);
        scratch_path(f->directory, "message-000000000007.new", path, sizeof(path)); /* an interrupted write */
        spoil(path, 0, "x", 1);
        scratch_path(f->directory, "message-1", path, sizeof(path));
        spoil(path, 0, "x", 1);
        scratch_path(f->directory, "notes", path, sizeof(path));
        spoil(path, 0, "x", 1);
        fixture_open(f);
        ck_assert_uint_eq(scratch_count_files(f->directory, "new"), 0);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-1"), 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, "notes"), 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, "damaged"), 0);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
}
END_TEST

/* ---- Suite ---- */

static Suite *inbox_recover_suite(void) {
        Suite *s = suite_create("inbox-recover");
        TCase *t = tcase_create("recover");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, messages_wait_until_the_directory_can_be_used);
        tcase_add_loop_test(t, a_damaged_file_is_set_aside_and_the_others_are_given, 0, ELEMENTSOF(damages));
        tcase_add_test(t, a_file_damaged_while_the_daemon_runs_is_set_aside);
        tcase_add_test(t, a_file_that_cannot_be_read_does_not_hold_up_the_others_for_ever);
        tcase_add_test(t, damaged_ids_are_set_aside);
        tcase_add_test(t, ids_that_were_cut_off_are_told_and_the_others_kept);
        tcase_add_test(t, what_a_newer_program_wrote_is_kept_and_the_others_are_given);
        tcase_add_loop_test(t, a_stray_file_uses_up_no_numbers, 0, ELEMENTSOF(strays));
        tcase_add_test(t, what_does_not_belong_there_is_left_alone);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(inbox_recover_suite)
