/* SPDX-License-Identifier: MIT */
#include <session/recovery.h>

#include "unit.h"

#define MINUTE UINT32_C(60)
#define HOUR   (60 * MINUTE)
#define NEVER  UINT32_MAX

/* clang-format off */
#define S(state) AZ_RECOVERY_##state
#define E(event) AZ_RECOVERY_EVENT_##event
#define C(name)  AZ_ERROR_CLASS_##name
#define L(loss)  AZ_HUB_LOSS_##loss
/* clang-format on */

/* How long the hub session says that it backs off. */
#define BACKOFF_S 30

typedef enum {
        END, /* of a script */
        START,
        START_UNASSIGNED,
        STOP,
        LIVE,
        LOST,          /* arg: az_hub_loss; while CONNECTING */
        LOST_LATER,    /* arg: az_hub_loss; after CONNACK */
        REFUSED,       /* arg: code of CONNACK */
        REFUSED_UNSET, /* by a wall clock that is not set */
        ASSIGNED,
        ASSIGNED_SAME,
        FAILED,       /* arg: az_error_class */
        FAILED_UNSET, /* by a wall clock that is not set */
        THROTTLED,    /* arg: seconds that DPS asks for */
        PROVISION_NOW,
        TIMEOUT,
        _INPUT_MAX
} Input;

#define NO_EVENT _AZ_RECOVERY_EVENT_TYPE_MAX

/* One input, given so often, and what has to come of the last. */
typedef struct {
        Input input;
        int arg;
        uint32_t at_s;
        az_recovery_event_type event;
        az_recovery_state state;
        uint32_t not_before_s, latest_s; /* of the event; or the range that chance chooses it from */
        uint32_t credential;
} Step;

typedef struct {
        const char *name;
        bool has_provisioning;
        uint32_t n_credentials; /* 0: 1 */
        Step steps[20];
} Script;

/* Tables ---------------------------------------------------------------------------------------------- */

/* clang-format off */
#define STARTED        { START, 0, 0, E(CONNECT), S(HUB), 0 }
#define BACKS_OFF(t)   E(BACK_OFF), S(HUB), (t) + BACKOFF_S
#define UNTIL_REFUSED  STARTED, \
                       { REFUSED, 5, 10, BACKS_OFF(10) }, \
                       { REFUSED, 5, 20, BACKS_OFF(20) }, \
                       { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 }
#define UNPROVISIONED  { START_UNASSIGNED, 0, 0, E(PROVISION), S(PROVISIONING), 0 }
#define SOON(t, n)     (t) + (n), (t) + 2 * (n)
#define SLOW(t)        (t) + 10 * MINUTE, (t) + 20 * MINUTE
#define SLOWER(t)      (t) + 20 * MINUTE, (t) + 40 * MINUTE
#define SLOWEST(t)     (t) + 30 * MINUTE, (t) + 60 * MINUTE

