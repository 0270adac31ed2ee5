/* SPDX-License-Identifier: MIT */

/*
 * Random inputs at random times, from fixed seeds, and what must hold whatever comes: the scripts of the
 * other tests say what happens, this says what never does.
 */

#include <inttypes.h>

#include <session/hub_session.h>

#include "unit-span.h"

#define N_SEEDS  60
#define N_INPUTS 2000

#define BUILD_UNIX_S UINT64_C(1893456000)

typedef enum {
        IN_START,
        IN_STOP,
        IN_RECONNECT_NOW,
        IN_RENEW,
        IN_CLOCK_CHANGED,
        IN_SIGNED, /* from here on what is nobody's wish */
        IN_CONNECTED,
        IN_REFUSED,
        IN_SUBACK,
        IN_LOST,
        IN_TIMEOUT,
        IN_DRAINED,
        IN_CLOSED,
        IN_MESSAGE,
        _IN_MAX
} Input;

/* What was reached, or the checks prove little. */
typedef struct {
        unsigned n_events[_AZ_HUB_EVENT_TYPE_MAX], n_losses[_AZ_HUB_LOSS_MAX], n_renewals, n_unset,
                n_certificates;
} Reached;

/* What the driver knows of the session without asking it. */
typedef struct {
        az_hub_session session;
        az_hub_session_options options;
        az_iot_hub_client client;
        az_hub_session_time time;
        uint64_t seed, random;
        bool is_left_alone; /* nobody wishes anything, nobody sets the clock */
        bool is_flaky;      /* links are lost soon */

        bool is_running;            /* started and not stopped */
        az_hub_event_type open;     /* the event whose answer is awaited; LOST while backing off */
        bool is_granted;            /* every filter, since the last SUBSCRIBE */
        uint64_t expires_unix_s;    /* of the last token */
        uint64_t live_us, clock_us; /* when the link went live; since when the clock is waited for, or 0 */
        Reached *reached;
} World;

#define HOLDS(w, condition) ck_assert_msg(condition, "seed %" PRIu64 ": %s", (w)->seed, #condition)

static uint64_t draw(World *w, uint64_t n) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % n;
}

/* Which events may follow which: each request has exactly one result, and none comes unasked. */
#define AFTER(event) (1U << AZ_HUB_EVENT_##event)
static const unsigned follows[_AZ_HUB_EVENT_TYPE_MAX] = {
        [AZ_HUB_EVENT_SIGN] = AFTER(DISCONNECT) | AFTER(LOST) | AFTER(WAIT),
        [AZ_HUB_EVENT_CONNECT] = AFTER(SIGN) | AFTER(DISCONNECT) | AFTER(LOST) | AFTER(WAIT),
        [AZ_HUB_EVENT_SUBSCRIBE] = AFTER(CONNECT),
        [AZ_HUB_EVENT_LIVE] = AFTER(SUBSCRIBE),
        [AZ_HUB_EVENT_METHOD] = AFTER(SUBSCRIBE) | AFTER(LIVE) | AFTER(DRAIN),
        [AZ_HUB_EVENT_C2D] = AFTER(SUBSCRIBE) | AFTER(LIVE) | AFTER(DRAIN),
        [AZ_HUB_EVENT_TWIN] = AFTER(SUBSCRIBE) | AFTER(LIVE) | AFTER(DRAIN),
        [AZ_HUB_EVENT_WAIT] = AFTER(DISCONNECT),
        [AZ_HUB_EVENT_DRAIN] = AFTER(LIVE),
        [AZ_HUB_EVENT_LOST] = AFTER(SIGN) | AFTER(CONNECT) | AFTER(SUBSCRIBE) | AFTER(LIVE) | AFTER(DRAIN) |
                              AFTER(DISCONNECT) | AFTER(LOST) | AFTER(WAIT),
        [AZ_HUB_EVENT_DISCONNECT] = UINT32_MAX, /* a stop */
};

/* It begins with a clock that is right, or after the wait for one. */
static void on_attempt(World *w) {
        if (w->time.unix_s >= w->options.build_unix_s) {
                w->clock_us = 0;
                return;
        }
        HOLDS(w, w->clock_us > 0 && w->time.now_us - w->clock_us >= 300 * USEC_PER_SEC);
        w->reached->n_unset++;
}

