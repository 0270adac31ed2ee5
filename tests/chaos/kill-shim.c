/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd or aziot-hubsim, it tells which file call each thread is in, and kills the process at
 * the one that it is told to: before it, after it, or when half of what it writes is written.
 *
 * The file that AZIOT_TEST_KILL names is a Box, shared with whoever aims: tests/chaos/kill_box.py.
 * What is as the daemon calls it: off_t has 64 bits, so that open() here is open64() of libc.
 *
 * AZIOT_TEST_SABOTAGE names a promise that is broken on purpose:
 *
 *      accept   a message is accepted before it is written
 *      ahead    the cursor says that everything is acknowledged
 *      forget   the cursor is not written any more
 *      inbox    a message from the cloud is acknowledged before it is stored
 *      settle   a message from the cloud is settled before it is removed
 *      report   a patch of the twin is stored before it is written
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Descriptors above this are not watched; a process under test has few. */
#define FD_MAX 1024

#define PAGE_BYTES 4096U

/* How late something is done that should have been done already. */
#define LATE_NS 200000000L

typedef enum Call {
        CALL_NONE,
        CALL_WRITE,
        CALL_SYNC,
        CALL_RENAME,
        CALL_UNLINK
} Call;

/* In the order of kill_box.FILES. */
typedef enum File {
        FILE_NONE,
        FILE_LOG,   /* a segment, written by the loop: messages */
        FILE_SPARE, /* a segment, written by the disk thread: prepared for use */
        FILE_CURSOR,
        FILE_INBOX,
        FILE_IDS,
        FILE_STATE, /* any other */
        FILE_DIRECTORY,
        FILE_JOURNAL, /* of the hub, as is the next */
        FILE_SESSIONS,
} File;

typedef enum Moment {
        MOMENT_BEFORE,
        MOMENT_HALF,
        MOMENT_AFTER
} Moment;

typedef struct Box {
        _Atomic int32_t countdown; /* 0: nobody aims */
        _Atomic uint32_t call;     /* CALL_NONE: any; the same for 'file' */
        _Atomic uint32_t file;
        _Atomic uint32_t moment;
        _Atomic uint32_t now[2]; /* what the main thread, and any other, is in: call << 8 | file */
        _Atomic uint32_t hit;    /* where it was killed, with the moment << 16 */
        uint32_t unused;
        _Atomic int64_t hit_us; /* CLOCK_REALTIME */
} Box;

static Box *the_box;
static _Atomic uint8_t files[FD_MAX];

/* Where calls land ------------------------------------------------------------------------------------ */

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("AZIOT_TEST_KILL");
        int fd = path ? (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
        void *p;

        if (fd < 0)
                return;
        p = mmap(NULL, sizeof(Box), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void) syscall(SYS_close, fd);
        if (p != MAP_FAILED)
                the_box = p;
}

static bool is_main_thread(void) {
        return syscall(SYS_gettid) == getpid();
}

static File file_of_name(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        static const struct {
                const char *prefix;
                File file;
        } table[] = {
                { "segment-", FILE_SPARE },          { "cursor", FILE_CURSOR },
                { "message-", FILE_INBOX },          { "ids", FILE_IDS },
                { "telemetry.jsonl", FILE_JOURNAL }, { "sessions.jsonl", FILE_SESSIONS },
        };

        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
                if (strncmp(name, table[i].prefix, strlen(table[i].prefix)) == 0)
                        return table[i].file;
        return FILE_STATE;
}

static File file_of_fd(int fd) {
        File file = fd >= 0 && fd < FD_MAX ? (File) files[fd] : FILE_NONE;

        return file == FILE_SPARE && is_main_thread() ? FILE_LOG : file;
}

static int note_opened(int fd, const char *path, int flags) {
        if (fd < 0 || fd >= FD_MAX)
                return fd;
        if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0)
                files[fd] = FILE_NONE;
        else if (flags & O_DIRECTORY)
                files[fd] = FILE_DIRECTORY;
        else
                files[fd] = (flags & O_ACCMODE) == O_RDONLY ? FILE_NONE : (uint8_t) file_of_name(path);
        return fd;
}

