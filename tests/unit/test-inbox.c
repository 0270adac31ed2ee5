/* SPDX-License-Identifier: MIT */

#include "inbox-fixture.h"

static Fixture fixture;

static void setup(void) {
        fixture_init(&fixture);
        fixture_open(&fixture);
}

static void teardown(void) {
        fixture_done(&fixture);
}

/* ---- Storing ---- */

START_TEST(a_message_is_acknowledged_when_it_is_on_disk) {
        Fixture *f = &fixture;

        fixture_receive(f, 1, "x", "one");
        ck_assert_str_eq(f->said, "");
        ck_assert(!inbox_is_drained(f->inbox));
        ck_assert_str_eq(fixture_said(f), "a1 ");
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-000000000001"), 1);
        ck_assert(inbox_is_drained(f->inbox));
        ck_assert_uint_eq(fixture_stats(f).messages, 1);
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 0);
}
END_TEST

START_TEST(acknowledgements_leave_in_the_order_of_the_messages) {
        Fixture *f = &fixture;

        fixture_receive(f, 1, "x", "one");
        fixture_receive(f, 2, NULL, "two");
        fixture_receive(f, 3, "z", "three");
        ck_assert_str_eq(fixture_said(f), "a1 a2 a3 ");
}
END_TEST

START_TEST(all_of_a_message_survives_a_restart) {
        Fixture *f = &fixture;
        InboxDelivery delivery = fixture_delivery(f, 1, "x", "one");
        InboxTaker *taker;

        delivery.expires_us = f->now.realtime_us + 3600 * USEC_PER_SEC;
        fixture_deliver(f, &delivery);
        f->now.realtime_us += 5;
        fixture_receive(f, 2, NULL, "");
        fixture_restart(f);

        taker = fixture_taker(f);
        fixture_wait(f, taker);
        ck_assert_str_eq(fixture_said(f), "a1 a2 give one ");
        ck_assert_uint_eq(f->last.received_us, T0_REALTIME_US);
        ck_assert_uint_eq(f->last.expires_us, delivery.expires_us);
        fixture_wait(f, taker);
        ck_assert_str_eq(fixture_said(f), "give  ");
        ck_assert_uint_eq(f->last.received_us, T0_REALTIME_US + 5);
        ck_assert_uint_eq(f->last.expires_us, 0);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(numbers_rise_over_a_restart) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        fixture_receive(f, 1, "x", "one");
        (void) fixture_consume(f, taker);
        inbox_taker_free(taker);
        fixture_restart(f);
        fixture_receive(f, 1, "y", "two");
        disk_drain(f->disk);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-000000000002"), 1);
}
END_TEST

/* ---- Giving ---- */

START_TEST(each_taker_gets_another_message_the_oldest_first) {
        Fixture *f = &fixture;
        InboxTaker *a = fixture_taker(f), *b = fixture_taker(f), *c = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        fixture_wait(f, b);
        fixture_wait(f, c);
        fixture_wait(f, a);
        ck_assert_str_eq(fixture_said(f), "a1 a2 give one give two ");
        fixture_receive(f, 3, NULL, "three");
        ck_assert_str_eq(fixture_said(f), "a3 give three ");

        ck_assert_int_eq(inbox_taker_settle(b, 1, f), 0);
        ck_assert_int_eq(inbox_taker_settle(c, 2, f), 0);
        ck_assert_int_eq(inbox_taker_settle(a, 3, f), 0);
        inbox_taker_free(a);
        inbox_taker_free(b);
        inbox_taker_free(c);
}
END_TEST

