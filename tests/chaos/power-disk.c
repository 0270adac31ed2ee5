/* SPDX-License-Identifier: MIT */

/*
 * What is not synced is a list of changes per file, in their order, each with the index of its entry in the
 * log. An image is made by limits: a change is on the disk if its index is below the limit that holds for it.
 * For bytes the limit is drawn per sector, so that a sector is always as it once was; for sizes per file, for
 * names per directory. What an image draws follows from its seed.
 */

#include "power-disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SECTOR 512U
#define BLOCK  4096U
#define ALL    UINT64_MAX

typedef struct File File;

/* A change that is not synced. */
typedef struct Change {
        uint64_t index;
        PowerType type; /* WRITE, TRUNCATE, ALLOCATE; of a directory OPEN or MAKE (a new name), RENAME, REMOVE
                         */
        uint64_t offset, size;
        const uint8_t *data; /* NULL: zeros */
        File *file;
        char *name, *to;
} Change;

typedef struct Name {
        char *name;
        File *file;
} Name;

typedef struct Names {
        Name *items;
        size_t n, n_allocated;
} Names;

struct File {
        unsigned number;
        char path[128]; /* its last one */
        bool is_directory, is_segment;
        uint8_t *bytes; /* synced */
        size_t n_bytes, n_allocated;
        Names names; /* synced */
        Names now;   /* as programs see them */
        Change *changes;
        size_t n_changes, n_changes_allocated;
        uint64_t lie; /* the index up to which it is synced in truth */
};

typedef struct Sync {
        uint64_t id, index;
        File *file;
} Sync;

typedef struct Inode {
        uint64_t inode;
        File *file;
} Inode;

struct PowerDisk {
        bool lies;
        File **files; /* all there ever were; the first is the directory itself */
        unsigned n_files, n_files_allocated;
        Inode inodes[1024];
        size_t n_inodes;
        Sync syncs[8];
        size_t n_syncs;
        uint64_t n_pending;
        uint64_t now; /* the index of the last entry */

        /* Of the image that is made. */
        PowerImage image;
        uint64_t seed, hash;
        uint64_t moment;     /* ORDERED */
        uint64_t last_write; /* TORN: its index */
        uint8_t *bytes;
        size_t n_bytes, n_allocated;
};

const char *const power_image_names[_POWER_IMAGE_MAX] = {
        [POWER_IMAGE_SYNCED] = "synced",       [POWER_IMAGE_WHOLE] = "whole",
        [POWER_IMAGE_ORDERED] = "ordered",     [POWER_IMAGE_SECTORS] = "sectors",
        [POWER_IMAGE_BLOCKS] = "blocks",       [POWER_IMAGE_TORN] = "torn",
        [POWER_IMAGE_FILES] = "files",         [POWER_IMAGE_SIZES] = "sizes",
        [POWER_IMAGE_EARLY] = "early",         [POWER_IMAGE_LATE] = "late",
        [POWER_IMAGE_UNORDERED] = "unordered",
};

/* A test that has no memory has nothing to say. */
static void *grow(void *items, size_t n, size_t size) {
        items = reallocarray(items, n, size);
        if (!items)
                abort();
        return items;
}

static char *copy_text(const char *text) {
        char *copy = strdup(text);

        if (!copy)
                abort();
        return copy;
}

/* ---- Names ---- */

static File *names_find(const Names *names, const char *name) {
        for (size_t i = 0; i < names->n; i++)
                if (strcmp(names->items[i].name, name) == 0)
                        return names->items[i].file;
        return NULL;
}

static void names_remove(Names *names, const char *name) {
        for (size_t i = 0; i < names->n; i++)
                if (strcmp(names->items[i].name, name) == 0) {
                        free(names->items[i].name);
                        names->items[i] = names->items[--names->n];
                        return;
                }
}

static void names_set(Names *names, const char *name, File *file) {
        names_remove(names, name);
        if (names->n == names->n_allocated) {
                names->n_allocated = MAX(2 * names->n_allocated, (size_t) 8);
                names->items = grow(names->items, names->n_allocated, sizeof(*names->items));
        }
        names->items[names->n++] = (Name){ .name = copy_text(name), .file = file };
}

static void names_apply(Names *names, const Change *change) {
        if (change->type != POWER_REMOVE)
                names_set(names, change->to ? change->to : change->name, change->file);
        if (change->type != POWER_OPEN && change->type != POWER_MAKE)
                names_remove(names, change->name);
}

static void names_done(Names *names) {
        while (names->n > 0)
                free(names->items[--names->n].name);
        free(names->items);
        *names = (Names){};
}

static void names_copy(Names *to, const Names *from) {
        for (size_t i = 0; i < from->n; i++)
                names_set(to, from->items[i].name, from->items[i].file);
}

/* ---- Files ---- */

static void file_name(File *file, const char *path) {
        (void) snprintf(file->path, sizeof(file->path), "%s", path);
        file->is_segment = strstr(path, "segment-") != NULL;
}

