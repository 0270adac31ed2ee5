/* SPDX-License-Identifier: MIT */

/*
 * usage: telemetry-sender SENSOR [COUNT [IN_FLIGHT]]
 *
 * Sends temperatures, as cloud events, so many at once, and ends when the broker has all of them; of more
 * than ten it prints how long that took, as a JSON object.
 */

#include <stdio.h>
#include <stdlib.h>

#include <aio/telemetry.h>

#include "program.h"
#include "telemetry.h"

#define VERBOSE_MAX 10

typedef struct Sender {
        aio_telemetry_sender sender;
        unsigned n_sent, n_done, n_failed, count;
        uint64_t begin_us;
} Sender;

static void send_next(Program *p, Sender *s) {
        const aio_cloud_event cloud_event = { .source = AZ_SPAN_FROM_STR("aio://oven/sample") };
        char text[48];
        aio_telemetry telemetry = { .cloud_event = &cloud_event };
        aio_event publish;
        aio_error error;

        (void) snprintf(text, sizeof(text), "{\"n\":%u,\"temperature\":%.1f}", s->n_sent,
                        20.0 + s->n_sent % 10 / 10.0);
        telemetry.payload = az_span_create_from_str(text);
        if (az_result_succeeded(aio_telemetry_sender_send(&s->sender, &telemetry, s->n_sent, program_time(),
                                                          &publish, &error)))
                program_publish(p, &publish);
        else {
                program_complain(p, "telemetry", &error);
                program_end(p);
        }
        s->n_sent++;
}

static void on_event(Program *p, const aio_event *event) {
        Sender *s = p->userdata;

        if (event->type != AIO_EVENT_SENT)
                return;
        s->n_done++;
        if (event->as.sent.error.kind != AIO_ERROR_NONE) {
                s->n_failed++;
                program_complain(p, "telemetry", &event->as.sent.error);
        }
        if (s->n_sent < s->count)
                send_next(p, s);
        if (s->n_done < s->count)
                return;
        if (s->count > VERBOSE_MAX)
                (void) printf("{\"n\":%u,\"failed\":%u,\"seconds\":%.6f}\n", s->count - s->n_failed,
                              s->n_failed, (double) (program_time().now_us - s->begin_us) / 1e6);
        program_end(p);
}

int main(int argc, char **argv) {
        Program *p = calloc(1, sizeof(Program));
        aio_serializer json = aio_serializer_json();
        Sender sender = { .count = argc > 2 ? program_number(argv[2], 10000000) : 1 };
        unsigned n_in_flight = argc > 3 ? program_number(argv[3], PROGRAM_IN_FLIGHT_MAX) : 1;
        aio_topic_token sensor;
        aio_telemetry_sender_options options = {
                .topic_pattern = AZ_SPAN_FROM_STR(TELEMETRY_TOPIC),
                .tokens = { &sensor, 1 },
                .serializer = &json,
        };
        aio_error error;
        int code;

        if (argc < 2 || argc > 4) {
                (void) fprintf(stderr, "usage: telemetry-sender SENSOR [COUNT [IN_FLIGHT]]\n");
                return 2;
        }
        if (!p)
                return 1;
        p->on_event = on_event;
        p->userdata = &sender;
        program_init(p);
        sensor = (aio_topic_token){ AZ_SPAN_FROM_STR("sensorId"), az_span_create_from_str(argv[1]) };
        if (az_result_failed(aio_telemetry_sender_init(&sender.sender, &p->client, &options, &error))) {
                program_complain(p, "telemetry", &error);
                return 1;
        }
        program_start(p);
        sender.begin_us = program_time().now_us;
        for (unsigned i = 0; i < n_in_flight && sender.n_sent < sender.count; i++)
                send_next(p, &sender);
        code = program_run(p);
        free(p);
        return code;
}