static void on_sign(World *w, const az_hub_event *event) {
        bool is_unset = w->time.unix_s < w->options.build_unix_s;

        HOLDS(w, w->options.credential == AZ_CREDENTIAL_SAS);
        HOLDS(w, event->as.sign.expires_unix_s == w->time.unix_s + w->options.token_lifetime_s);
        HOLDS(w, event->as.sign.clock_is_unset == is_unset);
        on_attempt(w);
        w->expires_unix_s = event->as.sign.expires_unix_s;
}

/* The password is that of the last token, no other. */
static void on_connect(World *w, const az_hub_event *event) {
        az_span password = event->as.connect.password;
        char expiry[32];
        int n;

        if (w->options.credential == AZ_CREDENTIAL_X509) {
                on_attempt(w);
                HOLDS(w, az_span_size(password) == 0);
                w->reached->n_certificates++;
                return;
        }
        HOLDS(w, w->open == AZ_HUB_EVENT_SIGN);

        n = snprintf(expiry, sizeof(expiry), "&se=%" PRIu64, w->expires_unix_s);
        HOLDS(w, az_span_size(password) > n);
        ck_assert_span_eq(az_span_slice_to_end(password, az_span_size(password) - n), expiry);
}

static void on_lost(World *w, const az_hub_event *event) {
        az_hub_session_state from = event->as.lost.from;
        az_hub_loss loss = event->as.lost.loss;
        uint64_t least_us = USEC_PER_SEC;

        if (loss == AZ_HUB_LOSS_CLOCK) {
                HOLDS(w, w->time.unix_s < w->options.build_unix_s);
                if (w->clock_us == 0)
                        w->clock_us = w->time.now_us;
                least_us = 1;
        } else if (from == AZ_HUB_SESSION_DRAINING || from == AZ_HUB_SESSION_CLOSING) {
                least_us = USEC_PER_SEC / 10;
        }
        HOLDS(w, event->as.lost.delay_us >= least_us);
        HOLDS(w, event->as.lost.delay_us <= 3600 * USEC_PER_SEC);
        HOLDS(w, az_hub_session_deadline_us(&w->session) == w->time.now_us + event->as.lost.delay_us);
        HOLDS(w, loss != AZ_HUB_LOSS_NONE);
        w->reached->n_losses[loss]++;
}

static void on_event(World *w, const az_hub_event *event) {
        az_hub_event_type type = event->type;
        bool is_message =
                type == AZ_HUB_EVENT_METHOD || type == AZ_HUB_EVENT_C2D || type == AZ_HUB_EVENT_TWIN;

        ck_assert_msg(follows[type] & 1U << w->open, "seed %" PRIu64 ": %s after %s", w->seed,
                      az_hub_event_type_to_string(type), az_hub_event_type_to_string(w->open));
        w->reached->n_events[type]++;

        if (type == AZ_HUB_EVENT_SIGN)
                on_sign(w, event);
        else if (type == AZ_HUB_EVENT_CONNECT)
                on_connect(w, event);
        else if (type == AZ_HUB_EVENT_LOST)
                on_lost(w, event);
        else if (type == AZ_HUB_EVENT_SUBSCRIBE)
                HOLDS(w, 1 <= event->as.subscribe.n_filters && event->as.subscribe.n_filters <= 5);
        else if (type == AZ_HUB_EVENT_LIVE)
                HOLDS(w, w->is_granted);
        else if (type == AZ_HUB_EVENT_DRAIN)
                w->reached->n_renewals += w->is_left_alone;

        if (type == AZ_HUB_EVENT_LIVE)
                w->live_us = w->time.now_us;
        if (type == AZ_HUB_EVENT_DRAIN && w->is_left_alone)
                HOLDS(w, w->time.now_us - w->live_us >= 60 * USEC_PER_SEC);
        if (!is_message) {
                w->open = type;
                w->is_granted = false;
        }
}

/* Inputs ---------------------------------------------------------------------------------------------- */

static az_result give_suback(World *w) {
        static const uint8_t of_c2d[] = { 1, 1, 1, 1, 1, 0, 2, 3, 0x80 };
        uint8_t const codes[4] = { 0, of_c2d[draw(w, ELEMENTSOF(of_c2d))] };

        w->is_granted = codes[1] == 1 || codes[1] == 2;
        return az_hub_session_suback(&w->session, codes, ELEMENTSOF(codes), w->time);
}

