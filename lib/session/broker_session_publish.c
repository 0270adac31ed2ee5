/* SPDX-License-Identifier: MIT */

/*
 * Two rings. 'waiting' has what was never sent. 'in_flight' has what was, and remembers it until it is
 * acknowledged: everything before 'next' was sent on this connection, everything from there on is to be sent
 * again. Numbers count up for ever; a message's number in 'in_flight' is its handle, and modulo the size its
 * place in the ring. A PUBACK that comes out of order leaves a hole, until all before it are acknowledged.
 */

#include <session/broker_session_internal.h>

/* Of a slot of 'in_flight'. */
enum {
        SLOT_DONE,
        SLOT_NEW, /* to be sent on as if it never was */
        SLOT_SENT
};

static az_broker_publish_slot *slot_of(az_broker_session *s, uint64_t handle) {
        return &s->_internal.memory.in_flight[handle % s->_internal.memory.n_in_flight];
}

static az_broker_publish_slot *waiting_of(az_broker_session *s, uint64_t number) {
        return &s->_internal.memory.waiting[number % s->_internal.memory.n_waiting];
}

static void make_published(az_broker_event *event, uint64_t token, az_broker_result result,
                           uint8_t reason_code) {
        *event = (az_broker_event){ .type = AZ_BROKER_EVENT_PUBLISHED };
        event->as.published.token = token;
        event->as.published.result = result;
        event->as.published.reason_code = reason_code;
}

static void report(az_broker_session *s, uint64_t token, az_broker_result result, uint8_t reason_code) {
        make_published(&s->_internal.event, token, result, reason_code);
        s->_internal.has_event = true;
}

void _az_broker_session_rewind_publishes(az_broker_session *s, size_t window, bool is_session_lost) {
        s->_internal.in_flight.next = s->_internal.in_flight.first;
        s->_internal.in_flight.n_sent = 0;
        s->_internal.in_flight.window = window;
        for (uint64_t i = s->_internal.in_flight.first; is_session_lost && i < s->_internal.in_flight.end;
             i++) {
                if (slot_of(s, i)->_state == SLOT_SENT)
                        slot_of(s, i)->_state = SLOT_NEW;
        }
}

/* Moves past what is acknowledged at the beginning of the ring. */
static void trim(az_broker_session *s) {
        while (s->_internal.in_flight.first < s->_internal.in_flight.end &&
               slot_of(s, s->_internal.in_flight.first)->_state == SLOT_DONE)
                s->_internal.in_flight.first++;
        if (s->_internal.in_flight.next < s->_internal.in_flight.first)
                s->_internal.in_flight.next = s->_internal.in_flight.first;
}

static void finish(az_broker_session *s, az_broker_publish_slot *slot) {
        slot->_state = SLOT_DONE;
        s->_internal.in_flight.n_open--;
        trim(s);
}

bool _az_broker_session_give_up_publish(az_broker_session *s, az_broker_event *out_event) {
        uint64_t token;

        if (s->_internal.in_flight.first < s->_internal.in_flight.end) {
                az_broker_publish_slot *slot = slot_of(s, s->_internal.in_flight.first);

                token = slot->_publish.token;
                finish(s, slot);
        } else if (s->_internal.waiting.first < s->_internal.waiting.end) {
                token = waiting_of(s, s->_internal.waiting.first++)->_publish.token;
        } else {
                return false;
        }
        make_published(out_event, token, AZ_BROKER_RESULT_STOPPED, 0);
        return true;
}

bool az_broker_session_has_room(az_broker_session const *s) {
        return s->_internal.waiting.end - s->_internal.waiting.first < s->_internal.memory.n_waiting;
}

az_result az_broker_session_publish(az_broker_session *s, az_broker_publish const *publish) {
        if (publish->qos > 1)
                return AZ_ERROR_ARG;
        if (!_az_broker_session_is_open(s))
                return AZ_ERROR_NOT_SUPPORTED;
        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (!az_broker_session_has_room(s)) {
                switch (s->_internal.options.when_full) {
                case AZ_BROKER_WHEN_FULL_DROP_NEWEST:
                        report(s, publish->token, AZ_BROKER_RESULT_DROPPED, 0);
                        return AZ_OK;
                case AZ_BROKER_WHEN_FULL_DROP_OLDEST:
                        report(s, waiting_of(s, s->_internal.waiting.first++)->_publish.token,
                               AZ_BROKER_RESULT_DROPPED, 0);
                        break;
                case AZ_BROKER_WHEN_FULL_REJECT:
                case _AZ_BROKER_WHEN_FULL_MAX:
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
                }
        }
        waiting_of(s, s->_internal.waiting.end++)->_publish = *publish;
        return AZ_OK;
}

