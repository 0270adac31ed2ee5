/* SPDX-License-Identifier: MIT */

/*
 * The input is a script of what happens to a registration, one thing a line, after a line of options:
 *
 *      b start       e stop          s signed        c connected     r5 refused by CONNACK 5
 *      g0 SUBACK with these codes (x: 0x80)          l4 lost for the fourth reason
 *      t timeout     +60 a minute passes             d the deadline comes
 *      k-60 the clock is set by a minute             m<topic> <payload> a message
 *      a202&retry-after=3 <payload> an answer to the last request
 *
 * Options: x a certificate, b a build date to come, p a custom payload, s a short run.
 *
 * Whatever happens, an input makes at most one event or is refused and changes nothing, the texts of an event
 * lie within the message, the deadline is never in the past once it was dealt with, and a run ends in time.
 */

#include <stdlib.h>
#include <string.h>

#include <session/dps_session.h>

#include "fuzz-script.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define UNIX_S       UINT64_C(1893456000)
#define LINES_MAX    2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Run {
        az_dps_session session;
        az_hub_session_time time;
        uint64_t begun_us;
        char request_id[16]; /* of the last request */
} Run;

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_within(az_span part, az_span whole) {
        if (az_span_size(part) == 0)
                return;
        check(az_span_ptr(part) >= az_span_ptr(whole) &&
              az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole));
}

/* Events ---------------------------------------------------------------------------------------------- */

static void check_error(const az_dps_error *error, az_span line) {
        check((error->loss == AZ_DPS_LOSS_NONE) == (error->error_class == AZ_ERROR_CLASS_NONE));
        check_within(error->message, line);
        check_within(error->tracking_id, line);
        check_within(error->timestamp, line);
}

static void check_text(az_span text) {
        check(az_span_size(text) > 0 && az_span_ptr(text)[az_span_size(text)] == '\0');
        check(memchr(az_span_ptr(text), '\0', (size_t) az_span_size(text)) == NULL);
}

/* The id stands behind the first '=' of the topic. */
static void check_publish(Run *run, const az_dps_event *event) {
        az_span rest = event->as.publish.topic, id;

        check_text(event->as.publish.topic);
        check(az_span_size(event->as.publish.topic) <= AZ_DPS_SESSION_TOPIC_MAX);
        (void) script_next(&rest, '=');
        id = script_next(&rest, '&');
        check(az_span_size(id) > 0 &&
              !az_span_is_content_equal(id, az_span_create_from_str(run->request_id)));
        az_span_to_str(run->request_id, sizeof(run->request_id), id);
}

static void check_event(Run *run, const az_dps_event *event, az_span line) {
        if (event->type == AZ_DPS_EVENT_PUBLISH)
                check_publish(run, event);
        if (event->type == AZ_DPS_EVENT_WAIT) {
                check_error(&event->as.wait.error, line);
                check(event->as.wait.delay_us >= 2 * USEC_PER_SEC);
        }
        if (event->type == AZ_DPS_EVENT_LOST) {
                check_error(&event->as.lost.error, line);
                check(event->as.lost.delay_us > 0);
        }
        if (event->type == AZ_DPS_EVENT_FAILED) {
                check_error(&event->as.failed.error, line);
                check(event->as.failed.error.loss != AZ_DPS_LOSS_NONE);
        }
        if (event->type == AZ_DPS_EVENT_ASSIGNED) {
                check_text(event->as.assigned.hub);
                check_text(event->as.assigned.device_id);
                check_within(event->as.assigned.payload, line);
                check_within(event->as.assigned.substatus, line);
        }
}

/* The script ------------------------------------------------------------------------------------------ */

static az_result give_suback(Run *run, az_span digits) {
        uint8_t codes[4];
        size_t n = 0;

        for (int32_t i = 0; i < az_span_size(digits) && n < sizeof(codes); i++)
                codes[n++] = az_span_ptr(digits)[i] == 'x' ? 0x80 : (uint8_t) (az_span_ptr(digits)[i] - '0');
        return az_dps_session_suback(&run->session, codes, n, run->time);
}

/* "202&retry-after=3 {...}": the status, what follows the request's id in the topic, the payload. */
static az_result give_answer(Run *run, az_span rest) {
        az_span head = script_next(&rest, ' ');
        int32_t n_status = az_span_size(head) < 3 ? az_span_size(head) : 3;
        char buffer[128];
        az_span topic = AZ_SPAN_FROM_BUFFER(buffer);

        if (az_span_size(head) > 64)
                return AZ_ERROR_ARG;
        topic = az_span_copy(topic, AZ_SPAN_FROM_STR("$dps/registrations/res/"));
        topic = az_span_copy(topic, az_span_slice(head, 0, n_status));
        topic = az_span_copy(topic, AZ_SPAN_FROM_STR("/?$rid="));
        topic = az_span_copy(topic, az_span_create_from_str(run->request_id));
        topic = az_span_copy(topic, az_span_slice_to_end(head, n_status));
        topic = az_span_slice(AZ_SPAN_FROM_BUFFER(buffer), 0, (int32_t) sizeof(buffer) - az_span_size(topic));
        return az_dps_session_message(&run->session, topic, rest, run->time);
}

