/* SPDX-License-Identifier: MIT */

/*
 * What a program may ask of the system that it runs on. The rest of the library asks nothing: it takes the
 * time as an argument and never waits, so a program that does without this header links neither archive.
 *
 * libaziot-platform-posix.a: a POSIX system. libaziot-platform-none.a: no system; for a program that names
 * these functions and never needs them. A program may define both itself instead.
 */

#ifndef _az_PLATFORM_H
#define _az_PLATFORM_H

#include <stdint.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/*
 * Reads a clock that only rises and is never set, and goes on while the system is suspended, if there is such
 * a one. Its zero lies anywhere; a difference is what counts.
 *
 *   out_clock_msec  milliseconds; written only on success
 *
 * DEPENDENCY_NOT_PROVIDED: there is no such clock.
 */
AZ_NODISCARD az_result az_platform_clock_msec(int64_t *out_clock_msec);

/*
 * Returns when so many milliseconds have passed, at once for 0. A signal does not shorten it.
 *
 * ARG: they are negative. DEPENDENCY_NOT_PROVIDED: there is nothing to wait with; no time has passed.
 */
AZ_NODISCARD az_result az_platform_sleep_msec(int32_t milliseconds);

_az_END_DECLS

#endif /* _az_PLATFORM_H */
