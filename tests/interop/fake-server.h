/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A scripted server: a thread accepts one connection after another and runs the script over
 * each, in blocking calls that give up after 10 s. It does what it is told, however wrong that is.
 */

#include <openssl/ssl.h>
#include <pthread.h>

#include "pki.h"
#include "util/util.h"

typedef struct FakeServer FakeServer;

/* Plays one connection. The server closes 'fd' when it returns. */
typedef void (*FakeScript)(FakeServer *s, int fd);

struct FakeServer {
        const Pki *pki;
        const char *certificate; /* which of the Pki's servers it is; "server" */
        const char *client_ca;   /* clients need a certificate of this authority; NULL: they are not asked */
        int max_version;         /* of TLS; 0: the newest */
        SSL_CTX *ctx;        /* for all connections, so that they can share a session; NULL: one for each */
        const char *address; /* "127.0.0.1" */
        FakeScript script;
        void *userdata;
        uint16_t port;
        int listen_fd;
        pthread_t thread;
};

/* Fill in the first members, then start. */
void fake_server_start(FakeServer *s);
void fake_server_stop(FakeServer *s);

/* Makes what 'ctx' can be, from the members above it. */
SSL_CTX *fake_server_context_new(const FakeServer *s);

/* Does the handshake; NULL: it failed. Free it with fake_server_close_tls(). */
SSL *fake_server_open_tls(FakeServer *s, int fd);
void fake_server_close_tls(SSL *ssl);

typedef struct FakePacket {
        unsigned type, flags;
        size_t n_body;
        uint8_t body[400000];
} FakePacket;

/* Reads one packet; false: the connection is closed. */
bool fake_server_read(SSL *ssl, FakePacket *ret);

/* Writes bytes; false: the connection is closed. */
bool fake_server_write(SSL *ssl, const void *bytes, size_t n);

/* Does the handshake, reads CONNECT, answers with an accepting CONNACK. NULL: the client went away. */
SSL *fake_server_accept_mqtt(FakeServer *s, int fd);

/* Reads until the client closes. */
void fake_server_read_to_end(SSL *ssl);

/* Two scripts: does the handshake, or also accepts CONNECT; then reads until the client closes. */
void fake_script_tls(FakeServer *s, int fd);
void fake_script_mqtt(FakeServer *s, int fd);
