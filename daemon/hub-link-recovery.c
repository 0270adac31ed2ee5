/* SPDX-License-Identifier: MIT */

/*
 * Who has the word: az_recovery decides, from what the sessions report, and what it decides is done here. Of
 * the events of a session, LIVE, LOST and the like are its inputs.
 */

#include "daemon/hub-link-internal.h"

#include <assert.h>
#include <sys/random.h>

#include "daemon/az-errno.h"
#include "daemon/wall-clock.h"

uint64_t hub_link_random(void) {
        uint64_t random;

        if (getrandom(&random, sizeof(random), 0) < 0)
                random = boottime_us();
        return random | 1; /* 0 is refused */
}

bool hub_link_clock_is_plausible(void) {
        return realtime_us() / USEC_PER_SEC >= wall_clock_build_s();
}

void hub_link_recovery_setup(HubLink *link) {
        az_recovery_options options = az_recovery_options_default();

        options.random_seed = hub_link_random();
        options.has_provisioning = enrollment_is_configured(link->config);
        if (az_result_failed(az_recovery_init(&link->recovery, &options)))
                assert(false);
}

/* DISCONNECT is not heeded: the caller knows what becomes of the connection. */
static void stop_provisioning(HubLink *link) {
        az_dps_event event;

        az_dps_session_stop(&link->provisioning.session);
        while (az_dps_session_next_event(&link->provisioning.session, &event))
                ;
}

static void stop_session(HubLink *link) {
        az_hub_event event;

        az_hub_session_stop(&link->session);
        while (az_hub_session_next_event(&link->session, &event))
                ;
}

/* Both sessions end; whichever has a connection, this ends it in peace. */
static void stop(HubLink *link) {
        stop_provisioning(link);
        az_hub_session_stop(&link->session);
        hub_link_run_session(link, AZ_OK);
}

static void start_session(HubLink *link) {
        hub_link_run_session(link, az_hub_session_start(&link->session, hub_link_time()));
}

static uint64_t until_us(uint64_t time_us) {
        uint64_t now_us = boottime_us();

        return time_us > now_us ? time_us - now_us : 0;
}

/* What failed is tried again later. */
static void wait_for(HubLink *link, uint64_t time_us) {
        hub_link_record(link, &link->cause, until_us(time_us));
        hub_link_set_state(link, LINK_WAITING, time_us);
}

/*
 * A device that was deleted at its hub, and is refused therefore, is made anew by the run; and somebody who
 * did so by hand wishes for one. The hub is worth an attempt then; if it refuses, the waits go on growing.
 */
static bool device_may_be_new(const HubLink *link) {
        return link->provisioning.run_is_wished ||
               az_hub_session_get_status(&link->session).last_loss == AZ_HUB_LOSS_REFUSED;
}

/* The hub session stood still, or was stopped for a run that was wished. */
static void resume(HubLink *link, const az_recovery_event *event) {
        if (event->error_class != AZ_ERROR_CLASS_NONE)
                hub_link_record(link, &link->cause, until_us(event->not_before_us));
        if (az_hub_session_get_status(&link->session).state == AZ_HUB_SESSION_STOPPED) {
                start_session(link);
                return;
        }
        hub_link_set_state(link, LINK_WAITING, event->not_before_us);
        if (event->error_class == AZ_ERROR_CLASS_NONE && device_may_be_new(link))
                hub_link_run_session(link, az_hub_session_reconnect_now(&link->session, hub_link_time()));
}

static void recovery_event(HubLink *link, const az_recovery_event *event) {
        switch (event->type) {
        case AZ_RECOVERY_EVENT_BACK_OFF: /* the hub session tries again by itself */
        case AZ_RECOVERY_EVENT_WAIT:
                wait_for(link, event->not_before_us);
                break;
        case AZ_RECOVERY_EVENT_PROVISION:
                if (event->error_class != AZ_ERROR_CLASS_NONE) {
                        hub_link_record(link, &link->cause, 0);
                        link->provisioning.run_is_wished = false;
                }
                hub_link_provision(link);
                break;
        case AZ_RECOVERY_EVENT_CONNECT:
                start_session(link);
                break;
        case AZ_RECOVERY_EVENT_RESUME:
                resume(link, event);
                break;
        case AZ_RECOVERY_EVENT_STOP:
                stop(link);
                break;
        case AZ_RECOVERY_EVENT_NEW_CREDENTIAL: /* there is one alone */
        case _AZ_RECOVERY_EVENT_TYPE_MAX:
                assert(false);
        }
}

