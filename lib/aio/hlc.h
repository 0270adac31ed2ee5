/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_HLC_H
#define _az_AIO_HLC_H

/*
 * A hybrid logical clock: timestamps that are near the wall clock and never go back, whatever that does, and
 * of which the one of an answer is later than the one of its question. It is the "__ts" of every message, the
 * version of a key in the state store, and the fencing token of a lock.
 *
 * A program has one clock for all it sends and receives. It calls aio_hlc_clock_update() with the timestamp
 * of each message that comes, and aio_hlc_clock_tick() before each that goes.
 *
 * Preconditions of all functions: pointers are not NULL, spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Hybrid logical clock"; Kulkarni, Demirbas et al.: "Logical Physical
 * Clocks and Consistent Snapshots in Globally Distributed Databases", 2014.
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* How far a clock may be ahead of the wall clock, where nothing else was asked. */
#define AIO_HLC_MAX_DRIFT_DEFAULT_MS UINT64_C(60000)

/* The counter goes no further: what the least capable of the SDKs can read. */
#define AIO_HLC_COUNTER_MAX UINT64_C(2147483647)

/* A timestamp. */
typedef struct {
        uint64_t wall_ms; /* since 1970 */
        uint64_t counter;
        az_span node_id; /* of the clock that made it: not empty, without ':' */
} aio_hlc;

/*
 * Parses a timestamp: milliseconds, counter and node, with ':' between them, as in
 * "001696374425000:00001:Client1". Numbers need no leading zeros.
 *
 *   out_hlc  its node lies in 'text'
 *
 * UNEXPECTED_CHAR, UNEXPECTED_END: it is none; the message that has it is at fault (aio_hlc_to_error()).
 */
AZ_NODISCARD az_result aio_hlc_parse(az_span text, aio_hlc *out_hlc);

/* The size of the longest text of a timestamp whose node has 'node_size' bytes. */
#define AIO_HLC_SIZE_MAX(node_size) (20 + 1 + 20 + 1 + (node_size))

/*
 * Writes a timestamp, its milliseconds with 15 digits and its counter with five, at least.
 *
 *   out_text  the text, at the start of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is too small; AIO_HLC_SIZE_MAX() always suffices.
 */
AZ_NODISCARD az_result aio_hlc_format(aio_hlc const *hlc, az_span destination, az_span *out_text);

/* Returns less than, equal to or more than 0, as 'a' is earlier than, the same as or later than 'b'. */
AZ_NODISCARD int aio_hlc_compare(aio_hlc const *a, aio_hlc const *b);

/* A clock; private. */
typedef struct {
        struct {
                aio_hlc last;
                uint64_t max_drift_ms;
        } _internal;
} aio_hlc_clock;

/*
 * Starts a clock.
 *
 *   node_id       of this program and no other, as the text of a UUID is; must outlive the clock
 *   max_drift_ms  how far ahead of the wall clock it may be
 *
 * AZ_ERROR_ARG: 'node_id' is empty, has a ':', or is not UTF-8.
 */
AZ_NODISCARD az_result aio_hlc_clock_init(aio_hlc_clock *out_clock, az_span node_id, uint64_t max_drift_ms);

/*
 * Moves the clock on, for a message that is sent.
 *
 *   out_hlc  the timestamp of the message; its node is the clock's
 *
 * In these cases the clock stays as it was:
 *
 * AZ_ERROR_CLOCK: it would be further ahead of 'wall_ms' than it may. Either a peer was so far ahead as just
 * allowed, and it passes, or the wall clock was set back: a new clock, with another node, is right then.
 *
 * NOT_ENOUGH_SPACE: the counter is used up; it passes with the next millisecond of the wall clock.
 */
AZ_NODISCARD az_result aio_hlc_clock_tick(aio_hlc_clock *ref_clock, uint64_t wall_ms, aio_hlc *out_hlc);

/*
 * Moves the clock on, past the timestamp of a message that came. One of this clock's own node changes
 * nothing.
 *
 * In these cases the clock stays as it was, and no peer can push it: AZ_ERROR_CLOCK: 'other' is too far ahead
 * of 'wall_ms'. NOT_ENOUGH_SPACE: the counter is used up, or that of 'other' is more than half so.
 */
AZ_NODISCARD az_result aio_hlc_clock_update(aio_hlc_clock *ref_clock, aio_hlc const *other, uint64_t wall_ms);

/*
 * Returns the error that a failure of aio_hlc_parse(), aio_hlc_clock_update() or aio_hlc_clock_tick() is:
 * "invalid header" "__ts", with 'text' for its value, or "invalid state" "MaxClockDrift" or "Counter".
 *
 *   text  the timestamp as it came; of a tick: empty
 */
AZ_NODISCARD aio_error aio_hlc_to_error(az_result result, az_span text);

_az_END_DECLS

#endif
