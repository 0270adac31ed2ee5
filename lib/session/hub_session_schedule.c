/* SPDX-License-Identifier: MIT */
#include <session/hub_session_internal.h>

#include <session/retry.h>

/* A link that lived shorter than this has not shown that all is well: the next delays go on growing. */
#define STABLE_US (60 * _az_USEC_PER_SEC)

/* A link that was about to end is made anew without waiting; a delay all the same, never 0. */
#define AT_ONCE_US (_az_USEC_PER_SEC / 10)

/* A token is renewed while it has as long to live, and no link sooner after the last. */
#define RENEWAL_MARGIN_S 60

enum {
        BACKOFF_ORDINARY,
        BACKOFF_THROTTLED,
        BACKOFF_REFUSED
};

/* SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
static uint64_t draw_random(az_hub_session *s) {
        uint64_t z = s->_internal.random += UINT64_C(0x9E3779B97F4A7C15);

        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        return z ^ (z >> 31);
}

void _az_hub_session_forget_failures(az_hub_session *s) {
        for (size_t i = 0; i < _az_HUB_SESSION_BACKOFFS; i++)
                s->_internal.n_failures[i] = 0;
}

void _az_hub_session_judge_link(az_hub_session *s, uint64_t now_us) {
        if (now_us - s->_internal.live_since_us >= STABLE_US)
                _az_hub_session_forget_failures(s);
}

/* MQTT 3.1.1, table 3.1: "0x03 Connection Refused, Server unavailable"; an overloaded hub says so. */
static unsigned backoff_of(az_hub_loss loss, uint8_t connack_code) {
        if (loss == AZ_HUB_LOSS_THROTTLED || (loss == AZ_HUB_LOSS_REFUSED && connack_code == 3))
                return BACKOFF_THROTTLED;
        return loss == AZ_HUB_LOSS_REFUSED ? BACKOFF_REFUSED : BACKOFF_ORDINARY;
}

static uint64_t back_off(az_hub_session *s, az_hub_loss loss, uint8_t connack_code) {
        uint32_t min_s = s->_internal.options.backoff_min_s, max_s = s->_internal.options.backoff_max_s;
        az_retry_policy const policies[_az_HUB_SESSION_BACKOFFS] = {
                [BACKOFF_ORDINARY] = { min_s, max_s },
                [BACKOFF_THROTTLED] = { max_s < 10 ? max_s : 10, max_s },
                /* Keys and enrolments are repaired by people: knock less and less often, but never stop. */
                [BACKOFF_REFUSED] = { 30, 3600 },
        };
        unsigned backoff = backoff_of(loss, connack_code);

        s->_internal.n_failures[backoff]++;
        return az_retry_delay_us(&policies[backoff], s->_internal.n_failures[backoff], draw_random(s));
}

void _az_hub_session_judge_loss(az_hub_session *s, az_hub_event *lost, uint64_t now_us) {
        bool is_planned =
                lost->as.lost.from == AZ_HUB_SESSION_DRAINING || lost->as.lost.from == AZ_HUB_SESSION_CLOSING;

        if (lost->as.lost.from == AZ_HUB_SESSION_LIVE || is_planned)
                _az_hub_session_judge_link(s, now_us);
        lost->as.lost.delay_us = back_off(s, lost->as.lost.loss, lost->as.lost.connack_code);
        if (is_planned)
                lost->as.lost.delay_us = AT_ONCE_US;
}

/* After 75 to 85 % of its life, by the clock that nobody sets: devices that began together do not stay so. */
void _az_hub_session_plan_renewal(az_hub_session *s, uint64_t now_us) {
        uint64_t life_us = s->_internal.options.token_lifetime_s * _az_USEC_PER_SEC;
        uint64_t age_us = life_us / 100 * 75 + draw_random(s) % (life_us / 10 + 1);
        uint64_t most_us = life_us - RENEWAL_MARGIN_S * _az_USEC_PER_SEC;

        s->_internal.renew_us = now_us + (age_us < most_us ? age_us : most_us);
}

uint64_t _az_hub_session_renewal_us(az_hub_session const *s) {
        uint64_t least_us = s->_internal.live_since_us + RENEWAL_MARGIN_S * _az_USEC_PER_SEC;

        return s->_internal.renew_us > least_us ? s->_internal.renew_us : least_us;
}
