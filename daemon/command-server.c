/* SPDX-License-Identifier: MIT */

/*
 * Three lists. 'services' has an executor for each filter that is served, and those that wait for UNSUBACK.
 * 'takers' has every connection that ever took, in the order in which they began to wait, so that the one
 * that waited longest gets the next request. 'requests' has those that lib/aio has given us and that are not
 * answered, oldest first; a request is queued until 'taken_by' is set.
 */

#include "daemon/command-server.h"

#include <assert.h>
#include <sys/queue.h>

#include "daemon/span-put.h"

/* Of a filter, with the namespace and the values of tokens; topics of real systems have some tens of bytes.
 */
#define FILTER_MAX 4096

typedef struct Service {
        TAILQ_ENTRY(Service) link;
        aio_command_executor executor;
        uid_t uid;
        CommandOffer offer;
        az_span filter; /* without a share */
        unsigned n_takers, n_requests;
        uint64_t stop_us; /* when it ends, if it has neither then */
        bool is_stopping;
        aio_topic_token tokens[]; /* what 'offer' and 'filter' point to, bytes behind them */
} Service;

typedef struct Request {
        TAILQ_ENTRY(Request) link;
        CommandRequest request;
        Service *service;
        CommandTaker *taken_by;
} Request;

struct CommandTaker {
        TAILQ_ENTRY(CommandTaker) link;
        CommandServer *server;
        Service *service; /* NULL: none yet, or it was refused */
        void *userdata;
        uid_t uid;
        bool waiting;
        uint64_t until_us;
};

struct CommandServer {
        TAILQ_HEAD(ServiceList, Service) services;
        TAILQ_HEAD(TakerList, CommandTaker) takers;
        TAILQ_HEAD(RequestList, Request) requests;
        aio_client *client;
        const CommandServerOps *ops;
        void *userdata;
        unsigned n_requests;
        az_span topic_namespace;
        uint8_t bytes[];
};

/* Life ------------------------------------------------------------------------------------------------ */

int command_server_new(CommandServer **ret, aio_client *client, az_span topic_namespace,
                       const CommandServerOps *ops, void *userdata) {
        CommandServer *s;
        uint8_t *p;

        s = malloc(sizeof(*s) + (size_t) az_span_size(topic_namespace));
        if (!s)
                return -ENOMEM;
        *s = (CommandServer){ .client = client, .ops = ops, .userdata = userdata };
        p = s->bytes;
        s->topic_namespace = span_put(&p, topic_namespace);
        TAILQ_INIT(&s->services);
        TAILQ_INIT(&s->takers);
        TAILQ_INIT(&s->requests);
        *ret = s;
        return 0;
}

static void request_remove(CommandServer *s, Request *r) {
        TAILQ_REMOVE(&s->requests, r, link);
        r->service->n_requests--;
        s->n_requests--;
        free(r);
}

static void service_remove(CommandServer *s, Service *service) {
        TAILQ_REMOVE(&s->services, service, link);
        free(service);
}

CommandServer *command_server_free(CommandServer *s) {
        Service *service;
        Request *r;

        if (!s)
                return NULL;

        assert(TAILQ_EMPTY(&s->takers));
        while ((r = TAILQ_FIRST(&s->requests)))
                request_remove(s, r);
        while ((service = TAILQ_FIRST(&s->services)))
                service_remove(s, service);
        free(s);
        return NULL;
}

az_span command_server_get_namespace(const CommandServer *s) {
        return s->topic_namespace;
}

/* Services -------------------------------------------------------------------------------------------- */

static Service *find_service(const CommandServer *s, az_span filter) {
        Service *service;

        TAILQ_FOREACH (service, &s->services, link)
                if (!service->is_stopping && az_span_is_content_equal(service->filter, filter))
                        return service;
        return NULL;
}

/* Whether there is a topic that is of both; filters of executors have no '#'. */
static bool filters_overlap(az_span a, az_span b) {
        az_span slash = AZ_SPAN_FROM_STR("/"), wild = AZ_SPAN_FROM_STR("+");
        int32_t size_a, size_b;

        do {
                az_span level_a, level_b;

                size_a = az_span_find(a, slash);
                size_b = az_span_find(b, slash);
                if ((size_a < 0) != (size_b < 0))
                        return false;
                level_a = size_a < 0 ? a : az_span_slice(a, 0, size_a);
                level_b = size_b < 0 ? b : az_span_slice(b, 0, size_b);
                if (!az_span_is_content_equal(level_a, level_b) && !az_span_is_content_equal(level_a, wild) &&
                    !az_span_is_content_equal(level_b, wild))
                        return false;
                a = az_span_slice_to_end(a, size_a + 1);
                b = az_span_slice_to_end(b, size_b + 1);
        } while (size_a >= 0);
        return true;
}

