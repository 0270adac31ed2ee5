/* SPDX-License-Identifier: MIT */

/*
 * The input is what happens to a client with two receivers, two executors and an invoker, one thing a line:
 *
 *      mTOPIC|PAYLOAD|RESPONSE TOPIC|CORRELATION|EXPIRY|CONTENT TYPE|KEY=VALUE;KEY=VALUE     a message (M:
 * QoS 0) i{PAYLOAD     invokes             x    cancels the last invocation r{PAYLOAD     responds to the
 * oldest request              f{TEXT    says that it failed a             acknowledges the oldest telemetry
 *      p{REASON      the oldest PUBLISH has come to its end (P: there was no room)     R    there is room
 * again t{MS          time passes         l    the session is lost s{NUMBER      stops an endpoint, or starts
 * it again b{REASON      the oldest SUBSCRIBE or UNSUBSCRIBE is answered
 *
 * A correlation of "=" is that of the last invocation. No message is acknowledged twice, or before it came;
 * every invocation has one end; and when all has come to its end no memory is in use.
 */

#include <stdlib.h>
#include <string.h>

#include <aio/command_executor.h>
#include <aio/command_invoker.h>
#include <aio/telemetry.h>

#include "fuzz-script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_ENDPOINTS 5
#define LIMIT       256 /* of what waits for the script, so that each list has an end */

/* First in, first out; what is too much is forgotten. */
typedef struct {
        uint64_t items[LIMIT];
        size_t first, end;
} Queue;

typedef struct {
        aio_client client;
        aio_hlc_clock clock;
        aio_time time;
        uint8_t random;
        aio_task tasks[6];
        aio_invocation invocations[3];
        az_mqtt_user_property user_properties[30];
        aio_topic_token tokens[4];
        uint8_t scratch[400];
        _Alignas(16) uint8_t blocks[4096];

        aio_telemetry_receiver receivers[2];
        aio_command_executor executors[2];
        aio_command_invoker invoker;
        aio_serializer json;

        Queue published, requests, unacknowledged, subscriptions;
        uint8_t correlation[AIO_UUID_SIZE];
        uint64_t last_invocation;
        size_t n_invocations;
        uint64_t n_messages;
        bool is_acknowledged[LIMIT];
} World;

static void check(bool condition) {
        if (!condition)
                abort();
}

static void push(Queue *q, uint64_t item) {
        if (q->end < LIMIT)
                q->items[q->end++] = item;
}

static bool pop(Queue *q, uint64_t *out_item) {
        if (q->first == q->end)
                return false;
        *out_item = q->items[q->first++];
        if (q->first == q->end)
                q->first = q->end = 0;
        return true;
}

static void draw(void *context, uint8_t *bytes, size_t n_bytes) {
        World *w = context;

        for (size_t i = 0; i < n_bytes; i++)
                bytes[i] = (uint8_t) (w->random++ * 31);
}

/* Reads all bytes of a message, so that a sanitizer sees any that are not its own. */
static void touch(const az_mqtt_message *m) {
        az_span const spans[] = { m->topic, m->payload, m->content_type, m->response_topic,
                                  m->correlation_data };
        volatile uint8_t sum = 0;

        for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
                for (int32_t k = 0; k < az_span_size(spans[i]); k++)
                        sum = (uint8_t) (sum + az_span_ptr(spans[i])[k]);
        }
        for (int32_t i = 0; i < m->n_user_properties; i++) {
                for (int32_t k = 0; k < az_span_size(m->user_properties[i].key); k++)
                        sum = (uint8_t) (sum + az_span_ptr(m->user_properties[i].key)[k]);
                for (int32_t k = 0; k < az_span_size(m->user_properties[i].value); k++)
                        sum = (uint8_t) (sum + az_span_ptr(m->user_properties[i].value)[k]);
        }
}

static void on_received(const aio_received *received) {
        touch(&received->message);
        for (int32_t i = 0; i < received->n_user_properties; i++)
                check(!aio_metadata_is_reserved(received->user_properties[i].key));
        check(received->n_user_properties <= received->message.n_user_properties);
}

