/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tells when files may have changed, without looking at them time and again: inotify on the directories that
 * they are in, so that it does not matter whether a file is written to, replaced, removed or not there yet,
 * nor whether a symbolic link on the way to it is made to lead elsewhere (as Kubernetes does with "..data").
 * Who replaces several files does not do so at once: it is told when nothing has happened for a while.
 *
 * Of a directory that may not be read nothing is heard; nor of one above those that the files are in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/util.h"

/* Changes that follow each other this closely are one; told at the latest so long after the first. */
#define FILE_WATCH_SETTLE_US     (500 * USEC_PER_MSEC)
#define FILE_WATCH_SETTLE_MAX_US (5 * USEC_PER_SEC)

typedef struct FileWatch FileWatch;

/* Watches nothing yet. -EMFILE, -ENOMEM: there is no inotify to be had. */
int file_watch_new(FileWatch **ret);
FileWatch *file_watch_free(FileWatch *w);
DEFINE_CLEANUP(FileWatch *, file_watch_free)

/*
 * Watches these absolute paths from now on, in place of others; NULL ones are skipped. Of a directory
 * everything in it is watched, but not what is further down, or behind a link that leads out of it. -ENOMEM.
 */
int file_watch_set(FileWatch *w, const char *const *paths, size_t n_paths);

/* Watch it for EPOLLIN, level-triggered; it stays the same. */
int file_watch_get_fd(const FileWatch *w);

/* When to dispatch at the latest, in CLOCK_BOOTTIME; UINT64_MAX: no timer. */
uint64_t file_watch_deadline_us(const FileWatch *w);

/* Takes note of what has happened. True, once: one of the files may have changed, and all is quiet again. */
bool file_watch_dispatch(FileWatch *w, uint64_t now_us);
