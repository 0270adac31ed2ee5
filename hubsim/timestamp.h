/* SPDX-License-Identifier: MIT */
#pragma once

/* Times as text. */

#include "util/util.h"

#define TIMESTAMP_SIZE sizeof("+2147483647-03-01T12:00:00.0000000Z")

/* "2026-03-01T12:00:00.000Z" of a time of CLOCK_REALTIME, with 3, 6 or 7 digits behind the point. */
void timestamp_format(uint64_t realtime_us, unsigned n_digits, char ret[static TIMESTAMP_SIZE]);
