/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

/* clang-format off */
static const Script scripts[] = {
        { .name = "renews the link before its token expires", .steps = {
                UNTIL_LIVE,
                { TIMEOUT,   0, 2699, AZ_OK, NO_EVENT,      S(LIVE),        RENEWAL(0) },
                { TIMEOUT,   0, 3060, AZ_OK, E(DRAIN),      S(DRAINING),    3065 },
                { DRAINED,   0, 3061, AZ_OK, E(DISCONNECT), S(CLOSING),     3066 },
                { CLOSED,    0, 3062, AZ_OK, E(SIGN),       S(SIGNING),     3182 },
                { SIGNED,    0, 3062, AZ_OK, E(CONNECT),    S(CONNECTING),  3092 },
                { CONNECTED, 1, 3063, AZ_OK, E(SUBSCRIBE),  S(SUBSCRIBING), 3093 },
                { SUBACK,    1, 3063, AZ_OK, E(LIVE),       S(LIVE),        RENEWAL(3062) },
        } },
        { .name = "renews it sooner when it is told to", .steps = {
                { RENEW,   0, 0,  AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(STOPPED), NEVER },
                UNTIL_LIVE,
                { RENEW,   0, 10, AZ_OK, E(DRAIN),      S(DRAINING), 15 },
                { RENEW,   0, 11, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(DRAINING), 15 },
                { DRAINED, 0, 11, AZ_OK, E(DISCONNECT), S(CLOSING),  16 },
                { CLOSED,  0, 11, AZ_OK, E(SIGN),       S(SIGNING),  131 },
        } },
        { .name = "waits 5 s for what is under way", .steps = {
                UNTIL_LIVE,
                { RENEW,   0, 10, AZ_OK, E(DRAIN),      S(DRAINING), 15 },
                { TIMEOUT, 0, 15, AZ_OK, E(DISCONNECT), S(CLOSING),  20 },
                { DRAINED, 0, 15, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(CLOSING), 20 },
                { CLOSED,  0, 17, AZ_OK, E(SIGN),       S(SIGNING),  137 },
        } },
        { .name = "waits 5 s for the end of the connection", .steps = {
                UNTIL_LIVE,
                { RENEW,   0, 10, AZ_OK, E(DRAIN),      S(DRAINING), 15 },
                { DRAINED, 0, 10, AZ_OK, E(DISCONNECT), S(CLOSING),  15 },
                { TIMEOUT, 0, 15, AZ_OK, E(LOST),       S(BACKOFF),  15, 16 },
                { CLOSED,  0, 15, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(BACKOFF), 15, 16 },
                { TIMEOUT, 0, 16, AZ_OK, E(SIGN),       S(SIGNING),  136 },
        } },
        { .name = "takes messages until the connection is to end", .steps = {
                UNTIL_LIVE,
                { RENEW,   0, 10, AZ_OK, E(DRAIN),      S(DRAINING), 15 },
                { METHOD,  0, 11, AZ_OK, E(METHOD),     S(DRAINING), 15 },
                { C2D,     0, 12, AZ_OK, E(C2D),        S(DRAINING), 15 },
                { TWIN,    0, 13, AZ_OK, E(TWIN),       S(DRAINING), 15 },
                { DRAINED, 0, 14, AZ_OK, E(DISCONNECT), S(CLOSING),  19 },
                { C2D,     0, 14, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(CLOSING), 19 },
        } },
        { .name = "backs off when the next connection fails, as for the first time", .steps = {
                UNTIL_LIVE,
                { RENEW,   0,      100, AZ_OK, E(DRAIN),      S(DRAINING), 105 },
                { DRAINED, 0,      100, AZ_OK, E(DISCONNECT), S(CLOSING),  105 },
                { CLOSED,  0,      100, AZ_OK, E(SIGN),       S(SIGNING),  220 },
                { LOST,    L(TCP), 100, AZ_OK, E(LOST),       S(BACKOFF),  101, 102 },
        } },
        { .name = "counts a loss while it drains, and yet tries again at once", .steps = {
                UNTIL_LIVE,
                { RENEW,   0,         10, AZ_OK, E(DRAIN), S(DRAINING), 15 },
                { LOST,    L(CLOSED), 10, AZ_OK, E(LOST),  S(BACKOFF),  10, 11 },
                { TIMEOUT, 0,         11, AZ_OK, E(SIGN),  S(SIGNING),  131 },
                { LOST,    L(TCP),    11, AZ_OK, E(LOST),  S(BACKOFF),  13, 15 },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        run_script(&scripts[_i]);
}
END_TEST

/* Between which ages a token of this life is renewed. */
static const struct {
        uint32_t lifetime_s, least_s, most_s;
} renewals[] = {
        { 300, 225, 240 }, /* a minute before its end */
        { 400, 300, 340 },
        { 3600, 2700, 3060 },
        { 86400, 64800, 73440 },
};

START_TEST(tokens_are_renewed_at_different_ages_in_good_time) {
        uint64_t soonest_us = UINT64_MAX, latest_us = 0;

        for (uint64_t seed = 1; seed <= 200; seed++) {
                az_hub_session_options o = options();
                az_hub_session s;

                o.random_seed = seed;
                o.token_lifetime_s = renewals[_i].lifetime_s;
                ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
                (void) give(&s, START, 0, 0);
                (void) give(&s, SIGNED, 0, 1);
                (void) give(&s, CONNECTED, 0, 2);
                (void) give(&s, SUBACK, 1, 3);
                soonest_us = MIN(soonest_us, az_hub_session_deadline_us(&s));
                latest_us = MAX(latest_us, az_hub_session_deadline_us(&s));
        }
        ck_assert_uint_ge(soonest_us, renewals[_i].least_s * USEC_PER_SEC);
        ck_assert_uint_le(latest_us, renewals[_i].most_s * USEC_PER_SEC);
        ck_assert_uint_gt(latest_us - soonest_us,
                          (renewals[_i].most_s - renewals[_i].least_s) * USEC_PER_SEC / 10 * 9);
}
END_TEST

START_TEST(a_link_lives_a_minute_even_if_its_token_is_old) {
        az_hub_session_options o = options();
        az_hub_session s;

        o.token_lifetime_s = 300;
        o.sign_timeout_s = 1000;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        (void) give(&s, START, 0, 0);
        (void) give(&s, SIGNED, 0, 900);
        (void) give(&s, CONNECTED, 0, 900);
        (void) give(&s, SUBACK, 1, 901);
        ck_assert_uint_eq(az_hub_session_deadline_us(&s), 961 * USEC_PER_SEC);
}
END_TEST

/* A loss while the link was about to end. */
static const struct {
        az_hub_session_state state;
        Input input;
        az_hub_loss arg, loss;
} losses[] = {
        { AZ_HUB_SESSION_DRAINING, LOST, AZ_HUB_LOSS_CLOSED, AZ_HUB_LOSS_CLOSED },
        { AZ_HUB_SESSION_CLOSING, LOST, AZ_HUB_LOSS_TCP, AZ_HUB_LOSS_TCP },
        { AZ_HUB_SESSION_CLOSING, TIMEOUT, AZ_HUB_LOSS_NONE, AZ_HUB_LOSS_TIMEOUT },
};

START_TEST(a_loss_during_a_renewal_costs_a_tenth_of_a_second) {
        az_hub_event event;
        az_hub_session s;

        init_in(&s, losses[_i].state);
        event = give(&s, losses[_i].input, (int) losses[_i].arg, 5);
        ck_assert_int_eq(event.as.lost.loss, losses[_i].loss);
        ck_assert_int_eq(event.as.lost.from, losses[_i].state);
        ck_assert_uint_eq(event.as.lost.delay_us, USEC_PER_SEC / 10);
        ck_assert_uint_eq(az_hub_session_get_status(&s).n_failures, 1);
}
END_TEST

/* How long a link lived after a failure, when it was renewed, and what is left of the failure. */
static const struct {
        uint32_t lived_s;
        unsigned n_failures;
} lives[] = { { 59, 1 }, { 60, 0 } };

START_TEST(a_renewal_counts_nothing_and_forgets_what_a_loss_would) {
        az_hub_session_status status;
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_BACKOFF);
        (void) give(&s, TIMEOUT, 0, 10);
        (void) give(&s, SIGNED, 0, 10);
        (void) give(&s, CONNECTED, 0, 10);
        (void) give(&s, SUBACK, 1, 10);

        (void) give(&s, RENEW, 0, 10 + lives[_i].lived_s);
        status = az_hub_session_get_status(&s);
        ck_assert_int_eq(status.state, AZ_HUB_SESSION_DRAINING);
        ck_assert_uint_eq(status.live_since_us, 10 * USEC_PER_SEC);

        (void) give(&s, DRAINED, 0, 10 + lives[_i].lived_s);
        (void) give(&s, CLOSED, 0, 10 + lives[_i].lived_s);
        status = az_hub_session_get_status(&s);
        ck_assert_uint_eq(status.n_failures, lives[_i].n_failures);
        ck_assert_int_eq(status.last_loss, AZ_HUB_LOSS_SIGNING);
        ck_assert_uint_eq(status.live_since_us, 0);
}
END_TEST

static Suite *hub_session_renewal_suite(void) {
        Suite *s = suite_create("hub-session-renewal");
        TCase *t = tcase_create("renewal");

        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_loop_test(t, tokens_are_renewed_at_different_ages_in_good_time, 0, ELEMENTSOF(renewals));
        tcase_add_test(t, a_link_lives_a_minute_even_if_its_token_is_old);
        tcase_add_loop_test(t, a_loss_during_a_renewal_costs_a_tenth_of_a_second, 0, ELEMENTSOF(losses));
        tcase_add_loop_test(t, a_renewal_counts_nothing_and_forgets_what_a_loss_would, 0, ELEMENTSOF(lives));
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_renewal_suite)
