/* SPDX-License-Identifier: MIT */
#pragma once

/* From what a command of `aziot serve` did to its answer. */

#include <stdbool.h>
#include <stddef.h>

/* A hub takes answers of at most 128 KiB (IoT Hub, "Quotas and throttling"). */
#define ANSWER_OUTPUT_MAX (128U * 1024U)

/* "404" and a newline, or of `aziot broker serve` a sentence. */
#define ANSWER_STATUS_MAX 1024U

/* Texts end with a NUL and may have others before it. */
typedef struct Outcome {
        int wait_status;    /* as from waitpid() */
        const char *output; /* what it wrote to standard output ... */
        size_t output_size;
        bool output_too_big; /* ... which was more than ANSWER_OUTPUT_MAX */
        const char *status;  /* what it wrote to file descriptor 3 */
        size_t status_size;
} Outcome;

typedef struct Answer {
        int status;
        const char *payload; /* of the outcome, or 'text' */
        char text[128];
} Answer;

/*
 * Makes the answer to a call:
 *
 *   status   the number from file descriptor 3; else 200 if the command exited with 0, otherwise 500
 *   payload  its output, which may be empty. A command that failed without a word is reported as
 *            {"exitCode":N} or {"signal":N}
 *
 * Returns NULL. A command that breaks these rules is answered for by answer_make_fault(); what was wrong is
 * returned for the log then. Whether the output is JSON is not looked at.
 */
const char *answer_make(Answer *answer, const Outcome *outcome);

/* Makes an answer that the command did not give: status 500 and {"error":"..."}. */
void answer_make_fault(Answer *answer, const char *fault);