static const Script scripts[] = {
        /* The rules of reprovisioning. */
        { "three refusals lead to DPS, which knows another hub", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED, 0, 65, E(CONNECT), S(HUB), 65 },
                { REFUSED,  5, 70, BACKS_OFF(70) },
                { REFUSED,  5, 75, BACKS_OFF(75) },
        } },
        { "four and five and an identifier that is rejected are refusals alike", true, .steps = {
                STARTED,
                { REFUSED, 4, 10, BACKS_OFF(10) },
                { REFUSED, 2, 20, BACKS_OFF(20) },
                { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "what says nothing about the identity does not end a row of refusals", true, .steps = {
                STARTED,
                { REFUSED, 5,         10, BACKS_OFF(10) },
                { LOST,    L(NAME),   20, BACKS_OFF(20) },
                { REFUSED, 5,         30, BACKS_OFF(30) },
                { LOST,    L(TLS),    40, BACKS_OFF(40) },
                { REFUSED, 3,         50, BACKS_OFF(50) },
                { REFUSED, 5,         60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "a credential that was taken in between ends a row of refusals", true, .steps = {
                STARTED,
                { REFUSED,    5,            10, BACKS_OFF(10) },
                { REFUSED,    5,            20, BACKS_OFF(20) },
                { LOST_LATER, L(SUBSCRIBE), 30, BACKS_OFF(30) },
                { REFUSED,    5,            40, BACKS_OFF(40) },
                { REFUSED,    5,            50, BACKS_OFF(50) },
                { LIVE,       0,            60, NO_EVENT, S(HUB) },
                { REFUSED,    5,            70, BACKS_OFF(70) }, /* a renewal */
                { REFUSED,    5,            80, BACKS_OFF(80) },
                { REFUSED,    5,            90, E(PROVISION), S(REPROVISIONING), 90 },
        } },
        { "refusals by a clock that is not set are none", true, .steps = {
                STARTED,
                { REFUSED_UNSET, 5, 10, BACKS_OFF(10) },
                { REFUSED_UNSET, 5, 20, BACKS_OFF(20) },
                { REFUSED_UNSET, 5, 30, BACKS_OFF(30) },
                { REFUSED,       5, 40, BACKS_OFF(40) },
                { REFUSED,       5, 50, BACKS_OFF(50) },
                { REFUSED,       5, 60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "ten failures are not enough before 15 minutes have passed", true, .steps = {
                STARTED,
                { LOST, L(TCP), 0,   BACKS_OFF(0) },
                { LOST, L(TCP), 10,  BACKS_OFF(10) },
                { LOST, L(TCP), 20,  BACKS_OFF(20) },
                { LOST, L(TCP), 30,  BACKS_OFF(30) },
                { LOST, L(TCP), 40,  BACKS_OFF(40) },
                { LOST, L(TCP), 50,  BACKS_OFF(50) },
                { LOST, L(TCP), 60,  BACKS_OFF(60) },
                { LOST, L(TCP), 70,  BACKS_OFF(70) },
                { LOST, L(TCP), 80,  BACKS_OFF(80) },
                { LOST, L(TCP), 90,  BACKS_OFF(90) },
                { LOST, L(TCP), 899, BACKS_OFF(899) },
                { LOST, L(TCP), 900, E(PROVISION), S(REPROVISIONING), 900 },
        } },
        { "15 minutes are not enough before there were ten failures", true, .steps = {
                STARTED,
                { LOST, L(TCP),        0,    BACKS_OFF(0) },
                { LOST, L(NAME),       1000, BACKS_OFF(1000) },
                { LOST, L(TLS),        2000, BACKS_OFF(2000) },
                { LOST, L(TIMEOUT),    3000, BACKS_OFF(3000) },
                { LOST, L(CLOSED),     4000, BACKS_OFF(4000) },
                { LOST, L(KEEP_ALIVE), 5000, BACKS_OFF(5000) },
                { LOST, L(PROTOCOL),   6000, BACKS_OFF(6000) },
                { LOST_LATER, L(SUBSCRIBE), 7000, BACKS_OFF(7000) },
                { LOST, L(THROTTLED),  8000, BACKS_OFF(8000) },
                { LOST, L(TCP),        9000, E(PROVISION), S(REPROVISIONING), 9000 },
        } },
        { "a link that lived for a minute undoes all that", true, .steps = {
                STARTED,
                { REFUSED,    5,         10,  BACKS_OFF(10) },
                { REFUSED,    5,         20,  BACKS_OFF(20) },
                { LIVE,       0,         100, NO_EVENT, S(HUB) },
                { LIVE,       0,         155, NO_EVENT, S(HUB) }, /* renewed */
                { LOST_LATER, L(CLOSED), 160, BACKS_OFF(160) },
                { REFUSED,    5,         170, BACKS_OFF(170) },
                { REFUSED,    5,         180, BACKS_OFF(180) },
                { REFUSED,    5,         190, E(PROVISION), S(REPROVISIONING), 190 },
                { ASSIGNED_SAME, 0,      200, E(RESUME), S(HUB), 220 },
                { LIVE,       0,         210, NO_EVENT, S(HUB) },
                { LOST_LATER, L(TCP),    270, BACKS_OFF(270) },
        } },
        { "the back-off of the hub goes on where it was when DPS assigns the same", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED_SAME, 0, 65,   E(RESUME), S(HUB), 60 + BACKOFF_S },
                { REFUSED,       5, 90,   BACKS_OFF(90) },
                { REFUSED,       5, 664,  BACKS_OFF(664) },
                { REFUSED,       5, 1266, E(PROVISION), S(REPROVISIONING), 1266 },
                { ASSIGNED_SAME, 0, 1400, E(RESUME), S(HUB), 1400 },
        } },
        { "a second run has to wait however often the hub fails, and a third for longer", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED, 0, 65,                 E(CONNECT), S(HUB), 65 },
                { REFUSED,  5, 70,                 BACKS_OFF(70) },
                { REFUSED,  5, 80,                 BACKS_OFF(80) },
                { REFUSED,  5, 90,                 BACKS_OFF(90) },
                { REFUSED,  5, 664,                BACKS_OFF(664) },
                { REFUSED,  5, 65 + 20 * MINUTE,   E(PROVISION), S(REPROVISIONING), 65 + 20 * MINUTE },
                { ASSIGNED, 0, 2000,               E(CONNECT), S(HUB), 2000 },
                { REFUSED,  5, 2010,               BACKS_OFF(2010) },
                { REFUSED,  5, 2020,               BACKS_OFF(2020) },
                { REFUSED,  5, 3199,               BACKS_OFF(3199) },
                { REFUSED,  5, 2000 + 40 * MINUTE, E(PROVISION), S(REPROVISIONING), 2000 + 40 * MINUTE },
        } },
        { "somebody who wishes a run of DPS gets one", true, .steps = {
                { PROVISION_NOW, 0, 0, NO_EVENT, S(STOPPED) },
                STARTED,
                { LIVE,          0, 10, NO_EVENT, S(HUB) },
                { PROVISION_NOW, 0, 20, E(PROVISION), S(REPROVISIONING), 20 },
                { PROVISION_NOW, 0, 21, NO_EVENT, S(REPROVISIONING) },
                { ASSIGNED_SAME, 0, 25, E(RESUME), S(HUB), 25 },
                { PROVISION_NOW, 0, 26, E(PROVISION), S(REPROVISIONING), 26 },
                { ASSIGNED,      0, 30, E(CONNECT), S(HUB), 30 },
        } },

        /* Runs of DPS that fail. */
        { "a run that fails leaves the device with the hub that it has", true, .steps = {
                UNTIL_REFUSED,
                { FAILED,  C(SERVICE), 62,   E(RESUME), S(HUB), 90 },
                { REFUSED, 5,          90,   BACKS_OFF(90) },
                { REFUSED, 5,          1262, E(PROVISION), S(REPROVISIONING), 1262 },
                { FAILED,  C(NETWORK), 1300, E(RESUME), S(HUB), 1300 },
                { REFUSED, 5,          1310, BACKS_OFF(1310) },
                { REFUSED, 5,          2499, BACKS_OFF(2499) },
                { REFUSED, 5,          3700, E(PROVISION), S(REPROVISIONING), 3700 },
                { FAILED,  C(FORBIDDEN), 3700, E(RESUME), S(HUB), 3730 },
                { REFUSED, 5,          5499, BACKS_OFF(5499) },
                { REFUSED, 5,          7300, E(PROVISION), S(REPROVISIONING), 7300 },
        } },
        { "without an assignment the next run comes by itself", true, .steps = {
                UNPROVISIONED,
                { FAILED,   C(SERVICE),  10,   E(WAIT),      S(WAITING), SLOW(10) },
                { TIMEOUT,  0,           609,  NO_EVENT,     S(WAITING) },
                { TIMEOUT,  0,           1210, E(PROVISION), S(PROVISIONING), 1210 },
                { FAILED,   C(IDENTITY), 1220, E(WAIT),      S(WAITING), SLOWER(1220) },
                { TIMEOUT,  0,           3620, E(PROVISION), S(PROVISIONING), 3620 },
                { FAILED,   C(TIMEOUT),  3700, E(WAIT),      S(WAITING), SLOWEST(3700) },
                { TIMEOUT,  0,           7300, E(PROVISION), S(PROVISIONING), 7300 },
                { FAILED,   C(CONFLICT), 7300, E(WAIT),      S(WAITING), SLOWEST(7300) },
                { PROVISION_NOW, 0,      7301, E(PROVISION), S(PROVISIONING), 7301 },
                { ASSIGNED, 0,           7302, E(CONNECT),   S(HUB), 7302 },
        } },
        { "where only people can help, it is an hour at once", true, .steps = {
                UNPROVISIONED,
                { FAILED,  C(FORBIDDEN),  10,      E(WAIT),      S(WAITING), SLOWEST(10) },
                { TIMEOUT, 0,             2*HOUR,  E(PROVISION), S(PROVISIONING), 2*HOUR },
                { FAILED,  C(CALLER),     2*HOUR,  E(WAIT),      S(WAITING), SLOWEST(2*HOUR) },
                { TIMEOUT, 0,             4*HOUR,  E(PROVISION), S(PROVISIONING), 4*HOUR },
                { FAILED,  C(TOO_LARGE),  4*HOUR,  E(WAIT),      S(WAITING), SLOWEST(4*HOUR) },
                { TIMEOUT, 0,             6*HOUR,  E(PROVISION), S(PROVISIONING), 6*HOUR },
                { FAILED,  C(CREDENTIAL), 6*HOUR,  E(WAIT),      S(WAITING), SLOWEST(6*HOUR) },
        } },
        { "a network that is not there yet is tried soon", true, .steps = {
                UNPROVISIONED,
                { FAILED,  C(NETWORK), 10,  E(WAIT),      S(WAITING), SOON(10, 1) },
                { TIMEOUT, 0,          12,  E(PROVISION), S(PROVISIONING), 12 },
                { FAILED,  C(LOCAL),   12,  E(WAIT),      S(WAITING), SOON(12, 2) },
                { TIMEOUT, 0,          16,  E(PROVISION), S(PROVISIONING), 16 },
                { FAILED,  C(NETWORK), 20,  E(WAIT),      S(WAITING), SOON(20, 4) },
                { TIMEOUT, 0,          28,  E(PROVISION), S(PROVISIONING), 28 },
                { FAILED,  C(NETWORK), 30,  E(WAIT),      S(WAITING), SOON(30, 8) },
        } },
        { "DPS says when it wants to be asked again, up to an hour", true, .steps = {
                UNPROVISIONED,
                { THROTTLED, 5,     10,   E(WAIT),      S(WAITING), SLOW(10) },
                { TIMEOUT,   0,     1210, E(PROVISION), S(PROVISIONING), 1210 },
                { THROTTLED, 3000,  1210, E(WAIT),      S(WAITING), 4210 },
                { TIMEOUT,   0,     4210, E(PROVISION), S(PROVISIONING), 4210 },
                { THROTTLED, 99999, 4210, E(WAIT),      S(WAITING), 7810 },
        } },

        /* Credentials. */
        { "without DPS the other credential is taken when a new token did not help", false, 2, .steps = {
                STARTED,
                { REFUSED, 5,      10, BACKS_OFF(10) },
                { REFUSED, 4,      20, E(NEW_CREDENTIAL), S(HUB), 50, 0, 1 },
                { LOST,    L(TCP), 30, BACKS_OFF(30), 0, 1 },
                { REFUSED, 5,      40, E(NEW_CREDENTIAL), S(HUB), 70, 0, 0 },
                { LIVE,    0,      50, NO_EVENT, S(HUB) },
                { REFUSED, 5,      60, BACKS_OFF(60) },
        } },
        { "the other credential is no answer to a clock that is not set", false, 2, .steps = {
                STARTED,
                { REFUSED_UNSET, 5, 10, BACKS_OFF(10) },
                { REFUSED_UNSET, 5, 20, BACKS_OFF(20) },
                { REFUSED_UNSET, 5, 30, BACKS_OFF(30) },
        } },
        { "without DPS and another credential the hub is all that there is", false, .steps = {
                { START_UNASSIGNED, 0, 0, NO_EVENT, S(STOPPED) },
                STARTED,
                { REFUSED, 5,         10,   BACKS_OFF(10) },
                { REFUSED, 5,         20,   BACKS_OFF(20) },
                { REFUSED, 2,         3000, BACKS_OFF(3000) },
                { REFUSED, 5,         4000, BACKS_OFF(4000) },
                { PROVISION_NOW, 0,   4001, NO_EVENT, S(HUB) },
        } },
        { "with DPS the credential is changed when DPS refuses it", true, 2, .steps = {
                UNTIL_REFUSED,
                { FAILED,  C(CREDENTIAL), 62,   E(NEW_CREDENTIAL), S(HUB), 90, 0, 1 },
                { REFUSED, 5,             90,   BACKS_OFF(90), 0, 1 },
                { REFUSED, 5,             1262, E(PROVISION), S(REPROVISIONING), 1262, 0, 1 },
                { FAILED,  C(CREDENTIAL), 1262, E(NEW_CREDENTIAL), S(HUB), 1292, 0, 0 },
        } },
        { "so it is for the first run", true, 3, .steps = {
                UNPROVISIONED,
                { FAILED,       C(CREDENTIAL), 1,    E(NEW_CREDENTIAL), S(WAITING), SLOW(1), 1 },
                { TIMEOUT,      0,             1201, E(PROVISION), S(PROVISIONING), 1201, 0, 1 },
                { FAILED_UNSET, C(CREDENTIAL), 1201, E(WAIT), S(WAITING), SLOWER(1201), 1 },
                { TIMEOUT,      0,             3601, E(PROVISION), S(PROVISIONING), 3601, 0, 1 },
                { FAILED,       C(CREDENTIAL), 3601, E(NEW_CREDENTIAL), S(WAITING), SLOWEST(3601), 2 },
                { TIMEOUT,      0,             7201, E(PROVISION), S(PROVISIONING), 7201, 0, 2 },
                { FAILED,       C(CREDENTIAL), 7201, E(NEW_CREDENTIAL), S(WAITING), SLOWEST(7201), 0 },
        } },
        { "a clock that is not set is no reason to wait for people", true, .steps = {
                UNTIL_REFUSED,
                { FAILED_UNSET, C(CREDENTIAL), 60,   E(RESUME), S(HUB), 90 },
                { REFUSED,      5,             1260, E(PROVISION), S(REPROVISIONING), 1260 },
        } },

        /* The rest. */
        { "late news are ignored", true, .steps = {
                { REFUSED,  5,          0,  NO_EVENT, S(STOPPED) },
                { ASSIGNED, 0,          0,  NO_EVENT, S(STOPPED) },
                STARTED,
                { START,    0,          5,  NO_EVENT, S(HUB) },
                { ASSIGNED, 0,          5,  NO_EVENT, S(HUB) },
                { FAILED,   C(SERVICE), 5,  NO_EVENT, S(HUB) },
                { REFUSED,  5,          10, BACKS_OFF(10) },
                { REFUSED,  5,          20, BACKS_OFF(20) },
                { REFUSED,  5,          60, E(PROVISION), S(REPROVISIONING), 60 },
                { REFUSED,  5,          61, NO_EVENT, S(REPROVISIONING) },
                { LIVE,     0,          61, NO_EVENT, S(REPROVISIONING) },
                { TIMEOUT,  0,          62, NO_EVENT, S(REPROVISIONING) },
        } },
        { "after a stop it begins anew", true, .steps = {
                STARTED,
                { REFUSED, 5, 10, BACKS_OFF(10) },
                { REFUSED, 5, 20, BACKS_OFF(20) },
                { STOP,    0, 25, E(STOP), S(STOPPED), NEVER },
                { START,   0, 30, E(CONNECT), S(HUB), 30 },
                { REFUSED, 5, 40, BACKS_OFF(40) },
                { REFUSED, 5, 50, BACKS_OFF(50) },
                { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 },
                { STOP,    0, 65, E(STOP), S(STOPPED), NEVER },
        } },
};
/* clang-format on */

/* Running them ---------------------------------------------------------------------------------------- */

static uint64_t us(uint32_t second) {
        return second == NEVER ? UINT64_MAX : second * USEC_PER_SEC;
}

static az_result give_lost(az_recovery *r, az_hub_loss loss, int code, az_hub_session_state from,
                           bool clock_is_plausible, uint64_t now_us) {
        az_hub_event lost = { .type = AZ_HUB_EVENT_LOST };

        lost.as.lost.loss = loss;
        lost.as.lost.connack_code = (uint8_t) code;
        lost.as.lost.from = from;
        lost.as.lost.delay_us = BACKOFF_S * USEC_PER_SEC;
        return az_recovery_hub_lost(r, &lost, clock_is_plausible, now_us);
}

static az_result give(az_recovery *r, Input input, int arg, uint64_t now_us) {
        switch (input) {
        case START:
        case START_UNASSIGNED:
                return az_recovery_start(r, input == START, now_us);
        case STOP:
                az_recovery_stop(r);
                return AZ_OK;
        case LIVE:
                return az_recovery_hub_live(r, now_us);
        case LOST:
                return give_lost(r, (az_hub_loss) arg, 0, AZ_HUB_SESSION_CONNECTING, true, now_us);
        case LOST_LATER:
                return give_lost(r, (az_hub_loss) arg, 0, AZ_HUB_SESSION_SUBSCRIBING, true, now_us);
        case REFUSED:
        case REFUSED_UNSET:
                return give_lost(r, AZ_HUB_LOSS_REFUSED, arg, AZ_HUB_SESSION_CONNECTING, input == REFUSED,
                                 now_us);
        case ASSIGNED:
        case ASSIGNED_SAME:
                return az_recovery_assigned(r, input == ASSIGNED_SAME, now_us);
        case FAILED:
        case FAILED_UNSET:
                return az_recovery_failed(r, (az_error_class) arg, 0, input == FAILED, now_us);
        case THROTTLED:
                return az_recovery_failed(r, AZ_ERROR_CLASS_THROTTLED, (uint32_t) arg, true, now_us);
        case PROVISION_NOW:
                return az_recovery_provision_now(r, now_us);
        case TIMEOUT:
                return az_recovery_timeout(r, now_us);
        case END:
        case _INPUT_MAX:
                break;
        }
        ck_abort();
}

static az_recovery new_recovery(bool has_provisioning, uint32_t n_credentials) {
        az_recovery_options o = az_recovery_options_default();
        az_recovery r;

        o.random_seed = 42;
        o.has_provisioning = has_provisioning;
        if (n_credentials > 0)
                o.n_credentials = n_credentials;
        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_OK);
        return r;
}

