/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * For programs in which each allocation fails in turn. Without libcheck, which allocates too; the linker puts
 * functions of ours in the way (--wrap).
 */

#include "util/util.h"

extern _Thread_local bool is_exempt; /* what this thread allocates is not counted and does not fail */
extern int n_allocations;            /* so far; set it to 0 */
extern int fails_at;                 /* the number of the one that fails; 0: none */

/* Ends the program, as the one test that failed, if 'ok' does not hold. */
void must(bool ok, const char *what);

unsigned count_fds(void);
