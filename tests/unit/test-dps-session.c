/* SPDX-License-Identifier: MIT */
#include "dps-session-fixture.h"

/* clang-format off */
static const Script scripts[] = {
        { .name = "is assigned after two polls", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 8,  AZ_OK, E(WAIT),     S(WAITING_TO_POLL), 18, 0, L(NONE), "202&retry-after=10", ASSIGNING },
                { TIMEOUT, 0, 17, AZ_OK, NO_EVENT,    S(WAITING_TO_POLL), 18 },
                { TIMEOUT, 0, 18, AZ_OK, E(PUBLISH),  S(POLLING),         48 },
                { ANSWER,  0, 19, AZ_OK, E(ASSIGNED), S(STOPPED),         NEVER, 0, L(NONE), "200", ASSIGNED },
                { START,   0, 20, AZ_OK, E(SIGN),     S(SIGNING),         140 },
        } },
        { .name = "is assigned at once", .steps = {
                UNTIL_REGISTERED,
                { ANSWER,  0, 4, AZ_OK, E(ASSIGNED), S(STOPPED), NEVER, 0, L(NONE), "200", ASSIGNED },
        } },
        { .name = "has nothing to sign with a certificate", .credential = AZ_CREDENTIAL_X509, .steps = {
                { START,     0,      0, AZ_OK, E(CONNECT),   S(CONNECTING),  30 },
                { SIGNED,    0,      1, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(CONNECTING), 30 },
                { LOST,      L(TCP), 2, AZ_OK, E(LOST),      S(BACKOFF),     4, 0, L(TCP) },
                { TIMEOUT,   0,      4, AZ_OK, E(CONNECT),   S(CONNECTING),  34 },
                { CONNECTED, 0,      5, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 35 },
        } },
        { .name = "waits for at least two seconds", .steps = {
                UNTIL_REGISTERED,
                { ANSWER,  0, 4, AZ_OK, E(WAIT), S(WAITING_TO_POLL), 6, 0, L(NONE), "202&retry-after=1", ASSIGNING },
        } },
        { .name = "polls on with the operation that it remembers", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 8,  AZ_OK, E(WAIT), S(WAITING_TO_POLL), 11, 0, L(NONE), "202", "{\"status\":\"assigning\"}" },
                { TIMEOUT, 0, 11, AZ_OK, E(PUBLISH), S(POLLING), 41 },
        } },
        { .name = "fails without an operation to ask for", .steps = {
                UNTIL_REGISTERED,
                { ANSWER,  0, 8,  AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(PROTOCOL), "202", "{\"status\":\"assigning\"}" },
        } },

        /* What may pass. */
        { .name = "asks again when the service is busy", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 8,  AZ_OK, E(WAIT),    S(WAITING_TO_POLL), 28, 0, L(ANSWER), "429&retry-after=20", "{\"errorCode\":429001}" },
                { TIMEOUT, 0, 28, AZ_OK, E(PUBLISH), S(POLLING),         58 },
                { ANSWER,  0, 30, AZ_OK, E(WAIT),    S(WAITING_TO_POLL), 32, 34, L(ANSWER), "503", "<html>" },
        } },
        { .name = "registers again when the service is busy", .steps = {
                UNTIL_REGISTERED,
                { ANSWER,  0, 5,  AZ_OK, E(WAIT),    S(WAITING_TO_REGISTER), 15, 25, L(ANSWER), "429", "{}" },
                { TIMEOUT, 0, 25, AZ_OK, E(PUBLISH), S(REGISTERING),         55 },
                { ANSWER,  0, 26, AZ_OK, E(WAIT),    S(WAITING_TO_REGISTER), 28, 30, L(ANSWER), "409", "" },
                { TIMEOUT, 0, 30, AZ_OK, E(PUBLISH), S(REGISTERING),         60 },
                { ANSWER,  0, 31, AZ_OK, E(WAIT),    S(WAITING_TO_POLL),     34, 0, L(NONE), "202", ASSIGNING },
        } },
        { .name = "registers again when the operation is forgotten", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 8,  AZ_OK, E(WAIT),    S(WAITING_TO_REGISTER), 10, 0, L(ANSWER), "404", "{\"errorCode\":404203}" },
                { TIMEOUT, 0, 10, AZ_OK, E(PUBLISH), S(REGISTERING),         40 },
                /* The forgotten operation is none to poll for. */
                { ANSWER,  0, 11, AZ_OK, E(FAILED),  S(STOPPED), NEVER, 0, L(PROTOCOL), "202", "{\"status\":\"assigning\"}" },
        } },
        { .name = "registers again when the assignment failed for a passing reason", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 8,  AZ_OK, E(WAIT), S(WAITING_TO_REGISTER), 10, 0, L(ASSIGNMENT), "200",
                  "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":500001}}" },
        } },
        { .name = "connects again when it is lost, and registers anew", .steps = {
                UNTIL_POLLED,
                { LOST,      L(CLOSED), 8,  AZ_OK, E(LOST),      S(BACKOFF),     10, 0, L(CLOSED) },
                { CONNECTED, 0,         9,  AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(BACKOFF), 10 },
                { TIMEOUT,   0,         10, AZ_OK, E(SIGN),      S(SIGNING),     130 },
                { SIGNED,    0,         11, AZ_OK, E(CONNECT),   S(CONNECTING),  41 },
                { CONNECTED, 0,         12, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 42 },
                { SUBACK,    0,         13, AZ_OK, E(PUBLISH),   S(REGISTERING), 43 },
        } },
        { .name = "is lost while it waits", .steps = {
                UNTIL_WAITING,
                { LOST, L(KEEP_ALIVE), 5,  AZ_OK, E(LOST), S(BACKOFF), 7, 0, L(KEEP_ALIVE) },
        } },
        { .name = "is lost when signing takes too long", .steps = {
                { START,   0, 5,   AZ_OK, E(SIGN), S(SIGNING), 125 },
                { TIMEOUT, 0, 124, AZ_OK, NO_EVENT, S(SIGNING), 125 },
                { TIMEOUT, 0, 125, AZ_OK, E(LOST), S(BACKOFF), 127, 0, L(TIMEOUT) },
        } },
        { .name = "tries again when signing fails", .steps = {
                { START, 0,          0, AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,  L(SIGNING), 1, AZ_OK, E(LOST), S(BACKOFF), 3, 0, L(SIGNING) },
        } },
        { .name = "is lost without CONNACK", .steps = {
                UNTIL_SIGNED,
                { TIMEOUT, 0, 31, AZ_OK, E(LOST), S(BACKOFF), 33, 0, L(TIMEOUT) },
        } },
        { .name = "is lost without SUBACK", .steps = {
                UNTIL_SUBSCRIBED,
                { TIMEOUT, 0, 32, AZ_OK, E(LOST), S(BACKOFF), 34, 0, L(TIMEOUT) },
        } },
        { .name = "is lost without an answer", .steps = {
                UNTIL_REGISTERED,
                { TIMEOUT, 0, 33, AZ_OK, E(LOST), S(BACKOFF), 35, 0, L(TIMEOUT) },
        } },
        { .name = "is lost without an answer to a poll", .steps = {
                UNTIL_POLLED,
                { TIMEOUT, 0, 37, AZ_OK, E(LOST), S(BACKOFF), 39, 0, L(TIMEOUT) },
        } },
        { .name = "gives a server that is busy more time", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 3, 2, AZ_OK, E(LOST), S(BACKOFF), 12, 22, L(REFUSED) },
        } },

        /* What does not. */
        { .name = "fails when it is refused", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 5, 2, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(REFUSED) },
                { REFUSED, 5, 2, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(STOPPED), NEVER },
        } },
        { .name = "fails when the filter is refused", .steps = {
                UNTIL_SUBSCRIBED,
                { SUBACK, 0x80, 3, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(SUBSCRIBE) },
        } },
        { .name = "fails when SUBACK is of something else", .steps = {
                UNTIL_SUBSCRIBED,
                { SUBACK_TWO, 0, 3, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(SUBSCRIBE) },
        } },
        { .name = "fails when the peer breaks the protocol", .steps = {
                UNTIL_REGISTERED,
                { LOST, L(PROTOCOL), 4, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(PROTOCOL) },
        } },
        { .name = "fails when the credential is not taken", .steps = {
                UNTIL_REGISTERED,
                { ANSWER, 0, 4, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(ANSWER), "401", "{\"errorCode\":401002}" },
        } },
        { .name = "fails when there is no such enrollment", .steps = {
                UNTIL_REGISTERED,
                { ANSWER, 0, 4, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(ANSWER), "404", "{\"errorCode\":404201}" },
        } },
        { .name = "fails when there is no hub for it", .steps = {
                UNTIL_POLLED,
                { ANSWER, 0, 8, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(ASSIGNMENT), "200",
                  "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":400208}}" },
        } },
        { .name = "fails when the enrollment is disabled", .steps = {
                UNTIL_POLLED,
                { ANSWER, 0, 8, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(DISABLED), "200", "{\"status\":\"disabled\"}" },
        } },
        { .name = "fails when it does not understand the answer", .steps = {
                UNTIL_POLLED,
                { ANSWER, 0, 8, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(PROTOCOL), "200", "{\"status\":" },
        } },
        { .name = "fails when it is assigned to nothing", .steps = {
                UNTIL_POLLED,
                { ANSWER, 0, 8, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(PROTOCOL), "200", "{\"status\":\"assigned\"}" },
        } },

        /* What takes too long. */
        { .name = "fails at once when it would have to wait past the end of the run", .steps = {
                UNTIL_REGISTERED,
                { ANSWER, 0, 4, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(ANSWER), "429&retry-after=296", "{}" },
        } },
        { .name = "fails at once when the service needs more time than the run has", .steps = {
                UNTIL_REGISTERED,
                { ANSWER, 0, 4, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(DEADLINE), "202&retry-after=296", ASSIGNING },
        } },
        { .name = "waits when it is just in time, and lets no step outlive the run", .steps = {
                UNTIL_REGISTERED,
                { ANSWER,  0, 4,   AZ_OK, E(WAIT),    S(WAITING_TO_POLL), 299, 0, L(NONE), "202&retry-after=295", ASSIGNING },
                { TIMEOUT, 0, 299, AZ_OK, E(PUBLISH), S(POLLING),         300 },
                { TIMEOUT, 0, 300, AZ_OK, E(FAILED),  S(STOPPED),         NEVER, 0, L(TIMEOUT) },
        } },
        { .name = "takes an assignment that comes late", .steps = {
                UNTIL_POLLED,
                { ANSWER,  0, 900, AZ_OK, E(ASSIGNED), S(STOPPED), NEVER, 0, L(NONE), "200", ASSIGNED },
        } },
        { .name = "does not go on after a sleep past the end of the run", .steps = {
                UNTIL_WAITING,
                { TIMEOUT, 0, 900, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(DEADLINE) },
        } },
        { .name = "says after a sleep what went wrong before it", .steps = {
                UNTIL_SIGNED,
                { LOST,    L(NAME), 2,   AZ_OK, E(LOST),   S(BACKOFF), 4, 0, L(NAME) },
                { TIMEOUT, 0,       900, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(NAME) },
        } },
        { .name = "does not connect with a signature that came too late", .steps = {
                { START,  0, 0,   AZ_OK, E(SIGN),   S(SIGNING), 120 },
                { SIGNED, 0, 300, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(DEADLINE) },
        } },

        /* The clock. */
        { .name = "waits for the clock", .build_unix_s = UNIX_S, .clock_s = -1000, .steps = {
                { START,     0,     0, AZ_OK, E(LOST), S(BACKOFF), 1, 2, L(CLOCK) },
                { TIMEOUT,   0,     2, AZ_OK, E(LOST), S(BACKOFF), 4, 6, L(CLOCK) },
                { SET_CLOCK, -500,  3, AZ_OK, NO_EVENT, S(BACKOFF), 4, 6 },
                { SET_CLOCK, 0,     3, AZ_OK, E(SIGN), S(SIGNING), 123 },
                { SET_CLOCK, -500,  3, AZ_OK, NO_EVENT, S(SIGNING), 123 },
        } },
        { .name = "begins without a clock after five minutes, and has five minutes left", .build_unix_s = UNIX_S,
          .clock_s = -100000, .credential = AZ_CREDENTIAL_X509, .steps = {
                { START,   0, 0,   AZ_OK, E(LOST),    S(BACKOFF),    1, 2,     L(CLOCK) },
                { TIMEOUT, 0, 290, AZ_OK, E(LOST),    S(BACKOFF),    292, 294, L(CLOCK) },
                { TIMEOUT, 0, 299, AZ_OK, E(LOST),    S(BACKOFF),    300, 0,   L(CLOCK) },
                { TIMEOUT, 0, 300, AZ_OK, E(CONNECT), S(CONNECTING), 330 },
                { LOST,  L(TLS), 599, AZ_OK, E(FAILED), S(STOPPED), NEVER, 0, L(TLS) },
        } },

        { .name = "keeps waiting for a signature of the right size", .steps = {
                { START,        0, 0, AZ_OK,        E(SIGN),    S(SIGNING),    120 },
                { SIGNED_SHORT, 0, 1, AZ_ERROR_ARG, NO_EVENT,   S(SIGNING),    120 },
                { SIGNED,       0, 2, AZ_OK,        E(CONNECT), S(CONNECTING), 32 },
        } },
        { .name = "refuses to be told what it finds itself", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 0,             2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(NONE),       2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(REFUSED),    2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(SUBSCRIBE),  2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(ANSWER),     2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(ASSIGNMENT), 2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(DISABLED),   2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(DEADLINE),   2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(CLOCK),      2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
        } },
        { .name = "has no deadline while stopped", .steps = {
                { TIMEOUT, 0, 1000, AZ_OK, NO_EVENT, S(STOPPED), NEVER },
        } },
};
/* clang-format on */

