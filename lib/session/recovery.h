/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_RECOVERY_H
#define _az_SESSION_RECOVERY_H

/*
 * What to do about a hub that cannot be reached or says no: let the hub session back off, take another
 * credential, or ask the Device Provisioning Service (DPS) again where the device belongs.
 *
 * It stands above a hub session and a registration with DPS, of which one at a time has the word. Like them
 * it does no I/O, reads no clock, allocates nothing, and never gives up:
 *
 *      STOPPED --start--> HUB <----- assigned -------- PROVISIONING <--start (no assignment)-- STOPPED
 *                        |   ^                          |        ^
 *           three refusals,  | the same: resume  failed |        | timeout
 *           or ten failures  | another: connect         v        |
 *           in 15 minutes    | failed: resume           WAITING--+
 *                        v   |
 *                     REPROVISIONING
 *
 * az_recovery_transitions() has every row, and docs/link-states.md draws them. The rules:
 *
 * - A hub that refuses the device (CREDENTIAL, IDENTITY) three times in a row, by a clock that is plausible,
 *   is asked no further: DPS is. What is in between and never got an answer of the hub does not end the row.
 * - Otherwise ten failures in a row, over 15 minutes or longer, lead to DPS: the hub may have moved. What DPS
 *   cannot mend (THROTTLED, CONFLICT, CALLER) does not, and LOCAL is no failure.
 * - When DPS assigns the same hub and device, or fails, the back-off of the hub goes on where it was.
 * - From the end of a run of DPS to the next are 10 to 20 minutes, then 20 to 40, then 30 to 60; or as long
 *   as DPS asks for, up to 60. A run that did not reach DPS is no such run, if there is no hub to try
 *   meanwhile: 1 to 2 s, and so on up to 5 minutes. Where only people can help (an enrollment that is
 *   disabled, a request that is wrong, no other credential), 30 to 60 minutes at once.
 * - Without DPS, the next credential is taken after each refusal but the first of a row, if there is another;
 *   with DPS, when DPS refuses it, and the hub as well if there is one. A refusal by a clock that is not
 * plausible is not the credential's fault.
 * - A link that lived for a minute, renewals included, makes all that undone.
 *
 * The three together, in a main loop:
 *
 *      for (;;) {
 *              wait_until(deadline_us());
 *              (void) az_recovery_timeout(&recovery, now_us());
 *              if (az_recovery_get_status(&recovery).state == AZ_RECOVERY_HUB)
 *                      (void) az_hub_session_timeout(&hub, time_now());
 *              else
 *                      (void) az_dps_session_timeout(&dps, time_now());
 *
 *              do {
 *                      has_hub_event = az_hub_session_next_event(&hub, &hub_event);
 *                      if (has_hub_event)
 *                              on_hub_event(&hub_event);
 *                      has_dps_event = az_dps_session_next_event(&dps, &dps_event);
 *                      if (has_dps_event)
 *                              on_dps_event(&dps_event);
 *                      has_event = az_recovery_next_event(&recovery, &event);
 *                      if (has_event)
 *                              on_recovery_event(&event);
 *              } while (has_hub_event || has_dps_event || has_event);
 *      }
 *
 * The two sessions share one connection: wait_until() ends early when something came over it, which is fed to
 * the session that has the word. deadline_us() is the least of that of the recovery and of that session: that
 * of the hub session does not count while DPS has the word, nor is it told then of a clock that was set. Some
 * events are for the recovery, or come from it:
 *
 *      LIVE, LOST of the hub        az_recovery_hub_live(), az_recovery_hub_lost()
 *      ASSIGNED, FAILED of DPS      az_recovery_assigned(), az_recovery_failed()
 *      PROVISION, CONNECT           az_dps_session_start(); az_hub_session_init() and az_hub_session_start()
 *      NEW_CREDENTIAL               sign with the key of that number from now on
 *
 * A device keeps its assignment, starts with it, and asks DPS only when these rules say so. The caller may
 * know better: az_recovery_provision_now() ends a wait, as when a clock was set that had DPS refuse; and
 * az_hub_session_reconnect_now(), after a RESUME, that of a hub at which DPS has made the device anew.
 *
 * Each input makes at most one event. Pop it before the next input. Every input can return, besides AZ_OK and
 * what its comment says, and changes nothing when it does:
 *
 * AZ_ERROR_NOT_SUPPORTED: there is no such transition from this state: late news, to be ignored.
 *
 * AZ_ERROR_NOT_ENOUGH_SPACE: an event waits to be popped.
 *
 * Pointers must not be NULL. Times are CLOCK_BOOTTIME in microseconds.
 *
 * Source: DPS, "Reprovisioning"; azure-sdk-for-c, "Azure IoT MQTT state machine", the chart of retries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <session/error_class.h>
#include <session/hub_session.h>

_az_BEGIN_DECLS

/* Who has the word. */
typedef enum {
        AZ_RECOVERY_STOPPED,
        AZ_RECOVERY_HUB,            /* the hub session; its deadline counts in this state alone */
        AZ_RECOVERY_PROVISIONING,   /* a run of DPS, without an assignment to fall back to */
        AZ_RECOVERY_WAITING,        /* nobody: waits for the time of the next run */
        AZ_RECOVERY_REPROVISIONING, /* a run of DPS; the hub session stands still as it was */
        _AZ_RECOVERY_STATE_MAX
} az_recovery_state;