static void die(Call call, File file, Moment moment) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        the_box->hit_us = ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
        the_box->hit = (uint32_t) moment << 16 | (uint32_t) call << 8 | (uint32_t) file;
        (void) kill(getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

/*
 * Returns the moment at which to die in this call; -1: not in this one. One that has no half, 'half' is 0, is
 * no target half-way.
 */
static int enter(Call call, File file, size_t half) {
        if (!the_box || file == FILE_NONE)
                return -1;
        the_box->now[!is_main_thread()] = (uint32_t) call << 8 | (uint32_t) file;
        if (the_box->countdown <= 0 || (the_box->call != CALL_NONE && the_box->call != (uint32_t) call) ||
            (the_box->file != FILE_NONE && the_box->file != (uint32_t) file) ||
            (the_box->moment == MOMENT_HALF && half == 0))
                return -1;
        if (atomic_fetch_sub(&the_box->countdown, 1) != 1)
                return -1;
        if (the_box->moment == MOMENT_BEFORE)
                die(call, file, MOMENT_BEFORE);
        return (int) the_box->moment;
}

static void leave(Call call, File file, int moment) {
        if (!the_box || file == FILE_NONE)
                return;
        if (moment >= 0)
                die(call, file, MOMENT_AFTER);
        the_box->now[!is_main_thread()] = 0;
}

/* Sabotage -------------------------------------------------------------------------------------------- */

typedef struct Late {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct LateCall {
                struct LateCall *next;
                long number, arguments[4];
                struct timespec due;
                char texts[2][256]; /* names; or bytes, which are behind it */
        } * first, **last;
} Late;

static Late late = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL };

static bool is_sabotaged(const char *promise) {
        const char *word = getenv("AZIOT_TEST_SABOTAGE");

        return word && strcmp(word, promise) == 0;
}

static void *late_run(void *unused) {
        (void) unused;
        (void) pthread_mutex_lock(&late.lock);
        for (;;) {
                struct LateCall *c = late.first;

                if (!c) {
                        (void) pthread_cond_wait(&late.changed, &late.lock);
                        continue;
                }
                (void) pthread_mutex_unlock(&late.lock);
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &c->due, NULL);
                (void) syscall(c->number, c->arguments[0], c->arguments[1], c->arguments[2], c->arguments[3]);
                (void) pthread_mutex_lock(&late.lock);
                late.first = c->next;
                if (!late.first)
                        late.last = &late.first;
                free(c);
        }
        return NULL;
}

/* Does the call a moment later, in its turn. */
static void late_add(struct LateCall *c) {
        pthread_t thread;

        (void) clock_gettime(CLOCK_MONOTONIC, &c->due);
        c->due.tv_nsec += LATE_NS;
        c->due.tv_sec += c->due.tv_nsec / 1000000000L;
        c->due.tv_nsec %= 1000000000L;

        (void) pthread_mutex_lock(&late.lock);
        if (!late.last) {
                late.last = &late.first;
                (void) pthread_create(&thread, NULL, late_run, NULL);
        }
        *late.last = c;
        late.last = &c->next;
        (void) pthread_cond_signal(&late.changed);
        (void) pthread_mutex_unlock(&late.lock);
}

static struct LateCall *late_new(long number, size_t n_bytes) {
        struct LateCall *c = calloc(1, sizeof(*c) + n_bytes);

        if (!c)
                abort();
        c->number = number;
        return c;
}

static ssize_t late_write(int fd, const void *data, size_t n, off_t offset) {
        struct LateCall *c = late_new(SYS_pwrite64, n);

        memcpy(c + 1, data, n);
        memcpy(c->arguments, (long[]){ fd, (long) (c + 1), (long) n, offset }, sizeof(c->arguments));
        late_add(c);
        return (ssize_t) n;
}

static int late_rename(int from_fd, const char *from, int to_fd, const char *to) {
        struct LateCall *c = late_new(SYS_renameat, 0);

        (void) snprintf(c->texts[0], sizeof(c->texts[0]), "%s", from);
        (void) snprintf(c->texts[1], sizeof(c->texts[1]), "%s", to);
        memcpy(c->arguments, (long[]){ from_fd, (long) c->texts[0], to_fd, (long) c->texts[1] },
               sizeof(c->arguments));
        late_add(c);
        return 0;
}

static int late_unlink(int fd, const char *name) {
        struct LateCall *c = late_new(SYS_unlinkat, 0);

        (void) snprintf(c->texts[0], sizeof(c->texts[0]), "%s", name);
        memcpy(c->arguments, (long[]){ fd, (long) c->texts[0], 0, 0 }, sizeof(c->arguments));
        late_add(c);
        return 0;
}

/* CRC-32C, bit by bit. */
static uint32_t checksum(const uint8_t *p, size_t n) {
        uint32_t crc = UINT32_MAX;

        for (; n > 0; n--) {
                crc ^= *p++;
                for (int i = 0; i < 8; i++)
                        crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        }
        return ~crc;
}

/* The layout is that of daemon/outbox-cursor.c. */
static ssize_t write_ahead(int fd, const void *data, size_t n, off_t offset) {
        enum {
                CRC = 8,
                CHECKED = 12,
                LOWEST = 32,
                LAST = 40,
                END = 160
        };
        uint8_t slot[4096];
        uint64_t lowest;
        uint32_t crc;

        if (n != sizeof(slot))
                return syscall(SYS_pwrite64, fd, data, n, offset);
        memcpy(slot, data, n);
        memcpy(&lowest, slot + LAST, sizeof(lowest));
        lowest++;
        memcpy(slot + LOWEST, &lowest, sizeof(lowest));
        crc = checksum(slot + CHECKED, END - CHECKED);
        memcpy(slot + CRC, &crc, sizeof(crc));
        return syscall(SYS_pwrite64, fd, slot, n, offset);
}

