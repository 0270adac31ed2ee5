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
        if (az_result_failed(az_recovery_init(&link->recovery, &options)))
                assert(false);
}

/* Ends the connection, if there is one, in peace. */
static void stop(HubLink *link) {
        az_hub_session_stop(&link->session);
        hub_link_run_session(link, AZ_OK);
}

static void recovery_event(HubLink *link, const az_recovery_event *event) {
        switch (event->type) {
        case AZ_RECOVERY_EVENT_CONNECT:
                hub_link_run_session(link, az_hub_session_start(&link->session, hub_link_time()));
                break;
        case AZ_RECOVERY_EVENT_STOP:
                stop(link);
                break;
        case AZ_RECOVERY_EVENT_BACK_OFF: /* the hub session tries again by itself */
        case AZ_RECOVERY_EVENT_NEW_CREDENTIAL:
        case AZ_RECOVERY_EVENT_PROVISION:
        case AZ_RECOVERY_EVENT_RESUME:
        case AZ_RECOVERY_EVENT_WAIT:
        case _AZ_RECOVERY_EVENT_TYPE_MAX:
                break;
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
