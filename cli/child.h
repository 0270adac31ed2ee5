/* SPDX-License-Identifier: MIT */
#pragma once

/* Runs a command to its end: bytes in, bytes out, a deadline. */

#include <stdint.h>

#include "cli/answer.h"

typedef struct ChildConfig {
        char **argv;          /* ended by NULL; looked up in $PATH */
        const void *input;    /* its standard input ... */
        size_t input_size;    /* ... in bytes */
        uint64_t deadline_us; /* CLOCK_BOOTTIME; it is ended then */
        int interrupt_fd;     /* it is ended when this becomes readable */
        bool has_answer;      /* what it writes is wanted, see below */
} ChildConfig;

typedef struct Child {
        Outcome outcome;
        char output[ANSWER_OUTPUT_MAX + 1];
        char status[ANSWER_STATUS_MAX + 1];
} Child;

/* Conditions: it did not end by itself, and 'outcome' is void. */
enum {
        CHILD_EXPIRED = 1,
        CHILD_INTERRUPTED,
};

/*
 * Runs the command in a process group of its own, with its standard input and, if it 'has_answer', its
 * standard output and file descriptor 3 on pipes, and waits for it to exit; what it leaves running in the
 * background is not waited for. To end it, the group gets SIGTERM and, if need be, SIGKILL two seconds later.
 *
 * 0: child->outcome is filled in; its spans point into 'child'. Otherwise a condition, or a negative errno:
 * it could not be started. SIGPIPE must be ignored.
 */
int child_run(Child *child, const ChildConfig *config);
