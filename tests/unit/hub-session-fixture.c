/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

const az_iot_hub_client *client(void) {
        static az_iot_hub_client c;

        ck_assert_int_eq(az_iot_hub_client_init(&c, str("hub-lab.azure-devices.net"), str("pump-17"), NULL),
                         AZ_OK);
        return &c;
}

az_hub_session_options options(void) {
        az_hub_session_options o = az_hub_session_options_default();

        o.random_seed = 42;
        return o;
}

void init(az_hub_session *s) {
        az_hub_session_options o = options();

        ck_assert_int_eq(az_hub_session_init(s, client(), &o), AZ_OK);
}

az_hub_session_time at(uint32_t second) {
        return (az_hub_session_time){ .now_us = second * USEC_PER_SEC, .unix_s = UNIX_S + second };
}

az_result feed(az_hub_session *s, Input input, int arg, az_hub_session_time time) {
        uint8_t const codes[AZ_HUB_SESSION_FILTERS_MAX] = { 0, (uint8_t) arg };

        switch (input) {
        case START:
                return az_hub_session_start(s, time);
        case STOP:
                az_hub_session_stop(s);
                return AZ_OK;
        case SIGNED:
                return az_hub_session_signed(s, str(SIGNATURE), time);
        case SIGNED_SHORT:
                return az_hub_session_signed(s, str("c2hvcnQ="), time);
        case SIGNED_LONG:
                return az_hub_session_signed(s, str(SIGNATURE "AAAA"), time);
        case CONNECTED:
                return az_hub_session_connected(s, arg, time);
        case REFUSED:
                return az_hub_session_refused(s, (uint8_t) arg, time);
        case SUBACK:
                return az_hub_session_suback(s, codes, 4, time);
        case LOST:
                return az_hub_session_lost(s, (az_hub_loss) arg, time);
        case TIMEOUT:
                return az_hub_session_timeout(s, time);
        case RENEW:
                return az_hub_session_renew(s, time);
        case DRAINED:
                return az_hub_session_drained(s, time);
        case CLOSED:
                return az_hub_session_closed(s, time);
        case RECONNECT_NOW:
                return az_hub_session_reconnect_now(s, time);
        case SET_CLOCK:
                return az_hub_session_clock_changed(s, time);
        case METHOD:
                return az_hub_session_message(s, str("$iothub/methods/POST/reboot/?$rid=1f"),
                                              str("{\"n\":1}"));
        case C2D:
                return az_hub_session_message(s, str("devices/pump-17/messages/devicebound/%24.mid=7&line=3"),
                                              str("stop"));
        case TWIN:
                return az_hub_session_message(s, str("$iothub/twin/res/200/?$rid=1f"), str("{}"));
        case _END:
                break;
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

az_hub_session_state state_of(const az_hub_session *s) {
        return az_hub_session_get_status(s).state;
}

az_hub_event pop(az_hub_session *s) {
        az_hub_event event, none;

        ck_assert(az_hub_session_next_event(s, &event));
        ck_assert(!az_hub_session_next_event(s, &none));
        return event;
}

az_hub_event give(az_hub_session *s, Input input, int arg, uint32_t second) {
        ck_assert_int_eq(feed(s, input, arg, at(second)), AZ_OK);
        return pop(s);
}

void init_in(az_hub_session *s, az_hub_session_state state) {
        init(s);
        if (state == AZ_HUB_SESSION_STOPPED)
                return;
        (void) give(s, START, 0, 0);
        if (state == AZ_HUB_SESSION_SIGNING)
                return;
        if (state == AZ_HUB_SESSION_BACKOFF) {
                (void) give(s, LOST, AZ_HUB_LOSS_SIGNING, 0);
                return;
        }
        (void) give(s, SIGNED, 0, 0);
        if (state == AZ_HUB_SESSION_CONNECTING)
                return;
        (void) give(s, CONNECTED, 0, 0);
        if (state == AZ_HUB_SESSION_SUBSCRIBING)
                return;
        (void) give(s, SUBACK, 1, 0);
        if (state == AZ_HUB_SESSION_LIVE)
                return;
        (void) give(s, RENEW, 0, 0);
        if (state == AZ_HUB_SESSION_DRAINING)
                return;
        (void) give(s, DRAINED, 0, 0);
}

static void check_deadline(const az_hub_session *s, const Script *script, const Step *step) {
        uint64_t deadline_us = az_hub_session_deadline_us(s);
        uint64_t least_us = step->deadline_s == NEVER ? UINT64_MAX : step->deadline_s * USEC_PER_SEC;
        uint64_t most_us = step->latest_s == 0 ? least_us : step->latest_s * USEC_PER_SEC;

        ck_assert_msg(least_us <= deadline_us && deadline_us <= most_us, "'%s', step %td: deadline %.6f s",
                      script->name, step - script->steps, (double) deadline_us / USEC_PER_SEC);
}

static void run_step(az_hub_session *s, const Script *script, const Step *step, int clock_s) {
        az_hub_session_time time = at(step->at_s);
        az_hub_event event = { .type = NO_EVENT };

        time.unix_s += (uint64_t) (int64_t) clock_s;
        ck_assert_int_eq(feed(s, step->input, step->arg, time), step->result);
        ck_assert_int_eq(az_hub_session_next_event(s, &event), step->event != NO_EVENT);
        ck_assert_msg(event.type == step->event, "'%s', step %td: event %s", script->name,
                      step - script->steps, az_hub_event_type_to_string(event.type));
        ck_assert_msg(state_of(s) == step->state, "'%s', step %td: state %s", script->name,
                      step - script->steps, az_hub_session_state_to_string(state_of(s)));
        check_deadline(s, script, step);
}

void run_script(const Script *script) {
        az_hub_session_options o = options();
        int clock_s = script->clock_s;
        az_hub_session s;

        o.credential = script->credential;
        if (script->token_lifetime_s > 0)
                o.token_lifetime_s = script->token_lifetime_s;
        o.splay_s = script->splay_s;
        o.build_unix_s = script->build_unix_s;
        ck_assert_int_eq(az_hub_session_init(&s, client(), &o), AZ_OK);
        for (size_t i = 0; i < ELEMENTSOF(script->steps) && script->steps[i].result != 0; i++) {
                if (script->steps[i].input == SET_CLOCK)
                        clock_s = script->steps[i].arg;
                run_step(&s, script, &script->steps[i], clock_s);
        }
}