START_TEST(what_was_not_settled_is_given_again_in_its_place) {
        Fixture *f = &fixture;
        InboxTaker *a = fixture_taker(f), *b = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        fixture_receive(f, 3, NULL, "three");
        fixture_wait(f, a);
        disk_drain(f->disk);
        fixture_wait(f, a);
        ck_assert_str_eq(fixture_said(f), "a1 a2 give one a3 give two ");
        ck_assert_int_eq(inbox_taker_settle(a, 2, f), 0);
        inbox_taker_free(a);
        ck_assert_str_eq(fixture_said(f), "settled ");

        fixture_wait(f, b);
        ck_assert_str_eq(fixture_said(f), "redeliver one ");
        fixture_wait(f, b);
        ck_assert_str_eq(fixture_said(f), "give three ");
        inbox_taker_free(b);
}
END_TEST

START_TEST(after_a_restart_what_was_given_is_marked) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        fixture_receive(f, 2, NULL, "two");
        fixture_wait(f, taker);
        disk_drain(f->disk);
        inbox_taker_free(taker);
        fixture_restart(f);

        taker = fixture_taker(f);
        (void) fixture_said(f);
        ck_assert_str_eq(fixture_consume(f, taker), "redeliver one settled ");
        ck_assert_str_eq(fixture_consume(f, taker), "give two settled ");
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_settled_message_is_gone) {
        Fixture *f = &fixture;
        InboxTaker *a = fixture_taker(f), *b = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        fixture_wait(f, a);
        (void) fixture_said(f);
        ck_assert_int_eq(inbox_taker_settle(b, 1, f), INBOX_GONE);
        ck_assert_int_eq(inbox_taker_settle(a, 2, f), INBOX_GONE);
        ck_assert_int_eq(inbox_taker_settle(a, 1, f), 0);
        ck_assert_int_eq(inbox_taker_settle(a, 1, f), INBOX_GONE);
        ck_assert_str_eq(fixture_said(f), "settled ");
        ck_assert_int_eq(inbox_taker_settle(a, 1, f), INBOX_GONE);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-"), 0);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        ck_assert_uint_eq(fixture_stats(f).bytes, 0);
        inbox_taker_free(a);
        inbox_taker_free(b);
}
END_TEST

START_TEST(a_wait_ends_in_time) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        fixture_wait(f, taker);
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), f->now.boottime_us + 30 * USEC_PER_SEC);
        fixture_pass(f, 30 * USEC_PER_SEC - 1);
        ck_assert_str_eq(fixture_said(f), "");
        fixture_pass(f, 1);
        ck_assert_str_eq(fixture_said(f), "give - ");
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), UINT64_MAX);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_message_that_is_being_read_goes_to_the_next_when_its_taker_leaves) {
        Fixture *f = &fixture;
        InboxTaker *a = fixture_taker(f), *b = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        disk_drain(f->disk);
        fixture_wait(f, a);
        fixture_wait(f, b);
        if (_i == 0)
                inbox_taker_cancel(a);
        else
                a = inbox_taker_free(a);
        ck_assert_str_eq(fixture_said(f), "a1 give one ");
        ck_assert_int_eq(inbox_taker_settle(b, 1, f), 0);
        inbox_taker_free(a);
        inbox_taker_free(b);
}
END_TEST

START_TEST(a_taker_may_have_so_many) {
        Fixture *f = &fixture;
        InboxTaker *taker;

        f->config.max_messages = INBOX_UNSETTLED_MAX + 1;
        fixture_restart(f);
        taker = fixture_taker(f);
        for (unsigned i = 1; i <= INBOX_UNSETTLED_MAX + 1; i++) {
                fixture_receive(f, i, NULL, "x");
                disk_drain(f->disk);
        }
        for (unsigned i = 1; i <= INBOX_UNSETTLED_MAX; i++) {
                fixture_wait(f, taker);
                disk_drain(f->disk);
        }
        ck_assert_int_eq(inbox_taker_wait(taker, UINT64_MAX, &f->now), INBOX_TOO_MANY);
        ck_assert_int_eq(inbox_taker_settle(taker, 1, f), 0);
        disk_drain(f->disk);
        fixture_wait(f, taker);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_program_that_does_not_wait_for_its_settle_is_not_told) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        fixture_receive(f, 1, NULL, "one");
        fixture_wait(f, taker);
        (void) fixture_said(f);
        ck_assert_int_eq(inbox_taker_settle(taker, 1, f), 0);
        inbox_settle_forget(f->inbox, f);
        inbox_taker_free(taker);
        ck_assert_str_eq(fixture_said(f), "");
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
}
END_TEST

