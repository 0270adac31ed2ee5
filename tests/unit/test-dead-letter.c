/* SPDX-License-Identifier: MIT */

#include "daemon/dead-letter.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "daemon/file.h"
#include "tests/unit/unit.h"

/* A state directory, and what was told last. */
typedef struct Scene {
        char state_dir[64];
        Disk *disk;
        DeadLetters *letters;
        char path[PATH_MAX];
        int error;
        unsigned n_done;
} Scene;

static void scene_init(Scene *s) {
        *s = (Scene){ .state_dir = "/tmp/test-dead-letter-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(s->state_dir));
        ck_assert_int_eq(disk_new(&s->disk), 0);
        ck_assert_int_eq(dead_letters_new(&s->letters, s->disk, s->state_dir, "dead-letters"), 0);
}

/* The path of letter 'sequence', or, for 0, of their directory. */
static const char *path_of(Scene *s, unsigned sequence) {
        size_t n = (size_t) snprintf(s->path, sizeof(s->path), "%s/dead-letters", s->state_dir);

        if (sequence > 0)
                (void) snprintf(s->path + n, sizeof(s->path) - n, "/message-%u", sequence);
        return s->path;
}

static void scene_done(Scene *s, unsigned n_letters) {
        s->letters = dead_letters_free(s->letters);
        s->disk = disk_free(s->disk);
        for (unsigned i = 1; i <= n_letters; i++)
                (void) unlink(path_of(s, i));
        (void) rmdir(path_of(s, 0));
        ck_assert_int_eq(rmdir(s->state_dir), 0); /* nothing else is left behind */
}

static void on_done(void *userdata, const char *path, int error) {
        Scene *s = userdata;

        (void) snprintf(s->path, sizeof(s->path), "%s", path ?: "");
        s->error = error;
        s->n_done++;
}

static void add(Scene *s, Priority priority, unsigned sequence) {
        DeadLetter letter = { .priority = priority,
                              .sequence = sequence,
                              .accepted_us = 1900000000 * USEC_PER_SEC,
                              .properties = AZ_SPAN_FROM_STR("a=%22"),
                              .body = AZ_SPAN_FROM_STR("\"\n") };

        ck_assert_int_eq(dead_letters_add(s->letters, &letter, on_done, s), 0);
        disk_drain(s->disk);
}

START_TEST(a_letter_is_a_file_that_a_person_can_read) {
        _cleanup_(freep) char *text = NULL;
        char told[PATH_MAX];
        size_t n;
        Scene s;

        scene_init(&s);
        add(&s, PRIORITY_NORMAL, 7);
        ck_assert_uint_eq(s.n_done, 1);
        ck_assert_int_eq(s.error, 0);
        (void) snprintf(told, sizeof(told), "%s", s.path);
        ck_assert_str_eq(path_of(&s, 7), told);

        ck_assert_int_eq(file_read(told, 4096, &text, &n), 0);
        ck_assert_ptr_nonnull(
                strstr(text, "\n{\"sequence\":7,\"priority\":\"normal\",\"accepted\":\"2030-03-17T17:46:40"));
        ck_assert_ptr_nonnull(strstr(text, "\"properties\":\"a=%22\",\"data\":\"Igo=\"}"));
        scene_done(&s, 7);
}
END_TEST

START_TEST(the_oldest_makes_room) {
        Scene s;

        scene_init(&s);
        for (unsigned i = 1; i <= DEAD_LETTERS_MAX + 3; i++)
                add(&s, PRIORITY_NORMAL, i);
        for (unsigned i = 1; i <= DEAD_LETTERS_MAX + 3; i++)
                ck_assert_int_eq(access(path_of(&s, i), F_OK) == 0, i > 3);
        scene_done(&s, DEAD_LETTERS_MAX + 3);
}
END_TEST

START_TEST(each_priority_has_its_own) {
        char high[PATH_MAX];
        Scene s;

        scene_init(&s);
        add(&s, PRIORITY_HIGH, 1);
        (void) snprintf(high, sizeof(high), "%s", s.path);
        ck_assert_ptr_nonnull(strstr(high, "/message-high-1"));
        for (unsigned i = 1; i <= DEAD_LETTERS_MAX; i++)
                add(&s, PRIORITY_NORMAL, i);
        ck_assert_int_eq(access(path_of(&s, 1), F_OK), 0);
        ck_assert_int_eq(unlink(high), 0);
        scene_done(&s, DEAD_LETTERS_MAX);
}
END_TEST

START_TEST(what_an_interrupted_write_left_is_no_letter) {
        char rest[PATH_MAX + 8];
        int fd;
        Scene s;

        scene_init(&s);
        ck_assert_int_eq(mkdir(path_of(&s, 0), 0700), 0);
        (void) snprintf(rest, sizeof(rest), "%s" FILE_NEW_SUFFIX, path_of(&s, 1));
        fd = open(rest, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        (void) close(fd);
        for (unsigned i = 2; i <= DEAD_LETTERS_MAX + 3; i++)
                add(&s, PRIORITY_NORMAL, i);
        for (unsigned i = 2; i <= DEAD_LETTERS_MAX + 3; i++)
                ck_assert_int_eq(access(path_of(&s, i), F_OK) == 0, i > 3);
        ck_assert_int_eq(unlink(rest), 0);
        scene_done(&s, DEAD_LETTERS_MAX + 3);
}
END_TEST

START_TEST(a_refused_message_has_its_topic_and_the_reason) {
        const az_mqtt_user_property metadata[] = { { AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("1") },
                                                   { AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("2") } };
        const az_mqtt_message message = { .topic = AZ_SPAN_FROM_STR("a/b"),
                                          .payload = AZ_SPAN_FROM_STR("\"\n"),
                                          .content_type = AZ_SPAN_FROM_STR("text/plain"),
                                          .user_properties = metadata,
                                          .n_user_properties = ELEMENTSOF(metadata) };
        DeadLetter letter = { .sequence = 7, .message = &message, .reason = "quota exceeded" };
        _cleanup_(freep) char *text = NULL;
        size_t n;
        Scene s;

        scene_init(&s);
        ck_assert_int_eq(dead_letters_add(s.letters, &letter, on_done, &s), 0);
        disk_drain(s.disk);
        ck_assert_int_eq(file_read(path_of(&s, 7), 4096, &text, &n), 0);
        ck_assert_ptr_nonnull(strstr(text, "\"reason\":\"quota exceeded\",\"topic\":\"a/b\","
                                           "\"contentType\":\"text/plain\",\"retain\":false,"
                                           "\"metadata\":[{\"key\":\"k\",\"value\":\"1\"},"
                                           "{\"key\":\"k\",\"value\":\"2\"}],\"data\":\"Igo=\"}"));
        ck_assert_ptr_null(strstr(text, "accepted"));
        scene_done(&s, 7);
}
END_TEST

START_TEST(letters_that_come_together_are_written_one_by_one) {
        DeadLetter letter = { .body = AZ_SPAN_FROM_STR("x") };
        Scene s;

        scene_init(&s);
        for (letter.sequence = 1; letter.sequence <= DEAD_LETTERS_MAX + 3; letter.sequence++)
                ck_assert_int_eq(dead_letters_add(s.letters, &letter, on_done, &s), 0);
        ck_assert_uint_eq(s.n_done, 2); /* the second and the third: there would be no room for them */
        ck_assert_int_eq(s.error, -ENOBUFS);
        while (s.n_done < DEAD_LETTERS_MAX + 3)
                disk_drain(s.disk);
        ck_assert_int_eq(s.error, 0);
        for (unsigned i = 1; i <= DEAD_LETTERS_MAX + 3; i++)
                ck_assert_int_eq(access(path_of(&s, i), F_OK) == 0, i > 3);
        scene_done(&s, DEAD_LETTERS_MAX + 3);
}
END_TEST

START_TEST(a_disk_that_refuses_is_told) {
        DeadLetter letter = { .sequence = 1 };
        Scene s;

        scene_init(&s);
        ck_assert_int_eq(rmdir(s.state_dir), 0);
        ck_assert_int_eq(dead_letters_add(s.letters, &letter, on_done, &s), -ENOENT);
        ck_assert_uint_eq(s.n_done, 0);
        ck_assert_int_eq(mkdir(s.state_dir, 0700), 0);
        scene_done(&s, 0);
}
END_TEST

static Suite *dead_letter_suite(void) {
        Suite *s = suite_create("dead-letter");
        TCase *t = tcase_create("dead-letter");

        tcase_add_test(t, a_letter_is_a_file_that_a_person_can_read);
        tcase_add_test(t, the_oldest_makes_room);
        tcase_add_test(t, each_priority_has_its_own);
        tcase_add_test(t, what_an_interrupted_write_left_is_no_letter);
        tcase_add_test(t, a_refused_message_has_its_topic_and_the_reason);
        tcase_add_test(t, letters_that_come_together_are_written_one_by_one);
        tcase_add_test(t, a_disk_that_refuses_is_told);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(dead_letter_suite)
