/* SPDX-License-Identifier: MIT */

/*
 * A ring of requests, of which the first 'n_sent' are under way, and later the first 'n_answered' answered;
 * and the set of filters that are subscribed to, which a new session has to be told first. One batch is under
 * way at a time: requests, or filters again.
 */

#include <session/broker_session_internal.h>

/* Of a filter. */
enum {
        FILTER_HELD,
        FILTER_AGAIN, /* to be subscribed to anew; the first n_sent of these are under way */
        FILTER_REFUSED
};

static az_broker_request_slot *request_of(az_broker_session *s, uint64_t number) {
        return &s->_internal.memory.requests[number % s->_internal.memory.n_requests];
}

static az_broker_filter_slot *find_filter(az_broker_session *s, uint64_t filter) {
        for (size_t i = 0; i < s->_internal.filters.n; i++) {
                if (s->_internal.memory.filters[i]._filter == filter)
                        return &s->_internal.memory.filters[i];
        }
        return NULL;
}

static void remove_filter(az_broker_session *s, az_broker_filter_slot *slot) {
        if (slot->_state == FILTER_AGAIN)
                s->_internal.filters.n_again--;
        /* Their order tells which are under way. */
        s->_internal.filters.n--;
        for (; slot < &s->_internal.memory.filters[s->_internal.filters.n]; slot++)
                *slot = slot[1];
}

static void add_filter(az_broker_session *s, uint64_t filter) {
        if (!find_filter(s, filter))
                s->_internal.memory.filters[s->_internal.filters.n++] =
                        (az_broker_filter_slot){ ._filter = filter, ._state = FILTER_HELD };
}

void _az_broker_session_rewind_requests(az_broker_session *s, bool is_session_lost) {
        s->_internal.requests.n_sent = 0;
        s->_internal.filters.n_sent = 0;
        for (size_t i = 0; is_session_lost && i < s->_internal.filters.n; i++) {
                if (s->_internal.memory.filters[i]._state != FILTER_HELD)
                        continue;
                s->_internal.memory.filters[i]._state = FILTER_AGAIN;
                s->_internal.filters.n_again++;
        }
}

/* Each subscription that is asked for may need a slot of its own. */
static bool has_filter_slot(az_broker_session *s) {
        size_t n = s->_internal.filters.n;

        for (uint64_t i = s->_internal.requests.first; i < s->_internal.requests.end; i++) {
                if (request_of(s, i)->_request.type == AZ_BROKER_SUBSCRIBE)
                        n++;
        }
        return n < s->_internal.memory.n_filters;
}

az_result az_broker_session_request(az_broker_session *s, az_broker_request const *request) {
        if (!_az_broker_session_is_open(s))
                return AZ_ERROR_NOT_SUPPORTED;
        if (s->_internal.requests.end - s->_internal.requests.first == s->_internal.memory.n_requests ||
            (request->type == AZ_BROKER_SUBSCRIBE && !has_filter_slot(s)))
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        *request_of(s, s->_internal.requests.end++) = (az_broker_request_slot){ ._request = *request };
        return AZ_OK;
}

static size_t next_filters(az_broker_session const *s, az_broker_request *out_requests, size_t max) {
        size_t n = 0;

        for (size_t i = 0; i < s->_internal.filters.n && n < max; i++) {
                if (s->_internal.memory.filters[i]._state == FILTER_AGAIN)
                        out_requests[n++] = (az_broker_request){
                                .type = AZ_BROKER_SUBSCRIBE,
                                .filter = s->_internal.memory.filters[i]._filter,
                        };
        }
        return n;
}

size_t az_broker_session_next_requests(az_broker_session *s, az_broker_request *out_requests, size_t max) {
        size_t n = 0;

        if (!_az_broker_session_may_send(s) || s->_internal.requests.n_sent > 0 ||
            s->_internal.requests.n_answered > 0 || s->_internal.filters.n_sent > 0)
                return 0;
        if (_az_broker_session_is_resubscribing(s))
                return next_filters(s, out_requests, max);
        for (uint64_t i = s->_internal.requests.first; i < s->_internal.requests.end && n < max; i++) {
                out_requests[n] = request_of(s, i)->_request;
                if (out_requests[n].type != out_requests[0].type)
                        break;
                n++;
        }
        return n;
}

