/* SPDX-License-Identifier: MIT */

/*
 * Sends the temperature of the processor, one message a minute, or as many as there are seconds given.
 *
 *      cc -std=c99 telemetry.c $(pkg-config --cflags --libs libaziot) -o telemetry
 *      ./telemetry 10
 *
 * Nothing here knows whether the device is online: the daemon keeps what it has accepted. When the daemon is
 * restarted, AZIOT_REPEAT sends the message again that was under way; its message id stays the same, so that
 * whoever receives it can tell.
 */

#define _POSIX_C_SOURCE 200809L

#include <aziot.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static double read_temperature(void) {
        FILE *file = fopen("/sys/class/thermal/thermal_zone0/temp", "r");
        char millidegrees[16] = "21500";

        if (file) {
                if (!fgets(millidegrees, sizeof(millidegrees), file))
                        fprintf(stderr, "telemetry: the sensor is silent\n");
                fclose(file);
        }
        return strtod(millidegrees, NULL) / 1000;
}

static int send_temperature(Aziot *a) {
        static const AziotProperty properties[] = { { "sensor", "processor" } };
        AziotMessage message;
        char body[64];
        uint64_t sequence;
        int r;

        snprintf(body, sizeof(body), "{\"temperature\":%.1f}", read_temperature());
        message = aziot_message(body);
        message.properties = properties;
        message.n_properties = 1;

        r = aziot_send(a, &message, AZIOT_ACCEPTED, AZIOT_REPEAT, &sequence);
        if (r != 0)
                fprintf(stderr, "telemetry: %s\n", aziot_explain(a, r));
        else
                printf("%llu %s\n", (unsigned long long) sequence, body);
        return r;
}

int main(int argc, char **argv) {
        long n = argc > 1 ? strtol(argv[1], NULL, 10) : -1;
        Aziot *a;
        int r;

        r = aziot_new(&a, NULL);
        if (r < 0)
                return EXIT_FAILURE;

        /* A full outbox or a daemon that is not there is no reason to end: the next minute comes. */
        r = send_temperature(a);
        while (n < 0 || --n > 0) {
                sleep(n < 0 ? 60 : 1);
                r = send_temperature(a);
        }

        aziot_free(a);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
