/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The handful of helpers that every program and lib/mqtt share: cleanup attributes, TAKE_*, table sizes.
 * It stands below mqtt, ipc, cli, daemon and hubsim and includes nothing of ours. Header-only on purpose:
 * whatever needs a .c file has a room of its own.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define _cleanup_(x)   __attribute__((cleanup(x)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))
#define ELEMENTSOF(x)  (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)      ((a) < (b) ? (a) : (b))
#define MAX(a, b)      ((a) > (b) ? (a) : (b))
#define USEC_PER_SEC   UINT64_C(1000000)
#define USEC_PER_MSEC  UINT64_C(1000)
#define NSEC_PER_USEC  UINT64_C(1000)

/* Gives the pointer away and leaves NULL behind, so that its _cleanup_ does nothing. */
#define TAKE_PTR(ptr)                                  \
        ({                                             \
                __typeof__(ptr) *_taken_from = &(ptr); \
                __typeof__(ptr) _taken = *_taken_from; \
                *_taken_from = NULL;                   \
                _taken;                                \
        })

/* The same for a file descriptor; -1 is left behind. */
#define TAKE_FD(fd)                        \
        ({                                 \
                int *_fd_from = &(fd);     \
                int _fd_taken = *_fd_from; \
                *_fd_from = -1;            \
                _fd_taken;                 \
        })

/* Defines type_freep() for _cleanup_ from a destructor that takes NULL. */
#define DEFINE_CLEANUP(type, func)                     \
        _unused_ static inline void func##p(type *p) { \
                if (*p)                                \
                        func(*p);                      \
        }

_unused_ static inline void freep(void *p) {
        free(*(void **) p);
}

/* Closes 'fd' unless it is negative, keeps errno, returns -1: fd = close_fd(fd); */
_unused_ static inline int close_fd(int fd) {
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -1;
}

_unused_ static inline void close_fdp(int *fd) {
        *fd = close_fd(*fd);
}

_unused_ static inline void fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

/* CLOCK_BOOTTIME in microseconds: the 'now_us' of every module. */
_unused_ static inline uint64_t boottime_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* How long this thread has been running on a CPU, in microseconds. */
_unused_ static inline uint64_t thread_time_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* CLOCK_REALTIME in microseconds since 1970. */
_unused_ static inline uint64_t realtime_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* For poll(): the milliseconds until a time of boottime_us(), not a moment less; -1 for UINT64_MAX. */
_unused_ static inline int poll_timeout_ms(uint64_t deadline_us) {
        uint64_t now_us = boottime_us();

        if (deadline_us == UINT64_MAX)
                return -1;
        if (deadline_us <= now_us)
                return 0;
        return (int) MIN((deadline_us - now_us) / USEC_PER_MSEC + 1, (uint64_t) INT32_MAX);
}
