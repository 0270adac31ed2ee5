/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * TLS sessions of earlier connections, so that the next one needs fewer bytes and no signature. A session is
 * good for the context and the host that it came from, once, while the certificate is valid that the host
 * showed then; it is dropped when another context is used.
 */

#include <openssl/ssl.h>

#include "util/util.h"

/* Safe to use from several threads. */
typedef struct MqttTlsSessions MqttTlsSessions;

/* -ENOMEM. */
int mqtt_tls_sessions_new(MqttTlsSessions **ret);
MqttTlsSessions *mqtt_tls_sessions_free(MqttTlsSessions *s);
DEFINE_CLEANUP(MqttTlsSessions *, mqtt_tls_sessions_free)

/* Keeps what the connection, which is about to end, has got from its server; or does nothing. */
void mqtt_tls_sessions_keep(MqttTlsSessions *s, SSL *ssl);

/* Lets the handshake that is about to begin offer a session to the server. False: there is none. */
bool mqtt_tls_sessions_offer(MqttTlsSessions *s, SSL *ssl);
