/* SPDX-License-Identifier: MIT */

/* Limits that change while the outbox is in use. */

#include "tests/unit/outbox-fixture.h"

#define BODY 1000U

static int append(Fixture *f, const char *body) {
        uint64_t sequence;

        return fixture_append(f, body, &sequence);
}

static void configure(Fixture *f) {
        ck_assert_int_eq(outbox_configure(f->outbox, &f->config, &f->now), 0);
        fixture_settle(f);
}

/* When it is due. */
static void write_cursor(Fixture *f) {
        f->now.boottime_us += 10 * USEC_PER_SEC;
        outbox_run_due(f->outbox, f->now.boottime_us);
        fixture_settle(f);
}

/* In segments; of 8 KiB each, which the messages that are there have. */
static const struct {
        uint64_t n_segments, segment_bytes;
} sizes[] = {
        { 3, 8192 }, { 4, 8192 }, { 12, 8192 }, { 40, 8192 }, { 6, 16384 }, { 4, 65536 }, { 8, 12288 },
};

START_TEST(what_was_accepted_stays_in_order_whatever_the_size_is_now) {
        size_t n = 0, n_first, n_sent;
        Fixture f;
        int r;

        fixture_init(&f);
        fixture_open(&f);
        n_first = fixture_fill(&f, BODY, &r);
        f.config.max_bytes = sizes[_i].n_segments * sizes[_i].segment_bytes;
        f.config.segment_bytes = sizes[_i].segment_bytes;
        configure(&f);
        ck_assert_uint_eq(fixture_stats(&f).messages, n_first);

        n = n_first + fixture_fill(&f, BODY, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        ck_assert_uint_eq(fixture_stats(&f).messages, n);
        fixture_crash(&f);
        fixture_open(&f);
        n_sent = fixture_drain(&f);
        ck_assert_uint_eq(n_sent, n);
        fixture_done(&f);
}
END_TEST

START_TEST(more_room_is_used_at_once) {
        Fixture f;
        size_t n;
        int r;

        fixture_init(&f);
        fixture_open(&f);
        n = fixture_fill(&f, BODY, &r);
        ck_assert_int_eq(r, OUTBOX_FULL);
        f.config.max_bytes *= 4;
        configure(&f);
        ck_assert_ptr_nonnull(strstr(f.log, "space"));
        ck_assert_uint_ge(fixture_fill(&f, BODY, &r), 2 * n);
        fixture_done(&f);
}
END_TEST

START_TEST(files_that_are_over_less_room_go_with_their_messages) {
        Fixture f;
        int r;

        fixture_init(&f);
        f.config.max_bytes = 16 * f.config.segment_bytes;
        fixture_open(&f);
        (void) fixture_fill(&f, BODY, &r);
        ck_assert_uint_ge(scratch_count_files(f.directory, "segment-"), 15);
        f.config.max_bytes = 4 * f.config.segment_bytes;
        configure(&f);
        ck_assert_uint_eq(fixture_fill(&f, BODY, &r), 0);
        ck_assert_uint_ge(scratch_count_files(f.directory, "segment-"), 15);

        (void) fixture_drain(&f);
        write_cursor(&f);
        ck_assert_uint_le(scratch_count_files(f.directory, "segment-"), 4);
        ck_assert_uint_eq(outbox_deadline_us(f.outbox), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(files_that_are_empty_already_go_at_once) {
        Fixture f;
        int r;

        fixture_init(&f);
        f.config.max_bytes = 16 * f.config.segment_bytes;
        fixture_open(&f);
        (void) fixture_fill(&f, BODY, &r);
        (void) fixture_drain(&f);
        write_cursor(&f);
        ck_assert_uint_ge(scratch_count_files(f.directory, "segment-"), 15);

        f.config.max_bytes = 4 * f.config.segment_bytes;
        configure(&f);
        write_cursor(&f);
        ck_assert_uint_le(scratch_count_files(f.directory, "segment-"), 4);
        ck_assert_uint_eq(outbox_deadline_us(f.outbox), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(a_segment_that_was_ready_is_used_if_it_is_large_enough) {
        char body[12000];
        Fixture f;

        memset(body, 'x', sizeof(body) - 1);
        body[sizeof(body) - 1] = '\0';
        fixture_init(&f);
        fixture_open(&f);
        (void) fixture_send(&f, "small");
        ck_assert_int_eq(append(&f, body), OUTBOX_TOO_LARGE);
        f.config.segment_bytes *= 4;
        f.config.max_bytes *= 4;
        configure(&f);
        (void) fixture_send(&f, "small");
        ck_assert_int_eq(append(&f, body), OUTBOX_BUSY);
        fixture_settle(&f);
        (void) fixture_send(&f, body);
        ck_assert_uint_eq(fixture_drain(&f), 3);
        fixture_done(&f);
}
END_TEST

START_TEST(the_number_of_messages_and_the_policy_change) {
        Fixture f;

        fixture_init(&f);
        f.config.max_messages = 2;
        fixture_open(&f);
        (void) fixture_send(&f, "a");
        (void) fixture_send(&f, "b");
        ck_assert_int_eq(append(&f, "c"), OUTBOX_FULL);
        f.config.max_messages = 3;
        configure(&f);
        (void) fixture_send(&f, "c");
        ck_assert_int_eq(append(&f, "d"), OUTBOX_FULL);
        f.config.policy = OUTBOX_DROP_OLDEST;
        configure(&f);
        (void) fixture_send(&f, "d");
        ck_assert_uint_eq(fixture_stats(&f).messages, 3);
        ck_assert_uint_eq(fixture_stats(&f).n_dropped[OUTBOX_DROP_OLDER], 1);
        f.config.max_messages = 0;
        configure(&f);
        (void) fixture_send(&f, "e");
        ck_assert_uint_eq(fixture_stats(&f).messages, 4);
        fixture_done(&f);
}
END_TEST

START_TEST(the_time_to_live_is_that_of_messages_that_come_afterwards) {
        Fixture f;

        fixture_init(&f);
        fixture_open(&f);
        (void) fixture_send(&f, "for ever");
        f.config.ttl_s = 10;
        configure(&f);
        (void) fixture_send(&f, "for ten seconds");
        f.now.boottime_us += 11 * USEC_PER_SEC;
        f.now.realtime_us += 11 * USEC_PER_SEC;
        ck_assert_uint_eq(fixture_drain(&f), 1);
        ck_assert_uint_eq(fixture_stats(&f).n_dropped[OUTBOX_DROP_EXPIRED], 1);
        fixture_done(&f);
}
END_TEST

START_TEST(a_shorter_interval_holds_for_what_waits_already) {
        Fixture f;

        fixture_init(&f);
        f.config.sync_interval_us = 60 * USEC_PER_SEC;
        fixture_open(&f);
        (void) fixture_send(&f, "a");
        ck_assert_uint_eq(outbox_deadline_us(f.outbox) > f.now.boottime_us + 5 * USEC_PER_SEC, true);
        f.config.sync_interval_us = 2 * USEC_PER_SEC;
        configure(&f);
        ck_assert_uint_le(outbox_deadline_us(f.outbox), f.now.boottime_us + 2 * USEC_PER_SEC);
        fixture_done(&f);
}
END_TEST

START_TEST(sizes_that_do_not_fit_together_change_nothing) {
        Fixture f;

        fixture_init(&f);
        fixture_open(&f);
        f.config.max_bytes = f.config.segment_bytes;
        ck_assert_int_eq(outbox_configure(f.outbox, &f.config, &f.now), -EINVAL);
        ck_assert_uint_gt(fixture_stats(&f).capacity_bytes, f.config.max_bytes);
        fixture_done(&f);
}
END_TEST

static Suite *outbox_configure_suite(void) {
        Suite *s = suite_create("outbox-configure");
        TCase *t = tcase_create("configure");

        tcase_add_loop_test(t, what_was_accepted_stays_in_order_whatever_the_size_is_now, 0,
                            ELEMENTSOF(sizes));
        tcase_add_test(t, more_room_is_used_at_once);
        tcase_add_test(t, files_that_are_over_less_room_go_with_their_messages);
        tcase_add_test(t, files_that_are_empty_already_go_at_once);
        tcase_add_test(t, a_segment_that_was_ready_is_used_if_it_is_large_enough);
        tcase_add_test(t, the_number_of_messages_and_the_policy_change);
        tcase_add_test(t, the_time_to_live_is_that_of_messages_that_come_afterwards);
        tcase_add_test(t, a_shorter_interval_holds_for_what_waits_already);
        tcase_add_test(t, sizes_that_do_not_fit_together_change_nothing);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_configure_suite)
