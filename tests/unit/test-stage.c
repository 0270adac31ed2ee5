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

static Suite *stage_suite(void) {
        Suite *s = suite_create("stage");
        TCase *t = tcase_create("waits");

        tcase_add_loop_test(t, a_wait_ends_when_its_range_is_reached_or_touched_by_a_failure, 0,
                            ELEMENTSOF(deeds));
        tcase_add_test(t, an_error_is_passed_on);
        tcase_add_test(t, each_wait_has_its_own_time);
        tcase_add_test(t, a_cancelled_wait_says_nothing);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(stage_suite)
