/* SPDX-License-Identifier: MIT */

#include <mqtt/file-watch.h>

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/unit.h"

#define T UINT64_C(1000000000)

static char dir[] = "/tmp/test-file-watch-XXXXXX";

static void set_up(void) {
        ck_assert_ptr_nonnull(mkdtemp(dir));
        ck_assert_int_eq(chdir(dir), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) remove(path);
        return 0;
}

static void tear_down(void) {
        (void) nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name) {
        FILE *f = fopen(name, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs("x", f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static void make_directory(const char *name) {
        ck_assert_int_eq(mkdir(name, 0700), 0);
}

static void make_link(const char *target, const char *name) {
        (void) unlink("new-link");
        ck_assert_int_eq(symlink(target, "new-link"), 0);
        ck_assert_int_eq(rename("new-link", name), 0);
}

static void remove_file(const char *name) {
        ck_assert_int_eq(unlink(name), 0);
}

/* Watches this path in the directory of the test. */
static FileWatch *watch_new(const char *name) {
        char path[PATH_MAX];
        const char *paths[] = { NULL, path };
        FileWatch *w;

        (void) snprintf(path, sizeof(path), "%s/%s", dir, name);
        ck_assert_int_eq(file_watch_new(&w), 0);
        ck_assert_int_eq(file_watch_set(w, paths, ELEMENTSOF(paths)), 0);
        ck_assert(!file_watch_dispatch(w, T));
        ck_assert_uint_eq(file_watch_deadline_us(w), UINT64_MAX);
        return w;
}

/* Whether something is told of what has happened up to now. */
static bool is_told(FileWatch *w) {
        bool is_noted;

        ck_assert(!file_watch_dispatch(w, T));
        is_noted = file_watch_deadline_us(w) != UINT64_MAX;
        ck_assert_int_eq(file_watch_dispatch(w, T + FILE_WATCH_SETTLE_US), is_noted);
        ck_assert(!file_watch_dispatch(w, T + FILE_WATCH_SETTLE_US));
        ck_assert_uint_eq(file_watch_deadline_us(w), UINT64_MAX);
        return is_noted;
}

START_TEST(a_file_is_written_replaced_removed_and_made) {
        FileWatch *w;

        write_file("a");
        w = watch_new("a");
        ck_assert(!is_told(w));
        write_file("a");
        ck_assert(is_told(w));
        write_file("b");
        ck_assert_msg(!is_told(w), "another file");
        ck_assert_int_eq(rename("b", "a"), 0);
        ck_assert(is_told(w));
        ck_assert_int_eq(chmod("a", 0400), 0);
        ck_assert(is_told(w));
        remove_file("a");
        ck_assert(is_told(w));
        write_file("a");
        ck_assert(is_told(w));
        (void) file_watch_free(w);
}
END_TEST

START_TEST(a_link_is_made_to_lead_elsewhere) {
        FileWatch *w;

        /* As in a volume of Kubernetes: a -> ..data/a, ..data -> one. */
        make_directory("one");
        make_directory("two");
        write_file("one/a");
        write_file("two/a");
        make_link("one", "..data");
        make_link("..data/a", "a");
        w = watch_new("a");
        make_link("two", "..data");
        ck_assert(is_told(w));
        write_file("one/a");
        ck_assert_msg(!is_told(w), "it leads there no more");
        write_file("two/a");
        ck_assert(is_told(w));
        write_file("b");
        make_link("b", "a");
        ck_assert(is_told(w));
        write_file("b");
        ck_assert(is_told(w));
        make_link("a", "a"); /* to itself */
        ck_assert(is_told(w));
        (void) file_watch_free(w);
}
END_TEST

START_TEST(a_link_may_be_absolute_and_above_the_file) {
        char target[PATH_MAX];
        FileWatch *w;

        make_directory("one");
        make_directory("one/sub");
        make_directory("two");
        make_directory("two/sub");
        (void) snprintf(target, sizeof(target), "%s/../%s/./one", dir, strrchr(dir, '/') + 1);
        make_link(target, "now");
        w = watch_new("now/sub/a");
        write_file("one/sub/a");
        ck_assert(is_told(w));
        write_file("two/sub/a");
        ck_assert(!is_told(w));
        make_link("two", "now");
        ck_assert(is_told(w));
        write_file("two/sub/a");
        ck_assert(is_told(w));
        (void) file_watch_free(w);
}
END_TEST

START_TEST(a_directory_may_be_missing) {
        FileWatch *w = watch_new("x/y/a");

        make_directory("z");
        ck_assert(!is_told(w));
        make_directory("x");
        ck_assert(is_told(w));
        make_directory("x/y");
        ck_assert(is_told(w));
        write_file("x/y/a");
        ck_assert(is_told(w));
        remove_file("x/y/a");
        ck_assert_int_eq(rmdir("x/y"), 0);
        ck_assert(is_told(w));
        make_directory("x/y");
        write_file("x/y/a");
        ck_assert(is_told(w));
        make_directory("v");
        write_file("v/a");
        ck_assert_int_eq(rename("x/y", "x/w"), 0);
        ck_assert_int_eq(rename("v", "x/y"), 0);
        ck_assert(is_told(w));
        write_file("x/y/a");
        ck_assert(is_told(w));
        (void) file_watch_free(w);
}
END_TEST

START_TEST(of_a_directory_everything_in_it_counts) {
        FileWatch *w;

        make_directory("cas");
        make_directory("cas/..1");
        make_directory("cas/..2");
        make_link("..1", "cas/..data");
        w = watch_new("cas");
        write_file("b");
        ck_assert(!is_told(w));
        write_file("cas/a");
        ck_assert(is_told(w));
        remove_file("cas/a");
        ck_assert(is_told(w));
        make_link("..2", "cas/..data");
        ck_assert(is_told(w));
        write_file("cas/..2/a");
        ck_assert_msg(!is_told(w), "further down");
        ck_assert_int_eq(rename("cas", "was"), 0);
        ck_assert(is_told(w));
        write_file("cas");
        ck_assert_msg(is_told(w), "a file in its place");
        (void) file_watch_free(w);
}
END_TEST

START_TEST(changes_that_follow_each_other_are_one) {
        uint64_t now_us = T;
        unsigned n_told = 0;
        FileWatch *w;

        write_file("a");
        w = watch_new("a");
        write_file("a");
        ck_assert(!file_watch_dispatch(w, now_us));
        ck_assert_uint_eq(file_watch_deadline_us(w), now_us + FILE_WATCH_SETTLE_US);
        write_file("a");
        now_us += FILE_WATCH_SETTLE_US - 1;
        ck_assert(!file_watch_dispatch(w, now_us));
        ck_assert_uint_eq(file_watch_deadline_us(w), now_us + FILE_WATCH_SETTLE_US);

        /* Who never stops is not waited for. */
        while (now_us < T + FILE_WATCH_SETTLE_MAX_US) {
                write_file("a");
                now_us += FILE_WATCH_SETTLE_US / 2;
                n_told += file_watch_dispatch(w, now_us);
        }
        ck_assert_uint_eq(n_told, 1);
        (void) file_watch_free(w);
}
END_TEST

START_TEST(what_is_watched_can_be_changed) {
        const char *paths[1];
        char path[PATH_MAX];
        FileWatch *w;

        make_directory("d");
        write_file("a");
        write_file("d/b");
        w = watch_new("a");
        (void) snprintf(path, sizeof(path), "%s/d/b", dir);
        paths[0] = path;
        ck_assert_int_eq(file_watch_set(w, paths, 1), 0);
        write_file("a");
        ck_assert(!is_told(w));
        write_file("d/b");
        ck_assert(is_told(w));
        ck_assert_int_eq(file_watch_set(w, NULL, 0), 0);
        write_file("d/b");
        ck_assert(!is_told(w));
        (void) file_watch_free(w);
}
END_TEST

static Suite *file_watch_suite(void) {
        Suite *s = suite_create("file-watch");
        TCase *t = tcase_create("file-watch");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, a_file_is_written_replaced_removed_and_made);
        tcase_add_test(t, a_link_is_made_to_lead_elsewhere);
        tcase_add_test(t, a_link_may_be_absolute_and_above_the_file);
        tcase_add_test(t, a_directory_may_be_missing);
        tcase_add_test(t, of_a_directory_everything_in_it_counts);
        tcase_add_test(t, changes_that_follow_each_other_are_one);
        tcase_add_test(t, what_is_watched_can_be_changed);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(file_watch_suite)
