/* SPDX-License-Identifier: MIT */

#include "fake-server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "must.h"

static void *server_thread(void *userdata) {
        const struct timeval limit = { .tv_sec = 10 };
        const int yes = 1;
        FakeServer *s = userdata;
        int fd;

        while ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
                s->script(s, fd);
                (void) close(fd);
        }
        return NULL;
}

void fake_server_start(FakeServer *s) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);

        must(inet_pton(AF_INET, s->address ?: "127.0.0.1", &address.sin_addr) == 1, "inet_pton");
        s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(bind(s->listen_fd, (struct sockaddr *) &address, size) == 0, "bind");
        must(getsockname(s->listen_fd, (struct sockaddr *) &address, &size) == 0, "getsockname");
        must(listen(s->listen_fd, 16) == 0, "listen");
        s->port = ntohs(address.sin_port);
        must(pthread_create(&s->thread, NULL, server_thread, s) == 0, "pthread_create");
}

void fake_server_stop(FakeServer *s) {
        (void) shutdown(s->listen_fd, SHUT_RDWR);
        (void) pthread_join(s->thread, NULL);
        s->listen_fd = close_fd(s->listen_fd);
}

SSL_CTX *fake_server_context_new(const FakeServer *s) {
        const char *name = s->certificate ?: "server";
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        char file[64], path[PATH_MAX];

        (void) snprintf(file, sizeof(file), "%s.pem", name);
        must(SSL_CTX_use_certificate_file(ctx, pki_path(s->pki, file, path), SSL_FILETYPE_PEM) == 1, file);
        (void) snprintf(file, sizeof(file), "%s.key", name);
        must(SSL_CTX_use_PrivateKey_file(ctx, pki_path(s->pki, file, path), SSL_FILETYPE_PEM) == 1, file);
        SSL_CTX_set_security_level(ctx, 0);
        (void) SSL_CTX_set_max_proto_version(ctx, s->max_version);
        if (s->client_ca) {
                must(SSL_CTX_load_verify_file(ctx, pki_path(s->pki, s->client_ca, path)) == 1, s->client_ca);
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        }

        return ctx;
}

SSL *fake_server_open_tls(FakeServer *s, int fd) {
        SSL_CTX *ctx = s->ctx ?: fake_server_context_new(s);
        SSL *ssl = SSL_new(ctx);

        if (!s->ctx)
                SSL_CTX_free(ctx);
        (void) SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
                return ssl;
        SSL_free(ssl);
        return NULL;
}

void fake_server_close_tls(SSL *ssl) {
        (void) SSL_shutdown(ssl);
        SSL_free(ssl);
}

static bool read_exactly(SSL *ssl, uint8_t *bytes, size_t n) {
        while (n > 0) {
                int r = SSL_read(ssl, bytes, (int) n);

                if (r <= 0)
                        return false;
                bytes += r;
                n -= (size_t) r;
        }
        return true;
}

bool fake_server_read(SSL *ssl, FakePacket *ret) {
        uint8_t byte;

        if (!read_exactly(ssl, &byte, 1))
                return false;
        ret->type = byte >> 4;
        ret->flags = byte & 0x0fU;
        ret->n_body = 0;
        for (unsigned shift = 0;; shift += 7) {
                if (!read_exactly(ssl, &byte, 1))
                        return false;
                ret->n_body |= (size_t) (byte & 0x7fU) << shift;
                if ((byte & 0x80U) == 0)
                        break;
        }
        must(ret->n_body <= sizeof(ret->body), "a packet is too large");
        return read_exactly(ssl, ret->body, ret->n_body);
}

bool fake_server_write(SSL *ssl, const void *bytes, size_t n) {
        return SSL_write(ssl, bytes, (int) n) == (int) n;
}

SSL *fake_server_accept_mqtt(FakeServer *s, int fd) {
        static const uint8_t connack[] = { 0x20, 2, 0, 0 };
        _cleanup_(freep) FakePacket *packet = malloc(sizeof(*packet));
        SSL *ssl = fake_server_open_tls(s, fd);

        must(packet != NULL, "out of memory");
        if (!ssl)
                return NULL;
        if (fake_server_read(ssl, packet) && packet->type == 1 &&
            SSL_write(ssl, connack, sizeof(connack)) > 0)
                return ssl;
        SSL_free(ssl);
        return NULL;
}

void fake_server_read_to_end(SSL *ssl) {
        uint8_t bytes[16384];

        while (SSL_read(ssl, bytes, sizeof(bytes)) > 0)
                ;
}

static void read_to_end(SSL *ssl) {
        if (!ssl)
                return;
        fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

void fake_script_tls(FakeServer *s, int fd) {
        read_to_end(fake_server_open_tls(s, fd));
}

void fake_script_mqtt(FakeServer *s, int fd) {
        read_to_end(fake_server_accept_mqtt(s, fd));
}