static az_result give_message(World *w) {
        static const char *const topics[] = {
                "$iothub/methods/POST/a/?$rid=1", "$iothub/methods/POST/a", "devices/d/messages/devicebound/",
                "$iothub/twin/res/200/?$rid=1",   "$iothub/twin/res/200",   "x",
        };

        return az_hub_session_message(&w->session, str(topics[draw(w, ELEMENTSOF(topics))]), str("{}"));
}

/* Half of the losses are those that a rival causes. */
static az_result give_loss(World *w) {
        az_hub_loss loss = (az_hub_loss) draw(w, _AZ_HUB_LOSS_MAX);

        return az_hub_session_lost(&w->session, draw(w, 2) ? loss : AZ_HUB_LOSS_CLOSED, w->time);
}

static az_result give_clock(World *w) {
        if (draw(w, 2))
                w->time.unix_s = BUILD_UNIX_S - 5000 + draw(w, 20000);
        return az_hub_session_clock_changed(&w->session, w->time);
}

static az_result give(World *w, Input input) {
        az_hub_session *s = &w->session;

        switch (input) {
        case IN_START:
                return az_hub_session_start(s, w->time);
        case IN_STOP:
                az_hub_session_stop(s);
                return AZ_OK;
        case IN_RECONNECT_NOW:
                return az_hub_session_reconnect_now(s, w->time);
        case IN_RENEW:
                return az_hub_session_renew(s, w->time);
        case IN_CLOCK_CHANGED:
                return give_clock(w);
        case IN_SIGNED:
                return az_hub_session_signed(s, str("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="), w->time);
        case IN_CONNECTED:
                return az_hub_session_connected(s, draw(w, 2), w->time);
        case IN_REFUSED:
                return az_hub_session_refused(s, (uint8_t) draw(w, 7), w->time);
        case IN_SUBACK:
                return give_suback(w);
        case IN_LOST:
                return give_loss(w);
        case IN_TIMEOUT:
                return az_hub_session_timeout(s, w->time);
        case IN_DRAINED:
                return az_hub_session_drained(s, w->time);
        case IN_CLOSED:
                return az_hub_session_closed(s, w->time);
        case IN_MESSAGE:
                return give_message(w);
        case _IN_MAX:
                break;
        }
        ck_abort();
}

/* What would come next, most of the time: random inputs alone hardly ever go live. */
static Input choose(World *w) {
        static const Input likely[_AZ_HUB_SESSION_STATE_MAX] = {
                [AZ_HUB_SESSION_STOPPED] = IN_START,        [AZ_HUB_SESSION_SIGNING] = IN_SIGNED,
                [AZ_HUB_SESSION_CONNECTING] = IN_CONNECTED, [AZ_HUB_SESSION_SUBSCRIBING] = IN_SUBACK,
                [AZ_HUB_SESSION_LIVE] = IN_MESSAGE,         [AZ_HUB_SESSION_DRAINING] = IN_DRAINED,
                [AZ_HUB_SESSION_CLOSING] = IN_CLOSED,       [AZ_HUB_SESSION_BACKOFF] = IN_TIMEOUT,
        };
        az_hub_session_state state = az_hub_session_get_status(&w->session).state;
        Input input;

        if (!w->is_running)
                return IN_START;
        if (state == AZ_HUB_SESSION_LIVE && w->is_flaky && draw(w, 2))
                return IN_LOST;
        if (draw(w, 4) > 0)
                return likely[state];
        input = (Input) (w->is_left_alone ? IN_SIGNED + draw(w, _IN_MAX - IN_SIGNED) : draw(w, _IN_MAX));
        return input == IN_STOP && draw(w, 4) > 0 ? IN_MESSAGE : input;
}

/* Mostly a little, sometimes to the deadline, sometimes for long: links come to live, tokens to grow old. */
static void pass_time(World *w) {
        uint64_t deadline_us = az_hub_session_deadline_us(&w->session), to_us;

        to_us = w->time.now_us + draw(w, 2 * USEC_PER_SEC);
        if (draw(w, 8) == 0)
                to_us += draw(w, 70 * USEC_PER_SEC);
        if (draw(w, w->open == AZ_HUB_EVENT_LIVE ? 12 : 3) == 0 && deadline_us != UINT64_MAX)
                to_us = MAX(to_us, deadline_us);
        w->time.unix_s += (to_us - w->time.now_us) / USEC_PER_SEC;
        w->time.now_us = to_us;
}

/* Checks ---------------------------------------------------------------------------------------------- */

