/* SPDX-License-Identifier: MIT */
#pragma once

/* TLS over a connected non-blocking socket: the handshake, and why it failed. */

#include <openssl/ssl.h>

#include <mqtt/fault.h>
#include <mqtt/report.h>

DEFINE_CLEANUP(SSL *, SSL_free)

/* Makes the client side for 'fd', which stays the caller's. The peer's certificate has to be for 'host'. */
int mqtt_tls_session_new(SSL **ret, SSL_CTX *ctx, const char *host, int fd);

/* Conditions of mqtt_tls_handshake(): poll the socket for this, then call it again. */
#define MQTT_TLS_WANT_READ  1
#define MQTT_TLS_WANT_WRITE 2

/*
 * Goes on with the handshake. 0: done. 'report' gets what was seen of TLS and its certificates, on failure
 * too, and then the problem. -EKEYREJECTED: the certificate was refused. -EPROTO: TLS failed.
 * -ECONNRESET…: the network did.
 */
int mqtt_tls_handshake(SSL *ssl, const char *host, MqttReport *report, char *ret_text, size_t text_size);

/*
 * Says in words and as errno why the last call failed of which SSL_get_error() said 'error'. 'is_about_us':
 * it was an alert about our certificate, provided that the server asked for one: filters on the way send the
 * same.
 */
int mqtt_tls_failure(int error, int saved_errno, bool *ret_is_about_us, char *ret_text, size_t text_size);

/*
 * Looks whether a server that asked for our certificate has refused it, which with TLS 1.3 it says behind the
 * handshake: -E…, and why. 0: not that we know of, and 'ret_text' stays as it is. Nothing of what else it
 * said is taken.
 */
int mqtt_tls_hear_verdict(SSL *ssl, char *ret_text, size_t text_size);
