/* SPDX-License-Identifier: MIT */

#include <mqtt/stream.h>

#include <openssl/err.h>
#include <sys/socket.h>

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
        bool is_about_us;
        int r;

        if (error == SSL_ERROR_WANT_READ)
                return 0;
        if (error == SSL_ERROR_WANT_WRITE) {
                s->wants_write = true;
                return 0;
        }
        r = mqtt_tls_failure(error, saved_errno, &is_about_us, reason, sizeof(reason));
        if (is_about_us)
                return mqtt_fault_set(fault, MQTT_LOST_CLIENT_CERTIFICATE, r,
                                      "the server refused the certificate of this device: %s", reason);
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