static void on_event(World *w, const aio_event *event) {
        switch (event->type) {
        case AIO_EVENT_SUBSCRIBE:
        case AIO_EVENT_UNSUBSCRIBE:
                check(az_span_size(event->as.subscribe.filter) > 0);
                push(&w->subscriptions, event->as.subscribe.token);
                return;
        case AIO_EVENT_PUBLISH:
                check(aio_topic_is_valid(event->as.publish.message.topic));
                touch(&event->as.publish.message);
                push(&w->published, event->as.publish.token);
                return;
        case AIO_EVENT_ACK:
                check(event->as.ack.ack.sequence < w->n_messages);
                check(!w->is_acknowledged[event->as.ack.ack.sequence % LIMIT]);
                w->is_acknowledged[event->as.ack.ack.sequence % LIMIT] = true;
                return;
        case AIO_EVENT_TELEMETRY:
                on_received(&event->as.telemetry.received);
                if (event->as.telemetry.ack_id != 0)
                        push(&w->unacknowledged, event->as.telemetry.ack_id);
                return;
        case AIO_EVENT_REQUEST:
                on_received(&event->as.request.received);
                check(event->as.request.deadline_us > w->time.now_us);
                push(&w->requests, event->as.request.id);
                return;
        case AIO_EVENT_RESPONSE:
                check(w->n_invocations > 0);
                w->n_invocations--;
                if (event->as.response.error.kind == AIO_ERROR_NONE)
                        on_received(&event->as.response.received);
                return;
        case AIO_EVENT_IGNORED:
                check(event->as.ignored.error.kind != AIO_ERROR_NONE);
                touch(&event->as.ignored.message);
                return;
        case AIO_EVENT_STARTED:
        case AIO_EVENT_STOPPED:
        case AIO_EVENT_SENT:
        case AIO_EVENT_REQUEST_GONE:
                return;
        case _AIO_EVENT_TYPE_MAX:
                abort();
        }
}

static void pump(World *w) {
        aio_event event;

        while (aio_client_next_event(&w->client, &event))
                on_event(w, &event);
        check(aio_client_get_status(&w->client).n_invocations == w->n_invocations);
}

static aio_endpoint *endpoint_of(World *w, size_t i) {
        aio_endpoint *const endpoints[N_ENDPOINTS] = { &w->receivers[0].endpoint, &w->receivers[1].endpoint,
                                                       &w->executors[0].endpoint, &w->executors[1].endpoint,
                                                       &w->invoker.endpoint };

        return endpoints[i];
}

static void stop(World *w, size_t i) {
        if (i < 2)
                aio_telemetry_receiver_stop(&w->receivers[i]);
        else if (i < 4)
                aio_command_executor_stop(&w->executors[i - 2], w->time);
        else
                aio_command_invoker_stop(&w->invoker);
}

static void start(World *w, size_t i) {
        aio_telemetry_receiver_options receivers[] = {
                { .topic_pattern = AZ_SPAN_FROM_STR("t/{x}"), .serializer = &w->json, .is_manual_ack = true },
                { .topic_filter = AZ_SPAN_FROM_STR("+/#") },
        };
        aio_command_executor_options executors[] = {
                { .command_name = AZ_SPAN_FROM_STR("a"),
                  .request_topic_pattern = AZ_SPAN_FROM_STR("c/{x}"),
                  .serializer = &w->json,
                  .concurrency = 2,
                  .has_execution_timeout = true,
                  .execution_timeout_us = 5000000 },
                { .command_name = AZ_SPAN_FROM_STR("b"), .request_topic_pattern = AZ_SPAN_FROM_STR("c/{x}") },
        };
        aio_command_invoker_options invoker = { .command_name = AZ_SPAN_FROM_STR("i"),
                                                .request_topic_pattern = AZ_SPAN_FROM_STR("i/test"),
                                                .response_topic_prefix = AZ_SPAN_FROM_STR("r"),
                                                .serializer = &w->json };
        aio_error error;
        az_result r;

        if (i < 2)
                r = aio_telemetry_receiver_start(&w->receivers[i], &w->client, &receivers[i], &error);
        else if (i < 4)
                r = aio_command_executor_start(&w->executors[i - 2], &w->client, &executors[i - 2], &error);
        else
                r = aio_command_invoker_start(&w->invoker, &w->client, &invoker, &error);
        check(r == AZ_OK || r == AZ_ERROR_NOT_ENOUGH_SPACE);
}

