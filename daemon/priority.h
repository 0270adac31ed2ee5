/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What goes first when the link is there: each priority has a log, sequences and an order of its own
 * (daemon/outboxes.h). Whoever goes through them by urgency begins at the end.
 */

#include "util/util.h"

typedef enum Priority {
        PRIORITY_NORMAL,
        PRIORITY_HIGH, /* alarms: overtakes whatever waits */
        _PRIORITY_MAX,
        _PRIORITY_INVALID = -EINVAL,
} Priority;

/* In the order of Priority and ended by NULL, for IPC_FIELD_ENUM; the names of io.aziotd.telemetry. */
extern const char *const priority_names[];
