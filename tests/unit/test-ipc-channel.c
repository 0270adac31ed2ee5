/* SPDX-License-Identifier: MIT */

#include <poll.h>
#include <sys/epoll.h>

#include "ipc-peer.h"
#include "ipc/channel.h"
#include "ipc/limits.h"

#define SECOND USEC_PER_SEC
#define NEVER  UINT64_MAX

/* A channel to a peer, at a time that the test sets. */
typedef struct Fixture {
        Peer peer;
        int epoll_fd;
        IpcDocument document;
        Channel channel;
        uint64_t now_us;
} Fixture;

static void fixture_init(Fixture *f) {
        *f = (Fixture){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .document = IPC_DOCUMENT_NULL };
        f->now_us = 100 * SECOND;
        peer_init(&f->peer);
        channel_init(&f->channel, &f->peer.address, f->epoll_fd, &f->document);
}

static void fixture_done(Fixture *f) {
        channel_done(&f->channel);
        ipc_document_done(&f->document);
        close_fd(f->epoll_fd);
        peer_done(&f->peer);
}

/* Calls org.example.test.<name>; the name is what the call is known by. */
static void start_until(Fixture *f, const char *name, unsigned flags, uint64_t deadline_us) {
        ChannelCall *call;

        ck_assert_int_eq(channel_call_new(&call, name, AZ_SPAN_EMPTY, flags), 0);
        call->userdata = (void *) name;
        channel_start(&f->channel, call, deadline_us);
}

static void start(Fixture *f, const char *name, unsigned flags) {
        start_until(f, name, flags, NEVER);
}

/* Everything that has happened, as text: "reply NAME {...}", "failed NAME ERROR", "lost ERROR", "back". */
static const char *news(Fixture *f, char buffer[1024]) {
        struct epoll_event event;
        ChannelNews n;
        size_t size = 0;

        buffer[0] = 0;
        if (epoll_wait(f->epoll_fd, &event, 1, 0) > 0)
                f->channel.is_ready = true;
        while (channel_next(&f->channel, f->now_us, &n) > 0) {
                const char *name = n.call ? n.call->userdata : "";
                char *to = buffer + size;

                if (n.type == CHANNEL_REPLY)
                        (void) snprintf(to, 1024 - size, "reply %s %.*s\n", name, az_span_size(n.message),
                                        (char *) az_span_ptr(n.message));
                if (n.type == CHANNEL_FAILED)
                        (void) snprintf(to, 1024 - size, "failed %s %s\n", name, strerrorname_np(-n.result));
                if (n.type == CHANNEL_LOST)
                        (void) snprintf(to, 1024 - size, "lost %s\n", strerrorname_np(-n.result));
                if (n.type == CHANNEL_BACK)
                        (void) snprintf(to, 1024 - size, "back\n");
                size += strlen(to);
                if (n.call && !(n.type == CHANNEL_REPLY && n.reply.continues))
                        channel_call_free(n.call);
        }
        return buffer;
}

#define assert_news(f, expected)                              \
        do {                                                  \
                char _buffer[1024];                           \
                ck_assert_str_eq(news(f, _buffer), expected); \
        } while (0)

#define OUT(name) "{\"method\":\"" name "\"}\n"

/* Begins with one call, which the server has received. Returns the server's end. */
static int fixture_init_with(Fixture *f, const char *name, unsigned flags) {
        char received[64];
        int fd;

        fixture_init(f);
        start(f, name, flags);
        assert_news(f, "");
        fd = peer_accept(&f->peer);
        ck_assert_int_gt(recv(fd, received, sizeof(received), 0), 0);
        return fd;
}

