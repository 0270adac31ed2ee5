/* SPDX-License-Identifier: MIT */

#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ipc-service.h"
#include "ipc/connection.h"

static const IpcServerConfig defaults = {};

START_TEST(uid_has_64_connections) {
        _cleanup_(test_done) Test t;
        int first, last = -1;

        test_init(&t, &defaults);
        first = test_connect(&t);
        for (unsigned i = 1; i < IPC_CONNECTIONS_PER_UID; i++)
                last = test_connect(&t);
        ck_assert_int_ge(last, 0);
        ck_assert_int_eq(test_connect(&t), -1);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_TOO_MANY_CONNECTIONS], 1);

        /* Those that are in are served, and a place that is given up is free. */
        test_send(&t, last, CALL("Count", "{}"));
        assert_receives(last, REPLY("{\"calls\":1,\"oneway\":0}"));
        test_close(&t, first);
        ck_assert_int_ge(test_connect(&t), 0);
        ck_assert_int_eq(test_connect(&t), -1);
}
END_TEST

START_TEST(all_users_together_have_a_limit) {
        _cleanup_(test_done) Test t;

        test_init(&t, &(IpcServerConfig){ .limits = { .n_connections = 2 } });
        ck_assert_int_ge(test_connect(&t), 0);
        ck_assert_int_ge(test_connect(&t), 0);
        ck_assert_int_eq(test_connect(&t), -1);
}
END_TEST

/* What a socket over this limit is told, and that it is closed then. */
static const struct {
        IpcLimits limits;
        const char *reply;
} refusals[] = {
        { { .n_connections_per_uid = 1 }, ERROR("a.b.TooMany", "{\"limit\":1,\"of\":\"user\"}") },
        { { .n_connections = 1 }, ERROR("a.b.TooMany", "{\"limit\":1,\"of\":\"all\"}") },
};

START_TEST(who_is_over_a_limit_is_told_which) {
        _cleanup_(close_fdp) int fd = -1;
        _cleanup_(test_done) Test t;
        int fds[2];

        test_init(&t, &(IpcServerConfig){ .error_too_many_connections = "a.b.TooMany",
                                          .limits = refusals[_i].limits });
        ck_assert_int_ge(test_connect(&t), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        fd = fds[1];
        test_put(fd, CALL("Count", "{}"), 1);
        ck_assert_int_eq(ipc_server_add_connection(t.server, fds[0]), -EBUSY);
        assert_receives(fd, refusals[_i].reply);
        assert_closed(fd);
}
END_TEST

START_TEST(uid_has_16_waiting_takes) {
        _cleanup_(test_done) Test t;
        int fds[IPC_PARKED_PER_UID], fd;

        test_init(&t, &defaults);
        /* One that watches is not one of them. */
        test_send(&t, test_connect(&t), CALL_WITH("more", "Watch", NAMED("w")));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = test_connect(&t);
                test_send(&t, fds[i], CALL("Take", NAMED("a")));
        }
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Take", NAMED("b")));
        assert_receives(fd, ERROR("org.example.test.TooManyTakers", "{\"limit\":16}"));
        ck_assert_uint_eq(t.notices[IPC_NOTICE_TOO_MANY_TAKERS], 1);

        /* Others may be held, and one that is answered makes room. */
        test_send(&t, fd, CALL("Hold", NAMED("b")));
        ck_assert(example_release(&t.example, "a"));
        test_send(&t, fd, CALL("Take", NAMED("c")));
        ck_assert_uint_eq(t.example.n_held, IPC_PARKED_PER_UID + 2);
}
END_TEST

START_TEST(reading_stops_when_too_many_replies_wait) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &(IpcServerConfig){ .limits = { .n_replies_outstanding = 3 } });
        fd = test_connect(&t);
        test_send(&t, fd,
                  CALL("Hold", NAMED("a")) CALL("Count", "{}") CALL("Hold", NAMED("b")) CALL("Count", "{}"));
        ck_assert_uint_eq(t.example.n_counted, 1);
        ck_assert(example_release(&t.example, "a"));
        test_run(&t);
        ck_assert_uint_eq(t.example.n_counted, 2);
        assert_receives(fd, REPLY(NAMED("a")) REPLY("{\"calls\":1,\"oneway\":0}"));
}
END_TEST

/* Calls of Echo with a value of 'size' bytes until nothing more fits in the socket. Returns how many were
 * sent. */
