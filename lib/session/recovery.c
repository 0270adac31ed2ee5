/* SPDX-License-Identifier: MIT */
#include <session/recovery_internal.h>

#include <session/retry.h>
#include <session/session_internal.h>

/* DPS, "Reprovisioning": three refusals in a row; or ten failures, and a quarter of an hour. */
#define N_REFUSALS_OF_PROVISIONING 3
#define N_FAILURES_OF_PROVISIONING 10
#define FAILING_LONG_US            (15 * 60 * _az_USEC_PER_SEC)

/* The hub session tries one new token by itself; refused again, the credential is to blame. */
#define N_REFUSALS_OF_CREDENTIAL 2

/* A link that lived shorter than this has not shown that all is well. */
#define STABLE_US (60 * _az_USEC_PER_SEC)

/* Nothing waits for longer, whatever DPS asks for: enrollments are repaired from afar. */
#define LONGEST_S 3600

/* az_retry_delay_us() doubles the minimum at once and draws from the upper half: 10 min are the least. */
static const az_retry_policy policies[_AZ_RECOVERY_PACE_MAX] = {
        [AZ_RECOVERY_PACE_SOON] = { 1, 300 },
        [AZ_RECOVERY_PACE_SLOW] = { 600, LONGEST_S },
        [AZ_RECOVERY_PACE_SLOWEST] = { LONGEST_S, LONGEST_S },
};

/* What an input brings with it; each has its own few of these. */
typedef struct {
        uint64_t now_us;
        az_error_class error_class;
        uint32_t retry_after_s;
        bool clock_is_plausible;
} input;

static bool has_other_credential(az_recovery const *r) {
        return r->_internal.options.n_credentials > 1;
}

static bool may_provision(az_recovery const *r, uint64_t now_us) {
        return r->_internal.options.has_provisioning && now_us >= r->_internal.next_run_us;
}

static bool holds(az_recovery const *r, az_recovery_condition when, input const *in) {
        switch (when) {
        case AZ_RECOVERY_IF_ANY:
                return true;
        case AZ_RECOVERY_IF_CLOCK_DOUBTFUL:
                return !in->clock_is_plausible;
        case AZ_RECOVERY_IF_OTHER_CREDENTIAL:
                return in->clock_is_plausible && has_other_credential(r);
        case AZ_RECOVERY_IF_REFUSED_BY_BOTH:
                return in->clock_is_plausible && has_other_credential(r) && r->_internal.n_refusals > 0;
        case AZ_RECOVERY_IF_REFUSED_TWICE:
                return in->clock_is_plausible && !r->_internal.options.has_provisioning &&
                       has_other_credential(r) && r->_internal.n_refusals >= N_REFUSALS_OF_CREDENTIAL;
        case AZ_RECOVERY_IF_PROVISIONABLE:
                return r->_internal.options.has_provisioning;
        case AZ_RECOVERY_IF_REFUSED_THRICE:
                return in->clock_is_plausible && r->_internal.n_refusals >= N_REFUSALS_OF_PROVISIONING &&
                       may_provision(r, in->now_us);
        case AZ_RECOVERY_IF_FAILING_LONG:
                return r->_internal.n_failures >= N_FAILURES_OF_PROVISIONING &&
                       in->now_us - r->_internal.failing_since_us >= FAILING_LONG_US &&
                       may_provision(r, in->now_us);
        case _AZ_RECOVERY_IF_MAX:
                break;
        }
        return false;
}

static uint64_t later_of(uint64_t a_us, uint64_t b_us) {
        return a_us > b_us ? a_us : b_us;
}

/* A run ended: sets when the next may begin. */
static void end_run(az_recovery *r, az_recovery_pace pace, input const *in) {
        uint32_t after_s = in->retry_after_s < LONGEST_S ? in->retry_after_s : LONGEST_S;
        bool is_soon = pace == AZ_RECOVERY_PACE_SOON;
        uint32_t n_runs = is_soon ? ++r->_internal.n_unreached : ++r->_internal.n_runs;
        uint64_t delay_us = az_retry_delay_us(&policies[pace], n_runs, az_retry_draw(&r->_internal.random));
        uint64_t next_us = in->now_us + later_of(delay_us, after_s * _az_USEC_PER_SEC);

        if (!is_soon)
                r->_internal.n_unreached = 0;
        /* A wished run that does not reach DPS makes no other come sooner. */
        r->_internal.next_run_us = is_soon ? later_of(next_us, r->_internal.next_run_us) : next_us;
}