void hub_link_run_recovery(HubLink *link, az_result input) {
        az_recovery_event event;

        if (az_result_failed(input))
                log_debug(link->log, "The recovery ignores what came: %s",
                          strerror(-az_result_to_errno(input)));
        while (az_recovery_next_event(&link->recovery, &event))
                recovery_event(link, &event);
}

/* Wishes ------------------------------------------------------------------------------------------------ */

/*
 * Begins a run, by what the files of the identity hold now; what there is of a connection to the hub is given
 * up, but for a back-off.
 */
static void provision_now(HubLink *link) {
        rollover_changed(&link->rollover.choice);
        link->provisioning.run_is_wished = true;
        if (az_hub_session_get_status(&link->session).state != AZ_HUB_SESSION_BACKOFF) {
                stop_session(link);
                hub_link_forget_traffic(link);
                hub_link_close(link);
        }
        hub_link_run_recovery(link, az_recovery_provision_now(&link->recovery, boottime_us()));
}

/* A run waits between two attempts: it begins anew. */
static void provision_again(HubLink *link) {
        az_dps_session *s = &link->provisioning.session;

        if (az_dps_session_get_status(s).state != AZ_DPS_SESSION_BACKOFF)
                return;
        stop_provisioning(link);
        hub_link_run_provisioning(link, az_dps_session_start(s, hub_link_time()));
}

/* What is under way over a link may finish. Returns whether there is something to wait for. */
static bool has_to_drain(HubLink *link) {
        switch (az_hub_session_get_status(&link->session).state) {
        case AZ_HUB_SESSION_LIVE:
                hub_link_run_session(link, az_hub_session_renew(&link->session, hub_link_time()));
                return true;
        case AZ_HUB_SESSION_DRAINING:
                return true;
        case AZ_HUB_SESSION_CLOSING:
                return link->is_open;
        case AZ_HUB_SESSION_STOPPED:
        case AZ_HUB_SESSION_SIGNING:
        case AZ_HUB_SESSION_CONNECTING:
        case AZ_HUB_SESSION_SUBSCRIBING:
        case AZ_HUB_SESSION_BACKOFF:
        case _AZ_HUB_SESSION_STATE_MAX:
                break;
        }
        return false;
}

void hub_link_grant_wish(HubLink *link) {
        Provisioning *p = &link->provisioning;

        if (!p->is_wished || !link->has_identity)
                return;

        switch (az_recovery_get_status(&link->recovery).state) {
        case AZ_RECOVERY_HUB:
                if (has_to_drain(link))
                        return;
                p->is_wished = false;
                provision_now(link);
                break;
        case AZ_RECOVERY_WAITING:
                p->is_wished = false;
                provision_now(link);
                break;
        case AZ_RECOVERY_PROVISIONING:
        case AZ_RECOVERY_REPROVISIONING:
                p->is_wished = false;
                provision_again(link);
                break;
        case AZ_RECOVERY_STOPPED:
        case _AZ_RECOVERY_STATE_MAX:
                p->is_wished = false;
                break;
        }
}

int hub_link_reprovision(HubLink *link) {
        if (!hub_link_is_enrolled(link))
                return HUB_LINK_NOT_ENROLLED;
        link->provisioning.is_wished = true;
        if (!link->has_identity)
                hub_link_reconnect(link); /* looks for one */
        hub_link_grant_wish(link);
        return 0;
}