/* ---- Bounds ---- */

START_TEST(a_full_inbox_keeps_acknowledgements_back) {
        static char big[270 * 1024];
        Fixture *f = &fixture;
        InboxTaker *taker;

        memset(big, 'x', sizeof(big) - 1);
        if (_i == 0)
                f->config.max_messages = 100;
        fixture_restart(f);
        taker = fixture_taker(f);
        for (unsigned i = 1; i <= 5; i++)
                fixture_receive(f, i, NULL, _i == 0 ? big : "x");
        /* Three messages fit: by number, or by size. */
        ck_assert_str_eq(fixture_said(f), "a1 a2 a3 ");
        ck_assert_str_eq(fixture_stats(f).stalled,
                         "the inbox is full with 3 messages that no program has settled");
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 2);
        ck_assert(inbox_is_drained(f->inbox));
        fixture_pass(f, 3600 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "");

        fixture_wait(f, taker);
        disk_drain(f->disk);
        f->said[0] = '\0';
        ck_assert_int_eq(inbox_taker_settle(taker, f->last.sequence, f), 0);
        ck_assert_str_eq(fixture_said(f), "settled a4 ");
        ck_assert_str_ne(fixture_stats(f).stalled, "");
        fixture_wait(f, taker);
        disk_drain(f->disk);
        ck_assert_int_eq(inbox_taker_settle(taker, f->last.sequence, f), 0);
        disk_drain(f->disk);
        ck_assert_str_eq(fixture_stats(f).stalled, "");
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 0);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(what_is_not_kept_in_memory_comes_over_another_connection) {
        Fixture *f = &fixture;
        char text[16];

        for (unsigned i = 1; i <= 3 + INBOX_WAITING_MAX; i++) {
                (void) snprintf(text, sizeof(text), "%u", i);
                fixture_receive(f, i, NULL, text);
                disk_drain(f->disk);
        }
        ck_assert_uint_eq(fixture_stats(f).n_waiting, INBOX_WAITING_MAX);
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), UINT64_MAX);

        fixture_receive(f, 99, NULL, "one too many");
        ck_assert_uint_eq(fixture_stats(f).n_waiting, INBOX_WAITING_MAX);
        fixture_pass(f, INBOX_LOCK_US - 1);
        ck_assert(!inbox_wants_reconnect(f->inbox));
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), f->now.boottime_us + 1);
        fixture_pass(f, 1);
        ck_assert(inbox_wants_reconnect(f->inbox));
        ck_assert(!inbox_wants_reconnect(f->inbox));
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), UINT64_MAX);
}
END_TEST

START_TEST(memory_for_what_waits_is_bounded) {
        Fixture *f = &fixture;
        static char big[256 * 1024 + 1];
        char mid[8];

        memset(big, 'x', sizeof(big) - 1);
        f->config.max_messages = 1;
        fixture_restart(f);
        for (unsigned i = 0; i < 50; i++) {
                (void) snprintf(mid, sizeof(mid), "%u", i);
                fixture_receive(f, i, mid, big);
        }
        disk_drain(f->disk);
        ck_assert_uint_eq(fixture_stats(f).n_waiting, INBOX_WAITING_BYTES_MAX / sizeof(big) - 1);
}
END_TEST

/* ---- Repeats ---- */

START_TEST(a_repeat_of_what_waits_is_acknowledged_with_it) {
        Fixture *f = &fixture;

        fixture_receive(f, 1, "x", "one");
        fixture_receive(f, 2, "x", "one");
        ck_assert_str_eq(f->said, "");
        ck_assert_str_eq(fixture_said(f), "a1 a2 ");
        ck_assert_uint_eq(fixture_stats(f).messages, 1);
        ck_assert_uint_eq(fixture_stats(f).n_repeated, 1);
}
END_TEST

