/* SPDX-License-Identifier: MIT */

#include "daemon/disk.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

typedef struct JobList {
        DiskJob *first;
        DiskJob *last;
} JobList;

struct Disk {
        pthread_t thread;
        bool has_thread;
        int event_fd;

        pthread_mutex_t lock; /* of what follows */
        pthread_cond_t changed;
        JobList queued;
        JobList finished;
        bool is_running; /* a job is on the thread */
        bool is_stopping;
};

static void job_list_push(JobList *list, DiskJob *job) {
        job->next = NULL;
        if (list->last)
                list->last->next = job;
        else
                list->first = job;
        list->last = job;
}

static DiskJob *job_list_pop(JobList *list) {
        DiskJob *job = list->first;

        if (job) {
                list->first = job->next;
                if (!list->first)
                        list->last = NULL;
        }
        return job;
}

static void *disk_thread(void *userdata) {
        Disk *d = userdata;

        (void) pthread_mutex_lock(&d->lock);
        for (;;) {
                DiskJob *job = job_list_pop(&d->queued);

                if (!job) {
                        if (d->is_stopping)
                                break;
                        (void) pthread_cond_wait(&d->changed, &d->lock);
                        continue;
                }

                d->is_running = true;
                (void) pthread_mutex_unlock(&d->lock);
                job->run(job);
                (void) pthread_mutex_lock(&d->lock);
                d->is_running = false;

                job_list_push(&d->finished, job);
                (void) eventfd_write(d->event_fd, 1);
                (void) pthread_cond_broadcast(&d->changed);
        }
        (void) pthread_mutex_unlock(&d->lock);
        return NULL;
}

/* The loop takes signals from a signalfd: this thread must not be the one that gets them. */
static int disk_start(Disk *d) {
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        r = pthread_sigmask(SIG_BLOCK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&d->thread, NULL, disk_thread, d);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;

        d->has_thread = true;
        return 0;
}

int disk_new(Disk **ret) {
        _cleanup_(disk_freep) Disk *d = NULL;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (Disk){
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .changed = PTHREAD_COND_INITIALIZER,
                .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        };
        if (d->event_fd < 0)
                return -errno;

        r = disk_start(d);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(d);
        return 0;
}

Disk *disk_free(Disk *d) {
        if (!d)
                return NULL;

        if (d->has_thread) {
                (void) pthread_mutex_lock(&d->lock);
                d->is_stopping = true;
                (void) pthread_cond_broadcast(&d->changed);
                (void) pthread_mutex_unlock(&d->lock);
                (void) pthread_join(d->thread, NULL);
        }
        (void) pthread_cond_destroy(&d->changed);
        (void) pthread_mutex_destroy(&d->lock);
        close_fd(d->event_fd);
        free(d);
        return NULL;
}

int disk_get_fd(const Disk *d) {
        return d->event_fd;
}

void disk_submit(Disk *d, DiskJob *job) {
        (void) pthread_mutex_lock(&d->lock);
        assert(!d->is_stopping);
        job_list_push(&d->queued, job);
        (void) pthread_cond_broadcast(&d->changed);
        (void) pthread_mutex_unlock(&d->lock);
}

void disk_dispatch(Disk *d) {
        eventfd_t n_finished;
        DiskJob *job;

        (void) eventfd_read(d->event_fd, &n_finished);

        for (;;) {
                (void) pthread_mutex_lock(&d->lock);
                job = job_list_pop(&d->finished);
                (void) pthread_mutex_unlock(&d->lock);
                if (!job)
                        return;
                job->done(job);
        }
}

void disk_drain(Disk *d) {
        bool is_idle;

        do {
                (void) pthread_mutex_lock(&d->lock);
                while (d->is_running || d->queued.first)
                        (void) pthread_cond_wait(&d->changed, &d->lock);
                (void) pthread_mutex_unlock(&d->lock);

                disk_dispatch(d);

                (void) pthread_mutex_lock(&d->lock);
                is_idle = !d->is_running && !d->queued.first && !d->finished.first;
                (void) pthread_mutex_unlock(&d->lock);
        } while (!is_idle);
}

int disk_write_at(int fd, const void *data, size_t n, uint64_t offset) {
        const uint8_t *p = data;

        while (n > 0) {
                ssize_t written = pwrite(fd, p, n, (off_t) offset);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -errno;
                if (written == 0)
                        return -ENOSPC;
                p += written;
                n -= (size_t) written;
                offset += (uint64_t) written;
        }
        return 0;
}

int disk_read_at(int fd, void *data, size_t n, uint64_t offset) {
        uint8_t *p = data;

        while (n > 0) {
                ssize_t n_read = pread(fd, p, n, (off_t) offset);

                if (n_read < 0 && errno == EINTR)
                        continue;
                if (n_read < 0)
                        return -errno;
                if (n_read == 0)
                        return -ENODATA;
                p += n_read;
                n -= (size_t) n_read;
                offset += (uint64_t) n_read;
        }
        return 0;
}

int disk_salvage_at(int fd, void *data, size_t n, uint64_t offset) {
        const size_t block = 4096;
        int r;

        r = disk_read_at(fd, data, n, offset);
        if (r >= 0)
                return 0;

        r = 0;
        memset(data, 0, n);
        for (size_t done = 0; done < n; done += block) {
                int error = disk_read_at(fd, (uint8_t *) data + done, MIN(block, n - done), offset + done);

                if (error < 0)
                        r = error;
        }
        return r;
}
