/* SPDX-License-Identifier: MIT */
#pragma once

/* What the commands that talk to a running hub have in common. */

#include "hubsim/client.h"
#include "ipc/client.h"
#include "ipc/json.h"

#define PREFIX "io.aziotd.hubsim."

void client_print_span(az_span text);

/* Says on standard error what failed and why, and returns the exit code. */
int client_fail(int error, const char *what);

/* Connects unless '*client' is, calls, and receives the first reply; a failure has been reported. */
int client_call(const ClientOptions *options, IpcClient **client, const char *method,
                const IpcJson *parameters, unsigned flags, IpcReply *ret);

/* The same, and decodes the reply, which lives as long as '*client'. */
int client_call_and_decode(const ClientOptions *options, IpcClient **client, const char *method,
                           const IpcJson *parameters, const IpcStruct *type, void *answer);
