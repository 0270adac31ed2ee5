/* SPDX-License-Identifier: MIT */

/*
 * Random inputs at random times, from fixed seeds, and what must hold whatever comes: the scripts of the
 * other tests say what happens, this says what never does.
 */

#include <inttypes.h>

#include <session/dps_session.h>

#include "unit-span.h"

#define N_SEEDS  40
#define N_INPUTS 1000

#define USEC_PER_SEC UINT64_C(1000000)
#define BUILD_UNIX_S UINT64_C(1893456000)

/* "5 polls in 10 seconds per device" is what the service allows. */
#define RATE_N  5
#define RATE_US (10 * USEC_PER_SEC)

typedef enum {
        IN_START,
        IN_STOP,
        IN_CLOCK_CHANGED,
        IN_SIGNED, /* from here on what is nobody's wish */
        IN_CONNECTED,
        IN_REFUSED,
        IN_SUBACK,
        IN_LOST,
        IN_TIMEOUT,
        IN_ANSWER,
        IN_FOREIGN_ANSWER,
        _IN_MAX
} Input;

/* What was reached, or the checks prove little. */
typedef struct {
        unsigned n_events[_AZ_DPS_EVENT_TYPE_MAX], n_losses[_AZ_DPS_LOSS_MAX], n_polls, n_foreign, n_unset;
} Reached;

/* What the driver knows of the session without asking it. */
typedef struct {
        az_dps_session session;
        az_dps_session_options options;
        az_hub_session_time time;
        uint64_t seed, random;

        bool is_running;        /* started, and neither stopped nor at its end */
        az_dps_event_type open; /* the event whose answer is awaited */
        bool is_granted;        /* the filter, on this connection */
        uint64_t begun_us,
                attempt_us; /* when the run was wished for; when its first attempt was made, or 0 */
        char request_id[16], before[16]; /* of the last request and the one before */
        uint64_t requests_us[RATE_N];    /* when the last ones were made */
        unsigned n_requests;
        Reached *reached;
} World;

#define HOLDS(w, condition) ck_assert_msg(condition, "seed %" PRIu64 ": %s", (w)->seed, #condition)

static uint64_t draw(World *w, uint64_t n) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % n;
}

/* Events ---------------------------------------------------------------------------------------------- */

/* Which events may follow which: each request has exactly one result, and none comes unasked. */
#define AFTER(event)  (1U << AZ_DPS_EVENT_##event)
#define AFTER_THE_END (AFTER(DISCONNECT) | AFTER(ASSIGNED) | AFTER(FAILED))
static const unsigned follows[_AZ_DPS_EVENT_TYPE_MAX] = {
        [AZ_DPS_EVENT_SIGN] = AFTER_THE_END | AFTER(LOST),
        [AZ_DPS_EVENT_CONNECT] = AFTER_THE_END | AFTER(LOST) | AFTER(SIGN),
        [AZ_DPS_EVENT_SUBSCRIBE] = AFTER(CONNECT),
        [AZ_DPS_EVENT_PUBLISH] = AFTER(SUBSCRIBE) | AFTER(WAIT),
        [AZ_DPS_EVENT_WAIT] = AFTER(PUBLISH),
        [AZ_DPS_EVENT_LOST] = UINT32_MAX, /* after the end for want of a clock, which is checked below */
        [AZ_DPS_EVENT_ASSIGNED] = AFTER(PUBLISH),
        [AZ_DPS_EVENT_FAILED] = UINT32_MAX & ~AFTER_THE_END,
        [AZ_DPS_EVENT_DISCONNECT] = UINT32_MAX, /* a stop */
};

