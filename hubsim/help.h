/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

/* Prints what --help does: all commands and options. */
void help_print(FILE *out);
