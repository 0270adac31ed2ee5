/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Commands that local programs invoke over the broker: an invoker of lib/aio for each pattern, which is a
 * subscription, kept for a while after its last use; and the invocations that are under way.
 *
 * It does no I/O and reads no clock: responses come through CommandCallerOps, and what the broker is to be
 * told are wishes of the aio_client, to be popped after every function that takes an aio_time.
 */

#include <sys/types.h>

#include <aio/command_invoker.h>

#include "ipc/limits.h"
#include "util/util.h"

/* Invocations at once, by all users: so many the aio_client needs memory for. */
#define COMMAND_INVOCATIONS_MAX (4 * IPC_ERRANDS_PER_UID)
/* Patterns, each a subscription; those that nobody uses make room. */
#define COMMAND_INVOKERS_MAX 128U
/* A program that invokes now and then does not subscribe anew each time. */
#define COMMAND_INVOKER_IDLE_US (300 * USEC_PER_SEC)

typedef struct CommandCaller CommandCaller;
typedef struct CommandInvocation CommandInvocation;

typedef struct CommandCallerOps {
        /* Pops and carries all wishes: a subscription has to be on its way before a request is. */
        void (*pump)(void *userdata);
        /* Carries this one, as if it had been popped. */
        void (*carry)(void *userdata, const aio_event *wish);
        /*
         * Ends an invocation: with what the command returned, or if error->kind is not AIO_ERROR_NONE, with
         * that; 'received' is what came, if anything did. It may not call back into the caller.
         */
        void (*done)(void *userdata, void *invocation_userdata, const aio_error *error,
                     const aio_received *received);
} CommandCallerOps;

/* Conditions of command_caller_invoke(); positive. */
enum {
        COMMAND_CALL_INVALID = 1, /* see *ret_error, whose spans live until the next call */
        COMMAND_CALL_TOO_MANY,    /* of one user, IPC_ERRANDS_PER_UID; or COMMAND_INVOKERS_MAX are in use */
};

/* 'client' and 'ops' must outlive it; 'topic_namespace', which is copied, may be empty. -ENOMEM */
int command_caller_new(CommandCaller **ret, aio_client *client, az_span topic_namespace,
                       const CommandCallerOps *ops, void *userdata);
/* Invocations that are under way are forgotten; the aio_client is not used any more. */
CommandCaller *command_caller_free(CommandCaller *caller);
DEFINE_CLEANUP(CommandCaller *, command_caller_free)

/*
 * Invokes a command.
 *
 *   topic, response_topic  patterns; 'response_topic' empty: below "clients/" and the client id
 *   request                without 'context'
 *   userdata               for CommandCallerOps.done(), which follows unless it is cancelled, maybe before
 * this returns
 */
int command_caller_invoke(CommandCaller *caller, az_span topic, az_span response_topic,
                          const aio_request *request, uid_t uid, void *userdata, aio_time time,
                          CommandInvocation **ret, aio_error *ret_error);
/* Nobody wants its response any more. */
void command_invocation_cancel(CommandInvocation *invocation);

/* An event of the client whose endpoint is an invoker: RESPONSE, STARTED or STOPPED. */
void command_caller_on_event(CommandCaller *caller, const aio_event *event, aio_time time);

uint64_t command_caller_deadline_us(const CommandCaller *caller); /* UINT64_MAX: no timer */
void command_caller_run_due(CommandCaller *caller, aio_time time);

/* How many invocations are under way. */
unsigned command_caller_count(const CommandCaller *caller);
