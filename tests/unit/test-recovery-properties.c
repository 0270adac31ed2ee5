/* SPDX-License-Identifier: MIT */

/*
 * Random inputs at random times, from fixed seeds, and what must hold whatever comes.
 */

#include <inttypes.h>

#include <session/recovery.h>

#include "unit.h"

#define N_SEEDS  60
#define N_INPUTS 1000

#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US   (60 * MINUTE_US)

typedef enum {
        IN_STOP,
        IN_PROVISION_NOW,
        IN_LIVE, /* from here on what is nobody's wish */
        IN_LOST,
        IN_ASSIGNED,
        IN_FAILED,
        IN_TIMEOUT,
        _IN_MAX
} Input;

/* What the driver knows of the recovery without asking it. */
typedef struct {
        az_recovery recovery;
        az_recovery_options options;
        uint64_t seed, random, now_us;
        bool is_left_alone; /* nobody wishes anything */
        bool is_running;    /* started and not stopped */
        bool has_assignment;
        bool is_wished;         /* the run, by somebody */
        uint64_t run_us;        /* the end of the last run that reached DPS; UINT64_MAX: there is none */
        uint64_t live_us;       /* since when there is a link; UINT64_MAX: there is none */
        uint64_t first_loss_us; /* of the losses in a row that count */
        unsigned n_losses, n_refusals;
        bool clock_is_plausible;
        unsigned *n_events;
} World;

#define HOLDS(w, condition) ck_assert_msg(condition, "seed %" PRIu64 ": %s", (w)->seed, #condition)

static uint64_t draw(World *w, uint64_t n) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % n;
}

static az_recovery_state state_of(const World *w) {
        return az_recovery_get_status(&w->recovery).state;
}

/* Why a run may begin: somebody wishes it, there is nothing else to try, or the rules say so. */
static void on_provision(World *w, Input input) {
        HOLDS(w, w->options.has_provisioning);
        w->is_wished = input == IN_PROVISION_NOW;
        if (w->is_wished)
                return;
        if (w->run_us != UINT64_MAX)
                HOLDS(w, w->now_us - w->run_us >= 10 * MINUTE_US);
        if (w->has_assignment)
                HOLDS(w, (w->n_refusals >= 3 && w->clock_is_plausible) ||
                                 (w->n_losses >= 10 && w->now_us - w->first_loss_us >= 15 * MINUTE_US));
}

static void on_event(World *w, const az_recovery_event *event, Input input) {
        az_recovery_state state = state_of(w);

        w->n_events[event->type]++;
        HOLDS(w, event->credential < w->options.n_credentials);
        HOLDS(w, event->not_before_us >= w->now_us);
        if (event->type == AZ_RECOVERY_EVENT_PROVISION)
                on_provision(w, input);
        if (event->type == AZ_RECOVERY_EVENT_NEW_CREDENTIAL)
                HOLDS(w, w->options.n_credentials > 1 && w->clock_is_plausible);
        if (event->type == AZ_RECOVERY_EVENT_CONNECT)
                w->has_assignment = true;
        if (event->type != AZ_RECOVERY_EVENT_STOP)
                HOLDS(w, event->not_before_us <= w->now_us + HOUR_US);

        /* What is known is not forgotten: nobody waits while there is a hub to try. */
        HOLDS(w, (state == AZ_RECOVERY_WAITING || state == AZ_RECOVERY_PROVISIONING) <= !w->has_assignment);
        HOLDS(w, (state == AZ_RECOVERY_STOPPED) == (event->type == AZ_RECOVERY_EVENT_STOP));
}

/* Inputs ---------------------------------------------------------------------------------------------- */

static void end_link(World *w) {
        if (w->live_us != UINT64_MAX && w->now_us - w->live_us >= MINUTE_US)
                w->n_losses = w->n_refusals = 0;
        w->live_us = UINT64_MAX;
}

