/* SPDX-License-Identifier: MIT */

/* What each application has in an outbox, whatever becomes of its messages. */

#include "daemon/outbox.h"

#include "outbox-fixture.h"

#define NOBODY 7U
#define PUMP   1000U
#define PRESS  1001U

static Fixture fixture;
static Fixture *const f = &fixture;

static void setup(void) {
        fixture_init(f);
        f->config.policy = OUTBOX_DROP_OLDEST;
        fixture_open(f);
        fixture_settle(f);
}

static void teardown(void) {
        fixture_done(f);
}

static OutboxMessage message_of(uint32_t owner, size_t n_body, uint32_t ttl_s) {
        static uint8_t body[1000];

        return (OutboxMessage){ .body = az_span_create(body, (int32_t) n_body),
                                .owner = owner,
                                .ttl_s = ttl_s };
}

static void send_batch(const OutboxMessage *messages, size_t n) {
        uint64_t sequence;
        int r;

        while ((r = outbox_append(f->outbox, messages, n, &f->now, &sequence)) == OUTBOX_BUSY)
                fixture_settle(f);
        ck_assert_int_eq(r, 0);
}

static void send(uint32_t owner, size_t n_body) {
        OutboxMessage message = message_of(owner, n_body, 0);

        send_batch(&message, 1);
}

/* The messages of both, and, what has to be in step with that, the bytes of all. */
static void check(unsigned n_pump, unsigned n_press) {
        OwnerUse pump = outbox_get_use(f->outbox, PUMP), press = outbox_get_use(f->outbox, PRESS);

        ck_assert_uint_eq(pump.n_messages, n_pump);
        ck_assert_uint_eq(press.n_messages, n_press);
        ck_assert_uint_eq(pump.n_bytes + press.n_bytes, fixture_stats(f).bytes);
        ck_assert_uint_eq(n_pump + n_press, fixture_stats(f).messages);
        ck_assert_uint_eq(outbox_get_use(f->outbox, NOBODY).n_messages, 0);
}

START_TEST(a_message_counts_for_its_owner_until_it_is_acknowledged) {
        OutboxRecord record;

        send(PUMP, 1);
        send(PRESS, 9);
        send(PUMP, 17);
        check(2, 1);
        ck_assert_uint_eq(outbox_get_use(f->outbox, PUMP).n_bytes, 72 + 88);
        ck_assert_uint_eq(outbox_get_use(f->outbox, PRESS).n_bytes, 80);

        ck_assert(fixture_next(f, &record));
        check(2, 1);
        outbox_acked(f->outbox, record.sequence);
        check(1, 1);
        outbox_acked(f->outbox, record.sequence);
        check(1, 1);
        ck_assert_uint_eq(fixture_drain(f), 2);
        check(0, 0);
}
END_TEST

START_TEST(a_batch_may_be_of_several) {
        OutboxMessage messages[] = { message_of(PUMP, 1, 0), message_of(PRESS, 1, 0),
                                     message_of(PUMP, 1, 0) };

        send_batch(messages, ELEMENTSOF(messages));
        check(2, 1);
}
END_TEST

/* 0: a clean stop. 1: a crash, so that the cursor is old and one is known to be acknowledged out of turn. */
START_TEST(it_is_known_after_a_restart) {
        OutboxRecord record;

        for (int i = 0; i < 30; i++)
                send(i % 3 == 0 ? PRESS : PUMP, 100);
        for (int i = 0; i < 2; i++)
                ck_assert(fixture_next(f, &record));
        outbox_acked(f->outbox, record.sequence);
        outbox_run_due(f->outbox, outbox_deadline_us(f->outbox));
        fixture_settle(f);
        check(19, 10);
        if (_i == 0)
                fixture_stop(f);
        else
                fixture_crash(f);
        fixture_open(f);
        check(19, 10);
        ck_assert_uint_eq(fixture_drain(f), 29);
        check(0, 0);
}
END_TEST

START_TEST(what_expires_counts_no_more) {
        OutboxMessage message = message_of(PUMP, 1, 60);

        send_batch(&message, 1);
        send(PRESS, 1);
        f->now.boottime_us += 60 * USEC_PER_SEC;
        check(1, 1);
        ck_assert_uint_eq(fixture_drain(f), 1);
        check(0, 0);
}
END_TEST

START_TEST(what_has_expired_can_be_dropped_to_make_room) {
        OutboxMessage message = message_of(PUMP, 1, 60);

        send_batch(&message, 1);
        f->now.boottime_us += 59 * USEC_PER_SEC;
        outbox_drop_expired(f->outbox, &f->now);
        check(1, 0);
        f->now.boottime_us += USEC_PER_SEC;
        outbox_drop_expired(f->outbox, &f->now);
        check(0, 0);
}
END_TEST

START_TEST(what_makes_room_for_others_counts_no_more) {
        for (int i = 0; i < 8; i++)
                send(PRESS, 900);
        for (int i = 0; i < 40; i++)
                send(PUMP, 900);
        ck_assert_uint_eq(outbox_get_use(f->outbox, PRESS).n_messages, 0);
        check((unsigned) fixture_stats(f).messages, 0);
}
END_TEST

START_TEST(many_owners_come_and_go) {
        for (uint32_t owner = 10000; owner < 10050; owner++)
                send(owner, 1);
        for (uint32_t owner = 10000; owner < 10050; owner++)
                ck_assert_uint_eq(outbox_get_use(f->outbox, owner).n_messages, 1);
        ck_assert_uint_eq(fixture_drain(f), 50);
        for (uint32_t owner = 10000; owner < 10050; owner++)
                ck_assert_uint_eq(outbox_get_use(f->outbox, owner).n_messages, 0);
}
END_TEST

static Suite *outbox_owners_suite(void) {
        Suite *s = suite_create("outbox-owners");
        TCase *t = tcase_create("use");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, a_message_counts_for_its_owner_until_it_is_acknowledged);
        tcase_add_test(t, a_batch_may_be_of_several);
        tcase_add_loop_test(t, it_is_known_after_a_restart, 0, 2);
        tcase_add_test(t, what_expires_counts_no_more);
        tcase_add_test(t, what_has_expired_can_be_dropped_to_make_room);
        tcase_add_test(t, what_makes_room_for_others_counts_no_more);
        tcase_add_test(t, many_owners_come_and_go);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_owners_suite)
