/* SPDX-License-Identifier: MIT */
#pragma once

/* From what a command of `aziot serve` did to the parameters of io.aziotd.methods.Settle. */

#include <azure/core/az_span.h>

#include "ipc/json.h"

/* A hub takes answers of at most 128 KiB (IoT Hub, "Quotas and throttling"). */
#define ANSWER_OUTPUT_MAX (128U * 1024U)

/* "404" and a newline, with room to see that there is more than a number. */
#define ANSWER_STATUS_MAX 16U

typedef struct Outcome {
        int wait_status;     /* as from waitpid() */
        az_span output;      /* what it wrote to standard output ... */
        bool output_too_big; /* ... which was more than ANSWER_OUTPUT_MAX */
        az_span status;      /* what it wrote to file descriptor 3 */
} Outcome;

/*
 * Writes the answer to call 'id':
 *
 *   status   the number from file descriptor 3; else 200 if the command exited with 0, otherwise 500
 *   payload  its output: none if empty, a JSON object as 'payload', other JSON as 'payloadText'. A command
 * that failed without a word is reported as {"exitCode":N} or {"signal":N}
 *
 * Returns NULL. A command that breaks these rules is answered for by answer_write_fault(); what was wrong is
 * returned for the log then.
 */
const char *answer_write(IpcJson *json, az_span id, const Outcome *outcome);

/* Writes an answer to call 'id' that the command did not give: status 500 and {"error":"..."}. */
void answer_write_fault(IpcJson *json, az_span id, const char *fault);
