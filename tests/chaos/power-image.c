/* SPDX-License-Identifier: MIT */

/*
 * What is not synced is a list of changes per file, in their order, each with the index of its entry in the
 * log. An image is made by limits: a change is on the disk if its index is below the limit that holds for it.
 * For bytes the limit is drawn per sector, so that a sector is always as it once was; for sizes per file, for
 * names per directory. What an image draws follows from its seed.
 */

#include "power-disk-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SECTOR 512U
#define BLOCK  4096U

const char *const power_image_names[_POWER_IMAGE_MAX] = {
        [POWER_IMAGE_SYNCED] = "synced",       [POWER_IMAGE_WHOLE] = "whole",
        [POWER_IMAGE_ORDERED] = "ordered",     [POWER_IMAGE_SECTORS] = "sectors",
        [POWER_IMAGE_BLOCKS] = "blocks",       [POWER_IMAGE_TORN] = "torn",
        [POWER_IMAGE_FILES] = "files",         [POWER_IMAGE_SIZES] = "sizes",
        [POWER_IMAGE_EARLY] = "early",         [POWER_IMAGE_LATE] = "late",
        [POWER_IMAGE_UNORDERED] = "unordered",
};

/* ---- Drawing ---- */

/* splitmix64 */
static uint64_t mix(uint64_t x) {
        x += 0x9e3779b97f4a7c15;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
        x = (x ^ x >> 27) * 0x94d049bb133111eb;
        return x ^ x >> 31;
}

typedef enum Draw {
        DRAW_BYTES = 1,
        DRAW_SIZE,
        DRAW_NAMES,
        DRAW_FILE,
        DRAW_MOMENT,
} Draw;

static uint64_t draw(const PowerDisk *d, Draw what, const File *file, uint64_t which) {
        return mix(mix(mix(d->seed + what) ^ (file ? file->number : 0)) ^ which);
}

static void note(PowerDisk *d, uint64_t choice) {
        d->hash = mix(d->hash ^ choice);
}

/* A moment between the changes of a file: none of them, all, or as many as it happens. */
static uint64_t draw_limit(const PowerDisk *d, Draw what, const File *file, uint64_t which) {
        uint64_t random = draw(d, what, file, which);
        size_t k = (random >> 8) % (file->n_changes + 1);

        if (random % 3 == 0)
                return 0;
        if (random % 3 == 1 || k == file->n_changes)
                return ALL;
        return file->changes[k].index;
}

static bool is_file_whole(const PowerDisk *d, const File *file) {
        return draw(d, DRAW_FILE, file, 0) % 2 == 0;
}

/* What is there of the bytes; true: that differs from sector to sector. */
static bool bytes_limit(const PowerDisk *d, const File *file, uint64_t sector, uint64_t *ret) {
        *ret = ALL;
        switch (d->image) {
        case POWER_IMAGE_SYNCED:
        case POWER_IMAGE_EARLY:
                *ret = 0;
                return false;
        case POWER_IMAGE_WHOLE:
        case POWER_IMAGE_SIZES:
        case POWER_IMAGE_LATE:
                return false;
        case POWER_IMAGE_ORDERED:
                *ret = d->moment;
                return false;
        case POWER_IMAGE_FILES:
                *ret = is_file_whole(d, file) ? ALL : 0;
                return false;
        case POWER_IMAGE_TORN:
                *ret = draw(d, DRAW_BYTES, file, sector) % 2 == 0 ? ALL : d->last_write;
                return file->n_changes > 0 && file->changes[file->n_changes - 1].index == d->last_write;
        case POWER_IMAGE_BLOCKS:
                *ret = draw_limit(d, DRAW_BYTES, file, sector / (BLOCK / SECTOR));
                return true;
        case POWER_IMAGE_SECTORS:
        case POWER_IMAGE_UNORDERED:
                *ret = draw_limit(d, DRAW_BYTES, file, sector);
                return true;
        case _POWER_IMAGE_MAX:
                break;
        }
        return false;
}