START_TEST(session_follows_the_script) {
        run_script(&scripts[_i]);
}
END_TEST

/* The input that is each trigger, _END: the session itself decides that it is one; see the scripts. Answers
 * have their text below. */
static const struct {
        Input input;
        int arg;
        const char *status, *payload;
} triggers[_AZ_DPS_ON_MAX] = {
        [AZ_DPS_ON_START] = { START },
        [AZ_DPS_ON_STOP] = { STOP },
        [AZ_DPS_ON_SIGNED] = { SIGNED },
        [AZ_DPS_ON_CERTIFICATE] = { _END },
        [AZ_DPS_ON_CONNECTED] = { CONNECTED },
        [AZ_DPS_ON_REFUSED] = { REFUSED, 3 },
        [AZ_DPS_ON_SUBACK] = { SUBACK },
        [AZ_DPS_ON_SUBACK_REFUSED] = { SUBACK, 0x80 },
        [AZ_DPS_ON_ASSIGNING] = { ANSWER, 0, "202", ASSIGNING },
        [AZ_DPS_ON_ASSIGNED] = { ANSWER, 0, "200", ASSIGNED },
        [AZ_DPS_ON_RETRY] = { ANSWER, 0, "500", "" },
        [AZ_DPS_ON_RESTART] = { ANSWER, 0, "200",
                                "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":409001}}" },
        [AZ_DPS_ON_LOST] = { LOST, AZ_DPS_LOSS_CLOSED },
        [AZ_DPS_ON_TIMEOUT] = { TIMEOUT },
        [AZ_DPS_ON_FAILED] = { _END },
        [AZ_DPS_ON_CLOCK_UNSET] = { _END },
        [AZ_DPS_ON_CLOCK_CHANGED] = { _END },
};