/* A segment is prepared by zeros, and the header in front of them. */
static bool is_message(const void *data, size_t n, off_t offset) {
        const uint8_t *p = data;

        if (offset == 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (p[i] != 0)
                        return true;
        return false;
}

static ssize_t do_pwrite(int fd, File file, const void *data, size_t n, off_t offset) {
        if (file == FILE_LOG && is_message(data, n, offset) && is_sabotaged("accept"))
                return late_write(fd, data, n, offset);
        if (file == FILE_CURSOR && is_sabotaged("ahead"))
                return write_ahead(fd, data, n, offset);
        /* That of the loop, at the start, makes the file. */
        if (file == FILE_CURSOR && !is_main_thread() && is_sabotaged("forget"))
                return (ssize_t) n;
        return syscall(SYS_pwrite64, fd, data, n, offset);
}

/* The calls ------------------------------------------------------------------------------------------- */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names of libc's own are reserved */

static int open_noted(int directory_fd, const char *path, int flags, va_list ap) {
        mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;

        return note_opened((int) syscall(SYS_openat, directory_fd, path, flags, mode), path, flags);
}

int openat(int directory_fd, const char *path, int flags, ...) {
        va_list ap;
        int fd;

        va_start(ap, flags);
        fd = open_noted(directory_fd, path, flags, ap);
        va_end(ap);
        return fd;
}

int open(const char *path, int flags, ...) {
        va_list ap;
        int fd;

        va_start(ap, flags);
        fd = open_noted(AT_FDCWD, path, flags, ap);
        va_end(ap);
        return fd;
}

/* What open() and openat() without a mode become under FORTIFY_SOURCE. */
int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) {
        return open(path, flags, 0);
}

int __openat64_2(int directory_fd, const char *path, int flags);
int __openat64_2(int directory_fd, const char *path, int flags) {
        return openat(directory_fd, path, flags, 0);
}

int close(int fd) {
        if (fd >= 0 && fd < FD_MAX)
                files[fd] = FILE_NONE;
        return (int) syscall(SYS_close, fd);
}

/* The kernel looks for SIGKILL between two pages: how much may be written by then. 0: all or nothing. */
static size_t half_of(size_t n, off_t offset) {
        size_t begin = (size_t) offset, half = (begin + n / 2) / PAGE_BYTES * PAGE_BYTES;

        if (half <= begin)
                half += PAGE_BYTES;
        return half < begin + n ? half - begin : 0;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
        File file = file_of_fd(fd);
        size_t half = half_of(n, offset);
        int moment = enter(CALL_WRITE, file, half);
        ssize_t r;

        r = do_pwrite(fd, file, data, moment == MOMENT_HALF ? half : n, offset);
        if (moment == MOMENT_HALF)
                die(CALL_WRITE, file, MOMENT_HALF);
        leave(CALL_WRITE, file, moment);
        return r;
}

/* It appends, so that a page may end anywhere in it. */
ssize_t write(int fd, const void *data, size_t n) {
        File file = file_of_fd(fd);
        int moment = enter(CALL_WRITE, file, n / 2);
        ssize_t r;

        r = syscall(SYS_write, fd, data, moment == MOMENT_HALF ? n / 2 : n);
        if (moment == MOMENT_HALF)
                die(CALL_WRITE, file, MOMENT_HALF);
        leave(CALL_WRITE, file, moment);
        return r;
}

int fsync(int fd) {
        File file = file_of_fd(fd);
        int moment = enter(CALL_SYNC, file, 0), r;

        r = (int) syscall(SYS_fsync, fd);
        leave(CALL_SYNC, file, moment);
        return r;
}

int fdatasync(int fd) {
        File file = file_of_fd(fd);
        int moment = enter(CALL_SYNC, file, 0), r;

        r = (int) syscall(SYS_fdatasync, fd);
        leave(CALL_SYNC, file, moment);
        return r;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        File file = file_of_name(to);
        int moment = enter(CALL_RENAME, file, 0), r;

        if ((file == FILE_INBOX && is_sabotaged("inbox")) || (file == FILE_STATE && is_sabotaged("report")))
                r = late_rename(from_fd, from, to_fd, to);
        else
                r = (int) syscall(SYS_renameat, from_fd, from, to_fd, to);
        leave(CALL_RENAME, file, moment);
        return r;
}

int rename(const char *from, const char *to) {
        return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int fd, const char *name, int flags) {
        File file = file_of_name(name);
        int moment = enter(CALL_UNLINK, file, 0), r;

        if (file == FILE_INBOX && is_sabotaged("settle"))
                r = late_unlink(fd, name);
        else
                r = (int) syscall(SYS_unlinkat, fd, name, flags);
        leave(CALL_UNLINK, file, moment);
        return r;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
