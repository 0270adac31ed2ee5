/* SPDX-License-Identifier: MIT */

#include "hubsim/c2d-message.h"

#include "unit.h"

#define SECOND      USEC_PER_SEC
#define LOCK_US     (60 * SECOND)
#define EXPIRES_US  (3600 * SECOND) /* of every message here, in wall time */
#define ENQUEUED_US UINT64_C(1773044130250000)

/* A queue of messages 1, 2, 3 ... */
static void fill(C2dQueue *queue, uint64_t n) {
        *queue = C2D_QUEUE_NULL;
        for (uint64_t i = 1; i <= n; i++) {
                C2dMessage *m = calloc(1, sizeof(*m));

                ck_assert_ptr_nonnull(m);
                m->number = i;
                m->expires_us = EXPIRES_US;
                c2d_queue_add(queue, m);
        }
}

static void deliver_all(C2dQueue *queue, uint64_t now_us) {
        C2dMessage *m;

        while ((m = c2d_queue_next(queue)))
                ck_assert_int_eq(c2d_queue_deliver(queue, m, now_us, LOCK_US), 0);
}

/* What the PUBACK with the packet identifier of message 'number' does. */
static C2dAnswer answer(C2dQueue *queue, uint64_t number, uint64_t now_us) {
        const C2dMessage copy = { .number = number };
        C2dMessage *m = NULL;
        C2dAnswer a = c2d_queue_answer(queue, c2d_message_packet_id(&copy), now_us, &m);

        if (a == C2D_ANSWER_COMPLETED) {
                ck_assert_uint_eq(m->number, number);
                c2d_message_free(c2d_queue_remove(queue, m));
        }
        return a;
}

START_TEST(messages_are_delivered_in_order_and_once) {
        _cleanup_(c2d_queue_done) C2dQueue queue;

        fill(&queue, 3);
        for (uint64_t i = 1; i <= 3; i++) {
                C2dMessage *m = c2d_queue_next(&queue);

                ck_assert_uint_eq(m->number, i);
                ck_assert(!m->was_delivered);
                ck_assert_int_eq(c2d_queue_deliver(&queue, m, 0, LOCK_US), 0);
                ck_assert(m->was_delivered);
        }
        ck_assert_ptr_null(c2d_queue_next(&queue));
}
END_TEST

/* All delivered at 0; then PUBACKs. */
static const struct {
        struct {
                uint64_t number, at_us;
                C2dAnswer answer;
        } steps[3];
        size_t n_left;
} answers[] = {
        { { { 1, SECOND, C2D_ANSWER_COMPLETED }, { 2, SECOND, C2D_ANSWER_COMPLETED } }, 1 },
        { { { 1, LOCK_US - 1, C2D_ANSWER_COMPLETED } }, 2 },
        { { { 1, LOCK_US, C2D_ANSWER_LOCK_LOST }, { 2, LOCK_US, C2D_ANSWER_LOCK_LOST } }, 3 },
        { { { 2, SECOND, C2D_ANSWER_OUT_OF_ORDER } }, 3 },
        { { { 4, SECOND, C2D_ANSWER_LOCK_LOST }, { 1, SECOND, C2D_ANSWER_COMPLETED } }, 2 },
        { { { 1, SECOND, C2D_ANSWER_COMPLETED }, { 1, SECOND, C2D_ANSWER_LOCK_LOST } }, 2 },
};

START_TEST(puback_completes_in_order_and_in_time) {
        _cleanup_(c2d_queue_done) C2dQueue queue;

        fill(&queue, 3);
        deliver_all(&queue, 0);
        for (size_t i = 0; i < 3 && answers[_i].steps[i].number > 0; i++)
                ck_assert_int_eq(answer(&queue, answers[_i].steps[i].number, answers[_i].steps[i].at_us),
                                 answers[_i].steps[i].answer);
        ck_assert_uint_eq(queue.n_messages, answers[_i].n_left);
}
END_TEST

START_TEST(each_delivery_wants_a_puback_of_its_own) {
        _cleanup_(c2d_queue_done) C2dQueue queue;

        fill(&queue, 1);
        deliver_all(&queue, 0);
        c2d_queue_unlock(&queue, LOCK_US - 1);
        ck_assert_ptr_null(c2d_queue_next(&queue));
        c2d_queue_unlock(&queue, LOCK_US);
        deliver_all(&queue, LOCK_US);

        ck_assert_int_eq(answer(&queue, 1, LOCK_US + 1), C2D_ANSWER_LOCK_LOST);
        ck_assert_int_eq(answer(&queue, 1, LOCK_US + 1), C2D_ANSWER_COMPLETED);
}
END_TEST