static void count_loss(World *w, const az_hub_event *lost) {
        uint8_t code = lost->as.lost.connack_code;
        az_hub_loss loss = lost->as.lost.loss;

        end_link(w);
        if (lost->as.lost.from == AZ_HUB_SESSION_LIVE)
                w->n_refusals = 0;
        if (loss == AZ_HUB_LOSS_CLOCK || loss == AZ_HUB_LOSS_SIGNING)
                return;
        if (w->n_losses++ == 0)
                w->first_loss_us = w->now_us;
        if (loss == AZ_HUB_LOSS_REFUSED && (code == 2 || code == 4 || code == 5) && w->clock_is_plausible)
                w->n_refusals++;
}

static az_result give_lost(World *w) {
        az_hub_event lost = { .type = AZ_HUB_EVENT_LOST };
        az_recovery_state state = state_of(w);
        az_result r;

        lost.as.lost.loss = (az_hub_loss) (1 + draw(w, _AZ_HUB_LOSS_MAX - 1));
        if (draw(w, 2))
                lost.as.lost.loss = AZ_HUB_LOSS_REFUSED;
        lost.as.lost.connack_code = (uint8_t) (1 + draw(w, 6));
        lost.as.lost.from = draw(w, 4) ? AZ_HUB_SESSION_CONNECTING : AZ_HUB_SESSION_LIVE;
        lost.as.lost.delay_us = 1 + draw(w, 100 * USEC_PER_SEC);
        if (state == AZ_RECOVERY_HUB)
                count_loss(w, &lost);
        r = az_recovery_hub_lost(&w->recovery, &lost, w->clock_is_plausible, w->now_us);
        HOLDS(w, (r == AZ_OK) == (state == AZ_RECOVERY_HUB));
        return r;
}

static az_result give_live(World *w) {
        az_result r;

        r = az_recovery_hub_live(&w->recovery, w->now_us);
        if (r != AZ_OK)
                return r;
        w->n_refusals = 0;
        if (w->live_us == UINT64_MAX)
                w->live_us = w->now_us;
        return r;
}

static bool is_run(az_recovery_state state) {
        return state == AZ_RECOVERY_PROVISIONING || state == AZ_RECOVERY_REPROVISIONING;
}

static az_result give_assigned(World *w) {
        bool is_same = draw(w, 2);
        az_recovery_state state = state_of(w);
        az_result r;

        r = az_recovery_assigned(&w->recovery, is_same, w->now_us);
        HOLDS(w, (r == AZ_OK) == is_run(state));
        if (r != AZ_OK)
                return r;
        w->run_us = w->now_us;
        if (!is_same)
                w->n_losses = w->n_refusals = 0;
        return r;
}

/* Whatever went wrong, it leads on. */
static az_result give_failed(World *w) {
        az_error_class error_class = (az_error_class) (1 + draw(w, _AZ_ERROR_CLASS_MAX - 1));
        uint32_t retry_after_s = (uint32_t) (draw(w, 3) == 0 ? draw(w, 10000) : 0);
        az_recovery_state state = state_of(w);
        az_result r;

        r = az_recovery_failed(&w->recovery, error_class, retry_after_s, w->clock_is_plausible, w->now_us);
        HOLDS(w, (r == AZ_OK) == is_run(state));
        if (r != AZ_OK)
                return r;
        if (error_class != AZ_ERROR_CLASS_NETWORK && error_class != AZ_ERROR_CLASS_LOCAL)
                w->run_us = w->now_us;
        return r;
}

static az_result give_wish(World *w) {
        az_result r;

        r = az_recovery_provision_now(&w->recovery, w->now_us);
        if (r == AZ_OK)
                end_link(w);
        return r;
}

static az_result give(World *w, Input input) {
        switch (input) {
        case IN_STOP:
                az_recovery_stop(&w->recovery);
                return AZ_OK;
        case IN_PROVISION_NOW:
                return give_wish(w);
        case IN_LIVE:
                return give_live(w);
        case IN_LOST:
                return give_lost(w);
        case IN_ASSIGNED:
                return give_assigned(w);
        case IN_FAILED:
                return give_failed(w);
        case IN_TIMEOUT:
                return az_recovery_timeout(&w->recovery, w->now_us);
        case _IN_MAX:
                break;
        }
        ck_abort();
}

