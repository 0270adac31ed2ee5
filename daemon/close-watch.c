/* SPDX-License-Identifier: MIT */

#include "daemon/close-watch.h"

#define THROTTLED_UNHEARD_MIN 2U
#define THROTTLED_SLOW_MIN    2U
#define QUOTA_UNHEARD_MIN     5U
#define QUOTA_SILENCE_US      (600 * USEC_PER_SEC)

/* Longer than any network that is of use; a hub that throttles lets messages wait for seconds. */
#define SLOW_US (3 * USEC_PER_SEC)

/* A connection that lived so long was not in the hub's way. */
#define STABLE_US (600 * USEC_PER_SEC)

void close_watch_begin(CloseWatch *w, uint64_t now_us) {
        w->begun_us = now_us;
        w->is_heard = w->is_timed = false;
        w->worst_us = 0;
}

void close_watch_published(CloseWatch *w, uint64_t token, uint64_t now_us) {
        if (w->is_timed)
                return;
        w->is_timed = true;
        w->token = token;
        w->sent_us = now_us;
}

static void time_message(CloseWatch *w, uint64_t now_us) {
        w->is_timed = false;
        w->worst_us = MAX(w->worst_us, now_us - w->sent_us);
}

void close_watch_heard(CloseWatch *w, uint64_t token, uint64_t now_us) {
        w->is_heard = true;
        w->is_told = false;
        w->n_unheard = 0;
        if (w->is_timed && w->token == token)
                time_message(w, now_us);
}

void close_watch_told(CloseWatch *w) {
        w->is_told = true;
}

/* Who is cut off by a rival, or by a hub that is restarted, was served well until then. */
static Problem ended_heard(CloseWatch *w, uint64_t now_us) {
        if (w->is_timed)
                time_message(w, now_us);
        if (w->worst_us >= SLOW_US)
                w->n_slow++;
        else if (w->n_slow < THROTTLED_SLOW_MIN || now_us - w->begun_us >= STABLE_US)
                w->n_slow = 0;
        return w->n_slow < THROTTLED_SLOW_MIN ? PROBLEM_NONE : PROBLEM_HUB_THROTTLES;
}

static Problem ended_unheard(CloseWatch *w, uint64_t now_us) {
        if (w->n_unheard++ == 0)
                w->first_us = now_us;
        if (w->is_told)
                return PROBLEM_QUOTA;
        if (w->n_unheard < THROTTLED_UNHEARD_MIN)
                return PROBLEM_CLOSED_ON_PUBLISH;
        return w->n_unheard >= QUOTA_UNHEARD_MIN && now_us - w->first_us >= QUOTA_SILENCE_US
                       ? PROBLEM_QUOTA
                       : PROBLEM_HUB_THROTTLES;
}

Problem close_watch_ended(CloseWatch *w, bool on_publish, uint64_t now_us) {
        if (!on_publish) {
                w->n_slow = w->n_unheard = 0;
                return PROBLEM_NONE;
        }
        return w->is_heard ? ended_heard(w, now_us) : ended_unheard(w, now_us);
}

Problem close_watch_refused(const CloseWatch *w) {
        return w->is_told || w->n_unheard >= THROTTLED_UNHEARD_MIN ? PROBLEM_QUOTA : PROBLEM_NONE;
}

uint64_t close_watch_silence_us(const CloseWatch *w, uint64_t now_us) {
        return w->n_unheard > 0 ? now_us - w->first_us : 0;
}