static void check_event(const az_recovery_event *event, const Step *step, const char *where) {
        ck_assert_msg(event->type == step->event, "%s: %s", where,
                      az_recovery_event_type_to_string(event->type));
        ck_assert_msg(us(step->not_before_s) <= event->not_before_us &&
                              event->not_before_us <= us(MAX(step->not_before_s, step->latest_s)),
                      "%s: not before %.6f s", where, (double) event->not_before_us / USEC_PER_SEC);
        ck_assert_msg(event->credential == step->credential, "%s: credential %u", where, event->credential);
}

static void run_step(az_recovery *r, const Step *step, const char *where) {
        az_recovery_event event;
        az_result result;

        result = give(r, step->input, step->arg, us(step->at_s));
        if (step->event == NO_EVENT) {
                if (step->input != TIMEOUT && !(step->input == LIVE && step->state == S(HUB)))
                        ck_assert_msg(result == AZ_ERROR_NOT_SUPPORTED, "%s: taken", where);
                ck_assert_msg(!az_recovery_next_event(r, &event), "%s: an event", where);
        } else {
                ck_assert_msg(result == AZ_OK, "%s: refused", where);
                ck_assert(az_recovery_next_event(r, &event));
                check_event(&event, step, where);
                ck_assert(!az_recovery_next_event(r, &event));
        }
        ck_assert_msg(az_recovery_get_status(r).state == step->state, "%s: %s", where,
                      az_recovery_state_to_string(az_recovery_get_status(r).state));
}