START_TEST(calls_are_pipelined_and_answered_in_order) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_uint_eq(channel_deadline_us(&f.channel), NEVER);
        start(&f, "a", 0);
        start(&f, "b", CHANNEL_CALL_ONEWAY);
        start(&f, "c", CHANNEL_CALL_MORE);
        ck_assert_uint_eq(channel_deadline_us(&f.channel), 0);
        assert_news(&f, "");
        ck_assert_uint_eq(channel_deadline_us(&f.channel), NEVER);

        fd = peer_accept(&f.peer);
        assert_receives(fd,
                        OUT("a") "{\"method\":\"b\",\"oneway\":true}\n{\"method\":\"c\",\"more\":true}\n");
        ck_assert_uint_eq(f.channel.n_calls, 2);

        test_put(fd, "{\"parameters\":{\"n\":1}}\n{\"continues\":true}\n{\"error\":\"x.y\"}\n", 1);
        assert_news(&f, "reply a {\"parameters\":{\"n\":1}}\nreply c {\"continues\":true}\n"
                        "reply c {\"error\":\"x.y\"}\n");
        ck_assert_uint_eq(f.channel.n_calls, 0);
        ck_assert_uint_eq(f.channel.n_bytes, 0);
        assert_open(fd);
}
END_TEST

START_TEST(calls_of_a_broken_connection_fail_or_are_sent_again) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        start(&f, "once", 0);
        start(&f, "again", CHANNEL_CALL_AGAIN);
        start(&f, "oneway", CHANNEL_CALL_ONEWAY);
        start(&f, "more", CHANNEL_CALL_AGAIN | CHANNEL_CALL_MORE);
        assert_news(&f, "");
        fd = close_fd(peer_accept(&f.peer));

        start(&f, "later", 0);
        assert_news(&f, "failed once ECONNRESET\nlost ECONNRESET\nback\n");
        fd = peer_accept(&f.peer);
        assert_receives(fd, OUT("again") "{\"method\":\"more\",\"more\":true}\n" OUT("later"));
}
END_TEST

START_TEST(call_that_is_bound_to_its_connection_goes_with_it) {
        _cleanup_(fixture_done) Fixture f;

        fixture_init(&f);
        start(&f, "take", CHANNEL_CALL_AGAIN);
        assert_news(&f, "");
        close_fd(peer_accept(&f.peer));
        start(&f, "settle", CHANNEL_CALL_BOUND);
        assert_news(&f, "failed settle ECONNRESET\nlost ECONNRESET\nback\n");
}
END_TEST

START_TEST(end_of_a_silent_connection_costs_no_call) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = fixture_init_with(&f, "a", 0);
        test_put(fd, "{}\n", 1);
        assert_news(&f, "reply a {}\n");
        close_fd(fd);

        start(&f, "b", 0);
        assert_news(&f, "lost ECONNRESET\nback\n");
        fd = peer_accept(&f.peer);
        assert_receives(fd, OUT("b"));
}
END_TEST

START_TEST(without_a_server_calls_fail_at_once_or_wait) {
        /* Seconds of the attempts after the first one: 1/4, 1/2, 1, 2, 4, 5, 5 later. */
        static const uint64_t pauses_ms[] = { 250, 500, 1000, 2000, 4000, 5000, 5000 };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        peer_stop(&f.peer);
        start(&f, "impatient", CHANNEL_CALL_AGAIN);
        start(&f, "patient", CHANNEL_CALL_AGAIN | CHANNEL_CALL_PATIENT);
        assert_news(&f, "failed impatient ENOENT\nlost ENOENT\n");
        for (size_t i = 0; i < ELEMENTSOF(pauses_ms); i++) {
                ck_assert_uint_eq(channel_deadline_us(&f.channel), f.now_us + pauses_ms[i] * USEC_PER_MSEC);
                f.now_us = channel_deadline_us(&f.channel);
                assert_news(&f, "");
        }

        /* A call that would rather know makes an attempt of its own. */
        start(&f, "impatient", 0);
        assert_news(&f, "failed impatient ENOENT\n");

        peer_listen(&f.peer);
        f.now_us = channel_deadline_us(&f.channel);
        assert_news(&f, "back\n");
        fd = peer_accept(&f.peer);
        assert_receives(fd, OUT("patient"));
}
END_TEST

START_TEST(server_that_hangs_up_is_not_called_in_a_loop) {
        static const uint64_t pauses_ms[] = { 0, 250, 500, 1000, 2000, 4000, 5000, 5000 };
        _cleanup_(fixture_done) Fixture f;

        fixture_init(&f);
        start(&f, "again", CHANNEL_CALL_AGAIN);
        assert_news(&f, "");
        for (size_t i = 0; i < ELEMENTSOF(pauses_ms); i++) {
                close_fd(peer_accept(&f.peer));
                if (i == 0) {
                        assert_news(&f, "lost ECONNRESET\nback\n");
                        continue;
                }
                assert_news(&f, "lost ECONNRESET\n");
                ck_assert_uint_eq(channel_deadline_us(&f.channel), f.now_us + pauses_ms[i] * USEC_PER_MSEC);
                f.now_us += pauses_ms[i] * USEC_PER_MSEC;
                assert_news(&f, "back\n");
        }
}
END_TEST