/* Whether another user would get some of the same requests. */
static bool is_claimed(const CommandServer *s, az_span filter, uid_t uid) {
        const Service *service;

        TAILQ_FOREACH (service, &s->services, link)
                if (!service->is_stopping && service->uid != uid && filters_overlap(service->filter, filter))
                        return true;
        return false;
}

static bool service_is(const Service *service, const CommandOffer *offer, uid_t uid) {
        return service->uid == uid && az_span_is_content_equal(service->offer.topic, offer->topic) &&
               az_span_is_content_equal(service->offer.share_name, offer->share_name);
}

static size_t offer_size(const CommandOffer *offer) {
        size_t n = (size_t) az_span_size(offer->topic) + (size_t) az_span_size(offer->share_name);

        for (int32_t i = 0; i < offer->tokens.n_tokens; i++)
                n += sizeof(aio_topic_token) + (size_t) az_span_size(offer->tokens.tokens[i].key) +
                     (size_t) az_span_size(offer->tokens.tokens[i].value);
        return n;
}

static Service *service_alloc(const CommandOffer *offer, az_span filter, uid_t uid) {
        int32_t n_tokens = offer->tokens.n_tokens;
        Service *service;
        uint8_t *p;

        service = malloc(sizeof(*service) + offer_size(offer) + (size_t) az_span_size(filter));
        if (!service)
                return NULL;
        *service = (Service){ .uid = uid, .stop_us = UINT64_MAX };
        p = (uint8_t *) (service->tokens + n_tokens);
        for (int32_t i = 0; i < n_tokens; i++) {
                service->tokens[i].key = span_put(&p, offer->tokens.tokens[i].key);
                service->tokens[i].value = span_put(&p, offer->tokens.tokens[i].value);
        }
        service->offer = (CommandOffer){
                .topic = span_put(&p, offer->topic),
                .tokens = { service->tokens, n_tokens },
                .share_name = span_put(&p, offer->share_name),
        };
        service->filter = span_put(&p, filter);
        return service;
}

/* The limit on executors that one more would exceed. */
static bool has_too_many(const CommandServer *s, uid_t uid) {
        unsigned n = 0, n_user = 0;

        for (const Service *service = TAILQ_FIRST(&s->services); service;
             service = TAILQ_NEXT(service, link)) {
                n++;
                n_user += service->uid == uid;
        }
        return n >= COMMAND_SERVICES_MAX || n_user >= COMMAND_SERVICES_PER_USER_MAX;
}

static int service_start(CommandServer *s, const CommandOffer *offer, az_span filter, uid_t uid,
                         aio_error *ret_error, Service **ret) {
        const aio_serializer any = aio_serializer_any(AZ_SPAN_EMPTY, 0);
        aio_command_executor_options options = {
                .serializer = &any,
                .topic_namespace = s->topic_namespace,
                .has_execution_timeout = true,
                .execution_timeout_us = COMMAND_EXECUTION_MAX_US,
                .concurrency = COMMAND_REQUESTS_PER_SERVICE_MAX,
        };
        Service *service;

        if (has_too_many(s, uid))
                return COMMAND_TOO_MANY_SERVICES;
        service = service_alloc(offer, filter, uid);
        if (!service)
                return -ENOMEM;

        options.command_name = options.request_topic_pattern = service->offer.topic;
        options.tokens = service->offer.tokens;
        options.share_name = service->offer.share_name;
        options.context = service;
        if (az_result_failed(
                    aio_command_executor_start(&service->executor, s->client, &options, ret_error))) {
                free(service);
                return COMMAND_INVALID;
        }
        TAILQ_INSERT_TAIL(&s->services, service, link);
        s->ops->changed(s->userdata);
        *ret = service;
        return 0;
}

/* Finds what 'offer' names, or begins to serve it. */
static int service_get(CommandServer *s, const CommandOffer *offer, uid_t uid, aio_error *ret_error,
                       Service **ret) {
        aio_topic_pattern pattern;
        uint8_t buffer[FILTER_MAX];
        az_span filter;

        if (az_result_failed(
                    aio_topic_pattern_init(&pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_REQUEST_TOPIC_PATTERN),
                                           offer->topic, s->topic_namespace, offer->tokens, ret_error)) ||
            az_result_failed(aio_topic_pattern_filter(&pattern, AZ_SPAN_EMPTY, AZ_SPAN_FROM_BUFFER(buffer),
                                                      &filter, ret_error)))
                return COMMAND_INVALID;
        *ret = find_service(s, filter);
        if (*ret)
                return service_is(*ret, offer, uid) ? 0 : COMMAND_CLAIMED;
        if (is_claimed(s, filter, uid))
                return COMMAND_CLAIMED;
        return service_start(s, offer, filter, uid, ret_error, ret);
}

