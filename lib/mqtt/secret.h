/* SPDX-License-Identifier: MIT */
#pragma once

/* A secret that lives in a file: a token, a password. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a file of 1 to MQTT_SECRET_MAX bytes as it is; that blocks as long as reading takes. The caller gives
 * the bytes back to mqtt_secret_free(). -ENOENT, -EACCES…: it cannot be read. -EINVAL: it is not a regular
 * file. -EFBIG: it is too large. -ENODATA: it is empty, as it may be for a moment while somebody writes it.
 * 'ret_text' says it in words.
 */
int mqtt_secret_read(const char *path, uint8_t **ret, size_t *ret_size, char *ret_text, size_t text_size);

/* Wipes and frees; takes NULL, returns NULL. */
uint8_t *mqtt_secret_free(uint8_t *secret, size_t size);

#ifdef __cplusplus
}
#endif
