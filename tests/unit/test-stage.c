/* SPDX-License-Identifier: MIT */

#include "daemon/stage.h"

#include "tests/unit/unit.h"

/* How a wait ended; -1: it has not. */
typedef struct Ending {
        int outcome;
        int error;
} Ending;

#define WAITING \
        { .outcome = -1 }

static void on_done(void *userdata, StageOutcome outcome, int error) {
        Ending *ending = userdata;

        ck_assert_int_eq(ending->outcome, -1);
        *ending = (Ending){ .outcome = (int) outcome, .error = error };
}

static StageWait *add(StageWaits *waits, Stage stage, uint64_t first, uint64_t last, uint64_t deadline_us,
                      Ending *ending) {
        StageWait *wait = NULL;

        ck_assert_int_eq(stage_wait_add(waits, stage, first, last, deadline_us, on_done, ending, &wait), 0);
        return wait;
}

/* One wait for 10..12 to be delivered, one deed, how it ends. */
static const struct {
        bool is_failure;
        Stage stage;
        uint64_t first, last;
        StageOutcome outcome;
        int expected;
} deeds[] = {
        { false, STAGE_DELIVERED, 0, 9, STAGE_REACHED, -1 },
        { false, STAGE_DELIVERED, 0, 11, STAGE_REACHED, -1 },
        { false, STAGE_DELIVERED, 0, 12, STAGE_REACHED, STAGE_REACHED },
        { false, STAGE_DELIVERED, 0, 99, STAGE_REACHED, STAGE_REACHED },
        { false, STAGE_DURABLE, 0, 99, STAGE_REACHED, -1 },
        { true, STAGE_DELIVERED, 1, 9, STAGE_EXPIRED, -1 },
        { true, STAGE_DELIVERED, 1, 10, STAGE_EXPIRED, STAGE_EXPIRED },
        { true, STAGE_DELIVERED, 11, 11, STAGE_DROPPED, STAGE_DROPPED },
        { true, STAGE_DELIVERED, 12, 20, STAGE_REFUSED, STAGE_REFUSED },
        { true, STAGE_DELIVERED, 13, 20, STAGE_REFUSED, -1 },
        { true, STAGE_DURABLE, 10, 12, STAGE_STORAGE_FAILED, -1 },
};

START_TEST(a_wait_ends_when_its_range_is_reached_or_touched_by_a_failure) {
        StageWaits *waits = NULL;
        Ending ending = WAITING;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        (void) add(waits, STAGE_DELIVERED, 10, 12, 1000, &ending);

        if (deeds[_i].is_failure)
                stage_waits_failed(waits, deeds[_i].stage, deeds[_i].first, deeds[_i].last, deeds[_i].outcome,
                                   0);
        else
                stage_waits_reached(waits, deeds[_i].stage, deeds[_i].last);

        ck_assert_int_eq(ending.outcome, deeds[_i].expected);
        waits = stage_waits_free(waits);
}
END_TEST

START_TEST(an_error_is_passed_on) {
        StageWaits *waits = NULL;
        Ending ending = WAITING;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        (void) add(waits, STAGE_DURABLE, 1, 1, 1000, &ending);
        stage_waits_failed(waits, STAGE_DURABLE, 1, 1, STAGE_STORAGE_FAILED, EIO);
        ck_assert_int_eq(ending.outcome, STAGE_STORAGE_FAILED);
        ck_assert_int_eq(ending.error, EIO);
        waits = stage_waits_free(waits);
}
END_TEST

START_TEST(each_wait_has_its_own_time) {
        StageWaits *waits = NULL;
        Ending a = WAITING, b = WAITING;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        ck_assert_uint_eq(stage_waits_deadline_us(waits), UINT64_MAX);
        (void) add(waits, STAGE_DELIVERED, 1, 1, 200, &a);
        (void) add(waits, STAGE_DURABLE, 1, 1, 100, &b);
        ck_assert_uint_eq(stage_waits_deadline_us(waits), 100);

        stage_waits_run_due(waits, 99);
        ck_assert_int_eq(b.outcome, -1);
        stage_waits_run_due(waits, 100);
        ck_assert_int_eq(b.outcome, STAGE_TIMEOUT);
        ck_assert_int_eq(a.outcome, -1);
        ck_assert_uint_eq(stage_waits_deadline_us(waits), 200);
        stage_waits_run_due(waits, 200);
        ck_assert_int_eq(a.outcome, STAGE_TIMEOUT);
        ck_assert_uint_eq(stage_waits_deadline_us(waits), UINT64_MAX);
        waits = stage_waits_free(waits);
}
END_TEST

/* Waits again, once, as who looks again later does. */
typedef struct Patient {
        StageWaits *waits;
        StageWait *again;
} Patient;

static void on_done_again(void *userdata, StageOutcome outcome, int error) {
        Patient *p = userdata;

        if (!p->again)
                ck_assert_int_eq(
                        stage_wait_add(p->waits, STAGE_DELIVERED, 1, 1, 500, on_done_again, p, &p->again), 0);
        else
                p->again = NULL;
}

START_TEST(who_waits_again_when_the_time_is_over_has_a_time_again) {
        Patient patient = {};
        StageWait *wait;
        Ending other = WAITING;

        ck_assert_int_eq(stage_waits_new(&patient.waits), 0);
        ck_assert_int_eq(
                stage_wait_add(patient.waits, STAGE_DELIVERED, 1, 1, 100, on_done_again, &patient, &wait), 0);
        (void) add(patient.waits, STAGE_DELIVERED, 2, 2, 1000, &other);

        stage_waits_run_due(patient.waits, 100);
        ck_assert_ptr_nonnull(patient.again);
        ck_assert_uint_eq(stage_waits_deadline_us(patient.waits), 500);
        stage_waits_run_due(patient.waits, 500);
        ck_assert_ptr_null(patient.again);
        patient.waits = stage_waits_free(patient.waits);
}
END_TEST

