/* SPDX-License-Identifier: MIT */

#include "daemon/state-file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/fault.h"
#include "tests/unit/unit-span.h"

/* A directory, and what state_file_write() said last. */
typedef struct Scene {
        char directory[64];
        Disk *disk;
        StateFile *file;
        int error;
        unsigned n_done;
} Scene;

static void scene_init(Scene *s) {
        *s = (Scene){ .directory = "/tmp/test-state-file-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(s->directory));
        ck_assert_int_eq(disk_new(&s->disk), 0);
        ck_assert_int_eq(state_file_new(&s->file, s->disk, s->directory, "twin"), 0);
}

static const char *path_of(const Scene *s, const char *name, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%s", s->directory, name);
        return path;
}

static void scene_done(Scene *s) {
        static const char *const names[] = { "twin",           "twin.damaged-1", "twin.damaged-2",
                                             "twin.damaged-3", "twin.damaged-4", "twin.new" };
        char path[PATH_MAX];

        s->file = state_file_free(s->file);
        s->disk = disk_free(s->disk);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) remove(path_of(s, names[i], path));
        ck_assert_int_eq(rmdir(s->directory), 0); /* nothing else is left behind */
}

static void on_done(void *userdata, int error) {
        Scene *s = userdata;

        s->error = error;
        s->n_done++;
}

static void write_text(Scene *s, const char *text) {
        state_file_write(s->file, text ? strdup(text) : NULL, on_done, s);
        ck_assert(state_file_is_busy(s->file));
        disk_drain(s->disk);
        ck_assert(!state_file_is_busy(s->file));
}

static void check_read(const Scene *s, int expected_r, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(state_file_read(s->file, &text), expected_r);
        ck_assert_pstr_eq(text, expected);
}

