/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * SAS tokens and the keys that sign them, as IoT Hub and its provisioning service have them. No I/O.
 *
 * Source: "Control access to IoT Hub by using shared access signatures" and "Symmetric key attestation".
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* "SharedAccessSignature sr={resource}&sig={signature}&se={expiry}[&skn={policy}]", fields in any order. */
typedef struct SasToken {
        az_span resource;  /* as written: the signature covers these bytes */
        az_span signature; /* percent-encoded base64 */
        az_span expiry;
        az_span policy;    /* empty for a device's own key */
        uint64_t expiry_s; /* seconds since 1970 */
} SasToken;

/* Two ids of 128 bytes, each escaped, and a host name; a longer token is none. */
#define SAS_TOKEN_MAX 2048

int sas_token_parse(az_span password, SasToken *ret);

/* Is the signature the one that this key (base64) makes? */
bool sas_token_is_signed_with(const SasToken *token, const char *key);

/* Enough for the base64 of any key, with NUL. */
#define SAS_KEY_TEXT_SIZE 96U

/* Is it the base64 of 16 to 64 bytes? */
bool sas_key_is_valid(const char *key);

/* Makes a random one of 256 bits, as the hub does. */
int sas_key_make(char ret[static SAS_KEY_TEXT_SIZE]);

/* Makes the key of a device of a group from the group's: base64(HMAC-SHA256(key, registration id)). -EINVAL:
 * 'group_key' is no key. */
int sas_key_derive(const char *group_key, az_span registration_id, char ret[static SAS_KEY_TEXT_SIZE]);
