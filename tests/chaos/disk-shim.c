/* SPDX-License-Identifier: MIT */

/*
 * A disk that fails, by LD_PRELOAD: while the file that AZIOT_TEST_DISK names says so, whatever would change
 * or sync a file fails as it does on a disk that is full, read-only or broken. What is read stays readable.
 * "lie" instead of an errno: it says that all went well, and nothing was written, which no test may survive.
 *
 * The file holds a Disk and is looked at each time.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIE (-1)

typedef struct Disk {
        _Atomic int32_t error;   /* errno; LIE; 0: it works */
        _Atomic uint32_t n_hits; /* calls that met it */
} Disk;

static Disk *the_disk;

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("AZIOT_TEST_DISK");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *p;

        if (fd < 0)
                return;
        p = mmap(NULL, sizeof(*the_disk), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void) close(fd);
        if (p != MAP_FAILED)
                the_disk = p;
}

/* The error that a call meets now; 0: none. */
static int meet(void) {
        int error = the_disk ? the_disk->error : 0;

        if (error != 0)
                the_disk->n_hits++;
        return error;
}

/* What a call that fails returns; a lie is worth 'lie'. */
static long fail(int error, long lie) {
        if (error == LIE)
                return lie;
        errno = error;
        return -1;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names of libc's own are reserved */

int openat64(int directory_fd, const char *path, int flags, ...) {
        mode_t mode = 0;
        va_list ap;
        int error;

        va_start(ap, flags);
        if (flags & O_CREAT)
                mode = va_arg(ap, mode_t);
        va_end(ap);
        if (flags & (O_WRONLY | O_RDWR | O_CREAT) && (error = meet()) > 0)
                return (int) fail(error, 0);
        return (int) syscall(SYS_openat, directory_fd, path, flags, mode);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
        int error = meet();

        return error ? fail(error, (long) n) : syscall(SYS_pwrite64, fd, data, n, offset);
}

int fsync(int fd) {
        int error = meet();

        return error ? (int) fail(error, 0) : (int) syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
        int error = meet();

        return error ? (int) fail(error, 0) : (int) syscall(SYS_fdatasync, fd);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t n) {
        int error = meet();

        return error ? (int) fail(error, 0) : (int) syscall(SYS_fallocate, fd, mode, offset, n);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        int error = meet();

        return error > 0 ? (int) fail(error, 0) : (int) syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int unlinkat(int directory_fd, const char *path, int flags) {
        int error = meet();

        return error > 0 ? (int) fail(error, 0) : (int) syscall(SYS_unlinkat, directory_fd, path, flags);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