bool command_server_get_service(const CommandServer *s, size_t i, CommandOffer *ret_offer, uid_t *ret_uid) {
        const Service *service;

        TAILQ_FOREACH (service, &s->services, link)
                if (!service->is_stopping && i-- == 0) {
                        *ret_offer = service->offer;
                        *ret_uid = service->uid;
                        return true;
                }
        return false;
}

int command_server_restore(CommandServer *s, const CommandOffer *offer, uid_t uid, aio_time time) {
        Service *service;
        aio_error error;
        int r;

        r = service_get(s, offer, uid, &error, &service);
        if (r == 0 && service->n_takers == 0)
                service->stop_us = time.now_us + COMMAND_RESTORED_US;
        return r;
}

/* Takers ---------------------------------------------------------------------------------------------- */

int command_taker_new(CommandTaker **ret, CommandServer *s, uid_t uid, void *userdata) {
        CommandTaker *taker;

        taker = malloc(sizeof(*taker));
        if (!taker)
                return -ENOMEM;
        *taker = (CommandTaker){ .server = s, .uid = uid, .userdata = userdata };
        TAILQ_INSERT_TAIL(&s->takers, taker, link);
        *ret = taker;
        return 0;
}

static void taker_set_service(CommandTaker *taker, Service *service, uint64_t now_us) {
        if (taker->service == service)
                return;
        if (taker->service && --taker->service->n_takers == 0)
                taker->service->stop_us = now_us + COMMAND_LINGER_US;
        taker->service = service;
        if (service) {
                service->n_takers++;
                service->stop_us = UINT64_MAX;
        }
}

static void taker_give(CommandTaker *taker, Request *r) {
        CommandServer *s = taker->server;

        taker->waiting = false;
        if (r)
                r->taken_by = taker;
        s->ops->give(s->userdata, taker->userdata, r ? &r->request : NULL);
}

/* To the one who has waited longest. */
static void request_offer(CommandServer *s, Request *r) {
        CommandTaker *taker;

        TAILQ_FOREACH (taker, &s->takers, link)
                if (taker->waiting && taker->service == r->service) {
                        taker_give(taker, r);
                        return;
                }
}

CommandTaker *command_taker_free(CommandTaker *taker, aio_time time) {
        CommandServer *s;
        Request *r;

        if (!taker)
                return NULL;

        s = taker->server;
        TAILQ_REMOVE(&s->takers, taker, link);
        taker_set_service(taker, NULL, time.now_us);
        TAILQ_FOREACH (r, &s->requests, link)
                if (r->taken_by == taker) {
                        r->taken_by = NULL;
                        r->request.redelivered = true;
                        request_offer(s, r);
                }
        free(taker);
        return NULL;
}

static unsigned count_unsettled(const CommandTaker *taker) {
        unsigned n = 0;
        const Request *r;

        TAILQ_FOREACH (r, &taker->server->requests, link)
                n += r->taken_by == taker;
        return n;
}

int command_taker_wait(CommandTaker *taker, const CommandOffer *offer, uint64_t until_us, aio_time time,
                       aio_error *ret_error) {
        CommandServer *s = taker->server;
        Service *service;
        Request *request;
        int r;

        assert(!taker->waiting);

        if (count_unsettled(taker) >= COMMAND_REQUESTS_PER_TAKER_MAX)
                return COMMAND_TOO_MANY;
        r = service_get(s, offer, taker->uid, ret_error, &service);
        if (r != 0)
                return r;

        taker_set_service(taker, service, time.now_us);
        taker->waiting = true;
        taker->until_us = until_us;
        TAILQ_REMOVE(&s->takers, taker, link);
        TAILQ_INSERT_TAIL(&s->takers, taker, link);

        TAILQ_FOREACH (request, &s->requests, link)
                if (!request->taken_by && request->service == service) {
                        taker_give(taker, request);
                        break;
                }
        return 0;
}

void command_taker_cancel(CommandTaker *taker) {
        taker->waiting = false;
}

az_span command_taker_get_filter(const CommandTaker *taker) {
        return taker->service ? taker->service->filter : AZ_SPAN_EMPTY;
}

static Request *find_taken(const CommandTaker *taker, uint64_t id) {
        Request *r;

        TAILQ_FOREACH (r, &taker->server->requests, link)
                if (r->request.id == id && r->taken_by == taker)
                        return r;
        return NULL;
}

/* What the program has answered cannot be sent; without memory for this either, the invoker's time runs out.
 */
static void request_fail(CommandServer *s, uint64_t id, aio_time time) {
        aio_error ignored;
        az_result r = aio_command_executor_fail(
                s->client, id, AZ_SPAN_FROM_STR("The program's answer cannot be sent"), time, &ignored);

        (void) r;
}