static unsigned flood(Test *t, int fd, size_t size) {
        _cleanup_(freep) char *message = malloc(size + 256);
        size_t n = 0, sent;
        unsigned n_sent = 0;
        ssize_t k;

        n += (size_t) sprintf(message,
                              "{\"method\":\"org.example.test.Echo\",\"parameters\":{\"value\":{\"x\":\"");
        memset(message + n, 'x', size);
        n += size;
        n += (size_t) sprintf(message + n, "\"}}}") + 1;

        for (;;) {
                for (sent = 0; sent < n; sent += (size_t) k) {
                        k = send(fd, message + sent, n - sent, MSG_NOSIGNAL);
                        if (k < 0)
                                return n_sent;
                        test_run(t);
                }
                n_sent++;
        }
}

START_TEST(client_that_does_not_read_is_not_read_from) {
        _cleanup_(test_done) Test t;
        char buffer[65536];
        size_t n_replies = 0;
        unsigned n_sent;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        n_sent = flood(&t, fd, 1000);
        ck_assert_uint_lt(n_sent, 2000); /* 256 KiB here, and twice what the kernel keeps */
        ck_assert_uint_gt(n_sent, 256);

        /* It reads again, and nothing is lost. */
        for (ssize_t n; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0; test_run(&t))
                for (ssize_t i = 0; i < n; i++)
                        n_replies += buffer[i] == 0;
        ck_assert_uint_eq(n_replies, n_sent);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_SLOW], 0);
}
END_TEST

START_TEST(what_takes_long_goes_on_when_the_others_had_their_turn) {
        _cleanup_(test_done) Test t;
        int busy, gone, other;

        /* Every call takes too long. */
        test_init(&t, &(IpcServerConfig){ .limits = { .turn_us = 1 } });
        busy = test_connect(&t);
        gone = test_connect(&t);
        other = test_connect(&t);
        test_put(busy, CALL_WITH("oneway", "Count", "{}"), 100);
        test_put(gone, CALL_WITH("oneway", "Count", "{}"), 1000);
        test_put(other, CALL("Echo", "{\"value\":{}}"), 1);
        ck_assert_int_eq(shutdown(gone, SHUT_RDWR), 0);
        for (int i = 0; i < 8; i++)
                ck_assert_int_gt(sd_event_run(t.event, 0), 0);
        assert_receives(other, REPLY("{\"value\":{}}"));
        ck_assert_uint_lt(t.example.n_oneway, 100);
        test_run(&t);
        ck_assert_uint_eq(t.example.n_oneway, 1100);
        assert_closed(gone);

        /* A call that waits, and with it what is behind it, ends with its client all the same. */
        gone = test_connect(&t);
        test_put(gone, CALL("Take", NAMED("a")) CALL_WITH("oneway", "Count", "{}"), 1);
        test_close(&t, gone);
        ck_assert_uint_eq(t.example.n_oneway, 1100);
        ck_assert_uint_eq(t.example.n_gone, 1);
}
END_TEST

START_TEST(server_is_wanted_by_who_is_not_busy_and_may_be_read_from) {
        _cleanup_(test_done) Test t;
        int fd, parked;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        parked = test_connect(&t);
        test_send(&t, parked, CALL("Take", NAMED("a")));
        ck_assert(!ipc_server_is_wanted(t.server));
        test_put(parked, CALL("Count", "{}"), 1);
        ck_assert(!ipc_server_is_wanted(t.server));

        test_put(fd, CALL("Count", "{}"), 1);
        ck_assert(ipc_server_is_wanted(t.server));
        test_run(&t);
        ck_assert(!ipc_server_is_wanted(t.server));

        /* Its user takes a second, and is seen to be busy when it is served. */
        ipc_users_took(&t.server->users, t.server->users.first, USEC_PER_SEC, 1, boottime_us());
        test_send(&t, fd, CALL("Count", "{}"));
        test_put(fd, CALL("Count", "{}"), 1);
        ck_assert(!ipc_server_is_wanted(t.server));

        test_close(&t, fd);
        test_close(&t, parked);
        ck_assert_uint_eq(t.server->n_expected, 0);
}
END_TEST

