/* SPDX-License-Identifier: MIT */

#include "daemon/close-watch.h"

#define THROTTLED_UNHEARD_MIN 2U
#define THROTTLED_HEARD_MIN   3U
#define QUOTA_UNHEARD_MIN     5U
#define QUOTA_SILENCE_US      (600 * USEC_PER_SEC)

/* A connection that ends sooner may have a rival: az_hub_session judges that. */
#define RIVAL_US (10 * USEC_PER_SEC)
/* One that lived longer was not in the way of the hub. */
#define STABLE_US (600 * USEC_PER_SEC)

void close_watch_begin(CloseWatch *w, uint64_t now_us) {
        w->begun_us = now_us;
        w->is_heard = false;
}

void close_watch_heard(CloseWatch *w) {
        w->is_heard = true;
        w->n_unheard = 0;
}

static Problem ended_heard(CloseWatch *w, uint64_t lived_us) {
        if (lived_us < RIVAL_US)
                return PROBLEM_NONE;
        w->n_heard = lived_us < STABLE_US ? w->n_heard + 1 : 1;
        return w->n_heard < THROTTLED_HEARD_MIN ? PROBLEM_NONE : PROBLEM_HUB_THROTTLES;
}

static Problem ended_unheard(CloseWatch *w, uint64_t now_us) {
        if (w->n_unheard++ == 0)
                w->first_us = now_us;
        if (w->n_unheard < THROTTLED_UNHEARD_MIN)
                return PROBLEM_CLOSED_ON_PUBLISH;
        return w->n_unheard >= QUOTA_UNHEARD_MIN && now_us - w->first_us >= QUOTA_SILENCE_US
                       ? PROBLEM_QUOTA
                       : PROBLEM_HUB_THROTTLES;
}

Problem close_watch_ended(CloseWatch *w, bool on_publish, uint64_t now_us) {
        if (!on_publish) {
                w->n_heard = w->n_unheard = 0;
                return PROBLEM_NONE;
        }
        return w->is_heard ? ended_heard(w, now_us - w->begun_us) : ended_unheard(w, now_us);
}

Problem close_watch_refused(const CloseWatch *w) {
        return w->n_unheard >= THROTTLED_UNHEARD_MIN ? PROBLEM_QUOTA : PROBLEM_NONE;
}

uint64_t close_watch_silence_us(const CloseWatch *w, uint64_t now_us) {
        return now_us - w->first_us;
}