int command_taker_settle(CommandTaker *taker, uint64_t id, const aio_response *response, az_span failure,
                         aio_time time, aio_error *ret_error) {
        CommandServer *s = taker->server;
        Request *request = find_taken(taker, id);
        az_result r;

        if (!request)
                return COMMAND_GONE;

        r = response ? aio_command_executor_respond(s->client, id, response, time, ret_error)
                     : aio_command_executor_fail(s->client, id, failure, time, ret_error);
        if (az_result_failed(r) && r != AZ_ERROR_ITEM_NOT_FOUND)
                request_fail(s, id, time);
        request_remove(s, request);
        if (r == AZ_ERROR_ITEM_NOT_FOUND)
                return COMMAND_GONE;
        return az_result_failed(r) ? COMMAND_INVALID : 0;
}

/* Events ---------------------------------------------------------------------------------------------- */

static void on_request(CommandServer *s, const aio_event *event) {
        Service *service = event->as.request.executor->endpoint.context;
        Request *r;

        r = malloc(sizeof(*r));
        if (!r)
                return; /* it stays unanswered, as with a program that is too slow */
        *r = (Request){
                .service = service,
                .request = {
                        .id = event->as.request.id,
                        .received = event->as.request.received,
                        .deadline_us = event->as.request.deadline_us,
                        .redelivered = event->as.request.received.message.dup,
                },
        };
        TAILQ_INSERT_TAIL(&s->requests, r, link);
        service->n_requests++;
        s->n_requests++;
        request_offer(s, r);
}

static void on_request_gone(CommandServer *s, uint64_t id) {
        Request *r;

        TAILQ_FOREACH (r, &s->requests, link)
                if (r->request.id == id) {
                        request_remove(s, r);
                        return;
                }
}

/* The broker does not let us subscribe: whoever waits is told, and asks again if it wants. */
static void on_refused(CommandServer *s, Service *service, const aio_error *error) {
        Request *r, *next_request;

        for (CommandTaker *taker = TAILQ_FIRST(&s->takers); taker; taker = TAILQ_NEXT(taker, link)) {
                if (taker->service != service)
                        continue;
                taker->service = NULL;
                if (taker->waiting) {
                        taker->waiting = false;
                        s->ops->refuse(s->userdata, taker->userdata, error);
                }
        }
        for (r = TAILQ_FIRST(&s->requests); r; r = next_request) {
                next_request = TAILQ_NEXT(r, link);
                if (r->service == service)
                        request_remove(s, r);
        }
        service_remove(s, service);
        s->ops->changed(s->userdata);
}

void command_server_on_event(CommandServer *s, const aio_event *event) {
        if (event->type == AIO_EVENT_REQUEST)
                on_request(s, event);
        else if (event->type == AIO_EVENT_REQUEST_GONE)
                on_request_gone(s, event->as.request_gone.id);
        else if (event->type == AIO_EVENT_STOPPED)
                service_remove(s, event->as.endpoint.endpoint->context);
        else if (event->type == AIO_EVENT_STARTED && event->as.endpoint.error.kind != AIO_ERROR_NONE)
                on_refused(s, event->as.endpoint.endpoint->context, &event->as.endpoint.error);
}

/* Time ------------------------------------------------------------------------------------------------ */

static bool service_is_idle(const Service *service) {
        return !service->is_stopping && service->n_takers == 0 && service->n_requests == 0;
}

uint64_t command_server_deadline_us(const CommandServer *s) {
        uint64_t deadline_us = UINT64_MAX;
        const CommandTaker *taker;
        const Service *service;

        TAILQ_FOREACH (taker, &s->takers, link)
                if (taker->waiting)
                        deadline_us = MIN(deadline_us, taker->until_us);
        TAILQ_FOREACH (service, &s->services, link)
                if (service_is_idle(service))
                        deadline_us = MIN(deadline_us, service->stop_us);
        return deadline_us;
}

void command_server_run_due(CommandServer *s, aio_time time) {
        CommandTaker *taker, *next;
        Service *service;

        for (taker = TAILQ_FIRST(&s->takers); taker; taker = next) {
                next = TAILQ_NEXT(taker, link);
                if (taker->waiting && taker->until_us <= time.now_us)
                        taker_give(taker, NULL);
        }
        TAILQ_FOREACH (service, &s->services, link)
                if (service_is_idle(service) && service->stop_us <= time.now_us) {
                        service->is_stopping = true;
                        s->ops->changed(s->userdata);
                        aio_command_executor_stop(&service->executor, time);
                }
}

unsigned command_server_count_requests(const CommandServer *s) {
        return s->n_requests;
}

unsigned command_server_count_services(const CommandServer *s) {
        unsigned n = 0;
        const Service *service;

        TAILQ_FOREACH (service, &s->services, link)
                n += !service->is_stopping;
        return n;
}