START_TEST(server_that_does_not_speak_varlink_is_not_asked_again) {
        static const struct {
                const char *bytes;
                const char *news;
        } rows[] = {
                { "garbage\n", "failed again EBADMSG\nlost EBADMSG\n" },
                { "{\"parameters\":[]}\n", "failed again EBADMSG\nlost EBADMSG\n" },
                { "{\"method\":\"a\"}\n", "failed again EBADMSG\nlost EBADMSG\n" },
                { "{\"continues\":true}\n", "failed again EBADMSG\nlost EBADMSG\n" },
                { "{}\n{}\n", "reply again {}\nlost EBADMSG\n" },
        };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = fixture_init_with(&f, "again", CHANNEL_CALL_AGAIN);
        test_put(fd, rows[_i].bytes, 1);
        assert_news(&f, rows[_i].news);
        assert_closed(fd);
}
END_TEST

START_TEST(patient_call_survives_garbage) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = fixture_init_with(&f, "take", CHANNEL_CALL_AGAIN | CHANNEL_CALL_PATIENT);
        test_put(fd, "garbage\n", 1);
        assert_news(&f, "lost EBADMSG\nback\n");
        close_fd(fd);
        fd = peer_accept(&f.peer);
        assert_receives(fd, OUT("take"));
}
END_TEST

START_TEST(end_within_a_reply_is_a_broken_connection) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = fixture_init_with(&f, "a", 0);
        test_put(fd, "{\"parameters\":", 1);
        assert_news(&f, "");
        fd = close_fd(fd);
        assert_news(&f, "failed a ECONNRESET\nlost ECONNRESET\n");
}
END_TEST

START_TEST(endless_reply_is_refused) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char text[1024];

        fd = fixture_init_with(&f, "a", 0);
        memset(text, ' ', sizeof(text));
        for (size_t sent = 0; sent < IPC_MESSAGE_MAX; sent += sizeof(text)) {
                ck_assert_int_eq(send(fd, text, sizeof(text), MSG_NOSIGNAL), sizeof(text));
                assert_news(&f, "");
        }
        ck_assert_int_eq(send(fd, text, 1, MSG_NOSIGNAL), 1);
        assert_news(&f, "failed a EMSGSIZE\nlost EMSGSIZE\n");
}
END_TEST

START_TEST(call_larger_than_a_message_is_refused) {
        _cleanup_(freep) char *text = malloc(IPC_MESSAGE_MAX);
        ChannelCall *call = NULL;

        memset(text, ' ', IPC_MESSAGE_MAX);
        ck_assert_int_eq(channel_call_new(&call, "a", az_span_create((uint8_t *) text, IPC_MESSAGE_MAX), 0),
                         -EMSGSIZE);
}
END_TEST

START_TEST(late_reply_does_not_go_to_the_next_call) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        start_until(&f, "a", 0, f.now_us + 1 * SECOND);
        start_until(&f, "b", 0, f.now_us + 9 * SECOND);
        start_until(&f, "c", 0, f.now_us + 2 * SECOND);
        start_until(&f, "d", 0, f.now_us + 2 * SECOND);
        assert_news(&f, "");
        fd = peer_accept(&f.peer);
        ck_assert_uint_eq(channel_deadline_us(&f.channel), f.now_us + 1 * SECOND);

        f.now_us += 1 * SECOND;
        assert_news(&f, "failed a ETIME\n");
        ck_assert_uint_eq(channel_deadline_us(&f.channel), f.now_us + 1 * SECOND);
        assert_receives(fd, OUT("a") OUT("b") OUT("c") OUT("d"));
        f.now_us += 1 * SECOND;
        assert_news(&f, "failed c ETIME\nfailed d ETIME\n");
        start_until(&f, "e", 0, NEVER);
        assert_news(&f, "");
        assert_receives(fd, OUT("e"));

        test_put(fd,
                 "{\"parameters\":{\"a\":0}}\n{\"parameters\":{\"b\":0}}\n{\"parameters\":{\"c\":0}}\n"
                 "{\"parameters\":{\"d\":0}}\n{\"parameters\":{\"e\":0}}\n",
                 1);
        assert_news(&f, "reply b {\"parameters\":{\"b\":0}}\nreply e {\"parameters\":{\"e\":0}}\n");
        assert_open(fd);
}
END_TEST

