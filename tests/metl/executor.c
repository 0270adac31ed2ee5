/* SPDX-License-Identifier: MIT */

/*
 * What the program behind an executor does in a test case: it looks up its response, goes through the steps
 * of 'sync', and responds or fails. A step that waits for an event holds an execution up, not the driver.
 */

#include "component.h"

static Entry *find_event(const World *w, const char *name) {
        for (Entry *e = w->events; e; e = e->next)
                if (strcmp(e->name, name) == 0)
                        return e;
        fail("there is no event '%s' to count down", name);
}

bool executor_is_over(const World *w, const char *event) {
        return find_event(w, event)->value == 0;
}

/* How often this payload came, of which the test case says the responses. */
static Entry *find_count(World *w, Component *c, const char *payload) {
        Entry *e = c->n_by_payload;

        while (e && strcmp(e->name, payload) != 0)
                e = e->next;
        if (!e) {
                e = world_keep(w, sizeof(*e));
                *e = (Entry){ .next = c->n_by_payload, .name = payload };
                c->n_by_payload = e;
        }
        return e;
}

/* The n-th time that a payload comes it gets the n-th response, and then again the first. */
static az_span find_response(World *w, Component *c, az_span payload) {
        const cJSON *responses = json_first(json_find(c->options, "request-responses-map"));
        uint64_t n;

        while (responses && !az_span_is_content_equal(payload, span_of(responses->string)))
                responses = responses->next;
        if (!json_first(responses))
                return AZ_SPAN_EMPTY;
        n = find_count(w, c, responses->string)->value++ % (uint64_t) cJSON_GetArraySize(responses);
        return span_of(cJSON_GetArrayItem(responses, (int) n)->valuestring);
}

/* A value that is null is taken from the request, if it is there. */
static int32_t add_metadata(World *w, const Execution *x, az_mqtt_user_property *properties, int32_t n) {
        const cJSON *pair;

        for (pair = json_first(json_find(x->executor->options, "response-metadata")); pair;
             pair = pair->next) {
                az_span value = cJSON_IsString(pair)
                                        ? span_of(pair->valuestring)
                                        : properties_find(x->received.user_properties,
                                                          x->received.n_user_properties, pair->string);

                if (az_span_ptr(value))
                        properties[n++] = (az_mqtt_user_property){ span_of(pair->string), value };
        }
        return n;
}

static int32_t add_tokens(World *w, const Execution *x, az_mqtt_user_property *properties, int32_t n) {
        az_span prefix = json_span(x->executor->options, "token-metadata-prefix");

        for (int32_t i = 0; az_span_ptr(prefix) && i < x->received.tokens.n_tokens; i++) {
                const aio_topic_token *token = &x->received.tokens.tokens[i];
                int32_t size = az_span_size(prefix) + az_span_size(token->key);
                az_span key = az_span_create(world_keep(w, (size_t) size), size);

                (void) az_span_copy(az_span_copy(key, prefix), token->key);
                properties[n++] = (az_mqtt_user_property){ key, token->value };
        }
        return n;
}

static void respond(World *w, const Execution *x) {
        size_t n_max = (size_t) cJSON_GetArraySize(json_find(x->executor->options, "response-metadata")) +
                       (size_t) x->received.tokens.n_tokens;
        az_mqtt_user_property *properties = world_keep(w, n_max * sizeof(*properties));
        int32_t n = add_tokens(w, x, properties, add_metadata(w, x, properties, 0));
        const aio_response response = {
                .payload = x->payload,
                .user_properties = properties,
                .n_user_properties = n,
        };
        aio_error error;
        az_result r;

        if (json_is_true(x->executor->options, "raise-error"))
                r = aio_command_executor_fail(&w->client, x->id, AZ_SPAN_FROM_STR("The test says so"),
                                              world_time(w), &error);
        else
                r = aio_command_executor_respond(&w->client, x->id, &response, world_time(w), &error);
        if (az_result_failed(r))
                fail("a response is refused: %.*s", az_span_size(error.message),
                     (const char *) az_span_ptr(error.message));
}

/* Takes one step; false: it waits for an event, or it is at the end. */
static bool take_step(World *w, Execution *x) {
        const char *signal = json_text(x->step, "signal-event"), *wait = json_text(x->step, "wait-event");

        if (!x->step)
                return false;
        if (signal && !x->has_signalled) {
                Entry *event = find_event(w, signal);

                x->has_signalled = true;
                event->value -= event->value > 0;
                return true;
        }
        if (wait && !executor_is_over(w, wait))
                return false;
        x->step = x->step->next;
        x->has_signalled = false;
        return true;
}

/* In the order in which the requests came, until all wait for something. */
static void go_on(World *w) {
        for (Execution *x = w->executions; x;) {
                if (!x->is_gone && take_step(w, x))
                        x = w->executions;
                else if (!x->is_gone && !x->step) {
                        x->is_gone = true;
                        respond(w, x);
                        x = w->executions;
                } else
                        x = x->next;
        }
}

void executor_signal(World *w, const char *event) {
        Entry *e = find_event(w, event);

        e->value -= e->value > 0;
        go_on(w);
}

void executor_forget_request(World *w, uint64_t id) {
        for (Execution *x = w->executions; x; x = x->next)
                x->is_gone |= x->id == id;
}

void executor_start_request(World *w, const aio_event *event) {
        Component *c = event->as.request.executor->endpoint.context;
        Execution *x = world_keep(w, sizeof(*x)), **end = &w->executions;
        const cJSON *steps = json_find(c->options, "sync");

        c->n_handled++;
        *x = (Execution){
                .executor = c,
                .id = event->as.request.id,
                .received = event->as.request.received,
                .step = steps ? steps->child : NULL,
                .payload = find_response(w, c, event->as.request.received.message.payload),
        };
        while (*end)
                end = &(*end)->next;
        *end = x;
        go_on(w);
}
