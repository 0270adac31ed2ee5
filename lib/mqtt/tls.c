/* SPDX-License-Identifier: MIT */

#include <mqtt/tls.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <mqtt/certificate.h>
#include <mqtt/http.h>

/* Called for each certificate that is right, and for each that is not, with what is wrong. */
static int session_on_certificate(int is_ok, X509_STORE_CTX *store) {
        const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        MqttReport *report = SSL_get_app_data(ssl);

        if (!is_ok)
                mqtt_certificate_describe(X509_STORE_CTX_get_current_cert(store)
                                                  ?: X509_STORE_CTX_get0_cert(store),
                                          &report->server);
        return is_ok;
}

/* Called when the server asks for our certificate. */
static int session_on_request(SSL *ssl, void *userdata) {
        MqttReport *report = SSL_get_app_data(ssl);

        report->is_own_wanted = true;
        return 1;
}

/* Until the peer's first bytes were looked at, OpenSSL does not get to see them: mqtt_tls_handshake(). */
static bool session_expect_tls(SSL *ssl) {
        BIO *nothing = BIO_new(BIO_s_mem());

        if (!nothing)
                return false;
        SSL_set0_rbio(ssl, nothing);
        return true;
}

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
        if (!ok || SSL_set_fd(ssl, fd) != 1 || !session_expect_tls(ssl))
                return -EINVAL;
        SSL_set_verify(ssl, SSL_VERIFY_PEER, session_on_certificate);
        SSL_set_cert_cb(ssl, session_on_request, NULL);

        SSL_set_connect_state(ssl);
        *ret = TAKE_PTR(ssl);
        return 0;
}

/* ---- Failures ---- */

/* True if the server's last word was an alert that is about our certificate, if it asked for one. */
static bool is_alert_about_us(unsigned long code) {
        static const int alerts[] = {
                SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,       SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
                SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,   SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
                SSL_R_SSLV3_ALERT_NO_CERTIFICATE,        SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
                SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_TLSV1_ALERT_ACCESS_DENIED,
                SSL_R_TLSV1_ALERT_DECRYPT_ERROR,         SSL_R_TLSV1_ALERT_UNKNOWN_CA,
                SSL_R_TLSV1_CERTIFICATE_UNOBTAINABLE,
        };

        if (ERR_GET_LIB(code) != ERR_LIB_SSL)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(alerts); i++)
                if (ERR_GET_REASON(code) == alerts[i])
                        return true;
        return false;
}

int mqtt_tls_failure(int error, int saved_errno, bool *ret_is_about_us, char *ret_text, size_t text_size) {
        unsigned long code = ERR_peek_last_error();
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

        *ret_is_about_us = is_alert_about_us(code);
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

/* ---- The handshake ---- */

static MqttProblem problem_from_verdict(long verdict) {
        switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
                return MQTT_PROBLEM_CERTIFICATE_EXPIRED;
        case X509_V_ERR_CERT_NOT_YET_VALID:
                return MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
                return MQTT_PROBLEM_CERTIFICATE_NAME;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                return MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED;
        default:
                return MQTT_PROBLEM_CERTIFICATE_UNTRUSTED;
        }
}

static void report_session(const SSL *ssl, MqttReport *report) {
        (void) snprintf(report->tls_version, sizeof(report->tls_version), "%s", SSL_get_version(ssl));
        (void) snprintf(report->tls_cipher, sizeof(report->tls_cipher), "%s", SSL_get_cipher_name(ssl));
        report->is_resumed = SSL_session_reused(ssl) == 1;
        mqtt_certificate_describe(SSL_get0_peer_certificate(ssl), &report->server);
}

