/* SPDX-License-Identifier: MIT */

#include "daemon/send-rates.h"

void send_rates_done(SendRates *s) {
        free(s->items);
        *s = (SendRates){};
}

static TokenBucket *find(const SendRates *s, uid_t uid, const SendLimit *limit) {
        for (size_t i = 0; i < s->n; i++) {
                SendRate *rate = &s->items[i];

                if (rate->uid == uid && rate->bucket.per_s == limit->per_s &&
                    rate->bucket.burst == limit->burst)
                        return &rate->bucket;
        }
        return NULL;
}

static void forget_full(SendRates *s, uint64_t now_us) {
        for (size_t i = 0; i < s->n;)
                if (token_bucket_all_due_us(&s->items[i].bucket, s->items[i].bucket.burst) <= now_us)
                        s->items[i] = s->items[--s->n];
                else
                        i++;
}

static int add(SendRates *s, uid_t uid, const SendLimit *limit, uint64_t now_us, TokenBucket **ret) {
        SendRate *items;

        forget_full(s, now_us);
        if (s->n == s->n_allocated) {
                items = reallocarray(s->items, s->n + 4, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                s->items = items;
                s->n_allocated = s->n + 4;
        }
        s->items[s->n] = (SendRate){ .uid = uid };
        *ret = &s->items[s->n++].bucket;
        token_bucket_init(*ret, limit->per_s, limit->burst, now_us);
        return 0;
}

int send_rates_take(SendRates *s, uid_t uid, const SendLimit *limit, uint64_t n, uint64_t now_us,
                    uint64_t *ret_retry_us) {
        TokenBucket *bucket;
        int r;

        if (limit->per_s == 0)
                return 0;
        if (n > limit->burst)
                return SEND_RATE_TOO_MANY;
        bucket = find(s, uid, limit);
        if (!bucket) {
                r = add(s, uid, limit, now_us, &bucket);
                if (r < 0)
                        return r;
        }
        if (token_bucket_take_all(bucket, n, now_us))
                return 0;
        *ret_retry_us = token_bucket_all_due_us(bucket, n) - now_us;
        return SEND_RATE_EXCEEDED;
}

void send_rates_put_back(SendRates *s, uid_t uid, const SendLimit *limit, uint64_t n) {
        TokenBucket *bucket = limit->per_s > 0 ? find(s, uid, limit) : NULL;

        if (bucket)
                token_bucket_put_back(bucket, n);
}