START_TEST(recovery_follows_the_script) {
        const Script *script = &scripts[_i];
        az_recovery r = new_recovery(script->has_provisioning, script->n_credentials);

        for (size_t i = 0; i < ELEMENTSOF(script->steps); i++) {
                char where[128];

                if (script->steps[i].input == END)
                        break;
                (void) snprintf(where, sizeof(where), "'%s', step %zu", script->name, i);
                run_step(&r, &script->steps[i], where);
        }
}
END_TEST

/* The table ------------------------------------------------------------------------------------------- */

static const az_recovery_transition *rows(size_t *ret_n) {
        return az_recovery_transitions(ret_n);
}

/* Which classes the rows without a condition take. */
static uint32_t classes_in(az_recovery_state from, az_recovery_trigger on) {
        const az_recovery_transition *row;
        uint32_t classes = 0;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                if (row[i].from == from && row[i].on == on && row[i].when == AZ_RECOVERY_IF_ANY)
                        classes |= row[i].classes;
        }
        return classes;
}

START_TEST(every_class_leads_on_from_every_state_that_can_fail) {
        uint32_t all = ((UINT32_C(1) << _AZ_ERROR_CLASS_MAX) - 1) & ~(UINT32_C(1) << AZ_ERROR_CLASS_NONE);

        ck_assert_uint_eq(classes_in(S(HUB), AZ_RECOVERY_ON_HUB_LOST), all);
        ck_assert_uint_eq(classes_in(S(PROVISIONING), AZ_RECOVERY_ON_FAILED), all);
        ck_assert_uint_eq(classes_in(S(REPROVISIONING), AZ_RECOVERY_ON_FAILED), all);
}
END_TEST

