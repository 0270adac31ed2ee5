/* SPDX-License-Identifier: MIT */

#include <mqtt/tls.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

int mqtt_tls_session_new(SSL **ret, SSL_CTX *ctx, const char *host, int fd) {
        _cleanup_(SSL_freep) SSL *ssl = NULL;
        uint8_t address[sizeof(struct in6_addr)];
        bool is_address, ok;

        ERR_clear_error();
        ssl = SSL_new(ctx);
        if (!ssl)
                return -ENOMEM;

        is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
        if (is_address)
                ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
        else
                /* RFC 6066: literal addresses are not permitted in SNI. */
                ok = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (!ok || SSL_set_fd(ssl, fd) != 1)
                return -EINVAL;

        SSL_set_connect_state(ssl);
        *ret = TAKE_PTR(ssl);
        return 0;
}

/* Why the last call failed, in words and as errno. 'error' is what SSL_get_error() said. */
static int ssl_failure(int error, int saved_errno, char *ret_text, size_t text_size) {
        unsigned long code = ERR_peek_last_error();
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

        if (error == SSL_ERROR_SYSCALL && saved_errno != 0) {
                (void) snprintf(ret_text, text_size, "%s", strerror(saved_errno));
                return -saved_errno;
        }
        if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL) {
                (void) snprintf(ret_text, text_size, "the server closed the connection");
                return -ECONNRESET;
        }
        (void) snprintf(ret_text, text_size, "%s", reason ?: "unknown TLS error");
        return -EPROTO;
}

int mqtt_tls_handshake(SSL *ssl, const char *host, char *ret_text, size_t text_size) {
        char reason[MQTT_TEXT_MAX / 2];
        int r, error, saved_errno;
        long verdict;

        ERR_clear_error();
        errno = 0;
        r = SSL_connect(ssl);
        saved_errno = errno;
        if (r == 1)
                return 0;

        error = SSL_get_error(ssl, r);
        if (error == SSL_ERROR_WANT_READ)
                return MQTT_TLS_WANT_READ;
        if (error == SSL_ERROR_WANT_WRITE)
                return MQTT_TLS_WANT_WRITE;

        verdict = SSL_get_verify_result(ssl);
        if (verdict != X509_V_OK) {
                (void) snprintf(ret_text, text_size, "TLS certificate of '%s' was refused: %s", host,
                                X509_verify_cert_error_string(verdict));
                return -EKEYREJECTED;
        }
        r = ssl_failure(error, saved_errno, reason, sizeof(reason));
        (void) snprintf(ret_text, text_size, "TLS handshake with '%s' failed: %s", host, reason);
        return r;
}

void mqtt_stream_shutdown(MqttStream *s) {
        ERR_clear_error();
        (void) SSL_shutdown(s->ssl);
        (void) shutdown(s->fd, SHUT_WR);
}

void mqtt_stream_done(MqttStream *s) {
        if (s->ssl) {
                ERR_clear_error();
                (void) SSL_shutdown(s->ssl);
                SSL_free(s->ssl);
        }
        (void) close_fd(s->fd);
        *s = MQTT_STREAM_NULL;
}

static ssize_t stream_failure(MqttStream *s, int result, int saved_errno, MqttFault *fault) {
        int error = SSL_get_error(s->ssl, result);
        char reason[MQTT_TEXT_MAX / 2];
        int r;

        if (error == SSL_ERROR_WANT_READ)
                return 0;
        if (error == SSL_ERROR_WANT_WRITE) {
                s->wants_write = true;
                return 0;
        }
        r = ssl_failure(error, saved_errno, reason, sizeof(reason));
        if (error == SSL_ERROR_ZERO_RETURN)
                return mqtt_fault_set(fault, MQTT_LOST_CLOSED, r, "%s", reason);
        return mqtt_fault_set(fault, MQTT_LOST_NETWORK, r, "the connection failed: %s", reason);
}

ssize_t mqtt_stream_read(MqttStream *s, uint8_t *buffer, size_t size, MqttFault *fault) {
        int n;

        ERR_clear_error();
        errno = 0;
        n = SSL_read(s->ssl, buffer, (int) MIN(size, (size_t) INT32_MAX));
        if (n > 0)
                return n;
        s->is_readable = false;
        return stream_failure(s, n, errno, fault);
}

ssize_t mqtt_stream_write(MqttStream *s, const uint8_t *buffer, size_t size, MqttFault *fault) {
        int n;

        ERR_clear_error();
        errno = 0;
        n = SSL_write(s->ssl, buffer, (int) MIN(size, (size_t) INT32_MAX));
        if (n > 0)
                return n;
        s->is_writable = false;
        return stream_failure(s, n, errno, fault);
}