static File *file_new(PowerDisk *d, const char *path, bool is_directory) {
        File *file = grow(NULL, 1, sizeof(*file));

        if (d->n_files == d->n_files_allocated) {
                d->n_files_allocated = MAX(2 * d->n_files_allocated, 64U);
                d->files = grow(d->files, d->n_files_allocated, sizeof(*d->files));
        }
        *file = (File){ .number = d->n_files, .is_directory = is_directory };
        file_name(file, path);
        d->files[d->n_files++] = file;
        return file;
}

static void file_add(PowerDisk *d, File *file, Change change) {
        if (file->n_changes == file->n_changes_allocated) {
                file->n_changes_allocated = MAX(2 * file->n_changes_allocated, (size_t) 8);
                file->changes = grow(file->changes, file->n_changes_allocated, sizeof(*file->changes));
        }
        file->changes[file->n_changes++] = change;
        d->n_pending++;
}

static void bytes_resize(uint8_t **bytes, size_t *n, size_t *n_allocated, size_t size) {
        if (size > *n_allocated) {
                *n_allocated = MAX(size, 2 * *n_allocated);
                *bytes = grow(*bytes, *n_allocated, 1);
        }
        if (size > *n)
                memset(*bytes + *n, 0, size - *n);
        *n = size;
}

/* Writes the part of a change that is within the bytes. */
static void bytes_write(uint8_t *bytes, size_t n, const Change *change, uint64_t begin, uint64_t end) {
        end = MIN(MIN(end, change->offset + change->size), (uint64_t) n);
        begin = MAX(begin, change->offset);
        if (begin >= end)
                return;
        if (change->data)
                memcpy(bytes + begin, change->data + (begin - change->offset), end - begin);
        else
                memset(bytes + begin, 0, end - begin);
}

/* The size that a file has after a change of it, when it had 'size'. */
static uint64_t change_size(const Change *change, uint64_t size) {
        if (change->type == POWER_TRUNCATE)
                return change->size;
        return MAX(size, change->offset + change->size);
}

static void file_settle(File *file, const Change *change) {
        bytes_resize(&file->bytes, &file->n_bytes, &file->n_allocated, change_size(change, file->n_bytes));
        if (change->type == POWER_WRITE)
                bytes_write(file->bytes, file->n_bytes, change, 0, ALL);
}

/* All changes before 'index' are safe. */
static void file_sync(PowerDisk *d, File *file, uint64_t index) {
        size_t n = 0;

        for (; n < file->n_changes && file->changes[n].index < index; n++) {
                Change *change = &file->changes[n];

                if (file->is_directory)
                        names_apply(&file->names, change);
                else
                        file_settle(file, change);
                free(change->name);
                free(change->to);
        }
        if (n == 0)
                return;
        file->n_changes -= n;
        d->n_pending -= n;
        memmove(file->changes, file->changes + n, file->n_changes * sizeof(*file->changes));
}

/* ---- What the log tells ---- */

/* Splits a path; NULL: its directory is not known. '*ret_name' is the last part. */
static File *find_directory(const PowerDisk *d, const char *path, const char **ret_name) {
        File *directory = d->files[0];
        const char *slash;

        while ((slash = strchr(path, '/'))) {
                char name[256];

                (void) snprintf(name, sizeof(name), "%.*s", (int) (slash - path), path);
                directory = names_find(&directory->now, name);
                if (!directory || !directory->is_directory)
                        return NULL;
                path = slash + 1;
        }
        *ret_name = path;
        return directory;
}

static void bind_inode(PowerDisk *d, uint64_t inode, File *file) {
        for (size_t i = 0; i < d->n_inodes; i++)
                if (d->inodes[i].inode == inode) {
                        d->inodes[i].file = file;
                        return;
                }
        if (d->n_inodes == ELEMENTSOF(d->inodes))
                memmove(d->inodes, d->inodes + 1, --d->n_inodes * sizeof(d->inodes[0]));
        d->inodes[d->n_inodes++] = (Inode){ .inode = inode, .file = file };
}

static File *find_inode(const PowerDisk *d, uint64_t inode) {
        for (size_t i = d->n_inodes; i > 0; i--)
                if (d->inodes[i - 1].inode == inode)
                        return d->inodes[i - 1].file;
        return NULL;
}

static const char *entry_name(const PowerEntry *entry) {
        return (const char *) (entry + 1);
}

static const uint8_t *entry_data(const PowerEntry *entry) {
        return (const uint8_t *) (entry + 1) + entry->n_name;
}

static int apply_name(PowerDisk *d, const PowerEntry *entry, uint64_t index) {
        const char *name, *to;
        File *directory = find_directory(d, entry_name(entry), &name), *file, *to_directory;
        Change change = { .index = index, .type = entry->type };

        if (!directory)
                return -EPROTO;
        if (entry->type == POWER_MAKE)
                file = file_new(d, entry_name(entry), true);
        else
                file = names_find(&directory->now, name);
        if (!file)
                return -EPROTO;
        if (entry->type == POWER_RENAME) {
                to_directory = find_directory(d, (const char *) entry_data(entry), &to);
                if (to_directory != directory)
                        return -EPROTO; /* the model knows no names that move */
                change.to = copy_text(to);
                file_name(file, (const char *) entry_data(entry));
        }
        change.name = copy_text(name);
        change.file = file;
        names_apply(&directory->now, &change);
        file_add(d, directory, change);
        return 0;
}

