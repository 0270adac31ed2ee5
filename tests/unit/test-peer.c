/* SPDX-License-Identifier: MIT */

/* The scripted server of the tests, against bytes that are written out here. */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "peer/peer.h"
#include "unit-span.h"

#define TEXT(literal) AZ_SPAN_FROM_STR(literal)

/* Clean start, keep-alive 60 s, session expiry 1 h, client "c"; the same without clean start. */
#define CONNECT        "\x10\x13\0\4MQTT\5\2\0\x3c\5\x11\0\0\x0e\x10\0\1c"
#define CONNECT_AGAIN  "\x10\x13\0\4MQTT\5\0\0\x3c\5\x11\0\0\x0e\x10\0\1c"
#define CONNACK        "\x20\3\0\0\0"
#define CONNACK_KEPT   "\x20\3\1\0\0"
#define PUBLISH        "\x32\6\0\1t\0\7\0"
#define PUBLISH_AGAIN  "\x3a\6\0\1t\0\7\0"
#define PUBACK         "\x40\2\0\7"
#define BYTES(literal) (const uint8_t *) (literal), sizeof(literal) - 1

static int client_open(Peer *p) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(peer_get_port(p)) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ck_assert_int_eq(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        return fd;
}

/* Waits until one of them has something; the peer does what it has to do. */
static void turn(Peer *p, int fd) {
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = peer_get_fd(p), .events = POLLIN } };

        ck_assert_int_gt(poll(fds, 2, 10000), 0);
        if (fds[1].revents != 0)
                peer_dispatch(p);
}

static void client_write(int fd, const uint8_t *bytes, size_t n) {
        ck_assert_int_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t) n);
}

static void client_expect(Peer *p, int fd, const uint8_t *bytes, size_t n) {
        uint8_t got[256];
        size_t n_got = 0;

        while (n_got < n) {
                ssize_t r = recv(fd, got + n_got, n - n_got, MSG_DONTWAIT);

                if (r < 0)
                        turn(p, fd);
                else
                        ck_assert_int_gt(r, 0);
                n_got += r > 0 ? (size_t) r : 0;
        }
        ck_assert_mem_eq(got, bytes, n);
}

