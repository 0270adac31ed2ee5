/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The simulator's own certificate authority, made on first run and kept as two PEM files, and the server
 * certificate that it signs anew at each start, in memory only.
 */

#include <openssl/ssl.h>

#include "util/util.h"

/*
 * Loads or makes the authority in 'ca_path' and 'key_path', and makes a server context (TLS 1.2 and later)
 * with a certificate for 'hosts' (ends with NULL; names and IP addresses). -EBADMSG: the files hold no such
 * authority.
 */
int pki_make_context(const char *ca_path, const char *key_path, const char *const *hosts, SSL_CTX **ret);
