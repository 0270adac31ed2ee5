/* SPDX-License-Identifier: MIT */

/*
 * 100,000 random inputs at random times, from a fixed seed, and what must hold whatever comes: the tables of
 * test-hub-session.c say what happens, this says what never does.
 */

#include <inttypes.h>

#include <session/hub_session.h>

#include "unit-span.h"

#define N_INPUTS 100000

/* What the driver knows of the session without asking it. */
typedef struct {
        az_hub_session session;
        uint64_t random;
        az_hub_session_time time;

        bool is_running;              /* started and not stopped */
        bool has_signature;           /* signed since the last CONNECT */
        bool is_subscribed;           /* asked to subscribe since the last CONNECT */
        bool is_granted;              /* and granted every filter */
        uint64_t last_expires_unix_s; /* of the last token */
        unsigned n_live, n_drains, n_messages[_AZ_HUB_EVENT_TYPE_MAX], n_losses[_AZ_HUB_LOSS_MAX];
} World;

static uint64_t draw(World *w, uint64_t n) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % n;
}

static void on_sign(World *w, const az_hub_event *event) {
        ck_assert_uint_eq(event->as.sign.expires_unix_s, w->time.unix_s + 3600);
        w->has_signature = false;
        w->last_expires_unix_s = event->as.sign.expires_unix_s;
}

static void on_connect(World *w, const az_hub_event *event) {
        az_span password = event->as.connect.password;
        char expiry[32];
        int n;

        ck_assert_msg(w->has_signature, "CONNECT without a signature of its own");
        w->has_signature = w->is_subscribed = w->is_granted = false;

        n = snprintf(expiry, sizeof(expiry), "&se=%" PRIu64, w->last_expires_unix_s);
        ck_assert_int_gt(az_span_size(password), n);
        ck_assert_span_eq(az_span_slice_to_end(password, az_span_size(password) - n), expiry);
}

static bool is_planned_end(az_hub_session_state from) {
        return from == AZ_HUB_SESSION_DRAINING || from == AZ_HUB_SESSION_CLOSING;
}

static void on_lost(World *w, const az_hub_event *event) {
        ck_assert_uint_gt(event->as.lost.delay_us, 0);
        ck_assert_uint_le(event->as.lost.delay_us, 3600 * USEC_PER_SEC);
        ck_assert_uint_ge(event->as.lost.delay_us,
                          is_planned_end(event->as.lost.from) ? USEC_PER_SEC / 10 : USEC_PER_SEC);
        ck_assert_uint_eq(az_hub_session_deadline_us(&w->session), w->time.now_us + event->as.lost.delay_us);
        ck_assert_int_ne(event->as.lost.loss, AZ_HUB_LOSS_NONE);
        w->n_losses[event->as.lost.loss]++;
        w->is_subscribed = w->is_granted = false;
}

static void on_event(World *w, const az_hub_event *event) {
        switch (event->type) {
        case AZ_HUB_EVENT_SIGN:
                on_sign(w, event);
                break;
        case AZ_HUB_EVENT_CONNECT:
                on_connect(w, event);
                break;
        case AZ_HUB_EVENT_SUBSCRIBE:
                ck_assert_uint_ge(event->as.subscribe.n_filters, 1);
                ck_assert_uint_le(event->as.subscribe.n_filters, 5);
                w->is_subscribed = true;
                break;
        case AZ_HUB_EVENT_LIVE:
                ck_assert_msg(w->is_granted, "LIVE without SUBACK");
                w->n_live++;
                break;
        case AZ_HUB_EVENT_METHOD:
        case AZ_HUB_EVENT_C2D:
        case AZ_HUB_EVENT_TWIN:
                ck_assert_msg(w->is_subscribed, "a message of no connection");
                w->n_messages[event->type]++;
                break;
        case AZ_HUB_EVENT_DRAIN:
                ck_assert_msg(w->is_granted, "nothing to drain");
                w->n_drains++;
                break;
        case AZ_HUB_EVENT_LOST:
                on_lost(w, event);
                break;
        case AZ_HUB_EVENT_DISCONNECT:
                w->is_subscribed = w->is_granted = false;
                break;
        case _AZ_HUB_EVENT_TYPE_MAX:
                ck_abort();
        }
}

static az_result give_suback(World *w) {
        static const uint8_t of_c2d[] = { 1, 1, 1, 0, 2, 3, 0x80 };
        uint8_t const codes[4] = { 0, of_c2d[draw(w, ELEMENTSOF(of_c2d))] };

        w->is_granted = w->is_subscribed && (codes[1] == 1 || codes[1] == 2);
        return az_hub_session_suback(&w->session, codes, ELEMENTSOF(codes), w->time);
}

static az_result give_message(World *w) {
        static const char *const topics[] = {
                "$iothub/methods/POST/a/?$rid=1", "$iothub/methods/POST/a", "devices/d/messages/devicebound/",
                "$iothub/twin/res/200/?$rid=1",   "$iothub/twin/res/200",   "x",
        };

        return az_hub_session_message(&w->session, str(topics[draw(w, ELEMENTSOF(topics))]), str("{}"));
}

