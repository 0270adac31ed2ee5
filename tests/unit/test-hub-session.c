/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

/* clang-format off */
static const Script scripts[] = {
        { .name = "comes up, carries a method, is stopped", .steps = {
                UNTIL_LIVE,
                { METHOD, 0, 50, AZ_OK, E(METHOD),     S(LIVE),    RENEWAL(0) },
                { STOP,   0, 60, AZ_OK, E(DISCONNECT), S(STOPPED), NEVER },
                { START,  0, 70, AZ_OK, E(SIGN),       S(SIGNING), 190 },
        } },
        { .name = "goes round after a loss", .steps = {
                UNTIL_LIVE,
                { LOST,      L(CLOSED), 10, AZ_OK, E(LOST),      S(BACKOFF),     11, 12 },
                { TIMEOUT,   0,         12, AZ_OK, E(SIGN),      S(SIGNING),     132 },
                { SIGNED,    0,         13, AZ_OK, E(CONNECT),   S(CONNECTING),  43 },
                { CONNECTED, 1,         14, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 44 },
                { SUBACK,    1,         15, AZ_OK, E(LIVE),      S(LIVE),        RENEWAL(12) },
        } },
        { .name = "takes messages before SUBACK, which leave its deadline alone", .steps = {
                UNTIL_SIGNED,
                { METHOD,    0, 2,  AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(CONNECTING), 31 },
                { CONNECTED, 0, 2,  AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 },
                { METHOD,    0, 20, AZ_OK, E(METHOD),    S(SUBSCRIBING), 32 },
                { C2D,       0, 20, AZ_OK, E(C2D),       S(SUBSCRIBING), 32 },
                { TWIN,      0, 20, AZ_OK, E(TWIN),      S(SUBSCRIBING), 32 },
                { SUBACK,    1, 21, AZ_OK, E(LIVE),      S(LIVE),        RENEWAL(0) },
        } },
        { .name = "is lost when signing takes too long", .steps = {
                { START,   0, 5,   AZ_OK, E(SIGN), S(SIGNING), 125 },
                { TIMEOUT, 0, 124, AZ_OK, NO_EVENT, S(SIGNING), 125 },
                { TIMEOUT, 0, 125, AZ_OK, E(LOST), S(BACKOFF), 126, 127 },
        } },
        { .name = "is lost when signing fails, and signs anew", .steps = {
                { START,   0,          0, AZ_OK, E(SIGN), S(SIGNING), 120 },
                { LOST,    L(SIGNING), 1, AZ_OK, E(LOST), S(BACKOFF), 2, 3 },
                { SIGNED,  0,          1, AZ_ERROR_NOT_SUPPORTED, NO_EVENT, S(BACKOFF), 2, 3 },
                { TIMEOUT, 0,          3, AZ_OK, E(SIGN), S(SIGNING), 123 },
        } },
        { .name = "keeps waiting for a signature of the right size", .steps = {
                { START,        0, 0, AZ_OK,        E(SIGN),    S(SIGNING),    120 },
                { SIGNED_SHORT, 0, 1, AZ_ERROR_ARG, NO_EVENT,   S(SIGNING),    120 },
                { SIGNED_LONG,  0, 1, AZ_ERROR_ARG, NO_EVENT,   S(SIGNING),    120 },
                { SIGNED,       0, 2, AZ_OK,        E(CONNECT), S(CONNECTING), 32 },
        } },
        { .name = "is lost without CONNACK", .steps = {
                UNTIL_SIGNED,
                { TIMEOUT, 0, 30, AZ_OK, NO_EVENT, S(CONNECTING), 31 },
                { TIMEOUT, 0, 31, AZ_OK, E(LOST),  S(BACKOFF),    32, 33 },
        } },
        { .name = "is lost without SUBACK", .steps = {
                UNTIL_SUBSCRIBED,
                { TIMEOUT,   0, 40, AZ_OK, E(LOST),      S(BACKOFF),     41, 42 },
        } },
        { .name = "is lost when a filter is refused", .steps = {
                UNTIL_SUBSCRIBED,
                { SUBACK,    0x80, 3, AZ_OK, E(LOST),      S(BACKOFF),     4, 5 },
        } },
        { .name = "refuses to be told what it finds itself", .steps = {
                UNTIL_SIGNED,
                { REFUSED, 0,            2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(NONE),      2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(REFUSED),   2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(SUBSCRIBE), 2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(DUPLICATE), 2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
                { LOST,    L(CLOCK),     2, AZ_ERROR_ARG, NO_EVENT, S(CONNECTING), 31 },
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

/* The input that is each trigger; _END: the session itself decides that it is one, see the scripts. */
static const struct {
        Input input;
        int arg;
} triggers[_AZ_HUB_ON_MAX] = {
        [AZ_HUB_ON_START] = { START },
        [AZ_HUB_ON_START_SPLAYED] = { _END },
        [AZ_HUB_ON_STOP] = { STOP },
        [AZ_HUB_ON_SIGNED] = { SIGNED },
        [AZ_HUB_ON_CONNECTED] = { CONNECTED },
        [AZ_HUB_ON_REFUSED] = { REFUSED, 5 },
        [AZ_HUB_ON_SUBACK] = { SUBACK, 1 },
        [AZ_HUB_ON_SUBACK_REFUSED] = { SUBACK, 0x80 },
        [AZ_HUB_ON_LOST] = { LOST, AZ_HUB_LOSS_CLOSED },
        [AZ_HUB_ON_TIMEOUT] = { TIMEOUT },
        [AZ_HUB_ON_RENEW] = { RENEW },
        [AZ_HUB_ON_DRAINED] = { DRAINED },
        [AZ_HUB_ON_CLOSED] = { CLOSED },
        [AZ_HUB_ON_RECONNECT_NOW] = { RECONNECT_NOW },
        [AZ_HUB_ON_CLOCK_CHANGED] = { _END },
        [AZ_HUB_ON_CLOCK_UNSET] = { _END },
        [AZ_HUB_ON_CERTIFICATE] = { _END },
        [AZ_HUB_ON_METHOD] = { METHOD },
        [AZ_HUB_ON_C2D] = { C2D },
        [AZ_HUB_ON_TWIN] = { TWIN },
};

static const az_hub_session_transition *find_row(az_hub_session_state from, az_hub_session_trigger on) {
        const az_hub_session_transition *rows, *found = NULL;
        size_t n;

        rows = az_hub_session_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].from != from || rows[i].on != on)
                        continue;
                ck_assert_msg(!found, "two rows for %s in %s", az_hub_session_trigger_to_string(on),
                              az_hub_session_state_to_string(from));
                found = &rows[i];
        }
        return found;
}

START_TEST(every_state_treats_every_trigger_as_its_row_says) {
        az_hub_session_state from = (az_hub_session_state) (_i / _AZ_HUB_ON_MAX);
        az_hub_session_trigger on = (az_hub_session_trigger) (_i % _AZ_HUB_ON_MAX);
        const az_hub_session_transition *row = find_row(from, on);
        az_hub_session_time late = at(4000);
        az_hub_session s;
        az_hub_event event;
        uint64_t deadline_us;

        if (triggers[on].input == _END)
                return;
        init_in(&s, from);
        deadline_us = az_hub_session_deadline_us(&s);
        if (row) {
                ck_assert_int_eq(feed(&s, triggers[on].input, triggers[on].arg, late), AZ_OK);
                ck_assert_int_eq(pop(&s).type, row->event);
                ck_assert_int_eq(state_of(&s), row->to);
                return;
        }

        /* A state without a deadline cannot be late. */
        ck_assert_int_eq(feed(&s, triggers[on].input, triggers[on].arg, late),
                         on == AZ_HUB_ON_TIMEOUT ? AZ_OK : AZ_ERROR_NOT_SUPPORTED);
        ck_assert(!az_hub_session_next_event(&s, &event));
        ck_assert_int_eq(state_of(&s), from);
        ck_assert_uint_eq(az_hub_session_deadline_us(&s), deadline_us);
}
END_TEST

START_TEST(wherever_it_signs_it_can_wait_for_the_clock_or_do_without) {
        const az_hub_session_transition *rows;
        size_t n;

        rows = az_hub_session_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].event != AZ_HUB_EVENT_SIGN)
                        continue;
                ck_assert_ptr_nonnull(find_row(rows[i].from, AZ_HUB_ON_CLOCK_UNSET));
                ck_assert_ptr_nonnull(find_row(rows[i].from, AZ_HUB_ON_CERTIFICATE));
        }
}
END_TEST