static void forget_failures(az_recovery *r) {
        r->_internal.n_refusals = 0;
        r->_internal.n_failures = 0;
}

static void forget_all(az_recovery *r) {
        forget_failures(r);
        r->_internal.n_runs = 0;
        r->_internal.n_unreached = 0;
}

/* There is no link any more; if it lived for long, all was well. */
static void end_link(az_recovery *r, uint64_t now_us) {
        if (r->_internal.live_since_us != UINT64_MAX && now_us - r->_internal.live_since_us >= STABLE_US)
                forget_all(r);
        r->_internal.live_since_us = UINT64_MAX;
}

static uint64_t not_before_us(az_recovery const *r, az_recovery_event_type type, uint64_t now_us) {
        if (type == AZ_RECOVERY_EVENT_STOP)
                return UINT64_MAX;
        if (type == AZ_RECOVERY_EVENT_PROVISION || type == AZ_RECOVERY_EVENT_CONNECT)
                return now_us;
        return r->_internal.state == AZ_RECOVERY_HUB ? later_of(r->_internal.hub_retry_us, now_us)
                                                     : r->_internal.next_run_us;
}

/* The one place where the state changes. */
static void move(az_recovery *r, az_recovery_transition const *transition, input const *in) {
        if (transition->pace != AZ_RECOVERY_PACE_NONE)
                end_run(r, transition->pace, in);
        if (transition->event == AZ_RECOVERY_EVENT_PROVISION)
                end_link(r, in->now_us);
        if (transition->event == AZ_RECOVERY_EVENT_NEW_CREDENTIAL)
                r->_internal.credential = (r->_internal.credential + 1) % r->_internal.options.n_credentials;
        if (transition->event == AZ_RECOVERY_EVENT_CONNECT)
                forget_failures(r);
        if (in->error_class != AZ_ERROR_CLASS_NONE)
                r->_internal.last_error_class = in->error_class;

        r->_internal.state = transition->to;
        r->_internal.has_event = true;
        r->_internal.event = (az_recovery_event){
                .type = transition->event,
                .error_class = in->error_class,
                .credential = r->_internal.credential,
                .not_before_us = not_before_us(r, transition->event, in->now_us),
        };
}

