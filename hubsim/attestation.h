/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an identity proves itself with: a device at the hub, an enrollment at the provisioning service. A pair
 * of keys whose SAS token is the password, the thumbprints of certificates, or the CA that has signed one.
 * Each comes twice, so that one of them can be replaced while the other is in use. No I/O; the time is an
 * argument.
 *
 * Source: "Authenticate identities with X.509 certificates" and "X.509 certificate attestation".
 */

#include <azure/core/az_span.h>
#include <cjson/cJSON.h>

#include "hubsim/certificate.h"
#include "hubsim/sas-token.h"

/* With the names of the service's API. */
typedef enum AttestationKind {
        ATTESTATION_KEYS,       /* sas: base64 keys, both of them */
        ATTESTATION_THUMBPRINT, /* selfSigned: SHA-1 or SHA-256 of the certificate; the second may be NULL */
        ATTESTATION_CA, /* certificateAuthority: thumbprints of the CA; without any, each trusted CA will do
                         */
        _ATTESTATION_MAX,
        _ATTESTATION_INVALID = -EINVAL,
} AttestationKind;

/* Ended by NULL. */
extern const char *const attestation_kind_names[];

typedef struct Attestation {
        AttestationKind kind;
        char *primary, *secondary; /* thumbprints in upper case, without colons */
} Attestation;

#define ATTESTATION_NULL ((Attestation){})

/*
 * Copies what it is told. -EINVAL: not what this kind has; the keys are base64 of 16 to 64 bytes, thumbprints
 * hexadecimal in either case, with or without colons.
 */
int attestation_init(Attestation *ret, AttestationKind kind, const char *primary, const char *secondary);

/* Two fresh random keys. */
int attestation_init_keys(Attestation *ret);

/* The keys of a device of a group, made of those of the group. -EINVAL: the group has no keys. */
int attestation_init_derived(Attestation *ret, const Attestation *group, az_span registration_id);

/* The thumbprint (SHA-256) of this certificate. */
int attestation_init_certificate(Attestation *ret, const X509 *certificate);

int attestation_copy(const Attestation *attestation, Attestation *ret);
void attestation_done(Attestation *attestation);

/*
 * Reads and writes members of an object that may have others: "authentication" with the kind, which is keys
 * if it is not there, and "primaryKey" and "secondaryKey", or "primaryThumbprint" and "secondaryThumbprint".
 * -EBADMSG: there is no such thing in 'object'.
 */
int attestation_load(const cJSON *object, Attestation *ret);
bool attestation_store(const Attestation *attestation, cJSON *object);

/* Is the token signed with one of the keys? */
bool attestation_has_signed(const Attestation *attestation, const SasToken *token);

/*
 * Is that whom the certificate is of? Returns NULL if so, else why not, for the log. By a CA, its common name
 * has to be 'name'; a thumbprint says which one it is, whatever its name.
 */
const char *attestation_check_certificate(const Attestation *attestation, const PeerCertificate *peer,
                                          az_span name, uint64_t now_s);