/* What the hub and the network would do next, most of the time: random inputs alone hardly ever go live. */
static unsigned choose(World *w) {
        static const unsigned likely[_AZ_HUB_SESSION_STATE_MAX] = {
                [AZ_HUB_SESSION_STOPPED] = 0,    [AZ_HUB_SESSION_SIGNING] = 2,
                [AZ_HUB_SESSION_CONNECTING] = 3, [AZ_HUB_SESSION_SUBSCRIBING] = 5,
                [AZ_HUB_SESSION_LIVE] = 12,      [AZ_HUB_SESSION_DRAINING] = 10,
                [AZ_HUB_SESSION_CLOSING] = 11,   [AZ_HUB_SESSION_BACKOFF] = 7,
        };

        if (draw(w, 3) > 0)
                return likely[az_hub_session_get_status(&w->session).state];
        return (unsigned) draw(w, 13);
}

static az_result give_input(World *w) {
        az_hub_session *s = &w->session;

        switch (choose(w)) {
        case 0:
                w->is_running = true;
                return az_hub_session_start(s, w->time);
        case 1:
                if (draw(w, 4) > 0)
                        return AZ_OK;
                w->is_running = false;
                az_hub_session_stop(s);
                return AZ_OK;
        case 2:
                w->has_signature = true;
                return az_hub_session_signed(s, str("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="), w->time);
        case 3:
                return az_hub_session_connected(s, draw(w, 2), w->time);
        case 4:
                return az_hub_session_refused(s, (uint8_t) draw(w, 256), w->time);
        case 5:
                return give_suback(w);
        case 6:
                return az_hub_session_lost(s, (az_hub_loss) draw(w, _AZ_HUB_LOSS_MAX), w->time);
        case 7:
                return az_hub_session_timeout(s, w->time);
        case 8:
                return az_hub_session_reconnect_now(s, w->time);
        case 9:
                return az_hub_session_renew(s, w->time);
        case 10:
                return az_hub_session_drained(s, w->time);
        case 11:
                return az_hub_session_closed(s, w->time);
        default:
                return give_message(w);
        }
}

/* Sometimes to the deadline, sometimes past it, mostly a little. */
static void pass_time(World *w) {
        uint64_t deadline_us = az_hub_session_deadline_us(&w->session), to_us;

        to_us = w->time.now_us + draw(w, 2 * USEC_PER_SEC);
        if (draw(w, 4) == 0)
                to_us += draw(w, 200 * USEC_PER_SEC);
        if (draw(w, 3) == 0 && deadline_us != UINT64_MAX && deadline_us > to_us)
                to_us = deadline_us;
        w->time.unix_s += (to_us - w->time.now_us) / USEC_PER_SEC;
        w->time.now_us = to_us;
}

static void check_deadline(World *w) {
        az_hub_session_state state = az_hub_session_get_status(&w->session).state;
        bool has_deadline = az_hub_session_deadline_us(&w->session) != UINT64_MAX;

        /* It never gives up: while it runs, something is going to happen. */
        ck_assert_int_eq(state != AZ_HUB_SESSION_STOPPED, w->is_running);
        ck_assert_int_eq(has_deadline, state != AZ_HUB_SESSION_STOPPED);
}

static void step(World *w) {
        az_hub_session_status before = az_hub_session_get_status(&w->session);
        uint64_t deadline_us = az_hub_session_deadline_us(&w->session);
        bool was_running = w->is_running, had_signature = w->has_signature, was_granted = w->is_granted;
        az_hub_event event;
        az_result r;

        r = give_input(w);
        if (r != AZ_OK) {
                w->is_running = was_running;
                w->has_signature = had_signature;
                w->is_granted = was_granted;
                ck_assert(!az_hub_session_next_event(&w->session, &event));
                ck_assert_int_eq(az_hub_session_get_status(&w->session).state, before.state);
                ck_assert_uint_eq(az_hub_session_deadline_us(&w->session), deadline_us);
                return;
        }
        if (az_hub_session_next_event(&w->session, &event)) {
                on_event(w, &event);
                ck_assert(!az_hub_session_next_event(&w->session, &event));
        }
        check_deadline(w);

        /* No busy loop: once the deadline is dealt with, the next one is later than now. */
        ck_assert_int_eq(az_hub_session_timeout(&w->session, w->time), AZ_OK);
        if (az_hub_session_next_event(&w->session, &event))
                on_event(w, &event);
        ck_assert_uint_gt(az_hub_session_deadline_us(&w->session), w->time.now_us);
}

START_TEST(nothing_impossible_happens) {
        World w = { .random = UINT64_C(20261122), .time = { .now_us = 1, .unix_s = UINT64_C(1893456000) } };
        az_hub_session_options options = az_hub_session_options_default();
        az_iot_hub_client client;

        options.random_seed = 7;
        ck_assert_int_eq(az_iot_hub_client_init(&client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_hub_session_init(&w.session, &client, &options), AZ_OK);

        for (unsigned i = 0; i < N_INPUTS; i++) {
                pass_time(&w);
                step(&w);
        }

        /* The inputs reached everything, or the checks above prove little. */
        ck_assert_uint_gt(w.n_live, 100);
        ck_assert_uint_gt(w.n_drains, 100);
        for (az_hub_event_type type = AZ_HUB_EVENT_METHOD; type <= AZ_HUB_EVENT_TWIN; type++)
                ck_assert_uint_gt(w.n_messages[type], 100);
        for (az_hub_loss loss = AZ_HUB_LOSS_NONE + 1; loss < _AZ_HUB_LOSS_MAX; loss++)
                ck_assert_uint_gt(w.n_losses[loss], 10);
}
END_TEST

static Suite *hub_session_properties_suite(void) {
        Suite *s = suite_create("hub-session-properties");
        TCase *t = tcase_create("az_hub_session");

        tcase_add_test(t, nothing_impossible_happens);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_session_properties_suite)
