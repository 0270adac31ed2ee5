/* SPDX-License-Identifier: MIT */
#pragma once

/* A line that is put together piece by piece. */

#include <stddef.h>

#include "util/util.h"

/* What does not fit is cut. */
typedef struct Line {
        char text[1024];
        size_t len;
} Line;

/* Adds what the format makes. */
void line_add(Line *line, const char *format, ...) _printf_(2, 3);

/* Adds a time as the daemon tells it, without what is below a second: "2026-11-22T18:48:00Z". */
void line_add_time(Line *line, const char *time);

/* The same, and how far from now that is: "2026-11-22T18:48:00Z (8 s ago)", "(in 8 s)". */
void line_add_age(Line *line, const char *time);

/* Adds a number of bytes, as "64 KiB" or, from 10 MiB on, "64 MiB". */
void line_add_size(Line *line, int64_t n_bytes);