START_TEST(lost_connection_counts_and_an_ended_lock_does_not) {
        _cleanup_(c2d_queue_done) C2dQueue queue;
        C2dStatus status;

        fill(&queue, 1);
        for (unsigned i = 0; i < C2D_DELIVERIES_MAX; i++) {
                ck_assert_uint_eq(queue.first->n_deliveries, i);
                ck_assert_ptr_null(c2d_queue_find_dead(&queue, 0, &status));
                deliver_all(&queue, 0);
                c2d_queue_unlock(&queue, LOCK_US);
                ck_assert_uint_eq(queue.first->n_deliveries, i);
                deliver_all(&queue, LOCK_US);
                c2d_queue_disconnect(&queue);
                ck_assert_int_eq(answer(&queue, 1, LOCK_US), C2D_ANSWER_LOCK_LOST);
        }
        ck_assert_ptr_eq(c2d_queue_find_dead(&queue, 0, &status), queue.first);
        ck_assert_int_eq(status, C2D_DELIVERY_COUNT_EXCEEDED);
}
END_TEST

START_TEST(message_expires_unless_a_delivery_is_under_way) {
        _cleanup_(c2d_queue_done) C2dQueue queue;
        C2dStatus status;

        fill(&queue, 2);
        ck_assert_int_eq(c2d_queue_deliver(&queue, c2d_queue_next(&queue), 0, LOCK_US), 0);
        ck_assert_ptr_null(c2d_queue_find_dead(&queue, EXPIRES_US - 1, &status));
        ck_assert_ptr_eq(c2d_queue_find_dead(&queue, EXPIRES_US, &status), queue.first->next);
        ck_assert_int_eq(status, C2D_EXPIRED);
        c2d_queue_unlock(&queue, LOCK_US);
        ck_assert_ptr_eq(c2d_queue_find_dead(&queue, EXPIRES_US, &status), queue.first);
}
END_TEST

START_TEST(deadline_is_the_next_lock_or_expiry) {
        _cleanup_(c2d_queue_done) C2dQueue queue;

        fill(&queue, 0);
        ck_assert_uint_eq(c2d_queue_deadline_us(&queue, SECOND, 0), UINT64_MAX);
        c2d_queue_done(&queue);
        fill(&queue, 2);
        ck_assert_uint_eq(c2d_queue_deadline_us(&queue, SECOND, 0), SECOND + EXPIRES_US);
        ck_assert_uint_eq(c2d_queue_deadline_us(&queue, SECOND, EXPIRES_US + 1), SECOND);
        deliver_all(&queue, SECOND);
        ck_assert_uint_eq(c2d_queue_deadline_us(&queue, 2 * SECOND, EXPIRES_US + 1), SECOND + LOCK_US);
}
END_TEST

START_TEST(device_that_never_answers_is_sent_so_much_and_no_more) {
        _cleanup_(c2d_queue_done) C2dQueue queue;
        uint64_t now_us = 0;
        C2dMessage *m;
        unsigned n = 0;

        fill(&queue, 1);
        while (n <= C2D_UNANSWERED_MAX && (m = c2d_queue_next(&queue))) {
                ck_assert_int_eq(c2d_queue_deliver(&queue, m, now_us, LOCK_US), 0);
                now_us += LOCK_US;
                c2d_queue_unlock(&queue, now_us);
                n++;
        }
        ck_assert_uint_eq(n, C2D_UNANSWERED_MAX);
}
END_TEST

START_TEST(packet_identifier_is_never_zero) {
        static const struct {
                uint64_t number;
                uint16_t packet_id;
        } rows[] = { { 1, 2 }, { 65534, 65535 }, { 65535, 1 }, { UINT64_C(131070), 1 } };
        const C2dMessage m = { .number = rows[_i].number };

        ck_assert_uint_eq(c2d_message_packet_id(&m), rows[_i].packet_id);
}
END_TEST

static const struct {
        C2dAck ack;
        bool success, expired;
} acks[] = {
        { C2D_ACK_NONE, false, false },
        { C2D_ACK_POSITIVE, true, false },
        { C2D_ACK_NEGATIVE, false, true },
        { C2D_ACK_FULL, true, true },
};

START_TEST(feedback_is_what_was_asked_for) {
        ck_assert_int_eq(c2d_ack_wants(acks[_i].ack, C2D_SUCCESS), acks[_i].success);
        ck_assert_int_eq(c2d_ack_wants(acks[_i].ack, C2D_EXPIRED), acks[_i].expired);
}
END_TEST

START_TEST(status_has_a_name_of_its_own) {
        ck_assert_int_eq(c2d_status_from_string(c2d_status_to_string((C2dStatus) _i)), _i);
        ck_assert_int_eq(c2d_status_from_string("success"), _C2D_STATUS_INVALID);
}
END_TEST

/* Messages -------------------------------------------------------------------------------------------- */

#define TO "%24.to=%2Fdevices%2Fpump-17%2Fmessages%2FdeviceBound"

static const IpcMapEntry pairs[] = {
        { AZ_SPAN_LITERAL_FROM_STR("a"), AZ_SPAN_LITERAL_FROM_STR("") },
        { AZ_SPAN_LITERAL_FROM_STR("b-._~"), AZ_SPAN_LITERAL_FROM_STR("x y/+&=#%") },
};

