/* SPDX-License-Identifier: MIT */

/* What is synced although nobody asks, and when: a power cut costs nothing that is older than the interval.
 */

#include <errno.h>

#include "daemon/outbox.h"

#include "fault.h"
#include "outbox-fixture.h"

#define INTERVAL_US (5 * USEC_PER_SEC)

static Fixture fixture;
static Fixture *const f = &fixture;

static void open_with_interval(uint64_t interval_us) {
        f->log[0] = '\0';
        f->config.sync_interval_us = interval_us;
        fixture_open(f);
        fixture_settle(f);
        (void) fault_take_syncs();
}

static void setup(void) {
        fixture_init(f);
        open_with_interval(INTERVAL_US);
}

static void teardown(void) {
        fixture_done(f);
}

static void pass(uint64_t us) {
        f->now.boottime_us += us;
        outbox_run_due(f->outbox, f->now.boottime_us);
        fixture_settle(f);
}

START_TEST(what_nobody_asks_for_is_synced_after_the_interval_and_once) {
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
        fixture_send(f, "a");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), f->now.boottime_us + INTERVAL_US);
        pass(USEC_PER_SEC);
        fixture_send(f, "b");
        pass(INTERVAL_US - USEC_PER_SEC - 1);
        ck_assert_int_eq(fault_take_syncs(), 0);

        pass(1);
        ck_assert_int_eq(fault_take_syncs(), 1);
        ck_assert_str_eq(f->log, "synced 2; ");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
}
END_TEST

START_TEST(each_time_the_interval_begins_with_the_first_message_that_is_not_synced) {
        fixture_send(f, "a");
        pass(INTERVAL_US);
        pass(INTERVAL_US / 2);
        fixture_send(f, "b");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), f->now.boottime_us + INTERVAL_US);
        pass(INTERVAL_US);
        ck_assert_str_eq(f->log, "synced 1; synced 2; ");
}
END_TEST

START_TEST(what_somebody_asked_for_is_not_synced_again) {
        ck_assert_int_eq(outbox_request_sync(f->outbox, fixture_send(f, "a")), 0);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
        fixture_settle(f);
        ck_assert_int_eq(fault_take_syncs(), 1);
        pass(INTERVAL_US);
        ck_assert_int_eq(fault_take_syncs(), 0);
}
END_TEST

START_TEST(what_comes_while_the_disk_syncs_waits_for_the_next_interval) {
        ck_assert_int_eq(outbox_request_sync(f->outbox, fixture_send(f, "a")), 0);
        f->now.boottime_us += USEC_PER_SEC;
        fixture_send(f, "b");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), f->now.boottime_us + INTERVAL_US);
        fixture_settle(f);
        pass(INTERVAL_US);
        ck_assert_str_eq(f->log, "synced 1; synced 2; ");
}
END_TEST

START_TEST(what_the_hub_has_is_not_synced) {
        fixture_send(f, "a");
        ck_assert_uint_eq(fixture_drain(f), 1);
        pass(USEC_PER_SEC); /* the cursor, unsynced */
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
        pass(INTERVAL_US);
        ck_assert_int_eq(fault_take_syncs(), 0);
}
END_TEST

START_TEST(every_segment_is_synced) {
        int r;

        f->config.max_bytes = 16 * f->config.segment_bytes;
        fixture_crash(f);
        open_with_interval(INTERVAL_US);
        ck_assert_uint_gt(fixture_fill(f, 900, &r), 8);
        pass(INTERVAL_US);
        ck_assert_int_gt(fault_take_syncs(), 8);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
}
END_TEST

START_TEST(what_a_killed_process_has_left_is_synced_too) {
        fixture_send(f, "a");
        fixture_crash(f);
        open_with_interval(INTERVAL_US);
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), f->now.boottime_us + INTERVAL_US);
        pass(INTERVAL_US);
        ck_assert_str_eq(f->log, "synced 1; ");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
}
END_TEST

START_TEST(without_an_interval_only_what_is_asked_for_is_synced) {
        fixture_crash(f);
        open_with_interval(0);
        fixture_send(f, "a");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);
        pass(UINT64_C(86400) * USEC_PER_SEC);
        ck_assert_int_eq(fault_take_syncs(), 0);
}
END_TEST

START_TEST(a_sync_that_fails_is_told_and_not_repeated_for_the_same_messages) {
        fixture_send(f, "a");
        fault_begin(FAULT_SYNC, 1, EIO, true, false);
        f->now.boottime_us += INTERVAL_US;
        outbox_run_due(f->outbox, f->now.boottime_us);
        disk_drain(f->disk);
        ck_assert(fault_end());
        fixture_settle(f);
        ck_assert_str_eq(f->log, "sync failed 1..1 EIO; ");
        ck_assert_uint_eq(outbox_deadline_us(f->outbox), UINT64_MAX);

        fixture_send(f, "b");
        pass(INTERVAL_US);
        ck_assert_str_eq(f->log, "sync failed 1..1 EIO; synced 2; ");
}
END_TEST

static Suite *outbox_sync_suite(void) {
        Suite *s = suite_create("outbox-sync");
        TCase *t = tcase_create("interval");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, what_nobody_asks_for_is_synced_after_the_interval_and_once);
        tcase_add_test(t, each_time_the_interval_begins_with_the_first_message_that_is_not_synced);
        tcase_add_test(t, what_somebody_asked_for_is_not_synced_again);
        tcase_add_test(t, what_comes_while_the_disk_syncs_waits_for_the_next_interval);
        tcase_add_test(t, what_the_hub_has_is_not_synced);
        tcase_add_test(t, every_segment_is_synced);
        tcase_add_test(t, what_a_killed_process_has_left_is_synced_too);
        tcase_add_test(t, without_an_interval_only_what_is_asked_for_is_synced);
        tcase_add_test(t, a_sync_that_fails_is_told_and_not_repeated_for_the_same_messages);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_sync_suite)