static uint64_t size_limit(const PowerDisk *d, const File *file) {
        switch (d->image) {
        case POWER_IMAGE_SYNCED:
                return 0;
        case POWER_IMAGE_ORDERED:
                return d->moment;
        case POWER_IMAGE_FILES:
                return is_file_whole(d, file) ? ALL : 0;
        case POWER_IMAGE_SECTORS:
        case POWER_IMAGE_BLOCKS:
        case POWER_IMAGE_SIZES:
        case POWER_IMAGE_UNORDERED:
                return draw_limit(d, DRAW_SIZE, file, 0);
        case POWER_IMAGE_WHOLE:
        case POWER_IMAGE_TORN:
        case POWER_IMAGE_EARLY:
        case POWER_IMAGE_LATE:
        case _POWER_IMAGE_MAX:
                return ALL;
        }
        return ALL;
}

static bool is_name_there(const PowerDisk *d, const File *directory, const Change *change) {
        switch (d->image) {
        case POWER_IMAGE_SYNCED:
        case POWER_IMAGE_LATE:
                return false;
        case POWER_IMAGE_ORDERED:
                return change->index < d->moment;
        case POWER_IMAGE_SECTORS:
        case POWER_IMAGE_BLOCKS:
        case POWER_IMAGE_FILES:
        case POWER_IMAGE_SIZES:
                return change->index < draw_limit(d, DRAW_NAMES, directory, 0);
        case POWER_IMAGE_UNORDERED:
                return draw(d, DRAW_NAMES, directory, change->index) % 2 == 0;
        case POWER_IMAGE_WHOLE:
        case POWER_IMAGE_TORN:
        case POWER_IMAGE_EARLY:
        case _POWER_IMAGE_MAX:
                return true;
        }
        return true;
}

/* ---- Making an image ---- */

/* Writes what is there of a change into d->bytes. */
static void image_write(PowerDisk *d, const File *file, const Change *change) {
        uint64_t limit, n_there = 0, n = 0, some = 0;

        if (!bytes_limit(d, file, 0, &limit)) {
                if (change->index < limit)
                        bytes_write(d->bytes, d->n_bytes, change, 0, ALL);
                note(d, change->index * 2 + (change->index < limit));
                return;
        }
        for (uint64_t sector = change->offset / SECTOR; sector * SECTOR < change->offset + change->size;
             sector++) {
                bool is_there;

                (void) bytes_limit(d, file, sector, &limit);
                is_there = change->index < limit;
                if (is_there)
                        bytes_write(d->bytes, d->n_bytes, change, sector * SECTOR, (sector + 1) * SECTOR);
                n++;
                n_there += is_there;
                some = mix(some * 2 + is_there);
        }
        note(d, n_there == 0 ? change->index * 2 : n_there == n ? change->index * 2 + 1 : some);
}

/* Makes d->bytes what is there of a file. */
static void image_file(PowerDisk *d, const File *file) {
        uint64_t limit = size_limit(d, file);

        d->n_bytes = 0;
        bytes_resize(&d->bytes, &d->n_bytes, &d->n_allocated, file->n_bytes);
        if (file->n_bytes > 0)
                memcpy(d->bytes, file->bytes, file->n_bytes);

        for (size_t i = 0; i < file->n_changes; i++) {
                const Change *change = &file->changes[i];
                bool has_size = change->index < limit;

                /* What was written behind that is in other blocks than those that the file has then. */
                if (change->type == POWER_TRUNCATE && !has_size)
                        break;
                if (has_size)
                        bytes_resize(&d->bytes, &d->n_bytes, &d->n_allocated,
                                     change_size(change, d->n_bytes));
                if (change->type == POWER_WRITE)
                        image_write(d, file, change);
        }
        note(d, d->n_bytes);
}

static void image_names(PowerDisk *d, const File *directory, Names *ret) {
        names_copy(ret, &directory->names);
        for (size_t i = 0; i < directory->n_changes; i++) {
                const Change *change = &directory->changes[i];
                bool is_there = is_name_there(d, directory, change);

                if (is_there)
                        names_apply(ret, change);
                note(d, change->index * 2 + is_there);
        }
}