START_TEST(client_that_does_not_read_for_long_is_closed) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &(IpcServerConfig){ .limits = { .output_timeout_us = 1000 } });
        fd = test_connect(&t);
        (void) flood(&t, fd, 1000);
        while (t.notices[IPC_NOTICE_SLOW] == 0)
                ck_assert_int_gt(sd_event_run(t.event, USEC_PER_SEC), 0);
        ck_assert_int_eq(send(fd, "", 1, MSG_NOSIGNAL), -1);
        ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(watcher_that_does_not_read_is_closed_at_the_mark) {
        static const char tick[] = CALL("Tick", "{\"name\":\"w\",\"n\":1}");
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &(IpcServerConfig){ .limits = { .output_max = 100000 } });
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd, CALL_WITH("more", "Watch", NAMED("w")));
        for (int i = 0; i < 20000 && t.notices[IPC_NOTICE_SLOW] == 0; i++) {
                test_send(&t, other, tick);
                assert_receives(other, REPLY("{}"));
        }
        ck_assert_uint_eq(t.notices[IPC_NOTICE_SLOW], 1);
        ck_assert_uint_eq(t.example.n_gone, 1);
        ck_assert_int_eq(send(fd, "", 1, MSG_NOSIGNAL), -1);
}
END_TEST

START_TEST(replies_that_wait_for_one_another_count_as_unread) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &(IpcServerConfig){ .limits = { .output_pause = 100 } });
        fd = test_connect(&t);
        test_send(&t, fd,
                  CALL("Hold", NAMED("a")) CALL("Count", "{}") CALL("Count", "{}") CALL("Count", "{}")
                          CALL("Count", "{}"));
        ck_assert_uint_eq(t.example.n_counted, 3);
        ck_assert(example_release(&t.example, "a"));
        test_run(&t);
        ck_assert_uint_eq(t.example.n_counted, 4);
}
END_TEST

/* Who may ---- */

static unsigned policy_reader(const IpcPeer *peer, void *userdata) {
        ck_assert_uint_eq(peer->uid, getuid());
        ck_assert_int_eq(peer->pid, getpid());
        return IPC_GRANT_READ;
}

START_TEST(missing_grant_is_named) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &(IpcServerConfig){ .policy = policy_reader });
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Administer", "{\"unknown\":1}"));
        assert_receives(fd, ERROR("org.varlink.service.PermissionDenied", "{\"grant\":\"admin\"}"));
        ck_assert_uint_eq(t.notices[IPC_NOTICE_DENIED], 1);
}
END_TEST

static unsigned policy_changing(const IpcPeer *peer, void *userdata) {
        const Test *t = userdata;

        return t->grants;
}

static const char *written_somewhere(const IpcPeer *peer, char *buffer, size_t size, void *userdata) {
        (void) snprintf(buffer, size, "rules:%u", peer->uid == getuid());
        return buffer;
}

/* How often a connection lost something. */
static void on_updated(IpcConnection *connection, unsigned lost, void *userdata) {
        unsigned *n = userdata;

        *n += lost != 0;
}

#define DENIED(grant) \
        ERROR("org.varlink.service.PermissionDenied", "{\"grant\":\"" grant "\",\"rule\":\"rules:1\"}")

START_TEST(what_is_granted_may_change) {
        int watching, taking, holding;
        _cleanup_(test_done) Test t;
        unsigned n_lost = 0;

        test_init(&t, &(IpcServerConfig){ .policy = policy_changing, .policy_source = written_somewhere });
        t.grants = _IPC_GRANT_ALL;
        watching = test_connect(&t);
        taking = test_connect(&t);
        holding = test_connect(&t);
        test_send(&t, watching, CALL_WITH("more", "Watch", NAMED("a")) CALL("Count", "{}"));
        test_send(&t, taking, CALL("Take", NAMED("b")) CALL("Take", NAMED("c")));
        test_send(&t, holding, CALL("Hold", NAMED("d")));

        /* Who waits for what it may not have any more is told, and its next call as well. */
        t.grants = IPC_GRANT_READ;
        ipc_server_update_grants(t.server, on_updated, &n_lost);
        test_run(&t);
        ck_assert_uint_eq(n_lost, 3);
        ck_assert_uint_eq(t.example.n_gone, 1);
        assert_receives(taking, DENIED("serve") DENIED("serve"));
        assert_receives(watching, "");

        t.grants = 0;
        ipc_server_update_grants(t.server, NULL, NULL);
        test_run(&t);
        ck_assert_uint_eq(t.example.n_gone, 2);
        assert_receives(watching, DENIED("read") REPLY("{\"calls\":1,\"oneway\":0}"));

        /* What does not wait for anything goes on, and so do the connections. */
        ck_assert(example_release(&t.example, "d"));
        test_run(&t);
        assert_receives(holding, REPLY(NAMED("d")));
        t.grants = IPC_GRANT_SERVE;
        ipc_server_update_grants(t.server, on_updated, &n_lost);
        ck_assert_uint_eq(n_lost, 3);
        test_send(&t, taking, CALL("Take", NAMED("e")));
        ck_assert(example_release(&t.example, "e"));
        test_run(&t);
        assert_receives(taking, REPLY(NAMED("e")));
}
END_TEST

