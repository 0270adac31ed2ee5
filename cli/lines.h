/* SPDX-License-Identifier: MIT */
#pragma once

/* Lines of a file or a pipe, with or without waiting for the next one. */

#include <azure/core/az_span.h>

#include "util/util.h"

typedef struct Lines {
        int fd;
        uint8_t *data;
        size_t start, size, allocated; /* data[start, size) is read and not yet handed out */
        size_t max;                    /* bytes of a line */
        bool ended;
        uint64_t number; /* of the last line handed out, from 1 */
} Lines;

#define LINES_NULL ((Lines){ .fd = -1 })

/* Conditions. */
enum {
        LINES_END = 1,
        LINES_NOT_YET, /* only unless told to wait */
};

/*
 * Hands out the next line without its "\n" or "\r\n", the last one also if it has none; valid until the next
 * call.
 *
 * 0: *ret is the line. Otherwise a condition. -EMSGSIZE: the line is longer than 'max'. Returns -ENOMEM, or
 * what reading failed with.
 */
int lines_next(Lines *lines, bool wait, az_span *ret);

/* Hands out everything to the end of the file at once; valid until lines_done(). Returns like lines_next().
 */
int lines_rest(Lines *lines, az_span *ret);

/* Frees the buffer; the fd belongs to the caller. */
void lines_done(Lines *lines);