static int apply_open(PowerDisk *d, const PowerEntry *entry, uint64_t index) {
        const char *name;
        File *directory = find_directory(d, entry_name(entry), &name), *file;

        if (!directory)
                return -EPROTO;
        file = name[0] == '\0' ? directory : names_find(&directory->now, name);
        if (!file && (entry->a & O_CREAT) == 0)
                return -EPROTO;
        if (!file) {
                file = file_new(d, entry_name(entry), false);
                names_set(&directory->now, name, file);
                file_add(d, directory,
                         (Change){
                                 .index = index, .type = POWER_OPEN, .name = copy_text(name), .file = file });
        } else if ((entry->a & O_TRUNC) != 0)
                file_add(d, file, (Change){ .index = index, .type = POWER_TRUNCATE });
        bind_inode(d, entry->inode, file);
        return 0;
}

static int apply_change(PowerDisk *d, const PowerEntry *entry, uint64_t index) {
        File *file = find_inode(d, entry->inode);
        Change change = { .index = index, .type = entry->type };

        if (!file || file->is_directory)
                return -EPROTO;
        if (entry->type == POWER_WRITE) {
                change.offset = entry->a;
                change.size = entry->b;
                change.data = entry->n_data > 0 ? entry_data(entry) : NULL;
        } else
                change.size = entry->a;
        file_add(d, file, change);
        return 0;
}

static int apply_sync(PowerDisk *d, const PowerEntry *entry, uint64_t index) {
        File *file = find_inode(d, entry->inode);

        if (!file)
                return -EPROTO;
        if (entry->type == POWER_SYNC_BEGIN) {
                if (d->n_syncs == ELEMENTSOF(d->syncs)) /* they began in processes that are gone */
                        memmove(d->syncs, d->syncs + 1, --d->n_syncs * sizeof(d->syncs[0]));
                d->syncs[d->n_syncs++] = (Sync){ .id = entry->a, .index = index, .file = file };
                return 0;
        }
        for (size_t i = d->n_syncs; i > 0; i--) {
                Sync *sync = &d->syncs[i - 1];
                uint64_t until = sync->index;

                if (sync->id != entry->a || sync->file != file)
                        continue;
                if (d->lies && file->is_segment) {
                        until = file->lie;
                        file->lie = sync->index;
                }
                file_sync(d, file, until);
                *sync = d->syncs[--d->n_syncs];
                return 0;
        }
        return -EPROTO;
}

int power_disk_apply(PowerDisk *d, const PowerEntry *entry, uint64_t index) {
        d->now = index;
        switch ((PowerType) entry->type) {
        case POWER_OPEN:
                return apply_open(d, entry, index);
        case POWER_WRITE:
        case POWER_TRUNCATE:
        case POWER_ALLOCATE:
                return apply_change(d, entry, index);
        case POWER_SYNC_BEGIN:
        case POWER_SYNC_END:
                return apply_sync(d, entry, index);
        case POWER_MAKE:
        case POWER_RENAME:
        case POWER_REMOVE:
                return apply_name(d, entry, index);
        case POWER_START:
                d->n_syncs = 0;
                return 0;
        case POWER_REPLY:
        case POWER_SENT:
        case POWER_RECEIVED:
        case POWER_CLOSED:
        case POWER_CUT:
        case _POWER_TYPE_MAX:
                return 0;
        }
        return -EPROTO;
}

const char *power_disk_name(const PowerDisk *d, const PowerEntry *entry) {
        const File *file;

        if (entry->n_name > 0)
                return entry_name(entry);
        file = find_inode(d, entry->inode);
        return file ? file->path : "";
}

bool power_disk_is_pending(const PowerDisk *d) {
        return d->n_pending > 0;
}

static void forget_changes(File *file) {
        for (size_t i = 0; i < file->n_changes; i++) {
                free(file->changes[i].name);
                free(file->changes[i].to);
        }
        file->n_changes = 0;
        file->lie = 0;
}

int power_disk_new(PowerDisk **ret, bool lies) {
        PowerDisk *d = grow(NULL, 1, sizeof(*d));

        *d = (PowerDisk){ .lies = lies };
        (void) file_new(d, "", true);
        *ret = d;
        return 0;
}

PowerDisk *power_disk_free(PowerDisk *d) {
        if (!d)
                return NULL;
        for (unsigned i = 0; i < d->n_files; i++) {
                File *file = d->files[i];

                forget_changes(file);
                names_done(&file->names);
                names_done(&file->now);
                free(file->changes);
                free(file->bytes);
                free(file);
        }
        free(d->files);
        free(d->bytes);
        free(d);
        return NULL;
}

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
