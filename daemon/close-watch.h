/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MQTT 3.1.1 has no word for "too much": a hub that throttles a device, or whose daily quota is used up,
 * closes the connection when it is sent a message, and says no more (IoT Hub, error codes 429002 and 403002).
 * So it does for a message that it does not like, and when another device has the same identity. This tells
 * them apart by how often it happens, and for how long:
 *
 *      one message in question   the first time that it closes without having acknowledged anything
 *      throttled                 the second time in a row; or the third time that a connection over which it
 *                                had acknowledged messages for a while was closed with some under way
 *      quota                     five times in a row, over ten minutes, without one acknowledgement; or it
 *                                refuses the connection after two of them
 *
 * It does no I/O and reads no clock.
 */

#include "daemon/diagnosis.h"

/* Zeros: nothing has happened. */
typedef struct CloseWatch {
        uint64_t begun_us;  /* of the present connection */
        bool is_heard;      /* it has brought an acknowledgement */
        unsigned n_heard;   /* closes in a row with messages under way, after an acknowledgement */
        unsigned n_unheard; /* and without one */
        uint64_t first_us;  /* of those */
} CloseWatch;

/* A connection stands. */
void close_watch_begin(CloseWatch *w, uint64_t now_us);

/* The hub has acknowledged a message. */
void close_watch_heard(CloseWatch *w);

/*
 * The connection ended; 'on_publish': the hub closed it with a message under way. Returns what there is to be
 * said of that: CLOSED_ON_PUBLISH, HUB_THROTTLES, QUOTA; NONE: nothing that would not be said anyway.
 */
Problem close_watch_ended(CloseWatch *w, bool on_publish, uint64_t now_us);

/* The hub refused a connection, as not available, or closed it instead of an answer. QUOTA or NONE. */
Problem close_watch_refused(const CloseWatch *w);

/* How long the hub has acknowledged nothing, if it is QUOTA. */
uint64_t close_watch_silence_us(const CloseWatch *w, uint64_t now_us);
