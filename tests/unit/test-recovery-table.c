/* SPDX-License-Identifier: MIT */
#include "recovery-fixture.h"

/* The table ------------------------------------------------------------------------------------------- */

static const az_recovery_transition *rows(size_t *ret_n) {
        return az_recovery_transitions(ret_n);
}

/* Which classes the rows without a condition take. */
static uint32_t classes_in(az_recovery_state from, az_recovery_trigger on) {
        const az_recovery_transition *row;
        uint32_t classes = 0;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                if (row[i].from == from && row[i].on == on && row[i].when == AZ_RECOVERY_IF_ANY)
                        classes |= row[i].classes;
        }
        return classes;
}

START_TEST(every_class_leads_on_from_every_state_that_can_fail) {
        uint32_t all = ((UINT32_C(1) << _AZ_ERROR_CLASS_MAX) - 1) & ~(UINT32_C(1) << AZ_ERROR_CLASS_NONE);

        ck_assert_uint_eq(classes_in(S(HUB), AZ_RECOVERY_ON_HUB_LOST), all);
        ck_assert_uint_eq(classes_in(S(PROVISIONING), AZ_RECOVERY_ON_FAILED), all);
        ck_assert_uint_eq(classes_in(S(REPROVISIONING), AZ_RECOVERY_ON_FAILED), all);
}
END_TEST

START_TEST(only_failures_have_classes_and_only_the_end_of_a_run_sets_a_pace) {
        const az_recovery_transition *row;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                bool is_failure = row[i].on == AZ_RECOVERY_ON_HUB_LOST || row[i].on == AZ_RECOVERY_ON_FAILED;
                bool ends_run = row[i].on == AZ_RECOVERY_ON_FAILED || row[i].on == AZ_RECOVERY_ON_ASSIGNED ||
                                row[i].on == AZ_RECOVERY_ON_ASSIGNED_SAME;

                ck_assert_int_eq(row[i].classes != 0, is_failure);
                ck_assert_int_eq(row[i].pace != AZ_RECOVERY_PACE_NONE, ends_run);
        }
}
END_TEST

/* A row that comes behind one which takes all that it takes is never taken. */
START_TEST(no_row_hides_another) {
        const az_recovery_transition *row;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j < i; j++) {
                        if (row[j].from == row[i].from && row[j].on == row[i].on &&
                            (row[j].when == AZ_RECOVERY_IF_ANY || row[j].when == row[i].when))
                                ck_assert_uint_ne(row[i].classes & ~row[j].classes, 0);
                }
        }
}
END_TEST

/* The rest -------------------------------------------------------------------------------------------- */

static const struct {
        az_hub_loss loss;
        uint8_t code;
        az_error_class error_class;
} losses[] = {
        { L(NONE), 0, C(NONE) },           { L(SIGNING), 0, C(LOCAL) },
        { L(NAME), 0, C(NETWORK) },        { L(TCP), 0, C(NETWORK) },
        { L(TLS), 0, C(NETWORK) },         { L(TIMEOUT), 0, C(TIMEOUT) },
        { L(REFUSED), 1, C(PROTOCOL) },    { L(REFUSED), 2, C(IDENTITY) },
        { L(REFUSED), 3, C(SERVICE) },     { L(REFUSED), 4, C(CREDENTIAL) },
        { L(REFUSED), 5, C(CREDENTIAL) },  { L(SUBSCRIBE), 0, C(FORBIDDEN) },
        { L(CLOSED), 0, C(SERVICE) },      { L(KEEP_ALIVE), 0, C(TIMEOUT) },
        { L(PROTOCOL), 0, C(PROTOCOL) },   { L(PUBLISH), 0, C(CALLER) },
        { L(THROTTLED), 0, C(THROTTLED) }, { L(DUPLICATE), 0, C(CONFLICT) },
        { L(CLOCK), 0, C(LOCAL) },         { _AZ_HUB_LOSS_MAX, 0, C(PROTOCOL) },
};

START_TEST(losses_have_their_class) {
        ck_assert_int_eq(az_error_class_of_hub_loss(losses[_i].loss, losses[_i].code),
                         losses[_i].error_class);
}
END_TEST

/* Where a third loss between refusals came from, and whether the hub had taken the credential by then. */
static const struct {
        az_hub_session_state from;
        az_hub_loss loss;
        bool was_accepted;
} losses_between[] = {
        { AZ_HUB_SESSION_SIGNING, L(SIGNING), false },    { AZ_HUB_SESSION_CONNECTING, L(TCP), false },
        { AZ_HUB_SESSION_SUBSCRIBING, L(TIMEOUT), true }, { AZ_HUB_SESSION_LIVE, L(CLOSED), true },
        { AZ_HUB_SESSION_DRAINING, L(TCP), true },        { AZ_HUB_SESSION_CLOSING, L(TIMEOUT), true },
        { AZ_HUB_SESSION_BACKOFF, L(CLOCK), false },
};