START_TEST(a_repeat_of_what_is_stored_is_acknowledged_at_once) {
        Fixture *f = &fixture;
        InboxTaker *taker;

        fixture_receive(f, 1, "x", "one");
        disk_drain(f->disk);
        if (_i & 1) {
                taker = fixture_taker(f);
                (void) fixture_consume(f, taker);
                inbox_taker_free(taker);
        }
        if (_i & 2)
                fixture_restart(f);
        (void) fixture_said(f);

        fixture_receive(f, 2, "x", "one");
        ck_assert_str_eq(f->said, "a2 ");
        fixture_receive(f, 3, "x", "another text");
        ck_assert_str_eq(fixture_said(f), "a2 a3 ");
        ck_assert_uint_eq(fixture_stats(f).messages, _i & 1 ? 1 : 2);
        ck_assert_uint_eq(fixture_stats(f).n_repeated, 1);
}
END_TEST

START_TEST(the_last_256_ids_are_remembered) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);
        char mid[8];

        for (unsigned i = 0; i <= 256; i++) {
                (void) snprintf(mid, sizeof(mid), "%u", i);
                fixture_receive(f, i, mid, "x");
                disk_drain(f->disk);
                (void) fixture_consume(f, taker);
        }
        inbox_taker_free(taker);
        fixture_restart(f);

        fixture_receive(f, 1, "1", "x");
        ck_assert_str_eq(f->said, "a1 ");
        fixture_receive(f, 2, "256", "x");
        ck_assert_str_eq(f->said, "a1 a2 ");
        fixture_receive(f, 0, "0", "x");
        ck_assert_str_eq(f->said, "a1 a2 ");
        ck_assert_str_eq(fixture_said(f), "a1 a2 a0 ");
}
END_TEST

START_TEST(an_id_lost_between_message_and_ids_is_found_again) {
        Fixture *f = &fixture;
        InboxTaker *taker;
        char path[128];

        fixture_receive(f, 1, "x", "one");
        fixture_crash(f);
        scratch_path(f->directory, "ids", path, sizeof(path));
        ck_assert_int_eq(truncate(path, 0), 0);
        fixture_open(f);
        taker = fixture_taker(f);
        (void) fixture_consume(f, taker);
        inbox_taker_free(taker);
        fixture_restart(f);

        fixture_receive(f, 2, "x", "one");
        ck_assert_str_eq(fixture_said(f), "a2 ");
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
}
END_TEST

/* Two deliveries of equal messages without an id: what happens in between, and how many messages they are. */
static const struct {
        const char *name;
        bool fills;       /* the inbox is full: the first one waits */
        bool loses;       /* the connection is lost in between */
        bool loses_soon;  /* the same, before the first one is on disk */
        bool restarts;    /* the daemon is */
        uint64_t pass_us; /* so much later */
        bool dup;         /* the second one has the flag */
        unsigned n_messages;
} anonymous[] = {
        { "meant, one after the other", .n_messages = 2 },
        { "meant, hours later", .pass_us = 3600 * USEC_PER_SEC, .n_messages = 2 },
        { "meant, over another connection", .loses = true, .n_messages = 2 },
        { "meant, while the first waits", .fills = true, .pass_us = INBOX_LOCK_US - 1, .n_messages = 2 },
        /* The flag may mean a message of which nothing came yet, because an earlier connection was lost. */
        { "the flag", .dup = true, .n_messages = 2 },
        { "the flag, over another connection", .loses = true, .dup = true, .n_messages = 2 },
        { "the flag, after a restart", .restarts = true, .dup = true, .n_messages = 2 },
        { "the flag, while the first waits", .fills = true, .dup = true, .n_messages = 2 },
        { "the flag, later", .fills = true, .pass_us = INBOX_LOCK_US / 2, .dup = true, .n_messages = 1 },
        { "the lock ran out", .fills = true, .pass_us = INBOX_LOCK_US, .n_messages = 1 },
        { "no acknowledgement, another connection", .fills = true, .loses = true, .n_messages = 1 },
        { "no acknowledgement, stored meanwhile", .loses_soon = true, .n_messages = 1 },
};

