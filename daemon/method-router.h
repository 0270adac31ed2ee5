/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who answers a direct method. The router knows the calls that the cloud waits for and the local takers that
 * serve names, and keeps the promise that each call is answered exactly once while the link that brought it
 * lives: by its taker, or by the router with
 *
 *      429  too many calls wait for an answer: of the name, of its user's programs, or in all
 *      501  no connection claims the name
 *      503  its taker vanished, there is no memory, or the daemon stops
 *      504  nobody answered within the limit
 *      500  the taker's answer is not JSON or is too large
 *
 * It does no I/O and reads no clock: answers and deliveries leave through MethodRouterOps. 'now_us' is
 * CLOCK_BOOTTIME. Source: IoT Hub, "Understand and invoke direct methods".
 */

#include <sys/types.h>

#include <azure/core/az_span.h>

#include "util/util.h"

/* A hub passes some tens of calls at a time before it refuses more; each may hold 128 KiB of payload. */
#define METHOD_CALLS_MAX 64U
/* However slow the programs of one user are, those of others get half of them ... */
#define METHOD_CALLS_PER_USER_MAX 32U
/* ... and one method leaves as many to its user's other methods. It can be served by as many connections. */
#define METHOD_CALLS_PER_NAME_MAX 16U
/* A program answers one call after the other; one that works on several leaves the rest of a name to others.
 */
#define METHOD_CALLS_PER_TAKER_MAX 8U
/* The service's own limit on a request and on an answer. */
#define METHOD_PAYLOAD_MAX (128U * 1024U)
/* Far above any real name; a longer one is answered 501 without being looked up. */
#define METHOD_NAME_MAX 256U
/* Request ids are opaque; hubs use a few hexadecimal digits. */
#define METHOD_REQUEST_ID_MAX      128U
#define METHOD_NAMES_PER_TAKER_MAX 64U

typedef struct MethodRouter MethodRouter;
typedef struct MethodTaker MethodTaker;

/* One call as its taker sees it. The spans live until the call is settled or gone. */
typedef struct MethodCall {
        uint64_t id;     /* ours, unique since the daemon started */
        az_span name;    /* as the cloud wrote it, "component*command" included */
        az_span payload; /* one JSON value, or empty */
        uint64_t deadline_us;
} MethodCall;

/* None of these may call back into the router. */
typedef struct MethodRouterOps {
        /*
         * Sends an answer to the cloud. 'request_id' as it came; 'payload' is JSON or empty. 'since_us' is
         * when the call came; 0: it is answered at once.
         */
        void (*answer)(void *userdata, az_span request_id, uint16_t status, az_span payload,
                       uint64_t since_us);
        /* Ends a taker's wait: with a call, or with NULL when its time is over. */
        void (*give)(void *userdata, void *taker_userdata, const MethodCall *call);
        /* A call ran into its limit and was answered 504; for the log. */
        void (*timed_out)(void *userdata, const MethodCall *call);
        /* A call was answered 429, the first one since none waited; for the log. 'limit' calls wait. */
        void (*refused)(void *userdata, az_span name, unsigned limit);
} MethodRouterOps;

/* Conditions of the functions below; all positive. */
enum {
        METHOD_NAME_CLAIMED = 1, /* a taker of another uid serves one of the names */
        METHOD_CALL_GONE,        /* the call's link or deadline is gone, or it was never this taker's */
        METHOD_TOO_MANY,         /* the taker has METHOD_CALLS_PER_TAKER_MAX calls that it has not settled */
};

/* 'limit_us' is how long a call may wait for its answer. */
int method_router_new(MethodRouter **ret, const MethodRouterOps *ops, void *userdata, uint64_t limit_us);
/* The same for the calls that come from now on. */
void method_router_set_limit(MethodRouter *router, uint64_t limit_us);
/* All takers must be gone. Calls that still wait are forgotten, not answered. */
MethodRouter *method_router_free(MethodRouter *router);
DEFINE_CLEANUP(MethodRouter *, method_router_free)

/* A connection that takes calls; it claims nothing yet. Returns -ENOMEM. */
int method_taker_new(MethodTaker **ret, MethodRouter *router, uid_t uid, void *userdata);
/* Gives the names up: calls that it had taken, and queued ones that nobody else serves, are answered 503. */
MethodTaker *method_taker_free(MethodTaker *taker);

/*
 * Waits for the next call of one of 'names' until 'until_us'; the names replace those claimed before. May
 * call give() before it returns. METHOD_NAME_CLAIMED: nothing changed, *ret_claimed is the name that another
 * uid holds. METHOD_TOO_MANY: nothing changed. Returns -ENOMEM.
 */
int method_taker_wait(MethodTaker *taker, const az_span *names, size_t n_names, uint64_t until_us,
                      az_span *ret_claimed);
/* Ends a wait without an answer to the taker; its claims stay. */
void method_taker_cancel(MethodTaker *taker);
/* The names that it claims, until the next call with it. */
const az_span *method_taker_names(const MethodTaker *taker, size_t *ret_n);
/* Gives up one of its names: calls that are queued for it, and that nobody else serves, are answered 503. */
void method_taker_give_up(MethodTaker *taker, az_span name);
/* Answers a call taken by 'taker'. METHOD_CALL_GONE: nothing was sent. */
int method_taker_settle(MethodTaker *taker, uint64_t id, uint16_t status, az_span payload);

/* A call from the cloud; all spans are copied. Returns -ENOMEM after having answered 503. */
int method_router_call(MethodRouter *router, az_span request_id, az_span name, az_span payload,
                       uint64_t now_us);
/* How many calls wait for their answers. */
unsigned method_router_count_calls(const MethodRouter *router);
/* The daemon stops: answers all calls that wait 503. */
void method_router_stop(MethodRouter *router);
/* The link is gone: its calls cannot be answered any more. */
void method_router_forget_calls(MethodRouter *router);

uint64_t method_router_deadline_us(const MethodRouter *router); /* UINT64_MAX: no timer */
void method_router_run_due(MethodRouter *router, uint64_t now_us);

/* The i-th distinct name that is claimed now; empty behind the last. */
az_span method_router_name(const MethodRouter *router, size_t i);
