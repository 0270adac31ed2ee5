/* SPDX-License-Identifier: MIT */

#include "hubsim/stream.h"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A TLS record; with room for a whole one, nothing is left behind in OpenSSL where epoll does not see it. */
#define RECORD_SIZE 16384

int stream_init(Stream *s, sd_event *event, SSL_CTX *context, int fd, sd_event_io_handler_t handler,
                void *userdata) {
        *s = (Stream){ .fd = fd };

        s->ssl = SSL_new(context);
        if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1)
                return -ENOMEM;
        SSL_set_accept_state(s->ssl);
        /* A peer that just closes is gone like one that says so first. */
        SSL_set_options(s->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);

        return sd_event_add_io(event, &s->io, fd, EPOLLIN, handler, userdata);
}

int stream_add_websocket(Stream *s, const WebSocket *websocket) {
        s->websocket = malloc(sizeof(*s->websocket));
        if (!s->websocket)
                return -ENOMEM;
        *s->websocket = *websocket;
        return 0;
}

void stream_set_end(Stream *s, StreamEnd end) {
        static const struct linger reset = { .l_onoff = 1 };

        s->end = end;
        if (end == STREAM_END_RESET)
                (void) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void stream_done(Stream *s) {
        if (s->ssl && SSL_is_init_finished(s->ssl) && s->end == STREAM_END_NOTIFY) {
                if (s->websocket && websocket_close(s->websocket, &s->raw_out) >= 0)
                        (void) stream_flush(s);
                ERR_clear_error();
                (void) SSL_shutdown(s->ssl);
        }
        s->io = sd_event_source_disable_unref(s->io);
        SSL_free(s->ssl);
        close_fd(s->fd);
        free(s->websocket);
        ipc_buffer_done(&s->in);
        ipc_buffer_done(&s->out);
        ipc_buffer_done(&s->raw_in);
        ipc_buffer_done(&s->raw_out);
        *s = STREAM_NULL;
}

/* What a failed SSL_read() or SSL_write() means: 0 to wait for the event that it wants. */
static int stream_judge(Stream *s, int result) {
        switch (SSL_get_error(s->ssl, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                return 0;
        case SSL_ERROR_ZERO_RETURN:
        case SSL_ERROR_SYSCALL:
                return -ECONNRESET;
        default:
                return -EPROTO;
        }
}

size_t stream_get_backlog(const Stream *s) {
        return ipc_buffer_size(&s->out) + ipc_buffer_size(&s->raw_out);
}

int stream_arm(Stream *s) {
        bool want_write =
                SSL_want_write(s->ssl) || (stream_get_backlog(s) > 0 && SSL_is_init_finished(s->ssl));

        return sd_event_source_set_io_events(s->io, EPOLLIN | (want_write ? EPOLLOUT : 0));
}

int stream_read(Stream *s) {
        IpcBuffer *in = s->websocket ? &s->raw_in : &s->in;
        uint8_t *p;
        int n, r;

        p = ipc_buffer_reserve(in, RECORD_SIZE);
        if (!p)
                return -ENOMEM;

        ERR_clear_error();
        n = SSL_read(s->ssl, p, RECORD_SIZE);
        if (n > 0) {
                ipc_buffer_commit(in, (size_t) n);
                r = s->websocket ? websocket_feed(s->websocket, in, &s->in, &s->raw_out) : 0;
                return r < 0 ? r : 1;
        }

        if (ipc_buffer_size(in) == 0)
                ipc_buffer_done(in);
        r = stream_judge(s, n);
        if (r < 0)
                return r;
        return stream_arm(s);
}

/* What is to be sent becomes a message of the WebSocket. */
static int stream_frame(Stream *s) {
        int r;

        if (!s->websocket || s->websocket->state != WEBSOCKET_OPEN || ipc_buffer_size(&s->out) == 0)
                return 0;
        r = websocket_append_message(s->websocket, buffer_span(&s->out), &s->raw_out);
        if (r >= 0)
                ipc_buffer_done(&s->out);
        return r;
}

int stream_flush(Stream *s) {
        IpcBuffer *out = s->websocket ? &s->raw_out : &s->out;
        int n, r;

        r = stream_frame(s);
        if (r < 0)
                return r;
        while (ipc_buffer_size(out) > 0) {
                az_span data = buffer_span(out);

                ERR_clear_error();
                n = SSL_write(s->ssl, az_span_ptr(data), az_span_size(data));
                if (n <= 0) {
                        r = stream_judge(s, n);
                        if (r < 0)
                                return r;
                        break;
                }
                ipc_buffer_consume(out, (size_t) n);
        }
        return stream_arm(s);
}

void stream_get_peer(const Stream *s, PeerCertificate *ret) {
        *ret = PEER_CERTIFICATE_NULL;
        if (s->websocket && s->websocket->ignores_certificate)
                return;
        *ret = (PeerCertificate){
                .leaf = SSL_get0_peer_certificate(s->ssl),
                .chain = SSL_get_peer_cert_chain(s->ssl),
        };
}

const char *stream_describe_error(void) {
        const char *reason = ERR_reason_error_string(ERR_peek_error());

        return reason ? reason : "unknown error";
}
