/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A token bucket: so many tokens come in a second, at most 'burst' of them are kept, and whoever takes one
 * may do one thing. It reads no clock.
 */

#include "util/util.h"

/* So that no product of the two with a time overflows. */
#define TOKEN_BUCKET_MAX UINT64_C(1000000)

typedef struct TokenBucket {
        uint64_t per_s;     /* 0: there is no limit */
        uint64_t burst;     /* at least 1 */
        uint64_t level;     /* what is in it, in millionths of a token */
        uint64_t filled_us; /* when that was reckoned */
} TokenBucket;

/* A full one. Both numbers are at most TOKEN_BUCKET_MAX. */
void token_bucket_init(TokenBucket *b, uint64_t per_s, uint64_t burst, uint64_t now_us);

/* Takes a token; false: there is none yet, until token_bucket_due_us(). */
bool token_bucket_take(TokenBucket *b, uint64_t now_us);

/* When there is a token; not in the future: there is one. */
uint64_t token_bucket_due_us(const TokenBucket *b);

/* The same for 'n' at once, which are no more than 'burst': all or none. */
bool token_bucket_take_all(TokenBucket *b, uint64_t n, uint64_t now_us);
uint64_t token_bucket_all_due_us(const TokenBucket *b, uint64_t n);

/* Puts 'n' back that were just taken, as nothing came of it. */
void token_bucket_put_back(TokenBucket *b, uint64_t n);
