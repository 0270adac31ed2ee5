/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A disk, and a memory, that fail. The linker gives the calls of the daemon's code to functions that fail
 * when they are told to (--wrap, in meson.build). A story is told again and again while the first, the
 * second, ... call fails, until none is left to fail. The library of tests must not allocate meanwhile: no
 * ck_assert() while a fault is on.
 */

#include <stdbool.h>

typedef enum FaultKind {
        FAULT_DISK,   /* any call that writes, reads, opens, makes or syncs */
        FAULT_SYNC,   /* fdatasync() alone */
        FAULT_MEMORY, /* any allocation */
        FAULT_NONE,
} FaultKind;

/*
 * From now on the n-th call of this kind fails with 'error', and all after it if it 'stays_broken'. A write
 * that 'tears' has written its first half.
 */
void fault_begin(FaultKind kind, int n, int error, bool stays_broken, bool tears);
/* What one may want to try: each kind, alone or for good, and how it shows itself. */
typedef struct FaultCase {
        FaultKind kind;
        int error;
        bool stays_broken, tears;
        bool in_second; /* the fault meets a store that has something in it already */
} FaultCase;

#define FAULT_CASES_MAX 15
extern const FaultCase fault_cases[FAULT_CASES_MAX];

void fault_begin_case(const FaultCase *c, int n);

/* Everything works again. Returns whether a call has failed. */
bool fault_end(void);

/* How often fdatasync() was called since the last time. */
int fault_take_syncs(void);
