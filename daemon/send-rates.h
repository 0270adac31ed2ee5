/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How many messages a user may send in a second: a token bucket for each user and limit, which all
 * connections of the user for which that limit holds share. It reads no clock.
 */

#include <sys/types.h>

#include "daemon/token-bucket.h"

/* Numbers of messages, at most TOKEN_BUCKET_MAX. */
typedef struct SendLimit {
        uint64_t per_s; /* 0: there is no limit */
        uint64_t burst; /* at least 1 */
} SendLimit;

typedef struct SendRate {
        uid_t uid;
        TokenBucket bucket;
} SendRate;

/* Those who have sent of late: a bucket that is full again is as good as a new one, and is forgotten. */
typedef struct SendRates {
        SendRate *items;
        size_t n, n_allocated;
} SendRates;

/* Conditions of send_rates_take(). */
enum {
        SEND_RATE_EXCEEDED = 1, /* not now, but in *ret_retry_us */
        SEND_RATE_TOO_MANY,     /* never as many at once */
};

void send_rates_done(SendRates *s);

/* Lets a user send 'n' messages, all or none: 0, or a condition. -ENOMEM. */
int send_rates_take(SendRates *s, uid_t uid, const SendLimit *limit, uint64_t n, uint64_t now_us,
                    uint64_t *ret_retry_us);

/* Takes it back: they were not sent after all. */
void send_rates_put_back(SendRates *s, uid_t uid, const SendLimit *limit, uint64_t n);
