/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Text for a screen: a label, and behind it a column of lines that break between words. Control characters,
 * which could have come from anywhere and do anything to a terminal, are printed as '?'.
 */

#include <stdio.h>

/* Where a screen ends that nobody has measured. */
#define WRAP_WIDTH 80U

/* The width of something that is no screen: lines do not break. */
#define WRAP_NEVER 0U

/* The column of a text behind its label, unless that is longer. */
#define WRAP_LABEL 10U

/* As many lines as it takes. */
#define WRAP_ALL (~0U)

/* The columns that text takes on 'to': those of the terminal, up to what can be read with ease; WRAP_NEVER:
 * it is none. */
unsigned wrap_width(FILE *to);

/*
 * Prints 'text' on as many lines as it takes, but at most 'max_lines': what is left then is cut, which three
 * dots show. The cursor stands in column 'indent' already, where each line begins. Returns the number of
 * lines.
 */
unsigned wrap_text(FILE *to, unsigned width, unsigned indent, const char *text, unsigned max_lines);

/* Prints a label, and behind it the text at WRAP_LABEL. */
unsigned wrap_print(FILE *to, unsigned width, const char *label, const char *text, unsigned max_lines);