START_TEST(own_uid_may_everything_by_default) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Administer", "{}"));
        assert_receives(fd, REPLY("{}"));
}
END_TEST

static gid_t some_groups[] = { 200, 300 };

static const struct {
        IpcPeer peer;
        gid_t group;
        unsigned grants;
} policies[] = {
        { { .uid = 0, .gid = 0 }, 0, _IPC_GRANT_ALL },
        { { .uid = 100000, .gid = 100 }, 300, 0 },
        { { .uid = 100000, .gid = 300 }, 300, IPC_GRANT_READ | IPC_GRANT_SEND | IPC_GRANT_SERVE },
        { { .uid = 100000, .gid = 100, .groups = some_groups, .n_groups = 2 },
          300,
          IPC_GRANT_READ | IPC_GRANT_SEND | IPC_GRANT_SERVE },
        { { .uid = 100000, .gid = 100, .groups = some_groups, .n_groups = 1 }, 300, 0 },
        /* No group is configured: root's, which is 0, is not meant. */
        { { .uid = 100000, .gid = 0 }, 0, 0 },
};

START_TEST(group_may_what_programs_need) {
        ck_assert_uint_eq(ipc_peer_default_grants(&policies[_i].peer, policies[_i].group),
                          policies[_i].grants);
}
END_TEST

/* The rest ---- */

static void count_free(void *data) {
        ++*(unsigned *) data;
}

START_TEST(data_lives_as_long_as_its_connection) {
        _cleanup_(test_done) Test t;
        unsigned n_a = 0, n_a2 = 0, n_b = 0;
        IpcConnection *c;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")));
        c = ipc_call_get_connection(t.example.held[0].call);
        ck_assert_int_eq(ipc_connection_get_peer(c)->pid, getpid());

        ck_assert_ptr_null(ipc_connection_get_data(c, "a"));
        ck_assert_int_eq(ipc_connection_set_data(c, &n_a, &n_a, count_free), 0);
        ck_assert_int_eq(ipc_connection_set_data(c, &n_b, &n_b, count_free), 0);
        ck_assert_ptr_eq(ipc_connection_get_data(c, &n_a), &n_a);
        ck_assert_ptr_eq(ipc_connection_get_data(c, &n_b), &n_b);
        ck_assert_int_eq(ipc_connection_set_data(c, &n_a, &n_a2, count_free), 0);
        ck_assert_ptr_eq(ipc_connection_get_data(c, &n_a), &n_a2);
        ck_assert_uint_eq(n_a, 1);

        test_close(&t, fd);
        ck_assert_uint_eq(n_a, 1);
        ck_assert_uint_eq(n_a2, 1);
        ck_assert_uint_eq(n_b, 1);
}
END_TEST

/* None, as many as users are in, and more than are asked for at first. */
static const size_t group_counts[] = { 0, 3, 50 };

START_TEST(peer_has_its_groups) {
        _cleanup_(ipc_peer_done) IpcPeer peer = IPC_PEER_NULL;
        gid_t groups[64];
        int fds[2], n;

        for (gid_t i = 0; i < ELEMENTSOF(groups); i++)
                groups[i] = 1000 + i;
        (void) setgroups(group_counts[_i], groups); /* root may, others have theirs */
        n = getgroups(ELEMENTSOF(groups), groups);
        ck_assert_int_ge(n, 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(ipc_peer_init(&peer, fds[0]), 0);
        ck_assert_uint_eq(peer.gid, getgid());
        ck_assert_uint_eq(peer.n_groups, (size_t) n);
        for (int i = 0; i < n; i++)
                ck_assert(ipc_peer_is_member(&peer, groups[i]));
        ck_assert(!ipc_peer_is_member(&peer, 123456));
        close_fd(fds[0]);
        close_fd(fds[1]);
}
END_TEST

START_TEST(grants_have_names) {
        ck_assert_str_eq(ipc_grant_to_string(IPC_GRANT_READ), "read");
        ck_assert_str_eq(ipc_grant_to_string(IPC_GRANT_SEND | IPC_GRANT_SERVE), "send");
        ck_assert_str_eq(ipc_grant_to_string(IPC_GRANT_SERVE), "serve");
        ck_assert_str_eq(ipc_grant_to_string(IPC_GRANT_ADMIN), "admin");
}
END_TEST

START_TEST(interface_name_is_unique) {
        _cleanup_(test_done) Test t;

        test_init(&t, &defaults);
        ck_assert_int_eq(ipc_server_add_interface(t.server, &example_interface, &t.example), -EEXIST);
}
END_TEST

/* A listening socket of the abstract namespace, which leaves nothing behind. */
static int listen_somewhere(struct sockaddr_un *address, socklen_t *size) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        *size = sizeof(*address);
        ck_assert_int_eq(bind(fd, (struct sockaddr *) address, sizeof(sa_family_t)), 0);
        ck_assert_int_eq(listen(fd, 16), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *) address, size), 0);
        return fd;
}

