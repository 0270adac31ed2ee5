/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_TIME_H
#define _az_AIO_TIME_H

/*
 * Time as lib/aio is told it, and the three texts of it that travel: a duration of ISO 8601, a date and time
 * of RFC 3339, and the whole seconds of a Message Expiry.
 *
 * Preconditions of all functions: pointers are not NULL, spans well formed.
 */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* What the time is. Timers go by the first clock, which never jumps; what other machines read, by the second.
 */
typedef struct {
        uint64_t now_us;  /* CLOCK_BOOTTIME or its like, microseconds */
        uint64_t wall_ms; /* since 1970-01-01T00:00:00Z, milliseconds */
} aio_time;

/* How long a command or a telemetry message is good for, when nothing else was asked. */
#define AIO_TIMEOUT_DEFAULT_US UINT64_C(10000000)

/*
 * Turns how long a message is good for into its Message Expiry: the next whole second, as less than that
 * would be 0, which means "already expired".
 *
 * AZ_ERROR_ARG: 'timeout_us' is 0, or more seconds than 32 bits count.
 *
 * Source: MQTT 5.0, 3.3.2.3.3; Azure IoT Operations SDKs.
 */
AZ_NODISCARD az_result aio_expiry_from_timeout(uint64_t timeout_us, uint32_t *out_expiry_s);

/* The size of the longest text that aio_duration_format() writes: "PT18446744073709.551615S". */
#define AIO_DURATION_SIZE_MAX 24

/*
 * Writes a duration as ISO 8601 has it, in seconds, without zeros at the end: "PT10S", "PT0.5S", "PT0S".
 *
 *   out_text  the text, at the start of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is too small; AIO_DURATION_SIZE_MAX always suffices.
 */
AZ_NODISCARD az_result aio_duration_format(uint64_t duration_us, az_span destination, az_span *out_text);

/*
 * Parses a duration of ISO 8601 of weeks, or of days, hours, minutes and seconds: "PT10S", "PT1M30.5S",
 * "P1DT12H", "P2W". The last number may have a fraction, with a point or a comma; what is finer than a
 * microsecond is cut off.
 *
 * UNEXPECTED_CHAR, UNEXPECTED_END: anything else, years and months among it, which have no fixed length, and
 * what 64 bits of microseconds do not hold.
 */
AZ_NODISCARD az_result aio_duration_parse(az_span text, uint64_t *out_duration_us);

/* The size of the text that aio_rfc3339_format() writes. */
#define AIO_RFC3339_SIZE 20

/*
 * Writes a time as RFC 3339 has it, in UTC and whole seconds: "2026-11-22T21:00:00Z".
 *
 *   wall_ms   before the year 10000; what is later is written as its last second
 *   out_text  the text, at the start of 'destination'
 *
 * NOT_ENOUGH_SPACE: 'destination' is smaller than AIO_RFC3339_SIZE.
 */
AZ_NODISCARD az_result aio_rfc3339_format(uint64_t wall_ms, az_span destination, az_span *out_text);

/*
 * Parses a date and time of RFC 3339 (date-time), with any offset and any fraction of a second. A leap second
 * counts as the first second after it.
 *
 *   out_wall_ms  since 1970, negative before; what is finer than a millisecond is cut off
 *
 * UNEXPECTED_CHAR, UNEXPECTED_END: it is none, or there is no such day.
 */
AZ_NODISCARD az_result aio_rfc3339_parse(az_span text, int64_t *out_wall_ms);

_az_END_DECLS

#endif
