/* SPDX-License-Identifier: MIT */
#pragma once

/* Certificates for tests: an authority, and servers good and bad that it vouches for. */

#include <limits.h>

typedef struct Pki {
        char dir[64]; /* a temporary directory of mode 0700 */
} Pki;

/*
 * Makes the directory with
 *      ca.pem        the authority           stranger.pem  another authority, nobody's
 *      server.pem    localhost, 127.0.0.1    other.pem     other.example
 *      expired.pem   localhost, until 1971   none.pem      no certificate
 *      future.pem    localhost, from next year on
 *      portal.pem    localhost, signed by itself
 *      device.pem    a device, followed by the intermediate authority between it and ca.pem
 * and a .key for each server and the device; locked.key is the device's, with the password "secret". Fails
 * the test program if it cannot.
 */
void pki_make(Pki *p);

/* Removes the directory with all that is in it. */
void pki_remove(Pki *p);

/* Formats the path of a file in the directory. */
const char *pki_path(const Pki *p, const char *name, char buffer[static PATH_MAX]);
