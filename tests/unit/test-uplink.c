/* SPDX-License-Identifier: MIT */

#include "daemon/uplink.h"

#include "daemon/hub-link.h"
#include "daemon/hub-uplink.h"

#include "tests/unit/unit.h"

/*
 * In place of the link and the outboxes: messages 1 to n_messages, of which all are to be handed out again
 * after a rewind but those that were acknowledged; a link whose publish returns what the test says.
 */
struct Outbox {
        uint64_t n_messages, n_handed_out;
        bool acked[9];
        size_t n_acked;
        unsigned n_given_up[_OUTBOX_DROP_CAUSE_MAX];
        unsigned n_rewinds;
        uint64_t head;
        OutboxEvent event;
        bool has_event;
};

struct Outboxes {
        Outbox *logs[_PRIORITY_MAX];
        int storage_error;
};

struct HubLink {
        int result;
        Uplink *uplink; /* whose on_lost() it is */
        bool is_offline;
        uint64_t published[8]; /* since the last loss */
        size_t n_published;
        unsigned n_failures;
        Problem notice;
        char notice_detail[8];
};

struct DeadLetters {
        uint64_t sequence; /* of the last; 0: none */
        int error;
        DeadLetterDone done;
        void *userdata;
};

int dead_letters_add(DeadLetters *d, const DeadLetter *letter, DeadLetterDone done, void *userdata) {
        d->sequence = letter->sequence;
        d->done = done;
        d->userdata = userdata;
        return d->error;
}

Outbox *outboxes_get(const Outboxes *o, Priority priority) {
        return o->logs[priority];
}

int outbox_next(Outbox *o, const OutboxTime *now, OutboxRecord *ret) {
        while (o->n_handed_out < o->n_messages) {
                if (o->acked[++o->n_handed_out])
                        continue;
                *ret = (OutboxRecord){ .sequence = o->n_handed_out, .body = AZ_SPAN_FROM_STR("{}") };
                return 1;
        }
        return 0;
}

bool outbox_has_unsent(const Outbox *o) {
        for (uint64_t sequence = o->n_handed_out + 1; sequence <= o->n_messages; sequence++)
                if (!o->acked[sequence])
                        return true;
        return false;
}

void outbox_acked(Outbox *o, uint64_t sequence) {
        o->acked[sequence] = true;
        o->n_acked++;
}

void outbox_give_up(Outbox *o, uint64_t sequence, OutboxDropCause cause) {
        outbox_acked(o, sequence);
        o->n_given_up[cause]++;
}

void outbox_rewind(Outbox *o) {
        o->n_rewinds++;
        o->n_handed_out = 0;
}

uint64_t outbox_get_head(const Outbox *o) {
        return o->head;
}

bool outbox_next_event(Outbox *o, OutboxEvent *ret) {
        bool has_event = o->has_event;

        *ret = o->event;
        o->has_event = false;
        return has_event;
}

const char *outbox_get_id(const Outbox *o) {
        return "0a0a0a0a";
}

const char *outbox_drop_cause_to_string(OutboxDropCause cause) {
        return "expired";
}

int outboxes_get_storage_error(const Outboxes *o) {
        return o->storage_error;
}

unsigned hub_link_window_free(const HubLink *link) {
        return link->is_offline ? 0 : 64;
}

int hub_link_publish(HubLink *link, az_span bag, az_span message_id, az_span body, uint64_t token) {
        if (link->result == 0)
                link->published[link->n_published++] = token;
        return link->result;
}

void hub_link_fail(HubLink *link, int error) {
        link->n_failures++;
        link->result = 0;
        uplink_lost(link->uplink, LINK_END_OTHER);
}

void hub_link_remove_notice(HubLink *link, Problem problem) {
        link->notice = PROBLEM_NONE;
}

void hub_link_add_notice(HubLink *link, Problem problem, int error, const char *detail) {
        link->notice = problem;
        (void) snprintf(link->notice_detail, sizeof(link->notice_detail), "%s", detail);
}

typedef struct Fixture {
        Log log;
        Outbox outbox, high;
        Outboxes outboxes;
        HubLink link;
        DeadLetters dead_letters;
        StageWaits *waits[_PRIORITY_MAX];
        int outcome; /* of the wait for message 1 to be delivered; -1: it waits */
} Fixture;

static void on_done(void *userdata, StageOutcome outcome, int error) {
        ((Fixture *) userdata)->outcome = (int) outcome;
}