START_TEST(equal_messages_without_an_id_are_repeats_if_there_is_evidence) {
        Fixture *f = &fixture;
        InboxDelivery delivery;
        InboxStats stats;

        if (anonymous[_i].fills) {
                f->config.max_messages = 1;
                fixture_restart(f);
                fixture_receive(f, 9, NULL, "fills it");
        }
        fixture_receive(f, 1, NULL, "one");
        if (!anonymous[_i].loses_soon)
                disk_drain(f->disk);
        if (anonymous[_i].loses || anonymous[_i].loses_soon) {
                f->epoch++;
                inbox_lost(f->inbox);
        }
        disk_drain(f->disk);
        if (anonymous[_i].restarts)
                fixture_restart(f);
        fixture_pass(f, anonymous[_i].pass_us);

        delivery = fixture_delivery(f, 2, NULL, "one");
        delivery.dup = anonymous[_i].dup;
        fixture_deliver(f, &delivery);
        disk_drain(f->disk);
        stats = fixture_stats(f);
        ck_assert_uint_eq(stats.messages + stats.n_waiting - anonymous[_i].fills, anonymous[_i].n_messages);
        ck_assert_uint_eq(stats.n_repeated, 2 - anonymous[_i].n_messages);
}
END_TEST

START_TEST(two_equal_messages_that_wait_are_repeated_as_two) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        f->config.max_messages = 1;
        inbox_taker_free(taker);
        fixture_restart(f);
        fixture_receive(f, 1, NULL, "full");
        fixture_receive(f, 2, NULL, "same");
        fixture_receive(f, 3, NULL, "same");
        disk_drain(f->disk);
        f->epoch++;
        inbox_lost(f->inbox);
        fixture_receive(f, 4, NULL, "same");
        fixture_receive(f, 5, NULL, "same");
        fixture_receive(f, 6, NULL, "same");
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 3);

        taker = fixture_taker(f);
        (void) fixture_said(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give full settled a4 ");
        ck_assert_str_eq(fixture_consume(f, taker), "give same settled a5 ");
        ck_assert_str_eq(fixture_consume(f, taker), "give same settled a6 ");
        inbox_taker_free(taker);
}
END_TEST

START_TEST(every_delivery_of_a_message_is_acknowledged_in_the_end) {
        Fixture *f = &fixture;
        InboxTaker *taker;

        f->config.max_messages = 1;
        fixture_restart(f);
        fixture_receive(f, 9, NULL, "full");
        for (unsigned i = 1; i <= INBOX_DELIVERIES_MAX; i++) {
                fixture_receive(f, i, "x", "one");
                fixture_pass(f, INBOX_LOCK_US);
        }
        ck_assert(!inbox_wants_reconnect(f->inbox));
        (void) fixture_said(f);
        taker = fixture_taker(f);
        ck_assert_str_eq(fixture_consume(f, taker), "give full settled a1 a2 a3 a4 ");
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_message_that_waits_for_minutes_asks_for_another_connection) {
        Fixture *f = &fixture;

        f->config.max_messages = 1;
        fixture_restart(f);
        fixture_receive(f, 9, NULL, "full");
        for (unsigned i = 0; i <= INBOX_DELIVERIES_MAX; i++) {
                ck_assert(!inbox_wants_reconnect(f->inbox));
                fixture_receive(f, i, "x", "one");
                fixture_pass(f, INBOX_LOCK_US);
        }
        ck_assert(inbox_wants_reconnect(f->inbox));
        ck_assert(!inbox_wants_reconnect(f->inbox));
        /* The new one begins from the beginning. */
        f->epoch++;
        inbox_lost(f->inbox);
        fixture_receive(f, 1, "x", "one");
        fixture_pass(f, INBOX_LOCK_US);
        ck_assert(!inbox_wants_reconnect(f->inbox));
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 1);
}
END_TEST

