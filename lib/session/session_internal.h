/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_INTERNAL_H
#define _az_SESSION_INTERNAL_H

/* What the state machines share; not part of the public API. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_span.h>

_az_BEGIN_DECLS

#define _az_USEC_PER_SEC UINT64_C(1000000)

/* Base64 of the 32 bytes of an HMAC-SHA256; and one that is longest once it is percent-encoded: where the
 * password with it fits, each does, and the text to be signed, which is shorter. */
#define _az_SIGNATURE_SIZE    44
#define _az_SIGNATURE_LONGEST AZ_SPAN_FROM_STR("++++++++++++++++++++++++++++++++++++++++++++")

/* Overwrites a text that was a secret, or led to one. */
AZ_INLINE void _az_session_wipe(char *text, size_t *ref_len) {
        /* volatile: the compiler may not leave out a store to it. */
        volatile char *p = text;

        for (size_t i = 0; i < *ref_len; i++)
                p[i] = '\0';
        *ref_len = 0;
}

AZ_NODISCARD AZ_INLINE az_span _az_session_span_of(char *text, size_t len) {
        return az_span_create((uint8_t *) text, (int32_t) len);
}

AZ_NODISCARD AZ_INLINE bool _az_session_is_within(uint32_t least, uint32_t value, uint32_t most) {
        return least <= value && value <= most;
}

/* Returns a name from a table of them; NULL: there is none. */
AZ_NODISCARD AZ_INLINE char const *_az_session_name_in(char const *const *names, size_t n_names,
                                                       size_t index) {
        return index < n_names ? names[index] : NULL;
}

_az_END_DECLS

#endif