START_TEST(waiting_for_a_server_ends_with_why_there_was_none) {
        _cleanup_(fixture_done) Fixture f;

        fixture_init(&f);
        peer_stop(&f.peer);
        start_until(&f, "a", CHANNEL_CALL_PATIENT, f.now_us + 1 * SECOND);
        assert_news(&f, "lost ENOENT\n");
        f.now_us += 1 * SECOND;
        assert_news(&f, "failed a ENOENT\n");
        ck_assert_uint_eq(channel_deadline_us(&f.channel), NEVER);
}
END_TEST

/* It does not block: what the server does not take waits, and the descriptor says when to go on. */
START_TEST(server_that_does_not_read_is_waited_for) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(freep) char *text = malloc(100000), *name = malloc(100000);
        struct epoll_event event;
        size_t received = 0, n_calls = 50;
        int fd;

        fixture_init(&f);
        memset(name, 'n', 99999);
        name[99999] = 0;
        for (size_t i = 0; i < n_calls; i++)
                start(&f, name, 0);
        ck_assert_uint_eq(f.channel.n_bytes, n_calls * strlen(OUT("") "") + n_calls * 99999);
        assert_news(&f, "");
        ck_assert(f.channel.wants_out);
        ck_assert_int_eq(epoll_wait(f.epoll_fd, &event, 1, 0), 0);

        fd = peer_accept(&f.peer);
        while (received < f.channel.n_bytes) {
                ssize_t n = recv(fd, text, 100000, MSG_DONTWAIT);

                if (n > 0)
                        received += (size_t) n;
                assert_news(&f, "");
        }
        ck_assert(!f.channel.wants_out);
        close_fd(fd);
}
END_TEST

START_TEST(closing_is_no_news_and_connects_again_in_time) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = fixture_init_with(&f, "take", CHANNEL_CALL_AGAIN | CHANNEL_CALL_PATIENT);
        channel_close(&f.channel, f.now_us + 3 * SECOND);
        assert_news(&f, "");
        assert_closed(fd);
        ck_assert_uint_eq(channel_deadline_us(&f.channel), f.now_us + 3 * SECOND);

        f.now_us += 3 * SECOND;
        assert_news(&f, "");
        close_fd(fd);
        fd = peer_accept(&f.peer);
        assert_receives(fd, OUT("take"));
}
END_TEST

static Suite *channel_suite(void) {
        Suite *suite = suite_create("ipc-channel");
        TCase *t = tcase_create("channel");

        tcase_add_test(t, calls_are_pipelined_and_answered_in_order);
        tcase_add_test(t, calls_of_a_broken_connection_fail_or_are_sent_again);
        tcase_add_test(t, call_that_is_bound_to_its_connection_goes_with_it);
        tcase_add_test(t, end_of_a_silent_connection_costs_no_call);
        tcase_add_test(t, without_a_server_calls_fail_at_once_or_wait);
        tcase_add_test(t, server_that_hangs_up_is_not_called_in_a_loop);
        tcase_add_loop_test(t, server_that_does_not_speak_varlink_is_not_asked_again, 0, 5);
        tcase_add_test(t, patient_call_survives_garbage);
        tcase_add_test(t, end_within_a_reply_is_a_broken_connection);
        tcase_add_test(t, endless_reply_is_refused);
        tcase_add_test(t, call_larger_than_a_message_is_refused);
        tcase_add_test(t, late_reply_does_not_go_to_the_next_call);
        tcase_add_test(t, waiting_for_a_server_ends_with_why_there_was_none);
        tcase_add_test(t, server_that_does_not_read_is_waited_for);
        tcase_add_test(t, closing_is_no_news_and_connects_again_in_time);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(channel_suite)
