/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Prints what --help does: of a command, or, with NULL, the list of them. Returns whether there is such a
 * command. */
bool help_print(FILE *out, const char *command);