START_TEST(an_event_that_waits_refuses_every_input_but_stop) {
        az_hub_session s;
        az_hub_event event;

        init(&s);
        ck_assert_int_eq(feed(&s, START, 0, at(0)), AZ_OK);
        for (Input input = START; input < _END; input++) {
                if (input == STOP)
                        continue;
                ck_assert_int_eq(feed(&s, input, AZ_HUB_LOSS_TCP, at(1000)), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(state_of(&s), AZ_HUB_SESSION_SIGNING);
        }

        az_hub_session_stop(&s);
        event = pop(&s);
        ck_assert_int_eq(event.type, AZ_HUB_EVENT_DISCONNECT);
}
END_TEST

START_TEST(events_carry_what_their_header_says) {
        az_hub_session s;
        az_hub_event event;

        init(&s);
        event = give(&s, START, 0, 100);
        ck_assert_uint_eq(event.as.sign.expires_unix_s, UNIX_S + 100 + 3600);

        ck_assert_int_eq(feed(&s, SIGNED, 0, at(101)), AZ_OK);
        ck_assert(az_hub_session_next_event(&s, &event));
        ck_assert_span_eq(event.as.connect.client_id, "pump-17");
        ck_assert_span_eq(event.as.connect.user_name,
                          "hub-lab.azure-devices.net/pump-17/?api-version=2020-09-30"
                          "&DeviceClientType=azsdk-c%2F1.6.0-beta.1");
        ck_assert_span_eq(event.as.connect.password,
                          "SharedAccessSignature sr=hub-lab.azure-devices.net%2Fdevices%2Fpump-17"
                          "&sig=skva%2B5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q%3D&se=1893456100");
        ck_assert_uint_eq(az_span_ptr(event.as.connect.password)[az_span_size(event.as.connect.password)],
                          '\0');
        ck_assert_uint_eq(event.as.connect.keep_alive_s, 60);
        ck_assert(!event.as.connect.clean_session);
        ck_assert(!event.as.connect.clock_is_unset);

        (void) give(&s, CONNECTED, 1, 102);

        event = give(&s, SUBACK, 1, 103);
        ck_assert(event.as.live.session_present);

        event = give(&s, LOST, AZ_HUB_LOSS_KEEP_ALIVE, 105);
        ck_assert_int_eq(event.as.lost.loss, AZ_HUB_LOSS_KEEP_ALIVE);
        ck_assert_int_eq(event.as.lost.from, AZ_HUB_SESSION_LIVE);
        ck_assert_uint_eq(az_hub_session_deadline_us(&s), 105 * USEC_PER_SEC + event.as.lost.delay_us);

        (void) give(&s, TIMEOUT, 0, 200);
        (void) give(&s, SIGNED, 0, 200);
        event = give(&s, REFUSED, 4, 201);
        ck_assert_int_eq(event.as.lost.loss, AZ_HUB_LOSS_REFUSED);
        ck_assert_uint_eq(event.as.lost.connack_code, 4);
        ck_assert_int_eq(event.as.lost.from, AZ_HUB_SESSION_CONNECTING);
}
END_TEST

START_TEST(the_text_to_sign_names_the_resource_and_the_expiry) {
        az_hub_session s;
        az_hub_event event;

        init(&s);
        ck_assert_int_eq(feed(&s, START, 0, at(0)), AZ_OK);
        ck_assert(az_hub_session_next_event(&s, &event));
        ck_assert_span_eq(event.as.sign.string_to_sign,
                          "hub-lab.azure-devices.net%2Fdevices%2Fpump-17\n1893456000");
}
END_TEST

static void check_wiped(az_span span) {
        for (int32_t i = 0; i < az_span_size(span); i++)
                ck_assert_uint_eq(az_span_ptr(span)[i], 0);
}

#ifdef __clang__
static bool holds(const az_hub_session *s, const char *text, size_t size)
        __attribute__((no_sanitize("memory")));
#endif

/* Tells whether 'size' bytes of the text are anywhere in the session, be it between its members. */
static bool holds(const az_hub_session *s, const char *text, size_t size) {
        const char *p = (const char *) s;

        for (size_t i = 0; i + size <= sizeof(*s); i++) {
                size_t n = 0;

                while (n < size && p[i + n] == text[n])
                        n++;
                if (n == size)
                        return true;
        }
        return false;
}

START_TEST(the_password_is_wiped_by_the_next_call) {
        az_hub_session s;
        az_hub_event event, none;

        init_in(&s, AZ_HUB_SESSION_SIGNING);
        ck_assert_int_eq(feed(&s, SIGNED, 0, at(0)), AZ_OK);
        ck_assert(az_hub_session_next_event(&s, &event));
        ck_assert_int_gt(az_span_size(event.as.connect.password), 0);
        if (_i == 0)
                ck_assert(!az_hub_session_next_event(&s, &none));
        else if (_i == 1)
                az_hub_session_stop(&s);
        else
                ck_assert_int_eq(feed(&s, METHOD, 0, at(0)), AZ_ERROR_NOT_SUPPORTED);
        check_wiped(event.as.connect.password);
        ck_assert(!holds(&s, SIGNATURE, 10));
}
END_TEST

START_TEST(a_stop_wipes_the_password_of_an_event_that_waits) {
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_SIGNING);
        ck_assert_int_eq(feed(&s, SIGNED, 0, at(0)), AZ_OK);
        ck_assert(holds(&s, "SharedAccessSignature", 21));
        az_hub_session_stop(&s);
        ck_assert(!holds(&s, "SharedAccessSignature", 21));
        ck_assert(!holds(&s, SIGNATURE, 10));
}
END_TEST

