/* SPDX-License-Identifier: MIT */

/*
 * Serves the direct method "blink", whose payload says how often, as in {"times": 3}.
 *
 *      cc -std=c99 serve.c $(pkg-config --cflags --libs libaziot) -o serve
 *      ./serve
 */

#include <aziot.h>
#include <stdio.h>
#include <stdlib.h>

/* Does what is asked, and answers. The daemon gives the call to nobody else meanwhile. */
static int blink(Aziot *a, const AziotMethodCall *call) {
        char answer[32];
        const char *value;
        char *end;
        size_t size;
        long times = 0;

        if (call->payload &&
            aziot_json_find(call->payload, call->payload_size, "times", &value, &size) == 0) {
                times = strtol(value, &end, 10);
                if (end != value + size)
                        times = 0; /* no integer, as 3.5 */
        }
        if (times < 1 || times > 10)
                return aziot_answer(a, call->handle, 400, "{\"error\":\"times: 1 to 10\"}");

        printf("blink %ld\n", times);
        fflush(stdout);
        snprintf(answer, sizeof(answer), "{\"blinked\":%ld}", times);
        return aziot_answer(a, call->handle, 200, answer);
}

int main(void) {
        static const char *const methods[] = { "blink" };
        const AziotEvent *event;
        Aziot *a;
        int r;

        if (aziot_new(&a, NULL) < 0)
                return EXIT_FAILURE;
        r = aziot_serve(a, methods, 1, NULL);

        while (r == 0) {
                if (aziot_wait(a, UINT64_MAX, &event) != 1)
                        continue;
                if (event->type == AZIOT_EVENT_METHOD) {
                        r = blink(a, &event->as.method);
                        if (r == AZIOT_GONE)
                                r = 0; /* it came too late, or the connection has broken meanwhile */
                } else if (event->type == AZIOT_EVENT_ENDED)
                        r = event->result; /* NameClaimed: somebody else serves it; PermissionDenied */
                else if (event->result != 0)
                        /* SETTLED: the answer came too late. DISCONNECTED: the daemon is being restarted, the
                         * library connects again. */
                        fprintf(stderr, "serve: %s\n", aziot_explain(a, event->result));
        }

        if (r != 0)
                fprintf(stderr, "serve: %s\n", aziot_explain(a, r));
        aziot_free(a);
        return EXIT_FAILURE;
}