static az_result give_message(Run *run, az_span rest) {
        az_span topic = script_next(&rest, ' ');

        return az_dps_session_message(&run->session, topic, rest, run->time);
}

static az_result pass(Run *run, uint64_t to_us) {
        if (to_us > run->time.now_us && to_us != UINT64_MAX) {
                run->time.unix_s += (to_us - run->time.now_us) / USEC_PER_SEC;
                run->time.now_us = to_us;
        }
        return az_dps_session_timeout(&run->session, run->time);
}

static az_result start(Run *run) {
        az_result r = az_dps_session_start(&run->session, run->time);

        if (az_result_succeeded(r))
                run->begun_us = run->time.now_us;
        return r;
}

static az_result give(Run *run, uint8_t what, az_span rest) {
        az_dps_session *s = &run->session;
        int64_t number = script_number(rest);

        switch (what) {
        case 'b':
                return start(run);
        case 'e':
                az_dps_session_stop(s);
                return AZ_OK;
        case 's':
                return az_dps_session_signed(
                        s, AZ_SPAN_FROM_STR("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="), run->time);
        case 'c':
                return az_dps_session_connected(s, run->time);
        case 'r':
                return az_dps_session_refused(s, (uint8_t) number, run->time);
        case 'g':
                return give_suback(run, rest);
        case 'l':
                return az_dps_session_lost(s, (az_dps_loss) ((uint64_t) number % _AZ_DPS_LOSS_MAX),
                                           run->time);
        case 'k':
                run->time.unix_s = UNIX_S + (uint64_t) number;
                return az_dps_session_clock_changed(s, run->time);
        case 'm':
                return give_message(run, rest);
        case 'a':
                return give_answer(run, rest);
        case '+':
                return pass(run, run->time.now_us + (number > 0 ? (uint64_t) number * USEC_PER_SEC : 0));
        case 'd':
                return pass(run, az_dps_session_deadline_us(s));
        default:
                return az_dps_session_timeout(s, run->time);
        }
}

/* Five minutes for the clock, then five for the run. */
static void check_time(const Run *run, uint64_t run_end_us) {
        if (run_end_us == 0)
                check(run->time.now_us < run->begun_us + 300 * USEC_PER_SEC);
        else
                check(run->time.now_us < run_end_us && run_end_us <= run->time.now_us + 300 * USEC_PER_SEC);
}

static void run_line(Run *run, az_span line) {
        az_dps_session *s = &run->session;
        az_dps_session_state state = az_dps_session_get_status(s).state;
        az_dps_event event;

        if (az_result_failed(give(run, az_span_ptr(line)[0], az_span_slice_to_end(line, 1)))) {
                check(!az_dps_session_next_event(s, &event));
                check(az_dps_session_get_status(s).state == state);
        }
        if (az_dps_session_next_event(s, &event)) {
                check_event(run, &event, line);
                check(!az_dps_session_next_event(s, &event));
        }

        check(az_dps_session_timeout(s, run->time) == AZ_OK);
        if (az_dps_session_next_event(s, &event))
                check_event(run, &event, line);
        check(az_dps_session_deadline_us(s) > run->time.now_us);
        if (az_dps_session_get_status(s).state != AZ_DPS_SESSION_STOPPED)
                check_time(run, az_dps_session_get_status(s).run_end_us);
}

static az_result run_init(Run *run, az_span letters) {
        az_dps_session_options options = az_dps_session_options_default();

        *run = (Run){ .time = { .now_us = 1, .unix_s = UNIX_S } };
        options.random_seed = 1;
        for (int32_t i = 0; i < az_span_size(letters); i++) {
                uint8_t letter = az_span_ptr(letters)[i];

                if (letter == 'x')
                        options.credential = AZ_CREDENTIAL_X509;
                else if (letter == 'b')
                        options.build_unix_s = UNIX_S + 600;
                else if (letter == 'p')
                        options.custom_payload = AZ_SPAN_FROM_STR("{\"modelId\":\"dtmi:contoso:Pump;1\"}");
                else if (letter == 's')
                        options.run_timeout_s = 10;
        }
        return az_dps_session_init(&run->session, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("s"),
                                   AZ_SPAN_FROM_STR("d"), &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest;
        Run run;

        if (size == 0 || size > 65535)
                return 0;
        rest = az_span_create((uint8_t *) data, (int32_t) size);
        check(run_init(&run, script_next(&rest, '\n')) == AZ_OK);
        for (unsigned i = 0; i < LINES_MAX && az_span_size(rest) > 0; i++) {
                az_span line = script_next(&rest, '\n');

                if (az_span_size(line) > 0)
                        run_line(&run, line);
        }
        return 0;
}
