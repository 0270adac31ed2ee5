/* SPDX-License-Identifier: MIT */

/*
 * A local program that calls the daemon all along, and how long each answer took: local-client SOCKET PID
 * [INTERVAL [PERIOD]]
 *
 * GetStatus every PERIOD milliseconds (20), and Send of {"n":0}, {"n":1}, … every INTERVAL milliseconds (100;
 * 0: never). A line on standard input ("lap") is answered by one on standard output, about the time since the
 * last one:
 *
 *      {"accepted":N,"refused":N,"worstMicroseconds":N,"worstRawMicroseconds":N,"p99Microseconds":N,
 *       "calls":N,"at":"Send"}
 *
 * 'accepted' counts from the beginning; the line "stop" is answered too, and from then on nothing is sent. At
 * the end of standard input it ends.
 *
 * On a busy machine an answer also takes as long as the daemon (process PID) and this program wait for a CPU,
 * which the kernel counts for each thread: the raw time has it, the other is without.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_MS 20

/* So many answers of a lap count for its p99; behind them only the worst is known. */
#define SAMPLES_MAX 65536U

typedef struct Client {
        int socket_fd, own_fd, daemon_fd;
        char buffer[65536];
        size_t n_buffered;

        bool is_stopped;
        uint64_t n_accepted, n_refused, n_calls;
        uint64_t worst_us, worst_raw_us;
        const char *worst_call;
        uint64_t samples_us[SAMPLES_MAX];
} Client;

static uint64_t now_ns(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

static void die(const char *what) {
        fprintf(stderr, "local-client: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

/* Linux "Scheduler Statistics": "2) time spent waiting on a runqueue (in nanoseconds)". */
static uint64_t waited_ns(int fd) {
        char text[128], *end;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        if (n <= 0)
                return 0;
        text[n] = '\0';
        (void) strtoull(text, &end, 10); /* the time on a CPU */
        return strtoull(end, NULL, 10);
}

/* The reply, NUL-terminated; it lives until the next one. */
static const char *receive(Client *c) {
        char *end;

        while (!(end = memchr(c->buffer, '\0', c->n_buffered))) {
                ssize_t n =
                        recv(c->socket_fd, c->buffer + c->n_buffered, sizeof(c->buffer) - c->n_buffered, 0);

                if (n <= 0)
                        die("recv");
                c->n_buffered += (size_t) n;
        }
        /* Calls are not pipelined: this was all there is. */
        c->n_buffered = 0;
        return c->buffer;
}

static bool call(Client *c, const char *name, const char *message) {
        uint64_t waited = waited_ns(c->daemon_fd) + waited_ns(c->own_fd);
        uint64_t began = now_ns(), raw, net;
        const char *reply;

        if (send(c->socket_fd, message, strlen(message) + 1, MSG_NOSIGNAL) < 0)
                die("send");
        reply = receive(c);
        raw = now_ns() - began;
        waited = waited_ns(c->daemon_fd) + waited_ns(c->own_fd) - waited;
        net = raw > waited ? raw - waited : 0;

        if (c->n_calls < SAMPLES_MAX)
                c->samples_us[c->n_calls] = net / 1000;
        c->n_calls++;
        if (raw / 1000 > c->worst_raw_us)
                c->worst_raw_us = raw / 1000;
        if (net / 1000 > c->worst_us) {
                c->worst_us = net / 1000;
                c->worst_call = name;
        }
        return !strstr(reply, "\"error\"");
}

static void send_next(Client *c) {
        char message[160];

        (void) snprintf(message, sizeof(message),
                        "{\"method\":\"io.aziotd.telemetry.Send\","
                        "\"parameters\":{\"message\":{\"body\":{\"n\":%" PRIu64 "}}}}",
                        c->n_accepted);
        if (call(c, "Send", message))
                c->n_accepted++;
        else
                c->n_refused++;
}

static int compare(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static uint64_t p99_us(Client *c) {
        size_t n = c->n_calls < SAMPLES_MAX ? c->n_calls : SAMPLES_MAX;

        qsort(c->samples_us, n, sizeof(c->samples_us[0]), compare);
        return n > 0 ? c->samples_us[n - 1 - n / 100] : 0;
}

static void print_lap(Client *c) {
        printf("{\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"worstMicroseconds\":%" PRIu64
               ",\"worstRawMicroseconds\":%" PRIu64 ",\"p99Microseconds\":%" PRIu64 ",\"calls\":%" PRIu64
               ",\"at\":\"%s\"}\n",
               c->n_accepted, c->n_refused, c->worst_us, c->worst_raw_us, p99_us(c), c->n_calls,
               c->worst_call);
        (void) fflush(stdout);
        c->worst_us = c->worst_raw_us = c->n_calls = 0;
        c->worst_call = "";
}

/* False at the end. */
static bool read_orders(Client *c, int timeout_ms) {
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
        char line[64];
        ssize_t n;

        if (poll(&input, 1, timeout_ms) <= 0)
                return true;
        n = read(STDIN_FILENO, line, sizeof(line) - 1);
        if (n <= 0)
                return false;
        line[n] = '\0';
        if (strstr(line, "stop"))
                c->is_stopped = true;
        print_lap(c);
        return true;
}

static int open_schedstat(const char *pid) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, pid);
        return open(path, O_RDONLY | O_CLOEXEC);
}

int main(int argc, char **argv) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        uint64_t interval_ns = (argc > 3 ? strtoull(argv[3], NULL, 10) : 100) * 1000000U, next_ns;
        int period_ms = argc > 4 ? (int) strtol(argv[4], NULL, 10) : PERIOD_MS;
        static Client c = { .worst_call = "" };
        char own[16];

        if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path)) {
                fprintf(stderr, "usage: local-client SOCKET PID [INTERVAL [PERIOD]]\n");
                return 2;
        }
        memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
        (void) snprintf(own, sizeof(own), "%d", getpid());
        c.own_fd = open_schedstat(own);
        c.daemon_fd = open_schedstat(argv[2]);
        c.socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c.socket_fd < 0 || connect(c.socket_fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                die("connect");

        next_ns = now_ns();
        while (read_orders(&c, period_ms)) {
                (void) call(&c, "GetStatus", "{\"method\":\"io.aziotd.device.GetStatus\"}");
                if (interval_ns > 0 && !c.is_stopped && now_ns() >= next_ns) {
                        next_ns += interval_ns;
                        send_next(&c);
                }
        }
        return 0;
}