/* What the caller has to do. */
typedef enum {
        /* Nothing: the hub session is backing off, and tries again by itself. */
        AZ_RECOVERY_EVENT_BACK_OFF,
        /* Use another credential from now on. The state says who does: the hub session, which goes on as with
         * RESUME, or the next run of DPS. */
        AZ_RECOVERY_EVENT_NEW_CREDENTIAL,
        /* Begin a run of DPS, and answer with az_recovery_assigned() or az_recovery_failed(). A hub session
         * that is not backing off has to be stopped before. */
        AZ_RECOVERY_EVENT_PROVISION,
        /* Make a hub session for the assignment and start it. */
        AZ_RECOVERY_EVENT_CONNECT,
        /* Go on with the hub session as it is, with its deadline and its failures; start it if it was stopped
         * for this run. */
        AZ_RECOVERY_EVENT_RESUME,
        /* Nothing: the next run comes by itself. */
        AZ_RECOVERY_EVENT_WAIT,
        /* Stop the session that has the word. */
        AZ_RECOVERY_EVENT_STOP,
        _AZ_RECOVERY_EVENT_TYPE_MAX
} az_recovery_event_type;

/* An event. */
typedef struct {
        az_recovery_event_type type;
        az_error_class error_class; /* of what led to it; NONE: nothing failed */
        uint32_t credential;        /* which to use, from 0 on */
        uint64_t not_before_us;     /* when the next attempt is made, never in the past; STOP: UINT64_MAX */
} az_recovery_event;

/* What a device has. Each is followed by its default. */
typedef struct {
        uint64_t random_seed; /* from the system's random source; 0 is refused, so that it is not forgotten */
        uint32_t n_credentials; /* 1: how many there are to take in turn, as the two keys of a device */
        bool has_provisioning;  /* false: there is an enrollment with DPS */
} az_recovery_options;

/* What a status page shows. */
typedef struct {
        az_recovery_state state;
        az_error_class last_error_class; /* of the last failure, of hub or DPS; NONE: none yet */
        uint32_t credential;             /* the one in use, from 0 on */
        uint32_t n_refusals;             /* by the hub, in a row */
        uint32_t n_failures;             /* of the hub, in a row */
        uint32_t n_runs;                 /* of DPS since a link lived for a minute, but for PACE_SOON */
        uint64_t next_run_us;            /* no run begins before by itself */
} az_recovery_status;

