/* SPDX-License-Identifier: MIT */

/*
 * The input is a script of what happens to a hub session, one thing a line, after a line of options:
 *
 *      b start       e stop          s signed        c connected     r5 refused by CONNACK 5
 *      g0100 SUBACK with these codes (x: 0x80)       l4 lost for the fourth reason
 *      t timeout     n renew         q drained       z closed        w reconnect now
 *      +60 a minute passes           d the deadline comes            k-60 the clock is set by a minute
 *      m<topic> a message
 *
 * Options: m a module, s a splay, b a build date to come, x a certificate, C T M only C2D, twin, methods.
 *
 * Whatever happens, an input makes at most one event or is refused and changes nothing, what an event points
 * to lies within the message, and the deadline is never in the past once it was dealt with.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/az_iot.h>
#include <session/hub_session.h>

#include "fuzz-script.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define UNIX_S       UINT64_C(1893456000)
#define LINES_MAX    2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Run {
        az_iot_hub_client client;
        az_hub_session session;
        az_hub_session_time time;
        az_credential credential;
} Run;

static void check(bool condition) {
        if (!condition)
                abort();
}

static bool is_within(az_span part, az_span whole) {
        return az_span_ptr(part) >= az_span_ptr(whole) &&
               az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole);
}

/* Events ---------------------------------------------------------------------------------------------- */

static void check_c2d(az_iot_hub_client_c2d_request *request, az_span topic) {
        az_span name, value;

        while (az_iot_message_properties_next(&request->properties, &name, &value) == AZ_OK)
                check(is_within(name, topic) && (az_span_size(value) == 0 || is_within(value, topic)));
}

static void check_twin(const az_iot_hub_client_twin_response *response, az_span topic) {
        check(az_span_size(response->request_id) == 0 || is_within(response->request_id, topic));
        check(az_span_size(response->version) == 0 || is_within(response->version, topic));
}

static void check_event(az_hub_event *event, az_span topic, az_credential credential) {
        if (event->type == AZ_HUB_EVENT_METHOD)
                check(is_within(event->as.method.name, topic) &&
                      is_within(event->as.method.request_id, topic));
        else if (event->type == AZ_HUB_EVENT_C2D)
                check_c2d(&event->as.c2d.request, topic);
        else if (event->type == AZ_HUB_EVENT_TWIN)
                check_twin(&event->as.twin.response, topic);
        else if (event->type == AZ_HUB_EVENT_SIGN)
                check(credential == AZ_CREDENTIAL_SAS);
        else if (event->type == AZ_HUB_EVENT_CONNECT)
                check((credential == AZ_CREDENTIAL_SAS) == (az_span_size(event->as.connect.password) > 0));
        else if (event->type == AZ_HUB_EVENT_SUBSCRIBE)
                check(event->as.subscribe.n_filters <= AZ_HUB_SESSION_FILTERS_MAX);
        else if (event->type == AZ_HUB_EVENT_LOST)
                check(event->as.lost.delay_us > 0);
}

/* The script ------------------------------------------------------------------------------------------ */

static az_result give_suback(Run *run, az_span digits) {
        uint8_t codes[8];
        size_t n = 0;

        for (int32_t i = 0; i < az_span_size(digits) && n < sizeof(codes); i++)
                codes[n++] = az_span_ptr(digits)[i] == 'x' ? 0x80 : (uint8_t) (az_span_ptr(digits)[i] - '0');
        return az_hub_session_suback(&run->session, codes, n, run->time);
}

static az_result pass(Run *run, uint64_t to_us) {
        if (to_us > run->time.now_us && to_us != UINT64_MAX) {
                run->time.unix_s += (to_us - run->time.now_us) / USEC_PER_SEC;
                run->time.now_us = to_us;
        }
        return az_hub_session_timeout(&run->session, run->time);
}