START_TEST(what_was_not_kept_track_of_may_come_when_there_is_room) {
        Fixture *f = &fixture;
        InboxTaker *taker;

        f->config.max_messages = 1;
        fixture_restart(f);
        fixture_receive(f, 9, NULL, "full");
        for (unsigned i = 0; i <= INBOX_DELIVERIES_MAX; i++)
                fixture_receive(f, i, "x", "one");
        disk_drain(f->disk);
        ck_assert(!inbox_wants_reconnect(f->inbox));
        taker = fixture_taker(f);
        (void) fixture_consume(f, taker);
        inbox_taker_free(taker);
        fixture_pass(f, 0);
        ck_assert(inbox_wants_reconnect(f->inbox));
}
END_TEST

/* ---- Expiry ---- */

static void receive_expiring(Fixture *f, unsigned ack, const char *text, uint64_t in_us) {
        InboxDelivery delivery = fixture_delivery(f, ack, NULL, text);

        delivery.expires_us = f->now.realtime_us + in_us;
        fixture_deliver(f, &delivery);
}

START_TEST(an_expired_message_is_removed_and_not_given) {
        Fixture *f = &fixture;
        InboxTaker *taker;

        receive_expiring(f, 1, "short", 10 * USEC_PER_SEC);
        receive_expiring(f, 2, "long", 20 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "a1 a2 ");
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), f->now.boottime_us + 10 * USEC_PER_SEC);
        if (_i == 0)
                fixture_pass(f, 10 * USEC_PER_SEC);
        else {
                /* Also if the daemon did not run meanwhile. */
                fixture_crash(f);
                f->now.realtime_us += 10 * USEC_PER_SEC;
                fixture_open(f);
        }
        taker = fixture_taker(f);
        fixture_wait(f, taker);
        fixture_pass(f, 0);
        ck_assert_str_eq(fixture_said(f), "give long ");
        ck_assert_uint_eq(fixture_stats(f).n_expired, 1);
        ck_assert_uint_eq(scratch_count_files(f->directory, "message-"), 1);
        inbox_taker_free(taker);
}
END_TEST

START_TEST(a_message_that_was_taken_in_time_stays_with_its_taker) {
        Fixture *f = &fixture;
        InboxTaker *taker = fixture_taker(f);

        receive_expiring(f, 1, "one", 10 * USEC_PER_SEC);
        fixture_wait(f, taker);
        (void) fixture_said(f);
        fixture_pass(f, 10 * USEC_PER_SEC);
        ck_assert_uint_eq(inbox_deadline_us(f->inbox), UINT64_MAX);
        if (_i == 0) {
                ck_assert_int_eq(inbox_taker_settle(taker, 1, f), 0);
                ck_assert_str_eq(fixture_said(f), "settled ");
        }
        inbox_taker_free(taker);
        fixture_pass(f, 0);
        ck_assert_uint_eq(fixture_stats(f).messages, 0);
        ck_assert_uint_eq(fixture_stats(f).n_expired, (unsigned) _i);
}
END_TEST

START_TEST(what_expires_while_it_waits_is_acknowledged) {
        Fixture *f = &fixture;

        f->config.max_messages = 1;
        fixture_restart(f);
        fixture_receive(f, 1, NULL, "full");
        receive_expiring(f, 2, "two", 10 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "a1 ");
        fixture_pass(f, 10 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "a2 ");
        ck_assert_uint_eq(fixture_stats(f).n_waiting, 0);
        ck_assert_uint_eq(fixture_stats(f).n_expired, 1);
        ck_assert_str_eq(fixture_stats(f).stalled, "");
}
END_TEST

