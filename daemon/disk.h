/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The disk thread: one thread that does what may wait for a disk, so that the loop never does.
 *
 * A job is a struct that its owner embeds in a bigger one. run() is called on the disk thread and may touch
 * only what belongs to the job; done() is called later, on the loop, by disk_dispatch(). Jobs run one at a
 * time in the order of their submission; between disk_submit() and done() a job belongs to the thread.
 */

#include "util/util.h"

typedef struct Disk Disk;
typedef struct DiskJob DiskJob;

struct DiskJob {
        void (*run)(DiskJob *job);
        void (*done)(DiskJob *job);
        DiskJob *next;
};

/* Starts the thread, with all signals blocked. Returns 0 or a negative errno. */
int disk_new(Disk **ret);

/* Lets the queued jobs run to their end, without their done(), and joins the thread. Returns NULL. */
Disk *disk_free(Disk *d);
DEFINE_CLEANUP(Disk *, disk_free)

/* An eventfd that is readable while a done() is due; owned by 'd'. */
int disk_get_fd(const Disk *d);

/* Queues 'job', which must not be queued or running. */
void disk_submit(Disk *d, DiskJob *job);

/* Calls done() of every job that has run. Call when the fd is readable. */
void disk_dispatch(Disk *d);

/* Waits until nothing is queued or running, done() included. For a clean stop: it blocks. */
void disk_drain(Disk *d);

/* pwrite(2) and pread(2) to the end, for any thread. 0, or a negative errno; a file that ends early is
 * -ENODATA. */
int disk_write_at(int fd, const void *data, size_t n, uint64_t offset);
int disk_read_at(int fd, void *data, size_t n, uint64_t offset);

/*
 * Reads what can be read, after a failure block by block: what cannot be, and what is behind the end, becomes
 * zeros. 0, or the negative errno of what could not be read.
 */
int disk_salvage_at(int fd, void *data, size_t n, uint64_t offset);
