/* SPDX-License-Identifier: MIT */

/*
 * A local program that is up to no good, of one kind, until it is killed: hostile-client SOCKET KIND
 *
 * All that it does is to send on its connections as fast as they take it, and to connect again when one is
 * closed. "hostile-client list" prints the kinds.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* All but a few of those that one user may have. */
#define MANY 60

#define MESSAGE_MAX (512U * 1024U)
#define BATCH       1024U

/* What a socket is given at a time, so that sending is cheap. */
#define PIECE_MIN (16U * 1024U)

#define SEND(flags, body)                                                                                 \
        "{\"method\":\"io.aziotd.telemetry.Send\"," flags "\"parameters\":{\"message\":{\"text\":\"" body \
        "\"}}}"

typedef struct Kind {
        const char *name;
        unsigned n_connections;
        const char *begin, *end; /* of a message; NULL: it connects and hangs up, again and again */
        size_t n_filling;        /* so many 'x' in between */
        bool is_batch;           /* 'begin' and 'end' are of each of BATCH messages */
        bool is_endless;         /* it has no NUL */
        bool is_deaf;            /* replies are not read */
        unsigned pace_ms;        /* between two bytes; 0: as fast as can be */
} Kind;

static const Kind kinds[] = {
        { .name = "flood", .n_connections = 1, .begin = SEND("", ""), .end = "" },
        { .name = "flood-many", .n_connections = MANY, .begin = SEND("", ""), .end = "" },
        { .name = "oneway-many", .n_connections = MANY, .begin = SEND("\"oneway\":true,", ""), .end = "" },
        { .name = "durable-many",
          .n_connections = MANY,
          .begin = "{\"method\":\"io.aziotd.telemetry.Send\",\"parameters\":{\"stage\":\"durable\","
                   "\"message\":"
                   "{\"text\":\"",
          .end = "\"}}}",
          .n_filling = 100 },
        { .name = "large",
          .n_connections = MANY,
          .begin = "{\"method\":\"io.aziotd.telemetry.Send\",\"parameters\":{\"message\":{\"text\":\"",
          .end = "\"}}}",
          .n_filling = 250000 },
        { .name = "batches",
          .n_connections = MANY,
          .begin = "{\"text\":\"",
          .end = "\"}",
          .n_filling = 64,
          .is_batch = true },
        { .name = "status-many",
          .n_connections = MANY,
          .begin = "{\"method\":\"io.aziotd.device.GetStatus\"}",
          .end = "" },
        { .name = "status-unread",
          .n_connections = MANY,
          .begin = "{\"method\":\"io.aziotd.device.GetStatus\"}",
          .end = "",
          .is_deaf = true },
        { .name = "watch-unread",
          .n_connections = MANY,
          .begin = "{\"method\":\"io.aziotd.device.WatchStatus\",\"more\":true}",
          .end = "",
          .is_deaf = true },
        { .name = "nonsense", .n_connections = MANY, .begin = "{\"method\":", .end = "" },
        { .name = "unknown-method", .n_connections = MANY, .begin = "{\"method\":\"a.b.C\"}", .end = "" },
        { .name = "line-without-end",
          .n_connections = MANY,
          .begin = "",
          .end = "",
          .n_filling = MESSAGE_MAX / 2,
          .is_endless = true },
        { .name = "drop-by-drop",
          .n_connections = MANY,
          .begin = "{\"method\":\"",
          .end = "",
          .n_filling = 1000,
          .is_endless = true,
          .pace_ms = 1 },
        { .name = "connect", .n_connections = 1 },
};

typedef struct Message {
        char *bytes;
        size_t size;
} Message;

static void put(Message *m, const char *text) {
        memcpy(m->bytes + m->size, text, strlen(text));
        m->size += strlen(text);
}

static void put_one(Message *m, const Kind *kind) {
        put(m, kind->begin);
        memset(m->bytes + m->size, 'x', kind->n_filling);
        m->size += kind->n_filling;
        put(m, kind->end);
}

/* What is sent again and again: so many messages that they are worth a system call. */
static Message compose(const Kind *kind) {
        Message m = { .bytes = malloc(2 * MESSAGE_MAX) };

        if (!m.bytes)
                exit(EXIT_FAILURE);
        do {
                if (kind->is_batch)
                        put(&m,
                            "{\"method\":\"io.aziotd.telemetry.SendBatch\",\"parameters\":{\"messages\":[");
                for (unsigned i = 0; i < (kind->is_batch ? BATCH : 1); i++) {
                        if (i > 0)
                                put(&m, ",");
                        put_one(&m, kind);
                }
                if (kind->is_batch)
                        put(&m, "]}}");
                if (!kind->is_endless)
                        m.bytes[m.size++] = '\0';
        } while (m.size < PIECE_MIN);
        return m;
}

static int dial(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                perror("hostile-client");
                exit(EXIT_FAILURE);
        }
        (void) fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
}

/* False: the connection is at its end. */
static bool receive(int fd) {
        static char replies[65536];
        ssize_t n = recv(fd, replies, sizeof(replies), 0);

        return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool send_more(int fd, const Kind *kind, const Message *m, size_t *offset) {
        size_t size = kind->pace_ms > 0 ? 1 : m->size - *offset;
        ssize_t n = send(fd, m->bytes + *offset, size, MSG_NOSIGNAL);

        if (n < 0)
                return errno == EAGAIN;
        *offset = (*offset + (size_t) n) % m->size;
        return true;
}

static void run(const char *path, const Kind *kind) {
        struct pollfd fds[MANY];
        size_t offsets[MANY] = { 0 };
        Message m = compose(kind);

        for (unsigned i = 0; i < kind->n_connections; i++)
                fds[i] = (struct pollfd){ .fd = dial(path),
                                          .events = (short) (POLLOUT | (kind->is_deaf ? 0 : POLLIN)) };
        for (;;) {
                (void) poll(fds, kind->n_connections, -1);
                for (unsigned i = 0; i < kind->n_connections; i++) {
                        bool is_open = !(fds[i].revents & (POLLHUP | POLLERR));

                        if (is_open && fds[i].revents & POLLIN)
                                is_open = receive(fds[i].fd);
                        if (is_open && fds[i].revents & POLLOUT)
                                is_open = send_more(fds[i].fd, kind, &m, &offsets[i]);
                        if (is_open)
                                continue;
                        (void) close(fds[i].fd);
                        fds[i].fd = dial(path);
                        offsets[i] = 0;
                }
                if (kind->pace_ms > 0)
                        (void) usleep(kind->pace_ms * 1000);
        }
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "list") == 0) {
                for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                        printf("%s\n", kinds[i].name);
                return 0;
        }
        for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                if (strcmp(argv[2], kinds[i].name) != 0)
                        continue;
                if (kinds[i].begin)
                        run(argv[1], &kinds[i]);
                for (;;)
                        (void) close(dial(argv[1]));
        }
        fprintf(stderr, "usage: hostile-client SOCKET KIND; hostile-client list\n");
        return 2;
}
