/* SPDX-License-Identifier: MIT */

/*
 * Appends each message from the cloud to a file, as a line of JSON.
 *
 *      cc -std=c99 take.c $(pkg-config --cflags --libs libaziot) -o take
 *      ./take FILE
 */

#define _POSIX_C_SOURCE 200809L

#include <aziot.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keep(const char *path, const AziotCloudMessage *message) {
        FILE *file = fopen(path, "a");
        int r = 0;

        if (!file)
                return -errno;
        fwrite(message->json, 1, message->json_size, file);
        fputc('\n', file);
        if (fflush(file) != 0 || fsync(fileno(file)) < 0)
                r = -errno;
        fclose(file);
        return r;
}

/* Deals with a message, and only then tells the daemon to forget it; otherwise it comes again in a second. */
static int take(Aziot *a, const char *path, const AziotCloudMessage *message) {
        int r;

        r = keep(path, message);
        if (r < 0) {
                fprintf(stderr, "take: %s: %s, trying again\n", path, strerror(-r));
                return aziot_release(a, message->handle, 1000000);
        }
        return aziot_settle(a, message->handle);
}

int main(int argc, char **argv) {
        const char *path = argc > 1 ? argv[1] : "messages";
        const AziotEvent *event;
        Aziot *a;
        int r;

        if (aziot_new(&a, NULL) < 0)
                return EXIT_FAILURE;
        r = aziot_take_messages(a, NULL);

        while (r == 0) {
                if (aziot_wait(a, UINT64_MAX, &event) != 1)
                        continue;
                if (event->type == AZIOT_EVENT_MESSAGE) {
                        r = take(a, path, &event->as.message);
                        if (r == AZIOT_GONE)
                                r = 0; /* the connection has broken meanwhile: it comes again */
                } else if (event->type == AZIOT_EVENT_ENDED)
                        r = event->result;
                else if (event->result != 0)
                        /* SETTLED: it will come again. DISCONNECTED: the daemon is being restarted, the
                         * library connects again. */
                        fprintf(stderr, "take: %s\n", aziot_explain(a, event->result));
        }

        fprintf(stderr, "take: %s\n", aziot_explain(a, r));
        aziot_free(a);
        return EXIT_FAILURE;
}
