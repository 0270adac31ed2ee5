/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a hub and its provisioning service allow in a time, all devices together. No I/O; times are arguments:
 * 'now_us' is CLOCK_BOOTTIME, 'wall_us' the hub's clock.
 *
 * A rate lets a second's worth (a minute's, of registrations) through at once. Telemetry beyond it is shaped:
 * it waits for its PUBACK as long as its place in the backlog says; with the backlog full, it is refused like
 * anything else is at once.
 *
 * Source: "IoT Hub quotas and throttling" and "Azure IoT Hub Device Provisioning Service quotas and limits".
 */

#include "util/util.h"

typedef enum LimitKind {
        LIMIT_D2C,             /* telemetry a second */
        LIMIT_D2C_BACKLOG,     /* how many seconds of it may wait */
        LIMIT_CONNECTS,        /* connections a second */
        LIMIT_TWIN_READS,      /* a second */
        LIMIT_TWIN_UPDATES,    /* a second */
        LIMIT_TWIN_PER_DEVICE, /* both, a second and device */
        LIMIT_C2D,             /* messages from the cloud a second */
        LIMIT_METHODS,         /* calls a second */
        LIMIT_REGISTRATIONS,   /* a minute */
        LIMIT_DAY,             /* messages until midnight, of telemetry, twins, methods and from the cloud */
        LIMIT_BLOCK,           /* how many bytes of a message count as one */
        LIMIT_QUOTA_CONNACK,   /* what CONNECT is answered by when those are used up */
        _LIMIT_MAX,
} LimitKind;

/* The members of SetLimits. */
extern const char *const limit_names[];

/* When the next one would be on time; all zero before the first. */
typedef struct Meter {
        uint64_t next_us;
} Meter;

typedef struct Limits {
        uint64_t values[_LIMIT_MAX]; /* 0: there is none */
        Meter meters[_LIMIT_MAX];
        uint64_t day, n_today; /* since 1970, and what has been counted on it */
} Limits;

#define LIMITS_DEFAULT \
        ((Limits){ .values = { [LIMIT_D2C_BACKLOG] = 5, [LIMIT_BLOCK] = 4096, [LIMIT_QUOTA_CONNACK] = 3 } })

/* The result of what follows: it is one too many. */
#define LIMIT_EXCEEDED UINT64_MAX

/* Counts one of at most 'n' in 'period_us' and returns how long it has to wait. One that had to wait longer
 * than 'max_wait_us' is not counted; *ret_wait_us (may be NULL) says how long. */
uint64_t meter_take(Meter *meter, uint64_t n, uint64_t period_us, uint64_t max_wait_us, uint64_t now_us,
                    uint64_t *ret_wait_us);

/* The same by one of the limits. */
uint64_t limits_take(Limits *limits, LimitKind kind, uint64_t now_us, uint64_t *ret_wait_us);

/* Counts a message of so many bytes for the day; false: they are used up. */
bool limits_take_message(Limits *limits, size_t n_bytes, uint64_t wall_us);
bool limits_are_used_up(Limits *limits, uint64_t wall_us);

/* The day begins anew. */
void limits_reset_day(Limits *limits);
