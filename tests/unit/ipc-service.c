/* SPDX-License-Identifier: MIT */
#include "ipc-service.h"

#include <sys/socket.h>

static void test_on_notice(IpcNotice notice, const IpcPeer *peer, int error, const char *detail,
                           void *userdata) {
        Test *t = userdata;

        ck_assert_ptr_nonnull(ipc_notice_to_string(notice));
        t->notices[notice]++;
}

void test_init(Test *t, const IpcServerConfig *config) {
        IpcServerConfig complete = *config;

        *t = (Test){};
        complete.notice = test_on_notice;
        complete.userdata = t;
        ck_assert_int_eq(sd_event_new(&t->event), 0);
        ck_assert_int_eq(ipc_server_new(&t->server, t->event, &complete), 0);
        ck_assert_int_eq(ipc_server_add_interface(t->server, &example_interface, &t->example), 0);
}

void test_done(Test *t) {
        t->server = ipc_server_free(t->server);
        ck_assert_uint_eq(t->example.n_held, 0);
        for (size_t i = 0; i < t->n_fds; i++)
                close_fd(t->fds[i]);
        sd_event_unref(t->event);
}

void test_run(Test *t) {
        int r;

        do
                r = sd_event_run(t->event, 0);
        while (r > 0);
        ck_assert_int_eq(r, 0);
}

int test_connect(Test *t) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        if (ipc_server_add_connection(t->server, fds[0]) < 0) {
                close_fd(fds[1]);
                return -1;
        }

        ck_assert_uint_lt(t->n_fds, ELEMENTSOF(t->fds));
        t->fds[t->n_fds++] = fds[1];
        return fds[1];
}

void test_close(Test *t, int fd) {
        for (size_t i = 0; i < t->n_fds; i++)
                if (t->fds[i] == fd)
                        t->fds[i] = -1;
        close_fd(fd);
        test_run(t);
}

void test_put(int fd, const char *messages, unsigned n_times) {
        size_t size = strlen(messages);
        _cleanup_(freep) char *bytes = malloc(size * n_times);

        for (size_t i = 0; i < size * n_times; i++)
                bytes[i] = messages[i % size] == '\n' ? 0 : messages[i % size];
        ck_assert_int_eq(send(fd, bytes, size * n_times, MSG_NOSIGNAL), (ssize_t) (size * n_times));
}

void test_send(Test *t, int fd, const char *messages) {
        test_put(fd, messages, 1);
        test_run(t);
}

void test_half_close(Test *t, int fd) {
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        test_run(t);
}

void assert_receives(int fd, const char *messages) {
        char buffer[65536];
        ssize_t n;

        n = recv(fd, buffer, sizeof(buffer) - 1, MSG_DONTWAIT);
        if (n < 0)
                n = 0;
        for (ssize_t i = 0; i < n; i++)
                if (buffer[i] == 0)
                        buffer[i] = '\n';
        buffer[n] = 0;
        ck_assert_str_eq(buffer, messages);
}

void assert_open(int fd) {
        char c;

        ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT), -1);
        ck_assert_int_eq(errno, EAGAIN);
}

void assert_closed(int fd) {
        char c;
        ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

        ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
}
