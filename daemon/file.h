/* SPDX-License-Identifier: MIT */
#pragma once

#include "util/util.h"

/*
 * Reads a whole regular file of at most 'max' bytes; a NUL that is not counted follows. -EFBIG: it is larger.
 * -EINVAL: it is not a regular file (a pipe could block).
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_n);
