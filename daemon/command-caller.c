/* SPDX-License-Identifier: MIT */

#include "daemon/command-caller.h"

#include <sys/queue.h>

#include "daemon/span-put.h"

typedef struct Invoker {
        TAILQ_ENTRY(Invoker) link;
        aio_command_invoker invoker;
        az_span topic, response_topic;
        unsigned n_under_way;
        uint64_t used_us; /* when the last of them began or ended */
        bool is_stopping; /* or was refused, and waits for the end of its invocations */
        bool is_refused;
        uint8_t bytes[]; /* what the spans point to */
} Invoker;

struct CommandInvocation {
        TAILQ_ENTRY(CommandInvocation) link;
        CommandCaller *caller;
        Invoker *invoker;
        uint64_t id;
        uid_t uid;
        void *userdata; /* NULL: nobody wants its end any more */
};

struct CommandCaller {
        TAILQ_HEAD(InvokerList, Invoker) invokers;
        TAILQ_HEAD(InvocationList, CommandInvocation) invocations;
        aio_client *client;
        const CommandCallerOps *ops;
        void *userdata;
        unsigned n_invocations;
        az_span topic_namespace;
        uint8_t bytes[];
};

int command_caller_new(CommandCaller **ret, aio_client *client, az_span topic_namespace,
                       const CommandCallerOps *ops, void *userdata) {
        CommandCaller *c;
        uint8_t *p;

        c = malloc(sizeof(*c) + (size_t) az_span_size(topic_namespace));
        if (!c)
                return -ENOMEM;
        *c = (CommandCaller){ .client = client, .ops = ops, .userdata = userdata };
        p = c->bytes;
        c->topic_namespace = span_put(&p, topic_namespace);
        TAILQ_INIT(&c->invokers);
        TAILQ_INIT(&c->invocations);
        *ret = c;
        return 0;
}

static void invoker_remove(CommandCaller *c, Invoker *invoker) {
        TAILQ_REMOVE(&c->invokers, invoker, link);
        free(invoker);
}

static void invocation_remove(CommandInvocation *i) {
        CommandCaller *c = i->caller;
        Invoker *invoker = i->invoker;

        TAILQ_REMOVE(&c->invocations, i, link);
        c->n_invocations--;
        free(i);
        if (--invoker->n_under_way == 0 && invoker->is_refused)
                invoker_remove(c, invoker);
}

CommandCaller *command_caller_free(CommandCaller *c) {
        CommandInvocation *invocation;
        Invoker *invoker;

        if (!c)
                return NULL;

        while ((invocation = TAILQ_FIRST(&c->invocations)))
                invocation_remove(invocation);
        while ((invoker = TAILQ_FIRST(&c->invokers)))
                invoker_remove(c, invoker);
        free(c);
        return NULL;
}

/* Invokers -------------------------------------------------------------------------------------------- */

static Invoker *find_invoker(const CommandCaller *c, az_span topic, az_span response_topic) {
        Invoker *i;

        TAILQ_FOREACH (i, &c->invokers, link)
                if (!i->is_stopping && az_span_is_content_equal(i->topic, topic) &&
                    az_span_is_content_equal(i->response_topic, response_topic))
                        return i;
        return NULL;
}

static Invoker *find_idle(const CommandCaller *c) {
        Invoker *i, *oldest = NULL;

        TAILQ_FOREACH (i, &c->invokers, link)
                if (!i->is_stopping && i->n_under_way == 0 && (!oldest || i->used_us < oldest->used_us))
                        oldest = i;
        return oldest;
}

static void invoker_stop(Invoker *i) {
        i->is_stopping = true;
        aio_command_invoker_stop(&i->invoker);
}

/* Makes room for one more; false: all are in use. */
static bool make_room(CommandCaller *c) {
        unsigned n = 0;
        Invoker *i;

        TAILQ_FOREACH (i, &c->invokers, link)
                n += !i->is_stopping;
        if (n < COMMAND_INVOKERS_MAX)
                return true;
        i = find_idle(c);
        if (i)
                invoker_stop(i);
        return i;
}