static void fixture_make(Fixture *f, int result) {
        StageWait *wait;

        *f = (Fixture){
                .outbox = { .n_messages = 3, .head = 1 },
                .high.head = 1,
                .outboxes.logs = { &f->outbox, &f->high },
                .link.result = result,
                .outcome = -1,
        };
        f->log.max_level = -1;
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                ck_assert_int_eq(stage_waits_new(&f->waits[p]), 0);
        ck_assert_int_eq(stage_wait_add(f->waits[PRIORITY_NORMAL], STAGE_DELIVERED, 1, 1, UINT64_MAX, on_done,
                                        f, &wait),
                         0);
        ck_assert_int_eq(uplink_new(&f->link.uplink,
                                    &(UplinkConfig){
                                            .outboxes = &f->outboxes,
                                            .waits = f->waits,
                                            .dead_letters = &f->dead_letters,
                                            .log = &f->log,
                                            .boot = 1,
                                            .ops = &hub_uplink_ops,
                                            .userdata = &f->link,
                                    }),
                         0);
}

static void fixture_done(Fixture *f) {
        f->link.uplink = uplink_free(f->link.uplink);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                f->waits[p] = stage_waits_free(f->waits[p]);
}

static void check_published_all(const Fixture *f) {
        ck_assert_uint_eq(f->link.n_published, 3);
        for (size_t i = 0; i < 3; i++)
                ck_assert_uint_eq(f->link.published[i], i + 1);
}

START_TEST(messages_are_published_in_order_and_delivered_once_the_outbox_is_beyond_them) {
        Fixture f;

        fixture_make(&f, 0);
        ck_assert(uplink_run(f.link.uplink));
        check_published_all(&f);
        ck_assert_int_eq(f.outcome, -1);

        f.outbox.head = 2;
        ck_assert(!uplink_run(f.link.uplink));
        ck_assert_int_eq(f.outcome, STAGE_REACHED);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_without_room_is_held_and_goes_first) {
        Fixture f;

        fixture_make(&f, MQTT_WINDOW_FULL);
        (void) uplink_run(f.link.uplink);
        (void) uplink_run(f.link.uplink);
        ck_assert_uint_eq(f.outbox.n_handed_out, 1);

        f.link.result = 0;
        (void) uplink_run(f.link.uplink);
        check_published_all(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_that_can_never_be_sent_is_refused_and_out_of_the_way) {
        Fixture f;

        fixture_make(&f, HUB_LINK_UNSENDABLE);
        f.outbox.n_messages = 1;
        (void) uplink_run(f.link.uplink);
        ck_assert_int_eq(f.outcome, STAGE_REFUSED);
        ck_assert_uint_eq(f.outbox.n_given_up[OUTBOX_DROP_UNSENDABLE], 1);
        fixture_done(&f);
}
END_TEST

START_TEST(no_memory_costs_the_link_and_no_message) {
        Fixture f;

        fixture_make(&f, -ENOMEM);
        (void) uplink_run(f.link.uplink);
        ck_assert_uint_eq(f.link.n_failures, 1);
        ck_assert_uint_eq(f.outbox.n_acked, 0);
        ck_assert_uint_eq(f.outbox.n_rewinds, 1);
        ck_assert_int_eq(f.outcome, -1);

        (void) uplink_run(f.link.uplink);
        check_published_all(&f);
        fixture_done(&f);
}
END_TEST

static const struct {
        OutboxDropCause cause;
        StageOutcome outcome;
} drops[] = {
        { OUTBOX_DROP_EXPIRED, STAGE_EXPIRED },
        { OUTBOX_DROP_OLDER, STAGE_DROPPED },
        { OUTBOX_DROP_DAMAGED, STAGE_DROPPED },
};

START_TEST(who_waits_for_a_dropped_message_hears_why) {
        Fixture f;

        fixture_make(&f, 0);
        f.outbox.n_messages = 0;
        f.outbox.head = 6;
        f.outbox.has_event = true;
        f.outbox.event = (OutboxEvent){
                .type = OUTBOX_EVENT_DROPPED, .first = 1, .last = 5, .cause = drops[_i].cause
        };
        (void) uplink_run(f.link.uplink);
        ck_assert_int_eq(f.outcome, (int) drops[_i].outcome);
        fixture_done(&f);
}
END_TEST

/* Priorities ---------------------------------------------------------------------------------------- */

#define HIGH(sequence) ((sequence) | UINT64_C(1) << 63)

/* The normal ones as digits, those of high priority as letters. */
static void assert_published(const Fixture *f, const char *expected) {
        char text[64] = "";

        for (size_t i = 0; i < f->link.n_published; i++) {
                uint64_t token = f->link.published[i];

                text[i] = (char) (token >= HIGH(0) ? 'A' + (token - HIGH(1)) : '0' + token);
        }
        ck_assert_str_eq(text, expected);
}

START_TEST(high_priority_goes_first) {
        Fixture f;

        fixture_make(&f, 0);
        f.high.n_messages = 2;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "AB123");
        f.high.n_messages = 3;
        f.outbox.n_messages = 4;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "AB123C4");
        fixture_done(&f);
}
END_TEST

