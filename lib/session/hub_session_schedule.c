/* SPDX-License-Identifier: MIT */
#include <session/hub_session_internal.h>

#include <session/retry.h>

/* A link that lived shorter than this has not shown that all is well: the next delays go on growing. */
#define STABLE_US (60 * _az_USEC_PER_SEC)

/* A link that was about to end is made anew without waiting; a delay all the same, never 0. */
#define AT_ONCE_US (_az_USEC_PER_SEC / 10)

/* A token is renewed while it has as long to live, and no link sooner after the last. */
#define RENEWAL_MARGIN_S 60

/* A hub lets the last connection of an identity win: one that ends so soon, so often, has a rival. */
#define SHORT_US             (10 * _az_USEC_PER_SEC)
#define N_SHORT_OF_DUPLICATE 3

/* How long a clock that cannot be right is waited for. */
#define CLOCK_WAIT_US (300 * _az_USEC_PER_SEC)

/* A clock that was set by less may as well have drifted. */
#define CLOCK_STEP_S 60

/* Each kind of loss is counted for itself. */
enum {
        BACKOFF_ORDINARY,
        BACKOFF_THROTTLED,
        BACKOFF_REFUSED,
        BACKOFF_DUPLICATE,
        BACKOFF_CLOCK,
        BACKOFF_LOCAL
};

static void forget_failures(az_hub_session *s) {
        for (size_t i = 0; i < _az_HUB_SESSION_BACKOFFS; i++)
                s->_internal.n_failures[i] = 0;
}

void _az_hub_session_forget_losses(az_hub_session *s) {
        forget_failures(s);
        s->_internal.n_short = 0;
        s->_internal.clock_until_us = 0;
}

uint64_t _az_hub_session_splay_us(az_hub_session *s) {
        return 1 + az_retry_draw(&s->_internal.random) % (s->_internal.options.splay_s * _az_USEC_PER_SEC);
}

void _az_hub_session_judge_link(az_hub_session *s, uint64_t now_us) {
        if (now_us - s->_internal.live_since_us < STABLE_US)
                return;
        forget_failures(s);
        s->_internal.n_short = 0;
}

/* MQTT 3.1.1, table 3.1: "0x03 Connection Refused, Server unavailable"; an overloaded hub says so. */
static unsigned backoff_of(az_hub_loss loss, uint8_t connack_code) {
        if (loss == AZ_HUB_LOSS_REFUSED)
                return connack_code == 3 ? BACKOFF_THROTTLED : BACKOFF_REFUSED;
        if (loss == AZ_HUB_LOSS_THROTTLED)
                return BACKOFF_THROTTLED;
        if (loss == AZ_HUB_LOSS_DUPLICATE)
                return BACKOFF_DUPLICATE;
        if (loss == AZ_HUB_LOSS_LOCAL)
                return BACKOFF_LOCAL;
        return loss == AZ_HUB_LOSS_CLOCK ? BACKOFF_CLOCK : BACKOFF_ORDINARY;
}

static bool has_token(az_hub_session const *s) {
        return s->_internal.options.credential == AZ_CREDENTIAL_SAS;
}

static uint64_t back_off(az_hub_session *s, az_hub_loss loss, uint8_t connack_code) {
        uint32_t min_s = s->_internal.options.backoff_min_s, max_s = s->_internal.options.backoff_max_s;
        az_retry_policy const policies[_az_HUB_SESSION_BACKOFFS] = {
                [BACKOFF_ORDINARY] = { min_s, max_s },
                [BACKOFF_THROTTLED] = { max_s < 10 ? max_s : 10, max_s },
                /* Keys and enrollments are repaired by people: knock less and less often, but never stop. */
                [BACKOFF_REFUSED] = { 30, 3600 },
                [BACKOFF_DUPLICATE] = { 60, 600 },
                [BACKOFF_CLOCK] = { 1, 60 },
                /* Nobody is asked for anything: it is over when there is memory again, and soon noticed. */
                [BACKOFF_LOCAL] = { 1, 4 },
        };
        unsigned backoff = backoff_of(loss, connack_code);
        uint32_t n_failures = ++s->_internal.n_failures[backoff];

        /* "Bad user name or password", "not authorized": a new token may be all that it takes, once. */
        if (backoff == BACKOFF_REFUSED && (connack_code == 4 || connack_code == 5) && has_token(s)) {
                if (n_failures == 1)
                        backoff = BACKOFF_ORDINARY;
                else
                        n_failures--;
        }
        return az_retry_delay_us(&policies[backoff], n_failures, az_retry_draw(&s->_internal.random));
}

/* Whether the hub ended this link as it does when somebody else connects with the same identity. */
static bool has_rival(az_hub_session *s, az_hub_event const *lost, uint64_t now_us) {
        if (lost->as.lost.from != AZ_HUB_SESSION_LIVE)
                return false;
        if (now_us - s->_internal.connected_us >= SHORT_US)
                s->_internal.n_short = 0;
        else if (lost->as.lost.loss == AZ_HUB_LOSS_CLOSED)
                s->_internal.n_short++;
        return lost->as.lost.loss == AZ_HUB_LOSS_CLOSED && s->_internal.n_short >= N_SHORT_OF_DUPLICATE;
}

