/* SPDX-License-Identifier: MIT */

/*
 * Three lists. 'takers' has every connection that ever took, in the order in which they began to wait, so
 * that the one that waited longest gets the next call and takers of one name serve it in turn. 'calls' has
 * every call that the cloud waits for, oldest first; a call is queued until 'taken_by' is set. Nothing else
 * is state: whether a name is served, and by whom, is read from the takers, and what counts against a limit
 * from the calls, of which there are few.
 */

#include "daemon/method-router.h"

#include <assert.h>
#include <sys/queue.h>

#include "daemon/span-put.h"

typedef struct PendingCall {
        TAILQ_ENTRY(PendingCall) link;
        MethodCall call;
        az_span request_id;
        MethodTaker *taken_by;
        uint64_t since_us;
        uid_t uid;       /* whose programs serve it */
        uint8_t bytes[]; /* request id, name, payload */
} PendingCall;

struct MethodTaker {
        TAILQ_ENTRY(MethodTaker) link;
        MethodRouter *router;
        void *userdata;
        uid_t uid;
        bool waiting;
        uint64_t until_us;
        az_span *names; /* one allocation with the bytes they point to */
        size_t n_names;
};

struct MethodRouter {
        TAILQ_HEAD(MethodTakerList, MethodTaker) takers;
        TAILQ_HEAD(PendingCallList, PendingCall) calls;
        const MethodRouterOps *ops;
        void *userdata;
        uint64_t limit_us;
        uint64_t last_id;
        unsigned n_calls;
        bool has_refused; /* since no call waited */
};

int method_router_new(MethodRouter **ret, const MethodRouterOps *ops, void *userdata, uint64_t limit_us) {
        MethodRouter *router;

        router = malloc(sizeof(*router));
        if (!router)
                return -ENOMEM;

        *router = (MethodRouter){ .ops = ops, .userdata = userdata, .limit_us = limit_us };
        TAILQ_INIT(&router->takers);
        TAILQ_INIT(&router->calls);
        *ret = router;
        return 0;
}

void method_router_set_limit(MethodRouter *router, uint64_t limit_us) {
        router->limit_us = limit_us;
}

MethodRouter *method_router_free(MethodRouter *router) {
        if (!router)
                return NULL;

        assert(TAILQ_EMPTY(&router->takers));
        method_router_forget_calls(router);
        free(router);
        return NULL;
}

static void call_remove(MethodRouter *router, PendingCall *pending) {
        TAILQ_REMOVE(&router->calls, pending, link);
        router->n_calls--;
        router->has_refused &= router->n_calls > 0;
        free(pending);
}

static void call_answer(MethodRouter *router, PendingCall *pending, uint16_t status, az_span payload) {
        router->ops->answer(router->userdata, pending->request_id, status, payload, pending->since_us);
        call_remove(router, pending);
}

static void call_answer_gone(MethodRouter *router, PendingCall *pending) {
        call_answer(router, pending, 503,
                    AZ_SPAN_FROM_STR("{\"error\":\"the program that serves this method went away\"}"));
}

static bool taker_claims(const MethodTaker *taker, az_span name) {
        for (size_t i = 0; i < taker->n_names; i++)
                if (az_span_is_content_equal(taker->names[i], name))
                        return true;
        return false;
}

/* Where a name is claimed first, so that each is counted once. */
static const az_span *name_first(const MethodRouter *router, az_span name) {
        const MethodTaker *taker;

        TAILQ_FOREACH (taker, &router->takers, link)
                for (size_t i = 0; i < taker->n_names; i++)
                        if (az_span_is_content_equal(taker->names[i], name))
                                return &taker->names[i];
        return NULL;
}

/* One of those who serve a name; NULL: nobody does. */
static const MethodTaker *find_taker(const MethodRouter *router, az_span name) {
        const MethodTaker *taker;

        TAILQ_FOREACH (taker, &router->takers, link)
                if (taker_claims(taker, name))
                        return taker;
        return NULL;
}

static void taker_give(MethodTaker *taker, PendingCall *pending) {
        MethodRouter *router = taker->router;

        taker->waiting = false;
        if (pending)
                pending->taken_by = taker;
        router->ops->give(router->userdata, taker->userdata, pending ? &pending->call : NULL);
}

int method_taker_new(MethodTaker **ret, MethodRouter *router, uid_t uid, void *userdata) {
        MethodTaker *taker;

        taker = malloc(sizeof(*taker));
        if (!taker)
                return -ENOMEM;

        *taker = (MethodTaker){ .router = router, .uid = uid, .userdata = userdata };
        TAILQ_INSERT_TAIL(&router->takers, taker, link);
        *ret = taker;
        return 0;
}