/* It never gives up: while it runs, something is going to happen, and later than now. */
static void check_deadline(World *w) {
        az_hub_event event;

        HOLDS(w, az_hub_session_timeout(&w->session, w->time) == AZ_OK);
        if (az_hub_session_next_event(&w->session, &event))
                on_event(w, &event);
        HOLDS(w, az_hub_session_deadline_us(&w->session) > w->time.now_us);
        if (w->options.credential == AZ_CREDENTIAL_SAS || w->open != AZ_HUB_EVENT_LIVE)
                HOLDS(w, (az_hub_session_deadline_us(&w->session) != UINT64_MAX) == w->is_running);
        HOLDS(w, (az_hub_session_get_status(&w->session).state != AZ_HUB_SESSION_STOPPED) == w->is_running);
}

/* An input that is refused, whatever for, changes nothing. */
static void check_refused(World *w, const az_hub_session_status *before, uint64_t deadline_us) {
        az_hub_event event;

        HOLDS(w, !az_hub_session_next_event(&w->session, &event));
        HOLDS(w, az_hub_session_get_status(&w->session).state == before->state);
        HOLDS(w, az_hub_session_get_status(&w->session).n_failures == before->n_failures);
        HOLDS(w, az_hub_session_deadline_us(&w->session) == deadline_us);
}

/* Inputs that come while an event waits are refused and do not displace it. */
static void disturb(World *w) {
        Input input = (Input) (IN_SIGNED + draw(w, _IN_MAX - IN_SIGNED));
        bool was_granted = w->is_granted;

        if (input != IN_TIMEOUT || az_hub_session_deadline_us(&w->session) <= w->time.now_us)
                HOLDS(w, az_result_failed(give(w, input)));
        w->is_granted = was_granted;
}

static void step(World *w) {
        az_hub_session_status before = az_hub_session_get_status(&w->session);
        uint64_t deadline_us = az_hub_session_deadline_us(&w->session);
        bool was_granted = w->is_granted;
        Input input = choose(w);
        az_hub_event event;
        az_result r;

        r = give(w, input);
        if (r != AZ_OK) {
                w->is_granted = was_granted;
                check_refused(w, &before, deadline_us);
                return;
        }
        if (input == IN_START)
                w->is_running = true;
        if (input == IN_STOP) {
                w->is_running = false;
                w->clock_us = 0;
        }
        if (draw(w, 4) == 0 && az_hub_session_get_status(&w->session).state != before.state)
                disturb(w);

        if (az_hub_session_next_event(&w->session, &event)) {
                on_event(w, &event);
                HOLDS(w, !az_hub_session_next_event(&w->session, &event));
        } else {
                HOLDS(w, input == IN_TIMEOUT || input == IN_CLOCK_CHANGED);
                HOLDS(w, az_hub_session_get_status(&w->session).state == before.state);
        }
        check_deadline(w);
}

