/* SPDX-License-Identifier: MIT */
#pragma once

/* Colours of what is printed for a person: they stress what the words say, and never say it alone. */

#include <stdbool.h>

/* --color=: when there are any. */
typedef enum ColorMode {
        COLOR_AUTO, /* on a terminal, unless NO_COLOR is set (no-color.org) */
        COLOR_ALWAYS,
        COLOR_NEVER,
        _COLOR_MODE_MAX,
} ColorMode;

typedef enum Color {
        COLOR_NONE, /* ends the others */
        COLOR_GOOD,
        COLOR_WARNING,
        COLOR_BAD,
        COLOR_STRONG,
        COLOR_FAINT, /* what is there for completeness */
        _COLOR_MAX,
} Color;

/* Parses "auto", "always" or "never"; returns -EINVAL for anything else. */
int color_mode_parse(const char *text, ColorMode *ret);

/* Whether it is a terminal, and one that understands escape sequences. */
bool color_is_terminal(int fd);

/* What switches to a colour on standard output: an escape sequence, or "" if there are to be none. */
const char *color_switch(ColorMode mode, Color color);
