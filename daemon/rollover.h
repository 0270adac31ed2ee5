/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which of two the next attempt takes: what the files hold, or what was proven last, that is what the hub has
 * accepted before the files changed.
 *
 *      FILES --refused, and it is another than what is proven--> PROVEN    at once
 *      PROVEN --refused, too--> FILES                                      at once, the first time
 *      PROVEN --the files change--> FILES
 *
 * So what is new is tried, what the hub refuses costs one attempt, and nobody is stuck with what expired:
 * when both are refused, they take turns from one attempt to the next. It does no I/O and keeps no secret.
 */

#include <stdbool.h>

typedef enum RolloverUse {
        ROLLOVER_FILES,
        ROLLOVER_PROVEN,
} RolloverUse;

typedef struct Rollover {
        RolloverUse use;        /* by the next attempt, and the present one */
        bool has_proven;        /* something is */
        bool is_new;            /* the present attempt has another than that */
        bool is_proven_refused; /* it was, since it was proven */
} Rollover;

/* The files hold something else: they are to be tried. */
void rollover_changed(Rollover *r);

/* Do not try what the files hold, it is known to be of no use; until they change. */
void rollover_hold(Rollover *r);

/* What the present attempt has was read. 'is_proven': it is what was proven last. */
void rollover_opened(Rollover *r, bool is_proven);

/* The hub has accepted it. True: it is to be kept as what was proven last, in place of what was. */
bool rollover_accepted(Rollover *r);

/*
 * The attempt failed for a reason that may lie in what it has, or in what it could not read: the next one may
 * take the other. True: it is to be made at once.
 */
bool rollover_refused(Rollover *r);