static int connect_to(const struct sockaddr_un *address, socklen_t size) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        if (connect(fd, (const struct sockaddr *) address, size) < 0)
                return close_fd(fd);
        return fd;
}

START_TEST(listening_socket_is_accepted_from_until_told) {
        _cleanup_(close_fdp) int before = -1;
        _cleanup_(test_done) Test t;
        struct sockaddr_un address;
        socklen_t size;

        test_init(&t, &defaults);
        ck_assert_int_eq(ipc_server_listen(t.server, listen_somewhere(&address, &size)), 0);
        before = connect_to(&address, size);
        ck_assert_int_ge(before, 0);
        test_send(&t, before, CALL("Count", "{}"));
        assert_receives(before, REPLY("{\"calls\":1,\"oneway\":0}"));

        ipc_server_stop_accepting(t.server);
        ck_assert_int_eq(connect_to(&address, size), -1);
        test_send(&t, before, CALL("Count", "{}"));
        assert_receives(before, REPLY("{\"calls\":2,\"oneway\":0}"));
}
END_TEST

START_TEST(accepting_pauses_when_there_are_no_fds) {
        _cleanup_(close_fdp) int fd = -1;
        _cleanup_(test_done) Test t;
        struct sockaddr_un address;
        struct rlimit files;
        socklen_t size;

        test_init(&t, &(IpcServerConfig){ .limits = { .accept_retry_us = 1000 } });
        ck_assert_int_eq(ipc_server_listen(t.server, listen_somewhere(&address, &size)), 0);
        fd = connect_to(&address, size);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
        ck_assert_int_eq(
                setrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_cur = 3, .rlim_max = files.rlim_max }), 0);
        ck_assert_int_gt(sd_event_run(t.event, 0), 0);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_ACCEPT_FAILED], 1);
        ck_assert_int_eq(sd_event_run(t.event, 0), 0);

        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
        ck_assert_int_gt(sd_event_run(t.event, 10 * USEC_PER_SEC), 0); /* the timer */
        test_send(&t, fd, CALL("Count", "{}"));
        assert_receives(fd, REPLY("{\"calls\":1,\"oneway\":0}"));
}
END_TEST

static Suite *limits_suite(void) {
        Suite *suite = suite_create("ipc-limits");
        TCase *t;

        t = tcase_create("limits");
        tcase_add_test(t, uid_has_64_connections);
        tcase_add_test(t, all_users_together_have_a_limit);
        tcase_add_loop_test(t, who_is_over_a_limit_is_told_which, 0, ELEMENTSOF(refusals));
        tcase_add_test(t, uid_has_16_waiting_takes);
        tcase_add_test(t, reading_stops_when_too_many_replies_wait);
        tcase_add_test(t, client_that_does_not_read_is_not_read_from);
        tcase_add_test(t, what_takes_long_goes_on_when_the_others_had_their_turn);
        tcase_add_test(t, server_is_wanted_by_who_is_not_busy_and_may_be_read_from);
        tcase_add_test(t, client_that_does_not_read_for_long_is_closed);
        tcase_add_test(t, watcher_that_does_not_read_is_closed_at_the_mark);
        tcase_add_test(t, replies_that_wait_for_one_another_count_as_unread);
        suite_add_tcase(suite, t);

        t = tcase_create("grants");
        tcase_add_test(t, missing_grant_is_named);
        tcase_add_test(t, what_is_granted_may_change);
        tcase_add_test(t, own_uid_may_everything_by_default);
        tcase_add_loop_test(t, group_may_what_programs_need, 0, ELEMENTSOF(policies));
        tcase_add_loop_test(t, peer_has_its_groups, 0, ELEMENTSOF(group_counts));
        tcase_add_test(t, grants_have_names);
        suite_add_tcase(suite, t);

        t = tcase_create("rest");
        tcase_add_test(t, data_lives_as_long_as_its_connection);
        tcase_add_test(t, interface_name_is_unique);
        tcase_add_test(t, listening_socket_is_accepted_from_until_told);
        tcase_add_test(t, accepting_pauses_when_there_are_no_fds);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(limits_suite)
