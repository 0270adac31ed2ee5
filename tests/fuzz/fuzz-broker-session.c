/* SPDX-License-Identifier: MIT */

/*
 * The input is a script of what happens to a broker session, one thing a line, after a line of options:
 *
 *      b start       e1 stop and end the session     c3 connected, three at once     n3 to a new session
 *      l4 lost for the fourth reason      r135 refused by CONNACK 0x87      x142 ended by DISCONNECT 0x8E
 *      t timeout     w renew     q drained     z closed     g reconnect now     k token changed
 *      a reauthenticated         +60 a minute passes        d the deadline comes
 *      p1 a message of QoS 1     P5 one that expires in 5 s       s what is to be sent is     u it cannot be
 *      h0 PUBACK for the oldest handle, H0 one that refuses
 *      f1 subscribe to filter 1  v1 no more     i what is to be asked is     j granted     J the first is not
 *
 * Options: r resubscribes, n never gives up, t a token, o drops the oldest, w the newest.
 *
 * Whatever happens: each message and each request comes out exactly once, what is under way fits, an input
 * that is refused changes nothing, and the deadline is never in the past once it was dealt with.
 */

#include <stdlib.h>
#include <string.h>

#include <session/broker_session.h>

#include "fuzz-script.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define LINES_MAX    1000
#define TOKENS_MAX   LINES_MAX
#define HANDLES_MAX  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Run {
        az_broker_session session;
        az_broker_publish_slot in_flight[HANDLES_MAX], waiting[5];
        az_broker_request_slot requests[3];
        az_broker_filter_slot filters[3];
        uint64_t now_us;
        bool is_published[TOKENS_MAX], is_requested[TOKENS_MAX];
        uint64_t n_tokens; /* given away, to messages and requests */
        size_t n_open;     /* of these, that did not come out yet */
        size_t n_sent;     /* requests in the batch that is under way */
} Run;

static void check(bool condition) {
        if (!condition)
                abort();
}

static void take_out(Run *run, bool *tokens, uint64_t token) {
        check(token < run->n_tokens && tokens[token]);
        tokens[token] = false;
        run->n_open--;
}

static void check_event(Run *run, const az_broker_event *event) {
        if (event->type == AZ_BROKER_EVENT_PUBLISHED)
                take_out(run, run->is_published, event->as.published.token);
        else if (event->type == AZ_BROKER_EVENT_ANSWERED && !event->as.answered.is_again)
                take_out(run, run->is_requested, event->as.answered.request.token);
        else if (event->type == AZ_BROKER_EVENT_STOPPED)
                check(run->n_open == 0);
}

static void pop_all(Run *run) {
        az_broker_event event;

        while (az_broker_session_next_event(&run->session, &event))
                check_event(run, &event);
        check(az_broker_session_get_status(&run->session).n_in_flight <= HANDLES_MAX);
}

/* The script ------------------------------------------------------------------------------------------ */

static az_result connected(Run *run, bool session_present, int64_t window) {
        const az_broker_session_connack connack = {
                .session_present = session_present,
                .window = window > 0 ? (size_t) window : 1,
                .renew_us = window > 4 ? run->now_us + (uint64_t) window * USEC_PER_SEC : UINT64_MAX,
        };

        return az_broker_session_connected(&run->session, &connack, run->now_us);
}

static az_result publish(Run *run, uint8_t qos, int64_t expires_s) {
        az_broker_publish p = { .token = run->n_tokens, .expires_us = UINT64_MAX, .qos = qos };
        az_result r;

        if (expires_s > 0)
                p.expires_us = run->now_us + (uint64_t) expires_s * USEC_PER_SEC;
        run->is_published[run->n_tokens++] = true;
        run->n_open++;
        r = az_broker_session_publish(&run->session, &p);
        if (az_result_failed(r))
                take_out(run, run->is_published, p.token);
        return r;
}

static az_result request(Run *run, az_broker_request_type type, int64_t filter) {
        const az_broker_request q = { .type = type, .filter = (uint64_t) filter, .token = run->n_tokens };
        az_result r;

        run->is_requested[run->n_tokens++] = true;
        run->n_open++;
        r = az_broker_session_request(&run->session, &q);
        if (az_result_failed(r))
                take_out(run, run->is_requested, q.token);
        return r;
}

static az_result send_one(Run *run, bool is_sendable) {
        az_broker_next_publish next;

        if (!az_broker_session_next_publish(&run->session, run->now_us, &next))
                return AZ_OK;
        check(run->is_published[next.token]);
        if (is_sendable)
                az_broker_session_sent(&run->session, 7);
        else
                az_broker_session_unsendable(&run->session, 0x95);
        return AZ_OK;
}

static az_result send_requests(Run *run) {
        az_broker_request requests[2];
        size_t n = az_broker_session_next_requests(&run->session, requests, 2);

        if (n == 0)
                return AZ_OK;
        az_broker_session_requests_sent(&run->session, n);
        run->n_sent = n;
        return AZ_OK;
}

static az_result answer(Run *run, uint8_t first) {
        const uint8_t codes[2] = { first, 0 };

        return az_broker_session_answered(&run->session, codes, run->n_sent);
}