/* The id stands behind the first '=' of the topic. */
static void on_publish(World *w, const az_dps_event *event) {
        const char *topic = (const char *) az_span_ptr(event->as.publish.topic);
        const char *id = strchr(topic, '=') + 1;
        bool is_poll = strstr(topic, "/GET/") != NULL;

        HOLDS(w, w->is_granted);
        HOLDS(w, (strstr(topic, "&operationId=") != NULL) == is_poll);
        HOLDS(w, (az_span_size(event->as.publish.payload) == 0) == is_poll);
        w->reached->n_polls += is_poll;

        (void) snprintf(w->before, sizeof(w->before), "%s", w->request_id);
        (void) snprintf(w->request_id, sizeof(w->request_id), "%.*s", (int) strcspn(id, "&"), id);
        HOLDS(w, w->request_id[0] != '\0' && strcmp(w->request_id, w->before) != 0);

        if (w->n_requests >= RATE_N)
                HOLDS(w, w->time.now_us - w->requests_us[w->n_requests % RATE_N] >= RATE_US);
        w->requests_us[w->n_requests++ % RATE_N] = w->time.now_us;
}

static void on_error(World *w, const az_dps_error *error) {
        HOLDS(w, (error->loss == AZ_DPS_LOSS_NONE) == (error->error_class == AZ_ERROR_CLASS_NONE));
        HOLDS(w, error->connack_code == 0 || error->loss == AZ_DPS_LOSS_REFUSED);
        w->reached->n_losses[error->loss]++;
}

static void on_delay(World *w, const az_dps_error *error, uint64_t delay_us) {
        uint64_t end_us = az_dps_session_get_status(&w->session).run_end_us;

        on_error(w, error);
        HOLDS(w, delay_us > 0);
        HOLDS(w, delay_us >= error->retry_after_s * USEC_PER_SEC);
        HOLDS(w, az_dps_session_deadline_us(&w->session) == w->time.now_us + delay_us);
        if (error->loss == AZ_DPS_LOSS_CLOCK) {
                HOLDS(w, w->attempt_us == 0 && w->time.unix_s < w->options.build_unix_s);
                HOLDS(w, w->time.now_us + delay_us <= w->begun_us + 300 * USEC_PER_SEC);
                return;
        }
        HOLDS(w, (AFTER_THE_END & 1U << w->open) == 0);
        HOLDS(w, delay_us >= 2 * USEC_PER_SEC);
        HOLDS(w, w->time.now_us + delay_us < end_us);
}

static void on_attempt(World *w, bool clock_is_unset) {
        bool is_unset = w->time.unix_s < w->options.build_unix_s;

        if (w->attempt_us == 0) {
                w->attempt_us = w->time.now_us;
                HOLDS(w, !is_unset || w->time.now_us - w->begun_us >= 300 * USEC_PER_SEC);
        }
        HOLDS(w, clock_is_unset == is_unset);
        w->reached->n_unset += is_unset;
}

static void on_event(World *w, const az_dps_event *event) {
        az_dps_event_type type = event->type;

        ck_assert_msg(follows[type] & 1U << w->open, "seed %" PRIu64 ": %s after %s", w->seed,
                      az_dps_event_type_to_string(type), az_dps_event_type_to_string(w->open));
        w->reached->n_events[type]++;

        if (type == AZ_DPS_EVENT_SIGN)
                on_attempt(w, event->as.sign.clock_is_unset);
        else if (type == AZ_DPS_EVENT_CONNECT && w->options.credential == AZ_CREDENTIAL_X509)
                on_attempt(w, event->as.connect.clock_is_unset);
        else if (type == AZ_DPS_EVENT_PUBLISH)
                on_publish(w, event);
        else if (type == AZ_DPS_EVENT_WAIT)
                on_delay(w, &event->as.wait.error, event->as.wait.delay_us);
        else if (type == AZ_DPS_EVENT_LOST)
                on_delay(w, &event->as.lost.error, event->as.lost.delay_us);
        else if (type == AZ_DPS_EVENT_FAILED)
                on_error(w, &event->as.failed.error);
        else if (type == AZ_DPS_EVENT_ASSIGNED)
                HOLDS(w, az_span_size(event->as.assigned.hub) > 0 &&
                                 az_span_size(event->as.assigned.device_id) > 0);

        if (type == AZ_DPS_EVENT_FAILED)
                HOLDS(w, event->as.failed.error.loss != AZ_DPS_LOSS_NONE);
        if (type == AZ_DPS_EVENT_ASSIGNED || type == AZ_DPS_EVENT_FAILED || type == AZ_DPS_EVENT_DISCONNECT)
                w->is_running = false;
        if (type != AZ_DPS_EVENT_PUBLISH && type != AZ_DPS_EVENT_WAIT)
                w->is_granted = false;
        w->open = type;
}