static void client_expect_end(Peer *p, int fd) {
        uint8_t byte;
        ssize_t r;

        while ((r = recv(fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
                turn(p, fd);
        ck_assert_int_le(r, 0);
        close(fd);
}

static int client_connect(Peer *p) {
        int fd = client_open(p);

        client_write(fd, BYTES(CONNECT));
        client_expect(p, fd, BYTES(CONNACK));
        ck_assert(peer_is_connected(p));
        return fd;
}

START_TEST(peer_answers_as_a_server_does) {
        static const struct {
                PeerPacketType type;
                const uint8_t *sent;
                size_t n_sent;
                const uint8_t *answer;
                size_t n_answer;
        } rows[] = {
                { PEER_PUBLISH, BYTES(PUBLISH), BYTES(PUBACK) },
                { PEER_SUBSCRIBE, BYTES("\x82\7\0\5\0\0\1f\1"), BYTES("\x90\4\0\5\0\0") },
                { PEER_UNSUBSCRIBE, BYTES("\xa2\6\0\6\0\0\1f"), BYTES("\xb0\4\0\6\0\0") },
                { PEER_PINGREQ, BYTES("\xc0\0"), BYTES("\xd0\0") },
                { PEER_AUTH, BYTES("\xf0\2\x19\0"), BYTES("\xf0\2\0\0") },
        };
        Peer *p = peer_new();
        int fd = client_connect(p);

        client_write(fd, rows[_i].sent, rows[_i].n_sent);
        client_expect(p, fd, rows[_i].answer, rows[_i].n_answer);
        ck_assert_uint_eq(peer_count(p, rows[_i].type), 1);
        ck_assert_ptr_nonnull(peer_get(p, rows[_i].type, 0));
        ck_assert_ptr_null(peer_get(p, rows[_i].type, 1));
        close(fd);
        peer_free(p);
}
END_TEST

START_TEST(peer_reads_what_is_in_a_publish) {
        static const uint8_t publish[] = "\x33\x24\0\1t\0\7\x1c"
                                         "\1\1\2\0\0\0\x0a\3\0\2cc\x08\0\2rr\x09\0\2\0\xff"
                                         "\x26\0\1k\0\0"
                                         "hi";
        Peer *p = peer_new();
        int fd = client_connect(p);
        const az_mqtt_message *m;

        client_write(fd, publish, sizeof(publish) - 1);
        client_expect(p, fd, BYTES(PUBACK));
        m = &peer_get(p, PEER_PUBLISH, 0)->message;
        ck_assert_span_eq(m->topic, "t");
        ck_assert_span_eq(m->payload, "hi");
        ck_assert(m->qos == 1 && m->retain && !m->dup && m->has_payload_format && m->payload_format == 1);
        ck_assert(m->has_message_expiry && m->message_expiry_s == 10);
        ck_assert_span_eq(m->content_type, "cc");
        ck_assert_span_eq(m->response_topic, "rr");
        ck_assert_int_eq(az_span_size(m->correlation_data), 2);
        ck_assert_ptr_nonnull(az_span_ptr(peer_message_find(m, "k")));
        ck_assert_int_eq(az_span_size(peer_message_find(m, "k")), 0);
        ck_assert_ptr_null(az_span_ptr(peer_message_find(m, "K")));
        close(fd);
        peer_free(p);
}
END_TEST

START_TEST(peer_does_what_the_script_says_and_then_as_ever) {
        const PeerProperty why = { PEER_REASON_STRING, .value = TEXT("no") };
        Peer *p = peer_new();
        int fd;

        peer_script(p, PEER_CONNECT, (PeerAnswer){ .reason = 0x88 });
        peer_script(p, PEER_PUBLISH, (PeerAnswer){ .reason = 0x97, .properties = &why, .n_properties = 1 });
        peer_script(p, PEER_PUBLISH, (PeerAnswer){ .action = PEER_CLOSE });
        fd = client_open(p);
        client_write(fd, BYTES(CONNECT));
        client_expect(p, fd, BYTES("\x20\3\0\x88\0"));
        client_expect_end(p, fd);

        fd = client_connect(p);
        client_write(fd, BYTES(PUBLISH));
        client_expect(p, fd, BYTES("\x40\x09\0\7\x97\5\x1f\0\2no"));
        client_write(fd, BYTES(PUBLISH));
        client_expect_end(p, fd);
        ck_assert(!peer_is_connected(p));

        fd = client_connect(p);
        client_write(fd, BYTES(PUBLISH));
        client_expect(p, fd, BYTES(PUBACK));
        ck_assert_uint_eq(peer_n_connections(p), 3);
        close(fd);
        peer_free(p);
}
END_TEST

START_TEST(peer_keeps_the_session_of_a_connection_that_it_closed) {
        Peer *p = peer_new();
        int fd = client_connect(p);

        peer_script(p, PEER_PUBLISH, (PeerAnswer){ .action = PEER_DROP });
        client_write(fd, BYTES(PUBLISH));
        while (peer_count(p, PEER_PUBLISH) == 0)
                turn(p, fd);
        peer_close(p);
        client_expect_end(p, fd);

        fd = client_open(p);
        client_write(fd, BYTES(CONNECT_AGAIN));
        client_expect(p, fd, BYTES(CONNACK_KEPT));
        client_write(fd, BYTES(PUBLISH_AGAIN));
        client_expect(p, fd, BYTES(PUBACK));
        ck_assert(peer_get(p, PEER_PUBLISH, 1)->message.dup);
        peer_close(p);
        client_expect_end(p, fd);

        peer_forget_session(p);
        fd = client_open(p);
        client_write(fd, BYTES(CONNECT_AGAIN));
        client_expect(p, fd, BYTES(CONNACK));
        close(fd);
        peer_free(p);
}
END_TEST

START_TEST(peer_sends_what_the_test_sends) {
        const az_mqtt_user_property user = { TEXT("k"), TEXT("v") };
        const az_mqtt_message m = {
                .topic = TEXT("t"),
                .payload = TEXT("hi"),
                .qos = 1,
                .content_type = TEXT("c"),
                .user_properties = &user,
                .n_user_properties = 1,
        };
        Peer *p = peer_new();
        int fd = client_connect(p);

        ck_assert_uint_eq(peer_publish(p, &m, 0), 1);
        client_expect(p, fd, BYTES("\x32\x13\0\1t\0\1\x0b\3\0\1c\x26\0\1k\0\1vhi"));
        client_write(fd, BYTES("\x40\2\0\1"));
        while (peer_count(p, PEER_PUBACK) == 0)
                turn(p, fd);
        ck_assert_uint_eq(peer_get(p, PEER_PUBACK, 0)->id, 1);
        peer_send(p, PEER_DISCONNECT, 0x8b, NULL, 0);
        peer_close(p);
        client_expect(p, fd, BYTES("\xe0\2\x8b\0"));
        client_expect_end(p, fd);
        peer_free(p);
}
END_TEST

START_TEST(peer_leaves_the_answer_to_the_test_where_it_is_told_to) {
        Peer *p = peer_new();
        int fd = client_connect(p);

        peer_ignore(p, PEER_PUBLISH, true);
        client_write(fd, BYTES(PUBLISH));
        while (peer_count(p, PEER_PUBLISH) == 0)
                turn(p, fd);
        peer_answer(p, peer_get(p, PEER_PUBLISH, 0), (PeerAnswer){});
        client_expect(p, fd, BYTES(PUBACK));
        close(fd);
        peer_free(p);
}
END_TEST

/* What ends the program when the client sends it, behind CONNECT. */
static const struct {
        const uint8_t *bytes;
        size_t n;
} violations[] = {
        { BYTES(CONNECT) },                   /* twice */
        { BYTES(PUBLISH PUBLISH) },           /* its identifier is in use: the answer to it is dropped */
        { BYTES("\x34\6\0\1t\0\7\0") },       /* QoS 2 */
        { BYTES("\x32\6\0\1t\0\0\0") },       /* packet identifier 0 */
        { BYTES("\x30\4\0\1+\0") },           /* to a wildcard */
        { BYTES("\x30\6\0\1t\2\x0c\0") },     /* a property that does not exist */
        { BYTES("\x30\x08\0\1t\4\1\0\1\0") }, /* one twice */
        { BYTES("\x80\7\0\5\0\0\1f\1") },     /* SUBSCRIBE without its flags */
        { BYTES("\x82\x0f\0\5\0\0\x09$share/s/\5") }, /* shared, with No Local */
        { BYTES("\x40\2\0\7") },                      /* PUBACK that nobody waits for */
        { BYTES("\xd0\0") },                          /* PINGRESP */
};

START_TEST(peer_ends_the_program_when_the_client_breaks_the_protocol) {
        Peer *p = peer_new();
        int fd = client_connect(p);

        peer_ignore(p, PEER_PUBLISH, true);
        client_write(fd, violations[_i].bytes, violations[_i].n);
        for (;;)
                turn(p, fd);
}
END_TEST

static Suite *peer_suite(void) {
        Suite *s = suite_create("peer");
        TCase *t = tcase_create("peer");

        tcase_add_loop_test(t, peer_answers_as_a_server_does, 0, 5);
        tcase_add_test(t, peer_reads_what_is_in_a_publish);
        tcase_add_test(t, peer_does_what_the_script_says_and_then_as_ever);
        tcase_add_test(t, peer_keeps_the_session_of_a_connection_that_it_closed);
        tcase_add_test(t, peer_sends_what_the_test_sends);
        tcase_add_test(t, peer_leaves_the_answer_to_the_test_where_it_is_told_to);
        tcase_add_loop_test_raise_signal(t, peer_ends_the_program_when_the_client_breaks_the_protocol,
                                         SIGABRT, 0, ELEMENTSOF(violations));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(peer_suite)
