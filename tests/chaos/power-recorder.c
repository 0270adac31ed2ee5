/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it records what happens to the files below AZIOT_TEST_DIRECTORY in the file
 * AZIOT_TEST_LOG (power-log.h), and what programs and the hub are told and tell.
 *
 * A sync is not one of the machine: it takes AZIOT_TEST_SYNC_US, a few times as long now and then, as on a
 * slow flash. So much happens meanwhile, and the result is that of the model, not that of this disk. Its
 * beginning and its end are two entries; every other entry is written under one lock together with what it
 * tells of.
 *
 * AZIOT_TEST_SABOTAGE names a sync that is said to have worked and was none: "data" of a segment of the
 * outbox, "file" of any other file, "directory" of a directory.
 *
 * A byte in the pipe AZIOT_TEST_KILL is SIGKILL between two operations, so that the log tells of all there
 * were.
 *
 * AZIOT_TEST_BOOT_ID is a file to be read for the kernel's boot id: after a power cut it is another boot.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "power-log.h"

#define PATH_SIZE 512
#define FD_MAX    1024
#define SLOW_US   700000
#define BOOT_ID   "/proc/sys/kernel/random/boot_id"
/* Clients whose replies are recorded have bound their sockets to abstract names that begin so. */
#define CLIENT "power-"

/* Of each descriptor: the file it was opened for. The C library may close one without our hearing of it. */
typedef struct Known {
        dev_t device;
        ino_t inode;
} Known;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char directory[PATH_SIZE];
static size_t n_directory;
static Known known[FD_MAX];
static uint64_t n_syncs;
static unsigned sync_us;
static const char *sabotage = "", *slow;
static bool has_killer;

