/* SPDX-License-Identifier: MIT */

#include "power-disk-internal.h"

#include <fcntl.h>

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

File *names_find(const Names *names, const char *name) {
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

void names_set(Names *names, const char *name, File *file) {
        names_remove(names, name);
        if (names->n == names->n_allocated) {
                names->n_allocated = MAX(2 * names->n_allocated, (size_t) 8);
                names->items = grow(names->items, names->n_allocated, sizeof(*names->items));
        }
        names->items[names->n++] = (Name){ .name = copy_text(name), .file = file };
}

void names_apply(Names *names, const Change *change) {
        if (change->type != POWER_REMOVE)
                names_set(names, change->to ? change->to : change->name, change->file);
        if (change->type != POWER_OPEN && change->type != POWER_MAKE)
                names_remove(names, change->name);
}

void names_done(Names *names) {
        while (names->n > 0)
                free(names->items[--names->n].name);
        free(names->items);
        *names = (Names){};
}

void names_copy(Names *to, const Names *from) {
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

void bytes_resize(uint8_t **bytes, size_t *n, size_t *n_allocated, size_t size) {
        if (size > *n_allocated) {
                *n_allocated = MAX(size, 2 * *n_allocated);
                *bytes = grow(*bytes, *n_allocated, 1);
        }
        if (size > *n)
                memset(*bytes + *n, 0, size - *n);
        *n = size;
}

void bytes_write(uint8_t *bytes, size_t n, const Change *change, uint64_t begin, uint64_t end) {
        end = MIN(MIN(end, change->offset + change->size), (uint64_t) n);
        begin = MAX(begin, change->offset);
        if (begin >= end)
                return;
        if (change->data)
                memcpy(bytes + begin, change->data + (begin - change->offset), end - begin);
        else
                memset(bytes + begin, 0, end - begin);
}

uint64_t change_size(const Change *change, uint64_t size) {
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

void forget_changes(File *file) {
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
