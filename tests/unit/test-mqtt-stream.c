/* SPDX-License-Identifier: MIT */

/* A stream at one end of a socket pair, and OpenSSL at the other, without certificates. */

#include <mqtt/stream.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "unit.h"

static SSL_CTX *ctx;
static SSL *peer;

static void set_up(void) {
        ctx = SSL_CTX_new(TLS_method());
        ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0"), 1);
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
        (void) SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void tear_down(void) {
        SSL_CTX_free(ctx);
}

static SSL *session_new(int fd) {
        SSL *ssl = SSL_new(ctx);

        ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
        return ssl;
}

static void stream_open(MqttStream *s) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        *s = (MqttStream){ .fd = fds[0], .ssl = session_new(fds[0]) };
        ck_assert_int_eq(mqtt_websocket_new(&s->websocket), 0);
        peer = session_new(fds[1]);
        SSL_set_connect_state(s->ssl);
        SSL_set_accept_state(peer);
        while ((SSL_do_handshake(s->ssl) == 1) + (SSL_do_handshake(peer) == 1) < 2)
                ck_assert_uint_eq(ERR_peek_error(), 0);
}

static void stream_close(MqttStream *s) {
        mqtt_stream_done(s);
        (void) close(SSL_get_fd(peer));
        SSL_free(peer);
}

/* Fills what the socket can hold; returns how much that is. */
static size_t fill(int fd) {
        size_t n = 0;

        while (send(fd, "", 1, MSG_NOSIGNAL) == 1)
                n++;
        return n;
}

START_TEST(an_answer_for_which_there_was_no_room_leaves_when_there_is) {
        static const uint8_t ping[] = { 0x89, 1, 'p' };
        uint8_t bytes[64];
        MqttStream s;
        MqttFault fault;
        size_t n_filled;

        stream_open(&s);
        n_filled = fill(s.fd);
        ck_assert_int_eq(SSL_write(peer, ping, sizeof(ping)), sizeof(ping));
        ck_assert_int_eq(mqtt_stream_read(&s, bytes, sizeof(bytes), &fault), 0);
        ck_assert(s.wants_write);
        while (n_filled > 0)
                n_filled -= (size_t) recv(SSL_get_fd(peer), bytes, MIN(n_filled, sizeof(bytes)), 0);

        s.is_readable = s.is_writable = true;
        ck_assert_int_eq(mqtt_stream_read(&s, bytes, sizeof(bytes), &fault), 0);
        ck_assert_int_eq(SSL_read(peer, bytes, sizeof(bytes)), 7);
        ck_assert_uint_eq(bytes[0], 0x8a);
        stream_close(&s);
}
END_TEST

static Suite *stream_suite(void) {
        Suite *s = suite_create("mqtt-stream");
        TCase *t = tcase_create("stream");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, an_answer_for_which_there_was_no_room_leaves_when_there_is);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(stream_suite)
