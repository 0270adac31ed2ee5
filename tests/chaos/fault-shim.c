/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it counts allocations, file calls and new descriptors, and lets the one fail that it
 * is told to. The file that AZIOT_TEST_FAULTS names is a Box, shared with whoever tells:
 * tests/chaos/fault_box.py.
 *
 * What is as the daemon calls it: off_t has 64 bits, so that open() here is open64() of libc. With the
 * address sanitizer behind it, what is allocated here is the sanitizer's.
 *
 * AZIOT_TEST_SABOTAGE names a mistake of the daemon that is made on purpose where a call has failed:
 *
 *      unchecked    what could not be allocated is written to, which ends in a signal
 *      leak         a block of memory is forgotten
 *      descriptor   a descriptor is forgotten
 *      ignored      a write that failed is taken for one that did not
 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <unwind.h>

/* In the order of fault_box.KINDS. */
typedef enum Kind {
        KIND_MEMORY,     /* an allocation by the program */
        KIND_LIBRARY,    /* one by a library of others */
        KIND_FILE,       /* a call on a file or a directory */
        KIND_DESCRIPTOR, /* a call that makes any other descriptor, or a thread */
        KINDS,
} Kind;

#define FRAMES_MAX 32
#define LEAK_BYTES 1000U

typedef struct Box {
        _Atomic uint32_t kind;
        _Atomic uint32_t n; /* which one fails, from 1 on; 0: none */
        _Atomic int32_t error;
        _Atomic uint32_t stays; /* and every one after it */
        _Atomic uint32_t counts[KINDS];
        _Atomic uint32_t n_hits;
        uint32_t n_frames;
        uint64_t base; /* of the program */
        uint64_t frames[FRAMES_MAX];
        char call[32];
} Box;

static Box *the_box;
static uintptr_t program_begin, program_end;

/*
 * Whether this thread is in a call that is counted already; or is not yet at its function, but in the
 * sanitizer, which has no use for a failure.
 */
static _Thread_local bool is_inside __attribute__((tls_model("initial-exec"))) = true;

static bool is_sabotaged(const char *how) {
        const char *sabotage = getenv("AZIOT_TEST_SABOTAGE");

        return sabotage && strcmp(sabotage, how) == 0;
}

/* The first that is told of is the program itself. */
static int note_program(struct dl_phdr_info *info, size_t size, void *userdata) {
        program_begin = (uintptr_t) info->dlpi_addr;
        for (unsigned i = 0; i < info->dlpi_phnum; i++)
                if (info->dlpi_phdr[i].p_type == PT_LOAD)
                        program_end = (uintptr_t) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
                                                   info->dlpi_phdr[i].p_memsz);
        return 1;
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("AZIOT_TEST_FAULTS");
        int fd = path ? (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
        void *p;

        if (fd < 0)
                return;
        p = mmap(NULL, sizeof(Box), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void) syscall(SYS_close, fd);
        if (p == MAP_FAILED)
                return;
        (void) dl_iterate_phdr(note_program, NULL);
        ((Box *) p)->base = program_begin;
        the_box = p;
        is_inside = false;
}

static bool is_program(const void *caller) {
        return (uintptr_t) caller >= program_begin && (uintptr_t) caller < program_end;
}

static void make_mistake(void) {
        if (is_sabotaged("leak")) {
                volatile char *lost = malloc(LEAK_BYTES);

                lost[0] = 1;
        }
        if (is_sabotaged("descriptor"))
                (void) syscall(SYS_dup, STDERR_FILENO);
}

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *userdata) {
        if (the_box->n_frames == FRAMES_MAX)
                return _URC_END_OF_STACK;
        the_box->frames[the_box->n_frames++] = _Unwind_GetIP(context);
        return _URC_NO_REASON;
}

static void note_hit(const char *call) {
        is_inside = true;
        (void) _Unwind_Backtrace(note_frame, NULL);
        (void) snprintf(the_box->call, sizeof(the_box->call), "%s", call);
        make_mistake();
        is_inside = false;
}

static bool fails(Kind kind, const char *call) {
        uint32_t count, n;

        if (!the_box || is_inside)
                return false;
        count = atomic_fetch_add(&the_box->counts[kind], 1) + 1;
        n = atomic_load(&the_box->n);
        if (n == 0 || kind != atomic_load(&the_box->kind) || count < n ||
            (count > n && !atomic_load(&the_box->stays)))
                return false;
        if (atomic_fetch_add(&the_box->n_hits, 1) == 0)
                note_hit(call);
        errno = kind == KIND_MEMORY || kind == KIND_LIBRARY ? ENOMEM : atomic_load(&the_box->error);
        return true;
}

