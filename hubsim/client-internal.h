/* SPDX-License-Identifier: MIT */
#pragma once

/* What the commands that talk to a running hub have in common. */

#include "hubsim/client.h"
#include "ipc/aziot.h"
#include "ipc/field.h"
#include "ipc/json.h"

#define PREFIX "io.aziotd.hubsim."

void client_print_span(az_span text);

/* Says on standard error what failed and why, and returns the exit code. */
int client_fail(int error, const char *what);

/* Whom a command talks to, and what was decoded of the last reply. */
typedef struct Client {
        Aziot *aziot;
        IpcDocument document;
} Client;

#define CLIENT_NULL ((Client){ .document = IPC_DOCUMENT_NULL })

void client_done(Client *client);

/* Calls; a failure has been reported. The reply lives until the next call. */
int client_call(const ClientOptions *options, Client *client, const char *method, const IpcJson *parameters,
                az_span *ret_reply);

/* Calls and decodes the reply; a failure has been reported. */
int client_call_and_decode(const ClientOptions *options, Client *client, const char *method,
                           const IpcJson *parameters, const IpcStruct *type, void *answer);

/* Calls a method that has a device alone, NULL for all, and prints the objects that it lists, each as a line.
 * Returns the exit code. */
int client_call_and_print(const ClientOptions *options, const char *method, const char *device);

/* Decodes a JSON object; what it points to lives as long as 'text' and until the next call of this. */
int client_decode(Client *client, az_span text, const IpcStruct *type, void *answer);

/* Appends what the options say that a device proves itself with: keys, thumbprints, a CA. */
void client_add_authentication(IpcJson *json, const ClientOptions *options);
