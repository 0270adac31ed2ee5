/* SPDX-License-Identifier: MIT */
#pragma once

/* The device's certificate and its private key, from files in PEM. Blocks for as long as reading takes. */

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <mqtt/fault.h>

/* A chain of certificates, a key or a password is far below this; a bigger file is another file. */
#define MQTT_IDENTITY_FILE_MAX (64U * 1024U)

/* The files that a TLS context is made of; NULL: there is no such file. */
typedef struct MqttTlsFiles {
        char *ca; /* certificates that are trusted besides the system's; or a directory of such files */
        char *certificate; /* the device's, followed by the intermediate ones */
        char *private_key; /* NULL: it is in 'certificate' */
        char *password;    /* of the key, in the first line */
        bool ca_only;      /* the system's are not trusted */
} MqttTlsFiles;

/* Copies the paths. -ENOMEM. */
int mqtt_tls_files_copy(MqttTlsFiles *ret, const MqttTlsFiles *from);
void mqtt_tls_files_done(MqttTlsFiles *f);

/*
 * Shows the certificate in 'files' to servers from now on: the first one in its file is the device's, and the
 * others are sent behind it as they are. 'digest' takes in what was read. What is expired is shown all the
 * same: the server may have another clock.
 *
 * 0; -ENOENT, -EACCES…: a file cannot be read; -EBADMSG: what is in it cannot be used, or does not fit
 * together. 'ret_text' says in words which file, and why; it never quotes what is in it.
 */
int mqtt_identity_load(SSL_CTX *ctx, const MqttTlsFiles *files, EVP_MD_CTX *digest, char *ret_text,
                       size_t text_size);

/* RFC 5280, ub-common-name. */
#define MQTT_COMMON_NAME_MAX 64U

/* What a certificate says, and how it is known. */
typedef struct MqttIdentity {
        MqttCertificate certificate;
        char common_name[MQTT_COMMON_NAME_MAX + 1]; /* in UTF-8; "": it has none, or one that is too long */
        uint8_t fingerprint[32];                    /* SHA-256 */
} MqttIdentity;

/* Describes the first certificate in a file. Returns what mqtt_identity_load() does. */
int mqtt_identity_describe(MqttIdentity *ret, const char *certificate_file, char *ret_text, size_t text_size);

/*
 * Reads a file of at most 'max' bytes for OpenSSL, and 'digest' (unless it is NULL) takes it in. 'what' is
 * for the text: "CA", "certificate". The memory is wiped when the BIO is freed. Errors as above.
 */
int mqtt_file_read(BIO **ret, const char *path, size_t max, const char *what, EVP_MD_CTX *digest,
                   char *ret_text, size_t text_size);

DEFINE_CLEANUP(BIO *, BIO_free_all)
