/* SPDX-License-Identifier: MIT */

#include "daemon/outboxes.h"

#include <assert.h>
#include <limits.h>

/* The part of the whole that is kept for messages of high priority. */
#define HIGH_SHARE 8U

/* Each holds the largest message, and the high log of the smallest outbox has three of them. */
#define HIGH_SEGMENT_BYTES_MIN (UINT64_C(336) * 1024)

static_assert(OUTBOXES_BYTES_MIN - 3 * HIGH_SEGMENT_BYTES_MIN >= (UINT64_C(3) << 20),
              "the smallest outbox has no room for three normal segments");

struct Outboxes {
        Outbox *logs[_PRIORITY_MAX];
};

/* Those of the normal log are as if it had all to itself. */
static uint64_t choose_segment_bytes(const OutboxesConfig *c, Priority priority) {
        uint64_t share = c->max_bytes / HIGH_SHARE;

        if (c->segment_bytes > 0)
                return c->segment_bytes;
        if (priority == PRIORITY_NORMAL)
                return outbox_segment_bytes(c->max_bytes);
        return MIN(outbox_segment_bytes(share), MAX(share / 3, HIGH_SEGMENT_BYTES_MIN));
}

/* The share of a log. */
static OutboxConfig config_share(const OutboxesConfig *c, Priority priority, const char *directory) {
        uint64_t high_bytes = MAX(c->max_bytes / HIGH_SHARE, 3 * choose_segment_bytes(c, PRIORITY_HIGH));
        uint64_t high_messages = MAX(c->max_messages / HIGH_SHARE, UINT64_C(1));
        bool is_high = priority == PRIORITY_HIGH;
        OutboxConfig config = {
                .directory = directory,
                .max_bytes = is_high ? high_bytes : c->max_bytes - high_bytes,
                .segment_bytes = choose_segment_bytes(c, priority),
                .ttl_s = c->ttl_s,
                .sync_interval_us = c->sync_interval_us,
                .policy = c->policy,
        };

        if (c->max_messages > 0)
                config.max_messages =
                        is_high ? high_messages : MAX(c->max_messages - high_messages, UINT64_C(1));
        return config;
}

int outboxes_open(Outboxes **ret, Disk *disk, const OutboxesConfig *c, const OutboxTime *now) {
        static const char *const subdirectories[_PRIORITY_MAX] = {
                [PRIORITY_NORMAL] = "",
                [PRIORITY_HIGH] = "/high",
        };
        _cleanup_(outboxes_freep) Outboxes *o = NULL;
        char directory[PATH_MAX];
        int r;

        if (c->segment_bytes == 0 && c->max_bytes < OUTBOXES_BYTES_MIN)
                return -EINVAL;

        o = malloc(sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Outboxes){};

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                OutboxConfig config = config_share(c, p, directory);

                r = snprintf(directory, sizeof(directory), "%s%s", c->directory, subdirectories[p]);
                if (r >= (int) sizeof(directory))
                        return -ENAMETOOLONG;
                r = outbox_open(&o->logs[p], disk, &config, now);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

int outboxes_configure(Outboxes *o, const OutboxesConfig *c, const OutboxTime *now) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                OutboxConfig config = config_share(c, p, NULL);
                int r;

                r = outbox_configure(o->logs[p], &config, now);
                if (r < 0)
                        return r;
        }
        return 0;
}

Outboxes *outboxes_free(Outboxes *o) {
        if (!o)
                return NULL;

        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                o->logs[p] = outbox_free(o->logs[p]);
        free(o);
        return NULL;
}

int outboxes_close(Outboxes *o) {
        int r = 0;

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                int k = outbox_close(o->logs[p]);

                if (r == 0)
                        r = k;
        }
        return r;
}

Outbox *outboxes_get(const Outboxes *o, Priority priority) {
        return o->logs[priority];
}

OwnerUse outboxes_get_use(const Outboxes *o, uint32_t owner) {
        OwnerUse sum = { .owner = owner };

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                OwnerUse use = outbox_get_use(o->logs[p], owner);

                sum.n_messages += use.n_messages;
                sum.n_bytes += use.n_bytes;
        }
        return sum;
}

/* Whether an owner may have both. */
static bool limits_allow(const OutboxLimits *limits, const OwnerUse *use, const OwnerUse *more) {
        return (limits->max_bytes == 0 || use->n_bytes + more->n_bytes <= limits->max_bytes) &&
               (limits->max_messages == 0 || use->n_messages + more->n_messages <= limits->max_messages);
}

/* 0, or a condition of outboxes_append(). */
static int check_limits(Outboxes *o, const OutboxMessage *messages, size_t n, const OutboxLimits *limits,
                        const OutboxTime *now) {
        OwnerUse more = { .owner = messages[0].owner, .n_messages = n }, use;

        for (size_t i = 0; i < n; i++)
                more.n_bytes += outbox_message_bytes(&messages[i]);
        if (!limits_allow(limits, &(OwnerUse){}, &more))
                return OUTBOX_TOO_LARGE;

        use = outboxes_get_use(o, more.owner);
        if (limits_allow(limits, &use, &more))
                return 0;
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                outbox_drop_expired(o->logs[p], now);
        use = outboxes_get_use(o, more.owner);
        return limits_allow(limits, &use, &more) ? 0 : OUTBOX_OVER_LIMIT;
}

int outboxes_append(Outboxes *o, Priority priority, const OutboxMessage *messages, size_t n,
                    const OutboxLimits *limits, const OutboxTime *now, uint64_t *ret_first) {
        int r = 0;

        if (limits && (limits->max_bytes > 0 || limits->max_messages > 0))
                r = check_limits(o, messages, n, limits, now);
        return r != 0 ? r : outbox_append(o->logs[priority], messages, n, now, ret_first);
}

uint64_t outboxes_deadline_us(const Outboxes *o) {
        uint64_t deadline_us = UINT64_MAX;

        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                deadline_us = MIN(deadline_us, outbox_deadline_us(o->logs[p]));
        return deadline_us;
}

void outboxes_run_due(Outboxes *o, uint64_t now_us) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                outbox_run_due(o->logs[p], now_us);
}

int outboxes_get_storage_error(const Outboxes *o) {
        int error = 0;

        for (Priority p = 0; p < _PRIORITY_MAX && error == 0; p++)
                error = outbox_get_storage_error(o->logs[p]);
        return error;
}

void outboxes_get_stats(const Outboxes *o, OutboxStats *ret) {
        *ret = (OutboxStats){};
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                OutboxStats stats;

                outbox_get_stats(o->logs[p], &stats);
                ret->messages += stats.messages;
                ret->bytes += stats.bytes;
                ret->capacity_bytes += stats.capacity_bytes;
                ret->capacity_messages += stats.capacity_messages;
                if (stats.oldest_realtime_us > 0 &&
                    (ret->oldest_realtime_us == 0 || stats.oldest_realtime_us < ret->oldest_realtime_us))
                        ret->oldest_realtime_us = stats.oldest_realtime_us;
                ret->counted_since_us =
                        p == 0 ? stats.counted_since_us : MIN(ret->counted_since_us, stats.counted_since_us);
                for (size_t i = 0; i < _OUTBOX_DROP_CAUSE_MAX; i++)
                        ret->n_dropped[i] += stats.n_dropped[i];
        }
}
