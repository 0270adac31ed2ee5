/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the commands share; nobody else includes it.
 *
 *      broker-commands.c  life, Invoke
 *      broker-serve.c     Take and Settle
 *      broker-kept.c      what is served, on disk
 */

#include "daemon/broker-commands.h"
#include "daemon/broker-message.h"
#include "daemon/command-caller.h"
#include "daemon/command-server.h"
#include "daemon/state-file.h"

#define ERROR_NAME(name) "io.aziotd.broker." name

/* Room for a topic whose tokens have their values, with the namespace. */
#define BROKER_FULL_TOPIC_MAX (4 * BROKER_TOPIC_MAX)

struct BrokerCommands {
        BrokerLink *link;
        const Access *access;
        ClientLog *clients;
        CommandServer *server;
        CommandCaller *caller;
        const Log *log;
        StateFile *file;
        bool is_dirty; /* the file has to be written again */
        BrokerCommandsCounts counts;
};

/* A condition: the call was answered. */
#define BROKER_ANSWERED 1

/* Sees to it that there are server and caller; the call is answered by NoBroker if there is no client yet.
 * -ENOMEM */
int broker_commands_prepare(BrokerCommands *c, IpcCall *call);

/* Its userdata is a BrokerCommands. */
extern const CommandServerOps broker_server_ops;

/* Writes a text that may be absent. */
void broker_write_text(IpcJson *json, const char *name, az_span text);

/* Answers by CommandFailed, with all that an error of lib/aio says. */
int broker_reply_failed(IpcCall *call, const aio_error *error);

/* Says what is wrong with the message of a call; 'r' is a condition of broker_content_make(). */
int broker_reply_problem(IpcCall *call, int r, const BrokerProblem *problem);

/* Makes the topic of a request, or the filter of those that are served, for the rules. */
bool broker_make_topic(const BrokerCommands *c, az_span pattern_text, aio_topic_tokens tokens, bool is_filter,
                       az_span buffer, az_span *ret, aio_error *ret_error);

/* The rule by which the program may not use it; NULL: it may. And what it is answered then. */
const AccessRule *broker_find_denial(const BrokerCommands *c, IpcConnection *connection, AccessUse use,
                                     az_span filter);
int broker_refuse_topic(BrokerCommands *c, IpcCall *call, const AccessRule *rule, az_span topic);

/* Opens the file of what is served; reads it, once the server is there; writes it, and closes it. */
int broker_commands_open_file(BrokerCommands *c, Disk *disk, const char *state_dir);
void broker_commands_restore(BrokerCommands *c);
void broker_commands_keep(BrokerCommands *c);
void broker_commands_close_file(BrokerCommands *c);
