/* SPDX-License-Identifier: MIT */

#include <mqtt/stream.h>

#include <openssl/err.h>
#include <sys/socket.h>

/* Control frames that come without a payload, in one call: a day of pings, one in half a minute, is less. */
#define EMPTY_BYTES_MAX (512U * 1024U)

void mqtt_stream_add_traffic(const MqttStream *s, MqttTraffic *total) {
        total->n_received += s->plain.n_received;
        total->n_sent += s->plain.n_sent;
        if (!s->ssl)
                return;
        total->n_received += BIO_number_read(SSL_get_rbio(s->ssl));
        total->n_sent += BIO_number_written(SSL_get_wbio(s->ssl));
}

static ssize_t lose_over_certificate(int error, const char *reason, MqttFault *fault) {
        return mqtt_fault_set(fault, MQTT_LOST_CLIENT_CERTIFICATE, error,
                              "the server refused the certificate of this device: %s", reason);
}

static ssize_t stream_failure(MqttStream *s, int result, int saved_errno, MqttFault *fault) {
        int error = SSL_get_error(s->ssl, result);
        char reason[MQTT_TEXT_MAX / 2];
        bool is_about_us;
        int r;

        if (error == SSL_ERROR_WANT_READ)
                return 0;
        if (error == SSL_ERROR_WANT_WRITE) {
                s->wants_write = true;
                return 0;
        }
        r = mqtt_tls_failure(error, saved_errno, &is_about_us, reason, sizeof(reason));
        if (is_about_us && s->is_own_wanted)
                return lose_over_certificate(r, reason, fault);
        if (error == SSL_ERROR_ZERO_RETURN)
                return mqtt_fault_set(fault, MQTT_LOST_CLOSED, r, "%s", reason);
        return mqtt_fault_set(fault, MQTT_LOST_NETWORK, r, "the connection failed: %s", reason);
}

static ssize_t read_tls(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault) {
        int n;

        ERR_clear_error();
        errno = 0;
        n = SSL_read(s->ssl, buffer, (int) MIN(size, (size_t) INT32_MAX));
        if (n > 0)
                return n;
        s->is_readable = false;
        return stream_failure(s, n, errno, fault);
}

static ssize_t write_tls(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault) {
        char reason[MQTT_TEXT_MAX / 2];
        int n, r;

        ERR_clear_error();
        errno = 0;
        n = SSL_write(s->ssl, buffer, (int) MIN(size, (size_t) INT32_MAX));
        if (n > 0)
                return n;
        s->is_writable = false;
        n = (int) stream_failure(s, n, errno, fault);
        if (n == 0 || !s->is_own_wanted)
                return n;
        /* It may have said why before it closed. */
        r = mqtt_tls_hear_verdict(s->ssl, reason, sizeof(reason));
        return r < 0 ? lose_over_certificate(r, reason, fault) : n;
}

/* ---- TCP as it is ---- */

static ssize_t plain_failure(int saved_errno, MqttFault *fault) {
        if (saved_errno == EAGAIN || saved_errno == EINTR)
                return 0;
        return mqtt_fault_set(fault, MQTT_LOST_NETWORK, -saved_errno, "the connection failed: %s",
                              strerror(saved_errno));
}

static ssize_t read_plain(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault) {
        ssize_t n = recv(s->fd, buffer, size, 0);

        /* Less than there was room for: nothing is left, and the fd polls ready when more comes. */
        if (n < (ssize_t) size)
                s->is_readable = false;
        if (n < 0)
                return plain_failure(errno, fault);
        if (n == 0)
                return mqtt_fault_set(fault, MQTT_LOST_CLOSED, -ECONNRESET,
                                      "the server closed the connection");
        s->plain.n_received += (uint64_t) n;
        return n;
}

static ssize_t write_plain(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault) {
        ssize_t n = send(s->fd, buffer, size, MSG_NOSIGNAL);

        if (n < (ssize_t) size) {
                s->is_writable = false;
                s->wants_write = true;
        }
        if (n < 0)
                return plain_failure(errno, fault);
        s->plain.n_sent += (uint64_t) n;
        return n;
}