/* Inputs ---------------------------------------------------------------------------------------------- */

static az_result give_suback(World *w) {
        static const uint8_t codes[] = { 0, 1, 1, 1, 2, 1, 3, 0x80 };
        uint8_t code = codes[draw(w, ELEMENTSOF(codes))];
        az_result r = az_dps_session_suback(&w->session, &code, 1, w->time);

        if (r == AZ_OK)
                w->is_granted = code <= 2;
        return r;
}

static az_result give_answer(World *w, const char *request_id) {
        static const struct {
                const char *status, *payload;
        } answers[] = {
                { "202", "{\"operationId\":\"5\",\"status\":\"assigning\"}" },
                { "202", "{\"operationId\":\"5\",\"status\":\"assigning\"}" },
                { "202", "{\"status\":\"assigning\"}" },
                { "202", "{\"operationId\":\"6\",\"status\":\"unassigned\"}" },
                { "200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":"
                         "\"d\"}}" },
                { "200", "{\"status\":\"assigned\",\"registrationState\":null}" },
                { "200", "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":400207}}" },
                { "200", "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":500001}}" },
                { "200", "{\"status\":\"failed\"}" },
                { "200", "{\"status\":\"disabled\"}" },
                { "401", "{\"errorCode\":401002}" },
                { "404", "{\"errorCode\":404203}" },
                { "429", "{\"errorCode\":429001}" },
                { "429", "{}" },
                { "503", "" },
                { "409", "<html>" },
                { "200", "{" },
        };
        static const unsigned retry_after_s[] = { 0, 0, 0, 1, 3, 3, 10, 60, 400, 4294967295 };
        size_t i = draw(w, 2) ? 0 : draw(w, ELEMENTSOF(answers));
        char topic[96];

        (void) snprintf(topic, sizeof(topic), "$dps/registrations/res/%s/?$rid=%s&retry-after=%u",
                        answers[i].status, request_id, retry_after_s[draw(w, ELEMENTSOF(retry_after_s))]);
        return az_dps_session_message(&w->session, str(topic), str(answers[i].payload), w->time);
}

static az_result give_foreign_answer(World *w) {
        az_result r = give_answer(w, w->before[0] && draw(w, 2) ? w->before : "x");

        HOLDS(w, r == AZ_ERROR_IOT_TOPIC_NO_MATCH || r == AZ_ERROR_NOT_ENOUGH_SPACE);
        w->reached->n_foreign++;
        return r;
}

static az_result give_clock(World *w) {
        if (draw(w, 2))
                w->time.unix_s = BUILD_UNIX_S - 5000 + draw(w, 20000);
        return az_dps_session_clock_changed(&w->session, w->time);
}

static az_result give(World *w, Input input) {
        az_dps_session *s = &w->session;

        switch (input) {
        case IN_START:
                return az_dps_session_start(s, w->time);
        case IN_STOP:
                az_dps_session_stop(s);
                return AZ_OK;
        case IN_CLOCK_CHANGED:
                return give_clock(w);
        case IN_SIGNED:
                return az_dps_session_signed(s, str("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="), w->time);
        case IN_CONNECTED:
                return az_dps_session_connected(s, w->time);
        case IN_REFUSED:
                return az_dps_session_refused(s, draw(w, 2) ? 3 : (uint8_t) draw(w, 7), w->time);
        case IN_SUBACK:
                return give_suback(w);
        case IN_LOST:
                return az_dps_session_lost(s, (az_dps_loss) draw(w, _AZ_DPS_LOSS_MAX), w->time);
        case IN_TIMEOUT:
                return az_dps_session_timeout(s, w->time);
        case IN_ANSWER:
                return give_answer(w, w->request_id);
        case IN_FOREIGN_ANSWER:
                return give_foreign_answer(w);
        case _IN_MAX:
                break;
        }
        ck_abort();
}

