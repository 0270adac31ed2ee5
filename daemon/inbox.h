/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The inbox: messages from the cloud, kept on disk until a local program has settled them. One file each
 * (daemon/inbox-file.h), in a directory that belongs to the inbox alone:
 *
 *      message-000000000001 …  a message; the number rises with each
 *      ids                     which messages came last, also those that are settled
 *      *.damaged-1 … -4        what could not be read, set aside for a person to look at
 *
 * A message is accepted, and its PUBACK let go, once its file and the directory are synced. Until then it
 * waits in memory: for the disk, for the disk to work again, or for room. While it waits the hub has it too.
 *
 *      inbox_receive()  →  (stored)  →  ack()
 *                              ↓
 *                      inbox_taker_wait()  →  give()  →  inbox_taker_settle()  →  settled()
 *                              ↑                 ↓
 *                              +--- inbox_taker_free()
 *
 * Repeats. A hub that had no PUBACK in time, or lost the connection, sends a message again. It is the same
 * message if it has the sender's message id and the payload in common with one that waits, is in the inbox,
 * or is among the last 256 that were stored. Where the sender gave no id, equal messages may be meant, so bag
 * and payload have to be equal and there has to be evidence: the hub misses the PUBACK, because the message
 * waits here or its connection was lost meanwhile, and it was not yet repeated on this connection, or the
 * hub's lock on it has run out. MQTT's DUP flag alone is none: nothing may have come yet of what it repeats.
 * PUBACKs of all deliveries of a message leave when it is safe.
 *
 * All functions belong to the loop thread. The disk thread does what may wait for the disk; its results come
 * by disk_dispatch(). Nothing here reads a clock.
 */

#include <azure/core/az_span.h>
#include <mqtt/link.h>

#include "daemon/disk.h"
#include "daemon/log.h"

/*
 * What waits in memory: as much as a hub has under way, 50 messages of 64 KiB with their properties, or as
 * many small ones as the link takes without PUBACK. What comes beyond that is left to come again.
 */
#define INBOX_WAITING_BYTES_MAX (50U * 80U * 1024U)
#define INBOX_WAITING_MAX       MQTT_RECEIVE_DEFAULT

/* Deliveries of one waiting message that are kept track of, one a minute. 50 times so many are fewer than
 * MQTT_RECEIVE_DEFAULT, beyond which the link would stop reading. */
#define INBOX_DELIVERIES_MAX 4U

/*
 * "The lock is fixed at one minute": a hub does not send a message again earlier on the same connection. The
 * DUP flag makes up for clocks that differ: with it half of that is enough.
 */
#define INBOX_LOCK_US (UINT64_C(60) * 1000 * 1000)

/* Messages that one taker may have at a time. They cost little; more are a program that forgets to settle. */
#define INBOX_UNSETTLED_MAX 64U

typedef struct Inbox Inbox;
typedef struct InboxTaker InboxTaker;

typedef struct InboxTime {
        uint64_t boottime_us; /* CLOCK_BOOTTIME */
        uint64_t realtime_us; /* CLOCK_REALTIME: what a message expires by */
} InboxTime;

typedef struct InboxConfig {
        const char *directory; /* created with mode 0700 if it is missing (not its parents) */
        uint64_t max_messages;
        uint64_t max_bytes; /* of the files together; the largest message must fit */
} InboxConfig;

/* A message as the hub delivers it. All spans are copied. */
typedef struct InboxDelivery {
        az_span bag; /* the properties as they stand in the topic */
        az_span payload;
        az_span message_id;  /* decoded; empty: none */
        uint64_t expires_us; /* CLOCK_REALTIME; 0: never */
        bool dup;            /* MQTT says that it is a repeat */
        MqttAck ack;
} InboxDelivery;

/* A message as its taker gets it. The spans live until the callback returns. */
typedef struct InboxMessage {
        uint64_t sequence; /* names it in inbox_taker_settle() */
        uint64_t received_us, expires_us;
        bool redelivered; /* it was given before */
        az_span bag, payload;
} InboxMessage;

