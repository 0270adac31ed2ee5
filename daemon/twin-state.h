/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What of the twin survives the daemon, as the JSON of two state files (state-file.h): the last known twin,
 * and the patches that wait to be sent. Both say which device they are of. No I/O.
 */

#include "daemon/state-json.h"
#include "daemon/twin-pending.h"

#define TWIN_FILE         "twin"
#define TWIN_REPORTS_FILE "twin-reports"

/* The last known twin, without the hub's members. */
typedef struct TwinCopy {
        char *desired, *reported; /* NULL: nothing is known */
        int64_t desired_version;
        int64_t reported_version; /* -1: not known */
        uint64_t as_of_us;        /* CLOCK_REALTIME: when it was last known to be so */
} TwinCopy;

#define TWIN_COPY_NULL ((TwinCopy){ .reported_version = -1 })

void twin_copy_done(TwinCopy *copy);

/* Conditions of the two that parse. */
#define TWIN_STATE_INVALID STATE_JSON_INVALID /* it is not what was formatted */
#define TWIN_STATE_FOREIGN 2                  /* it is of another device */

/* 'device' is "DEVICE" or "DEVICE/MODULE". *ret is to be freed. -ENOMEM. */
int twin_copy_format(const TwinCopy *copy, const char *device, char **ret);
/* *ret is to be released by twin_copy_done(). 0; INVALID; FOREIGN; -ENOMEM. */
int twin_copy_parse(TwinCopy *ret, az_span text, const char *device);

int twin_reports_format(const TwinPending *pending, const char *device, char **ret);
/* Adds the patches to 'pending'. 0; INVALID: some may be added; FOREIGN; -ENOMEM. */
int twin_reports_parse(TwinPending *pending, az_span text, const char *device);