/* Lets OpenSSL read, once there is something that looks like TLS. */
static int handshake_listen(SSL *ssl, const char *host, MqttReport *report, char *ret_text,
                            size_t text_size) {
        MqttHttpHead head = {};
        char bytes[64];
        ssize_t n = recv(SSL_get_wfd(ssl), bytes, sizeof(bytes) - 1, MSG_PEEK | MSG_DONTWAIT);
        bool is_http;
        size_t n_line;

        if (n < 0 && errno == EAGAIN)
                return 0;
        /* An end of file or an error is OpenSSL's to say. TLS: a handshake message or an alert. */
        if (n <= 0 || bytes[0] == SSL3_RT_HANDSHAKE || bytes[0] == SSL3_RT_ALERT)
                return SSL_set_rfd(ssl, SSL_get_wfd(ssl)) == 1 ? 0 : -ENOMEM;

        for (n_line = 0; n_line < (size_t) n && bytes[n_line] >= ' ' && bytes[n_line] <= '~'; n_line++)
                ;
        bytes[n_line] = '\0';
        is_http = mqtt_http_feed(&head, (const uint8_t *) bytes, n_line) >= 0 &&
                  mqtt_http_feed(&head, (const uint8_t *) "\n\n", 2) == 2;
        report->http_status = head.status;
        report->problem = is_http ? MQTT_PROBLEM_NOT_TLS_BUT_HTTP : MQTT_PROBLEM_NOT_TLS;
        (void) snprintf(ret_text, text_size,
                        "TLS handshake with '%s' failed: the peer does not speak TLS%s%s%s%s", host,
                        is_http ? " but HTTP" : "", n_line > 0 ? ": '" : "", bytes, n_line > 0 ? "'" : "");
        return -EPROTO;
}

static int handshake_fail(const SSL *ssl, const char *host, int error, int saved_errno, MqttReport *report,
                          char *ret_text, size_t text_size) {
        long verdict = SSL_get_verify_result(ssl);
        char reason[MQTT_TEXT_MAX / 2];
        bool is_about_us;
        int r;

        if (verdict != X509_V_OK) {
                report->problem = problem_from_verdict(verdict);
                (void) snprintf(
                        ret_text, text_size,
                        "TLS certificate of '%s' was refused: %s (it is of '%.80s', issued by '%.80s')", host,
                        X509_verify_cert_error_string(verdict), report->server.subject,
                        report->server.issuer);
                return -EKEYREJECTED;
        }
        r = mqtt_tls_failure(error, saved_errno, &is_about_us, reason, sizeof(reason));
        /* To a certificate that is missing, servers of TLS 1.2 have nothing better to say. */
        if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
                is_about_us = true;
        if (is_about_us && report->is_own_wanted)
                report->problem = MQTT_PROBLEM_CLIENT_CERTIFICATE;
        else
                report->problem = error == SSL_ERROR_SSL ? MQTT_PROBLEM_TLS_PROTOCOL : MQTT_PROBLEM_RESET;
        (void) snprintf(ret_text, text_size, "TLS handshake with '%s' failed: %s", host, reason);
        return r;
}

int mqtt_tls_handshake(SSL *ssl, const char *host, MqttReport *report, char *ret_text, size_t text_size) {
        int r, error, saved_errno;

        if (SSL_get_rfd(ssl) < 0) {
                r = handshake_listen(ssl, host, report, ret_text, text_size);
                if (r < 0)
                        return r;
        }
        (void) SSL_set_app_data(ssl, report);
        ERR_clear_error();
        errno = 0;
        r = SSL_connect(ssl);
        saved_errno = errno;
        if (r == 1) {
                report_session(ssl, report);
                return 0;
        }
        error = SSL_get_error(ssl, r);
        if (error == SSL_ERROR_WANT_READ)
                return MQTT_TLS_WANT_READ;
        if (error == SSL_ERROR_WANT_WRITE)
                return MQTT_TLS_WANT_WRITE;
        return handshake_fail(ssl, host, error, saved_errno, report, ret_text, text_size);
}

int mqtt_tls_hear_verdict(SSL *ssl, char *ret_text, size_t text_size) {
        bool is_about_us;
        uint8_t byte;
        int n;

        ERR_clear_error();
        n = SSL_peek(ssl, &byte, 1);
        if (n > 0 || !is_alert_about_us(ERR_peek_last_error()))
                return 0;
        return mqtt_tls_failure(SSL_get_error(ssl, n), 0, &is_about_us, ret_text, text_size);
}