START_TEST(status_tells_the_last_loss_and_how_many) {
        az_hub_session_status status;
        az_hub_session s;

        init(&s);
        status = az_hub_session_get_status(&s);
        ck_assert_int_eq(status.last_loss, AZ_HUB_LOSS_NONE);
        ck_assert_uint_eq(status.n_failures, 0);

        (void) give(&s, START, 0, 0);
        (void) give(&s, LOST, AZ_HUB_LOSS_NAME, 0);
        (void) give(&s, TIMEOUT, 0, 10);
        (void) give(&s, SIGNED, 0, 10);
        (void) give(&s, REFUSED, 5, 11);
        status = az_hub_session_get_status(&s);
        ck_assert_int_eq(status.state, AZ_HUB_SESSION_BACKOFF);
        ck_assert_int_eq(status.last_loss, AZ_HUB_LOSS_REFUSED);
        ck_assert_uint_eq(status.last_connack_code, 5);
        ck_assert_uint_eq(status.n_failures, 2);
        ck_assert_uint_eq(status.live_since_us, 0);

        init_in(&s, AZ_HUB_SESSION_SUBSCRIBING);
        (void) give(&s, SUBACK, 1, 7);
        ck_assert_uint_eq(az_hub_session_get_status(&s).live_since_us, 7 * USEC_PER_SEC);
}
END_TEST

