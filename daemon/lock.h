/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What belongs to one process at a time. The kernel keeps the lock, so it ends with its holder, however that
 * ends, and tells who has it.
 */

#include "util/util.h"

/* Empty; in the state directory. */
#define LOCK_FILE "lock"

/*
 * Locks the file or directory behind 'fd' until that is closed. -EBUSY: somebody else has the lock; another
 * negative errno: it cannot be locked.
 */
int lock_take(int fd);

/* The same for LOCK_FILE in 'directory'; *ret_fd is to be closed. */
int lock_take_directory(const char *directory, int *ret_fd);

/* Tells who has locked 'path': "pid 812, unit aziotd.service", or "another process" if that is not known. */
void lock_describe_holder(const char *path, char *ret, size_t n);

/* Finds the holder of the lock on a file in the text of /proc/locks. 0: there is none. */
pid_t lock_find_holder(const char *locks, dev_t device, ino_t inode);
