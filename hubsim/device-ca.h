/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The CA that signs certificates for devices, intermediate ones below it, and the foreign ones that are
 * trusted like it: PEM files of the state directory, which the commands change whether a hub runs there or
 * not. It reads them when a device brings a certificate. That whoever adds a CA has its key, the service
 * wants to be proved; here it is not asked.
 *
 *      device-ca.pem, device-ca.key                the root, made when it is first needed
 *      intermediate-NAME.pem, intermediate-NAME.key
 *      trusted-ca.pem                              foreign ones, one behind the other
 *      distrusted-ca.pem                           the root, while it is not trusted
 */

#include "hubsim/pki.h"

/* The root (NULL), or the intermediate of this name. What is not there yet is made. -EINVAL: not a name. */
int device_ca_open(const char *state_dir, const char *intermediate, Identity *ret);

/* Trusts these from now on. Returns how many of them are new; -EINVAL: one is not a CA's. */
int device_ca_trust(const char *state_dir, const STACK_OF(X509) * authorities);

/* Trusts the one with this thumbprint no longer; -ENOENT: nobody does, -EINVAL: not a thumbprint. */
int device_ca_distrust(const char *state_dir, const char *thumbprint);

/* All that are trusted: the root, if there is one yet, and then the foreign ones. */
int device_ca_list(const char *state_dir, STACK_OF(X509) * authorities);
int device_ca_load(const char *state_dir, X509_STORE **ret);
