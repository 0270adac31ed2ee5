/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The server's certificate, which lives in memory only: that of the CA that clients trust, made when that is
 * first needed, or one that clients have to refuse.
 */

#include <openssl/ssl.h>

typedef enum ServerCertificate {
        SERVER_CERTIFICATE_GOOD,
        SERVER_CERTIFICATE_WRONG_NAME,    /* for another host */
        SERVER_CERTIFICATE_EXPIRED,       /* since yesterday */
        SERVER_CERTIFICATE_NOT_YET_VALID, /* until tomorrow */
        SERVER_CERTIFICATE_UNTRUSTED,     /* of a CA that nobody knows */
        _SERVER_CERTIFICATE_MAX,
} ServerCertificate;

/* Makes a context that shows such a one, for these names, which end with NULL. What fails is said on standard
 * error. */
int server_certificate_make_context(const char *state_dir, const char *const *hosts, ServerCertificate kind,
                                    SSL_CTX **ret);