void hub_link_reconnect(HubLink *link) {
        if (!link->has_identity) {
                if (link->state == LINK_WAITING)
                        hub_link_start(link);
                return;
        }

        switch (az_recovery_get_status(&link->recovery).state) {
        case AZ_RECOVERY_HUB:
                if (link->state == LINK_ONLINE)
                        hub_link_run_session(link, az_hub_session_renew(&link->session, hub_link_time()));
                else if (link->state == LINK_WAITING)
                        hub_link_run_session(link,
                                             az_hub_session_reconnect_now(&link->session, hub_link_time()));
                break;
        case AZ_RECOVERY_WAITING:
                provision_now(link);
                break;
        case AZ_RECOVERY_PROVISIONING:
        case AZ_RECOVERY_REPROVISIONING:
                provision_again(link);
                break;
        case AZ_RECOVERY_STOPPED:
        case _AZ_RECOVERY_STATE_MAX:
                break;
        }
}

/* Another configuration -------------------------------------------------------------------------------- */

/* Whether something is to be finished first. */
static bool has_to_wait(HubLink *link) {
        switch (az_recovery_get_status(&link->recovery).state) {
        case AZ_RECOVERY_HUB:
                return has_to_drain(link);
        case AZ_RECOVERY_PROVISIONING:
        case AZ_RECOVERY_REPROVISIONING:
                return link->provisioning.result.is_there; /* the answer counts */
        case AZ_RECOVERY_WAITING:
        case AZ_RECOVERY_STOPPED:
        case _AZ_RECOVERY_STATE_MAX:
                break;
        }
        return false;
}

static bool is_stopped(const HubLink *link) {
        return link->has_identity ? az_recovery_get_status(&link->recovery).state == AZ_RECOVERY_STOPPED
                                  : link->state == LINK_STOPPED;
}

/*
 * The state stays as it was: a link that is being renewed comes up as renewed. What was proven before is
 * kept, for the case that the hub takes nothing of what is new.
 */
bool hub_link_take_config(HubLink *link) {
        if (!link->is_outdated || is_stopped(link) || (link->has_identity && has_to_wait(link)))
                return false;

        link->is_outdated = false;
        if (link->has_identity) {
                stop_provisioning(link);
                stop_session(link);
                hub_link_forget_traffic(link);
                hub_link_close(link);
        }
        hub_link_start(link);
        link->provisioning.is_wished &= hub_link_is_enrolled(link);
        return true;
}

void hub_link_configure(HubLink *link) {
        link->is_outdated = true;
        route_configure(link->route);
        hub_link_forget_changes(link);
        (void) hub_link_take_config(link);
}

/* The clock ------------------------------------------------------------------------------------------- */

/* A run has failed by a clock that was wrong, it seems: so was its token, and so was what it saw of
 * certificates. */
static bool is_due_to_clock(const HubLink *link) {
        az_error_class error_class = az_recovery_get_status(&link->recovery).last_error_class;
        int64_t step_us = hub_link_clock_offset_us() - link->provisioning.failed_clock_us;

        return llabs(step_us) > CLOCK_STEP_US &&
               (error_class == AZ_ERROR_CLASS_CREDENTIAL || error_class == AZ_ERROR_CLASS_NETWORK);
}

static void take_clock(HubLink *link) {
        switch (az_recovery_get_status(&link->recovery).state) {
        case AZ_RECOVERY_HUB:
                hub_link_run_session(link, az_hub_session_clock_changed(&link->session, hub_link_time()));
                break;
        case AZ_RECOVERY_WAITING:
                if (is_due_to_clock(link))
                        provision_now(link);
                break;
        case AZ_RECOVERY_PROVISIONING:
        case AZ_RECOVERY_REPROVISIONING:
                hub_link_run_provisioning(
                        link, az_dps_session_clock_changed(&link->provisioning.session, hub_link_time()));
                break;
        case AZ_RECOVERY_STOPPED:
        case _AZ_RECOVERY_STATE_MAX:
                break;
        }
}

void hub_link_clock_changed(HubLink *link) {
        LinkState before = link->state;

        if (link->has_identity)
                take_clock(link);
        hub_link_note_clock(link, before);
}
