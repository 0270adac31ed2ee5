/* SPDX-License-Identifier: MIT */

/*
 * Sends each number on standard input as a message of the sensor SENSOR.
 *
 *      cc -std=c99 send.c $(pkg-config --cflags --libs libaziot) -o send
 *      while sleep 60; do cat /sys/class/thermal/thermal_zone0/temp; done | ./send processor
 *
 * Whether the device is online does not matter: what the daemon has accepted is on disk.
 */

#define _POSIX_C_SOURCE 200809L

#include <aziot.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long to wait until there is room, as the errors OutboxFull and RateExceeded say; -1: it is another one.
 */
static long get_retry_ms(const AziotError *error) {
        const char *value;
        size_t size;

        if (aziot_json_find(error->parameters, error->parameters_size, "retryAfterMs", &value, &size) != 0)
                return -1;
        return strtol(value, NULL, 10);
}

/*
 * Sends a message, and while there is no room for it again. If the connection breaks before the reply, nobody
 * knows whether the message was accepted: AZIOT_REPEAT sends it again by the same message id, so that whoever
 * receives it can tell.
 */
static int send_message(Aziot *a, const AziotMessage *message, uint64_t *ret_sequence) {
        struct timespec pause;
        long ms;
        int r;

        for (;;) {
                r = aziot_send(a, message, AZIOT_ACCEPTED, AZIOT_REPEAT, ret_sequence);
                ms = r == AZIOT_REFUSED ? get_retry_ms(aziot_get_error(a)) : -1;
                if (ms < 0)
                        return r;
                pause.tv_sec = ms / 1000;
                pause.tv_nsec = ms % 1000 * 1000000;
                nanosleep(&pause, NULL);
        }
}

int main(int argc, char **argv) {
        AziotProperty property = { "sensor", argc > 1 ? argv[1] : "none" };
        AziotMessage message;
        char line[64], body[96], *end;
        uint64_t sequence;
        Aziot *a;
        int r;

        r = aziot_new(&a, NULL);
        if (r < 0)
                return EXIT_FAILURE;
        /* A daemon that is being restarted, or is not there, is waited for. */
        aziot_set_timeout_us(a, UINT64_MAX);

        while (r == 0 && fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                strtod(line, &end);
                if (end == line || *end) {
                        fprintf(stderr, "send: '%s' is no number\n", line);
                        r = -EINVAL;
                        break;
                }
                snprintf(body, sizeof(body), "{\"value\":%s}", line);
                message = aziot_message(body);
                message.properties = &property;
                message.n_properties = 1;
                r = send_message(a, &message, &sequence);
                if (r == 0)
                        printf("%llu %s\n", (unsigned long long) sequence, line);
                else
                        fprintf(stderr, "send: %s\n", aziot_explain(a, r));
                fflush(stdout);
        }

        aziot_free(a);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
