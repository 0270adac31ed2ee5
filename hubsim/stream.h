/* SPDX-License-Identifier: MIT */
#pragma once

/* A TLS connection of the server side on the event loop, with or without a WebSocket in it: bytes in, bytes
 * out, nothing blocks. */

#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "hubsim/buffer.h"
#include "hubsim/certificate.h"
#include "hubsim/websocket.h"

/* How a connection ends. */
typedef enum StreamEnd {
        STREAM_END_NOTIFY, /* goodbye is said in TLS if that can be done at once, then FIN */
        STREAM_END_FIN,    /* without goodbye */
        STREAM_END_RESET,  /* by RST */
        _STREAM_END_MAX,
} StreamEnd;

typedef struct Stream {
        sd_event_source *io;
        int fd;
        SSL *ssl;
        IpcBuffer in;  /* received, not yet consumed */
        IpcBuffer out; /* to be sent by stream_flush() */
        StreamEnd end;
        WebSocket *websocket;      /* NULL: there is none */
        IpcBuffer raw_in, raw_out; /* its frames */
} Stream;

#define STREAM_NULL ((Stream){ .fd = -1 })

/* Owns 'fd' from then on, also on failure; 'handler' is called whenever stream_read() may have something. */
int stream_init(Stream *s, sd_event *event, SSL_CTX *context, int fd, sd_event_io_handler_t handler,
                void *userdata);

/* Has it begin with a WebSocket, of which this is a copy. */
int stream_add_websocket(Stream *s, const WebSocket *websocket);

/* How stream_done() is to end it. */
void stream_set_end(Stream *s, StreamEnd end);

void stream_done(Stream *s);

/*
 * Goes on with the handshake, then appends at most one TLS record to 'in'. Returns 1 if there may be more, 0
 * if the next event has to be waited for, -ECONNRESET when the peer closed, -EPROTO when TLS failed; of its
 * WebSocket -EBADMSG when that was refused or violated, -ESHUTDOWN when the peer closed it.
 */
int stream_read(Stream *s);

/* Sends what it can of 'out'; the rest goes by itself when handler calls it again. */
int stream_flush(Stream *s);

/* How much waits to be sent. */
size_t stream_get_backlog(const Stream *s);

/* Makes the next turn of the loop call 'handler', to send what was added to 'out' from elsewhere. */
int stream_arm(Stream *s);

/* What the peer has brought of certificates, leaf and chain, unless the request for its WebSocket says that
 * it brings none; they live as long as the stream. */
void stream_get_peer(const Stream *s, PeerCertificate *ret);

/* Why stream_read() or stream_flush() has just returned -EPROTO. */
const char *stream_describe_error(void);
