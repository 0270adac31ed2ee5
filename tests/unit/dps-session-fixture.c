/* SPDX-License-Identifier: MIT */
#include "dps-session-fixture.h"

az_dps_session_options options(void) {
        az_dps_session_options o = az_dps_session_options_default();

        o.random_seed = 42;
        return o;
}

void init(az_dps_session *s) {
        az_dps_session_options o = options();

        ck_assert_int_eq(az_dps_session_init(s, str(HOST), str(SCOPE), str("pump-17"), &o), AZ_OK);
}

az_hub_session_time at(uint32_t second) {
        return (az_hub_session_time){ .now_us = second * USEC_PER_SEC, .unix_s = UNIX_S + second };
}

az_result feed(az_dps_session *s, Input input, int arg, az_hub_session_time time) {
        uint8_t const codes[] = { (uint8_t) arg, 0 };

        switch (input) {
        case START:
                return az_dps_session_start(s, time);
        case STOP:
                az_dps_session_stop(s);
                return AZ_OK;
        case SIGNED:
                return az_dps_session_signed(s, str(SIGNATURE), time);
        case SIGNED_SHORT:
                return az_dps_session_signed(s, str("c2hvcnQ="), time);
        case CONNECTED:
                return az_dps_session_connected(s, time);
        case REFUSED:
                return az_dps_session_refused(s, (uint8_t) arg, time);
        case SUBACK:
                return az_dps_session_suback(s, codes, 1, time);
        case SUBACK_TWO:
                return az_dps_session_suback(s, codes, 2, time);
        case LOST:
                return az_dps_session_lost(s, (az_dps_loss) arg, time);
        case TIMEOUT:
                return az_dps_session_timeout(s, time);
        case SET_CLOCK:
                return az_dps_session_clock_changed(s, time);
        case ANSWER:
                return answer(s, "202", ASSIGNING, time);
        case _END:
                break;
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

/* The id stands between the first '=' of the topic and what may follow it. */
static az_span request_id_of(const az_dps_session *s) {
        const char *begin = strchr(s->_internal.topic, '=');

        if (!begin)
                return AZ_SPAN_FROM_STR("0");
        return az_span_create((uint8_t *) begin + 1, (int32_t) strcspn(begin + 1, "&"));
}

az_result answer(az_dps_session *s, const char *status, const char *payload, az_hub_session_time time) {
        az_span id = request_id_of(s);
        char topic[128];

        (void) snprintf(topic, sizeof(topic), "$dps/registrations/res/%.3s/?$rid=%.*s%s", status,
                        az_span_size(id), (const char *) az_span_ptr(id), status + 3);
        return az_dps_session_message(s, str(topic), str(payload), time);
}

az_dps_session_state state_of(const az_dps_session *s) {
        return az_dps_session_get_status(s).state;
}

az_dps_event pop(az_dps_session *s) {
        az_dps_event event, none;

        ck_assert(az_dps_session_next_event(s, &event));
        ck_assert(!az_dps_session_next_event(s, &none));
        return event;
}

az_dps_event give(az_dps_session *s, Input input, int arg, uint32_t second) {
        ck_assert_int_eq(feed(s, input, arg, at(second)), AZ_OK);
        return pop(s);
}

az_dps_event give_answer(az_dps_session *s, const char *status, const char *payload, uint32_t second) {
        ck_assert_int_eq(answer(s, status, payload, at(second)), AZ_OK);
        return pop(s);
}

void init_in(az_dps_session *s, az_dps_session_state state) {
        init(s);
        if (state == AZ_DPS_SESSION_STOPPED)
                return;
        (void) give(s, START, 0, 0);
        if (state == AZ_DPS_SESSION_SIGNING)
                return;
        if (state == AZ_DPS_SESSION_BACKOFF) {
                (void) give(s, LOST, AZ_DPS_LOSS_SIGNING, 0);
                return;
        }
        (void) give(s, SIGNED, 0, 0);
        if (state == AZ_DPS_SESSION_CONNECTING)
                return;
        (void) give(s, CONNECTED, 0, 0);
        if (state == AZ_DPS_SESSION_SUBSCRIBING)
                return;
        (void) give(s, SUBACK, 1, 0);
        if (state == AZ_DPS_SESSION_REGISTERING)
                return;
        (void) give_answer(s, state == AZ_DPS_SESSION_WAITING_TO_REGISTER ? "429" : "202", ASSIGNING, 0);
        if (state == AZ_DPS_SESSION_WAITING_TO_REGISTER || state == AZ_DPS_SESSION_WAITING_TO_POLL)
                return;
        (void) give(s, TIMEOUT, 0, 3);
}

static az_dps_loss loss_of(const az_dps_event *event) {
        if (event->type == AZ_DPS_EVENT_WAIT)
                return event->as.wait.error.loss;
        if (event->type == AZ_DPS_EVENT_LOST)
                return event->as.lost.error.loss;
        return event->type == AZ_DPS_EVENT_FAILED ? event->as.failed.error.loss : AZ_DPS_LOSS_NONE;
}

static void check_deadline(const az_dps_session *s, const Script *script, const Step *step) {
        uint64_t deadline_us = az_dps_session_deadline_us(s);
        uint64_t least_us = step->deadline_s == NEVER ? UINT64_MAX : step->deadline_s * USEC_PER_SEC;
        uint64_t most_us = step->latest_s == 0 ? least_us : step->latest_s * USEC_PER_SEC;

        ck_assert_msg(least_us <= deadline_us && deadline_us <= most_us, "'%s', step %td: deadline %.6f s",
                      script->name, step - script->steps, (double) deadline_us / USEC_PER_SEC);
}

static void run_step(az_dps_session *s, const Script *script, const Step *step, int clock_s) {
        az_hub_session_time time = at(step->at_s);
        az_dps_event event = { .type = NO_EVENT };
        az_result r;

        time.unix_s += (uint64_t) (int64_t) clock_s;
        r = step->input == ANSWER ? answer(s, step->status, step->payload, time)
                                  : feed(s, step->input, step->arg, time);
        ck_assert_msg(r == step->result, "'%s', step %td: result %x", script->name, step - script->steps,
                      (unsigned) r);
        ck_assert_int_eq(az_dps_session_next_event(s, &event), step->event != NO_EVENT);
        ck_assert_msg(event.type == step->event, "'%s', step %td: event %s", script->name,
                      step - script->steps, az_dps_event_type_to_string(event.type));
        ck_assert_msg(state_of(s) == step->state, "'%s', step %td: state %s", script->name,
                      step - script->steps, az_dps_session_state_to_string(state_of(s)));
        ck_assert_msg(loss_of(&event) == step->loss, "'%s', step %td: loss %s", script->name,
                      step - script->steps, az_dps_loss_to_string(loss_of(&event)));
        check_deadline(s, script, step);
}

void run_script(const Script *script) {
        az_dps_session_options o = options();
        int clock_s = script->clock_s;
        az_dps_session s;

        o.credential = script->credential;
        o.build_unix_s = script->build_unix_s;
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str("pump-17"), &o), AZ_OK);
        for (size_t i = 0; i < ELEMENTSOF(script->steps) && script->steps[i].result != 0; i++) {
                if (script->steps[i].input == SET_CLOCK)
                        clock_s = script->steps[i].arg;
                run_step(&s, script, &script->steps[i], clock_s);
        }
}
