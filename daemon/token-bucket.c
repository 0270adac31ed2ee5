/* SPDX-License-Identifier: MIT */

#include "daemon/token-bucket.h"

#include <assert.h>

/* A token in the unit of 'level': per_s tokens a second are per_s of these a microsecond. */
#define TOKEN USEC_PER_SEC

void token_bucket_init(TokenBucket *b, uint64_t per_s, uint64_t burst, uint64_t now_us) {
        assert(per_s <= TOKEN_BUCKET_MAX && burst >= 1 && burst <= TOKEN_BUCKET_MAX);

        *b = (TokenBucket){ .per_s = per_s, .burst = burst, .level = burst * TOKEN, .filled_us = now_us };
}

bool token_bucket_take_all(TokenBucket *b, uint64_t n, uint64_t now_us) {
        uint64_t full = b->burst * TOKEN;

        if (b->per_s == 0)
                return true;
        assert(n <= b->burst);

        if (now_us - b->filled_us >= full / b->per_s + 1)
                b->level = full;
        else
                b->level = MIN(b->level + (now_us - b->filled_us) * b->per_s, full);
        b->filled_us = now_us;

        if (b->level < n * TOKEN)
                return false;
        b->level -= n * TOKEN;
        return true;
}

bool token_bucket_take(TokenBucket *b, uint64_t now_us) {
        return token_bucket_take_all(b, 1, now_us);
}

uint64_t token_bucket_all_due_us(const TokenBucket *b, uint64_t n) {
        if (b->per_s == 0 || b->level >= n * TOKEN)
                return b->filled_us;
        return b->filled_us + (n * TOKEN - b->level + b->per_s - 1) / b->per_s;
}

uint64_t token_bucket_due_us(const TokenBucket *b) {
        return token_bucket_all_due_us(b, 1);
}

void token_bucket_put_back(TokenBucket *b, uint64_t n) {
        b->level = MIN(b->level + n * TOKEN, b->burst * TOKEN);
}
