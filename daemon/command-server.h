/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who answers the commands that come over the broker: an executor of lib/aio for each set of topics that
 * local programs serve, the programs that take its requests, and the requests that they have not answered.
 *
 * A request is given to the program that has waited longest. When that goes away it is given to the next one,
 * as long as the invoker waits; an executor whose programs are all gone waits for one to come back, a short
 * time and as long as requests wait. What lib/aio does beyond that, repeats and acknowledgements above all,
 * is said in <aio/command_executor.h>.
 *
 * It does no I/O and reads no clock: requests and programs' waits end through CommandServerOps, and what the
 * broker is to be told are wishes of the aio_client, to be popped after every function that takes an
 * aio_time.
 */

#include <sys/types.h>

#include <aio/command_executor.h>

#include "util/util.h"

/* Executors, each a subscription; a program of many commands has one for each. */
#define COMMAND_SERVICES_MAX 256U
/* However many a user's programs serve, those of three others can, too. */
#define COMMAND_SERVICES_PER_USER_MAX 64U
/* Of one executor: so many requests are given out or wait here, and the rest behind them in lib/aio. */
#define COMMAND_REQUESTS_PER_SERVICE_MAX 32U
/* A program answers one request after the other; one that works on several leaves the rest to others. */
#define COMMAND_REQUESTS_PER_TAKER_MAX 8U
/* A program that is restarted after each request, or after a crash, is back by then. */
#define COMMAND_LINGER_US (10 * USEC_PER_SEC)
/* The same after the daemon was restarted, when all of them have to connect again. */
#define COMMAND_RESTORED_US (60 * USEC_PER_SEC)
/* Longer than any invoker waits: its own limit is the one that counts. */
#define COMMAND_EXECUTION_MAX_US (3600 * USEC_PER_SEC)

typedef struct CommandServer CommandServer;
typedef struct CommandTaker CommandTaker;

/* What a program serves. */
typedef struct CommandOffer {
        az_span topic; /* a pattern */
        aio_topic_tokens tokens;
        az_span share_name; /* empty: none */
} CommandOffer;

/* One request as its taker sees it; it lives until it is settled or gone. */
typedef struct CommandRequest {
        uint64_t id; /* unique since the daemon started */
        aio_received received;
        uint64_t deadline_us;
        bool redelivered; /* a program had taken it before, or the broker may have sent it before */
} CommandRequest;

/* None of these may call back into the server. */
typedef struct CommandServerOps {
        /* Ends a taker's wait: with a request, or with NULL when its time is over. */
        void (*give)(void *userdata, void *taker_userdata, const CommandRequest *request);
        /* Ends it because the broker does not let us subscribe. */
        void (*refuse)(void *userdata, void *taker_userdata, const aio_error *error);
        /* There is another executor, or one less: see command_server_get_service(). */
        void (*changed)(void *userdata);
} CommandServerOps;

/* Conditions of the functions below; all positive. */
enum {
        COMMAND_INVALID = 1, /* the offer or the answer is not as it should be: see *ret_error */
        COMMAND_CLAIMED,     /* another user serves one of these topics, or this one by another pattern */
        COMMAND_TOO_MANY,    /* the taker has COMMAND_REQUESTS_PER_TAKER_MAX that it has not settled */
        COMMAND_TOO_MANY_SERVICES,
        COMMAND_GONE, /* the invoker does not wait any more, or it was never this taker's */
};

/* 'client' and 'ops' must outlive it; 'topic_namespace', which is copied, may be empty. -ENOMEM */
int command_server_new(CommandServer **ret, aio_client *client, az_span topic_namespace,
                       const CommandServerOps *ops, void *userdata);
/* All takers must be gone; the aio_client is not used any more. */
CommandServer *command_server_free(CommandServer *server);
DEFINE_CLEANUP(CommandServer *, command_server_free)

/* The namespace that it was given. */
az_span command_server_get_namespace(const CommandServer *server);

/* The i-th executor, whose spans live as long as it does; false: there are no more. */
bool command_server_get_service(const CommandServer *server, size_t i, CommandOffer *ret_offer,
                                uid_t *ret_uid);

/*
 * Begins to serve what was served before the daemon was restarted, so that requests which the broker has
 * kept, or delivers again, find an executor and wait for their programs to come back. Conditions are those of
 * command_taker_wait(). -ENOMEM
 */
int command_server_restore(CommandServer *server, const CommandOffer *offer, uid_t uid, aio_time time);

/* A connection that takes requests; it serves nothing yet. -ENOMEM */
int command_taker_new(CommandTaker **ret, CommandServer *server, uid_t uid, void *userdata);
/* What it had taken is given to the next. */
CommandTaker *command_taker_free(CommandTaker *taker, aio_time time);

/*
 * Waits for the next request for 'offer' until 'until_us'; it replaces what the taker served before. May call
 * give() before it returns. COMMAND_INVALID, _CLAIMED, _TOO_MANY, _TOO_MANY_SERVICES: nothing changed. The
 * spans of *ret_error live until the next call. -ENOMEM
 */
int command_taker_wait(CommandTaker *taker, const CommandOffer *offer, uint64_t until_us, aio_time time,
                       aio_error *ret_error);
/* Ends a wait without an answer to the taker, which goes on serving. */
void command_taker_cancel(CommandTaker *taker);
/* What the taker serves, as a filter with the namespace and without a share; empty: nothing. */
az_span command_taker_get_filter(const CommandTaker *taker);

/*
 * Answers a request taken by 'taker': with 'response' or, if that is NULL, by an error of which 'failure' is
 * the text. COMMAND_GONE: nothing was sent. COMMAND_INVALID: the response cannot be sent; the invoker was
 * told that the command failed.
 */
int command_taker_settle(CommandTaker *taker, uint64_t id, const aio_response *response, az_span failure,
                         aio_time time, aio_error *ret_error);

/* An event of the client whose endpoint is an executor: REQUEST, REQUEST_GONE, STARTED or STOPPED. */
void command_server_on_event(CommandServer *server, const aio_event *event);

uint64_t command_server_deadline_us(const CommandServer *server); /* UINT64_MAX: no timer */
void command_server_run_due(CommandServer *server, aio_time time);

/* How many requests wait for an answer of a program, and how many executors there are. */
unsigned command_server_count_requests(const CommandServer *server);
unsigned command_server_count_services(const CommandServer *server);
