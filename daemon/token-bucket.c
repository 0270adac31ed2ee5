/* SPDX-License-Identifier: MIT */

#include "daemon/token-bucket.h"

#include <assert.h>

/* A token in the unit of 'level': per_s tokens a second are per_s of these a microsecond. */
#define TOKEN USEC_PER_SEC

void token_bucket_init(TokenBucket *b, uint64_t per_s, uint64_t burst, uint64_t now_us) {
        assert(per_s <= TOKEN_BUCKET_MAX && burst >= 1 && burst <= TOKEN_BUCKET_MAX);

        *b = (TokenBucket){ .per_s = per_s, .burst = burst, .level = burst * TOKEN, .filled_us = now_us };
}

bool token_bucket_take(TokenBucket *b, uint64_t now_us) {
        uint64_t full = b->burst * TOKEN;

        if (b->per_s == 0)
                return true;

        if (now_us - b->filled_us >= full / b->per_s + 1)
                b->level = full;
        else
                b->level = MIN(b->level + (now_us - b->filled_us) * b->per_s, full);
        b->filled_us = now_us;

        if (b->level < TOKEN)
                return false;
        b->level -= TOKEN;
        return true;
}

uint64_t token_bucket_due_us(const TokenBucket *b) {
        if (b->per_s == 0 || b->level >= TOKEN)
                return b->filled_us;
        return b->filled_us + (TOKEN - b->level + b->per_s - 1) / b->per_s;
}
