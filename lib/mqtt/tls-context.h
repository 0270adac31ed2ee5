/* SPDX-License-Identifier: MIT */
#pragma once

/* What a TLS connection trusts and what it shows of the device: contexts, and their cache. */

#include <openssl/ssl.h>

#include <mqtt/fault.h>
#include <mqtt/identity.h>

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

/* A context, and the digest of all that was read from files for it: equal if their contents are. */
typedef struct MqttTlsContext {
        SSL_CTX *ctx;
        uint8_t files[MQTT_FILES_DIGEST_SIZE];
} MqttTlsContext;

void mqtt_tls_context_done(MqttTlsContext *c);

/*
 * A cache of two contexts: the one that the files give, and the one that was proven last. The first is built
 * anew when what it was read from has changed: the device, inode, size or time of a file, of the system's CA
 * file or of its CA directory; unless the contents are the same. Safe to use from several threads.
 */
typedef struct MqttTlsCache MqttTlsCache;

/* Makes an empty cache. -ENOMEM. */
int mqtt_tls_cache_new(MqttTlsCache **ret);
MqttTlsCache *mqtt_tls_cache_free(MqttTlsCache *c);
DEFINE_CLEANUP(MqttTlsCache *, mqtt_tls_cache_free)

/*
 * Gives a reference to a context that asks for TLS 1.2 or later, trusts the system's certificates (unless
 * files->ca_only) and those in files->ca, and shows files->certificate. The caller releases it with
 * mqtt_tls_context_done(). -ENOENT, -EACCES…: a file cannot be read. -EBADMSG: it cannot be used.
 * 'ret_problem' says whether that is MQTT_PROBLEM_IDENTITY_FILE or MQTT_PROBLEM_TRUST_FILE, and 'ret_text'
 * says it in words.
 */
int mqtt_tls_cache_get(MqttTlsCache *c, const MqttTlsFiles *files, MqttTlsContext *ret,
                       MqttProblem *ret_problem, char *ret_text, size_t text_size);

/* A connection with this context, which came from this cache, is one to come back to. */
void mqtt_tls_cache_set_proven(MqttTlsCache *c, const SSL_CTX *ctx);

/* Gives a reference to the context that was proven last, whatever the files hold now. -ENOENT: none was. */
int mqtt_tls_cache_get_proven(MqttTlsCache *c, MqttTlsContext *ret);