/* Lives wherever the caller puts it; its members are private. */
typedef struct {
        struct {
                az_recovery_options options;
                az_recovery_state state;
                az_recovery_event event;
                bool has_event;
                uint64_t random;
                uint64_t live_since_us; /* UINT64_MAX: there is no link */
                uint64_t failing_since_us;
                uint64_t hub_retry_us; /* when the hub session tries again */
                uint64_t next_run_us;
                uint32_t credential;
                uint32_t n_refusals;
                uint32_t n_failures;
                uint32_t n_runs;
                uint32_t n_unreached; /* runs that never got to DPS, in a row */
                az_error_class last_error_class;
        } _internal;
} az_recovery;

/* Returns one credential, no provisioning, and no seed. */
AZ_NODISCARD az_recovery_options az_recovery_options_default(void);

/*
 * Initializes 'r', STOPPED.
 *
 *   options  copied
 *
 * AZ_ERROR_ARG: there is no seed, or no credential.
 */
AZ_NODISCARD az_result az_recovery_init(az_recovery *r, az_recovery_options const *options);

/*
 * Begins.
 *
 *   has_assignment  hub and device id are known: configured, or kept from an earlier run (CONNECT); or they
 *                   are not (PROVISION, if there is an enrollment, else AZ_ERROR_NOT_SUPPORTED)
 */
AZ_NODISCARD az_result az_recovery_start(az_recovery *r, bool has_assignment, uint64_t now_us);

/* Ends it from any state (STOP, in place of an event that waits), and forgets all failures. */
void az_recovery_stop(az_recovery *r);

/* The hub session is LIVE (no event). */
AZ_NODISCARD az_result az_recovery_hub_live(az_recovery *r, uint64_t now_us);

/*
 * The hub session lost its link or its attempt (BACK_OFF, NEW_CREDENTIAL, or PROVISION).
 *
 *   lost  the AZ_HUB_EVENT_LOST; a TIMEOUT from SIGNING is LOCAL, no failure of the hub. Who tries the way to
 *         the hub before the signature is told loses NAME, TCP or TLS from SIGNING: those are
 *   clock_is_plausible  the wall clock is not before the build date; if it is, a refusal proves little
 *
 * AZ_ERROR_ARG: it is another event.
 */
AZ_NODISCARD az_result az_recovery_hub_lost(az_recovery *r, az_hub_event const *lost, bool clock_is_plausible,
                                            uint64_t now_us);

/*
 * The run of DPS ended with an assignment (CONNECT, or RESUME).
 *
 *   is_same  hub and device id are those that the hub session has
 */
AZ_NODISCARD az_result az_recovery_assigned(az_recovery *r, bool is_same, uint64_t now_us);

/*
 * The run of DPS ended without one (RESUME, WAIT or NEW_CREDENTIAL). With AZ_DPS_EVENT_FAILED, the first two
 * are in as.failed.error.
 *
 *   error_class  why; not NONE. That an enrollment is disabled is FORBIDDEN.
 *   retry_after_s  what DPS asked for; 0: nothing
 *   clock_is_plausible  as above
 *
 * AZ_ERROR_ARG: there is no such class; nothing changed.
 */
AZ_NODISCARD az_result az_recovery_failed(az_recovery *r, az_error_class error_class, uint32_t retry_after_s,
                                          bool clock_is_plausible, uint64_t now_us);

/* Somebody wishes a run of DPS now, whenever the last one was (PROVISION). */
AZ_NODISCARD az_result az_recovery_provision_now(az_recovery *r, uint64_t now_us);

/* The deadline has passed (PROVISION). A call before it does nothing. */
AZ_NODISCARD az_result az_recovery_timeout(az_recovery *r, uint64_t now_us);

/* Pops the event of the last input; false: there is none. */
AZ_NODISCARD bool az_recovery_next_event(az_recovery *r, az_recovery_event *out_event);