/* Answers those that nobody serves any more, and those that were taken by 'taker', which may be NULL. */
static void calls_answer_gone(MethodRouter *router, const MethodTaker *taker) {
        PendingCall *pending, *next;

        for (pending = TAILQ_FIRST(&router->calls); pending; pending = next) {
                next = TAILQ_NEXT(pending, link);
                if (pending->taken_by ? pending->taken_by == taker : !find_taker(router, pending->call.name))
                        call_answer_gone(router, pending);
        }
}

MethodTaker *method_taker_free(MethodTaker *taker) {
        if (!taker)
                return NULL;

        TAILQ_REMOVE(&taker->router->takers, taker, link);
        calls_answer_gone(taker->router, taker);
        free(taker->names);
        free(taker);
        return NULL;
}

/* Copies the names behind the array that points to them: one allocation, freed as one. */
static int names_copy(const az_span *names, size_t n, az_span **ret) {
        size_t n_bytes = 0;
        az_span *copy;
        uint8_t *p;

        for (size_t i = 0; i < n; i++)
                n_bytes += (size_t) az_span_size(names[i]);

        copy = malloc(MAX(n * sizeof(*copy) + n_bytes, (size_t) 1));
        if (!copy)
                return -ENOMEM;

        p = (uint8_t *) (copy + n);
        for (size_t i = 0; i < n; i++)
                copy[i] = span_put(&p, names[i]);
        *ret = copy;
        return 0;
}

static bool name_held_by_other(const MethodTaker *taker, az_span name) {
        const MethodTaker *other;

        TAILQ_FOREACH (other, &taker->router->takers, link)
                if (other->uid != taker->uid && taker_claims(other, name))
                        return true;
        return false;
}

static unsigned count_unsettled(const MethodTaker *taker) {
        const PendingCall *pending;
        unsigned n = 0;

        TAILQ_FOREACH (pending, &taker->router->calls, link)
                n += pending->taken_by == taker;
        return n;
}

int method_taker_wait(MethodTaker *taker, const az_span *names, size_t n_names, uint64_t until_us,
                      az_span *ret_claimed) {
        MethodRouter *router = taker->router;
        PendingCall *pending;
        az_span *copy;
        int r;

        assert(!taker->waiting);
        assert(n_names <= METHOD_NAMES_PER_TAKER_MAX);

        for (size_t i = 0; i < n_names; i++)
                if (name_held_by_other(taker, names[i])) {
                        *ret_claimed = names[i];
                        return METHOD_NAME_CLAIMED;
                }
        if (count_unsettled(taker) >= METHOD_CALLS_PER_TAKER_MAX)
                return METHOD_TOO_MANY;

        r = names_copy(names, n_names, &copy);
        if (r < 0)
                return r;
        free(taker->names);
        taker->names = copy;
        taker->n_names = n_names;
        taker->waiting = true;
        taker->until_us = until_us;

        /* To the back: who waits longest is served first. */
        TAILQ_REMOVE(&router->takers, taker, link);
        TAILQ_INSERT_TAIL(&router->takers, taker, link);

        TAILQ_FOREACH (pending, &router->calls, link)
                if (!pending->taken_by && taker_claims(taker, pending->call.name)) {
                        taker_give(taker, pending);
                        break;
                }
        return 0;
}

void method_taker_cancel(MethodTaker *taker) {
        taker->waiting = false;
}

const az_span *method_taker_names(const MethodTaker *taker, size_t *ret_n) {
        *ret_n = taker->n_names;
        return taker->names;
}

void method_taker_give_up(MethodTaker *taker, az_span name) {
        for (size_t i = 0; i < taker->n_names;)
                if (az_span_is_content_equal(taker->names[i], name))
                        taker->names[i] = taker->names[--taker->n_names];
                else
                        i++;
        calls_answer_gone(taker->router, NULL);
}

int method_taker_settle(MethodTaker *taker, uint64_t id, uint16_t status, az_span payload) {
        PendingCall *pending;

        TAILQ_FOREACH (pending, &taker->router->calls, link)
                if (pending->call.id == id && pending->taken_by == taker) {
                        call_answer(taker->router, pending, status, payload);
                        return 0;
                }
        return METHOD_CALL_GONE;
}

static PendingCall *call_new(MethodRouter *router, az_span request_id, az_span name, az_span payload) {
        size_t n_bytes = (size_t) az_span_size(request_id) + (size_t) az_span_size(name) +
                         (size_t) az_span_size(payload);
        PendingCall *pending;
        uint8_t *p;

        pending = malloc(sizeof(*pending) + n_bytes);
        if (!pending)
                return NULL;

        *pending = (PendingCall){};
        p = pending->bytes;
        pending->request_id = span_put(&p, request_id);
        pending->call.name = span_put(&p, name);
        pending->call.payload = span_put(&p, payload);
        pending->call.id = ++router->last_id;
        return pending;
}