void az_broker_session_requests_sent(az_broker_session *s, size_t n) {
        if (_az_broker_session_is_resubscribing(s))
                s->_internal.filters.n_sent = n;
        else
                s->_internal.requests.n_sent = n;
}

/* The first of the filters that are under way. */
static az_broker_filter_slot *first_again(az_broker_session *s) {
        az_broker_filter_slot *slot = s->_internal.memory.filters;

        while (slot->_state != FILTER_AGAIN)
                slot++;
        return slot;
}

static void answer_filters(az_broker_session *s, uint8_t const *reason_codes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                az_broker_filter_slot *slot = first_again(s);

                s->_internal.filters.n_again--;
                slot->_reason_code = reason_codes[i];
                slot->_state = reason_codes[i] < _az_BROKER_REASON_ERROR ? FILTER_HELD : FILTER_REFUSED;
                s->_internal.filters.n_refused += slot->_state == FILTER_REFUSED;
        }
        s->_internal.filters.n_sent = 0;
}

static void answer_requests(az_broker_session *s, uint8_t const *reason_codes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                az_broker_request_slot *slot = request_of(s, s->_internal.requests.first + i);
                az_broker_filter_slot *filter = find_filter(s, slot->_request.filter);

                slot->_reason_code = reason_codes[i];
                if (reason_codes[i] >= _az_BROKER_REASON_ERROR)
                        continue;
                if (slot->_request.type == AZ_BROKER_SUBSCRIBE)
                        add_filter(s, slot->_request.filter);
                else if (filter)
                        remove_filter(s, filter);
        }
        s->_internal.requests.n_sent = 0;
        s->_internal.requests.n_answered = n;
}

az_result az_broker_session_answered(az_broker_session *s, uint8_t const *reason_codes, size_t n) {
        if (n > 0 && n == s->_internal.filters.n_sent)
                answer_filters(s, reason_codes, n);
        else if (n > 0 && n == s->_internal.requests.n_sent)
                answer_requests(s, reason_codes, n);
        else
                return AZ_ERROR_ARG;
        return AZ_OK;
}

static void make_answered(az_broker_event *event, az_broker_request const *request, az_broker_result result,
                          uint8_t reason_code) {
        *event = (az_broker_event){ .type = AZ_BROKER_EVENT_ANSWERED };
        event->as.answered.request = *request;
        event->as.answered.result = result;
        event->as.answered.reason_code = reason_code;
}

static bool next_refused(az_broker_session *s, az_broker_event *out_event) {
        az_broker_filter_slot *slot = s->_internal.memory.filters;
        az_broker_request request = { .type = AZ_BROKER_SUBSCRIBE };

        if (s->_internal.filters.n_refused == 0)
                return false;
        while (slot->_state != FILTER_REFUSED)
                slot++;
        request.filter = slot->_filter;
        make_answered(out_event, &request, AZ_BROKER_RESULT_REFUSED, slot->_reason_code);
        out_event->as.answered.is_again = true;
        s->_internal.filters.n_refused--;
        remove_filter(s, slot);
        return true;
}

bool _az_broker_session_next_answer(az_broker_session *s, az_broker_event *out_event) {
        az_broker_request_slot const *slot = request_of(s, s->_internal.requests.first);

        if (s->_internal.requests.n_answered == 0)
                return next_refused(s, out_event);
        make_answered(out_event, &slot->_request,
                      slot->_reason_code < _az_BROKER_REASON_ERROR ? AZ_BROKER_RESULT_OK
                                                                   : AZ_BROKER_RESULT_REFUSED,
                      slot->_reason_code);
        s->_internal.requests.first++;
        s->_internal.requests.n_answered--;
        return true;
}

bool _az_broker_session_give_up_request(az_broker_session *s, az_broker_event *out_event) {
        s->_internal.filters.n = s->_internal.filters.n_again = s->_internal.filters.n_sent = 0;
        if (s->_internal.requests.first == s->_internal.requests.end)
                return false;
        make_answered(out_event, &request_of(s, s->_internal.requests.first)->_request,
                      AZ_BROKER_RESULT_STOPPED, 0);
        s->_internal.requests.first++;
        s->_internal.requests.n_sent = 0;
        return true;
}
