/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The cloud-to-device messages of one device and where each stands. No I/O; times are arguments: 'now_us' is
 * CLOCK_BOOTTIME, 'wall_us' CLOCK_REALTIME.
 *
 *      enqueued ──delivered──► invisible ──PUBACK while its lock holds──► gone: Success
 *         │ ▲                     │
 *         │ └── the lock ended, or the connection did, which counts ──────┘
 *         ├── its time has passed ──────────────────────────────► gone: Expired
 *         └── the connection ended C2D_DELIVERIES_MAX times under it ► gone: DeliveryCountExceeded
 *
 * The delivery count is that of deliveries that ended with their connection; a lock that ends by time does
 * not add to it, so that a device which is only slow loses nothing.
 *
 * A delivery is one PUBLISH. Each has to be answered by a PUBACK of its own, in the order of delivery; a
 * message that is delivered again keeps its packet identifier, so the first PUBACK answers the first of them.
 *
 * Source: "Understand cloud-to-device messaging from an IoT hub"; MQTT 3.1.1, §4.3.2, §4.4, §4.6.
 */

#include "hubsim/buffer.h"

#define C2D_QUEUE_MAX      50U
#define C2D_DELIVERIES_MAX 10U

/* A device that never sends PUBACK is sent no more than this on one connection. */
#define C2D_UNANSWERED_MAX 1000U

/* What becomes of a message; for the back end, if it asked. */
typedef enum C2dStatus {
        C2D_SUCCESS,
        C2D_EXPIRED,
        C2D_DELIVERY_COUNT_EXCEEDED,
        C2D_PURGED,
        _C2D_STATUS_MAX,
        _C2D_STATUS_INVALID = -EINVAL,
} C2dStatus;

const char *c2d_status_to_string(C2dStatus status);
C2dStatus c2d_status_from_string(const char *text);

/* Which feedback the back end wants. */
typedef enum C2dAck {
        C2D_ACK_NONE,
        C2D_ACK_POSITIVE,
        C2D_ACK_NEGATIVE,
        C2D_ACK_FULL,
        _C2D_ACK_MAX,
        _C2D_ACK_INVALID = -EINVAL,
} C2dAck;

/* Their names, ended by NULL. */
extern const char *const c2d_ack_names[];

bool c2d_ack_wants(C2dAck ack, C2dStatus status);

typedef struct C2dMessage {
        struct C2dMessage *next;
        uint64_t number;  /* rises by one with each message of the device */
        char *message_id; /* "": it has none */
        IpcBuffer topic, payload;
        C2dAck ack;
        uint64_t enqueued_us, expires_us; /* CLOCK_REALTIME */
        bool was_delivered;               /* the next time is a repetition */
        unsigned n_deliveries;            /* that ended with their connection */
        uint64_t delivery;                /* the one that holds the lock, 0 while it is enqueued */
        uint64_t lock_end_us;             /* while it is invisible */
} C2dMessage;

C2dMessage *c2d_message_free(C2dMessage *message);
DEFINE_CLEANUP(C2dMessage *, c2d_message_free)

uint16_t c2d_message_packet_id(const C2dMessage *message);

typedef struct C2dDelivery {
        uint64_t number;   /* of the message */
        uint64_t delivery; /* serial number */
        uint16_t packet_id;
} C2dDelivery;

typedef struct C2dQueue {
        C2dMessage *first; /* oldest first */
        size_t n_messages;
        uint64_t last_number, last_delivery;
        IpcBuffer unanswered; /* C2dDelivery of the present connection, oldest first */
} C2dQueue;

#define C2D_QUEUE_NULL ((C2dQueue){ .first = NULL })

void c2d_queue_done(C2dQueue *queue);

/* Takes a message, which there must be room for. A new one has the number last_number + 1. */
void c2d_queue_add(C2dQueue *queue, C2dMessage *message);
bool c2d_queue_is_full(const C2dQueue *queue);
C2dMessage *c2d_queue_find(const C2dQueue *queue, uint64_t number);

/* Unlinks it; it is the caller's then. */
C2dMessage *c2d_queue_remove(C2dQueue *queue, C2dMessage *message);

/* The one to be delivered next; NULL: none now. */
C2dMessage *c2d_queue_next(const C2dQueue *queue);

/* It is being sent: locks it for so long. */
int c2d_queue_deliver(C2dQueue *queue, C2dMessage *message, uint64_t now_us, uint64_t lock_us);

typedef enum C2dAnswer {
        C2D_ANSWER_COMPLETED,    /* 'message' is done: remove it */
        C2D_ANSWER_LOCK_LOST,    /* too late, it comes or came again; or nothing waits for it any more */
        C2D_ANSWER_OUT_OF_ORDER, /* an older delivery waits for its PUBACK */
        _C2D_ANSWER_MAX,
        _C2D_ANSWER_INVALID = -EINVAL,
} C2dAnswer;

/* A PUBACK came. */
C2dAnswer c2d_queue_answer(C2dQueue *queue, uint16_t packet_id, uint64_t now_us, C2dMessage **ret_message);

/* Enqueues again those whose lock has ended. */
void c2d_queue_unlock(C2dQueue *queue, uint64_t now_us);

/* The connection is gone: enqueues again what it had been given, and counts that. */
void c2d_queue_disconnect(C2dQueue *queue);

/* A message that is to be dropped, and why; NULL: none. */
C2dMessage *c2d_queue_find_dead(const C2dQueue *queue, uint64_t wall_us, C2dStatus *ret_status);

/* When to call c2d_queue_unlock() or c2d_queue_find_dead() again, as a time of CLOCK_BOOTTIME; UINT64_MAX:
 * never. */
uint64_t c2d_queue_deadline_us(const C2dQueue *queue, uint64_t now_us, uint64_t wall_us);