/* None of these may call back into the inbox, except inbox_taker_wait() and inbox_taker_settle(). */
typedef struct InboxOps {
        /* The message is safe: its PUBACK may leave. */
        void (*ack)(void *userdata, MqttAck ack);
        /* Ends a taker's wait: with a message, or with NULL when its time is over. */
        void (*give)(void *userdata, void *taker_userdata, const InboxMessage *message);
        /* Answers inbox_taker_settle(): 0, or the errno (positive) for which the message is still there. */
        void (*settled)(void *userdata, void *token, int error);
} InboxOps;

typedef struct InboxStats {
        uint64_t messages, bytes; /* on disk, those included that are taken */
        uint64_t capacity_messages, capacity_bytes;
        uint64_t n_waiting;  /* in memory, without PUBACK */
        uint64_t n_repeated; /* deliveries that were repeats, since inbox_open() */
        uint64_t n_expired;  /* messages that expired before a program took them, since inbox_open() */
        uint64_t n_damaged;  /* messages that could not be read back */
        char stalled[160];   /* why messages wait, for people; empty: they do not, or just for their turn */
} InboxStats;

/*
 * Opens the inbox and takes up what is in it. Reads every message once and may block: call it before the loop
 * runs. Damaged files are set aside and logged; a directory that cannot be used costs no message: those of
 * the hub wait, and it is tried again. All pointers must outlive the inbox. Returns 0 or -ENOMEM.
 */
int inbox_open(Inbox **ret, Disk *disk, const InboxConfig *config, const InboxOps *ops, void *userdata,
               const Log *log, const InboxTime *now);
/* All takers must be gone. Waits for the jobs under way; what waits in memory the hub sends again. */
Inbox *inbox_free(Inbox *inbox);
DEFINE_CLEANUP(Inbox *, inbox_free)

/* A message has come: ack() follows at once for a repeat of what is safe, otherwise in its time. */
void inbox_receive(Inbox *inbox, const InboxDelivery *delivery, const InboxTime *now);
/* The connection is gone, and with it the PUBACKs that were not let go. */
void inbox_lost(Inbox *inbox);
/* No message is on its way to the disk; one that waits for more than that does not count. */
bool inbox_is_drained(const Inbox *inbox);
/*
 * Asks once, after inbox_run_due(), that the connection be made anew: a delivery was not kept track of, a
 * minute ago or before messages could be stored again. Its PUBACK will not leave, and holds up the others.
 */
bool inbox_wants_reconnect(Inbox *inbox);

/* Other limits than those of the InboxConfig. What is stored stays; inbox_run_due() stores what there is room
 * for. */
void inbox_set_limits(Inbox *inbox, uint64_t max_messages, uint64_t max_bytes);

uint64_t inbox_deadline_us(const Inbox *inbox); /* CLOCK_BOOTTIME; UINT64_MAX: no timer */
void inbox_run_due(Inbox *inbox, const InboxTime *now);
void inbox_get_stats(const Inbox *inbox, InboxStats *ret);

/* A connection that takes messages. Returns -ENOMEM. */
int inbox_taker_new(InboxTaker **ret, Inbox *inbox, void *userdata);
/* What it had taken and not settled is given again, in its old place. */
InboxTaker *inbox_taker_free(InboxTaker *taker);

/* Conditions of the functions below. */
enum {
        INBOX_TOO_MANY = 1, /* the taker has INBOX_UNSETTLED_MAX messages */
        INBOX_GONE,         /* the message is not this taker's (any more) */
};

/* Waits for the oldest message that nobody has, until 'until_us'; give() follows, never before the return. */
int inbox_taker_wait(InboxTaker *taker, uint64_t until_us, const InboxTime *now);
/* Ends a wait without give(). */
void inbox_taker_cancel(InboxTaker *taker);

/* Removes a message that the taker has. 0: settled() follows, with 'token', not before the return. */
int inbox_taker_settle(InboxTaker *taker, uint64_t sequence, void *token);
/* Nobody waits for settled() any more. */
void inbox_settle_forget(Inbox *inbox, void *token);