static void image_begin(PowerDisk *d, PowerImage image, uint64_t seed) {
        uint64_t first = d->now;

        d->image = image;
        d->seed = seed;
        d->hash = d->last_write = 0;
        for (size_t i = 0; i < d->n_inodes; i++) {
                const File *file = d->inodes[i].file;

                if (file->n_changes == 0)
                        continue;
                first = MIN(first, file->changes[0].index);
                if (!file->is_directory)
                        d->last_write = MAX(d->last_write, file->changes[file->n_changes - 1].index);
        }
        d->moment = first + draw(d, DRAW_MOMENT, NULL, 0) % (d->now - first + 1);
}

/* ---- To a directory ---- */

static int remove_tree(int fd, const char *name) {
        _cleanup_(close_fdp) int sub_fd = -1;
        const struct dirent *entry;
        DIR *stream;

        if (unlinkat(fd, name, 0) >= 0)
                return 0;
        sub_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (sub_fd < 0)
                return -errno;
        stream = fdopendir(dup(sub_fd));
        if (!stream)
                return -errno;
        while ((entry = readdir(stream)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        (void) remove_tree(sub_fd, entry->d_name);
        (void) closedir(stream);
        return unlinkat(fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* Removes what an earlier image, or who used it, has left. */
static int clear(int fd, const Names *names) {
        const struct dirent *entry;
        DIR *stream;
        int r = 0;

        stream = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!stream)
                return -errno;
        while (r >= 0 && (entry = readdir(stream))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (!names_find(names, entry->d_name))
                        r = remove_tree(fd, entry->d_name);
        }
        (void) closedir(stream);
        return r;
}

/* A file that is there keeps its pages, which is most of the speed. */
static int write_file(int directory_fd, const char *name, const uint8_t *bytes, size_t n) {
        _cleanup_(close_fdp) int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || (n > 0 && pwrite(fd, bytes, n, 0) != (ssize_t) n) || ftruncate(fd, (off_t) n) < 0)
                return -errno;
        return 0;
}

static int image_to(PowerDisk *d, const File *directory, int fd) {
        Names names = {};
        int r;

        image_names(d, directory, &names);
        r = clear(fd, &names);
        for (size_t i = 0; r >= 0 && i < names.n; i++) {
                const Name *name = &names.items[i];

                if (name->file->is_directory) {
                        _cleanup_(close_fdp) int sub_fd = -1;

                        (void) mkdirat(fd, name->name, 0700);
                        sub_fd = openat(fd, name->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        r = sub_fd < 0 ? -errno : image_to(d, name->file, sub_fd);
                } else {
                        image_file(d, name->file);
                        r = write_file(fd, name->name, d->bytes, d->n_bytes);
                }
        }
        names_done(&names);
        return r;
}

int power_disk_image(PowerDisk *d, PowerImage image, uint64_t seed, const char *directory,
                     uint64_t *ret_hash) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        (void) mkdir(directory, 0700);
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        image_begin(d, image, seed);
        r = image_to(d, d->files[0], fd);
        *ret_hash = d->hash;
        return r;
}

/* ---- To the disk itself ---- */

static void image_settle(PowerDisk *d, File *directory) {
        Names names = {};

        image_names(d, directory, &names);
        forget_changes(directory);
        names_done(&directory->names);
        names_done(&directory->now);
        names_copy(&directory->now, &names);
        directory->names = names;

        for (size_t i = 0; i < names.n; i++) {
                File *file = names.items[i].file;

                if (file->is_directory) {
                        image_settle(d, file);
                        continue;
                }
                image_file(d, file);
                bytes_resize(&file->bytes, &file->n_bytes, &file->n_allocated, d->n_bytes);
                if (d->n_bytes > 0)
                        memcpy(file->bytes, d->bytes, d->n_bytes);
                forget_changes(file);
        }
}

void power_disk_cut(PowerDisk *d, PowerImage image, uint64_t seed) {
        image_begin(d, image, seed);
        image_settle(d, d->files[0]);
        d->n_pending = 0;
        d->n_inodes = d->n_syncs = 0;
}
