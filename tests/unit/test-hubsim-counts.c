/* SPDX-License-Identifier: MIT */

#include "hubsim/counts.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "scratch.h"
#include "unit.h"

static char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];

static void set_up(void) {
        scratch_init(directory, "counts");
        scratch_path(directory, "counts", path, sizeof(path));
}

static void tear_down(void) {
        scratch_done(directory);
}

/* Numbers in the order of their arrival, and what they come to. */
static const struct {
        uint64_t numbers[10]; /* ends with NONE */
        uint64_t first, last, n_missing, n_repeated, n_disordered;
} arrivals[] = {
#define NONE UINT64_MAX
        { { 7, NONE }, 7, 7, 0, 0, 0 },
        { { 0, 1, 2, 3, NONE }, 0, 3, 0, 0, 0 },
        { { 0, 1, 1, 2, 2, 2, NONE }, 0, 2, 0, 3, 0 },
        { { 0, 1, 2, 1, 2, 3, NONE }, 0, 3, 0, 2, 0 }, /* a window is sent again */
        { { 0, 1, 4, 5, NONE }, 0, 5, 2, 0, 0 },
        { { 0, 1, 4, 2, 3, 5, NONE }, 0, 5, 0, 0, 2 },
        { { 0, 1, 4, 3, 2, 5, NONE }, 0, 5, 0, 0, 2 },
        { { 0, 9, 4, 5, 4, NONE }, 0, 9, 6, 1, 2 },
        { { 5, 4, 3, 2, NONE }, 2, 5, 0, 0, 3 },
        { { 0, 9, 6, 3, 9, 0, NONE }, 0, 9, 6, 2, 2 },
        { { INT64_MAX - 1, INT64_MAX, INT64_MAX, NONE }, INT64_MAX - 1, INT64_MAX, 0, 1, 0 },
};

START_TEST(counts_what_came_what_is_missing_and_what_came_again) {
        _cleanup_(counts_freep) Counts *counts = NULL;
        uint64_t n = 0;
        Count count;

        ck_assert_int_eq(counts_open(path, &counts), 0);
        for (; arrivals[_i].numbers[n] != NONE; n++)
                ck_assert_int_eq(counts_add(counts, "demo", "pump", &arrivals[_i].numbers[n]), 0);

        ck_assert(counts_get(counts, 0, &count));
        ck_assert(!counts_get(counts, 1, &(Count){}));
        ck_assert_str_eq(count.device, "demo");
        ck_assert_str_eq(count.source, "pump");
        ck_assert(count.has_numbers);
        ck_assert_uint_eq(count.n_messages, n);
        ck_assert_uint_eq(count.first, arrivals[_i].first);
        ck_assert_uint_eq(count.last, arrivals[_i].last);
        ck_assert_uint_eq(count.n_missing, arrivals[_i].n_missing);
        ck_assert_uint_eq(count.n_repeated, arrivals[_i].n_repeated);
        ck_assert_uint_eq(count.n_disordered, arrivals[_i].n_disordered);
        ck_assert_uint_eq(count.n_untracked, 0);
}
END_TEST

START_TEST(what_cannot_be_followed_is_untracked) {
        _cleanup_(counts_freep) Counts *counts = NULL;
        uint64_t beyond = 2 * COUNTS_PIECES_MAX, fits = 1;
        Count count;

        ck_assert_int_eq(counts_open(path, &counts), 0);
        ck_assert_int_eq(counts_add(counts, "demo", "", NULL), 0);
        for (uint64_t i = 0; i < COUNTS_PIECES_MAX; i++)
                ck_assert_int_eq(counts_add(counts, "demo", "", &(uint64_t){ 2 * i }), 0);
        ck_assert_int_eq(counts_add(counts, "demo", "", &beyond), 0);
        ck_assert(counts_get(counts, 0, &count));
        ck_assert_uint_eq(count.n_untracked, 2);
        ck_assert_uint_eq(count.n_missing, COUNTS_PIECES_MAX - 1);

        /* A gap that closes makes room. */
        ck_assert_int_eq(counts_add(counts, "demo", "", &fits), 0);
        ck_assert_int_eq(counts_add(counts, "demo", "", &beyond), 0);
        ck_assert(counts_get(counts, 0, &count));
        ck_assert_uint_eq(count.n_untracked, 2);
        ck_assert_uint_eq(count.last, beyond);
        ck_assert_uint_eq(count.n_messages, COUNTS_PIECES_MAX + 4);
}
END_TEST

START_TEST(each_device_has_sources_of_its_own_and_there_is_an_end_to_them) {
        _cleanup_(counts_freep) Counts *counts = NULL;
        uint64_t number = 3;
        char source[16];
        Count count;

        ck_assert_int_eq(counts_open(path, &counts), 0);
        for (unsigned i = 0; i < COUNTS_SOURCES_MAX; i++) {
                (void) snprintf(source, sizeof(source), "%u", i / 2);
                ck_assert_int_eq(counts_add(counts, i % 2 ? "a" : "b", source, &number), 0);
        }
        ck_assert_int_eq(counts_add(counts, "c", "0", &number), -ENOSPC);
        ck_assert_int_eq(counts_add(counts, "a", "0", &number), 0);
        ck_assert(counts_get(counts, 1, &count));
        ck_assert_str_eq(count.device, "a");
        ck_assert_uint_eq(count.n_repeated, 1);
        ck_assert(!counts_get(counts, COUNTS_SOURCES_MAX, &count));
}
END_TEST

START_TEST(counts_survive_being_killed) {
        _cleanup_(counts_freep) Counts *counts = NULL;
        Count count;
        pid_t pid = fork();

        if (pid == 0) {
                if (counts_open(path, &counts) < 0)
                        _exit(1);
                for (uint64_t i = 0; i < 5; i++)
                        (void) counts_add(counts, "demo", "pump", &i);
                (void) raise(SIGKILL);
        }
        ck_assert_int_eq(waitpid(pid, &(int){ 0 }, 0), pid);

        ck_assert_int_eq(counts_open(path, &counts), 0);
        ck_assert(counts_get(counts, 0, &count));
        ck_assert_uint_eq(count.last, 4);
        ck_assert_uint_eq(count.n_missing, 0);
}
END_TEST

START_TEST(another_file_is_refused) {
        _cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT, 0600);
        Counts *counts = NULL;

        ck_assert_int_eq(write(fd, "x", 1), 1);
        ck_assert_int_eq(counts_open(path, &counts), -EBADMSG);

        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(counts_open(path, &counts), 0);
        counts_free(counts);
        ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
        ck_assert_int_eq(counts_open(path, &counts), -EBADMSG);
        ck_assert_int_eq(counts_open("/nonexistent/counts", &counts), -ENOENT);
}
END_TEST

static Suite *hubsim_counts_suite(void) {
        Suite *s = suite_create("hubsim-counts");
        TCase *t = tcase_create("counts");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_loop_test(t, counts_what_came_what_is_missing_and_what_came_again, 0,
                            (int) ELEMENTSOF(arrivals));
        tcase_add_test(t, what_cannot_be_followed_is_untracked);
        tcase_add_test(t, each_device_has_sources_of_its_own_and_there_is_an_end_to_them);
        tcase_add_test(t, counts_survive_being_killed);
        tcase_add_test(t, another_file_is_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_counts_suite)