static void run(uint64_t seed, Reached *reached) {
        World w = { .seed = seed, .random = seed, .open = AZ_HUB_EVENT_DISCONNECT, .reached = reached };

        w.is_left_alone = draw(&w, 2);
        w.is_flaky = draw(&w, 2);
        w.time = (az_hub_session_time){ .now_us = 1, .unix_s = BUILD_UNIX_S - 1000 + draw(&w, 2) * 2000 };
        w.options = az_hub_session_options_default();
        w.options.random_seed = seed;
        w.options.token_lifetime_s = draw(&w, 2) ? 300 : 3600;
        w.options.credential = draw(&w, 3) ? AZ_CREDENTIAL_SAS : AZ_CREDENTIAL_X509;
        w.options.splay_s = draw(&w, 2) ? 5 : 0;
        w.options.build_unix_s = draw(&w, 2) ? BUILD_UNIX_S : 0;
        ck_assert_int_eq(az_iot_hub_client_init(&w.client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_hub_session_init(&w.session, &w.client, &w.options), AZ_OK);

        for (unsigned i = 0; i < N_INPUTS; i++) {
                pass_time(&w);
                step(&w);
        }
}

START_TEST(nothing_impossible_happens) {
        Reached reached = {};

        for (uint64_t seed = 1; seed <= N_SEEDS; seed++)
                run(seed, &reached);

        for (az_hub_event_type type = 0; type < _AZ_HUB_EVENT_TYPE_MAX; type++)
                ck_assert_msg(reached.n_events[type] > 10, "%u events %s", reached.n_events[type],
                              az_hub_event_type_to_string(type));
        for (az_hub_loss loss = AZ_HUB_LOSS_NONE + 1; loss < _AZ_HUB_LOSS_MAX; loss++)
                ck_assert_msg(reached.n_losses[loss] > 10, "%u losses %s", reached.n_losses[loss],
                              az_hub_loss_to_string(loss));
        ck_assert_uint_gt(reached.n_renewals, 10);
        ck_assert_uint_gt(reached.n_unset, 10);
        ck_assert_uint_gt(reached.n_certificates, 10);
}
END_TEST

/* How often it signs ------------------------------------------------------------------------------------ */

/*
 * The most that a session which is left to itself may sign in an hour. The worst that can happen to it is a
 * link that lives for the minute that forgives everything, and then a few losses in a row, of different
 * kinds, for each kind begins with its shortest delay.
 */
#define SIGNS_PER_HOUR_MAX 240

static az_hub_event give_at(az_hub_session *s, az_result r) {
        az_hub_event event;

        ck_assert_int_eq(r, AZ_OK);
        ck_assert(az_hub_session_next_event(s, &event));
        return event;
}

/* One attempt: fails in one of the ways that there are, or lives for a minute. */
static void attempt(World *w, bool fails) {
        static const az_hub_loss losses[] = { AZ_HUB_LOSS_TCP, AZ_HUB_LOSS_THROTTLED, AZ_HUB_LOSS_SIGNING };
        az_hub_session *s = &w->session;

        if (fails && draw(w, 4) > 0) {
                (void) give_at(s, az_hub_session_lost(s, losses[draw(w, ELEMENTSOF(losses))], w->time));
                return;
        }
        (void) give_at(s, give(w, IN_SIGNED));
        if (fails) {
                (void) give_at(s, az_hub_session_refused(s, 5, w->time));
                return;
        }
        (void) give_at(s, give(w, IN_CONNECTED));
        (void) give_at(s, az_hub_session_suback(s, (uint8_t[]){ 0, 1, 0, 0 }, 4, w->time));
        w->time.now_us += 60 * USEC_PER_SEC;
        (void) give_at(s, az_hub_session_lost(s, AZ_HUB_LOSS_TCP, w->time));
}

/* Returns how many signatures the busiest hour of twenty has seen, with so many losses between links. */
static unsigned count_signs(uint64_t seed, unsigned n_losses) {
        World w = { .seed = seed, .random = seed, .time = { .now_us = 1, .unix_s = BUILD_UNIX_S } };
        uint64_t signs_us[512] = { 0 };
        unsigned n_first = 0, n = 0, n_most = 0;

        w.options = az_hub_session_options_default();
        w.options.random_seed = seed;
        ck_assert_int_eq(az_iot_hub_client_init(&w.client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_hub_session_init(&w.session, &w.client, &w.options), AZ_OK);
        ck_assert_int_eq(give_at(&w.session, give(&w, IN_START)).type, AZ_HUB_EVENT_SIGN);

        for (unsigned i = 0; w.time.now_us < 20 * 3600 * USEC_PER_SEC; i++) {
                signs_us[n++ % ELEMENTSOF(signs_us)] = w.time.now_us;
                while (w.time.now_us - signs_us[n_first % ELEMENTSOF(signs_us)] > 3600 * USEC_PER_SEC)
                        n_first++;
                n_most = MAX(n_most, n - n_first);
                ck_assert_uint_le(n_most, SIGNS_PER_HOUR_MAX);

                attempt(&w, i % (n_losses + 1) < n_losses);
                w.time.now_us = az_hub_session_deadline_us(&w.session);
                ck_assert_int_eq(give_at(&w.session, give(&w, IN_TIMEOUT)).type, AZ_HUB_EVENT_SIGN);
        }
        return n_most;
}

START_TEST(signatures_of_an_hour_are_bounded) {
        unsigned n_most = 0;

        for (unsigned n_losses = 0; n_losses < 12; n_losses++)
                n_most = MAX(n_most, count_signs(n_losses + 1, n_losses));
        ck_assert_uint_gt(n_most, SIGNS_PER_HOUR_MAX / 2); /* the bound is not far off */
}
END_TEST

static Suite *hub_session_properties_suite(void) {
        Suite *s = suite_create("hub-session-properties");
        TCase *t = tcase_create("az_hub_session");

        tcase_add_test(t, nothing_impossible_happens);
        tcase_add_test(t, signatures_of_an_hour_are_bounded);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_session_properties_suite)
