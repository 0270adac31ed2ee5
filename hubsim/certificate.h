/* SPDX-License-Identifier: MIT */
#pragma once

/* The certificate that a client has shown in the TLS handshake, which has proved that it has the key. */

#include <azure/core/az_span.h>
#include <openssl/x509.h>

#include "ipc/json.h"
#include "util/util.h"

typedef struct PeerCertificate {
        X509 *leaf;              /* NULL: it has shown none */
        STACK_OF(X509) * chain;  /* what it has sent with it, NULL: nothing */
        X509_STORE *authorities; /* those that are trusted for devices; NULL if there is no leaf */
} PeerCertificate;

#define PEER_CERTIFICATE_NULL ((PeerCertificate){})

/* Frees the authorities; the others are the connection's. */
void peer_certificate_done(PeerCertificate *peer);

/* SHA-256 in hexadecimal, and NUL. SHA-1 is shorter. */
#define THUMBPRINT_SIZE 65U

/* Upper case, without colons. */
void certificate_get_thumbprint(const X509 *certificate, const EVP_MD *digest,
                                char ret[static THUMBPRINT_SIZE]);

/* Brings one into that form. -EINVAL: neither SHA-1 nor SHA-256. */
int thumbprint_parse(const char *text, char ret[static THUMBPRINT_SIZE]);

/* Is it that of the certificate? */
bool certificate_has_thumbprint(const X509 *certificate, const char *thumbprint);

/* 128 bytes of a device id; a longer common name is no device's. */
#define COMMON_NAME_MAX 128

/* The common name of its subject; empty if there is none or it is too long or no plain text. */
az_span certificate_get_common_name(const X509 *certificate, uint8_t buffer[static COMMON_NAME_MAX]);

/* Appends it as an object, as the provisioning service describes one: names, thumbprints, validity, serial
 * number. */
void certificate_format(const X509 *certificate, const char *name, IpcJson *json);

/* Returns NULL if it is valid at this time, else why not. */
const char *certificate_check_time(const X509 *certificate, uint64_t now_s);

/*
 * Does its chain lead to a trusted CA, by way of the one with this thumbprint (NULL: any)? Returns NULL if
 * so, else why not.
 */
const char *certificate_check_chain(const PeerCertificate *peer, const char *primary, const char *secondary,
                                    uint64_t now_s);
