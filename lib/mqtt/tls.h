/* SPDX-License-Identifier: MIT */
#pragma once

/* TLS over a connected non-blocking socket: the handshake, reading and writing. */

#include <openssl/ssl.h>

#include <mqtt/fault.h>
#include <mqtt/report.h>

DEFINE_CLEANUP(SSL *, SSL_free)

/* Makes the client side for 'fd', which stays the caller's. The peer's certificate has to be for 'host'. */
int mqtt_tls_session_new(SSL **ret, SSL_CTX *ctx, const char *host, int fd);

/* A connected stream. Both are owned. */
typedef struct MqttStream {
        int fd;
        SSL *ssl;
        bool is_readable; /* reading is worth a try: set by the caller when the fd polls ready */
        bool is_writable;
        bool wants_write; /* poll for EPOLLOUT too */
} MqttStream;

#define MQTT_STREAM_NULL ((MqttStream){ .fd = -1 })

/* Conditions of mqtt_tls_handshake(): poll the socket for this, then call it again. */
#define MQTT_TLS_WANT_READ  1
#define MQTT_TLS_WANT_WRITE 2

/*
 * Goes on with the handshake. 0: done. 'report' gets what was seen of TLS and its certificates, on failure
 * too, and then the problem. -EKEYREJECTED: the certificate was refused. -EPROTO: TLS failed.
 * -ECONNRESET…: the network did.
 */
int mqtt_tls_handshake(MqttStream *s, const char *host, MqttReport *report, char *ret_text, size_t text_size);

/* Sends close_notify and end of file; what the peer still sends can be read. */
void mqtt_stream_shutdown(MqttStream *s);

/* Sends close_notify if that is possible at once, closes and frees. Safe on MQTT_STREAM_NULL. */
void mqtt_stream_done(MqttStream *s);

/* Reads up to 'size' bytes. 0: nothing to read now. Negative: 'fault' says why; the stream is at its end. */
ssize_t mqtt_stream_read(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault);

/*
 * Writes up to 'size' bytes. 0: no room now. Negative: as above.
 * After 0 the next call must begin with the same bytes; they may have moved, and more may follow.
 */
ssize_t mqtt_stream_write(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault);
