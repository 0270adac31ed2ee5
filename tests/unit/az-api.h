/* SPDX-License-Identifier: MIT */
#pragma once

/* What az-api.c leaves to a test: C99 and C++, as it is. */

#include <stddef.h>

#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* A macro: its name, what it is, and what it has to be. */
typedef struct {
        const char *name, *text, *expected;
} az_api_text;

extern const az_api_text az_api_texts[];
extern const size_t az_api_n_texts;

/* Returns what the macros for spans make, in this order: two literals, a text, a buffer of four bytes, and
 * any other number: none. */
az_span az_api_use_spans(int which);

_az_END_DECLS