/* Skips what was acknowledged already: a PUBACK may have come out of order before the loss. */
static az_broker_publish_slot *next_resend(az_broker_session *s) {
        while (s->_internal.in_flight.next < s->_internal.in_flight.end) {
                az_broker_publish_slot *slot = slot_of(s, s->_internal.in_flight.next);

                if (slot->_state != SLOT_DONE)
                        return slot;
                s->_internal.in_flight.next++;
        }
        return NULL;
}

/* Takes out what is next to be sent, and says why it is not. */
static void drop_next(az_broker_session *s, az_broker_result result, uint8_t reason_code) {
        az_broker_publish_slot *slot = next_resend(s);
        uint64_t token;

        if (slot) {
                token = slot->_publish.token;
                finish(s, slot);
        } else {
                token = waiting_of(s, s->_internal.waiting.first++)->_publish.token;
        }
        report(s, token, result, reason_code);
}

bool az_broker_session_next_publish(az_broker_session *s, uint64_t now_us, az_broker_next_publish *out_next) {
        az_broker_publish_slot *slot;
        az_broker_publish const *publish;

        if (!_az_broker_session_may_send(s) || _az_broker_session_is_resubscribing(s) ||
            s->_internal.has_event)
                return false;
        if (s->_internal.in_flight.n_sent >= s->_internal.in_flight.window)
                return false;
        slot = next_resend(s);
        if (slot && slot->_state == SLOT_NEW && slot->_publish.expires_us <= now_us) {
                drop_next(s, AZ_BROKER_RESULT_EXPIRED, 0);
                return false;
        }
        if (slot) {
                *out_next = (az_broker_next_publish){
                        .token = slot->_publish.token,
                        .handle = s->_internal.in_flight.next,
                        .is_resend = slot->_state == SLOT_SENT,
                        .packet_id = slot->_state == SLOT_SENT ? slot->_packet_id : 0,
                };
                return true;
        }

        if (s->_internal.waiting.first == s->_internal.waiting.end)
                return false;
        publish = &waiting_of(s, s->_internal.waiting.first)->_publish;
        if (publish->expires_us <= now_us) {
                drop_next(s, AZ_BROKER_RESULT_EXPIRED, 0);
                return false;
        }
        if (s->_internal.in_flight.end - s->_internal.in_flight.first == s->_internal.memory.n_in_flight)
                return false;
        *out_next = (az_broker_next_publish){
                .token = publish->token,
                .handle = publish->qos > 0 ? s->_internal.in_flight.end : 0,
        };
        return true;
}

void az_broker_session_sent(az_broker_session *s, uint16_t packet_id) {
        az_broker_publish_slot *slot = next_resend(s);
        az_broker_publish publish;

        if (!slot) {
                publish = waiting_of(s, s->_internal.waiting.first++)->_publish;
                if (publish.qos == 0) {
                        report(s, publish.token, AZ_BROKER_RESULT_OK, 0);
                        return;
                }
                slot = slot_of(s, s->_internal.in_flight.end++);
                slot->_publish = publish;
                s->_internal.in_flight.n_open++;
        }
        slot->_packet_id = packet_id;
        slot->_state = SLOT_SENT;
        s->_internal.in_flight.next++;
        s->_internal.in_flight.n_sent++;
}

void az_broker_session_unsendable(az_broker_session *s, uint8_t reason_code) {
        drop_next(s, AZ_BROKER_RESULT_REFUSED, reason_code);
}

az_result az_broker_session_puback(az_broker_session *s, uint64_t handle, uint8_t reason_code) {
        az_broker_publish_slot *slot = slot_of(s, handle);

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (handle < s->_internal.in_flight.first || handle >= s->_internal.in_flight.next ||
            slot->_state != SLOT_SENT)
                return AZ_ERROR_ITEM_NOT_FOUND;

        s->_internal.in_flight.n_sent--;
        report(s, slot->_publish.token,
               reason_code < _az_BROKER_REASON_ERROR ? AZ_BROKER_RESULT_OK : AZ_BROKER_RESULT_REFUSED,
               reason_code);
        finish(s, slot);
        return AZ_OK;
}

bool az_broker_session_is_idle(az_broker_session const *s) {
        return s->_internal.in_flight.n_sent == 0 && s->_internal.requests.n_sent == 0 &&
               s->_internal.filters.n_sent == 0;
}