START_TEST(a_cancelled_wait_says_nothing) {
        StageWaits *waits = NULL;
        Ending a = WAITING, b = WAITING;
        StageWait *wait;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        wait = add(waits, STAGE_DELIVERED, 1, 1, 200, &a);
        (void) add(waits, STAGE_DELIVERED, 2, 2, 200, &b);
        stage_wait_cancel(waits, wait);
        stage_waits_reached(waits, STAGE_DELIVERED, 2);
        ck_assert_int_eq(a.outcome, -1);
        ck_assert_int_eq(b.outcome, STAGE_REACHED);
        waits = stage_waits_free(waits);
}
END_TEST

START_TEST(a_wait_for_older_messages_does_not_wait_for_newer_ones) {
        StageWaits *waits = NULL;
        Ending newer = WAITING, older = WAITING, oldest = WAITING;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        (void) add(waits, STAGE_DELIVERED, 10, 10, 1000, &newer);
        (void) add(waits, STAGE_DELIVERED, 5, 5, 1000, &older);
        (void) add(waits, STAGE_DELIVERED, 1, 4, 1000, &oldest);

        stage_waits_reached(waits, STAGE_DELIVERED, 4);
        ck_assert_int_eq(oldest.outcome, STAGE_REACHED);
        ck_assert_int_eq(older.outcome, -1);
        stage_waits_reached(waits, STAGE_DELIVERED, 9);
        ck_assert_int_eq(older.outcome, STAGE_REACHED);
        ck_assert_int_eq(newer.outcome, -1);
        waits = stage_waits_free(waits);
}
END_TEST

/* 3..4 and 5..6 expired, 9 lost its sync: what is remembered of first..last; -1: nothing. */
static const struct {
        Stage stage;
        uint64_t first, last;
        int outcome, error;
} memories[] = {
        { STAGE_DELIVERED, 1, 2, -1, 0 },
        { STAGE_DELIVERED, 1, 3, STAGE_EXPIRED, 0 },
        { STAGE_DELIVERED, 6, 6, STAGE_EXPIRED, 0 },
        { STAGE_DELIVERED, 7, 9, -1, 0 },
        { STAGE_DURABLE, 3, 8, -1, 0 },
        { STAGE_DURABLE, 0, 99, STAGE_STORAGE_FAILED, EIO },
        { STAGE_ACCEPTED, 0, 99, -1, 0 },
};

START_TEST(a_failure_is_remembered) {
        StageOutcome outcome = _STAGE_OUTCOME_MAX;
        StageWaits *waits = NULL;
        int error = 0;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        stage_waits_failed(waits, STAGE_DELIVERED, 3, 4, STAGE_EXPIRED, 0);
        stage_waits_failed(waits, STAGE_DELIVERED, 5, 6, STAGE_EXPIRED, 0);
        stage_waits_failed(waits, STAGE_DURABLE, 9, 9, STAGE_STORAGE_FAILED, EIO);

        ck_assert_int_eq(stage_waits_find_failure(waits, memories[_i].stage, memories[_i].first,
                                                  memories[_i].last, &outcome, &error),
                         memories[_i].outcome >= 0);
        if (memories[_i].outcome >= 0)
                ck_assert_int_eq(outcome, memories[_i].outcome);
        ck_assert_int_eq(error, memories[_i].error);
        waits = stage_waits_free(waits);
}
END_TEST

START_TEST(no_failure_is_forgotten_however_many_there_are) {
        StageWaits *waits = NULL;
        StageOutcome outcome;
        int error;

        ck_assert_int_eq(stage_waits_new(&waits), 0);
        for (uint64_t i = 1; i <= 1000; i++)
                stage_waits_failed(waits, STAGE_DELIVERED, 10 * i, 10 * i, STAGE_DROPPED, 0);
        for (uint64_t i = 1; i <= 1000; i++)
                ck_assert(stage_waits_find_failure(waits, STAGE_DELIVERED, 10 * i, 10 * i, &outcome, &error));
        ck_assert(!stage_waits_find_failure(waits, STAGE_DELIVERED, 1, 9, &outcome, &error));
        ck_assert(!stage_waits_find_failure(waits, STAGE_DELIVERED, 9991, 9999, &outcome, &error));
        waits = stage_waits_free(waits);
}
END_TEST

static Suite *stage_suite(void) {
        Suite *s = suite_create("stage");
        TCase *t = tcase_create("waits");

        tcase_add_loop_test(t, a_wait_ends_when_its_range_is_reached_or_touched_by_a_failure, 0,
                            ELEMENTSOF(deeds));
        tcase_add_test(t, an_error_is_passed_on);
        tcase_add_test(t, each_wait_has_its_own_time);
        tcase_add_test(t, who_waits_again_when_the_time_is_over_has_a_time_again);
        tcase_add_test(t, a_cancelled_wait_says_nothing);
        tcase_add_test(t, a_wait_for_older_messages_does_not_wait_for_newer_ones);
        tcase_add_loop_test(t, a_failure_is_remembered, 0, ELEMENTSOF(memories));
        tcase_add_test(t, no_failure_is_forgotten_however_many_there_are);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(stage_suite)
