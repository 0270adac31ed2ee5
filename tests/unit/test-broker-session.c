/* SPDX-License-Identifier: MIT */
#include "broker-session-fixture.h"

typedef struct {
        const char *name;
        bool resubscribes, never_gives_up, has_no_token;
        uint64_t renew_in_ms;
        Step steps[20];
} Script;

/* clang-format off */
static const Script scripts[] = {
        { .name = "comes up, is stopped, and starts anew", .steps = {
                UNTIL_LIVE,
                { STOP,    0, 60, AZ_OK, E(DISCONNECT), S(STOPPING),   5060 },
                { CLOSED,  0, 70, AZ_OK, E(STOPPED),    S(STOPPED),    NEVER },
                { START,   0, 80, AZ_OK, E(CONNECT),    S(CONNECTING), 30080 },
        } },
        { .name = "connects again at once, and then less and less often", .steps = {
                UNTIL_LIVE,
                { LOST,    L(TCP), 20000, AZ_OK, E(LOST),    S(BACKOFF),    20000 },
                { TIMEOUT, 0,      20000, AZ_OK, E(CONNECT), S(CONNECTING), 50000 },
                { LOST,    L(TCP), 20001, AZ_OK, E(LOST),    S(BACKOFF),    20129, 20257 },
                { TIMEOUT, 0,      20257, AZ_OK, E(CONNECT), S(CONNECTING), 50257 },
                { LOST,    L(TCP), 20257, AZ_OK, E(LOST),    S(BACKOFF),    20513, 20769 },
                { TIMEOUT, 0,      20512, AZ_OK, NO_EVENT,   S(BACKOFF),    20513, 20769 },
                { RECONNECT_NOW, 0, 20513, AZ_OK, E(CONNECT), S(CONNECTING), 50513 },
        } },
        { .name = "waits after a first attempt that fails", .steps = {
                { START, 0,       0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,  L(NAME), 5, AZ_OK, E(LOST),    S(BACKOFF),    69, 133 },
        } },
        { .name = "is lost without CONNACK", .steps = {
                { START,   0, 0,     AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { TIMEOUT, 0, 29999, AZ_OK, NO_EVENT,   S(CONNECTING), 30000 },
                { TIMEOUT, 0, 30000, AZ_OK, E(LOST),    S(BACKOFF),    30064, 30128 },
        } },
        { .name = "renews a link before its certificate ends", .renew_in_ms = 60000, .steps = {
                { START,     0, 0,     AZ_OK, E(CONNECT),    S(CONNECTING), 30000 },
                { CONNECTED, 0, 0,     AZ_OK, E(LIVE),       S(LIVE),       60000 },
                { TIMEOUT,   0, 60000, AZ_OK, E(DRAIN),      S(DRAINING),   65000 },
                { DRAINED,   0, 60001, AZ_OK, E(DISCONNECT), S(CLOSING),    65001 },
                { CLOSED,    0, 60002, AZ_OK, E(CONNECT),    S(CONNECTING), 90002 },
                { CONNECTED, 0, 60003, AZ_OK, E(LIVE),       S(LIVE),       120003 },
        } },
        { .name = "does not wait for ever for what is under way, nor for the end", .steps = {
                UNTIL_LIVE,
                { RENEW,   0, 20000, AZ_OK, E(DRAIN),      S(DRAINING), 25000 },
                { TIMEOUT, 0, 25000, AZ_OK, E(DISCONNECT), S(CLOSING),  30000 },
                { TIMEOUT, 0, 30000, AZ_OK, E(LOST),       S(BACKOFF),  30000 },
        } },
        { .name = "proves itself anew on the link that is there", .steps = {
                UNTIL_LIVE,
                { TOKEN_CHANGED,   0, 10, AZ_OK, E(REAUTHENTICATE),  S(REAUTHENTICATING), 30010 },
                { REAUTHENTICATED, 0, 20, AZ_OK, E(REAUTHENTICATED), S(LIVE),             NEVER },
        } },
        { .name = "takes a token that changes during CONNECT", .steps = {
                { START,         0, 0, AZ_OK, E(CONNECT),        S(CONNECTING),       30000 },
                { TOKEN_CHANGED, 0, 5, AZ_OK, NO_EVENT,          S(CONNECTING),       30000 },
                { CONNECTED,     0, 9, AZ_OK, E(LIVE),           S(LIVE),             9 },
                { TIMEOUT,       0, 9, AZ_OK, E(REAUTHENTICATE), S(REAUTHENTICATING), 30009 },
        } },
        { .name = "takes a token that changes while the last one is judged", .steps = {
                UNTIL_LIVE,
                { TOKEN_CHANGED,   0, 10, AZ_OK, E(REAUTHENTICATE),  S(REAUTHENTICATING), 30010 },
                { TOKEN_CHANGED,   0, 11, AZ_OK, NO_EVENT,           S(REAUTHENTICATING), 30010 },
                { REAUTHENTICATED, 0, 20, AZ_OK, E(REAUTHENTICATED), S(LIVE),             20 },
                { TIMEOUT,         0, 20, AZ_OK, E(REAUTHENTICATE),  S(REAUTHENTICATING), 30020 },
        } },
        { .name = "connects anew when a new token is not taken", .steps = {
                UNTIL_LIVE,
                { TOKEN_CHANGED, 0,         10, AZ_OK, E(REAUTHENTICATE), S(REAUTHENTICATING), 30010 },
                { LOST,          L(CLOSED), 20, AZ_OK, E(LOST),           S(BACKOFF),          20 },
                { TIMEOUT,       0,         20, AZ_OK, E(CONNECT),        S(CONNECTING),       30020 },
        } },
        { .name = "connects anew when nobody answers to a new token", .steps = {
                UNTIL_LIVE,
                { TOKEN_CHANGED, 0, 10,    AZ_OK, E(REAUTHENTICATE), S(REAUTHENTICATING), 30010 },
                { TIMEOUT,       0, 30010, AZ_OK, E(LOST),           S(BACKOFF),          30010 },
        } },
        { .name = "takes a certificate that changes during CONNECT, and a token with it", .steps = {
                { START,         0, 0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { TOKEN_CHANGED, 0, 5, AZ_OK, NO_EVENT,   S(CONNECTING), 30000 },
                { RENEW,         0, 5, AZ_OK, NO_EVENT,   S(CONNECTING), 30000 },
                { CONNECTED,     0, 9, AZ_OK, E(LIVE),    S(LIVE),       9 },
                { TIMEOUT,       0, 9, AZ_OK, E(DRAIN),   S(DRAINING),   5009 },
                { LOST,  L(CLOSED), 10, AZ_OK, E(LOST),    S(BACKOFF),    10 },
                { TIMEOUT,       0, 10, AZ_OK, E(CONNECT), S(CONNECTING), 30010 },
                { CONNECTED,     0, 11, AZ_OK, E(LIVE),    S(LIVE),       NEVER },
        } },
        { .name = "tries a token that is refused a few times, and gives up", .steps = {
                { START,   0,                 0,     AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,    R(NOT_AUTHORIZED), 0,     AZ_OK, E(LOST),    S(BACKOFF),    1000, 2000 },
                { TIMEOUT, 0,                 2000,  AZ_OK, E(CONNECT), S(CONNECTING), 32000 },
                { LOST,    R(NOT_AUTHORIZED), 2000,  AZ_OK, E(LOST),    S(BACKOFF),    4000, 6000 },
                { TIMEOUT, 0,                 6000,  AZ_OK, E(CONNECT), S(CONNECTING), 36000 },
                { LOST,    R(NOT_AUTHORIZED), 6000,  AZ_OK, E(LOST),    S(BACKOFF),    10000, 14000 },
                { TIMEOUT, 0,                 14000, AZ_OK, E(CONNECT), S(CONNECTING), 44000 },
                { LOST,    R(NOT_AUTHORIZED), 14000, AZ_OK, E(LOST),    S(BACKOFF),    22000, 30000 },
                { TIMEOUT, 0,                 30000, AZ_OK, E(CONNECT), S(CONNECTING), 60000 },
                { LOST,    R(NOT_AUTHORIZED), 30000, AZ_OK, E(LOST),    S(BACKOFF),    46000, 62000 },
                { TIMEOUT, 0,                 62000, AZ_OK, E(CONNECT), S(CONNECTING), 92000 },
                { LOST,    R(NOT_AUTHORIZED), 62000, AZ_OK, E(STOPPED), S(STOPPED),    NEVER },
        } },
        { .name = "tries at once when a token that is refused changes", .steps = {
                { START,         0,                 0,   AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,          R(NOT_AUTHORIZED), 0,   AZ_OK, E(LOST),    S(BACKOFF),    1000, 2000 },
                { TOKEN_CHANGED, 0,                 500, AZ_OK, E(CONNECT), S(CONNECTING), 30500 },
        } },
        { .name = "does not when the network is to blame", .steps = {
                { START,         0,      0,  AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,          L(TCP), 0,  AZ_OK, E(LOST),    S(BACKOFF),    64, 128 },
                { TOKEN_CHANGED, 0,      50, AZ_OK, NO_EVENT,   S(BACKOFF),    64, 128 },
        } },
        { .name = "gives up when a client without token is not authorized", .has_no_token = true, .steps = {
                { START, 0,                 0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,  R(NOT_AUTHORIZED), 0, AZ_OK, E(STOPPED), S(STOPPED),    NEVER },
        } },
        { .name = "waits for longer instead, if it never gives up", .has_no_token = true,
          .never_gives_up = true, .steps = {
                { START,   0,                 0,     AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,    R(NOT_AUTHORIZED), 0,     AZ_OK, E(LOST),    S(BACKOFF),    30000, 60000 },
                { RENEW,   0,                 900,   AZ_OK, E(CONNECT), S(CONNECTING), 30900 },
        } },
        { .name = "gives up when the broker does not want it any more", .steps = {
                UNTIL_LIVE,
                { LOST, D(TAKEN_OVER), 9, AZ_OK, E(STOPPED), S(STOPPED), NEVER },
        } },
        { .name = "gives up when the broker has lost the session", .steps = {
                UNTIL_LIVE,
                { LOST,             L(CLOSED), 9,  AZ_OK, E(LOST),       S(BACKOFF),    9 },
                { TIMEOUT,          0,         9,  AZ_OK, E(CONNECT),    S(CONNECTING), 30009 },
                { CONNECTED_TO_NEW, 0,         10, AZ_OK, E(DISCONNECT), S(STOPPING),   5010 },
                { CLOSED,           0,         11, AZ_OK, E(STOPPED),    S(STOPPED),    NEVER },
        } },
        { .name = "begins a new session instead, if it resubscribes", .resubscribes = true, .steps = {
                UNTIL_LIVE,
                { LOST,             L(CLOSED), 9,  AZ_OK, E(LOST),    S(BACKOFF),    9 },
                { TIMEOUT,          0,         9,  AZ_OK, E(CONNECT), S(CONNECTING), 30009 },
                { CONNECTED_TO_NEW, 0,         10, AZ_OK, E(LIVE),    S(LIVE),       NEVER },
        } },
        { .name = "takes any session for its first", .steps = {
                { START,            0, 0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { CONNECTED_TO_NEW, 0, 1, AZ_OK, E(LIVE),    S(LIVE),       NEVER },
        } },
        { .name = "stops without a connection at once", .steps = {
                { START, 0,         0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 },
                { LOST,  L(TCP),    0, AZ_OK, E(LOST),    S(BACKOFF),    64, 128 },
                { STOP,  0,         1, AZ_OK, E(STOPPED), S(STOPPED),    NEVER },
        } },
        { .name = "stops even if nobody answers", .steps = {
                UNTIL_LIVE,
                { STOP,    0, 60,   AZ_OK, E(DISCONNECT), S(STOPPING), 5060 },
                { TIMEOUT, 0, 5060, AZ_OK, E(STOPPED),    S(STOPPED),  NEVER },
        } },
        { .name = "refuses to be told what it finds itself", .steps = {
                UNTIL_LIVE,
                { LOST, L(NONE),    2, AZ_ERROR_ARG, NO_EVENT, S(LIVE), NEVER },
                { LOST, L(RIVAL),   2, AZ_ERROR_ARG, NO_EVENT, S(LIVE), NEVER },
                { LOST, L(SESSION), 2, AZ_ERROR_ARG, NO_EVENT, S(LIVE), NEVER },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        const Script *script = &scripts[_i];
        az_broker_session_options o = options();
        World w = { .renew_in_ms = script->renew_in_ms };

        o.resubscribes = script->resubscribes;
        o.never_gives_up = script->never_gives_up;
        o.has_token = !script->has_no_token;
        init(&w, &o);
        run_steps(&w, script->name, script->steps, ELEMENTSOF(script->steps));
}
END_TEST

/* The input that is each trigger; _END: another input becomes it, see the scripts. */
static const struct {
        Input input;
        int arg;
} triggers[_AZ_BROKER_ON_MAX] = {
        [AZ_BROKER_ON_START] = { START },
        [AZ_BROKER_ON_STOP] = { STOP },
        [AZ_BROKER_ON_CONNECTED] = { CONNECTED },
        [AZ_BROKER_ON_SESSION_GONE] = { _END },
        [AZ_BROKER_ON_LOST] = { LOST, L(TCP) },
        [AZ_BROKER_ON_GIVE_UP] = { LOST, D(TAKEN_OVER) },
        [AZ_BROKER_ON_TIMEOUT] = { TIMEOUT },
        [AZ_BROKER_ON_RENEW] = { RENEW },
        [AZ_BROKER_ON_DRAINED] = { DRAINED },
        [AZ_BROKER_ON_CLOSED] = { CLOSED },
        [AZ_BROKER_ON_RECONNECT_NOW] = { RECONNECT_NOW },
        [AZ_BROKER_ON_TOKEN_CHANGED] = { TOKEN_CHANGED },
        [AZ_BROKER_ON_REAUTHENTICATED] = { REAUTHENTICATED },
};

static const az_broker_session_transition *find_row(az_broker_session_state from,
                                                    az_broker_session_trigger on) {
        const az_broker_session_transition *rows, *found = NULL;
        size_t n;

        rows = az_broker_session_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].from != from || rows[i].on != on)
                        continue;
                ck_assert_msg(!found, "two rows for %s in %s", az_broker_session_trigger_to_string(on),
                              az_broker_session_state_to_string(from));
                found = &rows[i];
        }
        return found;
}

/* A credential that changes where there is no row is remembered, a loss in STOPPING that is fatal is a loss.
 */
static bool is_taken_silently(az_broker_session_state from, az_broker_session_trigger on) {
        return on == AZ_BROKER_ON_TIMEOUT || on == AZ_BROKER_ON_RENEW || on == AZ_BROKER_ON_TOKEN_CHANGED;
}

START_TEST(every_state_treats_every_trigger_as_its_row_says) {
        az_broker_session_state from = (az_broker_session_state) (_i / _AZ_BROKER_ON_MAX);
        az_broker_session_trigger on = (az_broker_session_trigger) (_i % _AZ_BROKER_ON_MAX);
        const az_broker_session_transition *row = find_row(from, on);
        World w = { .renew_in_ms = 60000 };
        az_broker_event event;
        uint64_t deadline_us;

        if (triggers[on].input == _END)
                return;
        if (on == AZ_BROKER_ON_GIVE_UP && !row)
                row = find_row(from, AZ_BROKER_ON_LOST);
        init_in(&w, from);
        deadline_us = az_broker_session_deadline_us(&w.s);
        if (row) {
                ck_assert_int_eq(feed(&w, triggers[on].input, triggers[on].arg, ms(400000)), AZ_OK);
                ck_assert_int_eq(pop(&w).type, row->event);
                ck_assert_int_eq(state_of(&w), row->to);
                return;
        }

        ck_assert_int_eq(feed(&w, triggers[on].input, triggers[on].arg, ms(400000)),
                         is_taken_silently(from, on) ? AZ_OK : AZ_ERROR_NOT_SUPPORTED);
        ck_assert(!az_broker_session_next_event(&w.s, &event));
        ck_assert_int_eq(state_of(&w), from);
        ck_assert_uint_eq(az_broker_session_deadline_us(&w.s), deadline_us);
}
END_TEST

START_TEST(an_event_that_waits_refuses_every_input) {
        az_broker_session_options o = options();
        World w = { 0 };

        init(&w, &o);
        ck_assert_int_eq(feed(&w, START, 0, 0), AZ_OK);
        for (Input input = START; input < _END; input++) {
                ck_assert_int_eq(feed(&w, input, AZ_BROKER_LOSS_TCP, ms(100000)), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(state_of(&w), S(CONNECTING));
        }
}
END_TEST

/* Azure IoT Operations SDKs, session client; "?" is retried only with a token. */
static const struct {
        const char *name;
        az_broker_verdict (*verdict)(uint8_t reason_code);
        uint8_t fatal[16];
} verdicts[] = {
        { "CONNACK",
          az_broker_verdict_of_connack,
          { 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8A, 0x8C, 0x90, 0x95, 0x99, 0x9A, 0x9B, 0x9C, 0x9D } },
        { "DISCONNECT",
          az_broker_verdict_of_disconnect,
          { 0x81, 0x82, 0x8E, 0x8F, 0x90, 0x94, 0x95, 0x99, 0x9A, 0x9B, 0x9D, 0x9E, 0xA1, 0xA2 } },
};

START_TEST(each_reason_code_has_its_verdict) {
        for (unsigned code = 0; code <= UINT8_MAX; code++) {
                az_broker_verdict expected =
                        code == NOT_AUTHORIZED ? AZ_BROKER_VERDICT_CREDENTIAL : AZ_BROKER_VERDICT_RETRY;

                for (size_t i = 0; i < ELEMENTSOF(verdicts[_i].fatal); i++)
                        if (code != 0 && verdicts[_i].fatal[i] == code)
                                expected = AZ_BROKER_VERDICT_FATAL;
                ck_assert_msg(verdicts[_i].verdict((uint8_t) code) == expected, "%s, 0x%02X",
                              verdicts[_i].name, code);
        }
}
END_TEST

START_TEST(only_the_first_connection_has_a_clean_start) {
        az_broker_session_options o = options();
        World w = { 0 };

        o.clean_start = true;
        init(&w, &o);
        ck_assert(give(&w, START, 0, 0).as.connect.clean_start);
        (void) give(&w, LOST, L(TCP), 0);
        ck_assert_msg(give(&w, TIMEOUT, 0, 200).as.connect.clean_start, "there is no session to be kept yet");
        (void) give(&w, CONNECTED_TO_NEW, 0, 200);
        (void) give(&w, LOST, L(TCP), 300);
        ck_assert(!give(&w, TIMEOUT, 0, 1000).as.connect.clean_start);

        (void) give(&w, CONNECTED, 0, 1000);
        (void) give(&w, STOP, true, 1000);
        (void) give(&w, CLOSED, 0, 1000);
        ck_assert(give(&w, START, 0, 1000).as.connect.clean_start);
}
END_TEST

START_TEST(events_carry_what_their_header_says) {
        az_broker_session_options o = options();
        World w = { 0 };
        az_broker_event event;

        o.never_gives_up = o.resubscribes = true;
        init(&w, &o);
        (void) give(&w, START, 0, 0);
        event = give(&w, CONNECTED, 0, 0);
        ck_assert(event.as.live.session_present);
        ck_assert(!event.as.live.is_session_lost);

        event = give(&w, LOST, D(QUOTA_EXCEEDED), 20000);
        ck_assert_int_eq(event.as.lost.loss, L(DISCONNECTED));
        ck_assert_uint_eq(event.as.lost.reason_code, QUOTA_EXCEEDED);
        ck_assert_int_eq(event.as.lost.from, S(LIVE));
        ck_assert(!event.as.lost.is_fatal);
        ck_assert_uint_eq(event.as.lost.delay_us, 0);

        (void) give(&w, TIMEOUT, 0, 20000);
        event = give(&w, CONNECTED_TO_NEW, 0, 20000);
        ck_assert(!event.as.live.session_present);
        ck_assert(event.as.live.is_session_lost);

        event = give(&w, LOST, D(TAKEN_OVER), 20000);
        ck_assert(event.as.lost.is_fatal);
        ck_assert_uint_eq(az_broker_session_deadline_us(&w.s), ms(20000) + event.as.lost.delay_us);
        ck_assert_int_eq(az_broker_session_get_status(&w.s).last_loss, L(DISCONNECTED));
        ck_assert_uint_eq(az_broker_session_get_status(&w.s).last_reason_code, TAKEN_OVER);

        (void) give(&w, RECONNECT_NOW, 0, 20001);
        (void) give(&w, CONNECTED, 0, 20002);
        ck_assert_uint_eq(az_broker_session_get_status(&w.s).live_since_us, ms(20002));
        ck_assert(give(&w, STOP, true, 20003).as.disconnect.ends_session);
        ck_assert(!give(&w, CLOSED, 0, 20004).as.stopped.is_fatal);
}
END_TEST

START_TEST(a_session_that_the_broker_has_lost_is_told_with_its_cause) {
        World w = { 0 };
        az_broker_event event;

        init_in(&w, S(LIVE));
        (void) give(&w, LOST, L(CLOSED), 0);
        (void) give(&w, TIMEOUT, 0, 0);
        ck_assert(give(&w, CONNECTED_TO_NEW, 0, 0).as.disconnect.ends_session);
        event = give(&w, CLOSED, 0, 0);
        ck_assert(event.as.stopped.is_fatal);
        ck_assert_int_eq(event.as.stopped.loss, L(SESSION));
}
END_TEST

START_TEST(links_that_are_cut_off_again_and_again_have_a_rival) {
        World w = { 0 };
        az_broker_event event;
        uint32_t now_ms = 0;

        init_in(&w, S(LIVE));
        for (unsigned i = 1; i < 5; i++) {
                ck_assert_int_eq(give(&w, LOST, L(CLOSED), now_ms).type, E(LOST));
                (void) give(&w, TIMEOUT, 0, now_ms += 5000);
                (void) give(&w, CONNECTED, 0, now_ms);
        }
        event = give(&w, LOST, L(CLOSED), now_ms + 9999);
        ck_assert_int_eq(event.type, E(STOPPED));
        ck_assert_int_eq(event.as.stopped.loss, L(RIVAL));
}
END_TEST

START_TEST(a_broker_that_restarts_is_no_rival) {
        World w = { 0 };
        uint32_t now_ms = 0;

        init_in(&w, S(LIVE));
        for (unsigned i = 0; i < 20; i++) {
                ck_assert_int_eq(give(&w, LOST, L(CLOSED), now_ms).type, E(LOST));
                (void) give(&w, TIMEOUT, 0, now_ms += 60000);
                ck_assert_int_eq(give(&w, LOST, L(TCP), now_ms).type, E(LOST));
                (void) give(&w, TIMEOUT, 0, now_ms += 60000);
                (void) give(&w, CONNECTED, 0, now_ms);
        }
}
END_TEST

START_TEST(options_and_memory_out_of_range_are_refused) {
        const az_broker_session_options good = options();
        World w = { 0 };
        az_broker_session_memory memory;
        az_broker_session_options o;

        init(&w, &good);
        memory = w.s._internal.memory;
        o = good, o.random_seed = 0;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        o = good, o.backoff_min_ms = 0;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        o = good, o.backoff_max_ms = o.backoff_min_ms - 1;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        o = good, o.connect_timeout_s = 0;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        o = good, o.reauthenticate_timeout_s = 0;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        o = good, o.when_full = _AZ_BROKER_WHEN_FULL_MAX;
        ck_assert_int_eq(az_broker_session_init(&w.s, &o, &memory), AZ_ERROR_ARG);
        memory.n_in_flight = 65536;
        ck_assert_int_eq(az_broker_session_init(&w.s, &good, &memory), AZ_ERROR_ARG);
        memory.n_in_flight = 1;
        memory.n_waiting = 0;
        ck_assert_int_eq(az_broker_session_init(&w.s, &good, &memory), AZ_ERROR_ARG);
}
END_TEST

START_TEST(each_constant_has_a_name) {
        CHECK_NAMES(az_broker_session_state_to_string, _AZ_BROKER_SESSION_STATE_MAX);
        CHECK_NAMES(az_broker_session_trigger_to_string, _AZ_BROKER_ON_MAX);
        CHECK_NAMES(az_broker_event_type_to_string, _AZ_BROKER_EVENT_TYPE_MAX);
        CHECK_NAMES(az_broker_loss_to_string, _AZ_BROKER_LOSS_MAX);
        CHECK_NAMES(az_broker_result_to_string, _AZ_BROKER_RESULT_MAX);
}
END_TEST

static Suite *broker_session_suite(void) {
        Suite *suite = suite_create("broker-session");
        TCase *t = tcase_create("machine");

        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_loop_test(t, every_state_treats_every_trigger_as_its_row_says, 0,
                            (int) _AZ_BROKER_SESSION_STATE_MAX * (int) _AZ_BROKER_ON_MAX);
        tcase_add_test(t, an_event_that_waits_refuses_every_input);
        tcase_add_loop_test(t, each_reason_code_has_its_verdict, 0, ELEMENTSOF(verdicts));
        tcase_add_test(t, only_the_first_connection_has_a_clean_start);
        tcase_add_test(t, events_carry_what_their_header_says);
        tcase_add_test(t, a_session_that_the_broker_has_lost_is_told_with_its_cause);
        tcase_add_test(t, links_that_are_cut_off_again_and_again_have_a_rival);
        tcase_add_test(t, a_broker_that_restarts_is_no_rival);
        tcase_add_test(t, options_and_memory_out_of_range_are_refused);
        tcase_add_test(t, each_constant_has_a_name);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(broker_session_suite)