/* Every input comes through here: the table says what it leads to. */
static az_result feed(az_recovery *r, az_recovery_trigger on, input const *in) {
        az_recovery_transition const *row = NULL;

        if (r->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        do {
                row = _az_recovery_find_transition(row, r->_internal.state, on, in->error_class);
                if (!row)
                        return AZ_ERROR_NOT_SUPPORTED;
        } while (!holds(r, row->when, in));
        move(r, row, in);
        return AZ_OK;
}

az_recovery_options az_recovery_options_default(void) {
        return (az_recovery_options){ .n_credentials = 1 };
}

az_result az_recovery_init(az_recovery *r, az_recovery_options const *options) {
        if (options->random_seed == 0 || options->n_credentials == 0)
                return AZ_ERROR_ARG;

        *r = (az_recovery){
                ._internal = {
                        .options = *options,
                        .state = AZ_RECOVERY_STOPPED,
                        .random = options->random_seed,
                        .live_since_us = UINT64_MAX,
                },
        };
        return AZ_OK;
}

az_result az_recovery_start(az_recovery *r, bool has_assignment, uint64_t now_us) {
        return feed(r, has_assignment ? AZ_RECOVERY_ON_START : AZ_RECOVERY_ON_START_UNASSIGNED,
                    &(input){ .now_us = now_us });
}

void az_recovery_stop(az_recovery *r) {
        r->_internal.has_event = false;
        forget_all(r);
        r->_internal.next_run_us = 0;
        (void) feed(r, AZ_RECOVERY_ON_STOP, &(input){ .now_us = 0 });
}

az_result az_recovery_hub_live(az_recovery *r, uint64_t now_us) {
        if (r->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (r->_internal.state != AZ_RECOVERY_HUB)
                return AZ_ERROR_NOT_SUPPORTED;
        r->_internal.n_refusals = 0;
        if (r->_internal.live_since_us == UINT64_MAX)
                r->_internal.live_since_us = now_us;
        return AZ_OK;
}

/* Whether the hub has taken the credential before it was lost from this state. */
static bool was_accepted(az_hub_session_state from) {
        return from == AZ_HUB_SESSION_SUBSCRIBING || from == AZ_HUB_SESSION_LIVE ||
               from == AZ_HUB_SESSION_DRAINING || from == AZ_HUB_SESSION_CLOSING;
}

static void count_loss(az_recovery *r, input const *in, az_hub_session_state from) {
        end_link(r, in->now_us);
        if (was_accepted(from))
                r->_internal.n_refusals = 0;
        if (in->error_class == AZ_ERROR_CLASS_LOCAL)
                return;
        if (r->_internal.n_failures++ == 0)
                r->_internal.failing_since_us = in->now_us;
        if (in->clock_is_plausible &&
            (in->error_class == AZ_ERROR_CLASS_CREDENTIAL || in->error_class == AZ_ERROR_CLASS_IDENTITY))
                r->_internal.n_refusals++;
}

az_result az_recovery_hub_lost(az_recovery *r, az_hub_event const *lost, bool clock_is_plausible,
                               uint64_t now_us) {
        input in = { .now_us = now_us, .clock_is_plausible = clock_is_plausible };

        if (lost->type != AZ_HUB_EVENT_LOST)
                return AZ_ERROR_ARG;
        in.error_class = az_error_class_of_hub_loss(lost->as.lost.loss, lost->as.lost.connack_code);
        if (in.error_class == AZ_ERROR_CLASS_NONE)
                return AZ_ERROR_ARG;
        /* A signer that does not answer; the way to the hub may be tried while it signs, and fail. */
        if (lost->as.lost.from == AZ_HUB_SESSION_SIGNING && lost->as.lost.loss == AZ_HUB_LOSS_TIMEOUT)
                in.error_class = AZ_ERROR_CLASS_LOCAL;
        if (r->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (r->_internal.state != AZ_RECOVERY_HUB)
                return AZ_ERROR_NOT_SUPPORTED;

        count_loss(r, &in, lost->as.lost.from);
        r->_internal.hub_retry_us = now_us + lost->as.lost.delay_us;
        return feed(r, AZ_RECOVERY_ON_HUB_LOST, &in);
}

az_result az_recovery_assigned(az_recovery *r, bool is_same, uint64_t now_us) {
        return feed(r, is_same ? AZ_RECOVERY_ON_ASSIGNED_SAME : AZ_RECOVERY_ON_ASSIGNED,
                    &(input){ .now_us = now_us });
}

az_result az_recovery_failed(az_recovery *r, az_error_class error_class, uint32_t retry_after_s,
                             bool clock_is_plausible, uint64_t now_us) {
        if (error_class == AZ_ERROR_CLASS_NONE || (unsigned) error_class >= _AZ_ERROR_CLASS_MAX)
                return AZ_ERROR_ARG;
        return feed(r, AZ_RECOVERY_ON_FAILED,
                    &(input){
                            .now_us = now_us,
                            .error_class = error_class,
                            .retry_after_s = retry_after_s,
                            .clock_is_plausible = clock_is_plausible,
                    });
}

az_result az_recovery_provision_now(az_recovery *r, uint64_t now_us) {
        return feed(r, AZ_RECOVERY_ON_PROVISION_NOW, &(input){ .now_us = now_us });
}

az_result az_recovery_timeout(az_recovery *r, uint64_t now_us) {
        if (now_us < az_recovery_deadline_us(r))
                return AZ_OK;
        return feed(r, AZ_RECOVERY_ON_TIMEOUT, &(input){ .now_us = now_us });
}

bool az_recovery_next_event(az_recovery *r, az_recovery_event *out_event) {
        if (!r->_internal.has_event)
                return false;
        *out_event = r->_internal.event;
        r->_internal.has_event = false;
        return true;
}

uint64_t az_recovery_deadline_us(az_recovery const *r) {
        return r->_internal.state == AZ_RECOVERY_WAITING ? r->_internal.next_run_us : UINT64_MAX;
}

az_recovery_status az_recovery_get_status(az_recovery const *r) {
        return (az_recovery_status){
                .state = r->_internal.state,
                .last_error_class = r->_internal.last_error_class,
                .credential = r->_internal.credential,
                .n_refusals = r->_internal.n_refusals,
                .n_failures = r->_internal.n_failures,
                .n_runs = r->_internal.n_runs,
                .next_run_us = r->_internal.next_run_us,
        };
}