static const struct {
        C2dRequest request;
        C2dForm form;
        const char *bag;
} topics[] = {
        { { .ack = _C2D_ACK_INVALID }, {}, TO },
        { { .ack = C2D_ACK_NONE }, {}, TO "&iothub-ack=none" },
        { { .message_id = AZ_SPAN_LITERAL_FROM_STR("m1"),
            .correlation_id = AZ_SPAN_LITERAL_FROM_STR("c/1"),
            .user_id = AZ_SPAN_LITERAL_FROM_STR("u"),
            .content_type = AZ_SPAN_LITERAL_FROM_STR("application/json"),
            .content_encoding = AZ_SPAN_LITERAL_FROM_STR("utf-8"),
            .ttl_s = 60,
            .ack = C2D_ACK_FULL },
          {},
          TO "&%24.mid=m1&%24.cid=c%2F1&%24.uid=u&%24.ct=application%2Fjson&%24.ce=utf-8"
             "&%24.exp=2026-03-09T08%3A16%3A30.250Z&iothub-ack=full" },
        { { .properties = { pairs, 2 }, .ack = _C2D_ACK_INVALID },
          {},
          TO "&a=&b-._~=x%20y%2F%2B%26%3D%23%25" },
        { { .properties = { pairs, 1 }, .ack = _C2D_ACK_INVALID },
          { .bare_keys = true, .question_mark = true },
          "?" TO "&a" },
        { { .properties = { pairs + 1, 1 }, .ack = _C2D_ACK_INVALID },
          { .bare_keys = true },
          TO "&b-._~=x%20y%2F%2B%26%3D%23%25" },
};

START_TEST(topic_is_written_as_the_hub_does) {
        _cleanup_(c2d_message_freep) C2dMessage *m = NULL;
        static const char prefix[] = "devices/pump-17/messages/devicebound/";
        C2dRequest request = topics[_i].request;
        az_span topic;

        request.device = "pump-17";
        ck_assert_int_eq(c2d_message_new(&request, topics[_i].form, ENQUEUED_US, &m), 0);
        topic = buffer_span(&m->topic);
        ck_assert_int_eq(az_span_size(topic), (int) (strlen(prefix) + strlen(topics[_i].bag)));
        ck_assert_mem_eq(az_span_ptr(topic), prefix, strlen(prefix));
        ck_assert_mem_eq(az_span_ptr(topic) + strlen(prefix), topics[_i].bag, strlen(topics[_i].bag));
        ck_assert_uint_eq(m->expires_us, ENQUEUED_US + (request.ttl_s > 0 ? 60 : 3600) * SECOND);
}
END_TEST

/* Bytes of the body, and what they make with "a=bc" and message id "m". */
static const struct {
        int32_t n_body;
        int result;
} sizes[] = { { 0, 0 }, { 65536 - 4, 0 }, { 65536 - 3, C2D_TOO_LARGE } };

START_TEST(body_and_properties_have_64_kib) {
        static uint8_t body[65536];
        const IpcMapEntry pair = { AZ_SPAN_LITERAL_FROM_STR("a"), AZ_SPAN_LITERAL_FROM_STR("bc") };
        C2dRequest request = {
                .device = "pump-17",
                .body = az_span_create(body, sizes[_i].n_body),
                .message_id = AZ_SPAN_FROM_STR("m"),
                .properties = { &pair, 1 },
        };
        _cleanup_(c2d_message_freep) C2dMessage *m = NULL;

        ck_assert_int_eq(c2d_message_new(&request, (C2dForm){}, 0, &m), sizes[_i].result);
}
END_TEST

static Suite *hubsim_c2d_queue_suite(void) {
        Suite *s = suite_create("hubsim-c2d-queue");
        TCase *t = tcase_create("c2d_queue");

        tcase_add_test(t, messages_are_delivered_in_order_and_once);
        tcase_add_loop_test(t, puback_completes_in_order_and_in_time, 0, ELEMENTSOF(answers));
        tcase_add_test(t, each_delivery_wants_a_puback_of_its_own);
        tcase_add_test(t, lost_connection_counts_and_an_ended_lock_does_not);
        tcase_add_test(t, message_expires_unless_a_delivery_is_under_way);
        tcase_add_test(t, deadline_is_the_next_lock_or_expiry);
        tcase_add_test(t, device_that_never_answers_is_sent_so_much_and_no_more);
        tcase_add_loop_test(t, packet_identifier_is_never_zero, 0, 4);
        tcase_add_loop_test(t, feedback_is_what_was_asked_for, 0, ELEMENTSOF(acks));
        tcase_add_loop_test(t, status_has_a_name_of_its_own, 0, _C2D_STATUS_MAX);
        suite_add_tcase(s, t);

        t = tcase_create("c2d_message_new");
        tcase_add_loop_test(t, topic_is_written_as_the_hub_does, 0, ELEMENTSOF(topics));
        tcase_add_loop_test(t, body_and_properties_have_64_kib, 0, ELEMENTSOF(sizes));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_c2d_queue_suite)