START_TEST(only_failures_have_classes_and_only_the_end_of_a_run_sets_a_pace) {
        const az_recovery_transition *row;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                bool is_failure = row[i].on == AZ_RECOVERY_ON_HUB_LOST || row[i].on == AZ_RECOVERY_ON_FAILED;
                bool ends_run = row[i].on == AZ_RECOVERY_ON_FAILED || row[i].on == AZ_RECOVERY_ON_ASSIGNED ||
                                row[i].on == AZ_RECOVERY_ON_ASSIGNED_SAME;

                ck_assert_int_eq(row[i].classes != 0, is_failure);
                ck_assert_int_eq(row[i].pace != AZ_RECOVERY_PACE_NONE, ends_run);
        }
}
END_TEST

/* A row that comes behind one which takes all that it takes is never taken. */
START_TEST(no_row_hides_another) {
        const az_recovery_transition *row;
        size_t n;

        row = rows(&n);
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j < i; j++) {
                        if (row[j].from == row[i].from && row[j].on == row[i].on &&
                            (row[j].when == AZ_RECOVERY_IF_ANY || row[j].when == row[i].when))
                                ck_assert_uint_ne(row[i].classes & ~row[j].classes, 0);
                }
        }
}
END_TEST

/* The rest -------------------------------------------------------------------------------------------- */

