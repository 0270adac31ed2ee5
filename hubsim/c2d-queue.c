/* SPDX-License-Identifier: MIT */

#include "hubsim/c2d-queue.h"

#include <assert.h>

static const char *const statuses[_C2D_STATUS_MAX] = {
        [C2D_SUCCESS] = "Success",
        [C2D_EXPIRED] = "Expired",
        [C2D_DELIVERY_COUNT_EXCEEDED] = "DeliveryCountExceeded",
        [C2D_PURGED] = "Purged",
};

const char *const c2d_ack_names[] = { "none", "positive", "negative", "full", NULL };

const char *c2d_status_to_string(C2dStatus status) {
        return statuses[status];
}

C2dStatus c2d_status_from_string(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (strcmp(statuses[i], text) == 0)
                        return (C2dStatus) i;
        return _C2D_STATUS_INVALID;
}

bool c2d_ack_wants(C2dAck ack, C2dStatus status) {
        return ack == C2D_ACK_FULL || ack == (status == C2D_SUCCESS ? C2D_ACK_POSITIVE : C2D_ACK_NEGATIVE);
}

C2dMessage *c2d_message_free(C2dMessage *message) {
        if (!message)
                return NULL;

        free(message->message_id);
        ipc_buffer_done(&message->topic);
        ipc_buffer_done(&message->payload);
        free(message);
        return NULL;
}

/* No two of a queue have the same one, and it is the same after a restart. */
uint16_t c2d_message_packet_id(const C2dMessage *message) {
        return (uint16_t) (message->number % UINT16_MAX + 1);
}

void c2d_queue_done(C2dQueue *queue) {
        while (queue->first)
                c2d_message_free(c2d_queue_remove(queue, queue->first));
        ipc_buffer_done(&queue->unanswered);
}

void c2d_queue_add(C2dQueue *queue, C2dMessage *message) {
        C2dMessage **p = &queue->first;

        assert(!c2d_queue_is_full(queue));
        queue->last_number = MAX(queue->last_number, message->number);

        while (*p)
                p = &(*p)->next;
        message->next = NULL;
        *p = message;
        queue->n_messages++;
}

bool c2d_queue_is_full(const C2dQueue *queue) {
        return queue->n_messages >= C2D_QUEUE_MAX;
}

C2dMessage *c2d_queue_find(const C2dQueue *queue, uint64_t number) {
        for (C2dMessage *m = queue->first; m; m = m->next)
                if (m->number == number)
                        return m;
        return NULL;
}

C2dMessage *c2d_queue_remove(C2dQueue *queue, C2dMessage *message) {
        for (C2dMessage **p = &queue->first; *p; p = &(*p)->next)
                if (*p == message) {
                        *p = message->next;
                        queue->n_messages--;
                        break;
                }
        return message;
}

C2dMessage *c2d_queue_next(const C2dQueue *queue) {
        if (ipc_buffer_size(&queue->unanswered) >= C2D_UNANSWERED_MAX * sizeof(C2dDelivery))
                return NULL;

        for (C2dMessage *m = queue->first; m; m = m->next)
                if (m->delivery == 0)
                        return m;
        return NULL;
}

int c2d_queue_deliver(C2dQueue *queue, C2dMessage *message, uint64_t now_us, uint64_t lock_us) {
        C2dDelivery d = {
                .number = message->number,
                .delivery = queue->last_delivery + 1,
                .packet_id = c2d_message_packet_id(message),
        };
        int r;

        r = buffer_append(&queue->unanswered, &d, sizeof(d));
        if (r < 0)
                return r;

        queue->last_delivery = d.delivery;
        message->delivery = d.delivery;
        message->lock_end_us = now_us + lock_us;
        message->was_delivered = true;
        return 0;
}

/* Returns the place of the oldest delivery with this packet identifier that waits for PUBACK, or -1. */
static int c2d_queue_find_delivery(const C2dQueue *queue, uint16_t packet_id, C2dDelivery *ret) {
        const uint8_t *p = az_span_ptr(buffer_span(&queue->unanswered));
        size_t n = ipc_buffer_size(&queue->unanswered) / sizeof(*ret);

        for (size_t i = 0; i < n; i++) {
                memcpy(ret, p + i * sizeof(*ret), sizeof(*ret));
                if (ret->packet_id == packet_id)
                        return (int) i;
        }
        return -1;
}

C2dAnswer c2d_queue_answer(C2dQueue *queue, uint16_t packet_id, uint64_t now_us, C2dMessage **ret_message) {
        C2dDelivery d;
        C2dMessage *m;
        int place;

        place = c2d_queue_find_delivery(queue, packet_id, &d);
        if (place < 0)
                return C2D_ANSWER_LOCK_LOST;
        if (place > 0)
                return C2D_ANSWER_OUT_OF_ORDER;
        ipc_buffer_consume(&queue->unanswered, sizeof(d));

        m = c2d_queue_find(queue, d.number);
        if (!m || m->delivery != d.delivery || m->lock_end_us <= now_us)
                return C2D_ANSWER_LOCK_LOST;

        *ret_message = m;
        return C2D_ANSWER_COMPLETED;
}

void c2d_queue_unlock(C2dQueue *queue, uint64_t now_us) {
        for (C2dMessage *m = queue->first; m; m = m->next)
                if (m->lock_end_us <= now_us)
                        m->delivery = 0;
}

void c2d_queue_disconnect(C2dQueue *queue) {
        for (C2dMessage *m = queue->first; m; m = m->next)
                if (m->delivery != 0) {
                        m->delivery = 0;
                        m->n_deliveries++;
                }
        ipc_buffer_done(&queue->unanswered);
}

C2dMessage *c2d_queue_find_dead(const C2dQueue *queue, uint64_t wall_us, C2dStatus *ret_status) {
        for (C2dMessage *m = queue->first; m; m = m->next)
                if (m->delivery == 0 && (m->expires_us <= wall_us || m->n_deliveries >= C2D_DELIVERIES_MAX)) {
                        *ret_status = m->expires_us <= wall_us ? C2D_EXPIRED : C2D_DELIVERY_COUNT_EXCEEDED;
                        return m;
                }
        return NULL;
}

uint64_t c2d_queue_deadline_us(const C2dQueue *queue, uint64_t now_us, uint64_t wall_us) {
        uint64_t deadline_us = UINT64_MAX;

        for (const C2dMessage *m = queue->first; m; m = m->next)
                if (m->delivery != 0)
                        deadline_us = MIN(deadline_us, m->lock_end_us);
                else
                        deadline_us = MIN(deadline_us,
                                          now_us + (m->expires_us > wall_us ? m->expires_us - wall_us : 0));
        return deadline_us;
}
