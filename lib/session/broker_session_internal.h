/* SPDX-License-Identifier: MIT */
#ifndef _az_BROKER_SESSION_INTERNAL_H
#define _az_BROKER_SESSION_INTERNAL_H

/* What the files of the broker session share; not part of the public API. */

#include <session/broker_session.h>
#include <session/session_internal.h>

_az_BEGIN_DECLS

/* Reason codes from here on are errors (MQTT 5.0, 2.4). */
#define _az_BROKER_REASON_ERROR 0x80

/* broker_session_table.c: returns the row, or NULL if there is none. */
AZ_NODISCARD az_broker_session_transition const *_az_broker_session_find_transition(
        az_broker_session_state from, az_broker_session_trigger on);

/* broker_session_schedule.c: how bad a loss is, and when the next attempt is. */

/* The session is started or stopped: nothing counts any more. */
void _az_broker_session_forget_losses(az_broker_session *s);

/* Counts the loss in 'lost', of which loss, reason_code and from are set; may find another reason for it. */
void _az_broker_session_judge_loss(az_broker_session *s, az_broker_event *lost, uint64_t now_us);

/* broker_session_publish.c: what is sent. */

/* The link is up: everything that is not acknowledged is to be sent, as new in a new session. */
void _az_broker_session_rewind_publishes(az_broker_session *s, size_t window, bool is_session_lost);

/* Pops a message that will not be acknowledged any more, the oldest first. */
AZ_NODISCARD bool _az_broker_session_give_up_publish(az_broker_session *s, az_broker_event *out_event);

/* broker_session_request.c: what is subscribed to. */

/* The link is up: the same for requests; in a new session, all filters are to be subscribed to anew. */
void _az_broker_session_rewind_requests(az_broker_session *s, bool is_session_lost);

/* Pops an answer. */
AZ_NODISCARD bool _az_broker_session_next_answer(az_broker_session *s, az_broker_event *out_event);

/* Pops a request that will not be answered any more, the oldest first; forgets all filters. */
AZ_NODISCARD bool _az_broker_session_give_up_request(az_broker_session *s, az_broker_event *out_event);

/* Whether there are filters that the broker does not know yet, in a new session. */
AZ_NODISCARD AZ_INLINE bool _az_broker_session_is_resubscribing(az_broker_session const *s) {
        return s->_internal.filters.n_again > 0;
}

/* Whether what comes in now may be sent. */
AZ_NODISCARD AZ_INLINE bool _az_broker_session_may_send(az_broker_session const *s) {
        return s->_internal.state == AZ_BROKER_SESSION_LIVE ||
               s->_internal.state == AZ_BROKER_SESSION_REAUTHENTICATING;
}

/* Whether a publish or a request is taken. */
AZ_NODISCARD AZ_INLINE bool _az_broker_session_is_open(az_broker_session const *s) {
        return s->_internal.state != AZ_BROKER_SESSION_STOPPED &&
               s->_internal.state != AZ_BROKER_SESSION_STOPPING;
}

_az_END_DECLS

#endif
