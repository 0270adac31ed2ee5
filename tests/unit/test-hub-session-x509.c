/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

#define HOUR 3600

/* clang-format off */
#define BY_CERTIFICATE(text) .name = text, .credential = AZ_CREDENTIAL_X509
#define UNTIL_LIVE_BY_CERTIFICATE \
        { START,     0, 0, AZ_OK, E(CONNECT),   S(CONNECTING),  30 }, \
        { CONNECTED, 0, 2, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 }, \
        { SUBACK,    1, 3, AZ_OK, E(LIVE),      S(LIVE),        NEVER }

static const Script scripts[] = {
        { BY_CERTIFICATE("connects without a signature and lives without an end"), .steps = {
                { START,     0, 0,       AZ_OK, E(CONNECT),   S(CONNECTING),  30 },
                { SIGNED,    0, 1,       AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(CONNECTING), 30 },
                { CONNECTED, 0, 2,       AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 },
                { SUBACK,    1, 3,       AZ_OK, E(LIVE),      S(LIVE),        NEVER },
                { TIMEOUT,   0, 24*HOUR, AZ_OK, NO_EVENT,     S(LIVE),        NEVER },
                { METHOD,    0, 24*HOUR, AZ_OK, E(METHOD),    S(LIVE),        NEVER },
                { STOP,      0, 25*HOUR, AZ_OK, E(DISCONNECT), S(STOPPED),    NEVER },
        } },
        { BY_CERTIFICATE("waits for its splay"), .splay_s = 5, .steps = {
                { START,   0, 0, AZ_OK, E(WAIT),    S(BACKOFF),    0, 5 },
                { TIMEOUT, 0, 5, AZ_OK, E(CONNECT), S(CONNECTING), 35 },
        } },
        { BY_CERTIFICATE("takes the link over to a new certificate when it is told to"), .steps = {
                UNTIL_LIVE_BY_CERTIFICATE,
                { RENEW,   0, 100, AZ_OK, E(DRAIN),      S(DRAINING),   105 },
                { DRAINED, 0, 101, AZ_OK, E(DISCONNECT), S(CLOSING),    106 },
                { CLOSED,  0, 102, AZ_OK, E(CONNECT),    S(CONNECTING), 132 },
        } },
        { BY_CERTIFICATE("backs off after a loss, at most until it is told not to"), .steps = {
                UNTIL_LIVE_BY_CERTIFICATE,
                { LOST,          L(CLOSED), 10, AZ_OK, E(LOST),    S(BACKOFF),    11, 12 },
                { TIMEOUT,       0,         12, AZ_OK, E(CONNECT), S(CONNECTING), 42 },
                { LOST,          L(TCP),    12, AZ_OK, E(LOST),    S(BACKOFF),    14, 16 },
                { RECONNECT_NOW, 0,         13, AZ_OK, E(CONNECT), S(CONNECTING), 43 },
        } },
        { BY_CERTIFICATE("backs off from half a minute when it is refused: there is no new token to try"), .steps = {
                { START,   0, 0,   AZ_OK, E(CONNECT), S(CONNECTING), 30 },
                { REFUSED, 5, 10,  AZ_OK, E(LOST),    S(BACKOFF),    40, 70 },
                { TIMEOUT, 0, 100, AZ_OK, E(CONNECT), S(CONNECTING), 130 },
                { REFUSED, 4, 100, AZ_OK, E(LOST),    S(BACKOFF),    160, 220 },
                { TIMEOUT, 0, 300, AZ_OK, E(CONNECT), S(CONNECTING), 330 },
                { REFUSED, 3, 300, AZ_OK, E(LOST),    S(BACKOFF),    310, 320 },
        } },
        { BY_CERTIFICATE("waits for a clock by which the certificate of the hub can be judged"),
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,     0, 0,   AZ_OK, E(LOST),    S(BACKOFF),    1, 2 },
                { TIMEOUT,   0, 2,   AZ_OK, E(LOST),    S(BACKOFF),    4, 6 },
                { SET_CLOCK, 0, 4,   AZ_OK, E(CONNECT), S(CONNECTING), 34 },
        } },
        { BY_CERTIFICATE("waits for the clock for five minutes"),
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,   0,      0,   AZ_OK, E(LOST),    S(BACKOFF),    1, 2 },
                { TIMEOUT, 0,      300, AZ_OK, E(CONNECT), S(CONNECTING), 330 },
                { LOST,    L(TLS), 301, AZ_OK, E(LOST),    S(BACKOFF),    302, 303 },
                { TIMEOUT, 0,      303, AZ_OK, E(CONNECT), S(CONNECTING), 333 },
        } },
        { BY_CERTIFICATE("waits for the clock between two connections, and anew once it was right"),
          .build_unix_s = UNIX_S, .clock_s = -HOUR, .steps = {
                { START,     0,     0,   AZ_OK, E(LOST),       S(BACKOFF),     1, 2 },
                { SET_CLOCK, 0,     4,   AZ_OK, E(CONNECT),    S(CONNECTING),  34 },
                { CONNECTED, 0,     4,   AZ_OK, E(SUBSCRIBE),  S(SUBSCRIBING), 34 },
                { SUBACK,    1,     4,   AZ_OK, E(LIVE),       S(LIVE),        NEVER },
                { SET_CLOCK, -HOUR, 400, AZ_OK, NO_EVENT,      S(LIVE),        NEVER },
                { RENEW,     0,     400, AZ_OK, E(DRAIN),      S(DRAINING),    405 },
                { DRAINED,   0,     400, AZ_OK, E(DISCONNECT), S(CLOSING),     405 },
                { CLOSED,    0,     400, AZ_OK, E(LOST),       S(BACKOFF),     401, 402 },
        } },
        { BY_CERTIFICATE("leaves a link alone whatever the clock is set to"), .steps = {
                UNTIL_LIVE_BY_CERTIFICATE,
                { SET_CLOCK, 24*HOUR, 100, AZ_OK, NO_EVENT, S(LIVE), NEVER },
                { SET_CLOCK, -HOUR,   100, AZ_OK, NO_EVENT, S(LIVE), NEVER },
        } },
        { BY_CERTIFICATE("tries at once after a failure of TLS when the clock was wrong"), .steps = {
                { START,     0,      0, AZ_OK, E(CONNECT), S(CONNECTING), 30 },
                { LOST,      L(TLS), 1, AZ_OK, E(LOST),    S(BACKOFF),    2, 3 },
                { SET_CLOCK, 60,     1, AZ_OK, NO_EVENT,   S(BACKOFF),    2, 3 },
                { SET_CLOCK, 61,     1, AZ_OK, E(CONNECT), S(CONNECTING), 31 },
        } },
        { BY_CERTIFICATE("does not hurry after a refusal: the hub judged by its own clock"), .steps = {
                { START,     0,    0,  AZ_OK, E(CONNECT), S(CONNECTING), 30 },
                { REFUSED,   5,    10, AZ_OK, E(LOST),    S(BACKOFF),    40, 70 },
                { SET_CLOCK, HOUR, 20, AZ_OK, NO_EVENT,   S(BACKOFF),    40, 70 },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        run_script(&scripts[_i]);
}
END_TEST

START_TEST(connect_has_the_names_and_an_empty_password) {
        az_hub_session_options o = options();
        az_hub_event event;
        az_hub_session s;

        o.credential = AZ_CREDENTIAL_X509;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        event = give(&s, START, 0, 0);
        ck_assert_span_eq(event.as.connect.client_id, "pump-17");
        ck_assert_span_eq(event.as.connect.user_name,
                          "hub-lab.azure-devices.net/pump-17/?api-version=2020-09-30"
                          "&DeviceClientType=azsdk-c%2F1.6.0-beta.1");
        ck_assert_span_eq(event.as.connect.password, "");
        ck_assert_str_eq((char *) az_span_ptr(event.as.connect.password), "");
        ck_assert_uint_eq(event.as.connect.keep_alive_s, 60);
        ck_assert(!event.as.connect.clean_session);
        ck_assert(!event.as.connect.clock_is_unset);
}
END_TEST

START_TEST(an_attempt_with_a_clock_that_is_not_set_says_so) {
        az_hub_session_options o = options();
        az_hub_session s;

        o.credential = AZ_CREDENTIAL_X509;
        o.build_unix_s = UNIX_S + 1000;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        ck_assert_int_eq(give(&s, START, 0, 0).as.lost.loss, AZ_HUB_LOSS_CLOCK);
        ck_assert(give(&s, TIMEOUT, 0, 300).as.connect.clock_is_unset);
        (void) give(&s, LOST, AZ_HUB_LOSS_TCP, 300);
        ck_assert(!give(&s, TIMEOUT, 0, 1000).as.connect.clock_is_unset);
}
END_TEST

static Suite *hub_session_x509_suite(void) {
        Suite *s = suite_create("hub-session-x509");
        TCase *t = tcase_create("certificate");

        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_test(t, connect_has_the_names_and_an_empty_password);
        tcase_add_test(t, an_attempt_with_a_clock_that_is_not_set_says_so);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_x509_suite)