static const struct {
        az_hub_loss loss;
        uint8_t code;
        az_error_class error_class;
} losses[] = {
        { L(NONE), 0, C(NONE) },           { L(SIGNING), 0, C(LOCAL) },
        { L(NAME), 0, C(NETWORK) },        { L(TCP), 0, C(NETWORK) },
        { L(TLS), 0, C(NETWORK) },         { L(TIMEOUT), 0, C(TIMEOUT) },
        { L(REFUSED), 1, C(PROTOCOL) },    { L(REFUSED), 2, C(IDENTITY) },
        { L(REFUSED), 3, C(SERVICE) },     { L(REFUSED), 4, C(CREDENTIAL) },
        { L(REFUSED), 5, C(CREDENTIAL) },  { L(SUBSCRIBE), 0, C(FORBIDDEN) },
        { L(CLOSED), 0, C(SERVICE) },      { L(KEEP_ALIVE), 0, C(TIMEOUT) },
        { L(PROTOCOL), 0, C(PROTOCOL) },   { L(PUBLISH), 0, C(CALLER) },
        { L(THROTTLED), 0, C(THROTTLED) }, { L(DUPLICATE), 0, C(CONFLICT) },
        { L(CLOCK), 0, C(LOCAL) },         { _AZ_HUB_LOSS_MAX, 0, C(PROTOCOL) },
};