static bool memory_fails(const void *caller, const char *call) {
        if (!fails(is_program(caller) ? KIND_MEMORY : KIND_LIBRARY, call))
                return false;
        if (is_sabotaged("unchecked"))
                (void) raise(SIGSEGV);
        return true;
}

/* The next one of that name, to be called by that type. */
#define REAL(name) ((__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

#define CALLER __builtin_return_address(0)

/* Memory ---------------------------------------------------------------------------------------------- */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names of libc's own are reserved */

/*
 * Each keeps its own next, since dlsym() takes its time. The last call is a jump, so that the sanitizer sees
 * who allocates: what the dynamic linker forgets is not counted as a leak.
 */
#define MEMORY(name, parameters, ...)                          \
        void *name parameters {                                \
                static __typeof__(&(name)) _Atomic next;       \
                __typeof__(&(name)) real = atomic_load(&next); \
                                                               \
                if (!real) {                                   \
                        real = REAL(name);                     \
                        atomic_store(&next, real);             \
                }                                              \
                if (memory_fails(CALLER, #name))               \
                        return NULL;                           \
                return real(__VA_ARGS__);                      \
        }

MEMORY(malloc, (size_t n), n)
MEMORY(calloc, (size_t n, size_t size), n, size)
MEMORY(realloc, (void *p_old, size_t n), p_old, n)
MEMORY(reallocarray, (void *p_old, size_t n, size_t size), p_old, n, size)

#undef strdup
#undef strndup

static char *copy(const char *s, size_t n) {
        bool was_inside = is_inside;
        char *p;

        is_inside = true;
        p = malloc(n + 1);
        is_inside = was_inside;
        if (p) {
                memcpy(p, s, n);
                p[n] = '\0';
        }
        return p;
}

char *strdup(const char *s) {
        return memory_fails(CALLER, "strdup") ? NULL : copy(s, strlen(s));
}

char *strndup(const char *s, size_t n) {
        return memory_fails(CALLER, "strndup") ? NULL : copy(s, strnlen(s, n));
}

static int print(char **ret, const char *format, va_list ap) {
        bool was_inside = is_inside;
        int r;

        is_inside = true;
        r = REAL(vasprintf)(ret, format, ap);
        is_inside = was_inside;
        return r;
}

int vasprintf(char **ret, const char *format, va_list ap) {
        return memory_fails(CALLER, "vasprintf") ? -1 : print(ret, format, ap);
}

int asprintf(char **ret, const char *format, ...) {
        va_list ap;
        int r;

        if (memory_fails(CALLER, "asprintf"))
                return -1;
        va_start(ap, format);
        r = print(ret, format, ap);
        va_end(ap);
        return r;
}

/* Files ----------------------------------------------------------------------------------------------- */

typedef int (*Filter)(const struct dirent *);
typedef int (*Order)(const struct dirent **, const struct dirent **);

#define FILE_CALL(type, name, parameters, ...)                                        \
        type name parameters {                                                        \
                return fails(KIND_FILE, #name) ? (type) -1 : REAL(name)(__VA_ARGS__); \
        }

FILE_CALL(int, fsync, (int fd), fd)
FILE_CALL(int, fdatasync, (int fd), fd)
FILE_CALL(int, mkdir, (const char *path, mode_t mode), path, mode)
FILE_CALL(int, unlink, (const char *path), path)
FILE_CALL(int, unlinkat, (int fd, const char *path, int flags), fd, path, flags)
FILE_CALL(int, renameat, (int fd, const char *from, int to_fd, const char *to), fd, from, to_fd, to)
FILE_CALL(int, ftruncate, (int fd, off_t n), fd, n)
FILE_CALL(int, fallocate, (int fd, int mode, off_t offset, off_t n), fd, mode, offset, n)
FILE_CALL(int, flock, (int fd, int operation), fd, operation)
FILE_CALL(int, access, (const char *path, int mode), path, mode)
FILE_CALL(int, faccessat, (int fd, const char *path, int mode, int flags), fd, path, mode, flags)
FILE_CALL(int, stat, (const char *path, struct stat *ret), path, ret)
FILE_CALL(int, lstat, (const char *path, struct stat *ret), path, ret)
FILE_CALL(int, fstat, (int fd, struct stat *ret), fd, ret)
FILE_CALL(int, scandir, (const char *path, struct dirent ***ret, Filter filter, Order order), path, ret,
          filter, order)
FILE_CALL(int, scandirat, (int fd, const char *path, struct dirent ***ret, Filter filter, Order order), fd,
          path, ret, filter, order)
FILE_CALL(ssize_t, pread, (int fd, void *data, size_t n, off_t offset), fd, data, n, offset)

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
        if (!fails(KIND_FILE, "pwrite"))
                return REAL(pwrite)(fd, data, n, offset);
        return is_sabotaged("ignored") ? (ssize_t) n : -1;
}

static bool is_file(int fd) {
        struct stat status;
        int error = errno;
        bool result = syscall(SYS_fstat, fd, &status) == 0 && S_ISREG(status.st_mode);

        errno = error;
        return result;
}

ssize_t read(int fd, void *data, size_t n) {
        return is_file(fd) && fails(KIND_FILE, "read") ? -1 : REAL(read)(fd, data, n);
}

ssize_t write(int fd, const void *data, size_t n) {
        return is_file(fd) && fails(KIND_FILE, "write") ? -1 : REAL(write)(fd, data, n);
}

static int open_at(int directory_fd, const char *path, int flags, va_list ap) {
        mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;

        return fails(KIND_FILE, "open") ? -1 : (int) syscall(SYS_openat, directory_fd, path, flags, mode);
}

int openat(int directory_fd, const char *path, int flags, ...) {
        va_list ap;
        int fd;

        va_start(ap, flags);
        fd = open_at(directory_fd, path, flags, ap);
        va_end(ap);
        return fd;
}

int open(const char *path, int flags, ...) {
        va_list ap;
        int fd;

        va_start(ap, flags);
        fd = open_at(AT_FDCWD, path, flags, ap);
        va_end(ap);
        return fd;
}

FILE *fopen(const char *path, const char *mode) {
        return fails(KIND_FILE, "fopen") ? NULL : REAL(fopen)(path, mode);
}

DIR *opendir(const char *path) {
        return fails(KIND_FILE, "opendir") ? NULL : REAL(opendir)(path);
}

/* Descriptors ----------------------------------------------------------------------------------------- */

#define DESCRIPTOR_CALL(name, parameters, ...)                                       \
        int name parameters {                                                        \
                return fails(KIND_DESCRIPTOR, #name) ? -1 : REAL(name)(__VA_ARGS__); \
        }

DESCRIPTOR_CALL(socket, (int domain, int type, int protocol), domain, type, protocol)
DESCRIPTOR_CALL(socketpair, (int domain, int type, int protocol, int fds[2]), domain, type, protocol, fds)
DESCRIPTOR_CALL(epoll_create1, (int flags), flags)
DESCRIPTOR_CALL(eventfd, (unsigned n, int flags), n, flags)
DESCRIPTOR_CALL(timerfd_create, (int clock, int flags), clock, flags)
DESCRIPTOR_CALL(inotify_init1, (int flags), flags)
DESCRIPTOR_CALL(pipe2, (int fds[2], int flags), fds, flags)

typedef struct Start {
        void *(*run)(void *);
        void *userdata;
} Start;

static void *run_counted(void *userdata) {
        Start start = *(Start *) userdata;
        void *result;

        free(userdata);
        is_inside = false;
        result = start.run(start.userdata);
        is_inside = true;
        return result;
}

int pthread_create(pthread_t *restrict ret, const pthread_attr_t *restrict attributes, void *(*run)(void *),
                   void *restrict userdata) {
        bool was_inside = is_inside;
        Start *start;
        int r;

        if (fails(KIND_DESCRIPTOR, "pthread_create"))
                return EAGAIN;
        is_inside = true;
        start = malloc(sizeof(*start));
        if (!start)
                abort();
        *start = (Start){ .run = run, .userdata = userdata };
        r = REAL(pthread_create)(ret, attributes, run_counted, start);
        if (r != 0)
                free(start);
        is_inside = was_inside;
        return r;
}

/* Only a connection that is there can fail to be accepted. */
int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict n, int flags) {
        struct pollfd waiting = { .fd = listener, .events = POLLIN };

        if (poll(&waiting, 1, 0) == 1 && fails(KIND_DESCRIPTOR, "accept4"))
                return -1;
        return REAL(accept4)(listener, address, n, flags);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
