/* SPDX-License-Identifier: MIT */
#pragma once

/* One number for a message of any priority: its sequence, and the priority in the bit that no sequence has.
 */

#include "daemon/priority.h"

#define TOKEN_HIGH (UINT64_C(1) << 63)

static inline uint64_t token_make(Priority priority, uint64_t sequence) {
        return priority == PRIORITY_HIGH ? sequence | TOKEN_HIGH : sequence;
}

static inline Priority token_priority(uint64_t token) {
        return token & TOKEN_HIGH ? PRIORITY_HIGH : PRIORITY_NORMAL;
}

static inline uint64_t token_sequence(uint64_t token) {
        return token & ~TOKEN_HIGH;
}
