/* SPDX-License-Identifier: MIT */

/*
 * Damages the files of a store one after the other: each byte in turn becomes another one, with each bit
 * turned, and 0, and 255; and each file is cut after each of its bytes. After each damage the store is opened
 * as the daemon opens it at its start, and checked: tests/chaos/flip tells of what.
 *
 *      flip-files [--all] KIND [DIRECTORY]
 *
 * DIRECTORY has the files that are damaged; without it they are made. Within long runs of the same byte,
 * which are zeros that nobody wrote or the middle of a long message, one byte of 64 is damaged, in one way,
 * unless --all is given. It ends early when enough is wrong.
 */

#include <dirent.h>
#include <fcntl.h>

#include "tests/chaos/flip-store.h"
#include "tests/interop/must.h"

#define FILE_BYTES_MAX (256U * 1024U)

/* So many bytes before and behind one have to be the same for it to be in the middle of a run. */
#define RUN_BYTES 8U

/* More are not looked for. */
#define WRONGS_MAX 20U

bool flip_is(az_span span, const uint8_t *bytes, size_t n) {
        return (size_t) az_span_size(span) == n && memcmp(az_span_ptr(span), bytes, n) == 0;
}

static bool is_file(const char *name) {
        return name[0] != '.';
}

static int open_in(const FlipStore *store, const char *directory, const char *name, int flags) {
        char path[512];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/%s", directory ?: store->directory, name);
        fd = open(path, flags | O_CLOEXEC, 0600);
        must(fd >= 0, "a file can be opened");
        return fd;
}

unsigned flip_count_aside(const FlipStore *store) {
        DIR *d = opendir(store->directory);
        const struct dirent *entry;
        unsigned n = 0;

        must(d, "the directory can be read");
        while ((entry = readdir(d)))
                n += strstr(entry->d_name, ".damaged-") || strstr(entry->d_name, ".newer-");
        (void) closedir(d);
        return n;
}

static void clear(const FlipStore *store) {
        DIR *d = opendir(store->directory);
        const struct dirent *entry;

        must(d, "the directory can be read");
        while ((entry = readdir(d)))
                if (is_file(entry->d_name))
                        (void) unlinkat(dirfd(d), entry->d_name, 0);
        (void) closedir(d);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(((const FlipFile *) a)->name, ((const FlipFile *) b)->name);
}

static void load(FlipStore *store, const char *directory) {
        DIR *d = opendir(directory);
        const struct dirent *entry;

        must(d, "the directory can be read");
        while ((entry = readdir(d))) {
                FlipFile *file = &store->files[store->n_files];
                ssize_t n;
                int fd;

                if (!is_file(entry->d_name))
                        continue;
                must(store->n_files++ < FLIP_FILES_MAX, "not that many files");
                must(snprintf(file->name, sizeof(file->name), "%s", entry->d_name) < (int) sizeof(file->name),
                     "a short name");
                file->bytes = malloc(FILE_BYTES_MAX);
                must(file->bytes, "memory");
                fd = open_in(store, directory, file->name, O_RDONLY);
                n = read(fd, file->bytes, FILE_BYTES_MAX);
                must(n >= 0 && n < (ssize_t) FILE_BYTES_MAX, "a small file");
                file->n = (size_t) n;
                close_fd(fd);
        }
        (void) closedir(d);
        qsort(store->files, store->n_files, sizeof(store->files[0]), compare_names);
}

/* Makes the directory what it was, but for the damage, if there is one. */
static void restore(const FlipStore *store, const FlipDamage *damage) {
        clear(store);
        for (size_t i = 0; i < store->n_files; i++) {
                const FlipFile *file = &store->files[i];
                size_t n = damage && damage->file == i && damage->is_cut ? damage->offset : file->n;
                int fd = open_in(store, NULL, file->name, O_WRONLY | O_CREAT | O_TRUNC);

                must(write(fd, file->bytes, n) == (ssize_t) n, "a file can be written");
                close_fd(fd);
        }
}

