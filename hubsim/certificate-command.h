/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command "certificate": certificates for devices, and the CAs that they may be of. It works on the state
 * directory, whether a hub runs there or not. Each function returns the exit code.
 */

#include "util/util.h"

typedef struct CertificateOptions {
        const char *state_dir;
        bool names_state_dir; /* it was given, and has to be in the next command as well */
        bool is_self_signed;
        const char *intermediate; /* the CA that signs, below the root; NULL: the root does */
        long first_day, last_day; /* when it is valid, from now */
} CertificateOptions;

/* Valid since yesterday, for clocks that lag, and for a year. */
#define CERTIFICATE_FIRST_DAY (-1)
#define CERTIFICATE_LAST_DAY  365

int certificate_create(const CertificateOptions *options, const char *name, const char *directory);

/* Prints the CA, or an intermediate one, as PEM; makes it if need be. */
int certificate_print_ca(const CertificateOptions *options);

/* Trusts the CAs of a file from now on. */
int certificate_trust(const CertificateOptions *options, const char *path);

/* Trusts the CA with this thumbprint no longer. */
int certificate_untrust(const CertificateOptions *options, const char *thumbprint);

/* Prints those that are trusted. */
int certificate_list(const CertificateOptions *options);
