/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the recovery share: inputs by name. */

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
        LOST_SIGNING,  /* arg: az_hub_loss; before CONNECT */
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

/* Microseconds; NEVER is none. */
uint64_t us(uint32_t second);

/* With a seed. */
az_recovery new_recovery(bool has_provisioning, uint32_t n_credentials);

az_result give(az_recovery *r, Input input, int arg, uint64_t now_us);

/* A loss of the hub session 'from' a state. */
az_result give_lost(az_recovery *r, az_hub_loss loss, int code, az_hub_session_state from,
                    bool clock_is_plausible, uint64_t now_us);

/* Gives the input, and returns its event. */
az_recovery_event give_and_pop(az_recovery *r, Input input, int arg, uint64_t now_us);