/* What would come next, most of the time: random inputs alone hardly ever come to an answer. */
static Input choose(World *w) {
        static const Input likely[_AZ_DPS_SESSION_STATE_MAX] = {
                [AZ_DPS_SESSION_STOPPED] = IN_START,        [AZ_DPS_SESSION_SIGNING] = IN_SIGNED,
                [AZ_DPS_SESSION_CONNECTING] = IN_CONNECTED, [AZ_DPS_SESSION_SUBSCRIBING] = IN_SUBACK,
                [AZ_DPS_SESSION_REGISTERING] = IN_ANSWER,   [AZ_DPS_SESSION_WAITING_TO_REGISTER] = IN_TIMEOUT,
                [AZ_DPS_SESSION_POLLING] = IN_ANSWER,       [AZ_DPS_SESSION_WAITING_TO_POLL] = IN_TIMEOUT,
                [AZ_DPS_SESSION_BACKOFF] = IN_TIMEOUT,
        };
        Input input;

        if (draw(w, 5) > 0)
                return likely[az_dps_session_get_status(&w->session).state];
        input = (Input) draw(w, _IN_MAX);
        return input == IN_STOP && draw(w, 4) > 0 ? IN_FOREIGN_ANSWER : input;
}

/* Mostly a little, often to the deadline, sometimes for long. */
static void pass_time(World *w) {
        uint64_t deadline_us = az_dps_session_deadline_us(&w->session), to_us;

        to_us = w->time.now_us + draw(w, USEC_PER_SEC);
        if (draw(w, 16) == 0)
                to_us += draw(w, 70 * USEC_PER_SEC);
        if (draw(w, 3) == 0 && deadline_us != UINT64_MAX)
                to_us = MAX(to_us, deadline_us);
        /* Who begins the next run, and not too soon, is not this session's business. */
        if (!w->is_running)
                to_us += RATE_US;
        w->time.unix_s += (to_us - w->time.now_us) / USEC_PER_SEC;
        w->time.now_us = to_us;
}

/* Checks ---------------------------------------------------------------------------------------------- */

/* A run has an end, and until then a deadline, which is later than now once it was dealt with. */
static void check_deadline(World *w) {
        az_dps_event event;

        HOLDS(w, az_dps_session_timeout(&w->session, w->time) == AZ_OK);
        if (az_dps_session_next_event(&w->session, &event))
                on_event(w, &event);
        HOLDS(w, az_dps_session_deadline_us(&w->session) > w->time.now_us);
        HOLDS(w, (az_dps_session_deadline_us(&w->session) != UINT64_MAX) == w->is_running);
        HOLDS(w, (az_dps_session_get_status(&w->session).state != AZ_DPS_SESSION_STOPPED) == w->is_running);
        if (!w->is_running)
                return;
        if (w->attempt_us == 0)
                HOLDS(w, w->time.now_us < w->begun_us + 300 * USEC_PER_SEC);
        else
                HOLDS(w, w->time.now_us < w->attempt_us + w->options.run_timeout_s * USEC_PER_SEC);
}

/* An input that is refused, whatever for, changes nothing. */
static void check_refused(World *w, const az_dps_session_status *before, uint64_t deadline_us) {
        az_dps_event event;

        HOLDS(w, !az_dps_session_next_event(&w->session, &event));
        HOLDS(w, az_dps_session_get_status(&w->session).state == before->state);
        HOLDS(w, az_dps_session_get_status(&w->session).n_failures == before->n_failures);
        HOLDS(w, az_dps_session_get_status(&w->session).run_end_us == before->run_end_us);
        HOLDS(w, az_dps_session_deadline_us(&w->session) == deadline_us);
}

