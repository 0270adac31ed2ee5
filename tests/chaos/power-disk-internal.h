/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the model share; nobody else includes it.
 *
 *      power-disk.c   what the log has done to the disk
 *      power-image.c  what is left of it when the power fails
 */

#include "power-disk.h"

#define ALL UINT64_MAX

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

/* NULL: there is none. */
File *names_find(const Names *names, const char *name);
void names_set(Names *names, const char *name, File *file);
/* Does what a change of a directory did. */
void names_apply(Names *names, const Change *change);
void names_done(Names *names);
void names_copy(Names *to, const Names *from);

void bytes_resize(uint8_t **bytes, size_t *n, size_t *n_allocated, size_t size);
/* Writes the part of a change that is between these offsets, and within the bytes. */
void bytes_write(uint8_t *bytes, size_t n, const Change *change, uint64_t begin, uint64_t end);
/* The size that a file has after a change of it, when it had 'size'. */
uint64_t change_size(const Change *change, uint64_t size);
void forget_changes(File *file);
