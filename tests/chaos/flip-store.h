/* SPDX-License-Identifier: MIT */
#pragma once

/* A directory of the daemon's as flip-files.c damages it, and who knows what has to become of it then. */

#include <azure/core/az_span.h>

#include "daemon/disk.h"

#define FLIP_FILES_MAX 8U

typedef struct FlipFile {
        char name[48];
        uint8_t *bytes;
        size_t n;
} FlipFile;

/* One file is not what it was: from 'offset' on there is nothing, or the byte there is another one. */
typedef struct FlipDamage {
        size_t file;
        size_t offset;
        bool is_cut;
} FlipDamage;

typedef struct FlipStore {
        const char *directory;
        Disk *disk;
        FlipFile files[FLIP_FILES_MAX]; /* whole, by name */
        size_t n_files;
        unsigned n_read, n_told; /* what became of the damages */
} FlipStore;

typedef struct FlipKind {
        const char *name;
        /* Fills the directory; NULL: it is filled already. */
        void (*make)(FlipStore *store);
        /* Learns from the files, which are whole, what is in them. */
        void (*learn)(FlipStore *store);
        /*
         * Opens the damaged directory as the daemon does, counts what became of it, and looks whether it can
         * still be used. NULL, or what is wrong.
         */
        const char *(*check)(FlipStore *store, const FlipDamage *damage);
} FlipKind;

extern const FlipKind flip_outbox, flip_outbox_version_1, flip_inbox, flip_history, flip_state_files;

/* How many files of the directory are set aside: the daemon gave them a name of that kind. */
unsigned flip_count_aside(const FlipStore *store);
bool flip_is(az_span span, const uint8_t *bytes, size_t n);