/* What would come next, most of the time. */
static Input choose(World *w) {
        az_recovery_state state = state_of(w);

        if (draw(w, 4) == 0)
                return (Input) (w->is_left_alone ? IN_LIVE + draw(w, _IN_MAX - IN_LIVE) : draw(w, _IN_MAX));
        if (state == AZ_RECOVERY_HUB)
                return draw(w, 20) ? IN_LOST : IN_LIVE;
        if (state == AZ_RECOVERY_WAITING)
                return IN_TIMEOUT;
        return draw(w, 3) ? IN_FAILED : IN_ASSIGNED;
}

static void pass_time(World *w) {
        uint64_t deadline_us = az_recovery_deadline_us(&w->recovery);

        w->now_us += draw(w, 100 * USEC_PER_SEC);
        if (draw(w, 8) == 0)
                w->now_us += draw(w, 30 * MINUTE_US);
        if (draw(w, 2) && deadline_us != UINT64_MAX)
                w->now_us = MAX(w->now_us, deadline_us);
        if (draw(w, 20) == 0)
                w->clock_is_plausible = !w->clock_is_plausible;
}

static void start(World *w) {
        az_recovery_event event;

        w->has_assignment = !w->options.has_provisioning || draw(w, 2);
        w->is_running = true;
        w->run_us = w->live_us = UINT64_MAX;
        w->n_losses = w->n_refusals = 0;
        HOLDS(w, az_recovery_start(&w->recovery, w->has_assignment, w->now_us) == AZ_OK);
        HOLDS(w, az_recovery_next_event(&w->recovery, &event));
        HOLDS(w, event.type == (w->has_assignment ? AZ_RECOVERY_EVENT_CONNECT : AZ_RECOVERY_EVENT_PROVISION));
}

static void step(World *w) {
        az_recovery_status before = az_recovery_get_status(&w->recovery);
        Input input = choose(w);
        az_recovery_event event;
        az_result r;

        r = give(w, input);
        if (az_recovery_next_event(&w->recovery, &event)) {
                HOLDS(w, r == AZ_OK);
                on_event(w, &event, input);
                HOLDS(w, !az_recovery_next_event(&w->recovery, &event));
        } else {
                HOLDS(w, state_of(w) == before.state);
                HOLDS(w, input == IN_TIMEOUT || input == IN_LIVE || r != AZ_OK);
        }

        /* Never stuck: where no session has the word, there is a deadline, and it is to come. */
        if (state_of(w) == AZ_RECOVERY_WAITING && (r == AZ_OK && input != IN_TIMEOUT))
                HOLDS(w, az_recovery_deadline_us(&w->recovery) > w->now_us);
        HOLDS(w,
              (az_recovery_deadline_us(&w->recovery) != UINT64_MAX) == (state_of(w) == AZ_RECOVERY_WAITING));
        w->is_running = state_of(w) != AZ_RECOVERY_STOPPED;
}

static void run(uint64_t seed, unsigned *n_events) {
        World w = { .seed = seed, .random = seed, .n_events = n_events, .clock_is_plausible = true };

        w.is_left_alone = draw(&w, 2);
        w.options = az_recovery_options_default();
        w.options.random_seed = seed;
        w.options.has_provisioning = draw(&w, 3) > 0;
        w.options.n_credentials = (uint32_t) (1 + draw(&w, 3));
        ck_assert_int_eq(az_recovery_init(&w.recovery, &w.options), AZ_OK);

        for (unsigned i = 0; i < N_INPUTS; i++) {
                if (!w.is_running)
                        start(&w);
                pass_time(&w);
                step(&w);
        }
}

START_TEST(nothing_impossible_happens) {
        unsigned n_events[_AZ_RECOVERY_EVENT_TYPE_MAX] = {};

        for (uint64_t seed = 1; seed <= N_SEEDS; seed++)
                run(seed, n_events);
        for (az_recovery_event_type type = 0; type < _AZ_RECOVERY_EVENT_TYPE_MAX; type++)
                ck_assert_msg(n_events[type] > 50, "%u events %s", n_events[type],
                              az_recovery_event_type_to_string(type));
}
END_TEST

static Suite *recovery_properties_suite(void) {
        Suite *s = suite_create("recovery-properties");
        TCase *t = tcase_create("az_recovery");

        tcase_add_test(t, nothing_impossible_happens);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(recovery_properties_suite)
