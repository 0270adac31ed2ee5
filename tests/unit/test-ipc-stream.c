/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <sys/socket.h>

#include "ipc-test.h"
#include "ipc/limits.h"
#include "ipc/stream.h"

/* A stream and the other end of its socket. */
typedef struct Pair {
        IpcStream stream;
        int peer;
} Pair;

static void pair_init(Pair *p) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        *p = (Pair){ .stream = IPC_STREAM_NULL, .peer = fds[1] };
        p->stream.fd = fds[0];
}

static void pair_done(Pair *p) {
        ipc_stream_done(&p->stream);
        p->peer = close_fd(p->peer);
}

static void peer_send(const Pair *p, const void *bytes, size_t n) {
        ck_assert_int_eq(send(p->peer, bytes, n, MSG_NOSIGNAL), (ssize_t) n);
}

static void assert_next(Pair *p, const char *expected) {
        az_span message;

        if (!expected) {
                ck_assert_int_eq(ipc_stream_next(&p->stream, &message), IPC_STREAM_NONE);
                return;
        }
        ck_assert_int_eq(ipc_stream_next(&p->stream, &message), 0);
        assert_span(message, expected);
}

static void put(Pair *p, size_t n) {
        uint8_t *to = ipc_stream_reserve(&p->stream, n);

        ck_assert_ptr_nonnull(to);
        memset(to, 'x', n);
        ipc_stream_commit(&p->stream, n);
}

START_TEST(messages_are_found_wherever_they_are_cut) {
        static const char bytes[] = "first\0\0third\0part";
        _cleanup_(pair_done) Pair p;

        pair_init(&p);
        peer_send(&p, bytes, sizeof(bytes) - 1);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "first");
        assert_next(&p, "");
        assert_next(&p, "third");
        assert_next(&p, NULL);

        ck_assert_int_eq(ipc_stream_read(&p.stream), IPC_STREAM_AGAIN);
        peer_send(&p, "ial", 3);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, NULL);
        peer_send(&p, "", 1);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "partial");
        assert_next(&p, NULL);
}
END_TEST

START_TEST(idle_stream_holds_no_memory) {
        _cleanup_(pair_done) Pair p;

        pair_init(&p);
        peer_send(&p, "x", 2);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "x");
        put(&p, 100);
        ck_assert_ptr_nonnull(p.stream.in.data);
        ck_assert_ptr_nonnull(p.stream.out.data);

        assert_next(&p, NULL);
        ck_assert_int_eq(ipc_stream_write(&p.stream, 0), 0);
        ck_assert_ptr_null(p.stream.in.data);
        ck_assert_ptr_null(p.stream.out.data);
}
END_TEST

START_TEST(end_is_told_after_what_came_before) {
        _cleanup_(pair_done) Pair p;

        pair_init(&p);
        peer_send(&p, "a\0b", 3);
        ck_assert_int_eq(shutdown(p.peer, SHUT_WR), 0);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "a");
        assert_next(&p, NULL);
        ck_assert_int_eq(ipc_stream_read(&p.stream), IPC_STREAM_END);
        assert_next(&p, NULL);
}
END_TEST

START_TEST(peer_that_closed_without_reading_has_ended) {
        _cleanup_(pair_done) Pair p;

        pair_init(&p);
        put(&p, 10);
        ck_assert_int_eq(ipc_stream_write(&p.stream, 0), 0);
        peer_send(&p, "a", 2);
        p.peer = close_fd(p.peer);

        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "a");
        assert_next(&p, NULL);
        ck_assert_int_eq(ipc_stream_read(&p.stream), IPC_STREAM_END);
        put(&p, 10);
        ck_assert_int_lt(ipc_stream_write(&p.stream, 0), 0);
}
END_TEST

/* Feeds 'n' bytes without a NUL, looking for messages as a server does. */
static int feed(Pair *p, size_t n) {
        static const char bytes[4096] = { [0 ... 4095] = 'x' };
        az_span message;
        int r = IPC_STREAM_NONE;

        while (n > 0 && r == IPC_STREAM_NONE) {
                size_t part = MIN(n, sizeof(bytes));

                peer_send(p, bytes, part);
                n -= part;
                while (ipc_stream_read(&p->stream) == 0) {
                        r = ipc_stream_next(&p->stream, &message);
                        if (r < 0)
                                break;
                }
        }
        return r;
}