static bool is_in_a_run(const FlipFile *file, size_t offset) {
        if (offset < RUN_BYTES || offset + RUN_BYTES >= file->n)
                return false;
        for (size_t i = offset - RUN_BYTES; i <= offset + RUN_BYTES; i++)
                if (file->bytes[i] != file->bytes[offset])
                        return false;
        return true;
}

typedef struct Run {
        FlipStore store;
        const FlipKind *kind;
        bool all;
        unsigned n_wrong;
} Run;

static void check(Run *run, const FlipDamage *damage) {
        const FlipFile *file = &run->store.files[damage->file];
        const char *wrong;

        restore(&run->store, damage);
        wrong = run->kind->check(&run->store, damage);
        if (!wrong)
                return;
        run->n_wrong++;
        printf("wrong: %s %s %zu (now 0x%02x): %s\n", file->name, damage->is_cut ? "cut at" : "byte",
               damage->offset, damage->is_cut ? 0 : file->bytes[damage->offset], wrong);
}

/* Whether this place is passed over. */
static bool is_left_out(const Run *run, const FlipFile *file, size_t offset) {
        return !run->all && offset % 64 != 0 && is_in_a_run(file, offset);
}

static unsigned flip_byte(Run *run, size_t number, size_t offset) {
        FlipFile *file = &run->store.files[number];
        uint8_t was = file->bytes[offset];
        unsigned n = 0, n_ways = run->all || !is_in_a_run(file, offset) ? 10 : 1;

        for (unsigned way = 0; way < n_ways; way++) {
                uint8_t bit = (uint8_t) (1U << (way + offset) % 8);
                uint8_t value = way == 8 ? 0 : way == 9 ? 0xff : was ^ bit;

                if (value == was)
                        continue;
                file->bytes[offset] = value;
                check(run, &(FlipDamage){ .file = number, .offset = offset });
                n++;
        }
        file->bytes[offset] = was;
        return n;
}

static void damage_file(Run *run, size_t number) {
        const FlipFile *file = &run->store.files[number];
        unsigned n_flips = 0, n_cuts = 0;

        for (size_t offset = 0; offset < file->n && run->n_wrong < WRONGS_MAX; offset++) {
                if (is_left_out(run, file, offset))
                        continue;
                n_flips += flip_byte(run, number, offset);
                check(run, &(FlipDamage){ .file = number, .offset = offset, .is_cut = true });
                n_cuts++;
        }
        printf("%s: %u bytes changed, %u times cut\n", file->name, n_flips, n_cuts);
}

static const FlipKind *const kinds[] = { &flip_outbox, &flip_outbox_version_1, &flip_inbox, &flip_history,
                                         &flip_state_files };

static const FlipKind *find_kind(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i];
        return NULL;
}

int main(int argc, char *argv[]) {
        char directory[] = "/dev/shm/flip-XXXXXX";
        bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
        Run run = { .store.directory = directory, .all = all };

        argv += all;
        argc -= all;
        run.kind = argc >= 2 ? find_kind(argv[1]) : NULL;
        if (!run.kind || (argc < 3 && !run.kind->make)) {
                fprintf(stderr, "flip-files [--all] KIND [DIRECTORY]\n");
                return EXIT_FAILURE;
        }

        must(mkdtemp(directory), "a directory in memory");
        must(disk_new(&run.store.disk) == 0, "a disk thread");
        if (argc < 3)
                run.kind->make(&run.store);
        load(&run.store, argc < 3 ? directory : argv[2]);
        restore(&run.store, NULL);
        run.kind->learn(&run.store);
        for (size_t i = 0; i < run.store.n_files; i++)
                damage_file(&run, i);
        printf("%s: %u read, %u set aside, %u wrong\n", run.kind->name, run.store.n_read, run.store.n_told,
               run.n_wrong);

        clear(&run.store);
        (void) rmdir(directory);
        disk_free(run.store.disk);
        for (size_t i = 0; i < run.store.n_files; i++)
                free(run.store.files[i].bytes);
        return run.n_wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
