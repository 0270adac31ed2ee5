/* SPDX-License-Identifier: MIT */

/*
 * Linked with --wrap=crc32c, this makes all checksums the same, so that they always match. flip-files with it
 * has to find messages that nobody sent, or nothing in it would notice damage.
 */

#include <stddef.h>
#include <stdint.h>

uint32_t __wrap_crc32c(uint32_t crc, const void *data, size_t n);

uint32_t __wrap_crc32c(uint32_t crc, const void *data, size_t n) {
        return 0x5ca1ab1e;
}
