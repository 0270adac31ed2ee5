/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared access signatures: HMAC-SHA256 with a symmetric key. */

#include <stddef.h>

#include <azure/core/az_span.h>
#include <mqtt/link.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Base64 of 32 bytes and a NUL. */
#define SAS_SIGNATURE_SIZE 45U
/* Bytes of a decoded key. IoT Hub takes 16 to 64; a derived DPS key has 32. */
#define SAS_KEY_MAX 256U

/*
 * Signs 'string_to_sign' with the key that 'key_base64' encodes and writes base64 with a NUL.
 * The decoded key is wiped. -EINVAL: the key is not strict base64, is empty or longer than SAS_KEY_MAX.
 * -ENOBUFS: 'size' is below SAS_SIGNATURE_SIZE. -EIO: OpenSSL failed.
 */
int sas_sign(az_span string_to_sign, az_span key_base64, char *ret_signature, size_t size);

/*
 * Makes a sign job for mqtt_link_open() that signs 'input' with its own copy of the key, wiped when the job
 * is over. 'input' is not copied: it must live until mqtt_link_open() has returned. -ENOMEM.
 */
int sas_sign_job_new(MqttSignJob *ret, az_span input, az_span key_base64);

#ifdef __cplusplus
}
#endif