START_TEST(a_loss_ends_a_row_of_refusals_if_the_hub_took_the_credential_before) {
        az_recovery r = new_recovery(true, 1);
        az_recovery_event event;

        (void) give_and_pop(&r, START, 0, 0);
        (void) give_and_pop(&r, REFUSED, 5, 0);
        (void) give_and_pop(&r, REFUSED, 5, 0);
        ck_assert_int_eq(give_lost(&r, losses_between[_i].loss, 0, losses_between[_i].from, true, 0), AZ_OK);
        ck_assert(az_recovery_next_event(&r, &event));
        ck_assert_int_eq(give_and_pop(&r, REFUSED, 5, 0).type, losses_between[_i].was_accepted
                                                                       ? AZ_RECOVERY_EVENT_BACK_OFF
                                                                       : AZ_RECOVERY_EVENT_PROVISION);
}
END_TEST

/* When a first run that ends so lets the next begin, without an assignment and with one. */
static const struct {
        Input input;
        int arg;
        uint32_t n_credentials;
        az_recovery_pace pace, again;
} paces[] = {
        { ASSIGNED, 0, 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { ASSIGNED_SAME, 0, 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(LOCAL), 1, AZ_RECOVERY_PACE_SOON, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(NETWORK), 1, AZ_RECOVERY_PACE_SOON, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(TIMEOUT), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(SERVICE), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(THROTTLED), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(CONFLICT), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(CREDENTIAL), 1, AZ_RECOVERY_PACE_SLOWEST, AZ_RECOVERY_PACE_SLOWEST },
        { FAILED, C(CREDENTIAL), 2, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED_UNSET, C(CREDENTIAL), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED_UNSET, C(CREDENTIAL), 2, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(IDENTITY), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
        { FAILED, C(FORBIDDEN), 1, AZ_RECOVERY_PACE_SLOWEST, AZ_RECOVERY_PACE_SLOWEST },
        { FAILED, C(CALLER), 1, AZ_RECOVERY_PACE_SLOWEST, AZ_RECOVERY_PACE_SLOWEST },
        { FAILED, C(TOO_LARGE), 1, AZ_RECOVERY_PACE_SLOWEST, AZ_RECOVERY_PACE_SLOWEST },
        { FAILED, C(PROTOCOL), 1, AZ_RECOVERY_PACE_SLOW, AZ_RECOVERY_PACE_SLOW },
};

static void check_pace(const az_recovery *r, az_recovery_pace pace) {
        static const uint32_t most_s[_AZ_RECOVERY_PACE_MAX] = { 0, 2, 20 * MINUTE, 60 * MINUTE };
        uint64_t next_us = az_recovery_get_status(r).next_run_us;

        ck_assert_uint_ge(next_us, us(most_s[pace] / 2));
        ck_assert_uint_le(next_us, us(most_s[pace]));
}

START_TEST(how_a_run_ends_says_when_the_next_may_begin) {
        az_recovery r = new_recovery(true, paces[_i].n_credentials);

        (void) give_and_pop(&r, START_UNASSIGNED, 0, 0);
        (void) give_and_pop(&r, paces[_i].input, paces[_i].arg, 0);
        check_pace(&r, paces[_i].pace);

        r = new_recovery(true, paces[_i].n_credentials);
        (void) give_and_pop(&r, START, 0, 0);
        (void) give_and_pop(&r, REFUSED, 5, 0);
        (void) give_and_pop(&r, PROVISION_NOW, 0, 0);
        (void) give_and_pop(&r, paces[_i].input, paces[_i].arg, 0);
        check_pace(&r, paces[_i].again);
}
END_TEST

static const az_hub_loss harmless[] = { L(SIGNING), L(THROTTLED), L(DUPLICATE), L(PUBLISH), L(CLOCK) };

START_TEST(what_dps_cannot_mend_does_not_lead_to_it_however_long) {
        az_recovery r = new_recovery(true, 1);

        (void) give_and_pop(&r, START, 0, 0);
        for (uint32_t i = 0; i < 100; i++)
                ck_assert_int_eq(give_and_pop(&r, LOST, (int) harmless[_i], us(i * 100)).type,
                                 AZ_RECOVERY_EVENT_BACK_OFF);
}
END_TEST

START_TEST(a_clock_that_is_waited_for_is_no_failure) {
        az_recovery r = new_recovery(true, 1);

        (void) give_and_pop(&r, START, 0, 0);
        ck_assert_int_eq(give_and_pop(&r, LOST, L(CLOCK), 0).error_class, C(LOCAL));
        ck_assert_uint_eq(az_recovery_get_status(&r).n_failures, 0);
}
END_TEST

START_TEST(status_tells_what_was_counted) {
        az_recovery r = new_recovery(true, 2);
        az_recovery_event event;
        az_recovery_status status;

        static const struct {
                Input input;
                int arg;
        } story[] = { { START },      { REFUSED, 5 }, { LOST, L(TCP) },
                      { REFUSED, 5 }, { REFUSED, 5 }, { FAILED, C(CREDENTIAL) } };

        for (uint32_t i = 0; i < ELEMENTSOF(story); i++)
                event = give_and_pop(&r, story[i].input, story[i].arg, us(i));
        status = az_recovery_get_status(&r);
        ck_assert_int_eq(status.state, AZ_RECOVERY_HUB);
        ck_assert_int_eq(status.last_error_class, C(CREDENTIAL));
        ck_assert_uint_eq(status.n_refusals, 3);
        ck_assert_uint_eq(status.n_failures, 4);
        ck_assert_uint_eq(status.n_runs, 1);
        ck_assert_uint_eq(status.credential, 1);
        ck_assert_uint_ge(status.next_run_us, us(5 + 10 * MINUTE));
        ck_assert_int_eq(event.error_class, C(CREDENTIAL));
}
END_TEST

START_TEST(an_event_that_waits_refuses_every_input_but_stop) {
        az_recovery r = new_recovery(true, 1);
        az_recovery_event event;

        ck_assert_int_eq(give(&r, START_UNASSIGNED, 0, 0), AZ_OK);
        for (Input input = START; input < _INPUT_MAX; input++) {
                if (input != STOP && input != TIMEOUT)
                        ck_assert_int_eq(give(&r, input, 5, 0), AZ_ERROR_NOT_ENOUGH_SPACE);
        }
        az_recovery_stop(&r);
        ck_assert(az_recovery_next_event(&r, &event));
        ck_assert_int_eq(event.type, AZ_RECOVERY_EVENT_STOP);
}
END_TEST

START_TEST(arguments_that_cannot_be_are_refused) {
        az_recovery_options o = az_recovery_options_default();
        az_hub_event live = { .type = AZ_HUB_EVENT_LIVE };
        az_recovery r;

        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_ERROR_ARG);
        o.random_seed = 1;
        o.n_credentials = 0;
        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_ERROR_ARG);

        r = new_recovery(true, 1);
        ck_assert_int_eq(az_recovery_hub_lost(&r, &live, true, 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, LOST, L(NONE), 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, FAILED, C(NONE), 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, FAILED, _AZ_ERROR_CLASS_MAX, 0), AZ_ERROR_ARG);
}
END_TEST

