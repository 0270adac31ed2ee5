/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

#define HOUR 3600

/* clang-format off */

/* To a loss that a wrong clock explains, at second 10. */
#define UNTIL_REFUSED UNTIL_SIGNED, \
                      { REFUSED, 1, 10, AZ_OK, E(LOST), S(BACKOFF), 40, 70 }

static const Script scripts[] = {
        { .name = "waits for a clock that is before the build date, and goes on when it is set",
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,     0, 0,     AZ_OK, E(LOST), S(BACKOFF), 1, 2 },
                { TIMEOUT,   0, 2,     AZ_OK, E(LOST), S(BACKOFF), 4, 6 },
                { SET_CLOCK, -100, 3,  AZ_OK, NO_EVENT, S(BACKOFF), 4, 6 },
                { RECONNECT_NOW, 0, 3, AZ_OK, E(LOST), S(BACKOFF), 7, 11 },
                { SET_CLOCK, 0, 4,     AZ_OK, E(SIGN), S(SIGNING), 124 },
        } },
        { .name = "waits for the clock for five minutes, and then tries with what there is",
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,   0, 0,   AZ_OK, E(LOST), S(BACKOFF), 1, 2 },
                { TIMEOUT, 0, 290, AZ_OK, E(LOST), S(BACKOFF), 292, 294 },
                { TIMEOUT, 0, 296, AZ_OK, E(LOST), S(BACKOFF), 300 },
                { TIMEOUT, 0, 300, AZ_OK, E(SIGN), S(SIGNING), 420 },
                { LOST,    L(TLS), 301, AZ_OK, E(LOST), S(BACKOFF), 302, 303 },
                { TIMEOUT, 0, 303, AZ_OK, E(SIGN), S(SIGNING), 423 },
                { STOP,    0, 304, AZ_OK, E(DISCONNECT), S(STOPPED), NEVER },
                { START,   0, 305, AZ_OK, E(LOST), S(BACKOFF), 306, 307 },
        } },
        { .name = "waits again for a clock that was right in between",
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,     0,      0,   AZ_OK, E(LOST), S(BACKOFF), 1, 2 },
                { SET_CLOCK, 0,      1,   AZ_OK, E(SIGN), S(SIGNING), 121 },
                { LOST,      L(TCP), 2,   AZ_OK, E(LOST), S(BACKOFF), 3, 4 },
                { SET_CLOCK, -HOUR,  2,   AZ_OK, NO_EVENT, S(BACKOFF), 3, 4 },
                { TIMEOUT,   0,      400, AZ_OK, E(LOST), S(BACKOFF), 402, 404 },
        } },
        { .name = "waits for the clock between two connections too", .build_unix_s = UNIX_S, .steps = {
                UNTIL_LIVE,
                { RENEW,     0,      100, AZ_OK, E(DRAIN),      S(DRAINING), 105 },
                { SET_CLOCK, -HOUR,  100, AZ_OK, NO_EVENT,      S(DRAINING), 105 },
                { DRAINED,   0,      101, AZ_OK, E(DISCONNECT), S(CLOSING),  106 },
                { CLOSED,    0,      102, AZ_OK, E(LOST),       S(BACKOFF),  103, 104 },
        } },
        { .name = "leaves a link alone when the clock is set by little", .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, 30,  100, AZ_OK, NO_EVENT, S(LIVE), RENEWAL(0) },
                { SET_CLOCK, -60, 101, AZ_OK, NO_EVENT, S(LIVE), RENEWAL(0) },
        } },
        { .name = "renews at once when the clock shows that the token has expired", .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, HOUR,   100, AZ_OK, E(DRAIN),      S(DRAINING), 105 },
                { SET_CLOCK, 2*HOUR, 101, AZ_OK, NO_EVENT,      S(DRAINING), 105 },
                { DRAINED,   0,      101, AZ_OK, E(DISCONNECT), S(CLOSING),  106 },
                { CLOSED,    0,      101, AZ_OK, E(SIGN),       S(SIGNING),  221 },
        } },
        { .name = "renews sooner when the clock shows that the token expires sooner", .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, 3000, 100, AZ_OK, NO_EVENT, S(LIVE),     540 },
                { TIMEOUT,   0,    540, AZ_OK, E(DRAIN), S(DRAINING), 545 },
        } },
        { .name = "renews at once when the token would live for more than one and a half lives", .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, -1900, 100, AZ_OK, NO_EVENT, S(LIVE),     RENEWAL(0) },
                { SET_CLOCK, -1901, 100, AZ_OK, E(DRAIN), S(DRAINING), 105 },
        } },
        { .name = "leaves a link alone when the clock is set to before the build date",
          .build_unix_s = UNIX_S, .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, -HOUR, 100,  AZ_OK, NO_EVENT, S(LIVE),     RENEWAL(0) },
                { SET_CLOCK, 0,     101,  AZ_OK, NO_EVENT, S(LIVE),     RENEWAL(0) },
                { SET_CLOCK, -HOUR, 102,  AZ_OK, NO_EVENT, S(LIVE),     RENEWAL(0) },
                { TIMEOUT,   0,     3060, AZ_OK, E(DRAIN), S(DRAINING), 3065 },
        } },
        { .name = "renews no link in its first minute, however often the clock is set", .steps = {
                UNTIL_LIVE,
                { SET_CLOCK, HOUR,   4,  AZ_OK, NO_EVENT, S(LIVE),     63 },
                { SET_CLOCK, 2*HOUR, 62, AZ_OK, NO_EVENT, S(LIVE),     63 },
                { SET_CLOCK, 0,      62, AZ_OK, NO_EVENT, S(LIVE),     RENEWAL(0) },
                { SET_CLOCK, HOUR,   63, AZ_OK, E(DRAIN), S(DRAINING), 68 },
        } },
        { .name = "tries at once after a refusal when the clock was wrong", .steps = {
                UNTIL_REFUSED,
                { SET_CLOCK, -60,  20, AZ_OK, NO_EVENT, S(BACKOFF), 40, 70 },
                { SET_CLOCK, 60,   20, AZ_OK, NO_EVENT, S(BACKOFF), 40, 70 },
                { SET_CLOCK, -61,  21, AZ_OK, E(SIGN),  S(SIGNING), 141 },
        } },
        { .name = "tries at once after a failure of TLS when the clock was wrong", .steps = {
                { START,     0,      0, AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,      L(TLS), 1, AZ_OK, E(LOST), S(BACKOFF), 2, 3 },
                { SET_CLOCK, 61,     1, AZ_OK, E(SIGN), S(SIGNING), 121 },
        } },
        { .name = "does not hurry when the clock is not to blame", .steps = {
                { SET_CLOCK, HOUR,   0, AZ_OK, NO_EVENT, S(STOPPED), NEVER },
                { START,     0,      0, AZ_OK, E(SIGN),  S(SIGNING), 120 },
                { SET_CLOCK, 0,      1, AZ_OK, NO_EVENT, S(SIGNING), 120 },
                { LOST,      L(TCP), 1, AZ_OK, E(LOST),  S(BACKOFF), 2, 3 },
                { SET_CLOCK, HOUR,   1, AZ_OK, NO_EVENT, S(BACKOFF), 2, 3 },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        run_script(&scripts[_i]);
}
END_TEST

START_TEST(an_attempt_with_a_clock_that_is_not_set_says_so) {
        az_hub_session_options o = options();
        az_hub_event event;
        az_hub_session s;

        o.build_unix_s = UNIX_S + 1000;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        event = give(&s, START, 0, 0);
        ck_assert_int_eq(event.as.lost.loss, AZ_HUB_LOSS_CLOCK);
        ck_assert_int_eq(event.as.lost.from, AZ_HUB_SESSION_STOPPED);
        ck_assert_int_eq(az_hub_session_get_status(&s).last_loss, AZ_HUB_LOSS_CLOCK);

        event = give(&s, TIMEOUT, 0, 300);
        ck_assert_int_eq(event.type, AZ_HUB_EVENT_SIGN);
        ck_assert(event.as.sign.clock_is_unset);
        (void) give(&s, LOST, AZ_HUB_LOSS_TCP, 300);
        ck_assert(!give(&s, TIMEOUT, 0, 1000).as.sign.clock_is_unset);
}
END_TEST

static Suite *hub_session_clock_suite(void) {
        Suite *s = suite_create("hub-session-clock");
        TCase *t = tcase_create("wall clock");

        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_test(t, an_attempt_with_a_clock_that_is_not_set_says_so);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_clock_suite)
