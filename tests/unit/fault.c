/* SPDX-License-Identifier: MIT */

#include "fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>

static struct {
        FaultKind kind;
        bool stays_broken; /* every call after the first that fails does too */
        bool tears;        /* a write that fails has written its first half */
        int error;
        atomic_int n_left; /* calls until one fails */
        atomic_bool was_hit;
        atomic_int n_syncs;
} fault = { .kind = FAULT_NONE };

void fault_begin(FaultKind kind, int n, int error, bool stays_broken, bool tears) {
        fault.error = error;
        fault.stays_broken = stays_broken;
        fault.tears = tears;
        atomic_store(&fault.n_left, n);
        atomic_store(&fault.was_hit, false);
        fault.kind = kind;
}

const FaultCase fault_cases[] = {
        { FAULT_DISK, EIO, false, false, false },     { FAULT_DISK, EIO, false, true, false },
        { FAULT_DISK, ENOSPC, true, false, false },   { FAULT_DISK, ENOSPC, true, true, false },
        { FAULT_DISK, EROFS, true, false, false },    { FAULT_DISK, EIO, false, false, true },
        { FAULT_DISK, EIO, true, true, true },        { FAULT_DISK, EROFS, true, false, true },
        { FAULT_DISK, EMFILE, false, false, true },   { FAULT_SYNC, EIO, false, false, false },
        { FAULT_SYNC, EIO, true, false, true },       { FAULT_MEMORY, ENOMEM, false, false, false },
        { FAULT_MEMORY, ENOMEM, true, false, false }, { FAULT_MEMORY, ENOMEM, false, false, true },
        { FAULT_MEMORY, ENOMEM, true, false, true },
};

void fault_begin_case(const FaultCase *c, int n) {
        fault_begin(c->kind, n, c->error, c->stays_broken, c->tears);
}

bool fault_end(void) {
        fault.kind = FAULT_NONE;
        return atomic_load(&fault.was_hit);
}

int fault_take_syncs(void) {
        return atomic_exchange(&fault.n_syncs, 0);
}

static bool fails(FaultKind kind) {
        int n;

        if (fault.kind != kind)
                return false;
        n = atomic_fetch_sub(&fault.n_left, 1);
        if (n > 1 || (n < 1 && !fault.stays_broken))
                return false;
        atomic_store(&fault.was_hit, true);
        errno = fault.error;
        return true;
}

#define WRAP(kind, type, name, parameters, ...)    \
        type __real_##name parameters;             \
        type __wrap_##name parameters;             \
        type __wrap_##name parameters {            \
                if (fails(kind))                   \
                        return (type) -1;          \
                return __real_##name(__VA_ARGS__); \
        }

WRAP(FAULT_DISK, ssize_t, pread64, (int fd, void *data, size_t n, off_t offset), fd, data, n, offset)
WRAP(FAULT_DISK, int, fallocate64, (int fd, int mode, off_t offset, off_t n), fd, mode, offset, n)
WRAP(FAULT_DISK, int, fsync, (int fd), fd)
WRAP(FAULT_DISK, int, mkdir, (const char *path, mode_t mode), path, mode)
WRAP(FAULT_DISK, int, openat64, (int fd, const char *name, int flags, mode_t mode), fd, name, flags, mode)
WRAP(FAULT_DISK, int, open64, (const char *name, int flags, mode_t mode), name, flags, mode)
WRAP(FAULT_DISK, int, unlinkat, (int fd, const char *name, int flags), fd, name, flags)
WRAP(FAULT_DISK, int, renameat, (int a, const char *from, int b, const char *to), a, from, b, to)

ssize_t __real_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset) {
        if (!fails(FAULT_DISK))
                return __real_pwrite64(fd, data, n, offset);
        if (fault.tears)
                (void) __real_pwrite64(fd, data, n / 2, offset);
        errno = fault.error;
        return -1;
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd) {
        (void) atomic_fetch_add(&fault.n_syncs, 1);
        return fails(FAULT_DISK) || fails(FAULT_SYNC) ? -1 : __real_fdatasync(fd);
}

#define WRAP_MEMORY(name, parameters, ...)                                      \
        void *__real_##name parameters;                                         \
        void *__wrap_##name parameters;                                         \
        void *__wrap_##name parameters {                                        \
                return fails(FAULT_MEMORY) ? NULL : __real_##name(__VA_ARGS__); \
        }

WRAP_MEMORY(malloc, (size_t n), n)
WRAP_MEMORY(calloc, (size_t n, size_t size), n, size)
WRAP_MEMORY(realloc, (void *p, size_t n), p, n)
WRAP_MEMORY(reallocarray, (void *p, size_t n, size_t size), p, n, size)
WRAP_MEMORY(strdup, (const char *s), s)
WRAP_MEMORY(strndup, (const char *s, size_t n), s, n)
