/* SPDX-License-Identifier: MIT */

/*
 * usage: counter-client EXECUTOR [COUNT [IN_FLIGHT]]
 *
 * Increments the counter of a server, so often, so many at once, and prints what it answered; of more than
 * ten invocations, only how long they took, as a JSON object.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <aio/command_invoker.h>

#include "counter.h"
#include "program.h"

#define VERBOSE_MAX 10

typedef struct Client {
        aio_command_invoker invoker;
        unsigned n_left, n_in_flight, n_done, n_failed, count;
        uint64_t begin_us;
        uint64_t *begun_us; /* a ring of 'count': when the n-th was invoked; then how long it took */
} Client;

static void invoke(Program *p, Client *c) {
        static const az_mqtt_user_property language = { AZ_SPAN_LITERAL_FROM_STR("language"),
                                                        AZ_SPAN_LITERAL_FROM_STR("C") };
        uint64_t *begun_us = &c->begun_us[c->count - c->n_left];
        aio_request request = {
                .payload = AZ_SPAN_FROM_STR("{\"IncrementValue\":1}"),
                .user_properties = &language,
                .n_user_properties = 1,
                .context = begun_us,
        };
        aio_time now = program_time();
        aio_event publish;
        aio_error error;
        uint64_t id;

        c->n_left--;
        *begun_us = now.now_us;
        if (az_result_succeeded(
                    aio_command_invoker_invoke(&c->invoker, &request, now, &id, &publish, &error)))
                program_publish(p, &publish);
        else {
                program_complain(p, "invocation", &error);
                program_end(p);
        }
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

static void print_tally(const Client *c) {
        double seconds = (double) (program_time().now_us - c->begin_us) / 1e6;

        qsort(c->begun_us, c->count, sizeof(c->begun_us[0]), compare);
        (void) printf("{\"n\":%u,\"failed\":%u,\"seconds\":%.6f,\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
                      "}\n",
                      c->count - c->n_failed, c->n_failed, seconds, c->begun_us[(c->count - 1) * 50 / 100],
                      c->begun_us[(c->count - 1) * 99 / 100]);
}

static void take_response(Program *p, Client *c, const aio_event *event) {
        az_span payload = event->as.response.received.message.payload;
        uint64_t *begun_us = event->as.response.context;

        *begun_us = program_time().now_us - *begun_us;
        c->n_done++;
        if (event->as.response.error.kind != AIO_ERROR_NONE) {
                c->n_failed++;
                program_complain(p, "increment", &event->as.response.error);
        } else if (c->count <= VERBOSE_MAX)
                (void) printf("%.*s\n", az_span_size(payload), (const char *) az_span_ptr(payload));
        if (c->n_left > 0)
                invoke(p, c);
        if (c->n_done < c->count)
                return;
        if (c->count > VERBOSE_MAX)
                print_tally(c);
        program_end(p);
}

static void on_event(Program *p, const aio_event *event) {
        Client *c = p->userdata;

        if (event->type == AIO_EVENT_RESPONSE)
                take_response(p, c, event);
        else if (event->type == AIO_EVENT_STARTED && event->as.endpoint.error.kind != AIO_ERROR_NONE) {
                program_complain(p, "subscription", &event->as.endpoint.error);
                program_end(p);
        } else if (event->type == AIO_EVENT_STARTED) {
                c->begin_us = program_time().now_us;
                for (unsigned i = 0; i < c->n_in_flight && c->n_left > 0; i++)
                        invoke(p, c);
        }
}

int main(int argc, char **argv) {
        Program *p = calloc(1, sizeof(Program));
        aio_serializer json = aio_serializer_json();
        Client client = { 0 };
        aio_topic_token tokens[2];
        aio_command_invoker_options options = {
                .command_name = AZ_SPAN_FROM_STR(COUNTER_INCREMENT),
                .request_topic_pattern = AZ_SPAN_FROM_STR(COUNTER_TOPIC),
                .tokens = { tokens, 2 },
                .serializer = &json,
        };
        aio_error error;
        int code;

        if (argc < 2 || argc > 4) {
                (void) fprintf(stderr, "usage: counter-client EXECUTOR [COUNT [IN_FLIGHT]]\n");
                return 2;
        }
        client.count = client.n_left = argc > 2 ? program_number(argv[2], 10000000) : 1;
        client.n_in_flight = argc > 3 ? program_number(argv[3], PROGRAM_IN_FLIGHT_MAX) : 1;
        client.begun_us = calloc(client.count, sizeof(client.begun_us[0]));
        if (!p || !client.begun_us)
                return 1;
        p->on_event = on_event;
        p->userdata = &client;
        program_init(p);
        tokens[0] = (aio_topic_token){ AZ_SPAN_FROM_STR("executorId"), az_span_create_from_str(argv[1]) };
        tokens[1] = (aio_topic_token){ AZ_SPAN_FROM_STR("commandName"), options.command_name };
        if (az_result_failed(aio_command_invoker_start(&client.invoker, &p->client, &options, &error))) {
                program_complain(p, "increment", &error);
                return 1;
        }
        code = program_run(p);
        free(client.begun_us);
        free(p);
        return code;
}
