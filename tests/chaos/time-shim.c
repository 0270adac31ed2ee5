/* SPDX-License-Identifier: MIT */

/*
 * A clock for one process, by LD_PRELOAD: the wall clock shows another time, can be set while the process
 * runs, and time passes so many times faster.
 *
 * The file that AZIOT_TEST_CLOCK names holds a Clock and is read each time. CLOCK_REALTIME, CLOCK_MONOTONIC
 * and CLOCK_BOOTTIME run 'speed' times as fast from 'origin' of each on; CLOCK_REALTIME is 'offset' off
 * besides. What waits, waits shorter accordingly: timerfd, epoll, poll, nanosleep. What the kernel times by
 * itself (TCP) and what libc does without the symbol (the resolver) does not.
 *
 * A timerfd that is to be told when the wall clock is set is told when 'offset' changes: it expires, which is
 * what a caller sees who looks at nothing but that it can be read.
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

/* Descriptors above this are not watched; a process under test has few. */
#define FD_MAX 1024

typedef struct Clock {
        _Atomic int64_t offset_ns;
        int64_t speed;
        int64_t origin_real_ns, origin_monotonic_ns, origin_boot_ns;
} Clock;

static const Clock *the_clock;
static int timer_clocks[FD_MAX]; /* the clock of each timerfd, plus one */
static atomic_int set_fd = -1;   /* waits for the wall clock to be set */

static int64_t to_ns(const struct timespec *ts) {
        return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static struct timespec from_ns(int64_t ns) {
        return (struct timespec){ .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };
}

static int64_t speed(void) {
        return the_clock ? the_clock->speed : 1;
}

/* How long a wait of so many nanoseconds takes: never shorter than it should, or who waits would come too
 * early. */
static int64_t shorten(int64_t ns) {
        return ns / speed() + (ns % speed() != 0);
}

/* Where a clock began to run fast; 0: not one of those. */
static int64_t origin_of(clockid_t id) {
        if (!the_clock)
                return 0;
        switch (id) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
                return the_clock->origin_real_ns;
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_COARSE:
                return the_clock->origin_monotonic_ns;
        case CLOCK_BOOTTIME:
                return the_clock->origin_boot_ns;
        default:
                return 0;
        }
}

static bool is_wall_clock(clockid_t id) {
        return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names of libc's own are reserved */

int clock_gettime(clockid_t id, struct timespec *ts) {
        int64_t origin_ns = origin_of(id);

        if (syscall(SYS_clock_gettime, id, ts) < 0)
                return -1;
        if (origin_ns == 0)
                return 0;
        *ts = from_ns(origin_ns + (to_ns(ts) - origin_ns) * speed() +
                      (is_wall_clock(id) ? the_clock->offset_ns : 0));
        return 0;
}

time_t time(time_t *ret) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        if (ret)
                *ret = ts.tv_sec;
        return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
        struct timespec ts;

        (void) zone;
        (void) clock_gettime(CLOCK_REALTIME, &ts);
        *tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
        return 0;
}

int timerfd_create(clockid_t id, int flags) {
        int fd = (int) syscall(SYS_timerfd_create, id, flags);

        if (fd >= 0 && fd < FD_MAX)
                timer_clocks[fd] = (int) id + 1;
        return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
        struct itimerspec real = *value;
        int64_t origin_ns = fd >= 0 && fd < FD_MAX ? origin_of(timer_clocks[fd] - 1) : 0;

        if (flags & TFD_TIMER_CANCEL_ON_SET)
                set_fd = fd;
        /* Whoever waits for the end of time is left alone. */
        if (origin_ns != 0 && to_ns(&value->it_value) != 0 &&
            value->it_value.tv_sec < INT64_MAX / NSEC_PER_SEC) {
                int64_t ns = to_ns(&value->it_value);

                if (flags & TFD_TIMER_ABSTIME) {
                        if (is_wall_clock(timer_clocks[fd] - 1))
                                ns -= the_clock->offset_ns;
                        ns = ns > origin_ns ? origin_ns + shorten(ns - origin_ns) : 1;
                } else
                        ns = shorten(ns);
                real.it_value = from_ns(ns);
                real.it_interval = from_ns(shorten(to_ns(&value->it_interval)));
        }
        return (int) syscall(SYS_timerfd_settime, fd, flags, &real, old);
}

static int shorten_ms(int timeout_ms) {
        return timeout_ms <= 0 ? timeout_ms : (int) ((timeout_ms + speed() - 1) / speed());
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms) {
        return (int) syscall(SYS_epoll_pwait, fd, events, n, shorten_ms(timeout_ms), NULL, 0);
}

int epoll_pwait(int fd, struct epoll_event *events, int n, int timeout_ms, const sigset_t *mask) {
        return (int) syscall(SYS_epoll_pwait, fd, events, n, shorten_ms(timeout_ms), mask, _NSIG / 8);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
        return (int) syscall(SYS_poll, fds, n, shorten_ms(timeout_ms));
}

int nanosleep(const struct timespec *wanted, struct timespec *left) {
        struct timespec real = from_ns(shorten(to_ns(wanted)));

        return (int) syscall(SYS_nanosleep, &real, left);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* Tells the timerfd of whoever wants to know when the wall clock is set. */
static void *watch_offset(void *userdata) {
        const struct timespec pause = { .tv_nsec = 10 * NSEC_PER_MSEC };
        const struct itimerspec past = { .it_value.tv_nsec = 1 };
        int64_t offset_ns = the_clock->offset_ns;

        (void) userdata;
        for (;;) {
                (void) syscall(SYS_nanosleep, &pause, NULL);
                if (offset_ns == the_clock->offset_ns)
                        continue;
                offset_ns = the_clock->offset_ns;
                if (set_fd >= 0)
                        (void) syscall(SYS_timerfd_settime, set_fd, TFD_TIMER_ABSTIME, &past, NULL);
        }
        return NULL;
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("AZIOT_TEST_CLOCK");
        pthread_t thread;
        sigset_t all, before;
        void *map;
        int fd;

        if (!path)
                return;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        map = mmap(NULL, sizeof(Clock), PROT_READ, MAP_SHARED, fd, 0);
        (void) close(fd);
        if (map == MAP_FAILED)
                return;
        the_clock = map;

        /* Signals are for the threads of the program. */
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        (void) pthread_create(&thread, NULL, watch_offset, NULL);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
}
