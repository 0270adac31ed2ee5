/* SPDX-License-Identifier: MIT */

/*
 * A disk, and a memory, that fail, between a hub that repeats what it has no PUBACK for and a program that
 * takes and settles. Whatever fails: no crash, no leak; afterwards each message was given, and none behind a
 * Settle that was answered.
 */

#include <errno.h>

#include "fault.h"
#include "inbox-fixture.h"

#define N_MESSAGES 6U

static Fixture fixture;
static Fixture *const f = &fixture;

/* What became of the message whose payload is this number. */
typedef struct Fate {
        bool is_acked;
        bool was_given;
        bool is_settled;
        bool came_again; /* after it was settled */
} Fate;

typedef struct Program {
        Fate fates[N_MESSAGES];
        InboxTaker *taker;
        bool is_waiting, has_message;
        unsigned number;   /* of the message that it has */
        uint64_t sequence; /* of it */
} Program;

static void on_ack(void *userdata, MqttAck ack) {
        Program *p = userdata;

        if (ack.epoch == f->epoch)
                p->fates[ack.sequence].is_acked = true;
}

static void on_give(void *userdata, void *taker_userdata, const InboxMessage *message) {
        Program *p = userdata;

        p->is_waiting = false;
        if (!message)
                return;
        p->has_message = true;
        p->sequence = message->sequence;
        p->number = (unsigned) (az_span_ptr(message->payload)[0] - '0');
        p->fates[p->number].was_given = true;
        p->fates[p->number].came_again = p->fates[p->number].is_settled;
}

static void on_settled(void *userdata, void *token, int error) {
        Program *p = userdata;

        p->has_message = error != 0;
        if (error == 0)
                p->fates[p->number].is_settled = true;
}

static const InboxOps ops = { .ack = on_ack, .give = on_give, .settled = on_settled };

/* The hub sends what it misses a PUBACK for. */
static void deliver(const Program *p) {
        char mid[] = "id-0", text[] = "0";

        for (unsigned i = 0; i < N_MESSAGES; i++) {
                if (p->fates[i].is_acked)
                        continue;
                text[0] = mid[3] = (char) ('0' + i);
                fixture_receive(f, i, mid, text);
        }
}

/* So many rounds of deliver, take, settle, over one connection and in one life of the daemon. */
static int story(Program *p, unsigned n_rounds) {
        int r;

        r = inbox_open(&f->inbox, f->disk, &f->config, &ops, p, &f->log, &f->now);
        if (r < 0)
                return r;
        p->taker = NULL;
        p->is_waiting = p->has_message = false;

        for (unsigned i = 0; i < n_rounds; i++) {
                deliver(p);
                disk_drain(f->disk);
                if (!p->taker)
                        (void) inbox_taker_new(&p->taker, f->inbox, NULL);
                if (p->taker && !p->is_waiting && !p->has_message) {
                        p->is_waiting = true;
                        (void) inbox_taker_wait(p->taker, UINT64_MAX, &f->now);
                }
                disk_drain(f->disk);
                if (p->has_message)
                        (void) inbox_taker_settle(p->taker, p->sequence, p);
                disk_drain(f->disk);
                fixture_pass(f, 3 * USEC_PER_SEC);
        }
        inbox_taker_free(p->taker);
        fixture_crash(f);
        return 0;
}

START_TEST(each_message_is_given_whichever_call_failed) {
        const FaultCase *fault = &fault_cases[_i];
        bool was_hit = true;

        for (int n = 1; was_hit; n++) {
                Program p = {};
                int r;

                fixture_init(f);
                f->config.directory = f->directory;
                if (fault->in_second)
                        ck_assert_int_eq(story(&p, 2), 0);

                fault_begin_case(fault, n);
                r = story(&p, 5);
                was_hit = fault_end();
                ck_assert_msg(r == 0 || (r == -ENOMEM && fault->kind == FAULT_MEMORY), "call %d: %d", n, r);

                ck_assert_int_eq(story(&p, 3 * N_MESSAGES), 0);
                for (unsigned i = 0; i < N_MESSAGES; i++) {
                        ck_assert_msg(p.fates[i].is_acked, "call %d: message %u is not acknowledged", n, i);
                        ck_assert_msg(p.fates[i].was_given, "call %d: message %u is lost", n, i);
                        ck_assert_msg(p.fates[i].is_settled, "call %d: message %u is still there", n, i);
                        ck_assert_msg(!p.fates[i].came_again, "call %d: message %u came again", n, i);
                }
                ck_assert_uint_eq(scratch_count_files(f->directory, "message-"), 0);
                fixture_done(f);
        }
}
END_TEST

static Suite *inbox_faults_suite(void) {
        Suite *s = suite_create("inbox-faults");
        TCase *t = tcase_create("faults");

        tcase_set_timeout(t, 60);
        tcase_add_loop_test(t, each_message_is_given_whichever_call_failed, 0, FAULT_CASES_MAX);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(inbox_faults_suite)
