/* SPDX-License-Identifier: MIT */
#pragma once

/* CRC-32C (Castagnoli), as in RFC 3720 appendix B.4: what our state files are checked with. */

#include <stddef.h>
#include <stdint.h>

/*
 * Continues 'crc' over 'n' bytes; begin with 0, or with a secret to get a checksum that nobody else can make.
 * crc32c(crc32c(0, a), b) is the checksum of a followed by b.
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