#define OPTION(member, value, result)                                                                        \
        {                                                                                                    \
                offsetof(az_hub_session_options, member), sizeof(((az_hub_session_options *) NULL)->member), \
                        value, result                                                                        \
        }

static const struct {
        size_t offset, size;
        uint64_t value;
        az_result result;
} ranges[] = {
        OPTION(random_seed, 0, AZ_ERROR_ARG),
        OPTION(random_seed, UINT64_MAX, AZ_OK),
        OPTION(credential, AZ_CREDENTIAL_X509, AZ_OK),
        OPTION(credential, _AZ_CREDENTIAL_MAX, AZ_ERROR_ARG),
        OPTION(features, 0, AZ_ERROR_ARG),
        OPTION(features, AZ_HUB_SESSION_METHODS, AZ_OK),
        OPTION(features, AZ_HUB_SESSION_TWIN << 1, AZ_ERROR_ARG),
        OPTION(token_lifetime_s, 299, AZ_ERROR_ARG),
        OPTION(token_lifetime_s, 300, AZ_OK),
        OPTION(token_lifetime_s, 86400, AZ_OK),
        OPTION(token_lifetime_s, 86401, AZ_ERROR_ARG),
        OPTION(keep_alive_s, 0, AZ_ERROR_ARG),
        OPTION(keep_alive_s, 1, AZ_OK),
        OPTION(keep_alive_s, 1177, AZ_OK),
        OPTION(keep_alive_s, 1178, AZ_ERROR_ARG),
        OPTION(sign_timeout_s, 0, AZ_ERROR_ARG),
        OPTION(connect_timeout_s, 0, AZ_ERROR_ARG),
        OPTION(subscribe_timeout_s, 0, AZ_ERROR_ARG),
        OPTION(backoff_min_s, 0, AZ_ERROR_ARG),
        OPTION(backoff_min_s, 101, AZ_ERROR_ARG),
        OPTION(backoff_min_s, 100, AZ_OK),
        OPTION(backoff_max_s, 1, AZ_OK),
        OPTION(backoff_max_s, UINT32_MAX, AZ_OK),
};