START_TEST(longest_message_passes) {
        _cleanup_(pair_done) Pair p;
        az_span message;

        pair_init(&p);
        ck_assert_int_eq(feed(&p, IPC_MESSAGE_MAX), IPC_STREAM_NONE);
        peer_send(&p, "\0next", 6);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        ck_assert_int_eq(ipc_stream_next(&p.stream, &message), 0);
        ck_assert_int_eq(az_span_size(message), IPC_MESSAGE_MAX);
        assert_next(&p, NULL);
        ck_assert_int_eq(ipc_stream_read(&p.stream), 0);
        assert_next(&p, "next");
}
END_TEST

START_TEST(longer_message_is_refused_before_it_ends) {
        _cleanup_(pair_done) Pair p;

        pair_init(&p);
        ck_assert_int_eq(feed(&p, IPC_MESSAGE_MAX + 1), -EMSGSIZE);
        ck_assert_uint_le(p.stream.in.allocated, 2 * (IPC_MESSAGE_MAX + 1));
        ipc_stream_discard(&p.stream);
        ck_assert_ptr_null(p.stream.in.data);
}
END_TEST

/* Takes up to 'n' bytes at the other end. */
static size_t peer_take(const Pair *p, size_t n) {
        char buffer[4096];
        size_t taken = 0;

        while (taken < n) {
                ssize_t k = recv(p->peer, buffer, MIN(n - taken, sizeof(buffer)), 0);

                if (k <= 0)
                        break;
                taken += (size_t) k;
        }
        return taken;
}

START_TEST(deadline_moves_when_what_it_was_set_for_is_sent) {
        enum {
                TIMEOUT_US = 10
        };
        _cleanup_(pair_done) Pair p;
        size_t unsent;

        pair_init(&p);
        ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), UINT64_MAX);
        put(&p, 8 * 1024 * 1024);
        ck_assert_int_eq(ipc_stream_write(&p.stream, 100), 0);
        unsent = ipc_stream_get_unsent(&p.stream);
        ck_assert_uint_gt(unsent, 1024 * 1024);
        ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), 110);

        /* A trickle does not put it off. */
        ck_assert_uint_gt(peer_take(&p, 65536), 0);
        ck_assert_int_eq(ipc_stream_write(&p.stream, 105), 0);
        ck_assert_uint_lt(ipc_stream_get_unsent(&p.stream), unsent);
        ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), 110);

        /* Nor does what is queued behind. Once all of the first is sent, the second has its own time. */
        unsent = ipc_stream_get_unsent(&p.stream);
        put(&p, 8 * 1024 * 1024);
        while (unsent > 0) {
                size_t before = ipc_stream_get_unsent(&p.stream);

                ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), 110);
                ck_assert_uint_gt(peer_take(&p, 65536), 0);
                ck_assert_int_eq(ipc_stream_write(&p.stream, 109), 0);
                unsent -= MIN(unsent, before - ipc_stream_get_unsent(&p.stream));
        }
        ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), 119);

        while (ipc_stream_get_unsent(&p.stream) > 0) {
                (void) peer_take(&p, SIZE_MAX);
                ck_assert_int_eq(ipc_stream_write(&p.stream, 200), 0);
        }
        ck_assert_uint_eq(ipc_stream_deadline_us(&p.stream, TIMEOUT_US), UINT64_MAX);
}
END_TEST

static Suite *stream_suite(void) {
        Suite *suite = suite_create("ipc-stream");
        TCase *t;

        t = tcase_create("ipc_stream_next");
        tcase_add_test(t, messages_are_found_wherever_they_are_cut);
        tcase_add_test(t, idle_stream_holds_no_memory);
        tcase_add_test(t, end_is_told_after_what_came_before);
        tcase_add_test(t, peer_that_closed_without_reading_has_ended);
        tcase_add_test(t, longest_message_passes);
        tcase_add_test(t, longer_message_is_refused_before_it_ends);
        suite_add_tcase(suite, t);

        t = tcase_create("ipc_stream_write");
        tcase_add_test(t, deadline_moves_when_what_it_was_set_for_is_sent);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(stream_suite)