static const az_dps_session_transition *find_row(az_dps_session_state from, az_dps_session_trigger on) {
        const az_dps_session_transition *rows, *found = NULL;
        size_t n;

        rows = az_dps_session_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].from != from || rows[i].on != on)
                        continue;
                ck_assert_msg(!found, "two rows for %s in %s", az_dps_session_trigger_to_string(on),
                              az_dps_session_state_to_string(from));
                found = &rows[i];
        }
        return found;
}

static az_result feed_trigger(az_dps_session *s, az_dps_session_trigger on, az_hub_session_time time) {
        if (triggers[on].input == ANSWER)
                return answer(s, triggers[on].status, triggers[on].payload, time);
        return feed(s, triggers[on].input, triggers[on].arg, time);
}

START_TEST(every_state_treats_every_trigger_as_its_row_says) {
        az_dps_session_state from = (az_dps_session_state) (_i / _AZ_DPS_ON_MAX);
        az_dps_session_trigger on = (az_dps_session_trigger) (_i % _AZ_DPS_ON_MAX);
        const az_dps_session_transition *row = find_row(from, on);
        az_hub_session_time late = at(200); /* for each step, but not for the run */
        az_dps_event event;
        az_dps_session s;
        uint64_t deadline_us;
        az_result r;

        if (triggers[on].input == _END)
                return;
        init_in(&s, from);
        deadline_us = az_dps_session_deadline_us(&s);
        r = feed_trigger(&s, on, late);
        if (row) {
                ck_assert_int_eq(r, AZ_OK);
                ck_assert_int_eq(pop(&s).type, row->event);
                ck_assert_int_eq(state_of(&s), row->to);
                return;
        }

        /* A state without a deadline cannot be late; one that sent no request has no answer. */
        ck_assert(r == (on == AZ_DPS_ON_TIMEOUT ? AZ_OK : AZ_ERROR_NOT_SUPPORTED) ||
                  (triggers[on].input == ANSWER && r == AZ_ERROR_IOT_TOPIC_NO_MATCH));
        ck_assert(!az_dps_session_next_event(&s, &event));
        ck_assert_int_eq(state_of(&s), from);
        ck_assert_uint_eq(az_dps_session_deadline_us(&s), deadline_us);
}
END_TEST