START_TEST(text_is_replaced_and_deleted) {
        struct stat st;
        char path[PATH_MAX];
        Scene s;

        scene_init(&s);
        check_read(&s, STATE_FILE_NONE, NULL);

        write_text(&s, "{\"a\":1}");
        check_read(&s, 0, "{\"a\":1}");
        ck_assert_int_eq(stat(path_of(&s, "twin", path), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);

        write_text(&s, "{}");
        check_read(&s, 0, "{}");

        write_text(&s, NULL);
        write_text(&s, NULL);
        check_read(&s, STATE_FILE_NONE, NULL);
        ck_assert_uint_eq(s.n_done, 4);
        ck_assert_int_eq(s.error, 0);

        ck_assert_int_eq(state_file_write_now(s.file, strdup("{\"b\":2}")), 0);
        check_read(&s, 0, "{\"b\":2}");
        scene_done(&s);
}
END_TEST

START_TEST(failure_keeps_the_old_text) {
        char path[PATH_MAX];
        Scene s;

        scene_init(&s);
        write_text(&s, "{\"a\":1}");
        ck_assert_int_eq(mkdir(path_of(&s, "twin.new", path), 0700), 0); /* in the way */
        write_text(&s, "{\"a\":2}");
        ck_assert_int_eq(s.error, -EISDIR);
        check_read(&s, 0, "{\"a\":1}");

        ck_assert_int_eq(rmdir(path), 0);
        write_text(&s, "{\"a\":2}");
        ck_assert_int_eq(s.error, 0);
        check_read(&s, 0, "{\"a\":2}");
        scene_done(&s);
}
END_TEST

/* Whatever fails, and at whatever point: the old text or the new one, and no mistake about which. */
START_TEST(disk_that_fails_leaves_one_text_or_the_other) {
        static const struct {
                bool tears, deletes;
        } rows[] = { { false, false }, { true, false }, { false, true } };
        bool was_hit = true;
        Scene s;

        scene_init(&s);
        for (int n = 1; was_hit; n++) {
                char *text = rows[_i].deletes ? NULL : strdup("{\"a\":2}");
                _cleanup_(freep) char *now = NULL;
                int r;

                ck_assert_int_eq(state_file_write_now(s.file, strdup("{\"a\":1}")), 0);
                fault_begin(FAULT_DISK, n, EIO, false, rows[_i].tears);
                r = state_file_write_now(s.file, text);
                was_hit = fault_end();
                ck_assert_int_eq(r, was_hit ? -EIO : 0);
                ck_assert_int_eq(state_file_read(s.file, &now), now ? 0 : STATE_FILE_NONE);
                if (r == 0)
                        ck_assert_pstr_eq(now, rows[_i].deletes ? NULL : "{\"a\":2}");
                else if (now)
                        ck_assert(strcmp(now, "{\"a\":1}") == 0 || strcmp(now, "{\"a\":2}") == 0);
                else
                        ck_assert(rows[_i].deletes);
        }
        scene_done(&s);
}
END_TEST

START_TEST(write_under_way_is_finished_when_freed) {
        Scene s;

        scene_init(&s);
        state_file_write(s.file, strdup("{\"a\":1}"), on_done, &s);
        s.file = state_file_free(s.file);
        ck_assert_uint_eq(s.n_done, 0);

        ck_assert_int_eq(state_file_new(&s.file, s.disk, s.directory, "twin"), 0);
        check_read(&s, 0, "{\"a\":1}");
        scene_done(&s);
}
END_TEST

static const struct {
        const char *bytes;
        int result;
} files[] = {
        { "aziotd twin 1 297bd0aa\n{}", 0 },
        { "aziotd twin 1 00000000\n", 0 },
        { "aziotd twin 2 3ad948dd\n{}", STATE_FILE_NEWER },
        { "aziotd twin 10 00000000\n", STATE_FILE_DAMAGED },
        { "aziotd twin 1 297bd0aa\n{} ", STATE_FILE_DAMAGED },
        { "aziotd twin 1 297bd0ab\n{}", STATE_FILE_DAMAGED },
        { "aziotd twin 1 297BD0AA\n{}", STATE_FILE_DAMAGED },
        { "aziotd twin 2 297bd0aa\n{}", STATE_FILE_DAMAGED },
        { "aziotd twins 1 297bd0aa\n{}", STATE_FILE_DAMAGED },
        { "aziotd twin 1 297bd0aa \n{}", STATE_FILE_DAMAGED },
        { "aziotd twin 1 297bd0aa", STATE_FILE_DAMAGED },
        { "\n", STATE_FILE_DAMAGED },
        { "{}", STATE_FILE_DAMAGED },
        { "", STATE_FILE_DAMAGED },
};

START_TEST(whatever_is_not_whole_is_refused) {
        az_span text;

        ck_assert_int_eq(state_file_parse(str(files[_i].bytes), "twin", &text), files[_i].result);
}
END_TEST

static void make_file(const Scene *s, const char *text) {
        char path[PATH_MAX];
        int fd = open(path_of(s, "twin", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        (void) close(fd);
}

static bool is_there(const Scene *s, const char *name) {
        char path[PATH_MAX];

        return access(path_of(s, name, path), F_OK) == 0;
}

START_TEST(damaged_file_is_set_aside) {
        const Log log = { .max_level = -1 };
        char name[32];
        Scene s;

        scene_init(&s);
        for (int i = 1; i <= 5; i++) {
                make_file(&s, "{}");
                check_read(&s, STATE_FILE_DAMAGED, NULL);
                state_file_set_aside(s.file, &log, STATE_FILE_DAMAGED, NULL);
                (void) snprintf(name, sizeof(name), "twin.damaged-%d", i);
                ck_assert_int_eq(is_there(&s, name), i <= 4); /* the fifth one is deleted */
                check_read(&s, STATE_FILE_NONE, NULL);
        }
        scene_done(&s);
}
END_TEST

START_TEST(file_of_a_newer_program_is_kept_each_time) {
        const Log log = { .max_level = -1 };
        char name[32], path[PATH_MAX];
        Scene s;

        scene_init(&s);
        for (int i = 1; i <= 6; i++) {
                make_file(&s, "aziotd twin 2 3ad948dd\n{}");
                check_read(&s, STATE_FILE_NEWER, NULL);
                state_file_set_aside(s.file, &log, STATE_FILE_NEWER, "beginning anew");
                (void) snprintf(name, sizeof(name), "twin.newer-%d", i);
                ck_assert(is_there(&s, name));
                check_read(&s, STATE_FILE_NONE, NULL);
        }
        for (int i = 1; i <= 6; i++) {
                (void) snprintf(name, sizeof(name), "twin.newer-%d", i);
                ck_assert_int_eq(remove(path_of(&s, name, path)), 0);
        }
        scene_done(&s);
}
END_TEST

START_TEST(too_large_file_is_damaged) {
        char path[PATH_MAX];
        Scene s;

        scene_init(&s);
        write_text(&s, "{}");
        ck_assert_int_eq(truncate(path_of(&s, "twin", path), 2 * STATE_FILE_MAX), 0);
        check_read(&s, STATE_FILE_DAMAGED, NULL);
        scene_done(&s);
}
END_TEST

static Suite *state_file_suite(void) {
        Suite *s = suite_create("state-file");
        TCase *t = tcase_create("file");

        tcase_add_test(t, text_is_replaced_and_deleted);
        tcase_add_test(t, failure_keeps_the_old_text);
        tcase_add_loop_test(t, disk_that_fails_leaves_one_text_or_the_other, 0, 3);
        tcase_add_test(t, write_under_way_is_finished_when_freed);
        tcase_add_loop_test(t, whatever_is_not_whole_is_refused, 0, ELEMENTSOF(files));
        tcase_add_test(t, damaged_file_is_set_aside);
        tcase_add_test(t, file_of_a_newer_program_is_kept_each_time);
        tcase_add_test(t, too_large_file_is_damaged);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(state_file_suite)
