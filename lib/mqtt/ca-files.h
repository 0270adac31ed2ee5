/* SPDX-License-Identifier: MIT */
#pragma once

/* The files that a path to certificates that are trusted stands for. Blocks for as long as reading takes. */

#include <stddef.h>

#include "util/util.h"

/* A system's bundle has 220 KiB. */
#define CA_FILE_MAX (4U * 1024U * 1024U)
/* More are not a directory of CAs. */
#define CA_FILES_MAX 256U

/* The files to read, absolute or not as the path was. */
typedef struct CaFiles {
        char **paths;
        size_t n_paths;
} CaFiles;

/*
 * Lists the path itself, or of a directory its regular files in the order of their names, but for those whose
 * name begins with a dot: so begin what Kubernetes and editors put beside them. A path that is missing is
 * listed, too: whoever reads it says so. -ENOENT: the directory has no such file. -E2BIG: more than
 * CA_FILES_MAX.
 */
int ca_files_list(CaFiles *ret, const char *path);
void ca_files_done(CaFiles *f);