START_TEST(losses_have_their_class) {
        ck_assert_int_eq(az_error_class_of_hub_loss(losses[_i].loss, losses[_i].code),
                         losses[_i].error_class);
}
END_TEST

static const az_hub_loss harmless[] = { L(SIGNING), L(THROTTLED), L(DUPLICATE), L(PUBLISH), L(CLOCK) };

START_TEST(what_dps_cannot_mend_does_not_lead_to_it_however_long) {
        az_recovery r = new_recovery(true, 1);
        az_recovery_event event;

        ck_assert_int_eq(give(&r, START, 0, 0), AZ_OK);
        ck_assert(az_recovery_next_event(&r, &event));
        for (uint32_t i = 0; i < 100; i++) {
                ck_assert_int_eq(give(&r, LOST, (int) harmless[_i], us(i * 100)), AZ_OK);
                ck_assert(az_recovery_next_event(&r, &event));
                ck_assert_int_eq(event.type, AZ_RECOVERY_EVENT_BACK_OFF);
        }
}
END_TEST

START_TEST(a_clock_that_is_waited_for_is_no_failure) {
        az_recovery r = new_recovery(true, 1);
        az_recovery_event event;

        ck_assert_int_eq(give(&r, START, 0, 0), AZ_OK);
        ck_assert(az_recovery_next_event(&r, &event));
        ck_assert_int_eq(give(&r, LOST, L(CLOCK), 0), AZ_OK);
        ck_assert(az_recovery_next_event(&r, &event));
        ck_assert_int_eq(event.error_class, C(LOCAL));
        ck_assert_uint_eq(az_recovery_get_status(&r).n_failures, 0);
}
END_TEST

START_TEST(status_tells_what_was_counted) {
        az_recovery r = new_recovery(true, 2);
        az_recovery_event event;
        az_recovery_status status;

        static const struct {
                Input input;
                int arg;
        } story[] = { { START },      { REFUSED, 5 }, { LOST, L(TCP) },
                      { REFUSED, 5 }, { REFUSED, 5 }, { FAILED, C(CREDENTIAL) } };

        for (uint32_t i = 0; i < ELEMENTSOF(story); i++) {
                ck_assert_int_eq(give(&r, story[i].input, story[i].arg, us(i)), AZ_OK);
                ck_assert(az_recovery_next_event(&r, &event));
        }
        status = az_recovery_get_status(&r);
        ck_assert_int_eq(status.state, AZ_RECOVERY_HUB);
        ck_assert_int_eq(status.last_error_class, C(CREDENTIAL));
        ck_assert_uint_eq(status.n_refusals, 3);
        ck_assert_uint_eq(status.n_failures, 4);
        ck_assert_uint_eq(status.n_runs, 1);
        ck_assert_uint_eq(status.credential, 1);
        ck_assert_uint_ge(status.next_run_us, us(5 + 10 * MINUTE));
        ck_assert_int_eq(event.error_class, C(CREDENTIAL));
}
END_TEST