/* Inputs that come while an event waits are refused and do not displace it. */
static void disturb(World *w) {
        Input input = (Input) (IN_SIGNED + draw(w, _IN_MAX - IN_SIGNED));

        if (input != IN_TIMEOUT || az_dps_session_deadline_us(&w->session) <= w->time.now_us)
                HOLDS(w, az_result_failed(give(w, input)));
}

static void step(World *w) {
        az_dps_session_status before = az_dps_session_get_status(&w->session);
        uint64_t deadline_us = az_dps_session_deadline_us(&w->session);
        Input input = choose(w);
        az_dps_event event;

        if (give(w, input) != AZ_OK) {
                check_refused(w, &before, deadline_us);
                return;
        }
        if (input == IN_START) {
                w->is_running = true;
                w->begun_us = w->time.now_us;
                w->attempt_us = 0;
        }
        if (draw(w, 4) == 0 && az_dps_session_get_status(&w->session).state != before.state)
                disturb(w);

        if (az_dps_session_next_event(&w->session, &event)) {
                on_event(w, &event);
                HOLDS(w, !az_dps_session_next_event(&w->session, &event));
        } else {
                HOLDS(w, input == IN_TIMEOUT || input == IN_CLOCK_CHANGED);
                HOLDS(w, az_dps_session_get_status(&w->session).state == before.state);
        }
        check_deadline(w);
}

static void run(uint64_t seed, Reached *reached) {
        World w = { .seed = seed, .random = seed, .open = AZ_DPS_EVENT_DISCONNECT, .reached = reached };

        w.time = (az_hub_session_time){ .now_us = 1, .unix_s = BUILD_UNIX_S - 1000 + draw(&w, 2) * 2000 };
        w.options = az_dps_session_options_default();
        w.options.random_seed = seed;
        w.options.credential = draw(&w, 3) ? AZ_CREDENTIAL_SAS : AZ_CREDENTIAL_X509;
        w.options.run_timeout_s = draw(&w, 2) ? 300 : 20;
        w.options.backoff_max_s = draw(&w, 2) ? 300 : 1;
        w.options.build_unix_s = draw(&w, 2) ? BUILD_UNIX_S : 0;
        ck_assert_int_eq(az_dps_session_init(&w.session, str("h"), str("s"), str("d"), &w.options), AZ_OK);

        for (unsigned i = 0; i < N_INPUTS; i++) {
                pass_time(&w);
                step(&w);
        }
}

START_TEST(nothing_impossible_happens) {
        Reached reached = {};

        for (uint64_t seed = 1; seed <= N_SEEDS; seed++)
                run(seed, &reached);

        for (az_dps_event_type type = 0; type < _AZ_DPS_EVENT_TYPE_MAX; type++)
                ck_assert_msg(reached.n_events[type] > 10, "%u events %s", reached.n_events[type],
                              az_dps_event_type_to_string(type));
        for (az_dps_loss loss = AZ_DPS_LOSS_NONE; loss < _AZ_DPS_LOSS_MAX; loss++)
                ck_assert_msg(reached.n_losses[loss] > 10, "%u losses %s", reached.n_losses[loss],
                              az_dps_loss_to_string(loss));
        ck_assert_uint_gt(reached.n_polls, 10);
        ck_assert_uint_gt(reached.n_foreign, 10);
        ck_assert_uint_gt(reached.n_unset, 10);
}
END_TEST

static Suite *dps_session_properties_suite(void) {
        Suite *s = suite_create("dps-session-properties");
        TCase *t;

        t = tcase_create("random inputs");
        tcase_set_timeout(t, 60);
        tcase_add_test(t, nothing_impossible_happens);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(dps_session_properties_suite)