START_TEST(every_constant_has_a_name_of_its_own) {
        CHECK_NAMES(az_recovery_state_to_string, _AZ_RECOVERY_STATE_MAX);
        CHECK_NAMES(az_recovery_event_type_to_string, _AZ_RECOVERY_EVENT_TYPE_MAX);
        CHECK_NAMES(az_recovery_trigger_to_string, _AZ_RECOVERY_ON_MAX);
        CHECK_NAMES(az_recovery_condition_to_string, _AZ_RECOVERY_IF_MAX);
        CHECK_NAMES(az_recovery_pace_to_string, _AZ_RECOVERY_PACE_MAX);
}
END_TEST

static Suite *recovery_table_suite(void) {
        Suite *s = suite_create("recovery-table");
        TCase *t;

        t = tcase_create("table");
        tcase_add_test(t, every_class_leads_on_from_every_state_that_can_fail);
        tcase_add_test(t, only_failures_have_classes_and_only_the_end_of_a_run_sets_a_pace);
        tcase_add_test(t, no_row_hides_another);
        suite_add_tcase(s, t);

        t = tcase_create("az_recovery");
        tcase_add_loop_test(t, losses_have_their_class, 0, ELEMENTSOF(losses));
        tcase_add_loop_test(t, how_a_run_ends_says_when_the_next_may_begin, 0, ELEMENTSOF(paces));
        tcase_add_loop_test(t, a_loss_ends_a_row_of_refusals_if_the_hub_took_the_credential_before, 0,
                            ELEMENTSOF(losses_between));
        tcase_add_loop_test(t, what_dps_cannot_mend_does_not_lead_to_it_however_long, 0,
                            ELEMENTSOF(harmless));
        tcase_add_test(t, a_clock_that_is_waited_for_is_no_failure);
        tcase_add_test(t, status_tells_what_was_counted);
        tcase_add_test(t, an_event_that_waits_refuses_every_input_but_stop);
        tcase_add_test(t, arguments_that_cannot_be_are_refused);
        tcase_add_test(t, every_constant_has_a_name_of_its_own);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(recovery_table_suite)
