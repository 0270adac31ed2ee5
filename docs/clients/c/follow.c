/* SPDX-License-Identifier: MIT */

/*
 * Follows the desired property "rate" of the twin, and reports what holds.
 *
 *      cc -std=c99 follow.c $(pkg-config --cflags --libs libaziot) -o follow
 *      ./follow
 */

#include <aziot.h>
#include <stdio.h>
#include <stdlib.h>

/* Here the rate, which is JSON, would be taken up; null: the cloud wants none. */
static void set_rate(const char *rate, int size) {
        printf("rate %.*s\n", size, rate);
        fflush(stdout);
}

/* Reports have a connection of their own, which the library makes. */
static int on_update(Aziot *a, const AziotTwinUpdate *update) {
        const char *rate;
        char patch[512];
        size_t size;

        if (aziot_json_find(update->desired, update->desired_size, "rate", &rate, &size) != 0) {
                if (!update->complete)
                        return 0; /* something else has changed */
                rate = "null";
                size = 4;
        }
        set_rate(rate, (int) size);
        if (snprintf(patch, sizeof(patch), "{\"rate\":%.*s}", (int) size, rate) >= (int) sizeof(patch)) {
                fprintf(stderr, "follow: this is no rate\n");
                return 0;
        }
        return aziot_report_start(a, patch, NULL, NULL);
}

int main(void) {
        const AziotEvent *event;
        Aziot *a;
        int r;

        if (aziot_new(&a, NULL) < 0)
                return EXIT_FAILURE;
        /* The first event has all that is desired, also what has changed while this program was not running.
         */
        r = aziot_watch_twin(a, NULL, NULL);

        while (r == 0) {
                if (aziot_wait(a, UINT64_MAX, &event) != 1)
                        continue;
                if (event->type == AZIOT_EVENT_TWIN)
                        r = on_update(a, &event->as.twin);
                else if (event->type == AZIOT_EVENT_ENDED)
                        r = event->result;
                else if (event->result != 0)
                        /* REPLY: a value that no twin may have, say. DISCONNECTED: the daemon is being
                         * restarted, the library connects again. */
                        fprintf(stderr, "follow: %s\n", aziot_explain(a, event->result));
        }

        fprintf(stderr, "follow: %s\n", aziot_explain(a, r));
        aziot_free(a);
        return EXIT_FAILURE;
}