START_TEST(options_out_of_range_are_refused) {
        az_hub_session_options o = options();
        az_hub_session s;

        memcpy((char *) &o + ranges[_i].offset, &ranges[_i].value, ranges[_i].size); /* little-endian */
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), ranges[_i].result);
}
END_TEST

/* Ids and host of these lengths. */
static const struct {
        int host, device, module, model;
        az_result result;
} lengths[] = {
        { 1, 1, 0, 0, AZ_OK },
        { 255, 128, 128, 0, AZ_OK },
        { 255, 128, 128, 400, AZ_OK },
        { 255, 128, 128, 500, AZ_ERROR_NOT_ENOUGH_SPACE },
        { 255, 258, 0, 0, AZ_ERROR_NOT_ENOUGH_SPACE },
        { 255, 128, 129, 0, AZ_ERROR_NOT_ENOUGH_SPACE },
        { 900, 1, 0, 0, AZ_OK },
        { 1024, 1, 0, 0, AZ_ERROR_NOT_ENOUGH_SPACE },
};

START_TEST(names_that_do_not_fit_are_refused) {
        az_iot_hub_client_options client_options = az_iot_hub_client_options_default();
        az_hub_session_options o = options();
        az_iot_hub_client c;
        az_hub_session s;
        uint8_t text[1024], reserved[512];

        memset(text, 'a', sizeof(text));
        memset(reserved, '#', sizeof(reserved)); /* percent-encoded it is three times as long */
        client_options.module_id = az_span_create(reserved, lengths[_i].module);
        client_options.model_id = az_span_create(text, lengths[_i].model);
        ck_assert_int_eq(az_iot_hub_client_init(&c, az_span_create(text, lengths[_i].host),
                                                az_span_create(reserved, lengths[_i].device),
                                                &client_options),
                         AZ_OK);
        ck_assert_int_eq(az_hub_session_init(&s, &c, &o), lengths[_i].result);
}
END_TEST

START_TEST(every_constant_has_a_name_of_its_own) {
        CHECK_NAMES(az_hub_session_state_to_string, _AZ_HUB_SESSION_STATE_MAX);
        CHECK_NAMES(az_hub_session_trigger_to_string, _AZ_HUB_ON_MAX);
        CHECK_NAMES(az_hub_event_type_to_string, _AZ_HUB_EVENT_TYPE_MAX);
        CHECK_NAMES(az_hub_loss_to_string, _AZ_HUB_LOSS_MAX);
}
END_TEST

static Suite *hub_session_suite(void) {
        Suite *s = suite_create("hub-session");
        TCase *t;

        t = tcase_create("transitions");
        tcase_add_loop_test(t, session_follows_the_script, 0, ELEMENTSOF(scripts));
        tcase_add_loop_test(t, every_state_treats_every_trigger_as_its_row_says, 0,
                            _AZ_HUB_SESSION_STATE_MAX * _AZ_HUB_ON_MAX);
        tcase_add_test(t, wherever_it_signs_it_can_wait_for_the_clock_or_do_without);
        suite_add_tcase(s, t);

        t = tcase_create("events");
        tcase_add_test(t, an_event_that_waits_refuses_every_input_but_stop);
        tcase_add_test(t, events_carry_what_their_header_says);
        tcase_add_test(t, the_text_to_sign_names_the_resource_and_the_expiry);
        tcase_add_loop_test(t, the_password_is_wiped_by_the_next_call, 0, 3);
        tcase_add_test(t, a_stop_wipes_the_password_of_an_event_that_waits);
        suite_add_tcase(s, t);

        t = tcase_create("init_and_status");
        tcase_add_loop_test(t, options_out_of_range_are_refused, 0, ELEMENTSOF(ranges));
        tcase_add_loop_test(t, names_that_do_not_fit_are_refused, 0, ELEMENTSOF(lengths));
        tcase_add_test(t, status_tells_the_last_loss_and_how_many);
        tcase_add_test(t, every_constant_has_a_name_of_its_own);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_suite)