/* What is left of the time to wait for the clock; begins it. */
static uint64_t clock_wait_us(az_hub_session *s, uint64_t now_us) {
        if (s->_internal.clock_until_us == 0)
                s->_internal.clock_until_us = now_us + CLOCK_WAIT_US;
        return s->_internal.clock_until_us - now_us;
}

void _az_hub_session_judge_loss(az_hub_session *s, az_hub_event *lost, uint64_t now_us) {
        bool is_planned =
                lost->as.lost.from == AZ_HUB_SESSION_DRAINING || lost->as.lost.from == AZ_HUB_SESSION_CLOSING;
        uint64_t delay_us, most_us = UINT64_MAX;

        if (lost->as.lost.from == AZ_HUB_SESSION_LIVE || lost->as.lost.from == AZ_HUB_SESSION_DRAINING)
                _az_hub_session_judge_link(s, now_us);
        if (has_rival(s, lost, now_us))
                lost->as.lost.loss = AZ_HUB_LOSS_DUPLICATE;

        delay_us = back_off(s, lost->as.lost.loss, lost->as.lost.connack_code);
        if (lost->as.lost.loss == AZ_HUB_LOSS_CLOCK)
                most_us = clock_wait_us(s, now_us);
        else if (is_planned)
                most_us = AT_ONCE_US;
        lost->as.lost.delay_us = delay_us < most_us ? delay_us : most_us;
}

bool _az_hub_session_waits_for_clock(az_hub_session const *s, az_hub_session_time time) {
        return time.unix_s < s->_internal.options.build_unix_s &&
               (s->_internal.clock_until_us == 0 || time.now_us < s->_internal.clock_until_us);
}

/* How many seconds the wall clock has been set by since the last attempt began. */
static uint64_t clock_step_s(az_hub_session const *s, az_hub_session_time time) {
        uint64_t passed_us = time.now_us - s->_internal.begun.now_us;
        uint64_t expected_s = s->_internal.begun.unix_s + passed_us / _az_USEC_PER_SEC;

        return time.unix_s > expected_s ? time.unix_s - expected_s : expected_s - time.unix_s;
}

bool _az_hub_session_is_mended_by_clock(az_hub_session const *s, az_hub_session_time time) {
        az_hub_loss loss = s->_internal.last_loss;

        if (loss == AZ_HUB_LOSS_CLOCK)
                return time.unix_s >= s->_internal.options.build_unix_s;
        /* Of a certificate that was refused, the hub judged by its own clock. */
        return (loss == AZ_HUB_LOSS_TLS || (loss == AZ_HUB_LOSS_REFUSED && has_token(s))) &&
               clock_step_s(s, time) > CLOCK_STEP_S;
}

/* After 75 to 85 % of its life, by the clock that nobody sets: devices that began together do not stay so. */
static void date_token(az_hub_session *s, az_hub_session_time time) {
        uint64_t life_us = s->_internal.options.token_lifetime_s * _az_USEC_PER_SEC;
        uint64_t age_us = life_us / 100 * 75 + az_retry_draw(&s->_internal.random) % (life_us / 10 + 1);
        uint64_t most_us = life_us - RENEWAL_MARGIN_S * _az_USEC_PER_SEC;

        s->_internal.expires_unix_s = time.unix_s + s->_internal.options.token_lifetime_s;
        s->_internal.renew_us = time.now_us + (age_us < most_us ? age_us : most_us);
}

void _az_hub_session_date_attempt(az_hub_session *s, az_hub_session_time time) {
        s->_internal.begun = time;
        if (has_token(s))
                date_token(s, time);
        if (time.unix_s >= s->_internal.options.build_unix_s)
                s->_internal.clock_until_us = 0;
}

/*
 * By the wall clock too, in case that it was set: sooner if the token ends sooner, now if it is no good. A
 * clock that cannot be right judges no token, and could not date the next one.
 */
static uint64_t due_by_wall_clock_us(az_hub_session const *s, az_hub_session_time time) {
        uint64_t life_s = s->_internal.options.token_lifetime_s, left_s;

        if (time.unix_s < s->_internal.options.build_unix_s)
                return UINT64_MAX;
        if (s->_internal.expires_unix_s < time.unix_s + RENEWAL_MARGIN_S)
                return time.now_us;
        left_s = s->_internal.expires_unix_s - time.unix_s;
        if (left_s > life_s + life_s / 2)
                return time.now_us;
        return time.now_us + (left_s - RENEWAL_MARGIN_S) * _az_USEC_PER_SEC;
}

uint64_t _az_hub_session_renewal_us(az_hub_session const *s, az_hub_session_time time) {
        uint64_t least_us = s->_internal.live_since_us + RENEWAL_MARGIN_S * _az_USEC_PER_SEC;
        uint64_t due_us;

        if (!has_token(s))
                return UINT64_MAX;
        due_us = due_by_wall_clock_us(s, time);
        if (due_us > s->_internal.renew_us)
                due_us = s->_internal.renew_us;
        return due_us > least_us ? due_us : least_us;
}
