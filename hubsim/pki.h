/* SPDX-License-Identifier: MIT */
#pragma once

/* Certificates that the simulator makes, each with its key (P-256), and how the two are kept as PEM files. */

#include <openssl/ssl.h>

#include "util/util.h"

typedef struct Identity {
        X509 *certificate;
        EVP_PKEY *key;
} Identity;

#define IDENTITY_NULL ((Identity){})

void identity_done(Identity *identity);

/* Ten years. */
#define AUTHORITY_DAYS 3650

typedef enum IdentityUse {
        IDENTITY_AUTHORITY, /* it signs others */
        IDENTITY_SERVER,    /* it has host names */
        IDENTITY_CLIENT,
        _IDENTITY_USE_MAX,
} IdentityUse;

typedef struct IdentityTemplate {
        const char *name; /* common name; 1 to 64 bytes of UTF-8 */
        IdentityUse use;
        const char *const *hosts;  /* of a server: names and IP addresses; ends with NULL */
        unsigned n_authorities;    /* of an authority: how many others may stand below it */
        long first_day, last_day;  /* when it is valid, counted from now */
        const Identity *authority; /* who signs it; NULL: it does so itself */
} IdentityTemplate;

/* -EINVAL: no such name or hosts. */
int identity_make(const IdentityTemplate *template, Identity *ret);

/* Writes the key (0600), then the certificate (0644) and behind it those of 'chain' (may be NULL). */
int identity_save(const Identity *identity, STACK_OF(X509) * chain, const char *certificate_path,
                  const char *key_path);

/* Loads it; if one of the files is not there, makes it and saves it. -EBADMSG: they do not hold a certificate
 * and its key. */
int identity_open(const char *certificate_path, const char *key_path, const IdentityTemplate *template,
                  Identity *ret);

_unused_ static inline void certificates_freep(STACK_OF(X509) * *certificates) {
        sk_X509_pop_free(*certificates, X509_free);
}

/* Appends the certificates of a PEM file to 'certificates'. -ENOENT: it is not there; -EBADMSG: it has none,
 * or is damaged. */
int certificates_load(const char *path, STACK_OF(X509) * certificates);

/* Writes them; the file is replaced. */
int certificates_save(const STACK_OF(X509) * certificates, const char *path);

/* A server context (TLS 1.2 and later) that asks each client for a certificate and judges none. */
int pki_make_context(const Identity *server, SSL_CTX **ret);
