/* SPDX-License-Identifier: MIT */

/*
 * usage: counter-server
 *
 * Offers three commands on a counter. Its executor id is its client id.
 */

#include <stdio.h>
#include <stdlib.h>

#include <aio/command_executor.h>
#include <azure/core/az_json.h>

#include "counter.h"
#include "program.h"

enum {
        INCREMENT,
        READ,
        RESET,
        N_COMMANDS
};

typedef struct Server {
        int32_t counter;
        aio_serializer json;
        aio_topic_token tokens[N_COMMANDS][2];
        aio_command_executor executors[N_COMMANDS];
} Server;

/* {"IncrementValue":1}; 1 if it is not there. */
static az_result read_increment(az_span payload, int32_t *ret) {
        az_json_reader reader;
        az_result r;

        *ret = 1;
        r = az_json_reader_init(&reader, payload, NULL);
        while (az_result_succeeded(r) && az_result_succeeded(r = az_json_reader_next_token(&reader))) {
                if (reader.token.kind != AZ_JSON_TOKEN_PROPERTY_NAME ||
                    !az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("IncrementValue")))
                        continue;
                r = az_json_reader_next_token(&reader);
                if (az_result_succeeded(r))
                        r = az_json_token_get_int32(&reader.token, ret);
        }
        return r == AZ_ERROR_JSON_READER_DONE ? AZ_OK : r;
}

static az_result execute(Program *p, const aio_event *event, aio_error *error) {
        Server *s = p->userdata;
        aio_command_executor *executor = event->as.request.executor;
        char text[48];
        aio_response response = { 0 };

        if (executor == &s->executors[RESET])
                s->counter = 0;
        else {
                int32_t increment = 0;

                if (executor == &s->executors[INCREMENT] &&
                    az_result_failed(read_increment(event->as.request.received.message.payload, &increment)))
                        return aio_command_executor_fail(&p->client, event->as.request.id,
                                                         AZ_SPAN_FROM_STR("IncrementValue is no number"),
                                                         program_time(), error);
                s->counter = (int32_t) ((uint32_t) s->counter + (uint32_t) increment);
                (void) snprintf(text, sizeof(text), "{\"CounterResponse\":%d}", s->counter);
                response.payload = az_span_create_from_str(text);
        }
        return aio_command_executor_respond(&p->client, event->as.request.id, &response, program_time(),
                                            error);
}

static void on_event(Program *p, const aio_event *event) {
        aio_error error;

        if (event->type == AIO_EVENT_REQUEST && az_result_failed(execute(p, event, &error)))
                program_complain(p, "response", &error);
        else if (event->type == AIO_EVENT_STARTED && event->as.endpoint.error.kind != AIO_ERROR_NONE) {
                program_complain(p, "subscription", &event->as.endpoint.error);
                program_end(p);
        } else if (event->type == AIO_EVENT_IGNORED)
                (void) fprintf(stderr, "ignored: %.*s\n", az_span_size(event->as.ignored.error.message),
                               (const char *) az_span_ptr(event->as.ignored.error.message));
}

static void start(Program *p, Server *s, int command, const char *name) {
        aio_command_executor_options options = {
                .command_name = az_span_create_from_str((char *) name),
                .request_topic_pattern = AZ_SPAN_FROM_STR(COUNTER_TOPIC),
                .serializer = &s->json,
        };
        aio_error error;

        s->tokens[command][0] = (aio_topic_token){ AZ_SPAN_FROM_STR("executorId"), p->client_id };
        s->tokens[command][1] = (aio_topic_token){ AZ_SPAN_FROM_STR("commandName"), options.command_name };
        options.tokens = (aio_topic_tokens){ s->tokens[command], 2 };
        if (az_result_succeeded(
                    aio_command_executor_start(&s->executors[command], &p->client, &options, &error)))
                return;
        program_complain(p, name, &error);
        exit(1);
}

int main(void) {
        Program *p = calloc(1, sizeof(Program));
        Server server = { .json = aio_serializer_json() };
        int code;

        if (!p)
                return 1;
        p->on_event = on_event;
        p->userdata = &server;
        program_init(p);
        start(p, &server, INCREMENT, COUNTER_INCREMENT);
        start(p, &server, READ, COUNTER_READ);
        start(p, &server, RESET, COUNTER_RESET);
        code = program_run(p);
        free(p);
        return code;
}
