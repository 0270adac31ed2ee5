/* SPDX-License-Identifier: MIT */

#include "daemon/file.h"

#include <limits.h>

#include "tests/unit/fault.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Tells what opening the directory 'path' returns when the n-th call of the disk fails; 0: none of them. */
static int open_failing(const char *path, int n) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        if (n > 0)
                fault_begin(FAULT_DISK, n, EIO, false, false);
        r = file_open_directory(path, &fd);
        (void) fault_end();
        ck_assert_int_eq(fd >= 0, r == 0);
        return r;
}

/* Making and opening it is not all: without a sync of its parent a power cut takes it, and what is in it. */
START_TEST(new_directory_is_synced_into_its_parent) {
        char parent[SCRATCH_SIZE], path[PATH_MAX];

        scratch_init(parent, "file");
        scratch_path(parent, "directory", path, sizeof(path));
        for (int n = 1; n <= 4; n++) { /* mkdir(), open(), openat(), fsync() */
                ck_assert_int_eq(open_failing(path, n), -EIO);
                (void) rmdir(path);
        }

        ck_assert_int_eq(open_failing(path, 5), 0);
        for (int n = 3; n <= 4; n++) /* it is there already */
                ck_assert_int_eq(open_failing(path, n), 0);
        ck_assert_int_eq(rmdir(path), 0);
        scratch_done(parent);
}
END_TEST

static Suite *file_suite(void) {
        Suite *s = suite_create("file");
        TCase *t = tcase_create("file");

        tcase_add_test(t, new_directory_is_synced_into_its_parent);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(file_suite)
