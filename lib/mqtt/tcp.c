/* SPDX-License-Identifier: MIT */

#include <mqtt/tcp.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "util/util.h"

/* RFC 8305, "Connection Attempt Delay": 250 ms recommended. */
#define NEXT_ADDRESS_US (250U * USEC_PER_MSEC)

/* Names with more addresses exist; a link where the first eight are dead has other problems. */
#define ADDRESSES_MAX 8

/* Keep what waits in the kernel small, so that a PINGREQ does not queue behind minutes of telemetry. */
#define NOTSENT_LOWAT_BYTES (16 * 1024)

typedef struct Race {
        const MqttTcpJob *job;
        const struct addrinfo *next[2]; /* of the first address's family, and of the other */
        unsigned turn;                  /* whose is the next */
        uint64_t next_us;               /* when it starts */
        struct pollfd fds[1 + ADDRESSES_MAX];
        size_t n_fds; /* the first is 'cancel_fd' */
        int error;
} Race;

static void race_done(Race *race) {
        for (size_t i = 1; i < race->n_fds; i++)
                (void) close_fd(race->fds[i].fd);
}

static int socket_set(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int socket_start(const struct addrinfo *address, unsigned user_timeout_ms, int *ret_fd) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
        if (fd < 0)
                return -errno;

        /* The gate coalesces packets itself. */
        r = socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (r < 0)
                return r;
        r = socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int) user_timeout_ms);
        if (r < 0)
                return r;
        r = socket_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES);
        if (r < 0)
                return r;

        if (connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* From 'list' on, the first address that is of the family, or that is not. */
static const struct addrinfo *find_family(const struct addrinfo *list, int family, bool is_wanted) {
        while (list && (list->ai_family == family) != is_wanted)
                list = list->ai_next;
        return list;
}

static bool race_has_next(const Race *race) {
        return race->next[0] || race->next[1];
}

/* RFC 8305, section 4: families take turns, so that one that does not work costs a delay only. */
static const struct addrinfo *race_take_next(Race *race) {
        unsigned i = race->next[race->turn] ? race->turn : !race->turn;
        const struct addrinfo *address = race->next[i];

        race->next[i] = find_family(address->ai_next, race->job->addresses->ai_family, i == 0);
        race->turn = !i;
        return address;
}

/* Starts the addresses that are due. One that fails at once makes the next one due. */
static void race_start_due(Race *race, uint64_t now_us) {
        while (race_has_next(race) && race->n_fds < ELEMENTSOF(race->fds) && now_us >= race->next_us) {
                const struct addrinfo *address = race_take_next(race);
                int fd = -1, r;

                race->job->on_address(race->job->userdata, address->ai_addr, address->ai_addrlen);
                r = socket_start(address, race->job->user_timeout_ms, &fd);
                if (r < 0) {
                        race->error = r;
                        continue;
                }
                race->fds[race->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
                race->next_us = now_us + NEXT_ADDRESS_US;
        }
}

/* Takes a connected socket out of the race; drops those that failed. -EAGAIN: none is connected yet. */
static int race_take_winner(Race *race) {
        for (size_t i = 1; i < race->n_fds;) {
                int error = 0, fd = race->fds[i].fd;
                socklen_t size = sizeof(error);

                if (race->fds[i].revents == 0) {
                        i++;
                        continue;
                }
                race->fds[i] = race->fds[--race->n_fds];
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                        error = errno;
                if (error == 0)
                        return fd;
                race->error = -error;
                race->next_us = 0;
                (void) close_fd(fd);
        }
        return -EAGAIN;
}

static int race_wait(Race *race, uint64_t now_us) {
        bool more = race_has_next(race) && race->n_fds < ELEMENTSOF(race->fds);
        int timeout_ms = -1;

        if (more)
                timeout_ms =
                        race->next_us > now_us ? (int) ((race->next_us - now_us) / USEC_PER_MSEC) + 1 : 0;
        if (poll(race->fds, race->n_fds, timeout_ms) < 0)
                return errno == EINTR ? 0 : -errno;
        return race->fds[0].revents != 0 ? -ECANCELED : 0;
}

static int race_run(Race *race) {
        for (;;) {
                uint64_t now_us = boottime_us();
                int r;

                race_start_due(race, now_us);
                if (race->n_fds == 1)
                        return race->error;
                r = race_wait(race, now_us);
                if (r < 0)
                        return r;
                r = race_take_winner(race);
                if (r != -EAGAIN)
                        return r;
        }
}

int mqtt_tcp_connect(const MqttTcpJob *job, int *ret_fd) {
        Race race = {
                .job = job,
                .next = { job->addresses, find_family(job->addresses, job->addresses->ai_family, false) },
                .fds = { { .fd = job->cancel_fd, .events = POLLIN } },
                .n_fds = 1,
                .error = -EHOSTUNREACH,
        };
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int r;

        r = race_run(&race);
        race_done(&race);
        if (r < 0)
                return r;
        if (getpeername(r, (struct sockaddr *) &address, &size) == 0)
                job->on_address(job->userdata, (const struct sockaddr *) &address, size);
        *ret_fd = r;
        return 0;
}