START_TEST(whatever_leads_on_can_fail_and_wherever_it_signs_it_can_wait_or_do_without) {
        const az_dps_session_transition *rows;
        size_t n;

        rows = az_dps_session_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].from != AZ_DPS_SESSION_STOPPED)
                        ck_assert_ptr_nonnull(find_row(rows[i].from, AZ_DPS_ON_FAILED));
                if (rows[i].event != AZ_DPS_EVENT_SIGN)
                        continue;
                ck_assert_ptr_nonnull(find_row(rows[i].from, AZ_DPS_ON_CLOCK_UNSET));
                ck_assert_ptr_nonnull(find_row(rows[i].from, AZ_DPS_ON_CERTIFICATE));
        }
}
END_TEST

START_TEST(an_event_that_waits_refuses_every_input_but_stop) {
        az_dps_session s;

        init(&s);
        ck_assert_int_eq(feed(&s, START, 0, at(0)), AZ_OK);
        for (Input input = START; input < _END; input++) {
                if (input == STOP)
                        continue;
                ck_assert_int_eq(feed(&s, input, AZ_DPS_LOSS_TCP, at(1000)), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(state_of(&s), AZ_DPS_SESSION_SIGNING);
        }

        az_dps_session_stop(&s);
        ck_assert_int_eq(pop(&s).type, AZ_DPS_EVENT_DISCONNECT);
}
END_TEST

/* Names for logs, each once and none missing. */
START_TEST(every_constant_has_a_name) {
        CHECK_NAMES(az_dps_session_state_to_string, _AZ_DPS_SESSION_STATE_MAX);
        CHECK_NAMES(az_dps_session_trigger_to_string, _AZ_DPS_ON_MAX);
        CHECK_NAMES(az_dps_event_type_to_string, _AZ_DPS_EVENT_TYPE_MAX);
        CHECK_NAMES(az_dps_loss_to_string, _AZ_DPS_LOSS_MAX);
}
END_TEST

static Suite *dps_session_suite(void) {
        Suite *s = suite_create("dps-session");
        TCase *t;

        t = tcase_create("scripts");
        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        suite_add_tcase(s, t);

        t = tcase_create("table");
        tcase_add_loop_test(t, every_state_treats_every_trigger_as_its_row_says, 0,
                            (int) _AZ_DPS_SESSION_STATE_MAX * (int) _AZ_DPS_ON_MAX);
        tcase_add_test(t, whatever_leads_on_can_fail_and_wherever_it_signs_it_can_wait_or_do_without);
        tcase_add_test(t, an_event_that_waits_refuses_every_input_but_stop);
        tcase_add_test(t, every_constant_has_a_name);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(dps_session_suite)
