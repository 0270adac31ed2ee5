/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

/* clang-format off */
/* From a loss to a link that is live from second 10 on. */
#define UNTIL_LIVE_AGAIN { START,     0,      0,  AZ_OK, E(SIGN),      S(SIGNING),     120 }, \
                         { LOST,      L(TCP), 0,  AZ_OK, E(LOST),      S(BACKOFF),     1, 2 }, \
                         { TIMEOUT,   0,      2,  AZ_OK, E(SIGN),      S(SIGNING),     122 }, \
                         { SIGNED,    0,      2,  AZ_OK, E(CONNECT),   S(CONNECTING),  32 }, \
                         { CONNECTED, 0,      2,  AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 }, \
                         { SUBACK,    1,      10, AZ_OK, E(LIVE),      S(LIVE),        RENEWAL(2) }

static const Script scripts[] = {
        { .name = "backs off for longer each time", .steps = {
                { START,   0,      0,   AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,    L(TCP), 0,   AZ_OK, E(LOST), S(BACKOFF), 1, 2 },
                { TIMEOUT, 0,      10,  AZ_OK, E(SIGN), S(SIGNING), 130 },
                { LOST,    L(TLS), 10,  AZ_OK, E(LOST), S(BACKOFF), 12, 14 },
                { TIMEOUT, 0,      20,  AZ_OK, E(SIGN), S(SIGNING), 140 },
                { LOST,    L(NAME), 20, AZ_OK, E(LOST), S(BACKOFF), 24, 28 },
                { TIMEOUT, 0,      30,  AZ_OK, E(SIGN), S(SIGNING), 150 },
                { SIGNED,  0,      30,  AZ_OK, E(CONNECT), S(CONNECTING), 60 },
                { TIMEOUT, 0,      60,  AZ_OK, E(LOST), S(BACKOFF), 68, 76 },
        } },
        { .name = "answers a refusal with a new token, and then backs off from half a minute to an hour", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 5, 10,   AZ_OK, E(LOST),    S(BACKOFF),    11, 12 },
                { TIMEOUT, 0, 100,  AZ_OK, E(SIGN),    S(SIGNING),    220 },
                { SIGNED,  0, 100,  AZ_OK, E(CONNECT), S(CONNECTING), 130 },
                { REFUSED, 4, 100,  AZ_OK, E(LOST),    S(BACKOFF),    130, 160 },
                { TIMEOUT, 0, 300,  AZ_OK, E(SIGN),    S(SIGNING),    420 },
                { SIGNED,  0, 300,  AZ_OK, E(CONNECT), S(CONNECTING), 330 },
                { REFUSED, 5, 300,  AZ_OK, E(LOST),    S(BACKOFF),    360, 420 },
        } },
        { .name = "backs off for as long at once when a new token cannot help", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 2, 10,  AZ_OK, E(LOST),    S(BACKOFF),    40, 70 },
                { TIMEOUT, 0, 100, AZ_OK, E(SIGN),    S(SIGNING),    220 },
                { SIGNED,  0, 100, AZ_OK, E(CONNECT), S(CONNECTING), 130 },
                { REFUSED, 1, 100, AZ_OK, E(LOST),    S(BACKOFF),    160, 220 },
        } },
        { .name = "backs off from ten seconds when the hub is unavailable", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 3, 10, AZ_OK, E(LOST),    S(BACKOFF),    20, 30 },
                { TIMEOUT, 0, 30, AZ_OK, E(SIGN),    S(SIGNING),    150 },
                { SIGNED,  0, 30, AZ_OK, E(CONNECT), S(CONNECTING), 60 },
                { REFUSED, 3, 30, AZ_OK, E(LOST),    S(BACKOFF),    50, 70 },
        } },
        { .name = "backs off from ten seconds when it is throttled", .steps = {
                UNTIL_LIVE,
                { LOST, L(THROTTLED), 10, AZ_OK, E(LOST), S(BACKOFF), 20, 30 },
        } },
        { .name = "counts refusals apart from other losses", .steps = {
                { START,   0,      0,  AZ_OK, E(SIGN),    S(SIGNING),    120 },
                { LOST,    L(TCP), 0,  AZ_OK, E(LOST),    S(BACKOFF),    1, 2 },
                { TIMEOUT, 0,      10, AZ_OK, E(SIGN),    S(SIGNING),    130 },
                { LOST,    L(TCP), 10, AZ_OK, E(LOST),    S(BACKOFF),    12, 14 },
                { TIMEOUT, 0,      20, AZ_OK, E(SIGN),    S(SIGNING),    140 },
                { SIGNED,  0,      20, AZ_OK, E(CONNECT), S(CONNECTING), 50 },
                { REFUSED, 1,      20, AZ_OK, E(LOST),    S(BACKOFF),    50, 80 },
                { TIMEOUT, 0,      80, AZ_OK, E(SIGN),    S(SIGNING),    200 },
                { LOST,    L(TCP), 80, AZ_OK, E(LOST),    S(BACKOFF),    84, 88 },
        } },
        { .name = "goes on backing off after a link that lived 59 s", .steps = {
                UNTIL_LIVE_AGAIN,
                { LOST, L(CLOSED), 69, AZ_OK, E(LOST), S(BACKOFF), 71, 73 },
        } },
        { .name = "begins anew after a link that lived 60 s", .steps = {
                UNTIL_LIVE_AGAIN,
                { LOST, L(CLOSED), 70, AZ_OK, E(LOST), S(BACKOFF), 71, 72 },
        } },
        { .name = "does not begin anew because a short-lived link is long ago", .steps = {
                UNTIL_LIVE,
                { LOST,    L(CLOSED), 10,  AZ_OK, E(LOST), S(BACKOFF), 11, 12 },
                { TIMEOUT, 0,         100, AZ_OK, E(SIGN), S(SIGNING), 220 },
                { LOST,    L(TCP),    100, AZ_OK, E(LOST), S(BACKOFF), 102, 104 },
        } },
        { .name = "begins anew after a stop", .steps = {
                { START, 0,      0, AZ_OK, E(SIGN),       S(SIGNING), 120 },
                { LOST,  L(TCP), 0, AZ_OK, E(LOST),       S(BACKOFF), 1, 2 },
                { STOP,  0,      1, AZ_OK, E(DISCONNECT), S(STOPPED), NEVER },
                { START, 0,      5, AZ_OK, E(SIGN),       S(SIGNING), 125 },
                { LOST,  L(TCP), 5, AZ_OK, E(LOST),       S(BACKOFF), 6, 7 },
        } },
        { .name = "cuts backing off short, and still counts", .steps = {
                { START,         0,      0, AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,          L(TCP), 0, AZ_OK, E(LOST), S(BACKOFF), 1, 2 },
                { RECONNECT_NOW, 0,      0, AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,          L(TCP), 0, AZ_OK, E(LOST), S(BACKOFF), 2, 4 },
        } },
        { .name = "begins somewhere in its splay", .splay_s = 5, .steps = {
                { START,   0,         0, AZ_OK, E(WAIT),    S(BACKOFF),    0, 5 },
                { TIMEOUT, 0,         5, AZ_OK, E(SIGN),    S(SIGNING),    125 },
                { LOST,    L(TCP),    5, AZ_OK, E(LOST),    S(BACKOFF),    6, 7 },
                { STOP,    0,         6, AZ_OK, E(DISCONNECT), S(STOPPED), NEVER },
                { START,   0,         6, AZ_OK, E(WAIT),    S(BACKOFF),    6, 11 },
                { RECONNECT_NOW, 0,   6, AZ_OK, E(SIGN),    S(SIGNING),    126 },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        run_script(&scripts[_i]);
}
END_TEST

/* Connects at 'second', lives for as long, and is lost; returns the loss. */
static az_hub_event live_and_lose(az_hub_session *s, uint32_t second, uint32_t lived_s, az_hub_loss loss) {
        (void) give(s, state_of(s) == AZ_HUB_SESSION_STOPPED ? START : RECONNECT_NOW, 0, second);
        (void) give(s, SIGNED, 0, second);
        (void) give(s, CONNECTED, 0, second);
        (void) give(s, SUBACK, 1, second);
        return give(s, LOST, (int) loss, second + lived_s);
}

/* Links one after another, how each ended, and what it was taken for. */
static const struct {
        const char *name;
        struct {
                uint32_t lived_s;
                az_hub_loss loss, found;
        } lives[6];
} rivals[] = {
        { "three closed within seconds",
          { { 9, L(CLOSED), L(CLOSED) },
            { 0, L(CLOSED), L(CLOSED) },
            { 9, L(CLOSED), L(DUPLICATE) },
            { 1, L(CLOSED), L(DUPLICATE) } } },
        { "the third after ten seconds",
          { { 9, L(CLOSED), L(CLOSED) },
            { 9, L(CLOSED), L(CLOSED) },
            { 10, L(CLOSED), L(CLOSED) },
            { 9, L(CLOSED), L(CLOSED) },
            { 9, L(CLOSED), L(CLOSED) },
            { 9, L(CLOSED), L(DUPLICATE) } } },
        { "other losses in between",
          { { 9, L(CLOSED), L(CLOSED) },
            { 9, L(PUBLISH), L(PUBLISH) },
            { 9, L(CLOSED), L(CLOSED) },
            { 9, L(THROTTLED), L(THROTTLED) },
            { 9, L(CLOSED), L(DUPLICATE) },
            { 9, L(KEEP_ALIVE), L(KEEP_ALIVE) } } },
};

START_TEST(three_links_that_the_hub_closes_within_seconds_have_a_rival) {
        az_hub_session s;
        uint32_t second = 0;

        init(&s);
        for (size_t i = 0; i < ELEMENTSOF(rivals[_i].lives) && rivals[_i].lives[i].found != 0; i++) {
                az_hub_event event =
                        live_and_lose(&s, second, rivals[_i].lives[i].lived_s, rivals[_i].lives[i].loss);

                ck_assert_msg(event.as.lost.loss == rivals[_i].lives[i].found, "'%s', link %zu: %s",
                              rivals[_i].name, i, az_hub_loss_to_string(event.as.lost.loss));
                second += 20;
        }
}
END_TEST

START_TEST(a_rival_is_left_alone_for_a_minute_and_longer_each_time) {
        uint64_t least_s[] = { 60, 120, 240, 300, 300 };
        az_hub_session s;

        init(&s);
        (void) live_and_lose(&s, 0, 1, AZ_HUB_LOSS_CLOSED);
        (void) live_and_lose(&s, 10, 1, AZ_HUB_LOSS_CLOSED);
        for (uint32_t i = 0; i < ELEMENTSOF(least_s); i++) {
                az_hub_event event = live_and_lose(&s, 20 + i * 1000, 1, AZ_HUB_LOSS_CLOSED);

                ck_assert_uint_ge(event.as.lost.delay_us, least_s[i] * USEC_PER_SEC);
                ck_assert_uint_le(event.as.lost.delay_us, least_s[i] * 2 * USEC_PER_SEC);
        }
}
END_TEST

START_TEST(links_that_are_closed_before_they_are_live_have_no_rival) {
        az_hub_session s;

        init(&s);
        for (uint32_t second = 0; second < 60; second += 10) {
                (void) give(&s, second == 0 ? START : RECONNECT_NOW, 0, second);
                (void) give(&s, SIGNED, 0, second);
                (void) give(&s, CONNECTED, 0, second);
                ck_assert_int_eq(give(&s, LOST, AZ_HUB_LOSS_CLOSED, second).as.lost.loss, AZ_HUB_LOSS_CLOSED);
        }
}
END_TEST

START_TEST(two_seeds_back_off_differently) {
        az_hub_session_options o = options();
        az_hub_session s[2];

        for (size_t i = 0; i < 2; i++) {
                o.random_seed = i + 1;
                ck_assert_int_eq(az_hub_session_init(&s[i], client(), &o), AZ_OK);
                (void) give(&s[i], START, 0, 0);
                (void) give(&s[i], LOST, AZ_HUB_LOSS_TCP, 0);
        }
        ck_assert_uint_ne(az_hub_session_deadline_us(&s[0]), az_hub_session_deadline_us(&s[1]));
}
END_TEST

START_TEST(delays_at_the_maximum_differ) {
        uint64_t last_us = 0;
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_SIGNING);
        for (unsigned i = 0; i < 20; i++) {
                az_hub_event event = give(&s, LOST, AZ_HUB_LOSS_TCP, 0);

                ck_assert_uint_le(event.as.lost.delay_us, 100 * USEC_PER_SEC);
                ck_assert_uint_ne(event.as.lost.delay_us, last_us);
                last_us = event.as.lost.delay_us;
                (void) give(&s, RECONNECT_NOW, 0, 0);
        }
        ck_assert_uint_ge(last_us, 50 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_small_maximum_holds_when_throttled_too) {
        az_hub_session_options o = options();
        az_hub_session s;

        o.backoff_max_s = 4;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        (void) give(&s, START, 0, 0);
        ck_assert_uint_le(give(&s, LOST, AZ_HUB_LOSS_THROTTLED, 0).as.lost.delay_us, 4 * USEC_PER_SEC);
}
END_TEST

START_TEST(what_is_missing_here_is_tried_again_within_4_s) {
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_SIGNING);
        for (unsigned i = 0; i < 20; i++) {
                ck_assert_uint_le(give(&s, LOST, AZ_HUB_LOSS_LOCAL, 0).as.lost.delay_us, 4 * USEC_PER_SEC);
                (void) give(&s, RECONNECT_NOW, 0, 0);
        }
}
END_TEST

static Suite *hub_session_backoff_suite(void) {
        Suite *s = suite_create("hub-session-backoff");
        TCase *t = tcase_create("back-off");

        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_test(t, two_seeds_back_off_differently);
        tcase_add_test(t, delays_at_the_maximum_differ);
        tcase_add_test(t, a_small_maximum_holds_when_throttled_too);
        tcase_add_test(t, what_is_missing_here_is_tried_again_within_4_s);
        suite_add_tcase(s, t);

        t = tcase_create("duplicate identity");
        tcase_add_loop_test(t, three_links_that_the_hub_closes_within_seconds_have_a_rival, 0,
                            ELEMENTSOF(rivals));
        tcase_add_test(t, a_rival_is_left_alone_for_a_minute_and_longer_each_time);
        tcase_add_test(t, links_that_are_closed_before_they_are_live_have_no_rival);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_backoff_suite)