static az_result give(Run *run, uint8_t what, az_span rest) {
        az_hub_session *s = &run->session;
        int64_t number = script_number(rest);

        switch (what) {
        case 'b':
                return az_hub_session_start(s, run->time);
        case 'e':
                az_hub_session_stop(s);
                return AZ_OK;
        case 's':
                return az_hub_session_signed(
                        s, AZ_SPAN_FROM_STR("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="), run->time);
        case 'c':
                return az_hub_session_connected(s, number != 0, run->time);
        case 'r':
                return az_hub_session_refused(s, (uint8_t) number, run->time);
        case 'g':
                return give_suback(run, rest);
        case 'l':
                return az_hub_session_lost(s, (az_hub_loss) ((uint64_t) number % _AZ_HUB_LOSS_MAX),
                                           run->time);
        case 'n':
                return az_hub_session_renew(s, run->time);
        case 'q':
                return az_hub_session_drained(s, run->time);
        case 'z':
                return az_hub_session_closed(s, run->time);
        case 'w':
                return az_hub_session_reconnect_now(s, run->time);
        case 'k':
                run->time.unix_s = UNIX_S + (uint64_t) number;
                return az_hub_session_clock_changed(s, run->time);
        case 'm':
                return az_hub_session_message(s, rest, AZ_SPAN_FROM_STR("{}"));
        case '+':
                return pass(run, run->time.now_us + (number > 0 ? (uint64_t) number * USEC_PER_SEC : 0));
        case 'd':
                return pass(run, az_hub_session_deadline_us(s));
        default:
                return az_hub_session_timeout(s, run->time);
        }
}

static void run_line(Run *run, az_span line) {
        az_hub_session *s = &run->session;
        az_hub_session_state state = az_hub_session_get_status(s).state;
        az_span rest = az_span_slice_to_end(line, 1);
        az_hub_event event;

        if (az_result_failed(give(run, az_span_ptr(line)[0], rest))) {
                check(!az_hub_session_next_event(s, &event));
                check(az_hub_session_get_status(s).state == state);
        }
        if (az_hub_session_next_event(s, &event)) {
                check_event(&event, rest, run->credential);
                check(!az_hub_session_next_event(s, &event));
        }

        check(az_hub_session_timeout(s, run->time) == AZ_OK);
        if (az_hub_session_next_event(s, &event))
                check_event(&event, rest, run->credential);
        check(az_hub_session_deadline_us(s) > run->time.now_us);
}

static az_result run_init(Run *run, az_span letters) {
        az_hub_session_options options = az_hub_session_options_default();
        az_iot_hub_client_options client_options = az_iot_hub_client_options_default();

        run->time = (az_hub_session_time){ .now_us = 1, .unix_s = UNIX_S };
        options.random_seed = 1;
        for (int32_t i = 0; i < az_span_size(letters); i++) {
                uint8_t letter = az_span_ptr(letters)[i];

                if (letter == 'm')
                        client_options.module_id = AZ_SPAN_FROM_STR("lens");
                else if (letter == 's')
                        options.splay_s = 5;
                else if (letter == 'b')
                        options.build_unix_s = UNIX_S + 600;
                else if (letter == 'x')
                        options.credential = AZ_CREDENTIAL_X509;
                else if (letter == 'C')
                        options.features = AZ_HUB_SESSION_C2D;
                else if (letter == 'T')
                        options.features = AZ_HUB_SESSION_TWIN;
                else if (letter == 'M')
                        options.features = AZ_HUB_SESSION_METHODS;
        }
        check(az_iot_hub_client_init(&run->client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"),
                                     &client_options) == AZ_OK);
        run->credential = options.credential;
        return az_hub_session_init(&run->session, &run->client, &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest;
        Run run;

        if (size == 0 || size > 65535)
                return 0;
        rest = az_span_create((uint8_t *) data, (int32_t) size);
        if (az_result_failed(run_init(&run, script_next(&rest, '\n'))))
                return 0;
        for (unsigned i = 0; i < LINES_MAX && az_span_size(rest) > 0; i++) {
                az_span line = script_next(&rest, '\n');

                if (az_span_size(line) > 0)
                        run_line(&run, line);
        }
        return 0;
}
