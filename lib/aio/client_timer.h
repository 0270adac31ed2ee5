/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CLIENT_TIMER_H
#define _az_AIO_CLIENT_TIMER_H

/* Timers in the order in which they are due; not part of the public API. */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* A timer, in what it belongs to; {0} is one that is not set. */
typedef struct _aio_timer {
        uint64_t due_us;
        struct _aio_timer *child;   /* the first of those that are not due before this */
        struct _aio_timer *next;    /* of the same parent */
        struct _aio_timer **source; /* what points here; NULL: it is not set */
} _aio_timer;

/* All that are set. {0} has none. */
typedef struct {
        _aio_timer *first; /* due before the others, or with them */
} _aio_timers;

/* Sets a timer, whether it is set or not; UINT64_MAX: never. */
void _aio_timer_set(_aio_timers *ref_timers, _aio_timer *ref_timer, uint64_t due_us);

/* Unsets a timer, whether it is set or not. */
void _aio_timer_unset(_aio_timers *ref_timers, _aio_timer *ref_timer);

/* Returns when the first is due; UINT64_MAX: never. */
AZ_NODISCARD uint64_t _aio_timers_due_us(_aio_timers const *timers);

_az_END_DECLS

#endif
