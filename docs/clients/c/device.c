/* SPDX-License-Identifier: MIT */

/*
 * A device in one loop: it sends a message every 'interval' seconds, where the interval is a writable
 * property of the twin, and serves the method "blink". Nothing in it blocks.
 *
 *      cc -std=c99 device.c $(pkg-config --cflags --libs libaziot) -o device
 *      ./device
 *
 *      aziot-hubsim twin demo update '{"interval":2}'
 *      aziot-hubsim invoke demo blink '{"times":3}'
 */

#define _POSIX_C_SOURCE 200809L

#include <aziot.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct Device {
        Aziot *a;
        double interval_s;
        uint64_t next_us; /* when the next message is due */
        unsigned n_sent;
} Device;

/* The clock that libaziot tells its deadlines by. */
static uint64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void check(Device *d, int r) {
        if (r != 0)
                fprintf(stderr, "device: %s\n", aziot_explain(d->a, r));
}

/* The cloud wants something: do it, and say what holds now. */
static void on_twin(Device *d, const AziotTwinUpdate *twin) {
        AziotAcknowledgement answer = { "interval", NULL, 200, 0, NULL };
        const char *value;
        char text[32];
        size_t size;
        double interval_s;

        if (aziot_json_find(twin->desired, twin->desired_size, "interval", &value, &size) != 0)
                return;
        interval_s = strtod(value, NULL);
        if (interval_s >= 1 && interval_s <= 3600) {
                d->interval_s = interval_s;
                d->next_us = now_us();
        } else {
                answer.status = 400;
                answer.description = "1 to 3600 seconds";
        }

        snprintf(text, sizeof(text), "%g", d->interval_s);
        answer.value = text;
        answer.version = twin->version;
        printf("interval %s %d\n", text, answer.status);
        check(d, aziot_acknowledge_start(d->a, &answer, 1, NULL, NULL));
}

static void on_method(Device *d, const AziotMethodCall *call) {
        const char *value;
        size_t size;
        long times = 1;

        if (call->payload && aziot_json_find(call->payload, call->payload_size, "times", &value, &size) == 0)
                times = strtol(value, NULL, 10);
        printf("blink %ld\n", times);
        check(d, aziot_answer(d->a, call->handle, 200, "{\"done\":true}"));
}

static void on_event(Device *d, const AziotEvent *event) {
        switch (event->type) {
        case AZIOT_EVENT_TWIN:
                on_twin(d, &event->as.twin);
                break;
        case AZIOT_EVENT_METHOD:
                on_method(d, &event->as.method);
                break;
        case AZIOT_EVENT_REPLY:
        case AZIOT_EVENT_SETTLED:
        case AZIOT_EVENT_DISCONNECTED:
        case AZIOT_EVENT_ENDED:
                check(d, event->result);
                break;
        case AZIOT_EVENT_CONNECTED:
        case AZIOT_EVENT_MESSAGE:
        case AZIOT_EVENT_STATUS:
        case AZIOT_EVENT_WORK:
                break;
        }
}

static void send_message(Device *d) {
        AziotMessage message;
        char body[32];

        snprintf(body, sizeof(body), "{\"n\":%u}", d->n_sent++);
        message = aziot_message(body);
        check(d, aziot_send_start(d->a, &message, AZIOT_ACCEPTED, 0, NULL));
        d->next_us = now_us() + (uint64_t) (d->interval_s * 1e6);
}

/* Waits for the daemon, for a deadline of the library, or for the next message. */
static void wait_for_something(Device *d) {
        struct pollfd p = { aziot_get_fd(d->a), aziot_get_events(d->a), 0 };
        uint64_t now = now_us(), until = aziot_get_deadline_us(d->a);

        if (until > d->next_us)
                until = d->next_us;
        poll(&p, 1, until <= now ? 0 : (int) ((until - now) / 1000 + 1));
}

int main(void) {
        static const char *const methods[] = { "blink" };
        Device d = { NULL, 60, 0, 0 };
        const AziotEvent *event;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (aziot_new(&d.a, NULL) < 0 || aziot_watch_twin(d.a, NULL, NULL) < 0 ||
            aziot_serve(d.a, methods, 1, NULL) < 0)
                return EXIT_FAILURE;

        for (;;) {
                while (aziot_dispatch(d.a, &event) > 0)
                        on_event(&d, event);
                if (now_us() >= d.next_us)
                        send_message(&d);
                wait_for_something(&d);
        }
}
