/* SPDX-License-Identifier: MIT */
#include "broker-session-fixture.h"

az_broker_session_options options(void) {
        az_broker_session_options o = az_broker_session_options_default();

        o.random_seed = 42;
        o.has_token = true;
        return o;
}

void init(World *w, const az_broker_session_options *o) {
        const az_broker_session_memory memory = {
                .in_flight = w->in_flight,
                .n_in_flight = ELEMENTSOF(w->in_flight),
                .waiting = w->waiting,
                .n_waiting = ELEMENTSOF(w->waiting),
                .requests = w->requests,
                .n_requests = ELEMENTSOF(w->requests),
                .filters = w->filters,
                .n_filters = ELEMENTSOF(w->filters),
        };

        ck_assert_int_eq(az_broker_session_init(&w->s, o, &memory), AZ_OK);
}

uint64_t ms(uint32_t n) {
        return n == NEVER ? UINT64_MAX : n * USEC_PER_MSEC;
}

static az_result connected(World *w, bool session_present, uint64_t now_us) {
        const az_broker_session_connack connack = {
                .session_present = session_present,
                .window = w->window > 0 ? w->window : ELEMENTSOF(w->in_flight),
                .renew_us = w->renew_in_ms > 0 ? now_us + w->renew_in_ms * USEC_PER_MSEC : UINT64_MAX,
        };

        return az_broker_session_connected(&w->s, &connack, now_us);
}

az_result feed(World *w, Input input, int arg, uint64_t now_us) {
        switch (input) {
        case START:
                return az_broker_session_start(&w->s, now_us);
        case STOP:
                return az_broker_session_stop(&w->s, arg, now_us);
        case CONNECTED:
                return connected(w, true, now_us);
        case CONNECTED_TO_NEW:
                return connected(w, false, now_us);
        case LOST:
                return az_broker_session_lost(&w->s, (az_broker_loss) (arg & 0xFF), (uint8_t) (arg >> 8),
                                              now_us);
        case TIMEOUT:
                return az_broker_session_timeout(&w->s, now_us);
        case RENEW:
                return az_broker_session_renew(&w->s, now_us);
        case DRAINED:
                return az_broker_session_drained(&w->s, now_us);
        case CLOSED:
                return az_broker_session_closed(&w->s, now_us);
        case RECONNECT_NOW:
                return az_broker_session_reconnect_now(&w->s, now_us);
        case TOKEN_CHANGED:
                return az_broker_session_token_changed(&w->s, now_us);
        case REAUTHENTICATED:
                return az_broker_session_reauthenticated(&w->s, now_us);
        case _END:
                break;
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

az_broker_session_state state_of(const World *w) {
        return az_broker_session_get_status(&w->s).state;
}

az_broker_event pop(World *w) {
        az_broker_event event, none;

        ck_assert(az_broker_session_next_event(&w->s, &event));
        ck_assert(!az_broker_session_next_event(&w->s, &none));
        return event;
}

az_broker_event give(World *w, Input input, int arg, uint32_t at_ms) {
        ck_assert_int_eq(feed(w, input, arg, ms(at_ms)), AZ_OK);
        return pop(w);
}

void init_in(World *w, az_broker_session_state state) {
        az_broker_session_options o = options();

        init(w, &o);
        if (state == S(STOPPED))
                return;
        (void) give(w, START, 0, 0);
        if (state == S(CONNECTING))
                return;
        if (state == S(BACKOFF)) {
                (void) give(w, LOST, R(NOT_AUTHORIZED), 0);
                return;
        }
        (void) give(w, CONNECTED, 0, 0);
        if (state == S(LIVE))
                return;
        if (state == S(STOPPING)) {
                (void) give(w, STOP, 0, 0);
                return;
        }
        if (state == S(REAUTHENTICATING)) {
                (void) give(w, TOKEN_CHANGED, 0, 0);
                return;
        }
        (void) give(w, RENEW, 0, 0);
        if (state == S(DRAINING))
                return;
        (void) give(w, DRAINED, 0, 0);
}

static void check_deadline(const World *w, const char *name, size_t i, const Step *step) {
        uint64_t deadline_us = az_broker_session_deadline_us(&w->s);
        uint64_t least_us = ms(step->deadline_ms);
        uint64_t most_us = step->latest_ms == 0 ? least_us : ms(step->latest_ms);

        ck_assert_msg(least_us <= deadline_us && deadline_us <= most_us, "'%s', step %zu: deadline %.3f ms",
                      name, i, (double) deadline_us / USEC_PER_MSEC);
}

void run_steps(World *w, const char *name, const Step *steps, size_t n_steps) {
        for (size_t i = 0; i < n_steps && steps[i].result != 0; i++) {
                const Step *step = &steps[i];
                az_broker_event event = { .type = NO_EVENT };
                az_result r = feed(w, step->input, step->arg, ms(step->at_ms));

                ck_assert_msg(r == step->result, "'%s', step %zu: %x", name, i, (unsigned) r);
                ck_assert_int_eq(az_broker_session_next_event(&w->s, &event), step->event != NO_EVENT);
                ck_assert_msg(event.type == step->event, "'%s', step %zu: event %s", name, i,
                              az_broker_event_type_to_string(event.type));
                ck_assert_msg(state_of(w) == step->state, "'%s', step %zu: state %s", name, i,
                              az_broker_session_state_to_string(state_of(w)));
                check_deadline(w, name, i, step);
        }
}