START_TEST(room_of_what_expired_is_used_again) {
        Fixture *f = &fixture;

        f->config.max_messages = 1;
        fixture_restart(f);
        receive_expiring(f, 1, "one", 10 * USEC_PER_SEC);
        fixture_receive(f, 2, NULL, "two");
        ck_assert_str_eq(fixture_said(f), "a1 ");
        fixture_pass(f, 10 * USEC_PER_SEC);
        ck_assert_str_eq(fixture_said(f), "a2 ");
}
END_TEST

/* ---- Suite ---- */

static TCase *tcase_add(Suite *s, const char *name) {
        TCase *t = tcase_create(name);

        tcase_add_checked_fixture(t, setup, teardown);
        suite_add_tcase(s, t);
        return t;
}

static void add_giving(Suite *s) {
        TCase *t = tcase_add(s, "take");

        tcase_add_test(t, each_taker_gets_another_message_the_oldest_first);
        tcase_add_test(t, what_was_not_settled_is_given_again_in_its_place);
        tcase_add_test(t, after_a_restart_what_was_given_is_marked);
        tcase_add_test(t, a_settled_message_is_gone);
        tcase_add_test(t, a_wait_ends_in_time);
        tcase_add_loop_test(t, a_message_that_is_being_read_goes_to_the_next_when_its_taker_leaves, 0, 2);
        tcase_add_test(t, a_taker_may_have_so_many);
        tcase_add_test(t, a_program_that_does_not_wait_for_its_settle_is_not_told);
}

static void add_repeats(Suite *s) {
        TCase *t = tcase_add(s, "repeats");

        tcase_add_test(t, a_repeat_of_what_waits_is_acknowledged_with_it);
        tcase_add_loop_test(t, a_repeat_of_what_is_stored_is_acknowledged_at_once, 0, 4);
        tcase_add_test(t, the_last_256_ids_are_remembered);
        tcase_add_test(t, an_id_lost_between_message_and_ids_is_found_again);
        tcase_add_loop_test(t, equal_messages_without_an_id_are_repeats_if_there_is_evidence, 0,
                            ELEMENTSOF(anonymous));
        tcase_add_test(t, two_equal_messages_that_wait_are_repeated_as_two);
        tcase_add_test(t, every_delivery_of_a_message_is_acknowledged_in_the_end);
        tcase_add_test(t, a_message_that_waits_for_minutes_asks_for_another_connection);
        tcase_add_test(t, what_was_not_kept_track_of_may_come_when_there_is_room);
}

static Suite *inbox_suite(void) {
        Suite *s = suite_create("inbox");
        TCase *t = tcase_add(s, "store");

        tcase_add_test(t, a_message_is_acknowledged_when_it_is_on_disk);
        tcase_add_test(t, acknowledgements_leave_in_the_order_of_the_messages);
        tcase_add_test(t, all_of_a_message_survives_a_restart);
        tcase_add_test(t, numbers_rise_over_a_restart);

        add_giving(s);

        t = tcase_add(s, "bounds");
        tcase_add_loop_test(t, a_full_inbox_keeps_acknowledgements_back, 0, 2);
        tcase_add_test(t, what_is_not_kept_in_memory_comes_over_another_connection);
        tcase_add_test(t, memory_for_what_waits_is_bounded);

        add_repeats(s);

        t = tcase_add(s, "expiry");
        tcase_add_loop_test(t, an_expired_message_is_removed_and_not_given, 0, 2);
        tcase_add_loop_test(t, a_message_that_was_taken_in_time_stays_with_its_taker, 0, 2);
        tcase_add_test(t, what_expires_while_it_waits_is_acknowledged);
        tcase_add_test(t, room_of_what_expired_is_used_again);
        return s;
}

UNIT_MAIN(inbox_suite)
