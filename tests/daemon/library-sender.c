/* SPDX-License-Identifier: MIT */

/*
 * usage: library-sender N
 *
 * Sends {"n":0} to {"n":N-1} by libaziot, as many at a time as it takes, and lets it repeat what a daemon
 * that was killed has not answered. Prints a line for each hundred that were accepted. Exit code 0: all were,
 * in order.
 */

#include "ipc/aziot.h"
#include "util/util.h"

DEFINE_CLEANUP(Aziot *, aziot_free)

/* 0: under way. AZIOT_FULL: not now. */
static int start(Aziot *a, long n) {
        AziotMessage message;
        char body[32], id[32];

        (void) snprintf(body, sizeof(body), "{\"n\":%ld}", n);
        (void) snprintf(id, sizeof(id), "m-%ld", n);
        message = aziot_message(body);
        message.message_id = id;
        return aziot_send_start(a, &message, AZIOT_ACCEPTED, AZIOT_REPEAT, NULL);
}

int main(int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        long n_started = 0, n_accepted = 0, n = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
        int64_t last = -1;

        if (aziot_new(&a, NULL) < 0)
                return EXIT_FAILURE;
        while (n_accepted < n) {
                const AziotEvent *event;
                int r = 0;

                while (n_started < n && r == 0) {
                        r = start(a, n_started);
                        n_started += r == 0;
                }
                if (aziot_wait(a, UINT64_MAX, &event) != 1)
                        continue;
                if (event->result != 0 || event->as.reply.sequence <= last) {
                        (void) fprintf(stderr, "%ld: %s\n", n_accepted, aziot_explain(a, event->result));
                        return EXIT_FAILURE;
                }
                last = event->as.reply.sequence;
                if (++n_accepted % 100 == 0) {
                        (void) printf("%ld\n", n_accepted);
                        (void) fflush(stdout);
                }
        }
        return EXIT_SUCCESS;
}
