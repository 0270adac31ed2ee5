/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What has arrived, counted instead of kept, for runs whose messages would fill a disk: of each device, and
 * of each source that its messages name, which numbers came, which are missing, and which came twice or too
 * late.
 *
 * It is a file of fixed size that is mapped, so that it survives this program being killed like the journal.
 * A number that follows the one before it is taken up by one store, which a kill finds done or not; only
 * where a gap opens in the middle or closes there is an instant in which it would find it half done.
 */

#include "hubsim/registry.h"
#include "util/util.h"

/* Bytes of a source's name, and how many sources there may be, of all devices together. */
#define COUNTS_SOURCE_MAX  63U
#define COUNTS_SOURCES_MAX 256U

/* The numbers that came are that many pieces without a gap at most; those that would be one more are not
 * followed. */
#define COUNTS_PIECES_MAX 240U

typedef struct Counts Counts;

/* Of one source. */
typedef struct Count {
        const char *device, *source; /* live as long as the Counts */
        uint64_t n_messages;         /* that arrived, repeats included */
        uint64_t first, last; /* the lowest and the highest number; undefined if 'has_numbers' is not set */
        bool has_numbers;
        uint64_t n_missing;    /* between those two */
        uint64_t n_repeated;   /* arrivals of a number that had come before */
        uint64_t n_disordered; /* numbers that came for the first time behind a higher one */
        uint64_t n_untracked;  /* messages without a number, or whose number is not followed */
} Count;

/* Opens or creates 'path'. -EBADMSG: it is no such file. */
int counts_open(const char *path, Counts **ret);
Counts *counts_free(Counts *counts);
DEFINE_CLEANUP(Counts *, counts_free)

/* Counts a message; 'number' NULL: it has none. -ENOSPC: there are as many sources as there may be. */
int counts_add(Counts *counts, const char *device, const char *source, const uint64_t *number);

/* Gets the index'th source; false: there are no more. */
bool counts_get(const Counts *counts, size_t index, Count *ret);