/* The function that this one stands before. */
#define REAL(name)                                      \
        ({                                              \
                void *_found = dlsym(RTLD_NEXT, #name); \
                __typeof__(name) *_real;                \
                                                        \
                memcpy(&_real, &_found, sizeof(_real)); \
                _real;                                  \
        })

/* ---- The log ---- */

static uint64_t now_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Under the lock. A log with holes would be worse than none. */
static void record(PowerEntry entry, const char *name, const void *data, size_t n_data) {
        static const char zeros[8];
        size_t n_name = name ? strlen(name) + 1 : 0, n = sizeof(entry) + n_name + n_data;
        size_t n_padding = (8 - n % 8) % 8;
        struct iovec parts[] = {
                { &entry, sizeof(entry) },
                { (char *) name, n_name },
                { (void *) data, n_data },
                { (char *) zeros, n_padding },
        };
        int saved = errno;

        entry.n_bytes = (uint32_t) (n + n_padding);
        entry.n_name = (uint16_t) n_name;
        entry.n_data = (uint32_t) n_data;
        entry.time_us = now_us();
        if (log_fd >= 0 && writev(log_fd, parts, 4) != (ssize_t) entry.n_bytes)
                abort();
        errno = saved;
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("AZIOT_TEST_LOG"), *files = getenv("AZIOT_TEST_DIRECTORY");

        if (!path || !files)
                return;
        (void) snprintf(directory, sizeof(directory), "%s", files);
        n_directory = strlen(directory);
        sync_us = (unsigned) strtoul(getenv("AZIOT_TEST_SYNC_US") ?: "0", NULL, 10);
        sabotage = getenv("AZIOT_TEST_SABOTAGE") ?: "";
        slow = getenv("AZIOT_TEST_SLOW");
        log_fd = (int) syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        record((PowerEntry){ .type = POWER_START }, NULL, NULL, 0);
}

/* ---- The end ---- */

static void *killer(void *userdata) {
        int fd = (int) syscall(SYS_openat, AT_FDCWD, getenv("AZIOT_TEST_KILL"), O_RDONLY | O_CLOEXEC, 0);
        char byte;

        if (read(fd, &byte, 1) == 1) {
                (void) pthread_mutex_lock(&lock);
                (void) kill(getpid(), SIGKILL);
        }
        return NULL;
}

/* Under the lock, as soon as the process is far enough to have threads. */
static void start_killer(void) {
        sigset_t all, before;
        pthread_t thread;

        if (has_killer || log_fd < 0 || !getenv("AZIOT_TEST_KILL"))
                return;
        has_killer = true;
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_BLOCK, &all, &before);
        if (pthread_create(&thread, NULL, killer, NULL) != 0 || pthread_detach(thread) != 0)
                abort();
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- Files ---- */

/* The part of a path that is below the directory: "" is itself; NULL: it is elsewhere. */
static const char *inside(const char *path) {
        if (log_fd < 0 || strncmp(path, directory, n_directory) != 0)
                return NULL;
        if (path[n_directory] == '/')
                return path + n_directory + 1;
        return path[n_directory] == '\0' ? "" : NULL;
}

/* The path of 'name' as open() and its kin take it. */
static const char *resolve(int directory_fd, const char *name, char path[static PATH_SIZE]) {
        char link[64];
        ssize_t n;

        if (name[0] == '/' || directory_fd == AT_FDCWD) {
                (void) snprintf(path, PATH_SIZE, "%s", name);
                return inside(path);
        }
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", directory_fd);
        n = readlink(link, path, PATH_SIZE - 1);
        if (n < 0)
                return NULL;
        if (name[0] != '\0')
                (void) snprintf(path + n, PATH_SIZE - (size_t) n, "/%s", name);
        else
                path[n] = '\0';
        return inside(path);
}

/* Under the lock. */
static void note_open(int fd, int flags) {
        char path[PATH_SIZE];
        const char *name;
        struct stat st;

        if (fd < 0 || fd >= FD_MAX)
                return;
        known[fd] = (Known){};
        name = resolve(fd, "", path);
        if (!name || fstat(fd, &st) < 0)
                return;
        start_killer();
        known[fd] = (Known){ .device = st.st_dev, .inode = st.st_ino };
        if (S_ISDIR(st.st_mode) || (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0)
                record((PowerEntry){ .type = POWER_OPEN,
                                     .inode = st.st_ino,
                                     .a = (uint64_t) (unsigned) flags },
                       name, NULL, 0);
}

/* The inode of a descriptor, if it is of a file that is recorded; otherwise 0. */
static uint64_t inode_of(int fd, bool *ret_is_directory) {
        struct stat st;

        if (log_fd < 0 || fd < 0 || fd >= FD_MAX || known[fd].inode == 0 || fstat(fd, &st) < 0 ||
            st.st_dev != known[fd].device || st.st_ino != known[fd].inode)
                return 0;
        if (ret_is_directory)
                *ret_is_directory = S_ISDIR(st.st_mode);
        return st.st_ino;
}

static int open_at(int directory_fd, const char *path, int flags, mode_t mode) {
        int fd;

        (void) pthread_mutex_lock(&lock);
        fd = (int) syscall(SYS_openat, directory_fd, path, flags, mode);
        note_open(fd, flags);
        (void) pthread_mutex_unlock(&lock);
        return fd;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's begin with underscores.
 */

/* As meson compiles everything, these names stand for open64() and so on, as they do in the daemon. */
int open(const char *path, int flags, ...) {
        mode_t mode;
        va_list ap;

        va_start(ap, flags);
        mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory_fd, const char *path, int flags, ...) {
        mode_t mode;
        va_list ap;

        va_start(ap, flags);
        mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        return open_at(directory_fd, path, flags, mode);
}

/* What _FORTIFY_SOURCE makes of them. */
int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) {
        return open_at(AT_FDCWD, path, flags, 0);
}

int __openat64_2(int directory_fd, const char *path, int flags);
int __openat64_2(int directory_fd, const char *path, int flags) {
        return open_at(directory_fd, path, flags, 0);
}

FILE *fopen(const char *path, const char *mode) {
        const char *boot_id = getenv("AZIOT_TEST_BOOT_ID");

        return REAL(fopen64)(boot_id && strcmp(path, BOOT_ID) == 0 ? boot_id : path, mode);
}

/* ---- Writing ---- */

static bool is_zeros(const char *p, size_t n) {
        return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
        uint64_t inode = inode_of(fd, NULL);
        ssize_t r;

        if (inode == 0)
                return syscall(SYS_pwrite64, fd, data, n, offset);
        (void) pthread_mutex_lock(&lock);
        r = syscall(SYS_pwrite64, fd, data, n, offset);
        if (r > 0)
                record((PowerEntry){ .type = POWER_WRITE,
                                     .inode = inode,
                                     .a = (uint64_t) offset,
                                     .b = (uint64_t) r },
                       NULL, data, is_zeros(data, (size_t) r) ? 0 : (size_t) r);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int ftruncate(int fd, off_t size) {
        uint64_t inode = inode_of(fd, NULL);
        int r;

        (void) pthread_mutex_lock(&lock);
        r = (int) syscall(SYS_ftruncate, fd, size);
        if (r >= 0 && inode != 0)
                record((PowerEntry){ .type = POWER_TRUNCATE, .inode = inode, .a = (uint64_t) size }, NULL,
                       NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int fallocate(int fd, int mode, off_t offset, off_t n) {
        uint64_t inode = inode_of(fd, NULL);
        int r;

        (void) pthread_mutex_lock(&lock);
        r = (int) syscall(SYS_fallocate, fd, mode, offset, n);
        if (r >= 0 && inode != 0)
                record((PowerEntry){ .type = POWER_ALLOCATE, .inode = inode, .a = (uint64_t) (offset + n) },
                       NULL, NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

/* ---- Syncing ---- */

static bool is_sabotaged(int fd, bool is_directory) {
        char path[PATH_SIZE];
        const char *name = resolve(fd, "", path);

        if (is_directory)
                return strcmp(sabotage, "directory") == 0;
        return strcmp(sabotage, name && strstr(name, "segment-") ? "data" : "file") == 0;
}

/* How long a sync takes: a disk that is busy with itself takes a few times as long now and then. */
static unsigned sync_duration_us(int fd, uint64_t id) {
        char path[PATH_SIZE];
        const char *name = resolve(fd, "", path);

        if (slow && name && strstr(name, slow))
                return SLOW_US;
        return sync_us * (id % 16 == 0 ? 5 : 1);
}

static int sync_file(int fd, long number) {
        bool is_directory;
        uint64_t inode = inode_of(fd, &is_directory), id;

        if (inode == 0)
                return (int) syscall(number, fd);
        if (is_sabotaged(fd, is_directory))
                return 0;

        (void) pthread_mutex_lock(&lock);
        id = n_syncs++;
        record((PowerEntry){ .type = POWER_SYNC_BEGIN, .inode = inode, .a = id }, NULL, NULL, 0);
        (void) pthread_mutex_unlock(&lock);

        (void) usleep(sync_duration_us(fd, id));

        (void) pthread_mutex_lock(&lock);
        record((PowerEntry){ .type = POWER_SYNC_END, .inode = inode, .a = id }, NULL, NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        return 0;
}

int fsync(int fd) {
        return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd) {
        return sync_file(fd, SYS_fdatasync);
}

/* ---- Names ---- */

int mkdir(const char *path, mode_t mode) {
        const char *name = inside(path);
        int r;

        (void) pthread_mutex_lock(&lock);
        r = (int) syscall(SYS_mkdir, path, mode);
        if (r >= 0 && name)
                record((PowerEntry){ .type = POWER_MAKE }, name, NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        char from_path[PATH_SIZE], to_path[PATH_SIZE];
        const char *from_name = resolve(from_fd, from, from_path), *to_name = resolve(to_fd, to, to_path);
        int r;

        (void) pthread_mutex_lock(&lock);
        r = (int) syscall(SYS_renameat, from_fd, from, to_fd, to);
        if (r >= 0 && from_name && to_name)
                record((PowerEntry){ .type = POWER_RENAME }, from_name, to_name, strlen(to_name) + 1);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int rename(const char *from, const char *to) {
        return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int directory_fd, const char *path, int flags) {
        char buffer[PATH_SIZE];
        const char *name = resolve(directory_fd, path, buffer);
        int r;

        (void) pthread_mutex_lock(&lock);
        r = (int) syscall(SYS_unlinkat, directory_fd, path, flags);
        if (r >= 0 && name)
                record((PowerEntry){ .type = POWER_REMOVE }, name, NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int unlink(const char *path) {
        return unlinkat(AT_FDCWD, path, 0);
}

/* ---- What others are told ---- */

static bool client_name(int fd, char ret[static PATH_SIZE]) {
        struct sockaddr_un address = {};
        socklen_t n = sizeof(address);

        if (log_fd < 0 || getpeername(fd, (struct sockaddr *) &address, &n) < 0 ||
            address.sun_family != AF_UNIX || n <= offsetof(struct sockaddr_un, sun_path) + strlen(CLIENT) ||
            strncmp(address.sun_path + 1, CLIENT, strlen(CLIENT)) != 0)
                return false;
        (void) snprintf(ret, PATH_SIZE, "%.*s", (int) (n - offsetof(struct sockaddr_un, sun_path) - 1),
                        address.sun_path + 1);
        return true;
}

ssize_t send(int fd, const void *data, size_t n, int flags) {
        char name[PATH_SIZE];
        ssize_t r;

        if (!client_name(fd, name))
                return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
        (void) pthread_mutex_lock(&lock);
        r = syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
        if (r > 0)
                record((PowerEntry){ .type = POWER_REPLY }, name, data, (size_t) r);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* Under the lock. */
static void record_stream(PowerType type, const SSL *ssl, const void *data, int n) {
        record((PowerEntry){ .type = type, .a = (uint64_t) (uintptr_t) ssl }, NULL, data, (size_t) n);
}

int SSL_write(SSL *ssl, const void *buf, int num) {
        int r;

        (void) pthread_mutex_lock(&lock);
        r = REAL(SSL_write)(ssl, buf, num);
        if (r > 0)
                record_stream(POWER_SENT, ssl, buf, r);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

int SSL_read(SSL *ssl, void *buf, int num) {
        int r;

        (void) pthread_mutex_lock(&lock);
        r = REAL(SSL_read)(ssl, buf, num);
        if (r > 0)
                record_stream(POWER_RECEIVED, ssl, buf, r);
        (void) pthread_mutex_unlock(&lock);
        return r;
}

void SSL_free(SSL *ssl) {
        (void) pthread_mutex_lock(&lock);
        if (ssl)
                record_stream(POWER_CLOSED, ssl, NULL, 0);
        (void) pthread_mutex_unlock(&lock);
        REAL(SSL_free)(ssl);
}
