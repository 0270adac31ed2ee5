/* SPDX-License-Identifier: MIT */
#pragma once

#include <azure/core/az_span.h>

#include "util/util.h"

/*
 * Reads a whole regular file of at most 'max' bytes; a NUL that is not counted follows. -EFBIG: it is larger.
 * -EINVAL: it is not a regular file (a pipe could block).
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_n);

/*
 * Opens a directory for what must outlive a power cut. One that was not there is made, mode 0700, and synced
 * into its parent.
 */
int file_open_directory(const char *path, int *ret_fd);

/* What file_replace() adds to a name while it writes. */
#define FILE_NEW_SUFFIX ".new"
#define FILE_NAME_MAX   128U

/*
 * Makes 'begin' and 'rest' the contents of a file, mode 0600: whoever reads it finds the old ones or these,
 * also after a power cut. For any thread; waits for the disk. 0: they are synced. A negative errno: the old
 * file is there, or, if the directory could not be synced, the new one.
 */
int file_replace(int directory_fd, const char *name, az_span begin, az_span rest);