/* The limit that another call of the name would exceed; 0: none. */
static unsigned find_limit(const MethodRouter *router, az_span name, uid_t uid) {
        unsigned n_name = 0, n_user = 0;

        for (const PendingCall *pending = TAILQ_FIRST(&router->calls); pending;
             pending = TAILQ_NEXT(pending, link)) {
                n_name += az_span_is_content_equal(pending->call.name, name);
                n_user += pending->uid == uid;
        }
        if (n_name >= METHOD_CALLS_PER_NAME_MAX)
                return METHOD_CALLS_PER_NAME_MAX;
        if (n_user >= METHOD_CALLS_PER_USER_MAX)
                return METHOD_CALLS_PER_USER_MAX;
        return router->n_calls >= METHOD_CALLS_MAX ? METHOD_CALLS_MAX : 0;
}

static void call_refuse(MethodRouter *router, az_span request_id, az_span name, unsigned limit) {
        router->ops->answer(router->userdata, request_id, 429,
                            AZ_SPAN_FROM_STR("{\"error\":\"too many calls are waiting\"}"), 0);
        if (!router->has_refused)
                router->ops->refused(router->userdata, name, limit);
        router->has_refused = true;
}

/* To the one who has waited longest. */
static void call_offer(MethodRouter *router, PendingCall *pending) {
        MethodTaker *taker;

        TAILQ_FOREACH (taker, &router->takers, link)
                if (taker->waiting && taker_claims(taker, pending->call.name)) {
                        taker_give(taker, pending);
                        return;
                }
}

int method_router_call(MethodRouter *router, az_span request_id, az_span name, az_span payload,
                       uint64_t now_us) {
        const MethodTaker *server = find_taker(router, name);
        PendingCall *pending;
        unsigned limit;

        if (!server) {
                router->ops->answer(router->userdata, request_id, 501,
                                    AZ_SPAN_FROM_STR("{\"error\":\"no local program serves this method\"}"),
                                    0);
                return 0;
        }
        limit = find_limit(router, name, server->uid);
        if (limit > 0) {
                call_refuse(router, request_id, name, limit);
                return 0;
        }

        pending = call_new(router, request_id, name, payload);
        if (!pending) {
                router->ops->answer(router->userdata, request_id, 503,
                                    AZ_SPAN_FROM_STR("{\"error\":\"the device is out of memory\"}"), 0);
                return -ENOMEM;
        }

        pending->uid = server->uid;
        pending->since_us = now_us;
        pending->call.deadline_us = now_us + router->limit_us;
        TAILQ_INSERT_TAIL(&router->calls, pending, link);
        router->n_calls++;
        call_offer(router, pending);
        return 0;
}

unsigned method_router_count_calls(const MethodRouter *router) {
        return router->n_calls;
}

void method_router_stop(MethodRouter *router) {
        PendingCall *pending;

        while ((pending = TAILQ_FIRST(&router->calls)))
                call_answer(router, pending, 503, AZ_SPAN_FROM_STR("{\"error\":\"the daemon stops\"}"));
}

void method_router_forget_calls(MethodRouter *router) {
        PendingCall *pending;

        while ((pending = TAILQ_FIRST(&router->calls)))
                call_remove(router, pending);
}

uint64_t method_router_deadline_us(const MethodRouter *router) {
        uint64_t deadline_us = UINT64_MAX;
        const PendingCall *pending;
        const MethodTaker *taker;

        TAILQ_FOREACH (pending, &router->calls, link)
                deadline_us = MIN(deadline_us, pending->call.deadline_us);
        TAILQ_FOREACH (taker, &router->takers, link)
                if (taker->waiting)
                        deadline_us = MIN(deadline_us, taker->until_us);
        return deadline_us;
}

void method_router_run_due(MethodRouter *router, uint64_t now_us) {
        PendingCall *pending, *next_call;
        MethodTaker *taker, *next_taker;

        for (pending = TAILQ_FIRST(&router->calls); pending; pending = next_call) {
                next_call = TAILQ_NEXT(pending, link);
                if (pending->call.deadline_us > now_us)
                        continue;
                router->ops->timed_out(router->userdata, &pending->call);
                call_answer(router, pending, 504,
                            AZ_SPAN_FROM_STR("{\"error\":\"the program that serves this method did not "
                                             "answer in time\"}"));
        }

        for (taker = TAILQ_FIRST(&router->takers); taker; taker = next_taker) {
                next_taker = TAILQ_NEXT(taker, link);
                if (taker->waiting && taker->until_us <= now_us)
                        taker_give(taker, NULL);
        }
}

az_span method_router_name(const MethodRouter *router, size_t i) {
        const MethodTaker *taker;

        TAILQ_FOREACH (taker, &router->takers, link)
                for (size_t k = 0; k < taker->n_names; k++)
                        if (name_first(router, taker->names[k]) == &taker->names[k] && i-- == 0)
                                return taker->names[k];
        return AZ_SPAN_EMPTY;
}