static int32_t read_properties(az_span text, az_mqtt_user_property *properties, int32_t max) {
        int32_t n = 0;

        while (az_span_size(text) > 0 && n < max) {
                az_span pair = script_next(&text, ';');

                properties[n].key = script_next(&pair, '=');
                properties[n++].value = pair;
        }
        return n;
}

static void receive(World *w, az_span line, uint8_t qos) {
        az_mqtt_user_property properties[40];
        az_mqtt_message m = { .topic = script_next(&line, '|'), .qos = qos, .user_properties = properties };
        az_span part;

        m.payload = script_next(&line, '|');
        part = script_next(&line, '|');
        m.response_topic = az_span_size(part) > 0 ? part : AZ_SPAN_EMPTY;
        part = script_next(&line, '|');
        if (az_span_is_content_equal(part, AZ_SPAN_FROM_STR("=")))
                m.correlation_data = AZ_SPAN_FROM_BUFFER(w->correlation);
        else
                m.correlation_data = az_span_size(part) > 0 ? part : AZ_SPAN_EMPTY;
        part = script_next(&line, '|');
        m.has_message_expiry = az_span_size(part) > 0;
        m.message_expiry_s = (uint32_t) (script_number(part) & 0xFFFFF);
        part = script_next(&line, '|');
        m.content_type = az_span_size(part) > 0 ? part : AZ_SPAN_EMPTY;
        m.n_user_properties = read_properties(line, properties, sizeof(properties) / sizeof(properties[0]));

        w->is_acknowledged[w->n_messages % LIMIT] = false;
        check(aio_client_received(&w->client, &m, (aio_ack){ 1, w->n_messages++ }, w->time) == AZ_OK);
        pump(w);
}

static void invoke(World *w, az_span payload) {
        aio_request const request = { .payload = payload };
        aio_error error;
        aio_event event;
        uint64_t id;
        az_result r;

        r = aio_command_invoker_invoke(&w->invoker, &request, w->time, &id, &event, &error);
        if (az_result_failed(r))
                return;
        w->last_invocation = id;
        w->n_invocations++;
        memcpy(w->correlation, az_span_ptr(event.as.publish.message.correlation_data), AIO_UUID_SIZE);
        on_event(w, &event);
}

static void respond(World *w, az_span text, bool is_failure) {
        aio_response const response = { .payload = text };
        aio_error error;
        uint64_t id;
        az_result r;

        if (!pop(&w->requests, &id))
                return;
        if (is_failure)
                r = aio_command_executor_fail(&w->client, id, text, w->time, &error);
        else
                r = aio_command_executor_respond(&w->client, id, &response, w->time, &error);
        check(az_result_succeeded(r) || error.kind != AIO_ERROR_NONE);
}

static void answer(World *w, az_span text) {
        uint8_t const code = (uint8_t) script_number(text);
        uint64_t token;

        if (!pop(&w->subscriptions, &token))
                return;
        aio_client_subscribed(&w->client, token, AZ_OK, code);
        aio_client_unsubscribed(&w->client, token, AZ_OK, code);
}

static void publish_ends(World *w, az_result result, uint8_t code) {
        uint64_t token;

        if (!pop(&w->published, &token))
                return;
        check(aio_client_published(&w->client, token, result, code, w->time) == AZ_OK);
}

static void pass(World *w, int64_t ms) {
        if (ms < 0)
                return;
        w->time.now_us += (uint64_t) ms * 1000;
        w->time.wall_ms += (uint64_t) ms;
        aio_client_timeout(&w->client, w->time);
        check(aio_client_deadline_us(&w->client) > w->time.now_us);
}

