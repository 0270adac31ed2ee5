/* SPDX-License-Identifier: MIT */
#pragma once

/* A file that takes the place of another as a whole: whoever reads it finds all of it, or that of before. */

#include <errno.h>
#include <sys/types.h>

typedef struct Replacement {
        const char *path;
        char *temporary; /* beside it, for its owner alone; NULL: there is none */
        int fd;
} Replacement;

#define REPLACEMENT_NULL ((Replacement){ .fd = -EBADF })

/*
 * Makes a file to write to, 'fd'. 'path' has to live as long as the object. Returns -EEXIST if a device, a
 * symbolic link or the like is in its place: that is not ours to replace.
 */
int replacement_begin(Replacement *r, const char *path);

/* Puts it in its place. */
int replacement_finish(Replacement *r, mode_t mode);

/* Forgets it, and removes what has not been finished. */
void replacement_done(Replacement *r);
