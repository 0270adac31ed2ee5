/* SPDX-License-Identifier: MIT */
#pragma once

/* Small files, as those of the state directory, read whole and replaced atomically. */

#include <sys/types.h>

#include "util/util.h"

/* Reads a file of at most 'max' bytes and ends it with NUL; -ENOENT: there is none, -EFBIG: it is longer. */
int file_read(const char *path, size_t max, char **ret);

/* Writes all of it, however many calls that takes. */
int file_write_all(int fd, const void *data, size_t n);

/* Writes 'path' with this mode by way of a temporary file beside it: it is never seen half written. */
int file_replace(const char *path, mode_t mode, const void *data, size_t n);

/* Makes a directory that is its owner's alone, and what is missing above it; it may be there already. */
int directory_make(const char *path);
