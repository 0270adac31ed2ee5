/* SPDX-License-Identifier: MIT */
#pragma once

/* A line on the terminal that tells how far something long has come, and is gone when it is over. */

#include "cli/cli.h"

typedef struct Progress {
        uint64_t due_us; /* when it may be shown next */
        bool is_wanted;  /* standard error is a terminal, and nobody asked for JSON */
        bool is_shown;
} Progress;

/* Nothing is shown before half a second is over: what is short needs no progress. */
void progress_begin(Progress *p, const Cli *cli);

/* Shows a line in place of the last one, at most ten times a second. */
void progress_show(Progress *p, const char *format, ...) _printf_(2, 3);

/* Takes the line away, before anything else is printed and at the end. */
void progress_clear(Progress *p);