/* When to call az_recovery_timeout(); UINT64_MAX: never, the session that has the word goes on. */
AZ_NODISCARD uint64_t az_recovery_deadline_us(az_recovery const *r);

/* Returns the status. */
AZ_NODISCARD az_recovery_status az_recovery_get_status(az_recovery const *r);

/* Classifies a loss of the hub session, but a TIMEOUT from SIGNING; 'connack_code' counts if it is REFUSED.
 */
AZ_NODISCARD az_error_class az_error_class_of_hub_loss(az_hub_loss loss, uint8_t connack_code);

/* What moves the machine. */
typedef enum {
        AZ_RECOVERY_ON_START, /* with an assignment */
        AZ_RECOVERY_ON_START_UNASSIGNED,
        AZ_RECOVERY_ON_STOP,
        AZ_RECOVERY_ON_HUB_LOST,
        AZ_RECOVERY_ON_ASSIGNED, /* another hub or device than before */
        AZ_RECOVERY_ON_ASSIGNED_SAME,
        AZ_RECOVERY_ON_FAILED, /* the run of DPS */
        AZ_RECOVERY_ON_PROVISION_NOW,
        AZ_RECOVERY_ON_TIMEOUT,
        _AZ_RECOVERY_ON_MAX
} az_recovery_trigger;

/* What has to be so for a row to be taken. */
typedef enum {
        AZ_RECOVERY_IF_ANY,
        AZ_RECOVERY_IF_CLOCK_DOUBTFUL,   /* the wall clock is not plausible */
        AZ_RECOVERY_IF_OTHER_CREDENTIAL, /* there is one, and the clock is plausible */
        AZ_RECOVERY_IF_REFUSED_BY_BOTH,  /* the same, and the last answer of the hub was a refusal, too */
        AZ_RECOVERY_IF_REFUSED_TWICE,    /* in a row; there is another credential, and no DPS */
        AZ_RECOVERY_IF_PROVISIONABLE,    /* there is DPS */
        AZ_RECOVERY_IF_REFUSED_THRICE,   /* in a row; there is DPS, and a run may begin */
        AZ_RECOVERY_IF_FAILING_LONG,     /* ten in a row, 15 minutes; there is DPS, and a run may begin */
        _AZ_RECOVERY_IF_MAX
} az_recovery_condition;

/* When the next run of DPS may begin, from the end of this one. */
typedef enum {
        AZ_RECOVERY_PACE_NONE,    /* no run ended */
        AZ_RECOVERY_PACE_SOON,    /* 1 s to 5 min */
        AZ_RECOVERY_PACE_SLOW,    /* 10 to 60 min */
        AZ_RECOVERY_PACE_SLOWEST, /* 30 to 60 min */
        _AZ_RECOVERY_PACE_MAX
} az_recovery_pace;

/*
 * In state 'from', 'on' leads to 'to' and makes 'event', if 'when' holds and, of a loss or failure, the error
 * is of one of the classes. The first row of which all that is true is taken.
 */
typedef struct {
        az_recovery_state from;
        az_recovery_trigger on;
        uint32_t classes; /* of HUB_LOST and FAILED: a set of bits, 1 << az_error_class */
        az_recovery_condition when;
        az_recovery_state to;
        az_recovery_event_type event;
        az_recovery_pace pace;
} az_recovery_transition;

/* Returns the rows of the machine, for documentation and tests. */
AZ_NODISCARD az_recovery_transition const *az_recovery_transitions(size_t *out_n);

/* Names for logs and status: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_recovery_state_to_string(az_recovery_state state);
AZ_NODISCARD char const *az_recovery_event_type_to_string(az_recovery_event_type type);
AZ_NODISCARD char const *az_recovery_trigger_to_string(az_recovery_trigger trigger);
AZ_NODISCARD char const *az_recovery_condition_to_string(az_recovery_condition condition);
AZ_NODISCARD char const *az_recovery_pace_to_string(az_recovery_pace pace);

_az_END_DECLS

#endif
