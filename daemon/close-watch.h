/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MQTT 3.1.1 has no word for "too much": a hub that throttles a device, or whose daily quota is used up,
 * closes the connection when it is sent a message, and says no more (IoT Hub, error codes 429002 and 403002).
 * So it does for a message that it does not like, and when another device has the same identity. This tells
 * them apart by how often it happens, and for how long:
 *
 *      one message in question   the first time that it closes without having acknowledged anything
 *      throttled                 the second time in a row; or the second time in a row that it closes with
 *                                messages under way of which one has had to wait for three seconds, and
 *                                from then on each time, until a connection has lived for ten minutes
 *      quota                     five times in a row, over ten minutes, without one acknowledgement; or it
 *                                refuses the connection after two of them; or the first time, if it has said
 *                                so in answer to a request about the twin
 *
 * It does no I/O and reads no clock.
 */

#include "daemon/diagnosis.h"

/* Zeros: nothing has happened. */
typedef struct CloseWatch {
        /* Of the present connection. One message at a time is timed. */
        uint64_t begun_us;
        bool is_heard; /* it has brought an acknowledgement */
        bool is_timed; /* 'token' is under way */
        uint64_t token;
        uint64_t sent_us;
        uint64_t worst_us; /* that one had to wait, as far as it was timed */

        /* Of the last ones: closes in a row on a message. */
        unsigned n_slow;    /* with acknowledgements that came late */
        unsigned n_unheard; /* without any */
        bool is_told;       /* that the quota is used up, and nothing was acknowledged since */
        uint64_t first_us;  /* of those */
} CloseWatch;

/* A connection stands. */
void close_watch_begin(CloseWatch *w, uint64_t now_us);

/* A message is under way; the hub has acknowledged one. Tokens are those of hub_link_publish(). */
void close_watch_published(CloseWatch *w, uint64_t token, uint64_t now_us);
void close_watch_heard(CloseWatch *w, uint64_t token, uint64_t now_us);

/* The hub answered a request by 403002, "IotHubQuotaExceeded". */
void close_watch_told(CloseWatch *w);

/*
 * The connection ended; 'on_publish': the hub closed it with a message under way. Returns what there is to be
 * said of that: CLOSED_ON_PUBLISH, HUB_THROTTLES, QUOTA; NONE: nothing that would not be said anyway.
 */
Problem close_watch_ended(CloseWatch *w, bool on_publish, uint64_t now_us);

/* The hub refused a connection, as not available, or closed it instead of an answer. QUOTA or NONE. */
Problem close_watch_refused(const CloseWatch *w);

/* How long the hub has acknowledged nothing, if it is QUOTA. */
uint64_t close_watch_silence_us(const CloseWatch *w, uint64_t now_us);
