/* SPDX-License-Identifier: MIT */
#ifndef SECURE_ELEMENT_H
#define SECURE_ELEMENT_H

#include <stdbool.h>

#include <azure/core/az_span.h>

/* Room for an HMAC-SHA256 in base64. */
#define SECURE_ELEMENT_SIGNATURE_SIZE 44

/*
 * Signs a text with the device's key: base64(HMAC-SHA256(key, text)).
 *
 *   signature  SECURE_ELEMENT_SIGNATURE_SIZE bytes
 *
 * false: there is no such key.
 */
bool secure_element_sign(const char *key_file, az_span text, az_span signature);

#endif
