/* SPDX-License-Identifier: MIT */

/*
 * Runs a fuzz target over every file of the directories named on the command line, in name order, so that
 * the ordinary test run replays the corpus without libFuzzer. A crash or a sanitizer report fails the test.
 */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
        _cleanup_(fclosep) FILE *f = NULL;
        _cleanup_(freep) uint8_t *data = NULL;
        uint8_t *exact;
        size_t size;

        f = fopen(path, "re");
        if (!f) {
                fprintf(stderr, "Cannot open %s: %m\n", path);
                return -errno;
        }

        /* libFuzzer itself stops at 1 MiB. An exact allocation lets ASan see a one-byte overread. */
        data = malloc(1024 * 1024);
        if (!data)
                return -ENOMEM;
        size = fread(data, 1, 1024 * 1024, f);
        exact = realloc(data, MAX(size, (size_t) 1));
        if (!exact)
                return -ENOMEM;
        data = exact;

        (void) LLVMFuzzerTestOneInput(data, size);
        return 0;
}

static int replay_directory(const char *directory) {
        struct dirent **entries = NULL;
        int n, n_replayed = 0, r = 0;

        n = scandir(directory, &entries, NULL, alphasort);
        if (n < 0) {
                fprintf(stderr, "Cannot read %s: %m\n", directory);
                return -errno;
        }
        for (int i = 0; i < n; i++) {
                char path[PATH_MAX];

                if (r >= 0 && entries[i]->d_name[0] != '.') {
                        (void) snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
                        r = replay_file(path);
                        n_replayed++;
                }
                free(entries[i]);
        }
        free(entries);
        return r < 0 ? r : n_replayed;
}

int main(int argc, char *argv[]) {
        int n_total = 0;

        for (int i = 1; i < argc; i++) {
                int n = replay_directory(argv[i]);

                if (n < 0)
                        return EXIT_FAILURE;
                n_total += n;
        }
        if (n_total == 0) {
                fprintf(stderr, "No corpus file was replayed\n");
                return EXIT_FAILURE;
        }
        fprintf(stderr, "%d corpus files replayed\n", n_total);
        return EXIT_SUCCESS;
}