/* ---- WebSocket ---- */

/* Why there will be no more. */
static int websocket_fault(const MqttWebSocket *ws, MqttFault *fault) {
        if (ws->end == MQTT_WEBSOCKET_CLOSED)
                return mqtt_fault_set(fault, MQTT_LOST_CLOSED, -ECONNRESET, "%s", ws->text);
        return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO, "%s", ws->text);
}

static int random_fault(MqttFault *fault) {
        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -EIO, "there are no random numbers");
}

/* Writes what is pending. 1: all of it. 0: no room now. */
static int flush_websocket(MqttStream *s, MqttFault *fault) {
        for (;;) {
                const uint8_t *bytes;
                ssize_t n = mqtt_websocket_pending(s->websocket, &bytes);

                if (n < 0)
                        return random_fault(fault);
                if (n == 0)
                        return 1;
                n = write_tls(s, bytes, (size_t) n, fault);
                if (n <= 0)
                        return (int) n;
                mqtt_websocket_sent(s->websocket, (size_t) n);
        }
}

/* What came before the end goes on before the end is told. */
static ssize_t read_websocket(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault) {
        MqttWebSocket *ws = s->websocket;

        for (size_t n_empty = 0; n_empty < EMPTY_BYTES_MAX;) {
                ssize_t n;

                /* Answers, and what there was no room for. If that fails, reading says why. */
                (void) flush_websocket(s, fault);
                if (ws->end != MQTT_WEBSOCKET_OPEN)
                        return websocket_fault(ws, fault);
                n = read_tls(s, buffer, size, fault);
                if (n <= 0)
                        return n;
                n_empty += (size_t) n;
                n = (ssize_t) mqtt_websocket_decode(ws, buffer, (size_t) n);
                if (n > 0)
                        return n;
        }
        return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                              "the server broke the WebSocket protocol: it sends pings without end");
}

/* A frame counts as written when all of it is: until then the caller keeps the bytes. */
static ssize_t write_websocket(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault) {
        MqttWebSocket *ws = s->websocket;
        ssize_t n;
        int r;

        r = flush_websocket(s, fault);
        if (r <= 0)
                return r;
        if (s->n_framed == 0) {
                if (ws->end != MQTT_WEBSOCKET_OPEN)
                        return websocket_fault(ws, fault);
                n = mqtt_websocket_put(ws, buffer, size);
                if (n < 0)
                        return random_fault(fault);
                s->n_framed = (size_t) n;
                r = flush_websocket(s, fault);
                if (r <= 0)
                        return r;
        }
        n = (ssize_t) s->n_framed;
        s->n_framed = 0;
        return n;
}

/* ---- Both ---- */

ssize_t mqtt_stream_read(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault) {
        if (s->websocket)
                return read_websocket(s, buffer, size, fault);
        if (!s->ssl)
                return read_plain(s, buffer, size, fault);
        return read_tls(s, buffer, size, fault);
}

ssize_t mqtt_stream_write(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault) {
        if (s->websocket)
                return write_websocket(s, buffer, size, fault);
        if (!s->ssl)
                return write_plain(s, buffer, size, fault);
        return write_tls(s, buffer, size, fault);
}

/* As far as that is possible at once. */
static void stream_say_goodbye(MqttStream *s) {
        MqttFault fault;

        if (s->websocket) {
                mqtt_websocket_close(s->websocket);
                (void) flush_websocket(s, &fault);
        }
        if (!s->ssl)
                return;
        ERR_clear_error();
        (void) SSL_shutdown(s->ssl);
}

void mqtt_stream_shutdown(MqttStream *s) {
        stream_say_goodbye(s);
        (void) shutdown(s->fd, SHUT_WR);
}

void mqtt_stream_done(MqttStream *s) {
        stream_say_goodbye(s);
        SSL_free(s->ssl);
        (void) mqtt_websocket_free(s->websocket);
        (void) close_fd(s->fd);
        *s = MQTT_STREAM_NULL;
}
