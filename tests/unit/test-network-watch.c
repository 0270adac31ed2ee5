/* SPDX-License-Identifier: MIT */

#include "daemon/network-watch.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "tests/unit/unit.h"

#define BEGIN_US (100 * USEC_PER_SEC)

/* In place of the kernel: the other end of the socket, or -1, and then there is none to be had. */
static struct {
        int given, kernel;
        bool has_overflowed; /* it has told more than there is room for */
} ends;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's own are reserved names */
int socket(int domain, int type, int protocol) {
        ck_assert_int_eq(domain, AF_NETLINK);
        if (ends.given < 0)
                errno = EAFNOSUPPORT;
        return ends.given;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's own are reserved names */
int bind(int fd, const struct sockaddr *address, socklen_t n) {
        return 0;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's own are reserved names */
ssize_t recvfrom(int fd, void *buffer, size_t n, int flags, struct sockaddr *address, socklen_t *n_address) {
        if (ends.has_overflowed) {
                ends.has_overflowed = false;
                errno = ENOBUFS;
                return -1;
        }
        return recv(fd, buffer, n, flags);
}

typedef struct Fixture {
        Log log;
        NetworkWatch *watch;
        unsigned n_gone, n_up;
} Fixture;

static NetworkAddress get_local(void *userdata) {
        return (NetworkAddress){ .family = AF_UNSPEC };
}

static NetworkAddress get_local_v4(void *userdata) {
        return (NetworkAddress){ .family = AF_INET, .bytes = { 192, 0, 2, 2 } };
}

static void on_gone(void *userdata) {
        ((Fixture *) userdata)->n_gone++;
}

static void on_up(void *userdata) {
        ((Fixture *) userdata)->n_up++;
}

static const NetworkWatchOps ops = { get_local, on_gone, on_up };
static const NetworkWatchOps ops_connected = { get_local_v4, on_gone, on_up };

static void tell(const void *message, size_t n, Fixture *f, uint64_t now_us) {
        ck_assert_int_eq(send(ends.kernel, message, n, 0), (ssize_t) n);
        network_watch_dispatch(f->watch, now_us);
}

static void tell_link(Fixture *f, unsigned flags, uint64_t now_us) {
        struct {
                struct nlmsghdr header;
                struct ifinfomsg body;
        } m = { { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWLINK },
                { .ifi_index = 2, .ifi_flags = flags } };

        tell(&m, sizeof(m), f, now_us);
}

static void tell_address(Fixture *f, uint64_t now_us) {
        struct {
                struct nlmsghdr header;
                struct ifaddrmsg body;
                struct rtattr attribute;
                uint8_t address[4];
        } m = { { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWADDR },
                { .ifa_family = AF_INET, .ifa_index = 2 },
                { .rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL },
                { 192, 0, 2, 2 } };

        tell(&m, sizeof(m), f, now_us);
}

/* What the watch has asked for; 0: nothing. */
static uint16_t take_question(void) {
        struct nlmsghdr request;

        if (recv(ends.kernel, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC) < 0)
                return 0;
        ck_assert_uint_eq(request.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
        return request.nlmsg_type;
}

static void tell_done(Fixture *f) {
        struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };

        tell(&done, sizeof(done), f, BEGIN_US);
}

/* The same, which is answered by nothing. */
static uint16_t answer(Fixture *f) {
        uint16_t question = take_question();

        if (question != 0)
                tell_done(f);
        return question;
}

static void fixture_make(Fixture *f, const NetworkWatchOps *with) {
        int fds[2];

        *f = (Fixture){ .log = { .max_level = -1 } };
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        ends.given = fds[0];
        ends.kernel = fds[1];
        ck_assert_int_eq(network_watch_new(&f->watch, &f->log, with, f), 0);
        ck_assert_int_eq(network_watch_get_fd(f->watch), fds[0]);
}

/* Interface 2 runs and has an address. */
static void fixture_make_running(Fixture *f, const NetworkWatchOps *with) {
        fixture_make(f, with);
        tell_link(f, IFF_UP | IFF_RUNNING, BEGIN_US);
        tell_address(f, BEGIN_US);
        while (answer(f) != 0)
                ;
}

static void fixture_done(Fixture *f) {
        f->watch = network_watch_free(f->watch);
        ends.kernel = close_fd(ends.kernel);
}

START_TEST(everything_is_asked_for_and_what_is_there_is_no_news) {
        Fixture f;

        fixture_make(&f, &ops);
        ck_assert_uint_eq(answer(&f), RTM_GETLINK);
        tell_link(&f, IFF_UP | IFF_RUNNING, BEGIN_US);
        ck_assert_uint_eq(answer(&f), RTM_GETADDR);
        tell_address(&f, BEGIN_US);
        ck_assert_uint_eq(answer(&f), RTM_GETROUTE);
        ck_assert_uint_eq(answer(&f), 0);
        ck_assert_uint_eq(network_watch_deadline_us(f.watch), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(a_carrier_that_goes_is_told_at_once_to_whom_it_concerns) {
        Fixture f;

        fixture_make_running(&f, &ops_connected);
        tell_link(&f, IFF_UP, BEGIN_US);
        ck_assert_uint_eq(f.n_gone, 1);
        fixture_done(&f);

        fixture_make_running(&f, &ops);
        tell_link(&f, IFF_UP, BEGIN_US);
        ck_assert_uint_eq(f.n_gone, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(a_network_that_comes_back_is_told_after_a_moment_and_once_in_ten_seconds) {
        uint64_t due_us;
        Fixture f;

        fixture_make_running(&f, &ops);
        tell_link(&f, IFF_UP, BEGIN_US);
        tell_link(&f, IFF_UP | IFF_RUNNING, BEGIN_US);
        due_us = network_watch_deadline_us(f.watch);
        ck_assert_uint_ge(due_us, BEGIN_US + NETWORK_SETTLE_US);
        ck_assert_uint_lt(due_us, BEGIN_US + NETWORK_SETTLE_US + NETWORK_SPLAY_US);

        /* More news before that changes nothing. */
        tell_link(&f, IFF_UP, BEGIN_US + 1);
        tell_link(&f, IFF_UP | IFF_RUNNING, BEGIN_US + 1);
        ck_assert_uint_eq(network_watch_deadline_us(f.watch), due_us);
        network_watch_run_due(f.watch, due_us - 1);
        ck_assert_uint_eq(f.n_up, 0);
        network_watch_run_due(f.watch, due_us);
        ck_assert_uint_eq(f.n_up, 1);
        ck_assert_uint_eq(network_watch_deadline_us(f.watch), UINT64_MAX);

        tell_link(&f, IFF_UP, due_us + 1);
        tell_link(&f, IFF_UP | IFF_RUNNING, due_us + 1);
        ck_assert_uint_eq(network_watch_deadline_us(f.watch), due_us + NETWORK_EVERY_US);
        fixture_done(&f);
}
END_TEST

static void overflow(Fixture *f) {
        ends.has_overflowed = true;
        network_watch_dispatch(f->watch, BEGIN_US);
}

START_TEST(what_was_missed_is_asked_for_again) {
        Fixture f;

        fixture_make_running(&f, &ops_connected);
        overflow(&f);
        ck_assert_uint_eq(f.n_gone, 1);
        ck_assert_uint_ne(network_watch_deadline_us(f.watch), UINT64_MAX);
        ck_assert_uint_eq(answer(&f), RTM_GETLINK);
        ck_assert_uint_eq(answer(&f), RTM_GETADDR);
        ck_assert_uint_eq(answer(&f), RTM_GETROUTE);
        ck_assert_uint_eq(answer(&f), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(what_is_missed_while_it_answers_is_asked_for_when_it_has) {
        Fixture f;

        fixture_make(&f, &ops);
        ck_assert_uint_eq(answer(&f), RTM_GETLINK);
        ck_assert_uint_eq(take_question(), RTM_GETADDR);
        overflow(&f);
        ck_assert_uint_eq(take_question(), 0); /* it takes one at a time */
        tell_done(&f);
        ck_assert_uint_eq(answer(&f), RTM_GETLINK);
        ck_assert_uint_eq(answer(&f), RTM_GETADDR);
        ck_assert_uint_eq(answer(&f), RTM_GETROUTE);
        ck_assert_uint_eq(answer(&f), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(where_the_kernel_does_not_let_us_listen_nothing_is_told) {
        Fixture f = { .log = { .max_level = -1 } };

        ends.given = -1;
        ck_assert_int_eq(network_watch_new(&f.watch, &f.log, &ops, &f), 0);
        ck_assert_int_eq(network_watch_get_fd(f.watch), -1);
        ck_assert_uint_eq(network_watch_deadline_us(f.watch), UINT64_MAX);
        network_watch_run_due(f.watch, BEGIN_US);
        ck_assert_uint_eq(f.n_up, 0);
        f.watch = network_watch_free(f.watch);
}
END_TEST

static Suite *network_watch_suite(void) {
        Suite *s = suite_create("network-watch");
        TCase *t = tcase_create("network_watch");

        tcase_add_test(t, everything_is_asked_for_and_what_is_there_is_no_news);
        tcase_add_test(t, a_carrier_that_goes_is_told_at_once_to_whom_it_concerns);
        tcase_add_test(t, a_network_that_comes_back_is_told_after_a_moment_and_once_in_ten_seconds);
        tcase_add_test(t, what_was_missed_is_asked_for_again);
        tcase_add_test(t, what_is_missed_while_it_answers_is_asked_for_when_it_has);
        tcase_add_test(t, where_the_kernel_does_not_let_us_listen_nothing_is_told);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(network_watch_suite)