START_TEST(an_acknowledgement_counts_for_its_priority_alone) {
        Fixture f;

        fixture_make(&f, 0);
        f.high.n_messages = 1;
        (void) uplink_run(f.link.uplink);
        uplink_acked(f.link.uplink, HIGH(1));
        ck_assert(f.high.acked[1]);
        ck_assert_uint_eq(f.outbox.n_acked, 0);

        f.high.head = 2;
        (void) uplink_run(f.link.uplink);
        ck_assert_int_eq(f.outcome, -1);
        uplink_acked(f.link.uplink, 1);
        ck_assert(f.outbox.acked[1]);
        fixture_done(&f);
}
END_TEST

START_TEST(a_loss_of_the_link_rewinds_both) {
        Fixture f;

        fixture_make(&f, 0);
        f.high.n_messages = 1;
        (void) uplink_run(f.link.uplink);
        uplink_lost(f.link.uplink, LINK_END_OTHER);
        f.link.n_published = 0;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "A123");
        fixture_done(&f);
}
END_TEST

/* The pace ------------------------------------------------------------------------------------------ */

static void assert_waits_a_second(const Fixture *f) {
        uint64_t now_us = boottime_us();

        ck_assert_uint_gt(uplink_deadline_us(f->link.uplink), now_us);
        ck_assert_uint_le(uplink_deadline_us(f->link.uplink), now_us + USEC_PER_SEC);
}

