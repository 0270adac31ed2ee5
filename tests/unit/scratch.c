/* SPDX-License-Identifier: MIT */

#include "scratch.h"

#include <dirent.h>

#include "unit.h"

void scratch_init(char ret[static SCRATCH_SIZE], const char *name) {
        const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

        ck_assert_int_lt(snprintf(ret, SCRATCH_SIZE, "%s/%s-XXXXXX", parent, name), (int) SCRATCH_SIZE);
        ck_assert_ptr_nonnull(mkdtemp(ret));
}

static size_t for_each_file(const char *directory, const char *part, bool remove_it) {
        DIR *d = opendir(directory);
        const struct dirent *entry;
        size_t n = 0;

        ck_assert_ptr_nonnull(d);
        while ((entry = readdir(d))) {
                if (entry->d_name[0] == '.' || !strstr(entry->d_name, part))
                        continue;
                n++;
                if (remove_it)
                        (void) unlinkat(dirfd(d), entry->d_name, 0);
        }
        (void) closedir(d);
        return n;
}

void scratch_done(const char *directory) {
        char high[SCRATCH_SIZE + 8];

        scratch_path(directory, "high", high, sizeof(high));
        if (access(high, F_OK) == 0) {
                (void) for_each_file(high, "", true);
                (void) rmdir(high);
        }
        (void) for_each_file(directory, "", true);
        (void) rmdir(directory);
}

void scratch_path(const char *directory, const char *name, char *ret, size_t n) {
        ck_assert_int_lt(snprintf(ret, n, "%s/%s", directory, name), (int) n);
}

size_t scratch_count_files(const char *directory, const char *part) {
        return for_each_file(directory, part, false);
}
