/* SPDX-License-Identifier: MIT */
#pragma once

/* Text for a screen: a label, and behind it a column of lines that break between words. */

#include <stdio.h>

#define WRAP_WIDTH 80U
/* With the blank behind it. */
#define WRAP_LABEL 10U

/*
 * Prints 'text' behind 'label', on as many lines as it takes, but at most 'max_lines': what is left then is
 * cut, which three dots show. Returns the number of lines.
 */
unsigned wrap_print(FILE *to, const char *label, const char *text, unsigned max_lines);
