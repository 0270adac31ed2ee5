/* SPDX-License-Identifier: MIT */

/* Which of several addresses gets the connection, and when. */

#include <mqtt/tcp.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "drive.h"
#include "program.h"
#include "tests/unit/unit.h"

#define ADDRESSES_MAX 10

/* A list as the resolver makes it, of text as "127.0.0.1" and "::1". */
typedef struct List {
        struct addrinfo infos[ADDRESSES_MAX];
        struct sockaddr_storage addresses[ADDRESSES_MAX];
        size_t n;
} List;

static void list_add(List *l, const char *host, uint16_t port) {
        struct addrinfo *info = &l->infos[l->n];

        *info = (struct addrinfo){ .ai_addr = (struct sockaddr *) &l->addresses[l->n] };
        if (strchr(host, ':')) {
                struct sockaddr_in6 *a = (struct sockaddr_in6 *) info->ai_addr;

                *a = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
                ck_assert_int_eq(inet_pton(AF_INET6, host, &a->sin6_addr), 1);
                info->ai_addrlen = sizeof(*a);
        } else {
                struct sockaddr_in *a = (struct sockaddr_in *) info->ai_addr;

                *a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
                ck_assert_int_eq(inet_pton(AF_INET, host, &a->sin_addr), 1);
                info->ai_addrlen = sizeof(*a);
        }
        info->ai_family = info->ai_addr->sa_family;
        if (l->n++ > 0)
                l->infos[l->n - 2].ai_next = info;
}

/* Lists what was tried: "127.0.0.1 ::1 ". */
static void on_address(void *userdata, const struct sockaddr *address, socklen_t size) {
        char host[INET6_ADDRSTRLEN], *tried = userdata;

        ck_assert_int_eq(getnameinfo(address, size, host, sizeof(host), NULL, 0, NI_NUMERICHOST), 0);
        (void) strcat(strcat(tried, host), " ");
}

typedef struct Outcome {
        int result, fd;
        uint64_t took_us;
        char tried[512];
} Outcome;

static Outcome connect_to(const List *l, int cancel_fd) {
        Outcome o = { .fd = -1 };
        const MqttTcpJob job = { .addresses = l->infos,
                                 .cancel_fd = cancel_fd,
                                 .user_timeout_ms = 12345,
                                 .on_address = on_address,
                                 .userdata = o.tried };
        uint64_t begin_us = boottime_us();

        o.result = mqtt_tcp_connect(&job, &o.fd);
        o.took_us = boottime_us() - begin_us;
        return o;
}

static int listener_new(uint16_t *ret_port) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, size), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        ck_assert_int_eq(listen(fd, 4), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

/* Nothing listens at any of them. */
static const struct {
        const char *addresses[6], *tried;
} orders[] = {
        { { "127.0.0.1" }, "127.0.0.1 " },
        { { "127.0.0.1", "127.0.0.2" }, "127.0.0.1 127.0.0.2 " },
        { { "::1", "127.0.0.1" }, "::1 127.0.0.1 " },
        { { "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1" }, "127.0.0.1 ::1 127.0.0.2 127.0.0.3 " },
        { { "::1", "::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2" },
          "::1 127.0.0.1 ::ffff:127.0.0.1 127.0.0.2 " },
        { { "127.0.0.1", "::1", "::1", "::1", "127.0.0.2" }, "127.0.0.1 ::1 127.0.0.2 ::1 ::1 " },
};

START_TEST(families_take_turns_and_a_refusal_costs_nothing) {
        uint16_t port = program_find_port();
        List l = {};
        Outcome o;

        for (size_t i = 0; i < ELEMENTSOF(orders[_i].addresses) && orders[_i].addresses[i]; i++)
                list_add(&l, orders[_i].addresses[i], port);
        o = connect_to(&l, -1);
        ck_assert_int_lt(o.result, 0);
        ck_assert_str_eq(o.tried, orders[_i].tried);
        ck_assert_uint_lt(o.took_us, 240 * USEC_PER_MSEC);
}
END_TEST

START_TEST(an_address_that_does_not_answer_costs_a_quarter_of_a_second) {
        DriveDead dead = {};
        uint16_t port;
        int listen_fd = listener_new(&port);
        List l = {};
        Outcome o;

        drive_dead_start(&dead);
        list_add(&l, "127.0.0.1", dead.port);
        list_add(&l, "127.0.0.1", port);
        list_add(&l, "127.0.0.2", port);
        o = connect_to(&l, -1);
        ck_assert_int_eq(o.result, 0);
        ck_assert_uint_ge(o.took_us, 249 * USEC_PER_MSEC);
        ck_assert_uint_lt(o.took_us, 2 * USEC_PER_SEC);
        /* The last word is the address that is connected; the third was not needed. */
        ck_assert_str_eq(o.tried, "127.0.0.1 127.0.0.1 127.0.0.1 ");
        (void) close(o.fd);
        (void) close(listen_fd);
        drive_dead_stop(&dead);
}
END_TEST

START_TEST(a_race_that_is_cancelled_ends_at_once) {
        DriveDead dead = {};
        List l = {};
        Outcome o;
        int cancel_fd = eventfd(0, EFD_CLOEXEC);

        drive_dead_start(&dead);
        for (size_t i = 0; i < 4; i++)
                list_add(&l, "127.0.0.1", dead.port);
        ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
        o = connect_to(&l, cancel_fd);
        ck_assert_int_eq(o.result, -ECANCELED);
        ck_assert_str_eq(o.tried, "127.0.0.1 ");
        (void) close(cancel_fd);
        drive_dead_stop(&dead);
}
END_TEST

static int option_of(int fd, int level, int name) {
        int value = -1;
        socklen_t size = sizeof(value);

        ck_assert_int_eq(getsockopt(fd, level, name, &value, &size), 0);
        return value;
}

START_TEST(the_socket_is_set_up_for_small_packets_and_dead_peers) {
        uint16_t port;
        int listen_fd = listener_new(&port);
        List l = {};
        Outcome o;

        list_add(&l, "127.0.0.1", port);
        o = connect_to(&l, -1);
        ck_assert_int_eq(o.result, 0);
        ck_assert_int_eq(option_of(o.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
        ck_assert_int_eq(option_of(o.fd, IPPROTO_TCP, TCP_NODELAY), 1);
        ck_assert_int_eq(option_of(o.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16384);
        ck_assert_int_eq(fcntl(o.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        ck_assert_int_eq(fcntl(o.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        (void) close(o.fd);
        (void) close(listen_fd);
}
END_TEST

static Suite *tcp_suite(void) {
        Suite *s = suite_create("mqtt-tcp");
        TCase *t = tcase_create("tcp");

        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, families_take_turns_and_a_refusal_costs_nothing, 0, ELEMENTSOF(orders));
        tcase_add_test(t, an_address_that_does_not_answer_costs_a_quarter_of_a_second);
        tcase_add_test(t, a_race_that_is_cancelled_ends_at_once);
        tcase_add_test(t, the_socket_is_set_up_for_small_packets_and_dead_peers);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(tcp_suite)
