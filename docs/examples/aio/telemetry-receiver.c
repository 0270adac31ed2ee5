/* SPDX-License-Identifier: MIT */

/*
 * usage: telemetry-receiver [COUNT]
 *
 * Prints what the sensors send, and ends after so many messages; without COUNT, at SIGINT. Of more than ten
 * it prints only how long they took from the first on, as a JSON object.
 */

#include <stdio.h>
#include <stdlib.h>

#include <aio/telemetry.h>

#include "program.h"
#include "telemetry.h"

#define VERBOSE_MAX 10

typedef struct Receiver {
        aio_telemetry_receiver receiver;
        unsigned long count, n_left; /* 0: no end */
        uint64_t begin_us;
} Receiver;

static void print_span(const char *before, az_span text) {
        (void) printf("%s%.*s", before, az_span_size(text), (const char *) az_span_ptr(text));
}

static void print_telemetry(const aio_received *received) {
        az_span sensor;
        aio_cloud_event cloud_event;
        aio_error error;

        if (az_result_succeeded(
                    aio_topic_tokens_find(received->tokens, AZ_SPAN_FROM_STR("sensorId"), &sensor)))
                print_span("", sensor);
        print_span(" ", received->message.payload);
        print_span(" from ", received->metadata.source_id);
        if (az_result_succeeded(aio_cloud_event_read(&received->message, &cloud_event, &error)))
                print_span(", cloud event of ", cloud_event.source);
        (void) printf("\n");
        (void) fflush(stdout);
}

static void take(Program *p, Receiver *r, const aio_received *received) {
        if (r->count > 0 && r->n_left == 0)
                return;
        if (r->n_left == r->count)
                r->begin_us = program_time().now_us;
        if (r->count <= VERBOSE_MAX)
                print_telemetry(received);
        if (r->count == 0 || --r->n_left > 0)
                return;
        if (r->count > VERBOSE_MAX)
                (void) printf("{\"n\":%lu,\"failed\":0,\"seconds\":%.6f}\n", r->count,
                              (double) (program_time().now_us - r->begin_us) / 1e6);
        program_end(p);
}

static void on_event(Program *p, const aio_event *event) {
        if (event->type == AIO_EVENT_TELEMETRY)
                take(p, p->userdata, &event->as.telemetry.received);
        else if (event->type == AIO_EVENT_STARTED && event->as.endpoint.error.kind != AIO_ERROR_NONE) {
                program_complain(p, "subscription", &event->as.endpoint.error);
                program_end(p);
        } else if (event->type == AIO_EVENT_STARTED)
                (void) fprintf(stderr, "subscribed\n");
}

int main(int argc, char **argv) {
        Program *p = calloc(1, sizeof(Program));
        aio_serializer json = aio_serializer_json();
        Receiver receiver = { .count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0 };
        aio_telemetry_receiver_options options = {
                .topic_pattern = AZ_SPAN_FROM_STR(TELEMETRY_TOPIC),
                .serializer = &json,
        };
        aio_error error;
        int code;

        if (!p)
                return 1;
        receiver.n_left = receiver.count;
        p->on_event = on_event;
        p->userdata = &receiver;
        program_init(p);
        if (az_result_failed(
                    aio_telemetry_receiver_start(&receiver.receiver, &p->client, &options, &error))) {
                program_complain(p, "receiver", &error);
                return 1;
        }
        code = program_run(p);
        free(p);
        return code;
}
