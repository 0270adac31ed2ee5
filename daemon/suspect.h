/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Finds the message, should there be one, for which the hub closes the connection whenever it is sent, so
 * that it does not keep the link and everything behind it down for ever.
 *
 * MQTT 3.1.1 has no refusal of a single message: a hub closes, and says no more. It closes just so for a
 * device that is throttled or whose daily quota is used up, when it is restarted, and when a second device
 * uses the same identity. No message may be given up for any of these. So one is convicted only in steps:
 *
 *   suspected  Twice in a row a connection ended while this message was the oldest one unacknowledged of its
 *              priority, and before anything of that priority was acknowledged. From now on it is sent with
 *              no other in flight. Of each priority the oldest is sent first, so there may be two such
 *              messages: then the one that was so the last time, or else the one of high priority.
 *   withheld   Sent so, the hub closed the connection, with or without a TLS alert but without a reset, after
 *              the whole message had left. Or it broke, for the fifth time. The next message goes first,
 *              alone.
 *   on trial   The hub has acknowledged that one, so it takes messages. Over this same connection the suspect
 *              is sent, alone again.
 *   convicted  The hub closed again.
 *
 * An acknowledgement ends the suspicion. Every other end of a connection leads back to "suspected", also if
 * the hub closes on the other message: then it takes none at all. While there is no other message to compare
 * with, the suspect is withheld, so that methods, twin and cloud-to-device messages have a link, and is sent
 * again after a minute, two, four ... an hour.
 *
 * The price: a suspect that was innocent after all reaches the hub behind the one message that went first.
 *
 * Messages are named by their tokens. It does no I/O and reads no clock.
 */

#include "daemon/hub-link.h"
#include "daemon/message-token.h"

/* Which message may be published next. */
typedef enum SuspectPermit {
        SUSPECT_ANY,
        SUSPECT_NOTHING, /* wait for an acknowledgement */
        SUSPECT_ITSELF,  /* the suspect and no other */
        SUSPECT_ANOTHER, /* any but the suspect; if there is none: suspect_is_due() */
} SuspectPermit;

typedef enum SuspectStage {
        SUSPECT_NONE,
        SUSPECT_ALONE,
        SUSPECT_WITHHELD,
} SuspectStage;

/* Zeros: nobody is suspected. */
typedef struct Suspect {
        SuspectStage stage;
        uint64_t token;    /* 0: none */
        unsigned n_losses; /* in a row that found it so */
        uint64_t pause_us;
        uint64_t retry_us;

        /* Of the present connection. */
        struct {
                uint64_t first; /* published first; 0: nothing was */
                bool is_heard;  /* something was acknowledged */
        } fronts[_PRIORITY_MAX];
        unsigned n_in_flight, n_acked;
        bool is_sent; /* the suspect is in flight */
} Suspect;

SuspectPermit suspect_permit(const Suspect *s);

/* Whether to send the suspect although there is no other message to compare it with. */
bool suspect_is_due(const Suspect *s, uint64_t now_us);

/* When suspect_is_due() will say so; UINT64_MAX: it is not waited for. */
uint64_t suspect_deadline_us(const Suspect *s);

void suspect_published(Suspect *s, uint64_t token);
void suspect_acked(Suspect *s, uint64_t token);

/* The suspect is gone: it expired, say. */
void suspect_forget(Suspect *s);

/* The connection is over. Returns true if the suspect is convicted; then nobody is suspected any more. */
bool suspect_lost(Suspect *s, LinkEnd end, uint64_t now_us);