START_TEST(an_event_that_waits_refuses_every_input_but_stop) {
        az_recovery r = new_recovery(true, 1);
        az_recovery_event event;

        ck_assert_int_eq(give(&r, START_UNASSIGNED, 0, 0), AZ_OK);
        for (Input input = START; input < _INPUT_MAX; input++) {
                if (input != STOP && input != TIMEOUT)
                        ck_assert_int_eq(give(&r, input, 5, 0), AZ_ERROR_NOT_ENOUGH_SPACE);
        }
        az_recovery_stop(&r);
        ck_assert(az_recovery_next_event(&r, &event));
        ck_assert_int_eq(event.type, AZ_RECOVERY_EVENT_STOP);
}
END_TEST

START_TEST(arguments_that_cannot_be_are_refused) {
        az_recovery_options o = az_recovery_options_default();
        az_hub_event live = { .type = AZ_HUB_EVENT_LIVE };
        az_recovery r;

        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_ERROR_ARG);
        o.random_seed = 1;
        o.n_credentials = 0;
        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_ERROR_ARG);

        r = new_recovery(true, 1);
        ck_assert_int_eq(az_recovery_hub_lost(&r, &live, true, 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, LOST, L(NONE), 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, FAILED, C(NONE), 0), AZ_ERROR_ARG);
        ck_assert_int_eq(give(&r, FAILED, _AZ_ERROR_CLASS_MAX, 0), AZ_ERROR_ARG);
}
END_TEST

#define CHECK_NAMES(to_string, type, max)                                                   \
        do {                                                                                \
                for (int i = 0; i < (max); i++) {                                           \
                        ck_assert_ptr_nonnull(to_string((type) i));                         \
                        for (int j = 0; j < i; j++)                                         \
                                ck_assert_str_ne(to_string((type) i), to_string((type) j)); \
                }                                                                           \
                ck_assert_ptr_null(to_string(max));                                         \
                ck_assert_ptr_null(to_string((type) -1));                                   \
        } while (0)

START_TEST(every_constant_has_a_name_of_its_own) {
        CHECK_NAMES(az_recovery_state_to_string, az_recovery_state, _AZ_RECOVERY_STATE_MAX);
        CHECK_NAMES(az_recovery_event_type_to_string, az_recovery_event_type, _AZ_RECOVERY_EVENT_TYPE_MAX);
        CHECK_NAMES(az_recovery_trigger_to_string, az_recovery_trigger, _AZ_RECOVERY_ON_MAX);
        CHECK_NAMES(az_recovery_condition_to_string, az_recovery_condition, _AZ_RECOVERY_IF_MAX);
        CHECK_NAMES(az_recovery_pace_to_string, az_recovery_pace, _AZ_RECOVERY_PACE_MAX);
}
END_TEST

static Suite *recovery_suite(void) {
        Suite *s = suite_create("recovery");
        TCase *t;

        t = tcase_create("scripts");
        tcase_add_loop_test(t, recovery_follows_the_script, 0, ELEMENTSOF(scripts));
        suite_add_tcase(s, t);

        t = tcase_create("table");
        tcase_add_test(t, every_class_leads_on_from_every_state_that_can_fail);
        tcase_add_test(t, only_failures_have_classes_and_only_the_end_of_a_run_sets_a_pace);
        tcase_add_test(t, no_row_hides_another);
        suite_add_tcase(s, t);

        t = tcase_create("az_recovery");
        tcase_add_loop_test(t, losses_have_their_class, 0, ELEMENTSOF(losses));
        tcase_add_loop_test(t, what_dps_cannot_mend_does_not_lead_to_it_however_long, 0,
                            ELEMENTSOF(harmless));
        tcase_add_test(t, a_clock_that_is_waited_for_is_no_failure);
        tcase_add_test(t, status_tells_what_was_counted);
        tcase_add_test(t, an_event_that_waits_refuses_every_input_but_stop);
        tcase_add_test(t, arguments_that_cannot_be_are_refused);
        tcase_add_test(t, every_constant_has_a_name_of_its_own);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(recovery_suite)