START_TEST(a_backlog_is_paced_and_high_priority_is_not) {
        Fixture f;

        fixture_make(&f, 0);
        uplink_set_pace(f.link.uplink, 1, 2);
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "12");
        assert_waits_a_second(&f);
        ck_assert(uplink_has_backlog(f.link.uplink));

        f.high.n_messages = 2;
        f.outbox.n_messages = 4; /* waits behind the backlog, and is one */
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "12AB");
        assert_waits_a_second(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(what_comes_while_nothing_waits_is_not_paced) {
        Fixture f;

        fixture_make(&f, 0);
        uplink_set_pace(f.link.uplink, 1, 1);
        f.outbox.n_messages = 0;
        (void) uplink_run(f.link.uplink);
        ck_assert(!uplink_has_backlog(f.link.uplink));
        f.outbox.n_messages = 3;
        (void) uplink_run(f.link.uplink);
        check_published_all(&f);
        ck_assert_uint_eq(uplink_deadline_us(f.link.uplink), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(after_a_loss_what_was_in_flight_is_paced_too) {
        Fixture f;

        fixture_make(&f, 0);
        uplink_set_pace(f.link.uplink, 1, 3);
        (void) uplink_run(f.link.uplink);
        check_published_all(&f);
        ck_assert_uint_eq(uplink_deadline_us(f.link.uplink), UINT64_MAX);
        uplink_lost(f.link.uplink, LINK_END_OTHER);
        f.link.n_published = 0;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "");
        assert_waits_a_second(&f);

        f.link.is_offline = true;
        (void) uplink_run(f.link.uplink);
        ck_assert_uint_eq(uplink_deadline_us(f.link.uplink), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

/* Poison -------------------------------------------------------------------------------------------- */

static void lose(Fixture *f, LinkEnd end) {
        uplink_lost(f->link.uplink, end);
        f->link.n_published = 0;
        (void) uplink_run(f->link.uplink);
}

static void ack(Fixture *f, uint64_t sequence) {
        uplink_acked(f->link.uplink, sequence);
        (void) uplink_run(f->link.uplink);
}

/* The hub has closed three times on message 1; the last time it was alone. */
static void fixture_make_withheld(Fixture *f, uint64_t n_messages) {
        fixture_make(f, 0);
        f->outbox.n_messages = n_messages;
        (void) uplink_run(f->link.uplink);
        lose(f, LINK_END_CLOSED);
        lose(f, LINK_END_CLOSED);
        assert_published(f, "1");
        lose(f, LINK_END_CLOSED);
}

START_TEST(a_suspect_that_is_acknowledged_is_none) {
        Fixture f;

        fixture_make(&f, 0);
        (void) uplink_run(f.link.uplink);
        lose(&f, LINK_END_BROKEN);
        lose(&f, LINK_END_BROKEN);
        assert_published(&f, "1");
        ack(&f, 1);
        assert_published(&f, "123");
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_that_the_hub_closes_on_is_set_aside_once_another_one_got_through) {
        Fixture f;

        fixture_make_withheld(&f, 3);
        assert_published(&f, "2");
        ack(&f, 2);
        assert_published(&f, "21");
        lose(&f, LINK_END_CLOSED);
        ck_assert_uint_eq(f.dead_letters.sequence, 1);
        /* Until it is on disk nothing happens. */
        assert_published(&f, "");
        ck_assert_int_eq(f.outcome, -1);
        ck_assert(!f.outbox.acked[1]);

        f.dead_letters.done(f.dead_letters.userdata, "message-1", 0);
        (void) uplink_run(f.link.uplink);
        ck_assert(f.outbox.acked[1]);
        ck_assert_int_eq(f.outcome, STAGE_REFUSED);
        assert_published(&f, "3");
        ck_assert_uint_eq(f.outbox.n_given_up[OUTBOX_DROP_POISON], 1);
        ck_assert_int_eq(f.link.notice, PROBLEM_POISON_MESSAGE);
        ck_assert_str_eq(f.link.notice_detail, "1");
        fixture_done(&f);
}
END_TEST

START_TEST(that_the_disk_fails_is_a_notice_while_it_does) {
        Fixture f;

        fixture_make_withheld(&f, 3);
        f.link.notice_detail[0] = '\0';
        f.outboxes.storage_error = EIO;
        (void) uplink_run(f.link.uplink);
        ck_assert_int_eq(f.link.notice, PROBLEM_STORAGE);
        ck_assert_int_eq(strncmp(f.link.notice_detail, strerror(EIO), 7), 0);
        f.outboxes.storage_error = 0;
        (void) uplink_run(f.link.uplink);
        ck_assert_int_eq(f.link.notice, PROBLEM_NONE);
        fixture_done(&f);
}
END_TEST

START_TEST(a_hub_that_takes_no_message_costs_none) {
        Fixture f;

        fixture_make_withheld(&f, 3);
        for (unsigned i = 0; i < 10; i++) {
                assert_published(&f, "2");
                lose(&f, LINK_END_CLOSED);
                assert_published(&f, "1");
                lose(&f, LINK_END_CLOSED);
        }
        ck_assert_uint_eq(f.dead_letters.sequence, 0);
        ck_assert_uint_eq(f.outbox.n_acked, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(a_suspect_without_another_message_leaves_the_link_in_peace) {
        Fixture f;

        fixture_make_withheld(&f, 1);
        assert_published(&f, "");
        ck_assert_uint_gt(uplink_deadline_us(f.link.uplink), boottime_us() + 50 * USEC_PER_SEC);
        ck_assert_uint_lt(uplink_deadline_us(f.link.uplink), boottime_us() + 70 * USEC_PER_SEC);
        f.link.is_offline = true;
        ck_assert_uint_eq(uplink_deadline_us(f.link.uplink), UINT64_MAX);

        /* Now there is one. */
        f.link.is_offline = false;
        f.outbox.n_messages = 2;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "2");
        ck_assert_uint_eq(uplink_deadline_us(f.link.uplink), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(a_suspect_that_expired_is_forgotten) {
        Fixture f;

        fixture_make_withheld(&f, 3);
        f.outbox.acked[1] = true;
        lose(&f, LINK_END_OTHER);
        assert_published(&f, "23");
        fixture_done(&f);
}
END_TEST

START_TEST(a_suspect_that_is_gone_does_not_hold_up_the_other_priority) {
        Fixture f;

        fixture_make(&f, 0);
        f.outbox.n_messages = 1;
        (void) uplink_run(f.link.uplink);
        lose(&f, LINK_END_CLOSED);
        uplink_lost(f.link.uplink, LINK_END_CLOSED);
        f.link.n_published = 0;
        f.outbox.acked[1] = true; /* expired */
        f.outbox.head = 2;
        f.high.n_messages = 2;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "AB");
        fixture_done(&f);
}
END_TEST

START_TEST(a_suspect_is_compared_with_a_message_of_high_priority_too) {
        Fixture f;

        fixture_make_withheld(&f, 1);
        f.high.n_messages = 2;
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "A");
        ack(&f, HIGH(1));
        assert_published(&f, "A1");
        lose(&f, LINK_END_CLOSED);
        ck_assert_uint_eq(f.dead_letters.sequence, 1);
        f.dead_letters.done(f.dead_letters.userdata, "message-1", 0);
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "B");
        fixture_done(&f);
}
END_TEST

START_TEST(alarms_that_get_through_do_not_hide_a_suspect) {
        Fixture f;

        fixture_make(&f, 0);
        f.outbox.n_messages = 1;
        for (f.high.n_messages = 1; f.high.n_messages <= 2; f.high.n_messages++) {
                (void) uplink_run(f.link.uplink);
                assert_published(&f, f.high.n_messages == 1 ? "A1" : "1B");
                ack(&f, HIGH(f.high.n_messages));
                lose(&f, LINK_END_CLOSED);
        }
        /* Alone, although there is an alarm; when that is withheld, the alarm goes first. */
        assert_published(&f, "1");
        (void) uplink_run(f.link.uplink);
        assert_published(&f, "1");
        lose(&f, LINK_END_CLOSED);
        assert_published(&f, "C");
        ack(&f, HIGH(3));
        assert_published(&f, "C1");
        lose(&f, LINK_END_CLOSED);
        ck_assert_uint_eq(f.dead_letters.sequence, 1);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_that_cannot_be_set_aside_is_tried_again) {
        Fixture f;

        fixture_make_withheld(&f, 3);
        ack(&f, 2);
        f.dead_letters.error = -ENOSPC;
        lose(&f, LINK_END_CLOSED);
        ck_assert(!f.outbox.acked[1]);
        assert_published(&f, "13");
        fixture_done(&f);
}
END_TEST

static Suite *uplink_suite(void) {
        Suite *s = suite_create("uplink");
        TCase *t = tcase_create("uplink");

        tcase_add_test(t, messages_are_published_in_order_and_delivered_once_the_outbox_is_beyond_them);
        tcase_add_test(t, a_message_without_room_is_held_and_goes_first);
        tcase_add_test(t, a_message_that_can_never_be_sent_is_refused_and_out_of_the_way);
        tcase_add_test(t, no_memory_costs_the_link_and_no_message);
        tcase_add_loop_test(t, who_waits_for_a_dropped_message_hears_why, 0, ELEMENTSOF(drops));
        suite_add_tcase(s, t);

        t = tcase_create("priorities");
        tcase_add_test(t, high_priority_goes_first);
        tcase_add_test(t, an_acknowledgement_counts_for_its_priority_alone);
        tcase_add_test(t, a_loss_of_the_link_rewinds_both);
        suite_add_tcase(s, t);

        t = tcase_create("pace");
        tcase_add_test(t, a_backlog_is_paced_and_high_priority_is_not);
        tcase_add_test(t, what_comes_while_nothing_waits_is_not_paced);
        tcase_add_test(t, after_a_loss_what_was_in_flight_is_paced_too);
        suite_add_tcase(s, t);

        t = tcase_create("poison");
        tcase_add_test(t, a_suspect_that_is_acknowledged_is_none);
        tcase_add_test(t, a_message_that_the_hub_closes_on_is_set_aside_once_another_one_got_through);
        tcase_add_test(t, a_hub_that_takes_no_message_costs_none);
        tcase_add_test(t, a_suspect_without_another_message_leaves_the_link_in_peace);
        tcase_add_test(t, a_suspect_that_expired_is_forgotten);
        tcase_add_test(t, a_suspect_that_is_gone_does_not_hold_up_the_other_priority);
        tcase_add_test(t, a_suspect_is_compared_with_a_message_of_high_priority_too);
        tcase_add_test(t, alarms_that_get_through_do_not_hide_a_suspect);
        tcase_add_test(t, a_message_that_cannot_be_set_aside_is_tried_again);
        tcase_add_test(t, that_the_disk_fails_is_a_notice_while_it_does);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(uplink_suite)