static int invoker_start(CommandCaller *c, az_span topic, az_span response_topic, aio_error *ret_error) {
        const aio_serializer any = aio_serializer_any(AZ_SPAN_EMPTY, 0);
        aio_command_invoker_options options = { .topic_namespace = c->topic_namespace, .serializer = &any };
        Invoker *i;
        uint8_t *p;

        if (!make_room(c))
                return COMMAND_CALL_TOO_MANY;
        i = malloc(sizeof(*i) + (size_t) az_span_size(topic) + (size_t) az_span_size(response_topic));
        if (!i)
                return -ENOMEM;
        *i = (Invoker){};
        p = i->bytes;
        i->topic = span_put(&p, topic);
        i->response_topic = span_put(&p, response_topic);

        options.command_name = options.request_topic_pattern = i->topic;
        options.response_topic_pattern = i->response_topic;
        options.context = i;
        if (az_result_failed(aio_command_invoker_start(&i->invoker, c->client, &options, ret_error))) {
                free(i);
                return COMMAND_CALL_INVALID;
        }
        TAILQ_INSERT_TAIL(&c->invokers, i, link);
        c->ops->pump(c->userdata);
        return 0;
}

/* Invocations ----------------------------------------------------------------------------------------- */

static unsigned count_of_user(const CommandCaller *c, uid_t uid) {
        const CommandInvocation *i;
        unsigned n = 0;

        TAILQ_FOREACH (i, &c->invocations, link)
                n += i->uid == uid;
        return n;
}

int command_caller_invoke(CommandCaller *c, az_span topic, az_span response_topic, const aio_request *request,
                          uid_t uid, void *userdata, aio_time time, CommandInvocation **ret,
                          aio_error *ret_error) {
        Invoker *invoker = find_invoker(c, topic, response_topic);
        aio_request copy = *request;
        CommandInvocation *i;
        aio_event publish;
        int r;

        if (count_of_user(c, uid) >= IPC_ERRANDS_PER_UID)
                return COMMAND_CALL_TOO_MANY;
        if (!invoker) {
                r = invoker_start(c, topic, response_topic, ret_error);
                if (r != 0)
                        return r;
                invoker = find_invoker(c, topic, response_topic);
                if (!invoker) /* the session did not take it */
                        return COMMAND_CALL_TOO_MANY;
        }
        i = malloc(sizeof(*i));
        if (!i)
                return -ENOMEM;

        invoker->used_us = time.now_us;
        copy.context = i;
        *i = (CommandInvocation){ .caller = c, .invoker = invoker, .uid = uid, .userdata = userdata };
        if (az_result_failed(aio_command_invoker_invoke(&invoker->invoker, &copy, time, &i->id, &publish,
                                                        ret_error))) {
                free(i);
                return COMMAND_CALL_INVALID;
        }
        invoker->n_under_way++;
        c->n_invocations++;
        TAILQ_INSERT_TAIL(&c->invocations, i, link);
        *ret = i;
        c->ops->carry(c->userdata, &publish);
        return 0;
}

void command_invocation_cancel(CommandInvocation *i) {
        /* If its end is already to be popped, it comes; it is freed then. */
        if (az_result_succeeded(aio_command_invoker_cancel(i->caller->client, i->id)))
                invocation_remove(i);
        else
                i->userdata = NULL;
}

void command_caller_on_event(CommandCaller *c, const aio_event *event, aio_time time) {
        CommandInvocation *i;
        Invoker *invoker;

        if (event->type == AIO_EVENT_RESPONSE) {
                i = event->as.response.context;
                i->invoker->used_us = time.now_us;
                if (i->userdata)
                        c->ops->done(c->userdata, i->userdata, &event->as.response.error,
                                     &event->as.response.received);
                invocation_remove(i);
        } else if (event->type == AIO_EVENT_STOPPED) {
                invoker_remove(c, event->as.endpoint.endpoint->context);
        } else if (event->type == AIO_EVENT_STARTED && event->as.endpoint.error.kind != AIO_ERROR_NONE) {
                invoker = event->as.endpoint.endpoint->context;
                invoker->is_stopping = invoker->is_refused = true;
                if (invoker->n_under_way == 0)
                        invoker_remove(c, invoker);
        }
}

/* Time ------------------------------------------------------------------------------------------------ */

uint64_t command_caller_deadline_us(const CommandCaller *c) {
        const Invoker *idle = find_idle(c);

        return idle ? idle->used_us + COMMAND_INVOKER_IDLE_US : UINT64_MAX;
}

void command_caller_run_due(CommandCaller *c, aio_time time) {
        Invoker *i;

        while ((i = find_idle(c)) && i->used_us + COMMAND_INVOKER_IDLE_US <= time.now_us)
                invoker_stop(i);
}

unsigned command_caller_count(const CommandCaller *c) {
        return c->n_invocations;
}
