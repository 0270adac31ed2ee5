/* SPDX-License-Identifier: MIT */
#pragma once

/* What a TLS connection trusts: contexts, and their cache. */

#include <openssl/ssl.h>

#include <mqtt/fault.h>

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

/*
 * A cache of one SSL_CTX. It is built anew when what it was read from has changed: the device, inode, size or
 * time of the CA file, of the system's CA file or of its CA directory. Safe to use from several threads.
 */
typedef struct MqttTlsCache MqttTlsCache;

/* Makes an empty cache. -ENOMEM. */
int mqtt_tls_cache_new(MqttTlsCache **ret);
MqttTlsCache *mqtt_tls_cache_free(MqttTlsCache *c);
DEFINE_CLEANUP(MqttTlsCache *, mqtt_tls_cache_free)

/*
 * Gives a reference to a context that asks for TLS 1.2 or later and trusts the system's certificates and
 * those in 'ca_file' (PEM; NULL: none). The caller frees it with SSL_CTX_free(). -ENOENT, -EACCES…: 'ca_file'
 * cannot be read. -EBADMSG: it has no certificate. 'ret_text' says so in words.
 */
int mqtt_tls_cache_get(MqttTlsCache *c, const char *ca_file, SSL_CTX **ret, char *ret_text, size_t text_size);