static az_result pass(Run *run, uint64_t to_us) {
        if (to_us > run->now_us && to_us != UINT64_MAX)
                run->now_us = to_us;
        return az_broker_session_timeout(&run->session, run->now_us);
}

static az_result lose(Run *run, az_broker_loss loss, int64_t reason_code) {
        return az_broker_session_lost(&run->session, loss, (uint8_t) reason_code, run->now_us);
}

static az_result give_traffic(Run *run, uint8_t what, int64_t number) {
        switch (what) {
        case 'p':
                return publish(run, number != 0, 0);
        case 'P':
                return publish(run, 1, number);
        case 's':
                return send_one(run, true);
        case 'u':
                return send_one(run, false);
        case 'h':
                return az_broker_session_puback(&run->session, (uint64_t) number, 0x10);
        case 'H':
                return az_broker_session_puback(&run->session, (uint64_t) number, 0x97);
        case 'f':
                return request(run, AZ_BROKER_SUBSCRIBE, number);
        case 'v':
                return request(run, AZ_BROKER_UNSUBSCRIBE, number);
        case 'i':
                return send_requests(run);
        case 'j':
                return answer(run, 1);
        case 'J':
                return answer(run, 0x87);
        default:
                return az_broker_session_timeout(&run->session, run->now_us);
        }
}

static az_result give(Run *run, uint8_t what, int64_t number) {
        az_broker_session *s = &run->session;

        switch (what) {
        case 'b':
                return az_broker_session_start(s, run->now_us);
        case 'e':
                return az_broker_session_stop(s, number != 0, run->now_us);
        case 'c':
        case 'n':
                return connected(run, what == 'c', number);
        case 'l':
                return lose(run, (az_broker_loss) ((uint64_t) number % _AZ_BROKER_LOSS_MAX), 0);
        case 'r':
                return lose(run, AZ_BROKER_LOSS_REFUSED, number);
        case 'x':
                return lose(run, AZ_BROKER_LOSS_DISCONNECTED, number);
        case 'w':
                return az_broker_session_renew(s, run->now_us);
        case 'q':
                return az_broker_session_drained(s, run->now_us);
        case 'z':
                return az_broker_session_closed(s, run->now_us);
        case 'g':
                return az_broker_session_reconnect_now(s, run->now_us);
        case 'k':
                return az_broker_session_token_changed(s, run->now_us);
        case 'a':
                return az_broker_session_reauthenticated(s, run->now_us);
        case '+':
                return pass(run, run->now_us + (number > 0 ? (uint64_t) number * USEC_PER_SEC : 0));
        case 'd':
                return pass(run, az_broker_session_deadline_us(s));
        default:
                return give_traffic(run, what, number);
        }
}

static void run_line(Run *run, az_span line) {
        az_broker_session_state state = az_broker_session_get_status(&run->session).state;
        int64_t number = script_number(az_span_slice_to_end(line, 1));

        if (az_result_failed(give(run, az_span_ptr(line)[0], number)))
                check(az_broker_session_get_status(&run->session).state == state);
        pop_all(run);

        /* An attempt at once, or a token that changed meanwhile: each has its turn. */
        for (unsigned i = 0; az_broker_session_deadline_us(&run->session) <= run->now_us; i++) {
                check(i < 3);
                check(az_broker_session_timeout(&run->session, run->now_us) == AZ_OK);
                pop_all(run);
        }
}

static void run_init(Run *run, az_span letters) {
        az_broker_session_options options = az_broker_session_options_default();
        const az_broker_session_memory memory = {
                .in_flight = run->in_flight,
                .n_in_flight = HANDLES_MAX,
                .waiting = run->waiting,
                .n_waiting = 5,
                .requests = run->requests,
                .n_requests = 3,
                .filters = run->filters,
                .n_filters = 3,
        };

        options.random_seed = 1;
        for (int32_t i = 0; i < az_span_size(letters); i++) {
                uint8_t letter = az_span_ptr(letters)[i];

                if (letter == 'r')
                        options.resubscribes = true;
                else if (letter == 'n')
                        options.never_gives_up = true;
                else if (letter == 't')
                        options.has_token = true;
                else if (letter == 'o')
                        options.when_full = AZ_BROKER_WHEN_FULL_DROP_OLDEST;
                else if (letter == 'w')
                        options.when_full = AZ_BROKER_WHEN_FULL_DROP_NEWEST;
        }
        check(az_broker_session_init(&run->session, &options, &memory) == AZ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Run run = { .now_us = 1 };
        az_span rest;

        if (size == 0 || size > 65535)
                return 0;
        rest = az_span_create((uint8_t *) data, (int32_t) size);
        run_init(&run, script_next(&rest, '\n'));
        for (unsigned i = 0; i < LINES_MAX && az_span_size(rest) > 0; i++) {
                az_span line = script_next(&rest, '\n');

                if (az_span_size(line) > 0)
                        run_line(&run, line);
        }
        if (az_broker_session_stop(&run.session, true, run.now_us) == AZ_OK)
                pop_all(&run);
        if (az_broker_session_closed(&run.session, run.now_us) == AZ_OK)
                pop_all(&run);
        return 0;
}
