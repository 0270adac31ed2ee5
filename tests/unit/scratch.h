/* SPDX-License-Identifier: MIT */
#pragma once

/* A directory for one test, with files and without directories in it but 'high', which outboxes have. */

#include <stddef.h>

#define SCRATCH_SIZE 64U

/* Makes it, in memory if it can be: what a sync costs is not the question. 'ret' becomes its path. */
void scratch_init(char ret[static SCRATCH_SIZE], const char *name);
/* Removes it and what is in it. */
void scratch_done(const char *directory);

/* The path of a file in it. */
void scratch_path(const char *directory, const char *name, char *ret, size_t n);
/* How many files have 'part' in their name. */
size_t scratch_count_files(const char *directory, const char *part);