static void give_line(World *w, az_span line) {
        uint8_t const word = az_span_size(line) > 0 ? az_span_ptr(line)[0] : 0;
        az_span const rest = az_span_slice_to_end(line, az_span_size(line) > 0);
        int64_t const number = script_number(rest);
        size_t const i = (size_t) (number & 7) % N_ENDPOINTS;
        uint64_t id;

        if (word == 'm' || word == 'M')
                receive(w, rest, word == 'm');
        else if (word == 'i')
                invoke(w, rest);
        else if (word == 'x' &&
                 az_result_succeeded(aio_command_invoker_cancel(&w->client, w->last_invocation)))
                w->n_invocations--;
        else if (word == 'r' || word == 'f')
                respond(w, rest, word == 'f');
        else if (word == 'a' && pop(&w->unacknowledged, &id))
                aio_telemetry_receiver_ack(&w->client, id);
        else if (word == 'p' || word == 'P')
                publish_ends(w, word == 'p' ? AZ_OK : AZ_ERROR_NOT_ENOUGH_SPACE, (uint8_t) number);
        else if (word == 'R')
                aio_client_room(&w->client);
        else if (word == 't')
                pass(w, number);
        else if (word == 'l')
                aio_client_session_lost(&w->client);
        else if (word == 's' && aio_endpoint_get_state(endpoint_of(w, i)) == AIO_ENDPOINT_STOPPED)
                start(w, i);
        else if (word == 's')
                stop(w, i);
        else if (word == 'b')
                answer(w, rest);
        pump(w);
}

static void init(World *w) {
        aio_client_options const options = {
                .client_id = AZ_SPAN_FROM_STR("me"), .clock = &w->clock, .random = draw, .random_context = w
        };
        aio_client_memory const memory = {
                .tasks = w->tasks,
                .n_tasks = sizeof(w->tasks) / sizeof(w->tasks[0]),
                .invocations = w->invocations,
                .n_invocations = sizeof(w->invocations) / sizeof(w->invocations[0]),
                .user_properties = w->user_properties,
                .n_user_properties = sizeof(w->user_properties) / sizeof(w->user_properties[0]),
                .tokens = w->tokens,
                .n_tokens = sizeof(w->tokens) / sizeof(w->tokens[0]),
                .scratch = AZ_SPAN_FROM_BUFFER(w->scratch),
                .blocks = AZ_SPAN_FROM_BUFFER(w->blocks),
        };

        w->time = (aio_time){ 1000000, UINT64_C(1790000000000) };
        w->json = aio_serializer_json();
        check(aio_hlc_clock_init(&w->clock, AZ_SPAN_FROM_STR("n"), AIO_HLC_MAX_DRIFT_DEFAULT_MS) == AZ_OK);
        check(aio_client_init(&w->client, &options, &memory) == AZ_OK);
        for (size_t i = 0; i < N_ENDPOINTS; i++)
                start(w, i);
        pump(w);
}

/* Everything that waits for an answer has one, until nothing waits any more. */
static void finish(World *w) {
        for (size_t i = 0; i < N_ENDPOINTS; i++) {
                if (aio_endpoint_get_state(endpoint_of(w, i)) != AIO_ENDPOINT_STOPPED)
                        stop(w, i);
        }
        aio_client_room(&w->client);
        pump(w);
        while (w->subscriptions.end > 0 || w->published.end > 0) {
                answer(w, AZ_SPAN_EMPTY);
                publish_ends(w, AZ_OK, 0);
                pump(w);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size);
        World *w = calloc(1, sizeof(*w));
        bool is_complete = true;

        if (!w)
                abort();
        init(w);
        while (az_span_size(rest) > 0) {
                give_line(w, script_next(&rest, '\n'));
                is_complete = is_complete && w->subscriptions.end < LIMIT && w->published.end < LIMIT;
        }
        if (is_complete) {
                finish(w);
                check(aio_client_get_status(&w->client).n_used_bytes == 0);
                check(w->n_invocations == 0);
        }
        free(w);
        return 0;
}
