/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is known of CLOCK_REALTIME, which a device without a battery gets wrong at first: that it cannot be
 * before the program was built, and when it is set. Everything else goes by CLOCK_BOOTTIME.
 */

#include "util/util.h"

/* When this program was built, in seconds since 1970: the date of its changelog, the same in each build. */
uint64_t wall_clock_build_s(void);

/* Returns an fd that becomes readable when the clock is set, and at no other time; a negative errno. */
int wall_clock_watch(void);

/* Takes the news, so that the fd waits for the next time. */
void wall_clock_acknowledge(int fd);
