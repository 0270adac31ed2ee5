/* SPDX-License-Identifier: MIT */

/* aziot watch: how the link to the cloud fares, a line for each change. */

#include <inttypes.h>

#include "cli/loop.h"
#include "cli/wrap.h"

static const Help help = {
        .usage = "watch [OPTION]...",
        .what = "Prints a line at once, then one for each change: when, the state of the link,\n"
                "how many messages wait to be sent, and while it is not online, why. It runs\n"
                "until it is stopped.\n",
        .more = "  aziot watch | while read -r time state rest; do echo \"$state\" >led; done\n",
};

typedef struct Watcher {
        Loop loop;
        char *line; /* the last one, without time and colour */
} Watcher;

static void watcher_done(Watcher *w) {
        loop_done(&w->loop);
        free(w->line);
}

static int make_line(const AziotStatus *s, char **ret) {
        const char *reason = s->link.is_online ? NULL : s->link.last_error;
        int n;

        n = asprintf(ret, "%-12s  outbox %" PRId64 "%s%s%s%s", s->link.state, s->outbox.n_messages,
                     reason ? ", " : "", reason ? reason : "",
                     s->inbox.reason ? ", messages from the cloud have to wait: " : "",
                     s->inbox.reason ? s->inbox.reason : "");
        return n < 0 ? -ENOMEM : 0;
}

/* Lines stay whole: what reads them takes each as one. */
static int print_line(const Watcher *w, bool is_online) {
        time_t now = time(NULL);
        struct tm utc;
        char text[32];

        (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
        (void) printf("%s  %s", text, color_switch(w->loop.cli->color, is_online ? COLOR_GOOD : COLOR_BAD));
        (void) wrap_text(stdout, WRAP_NEVER, 0, w->line, WRAP_ALL);
        (void) fputs(color_switch(w->loop.cli->color, COLOR_NONE), stdout);
        return cli_flush();
}

/* Prints the line unless it says what the one before said. */
static int watcher_print(Watcher *w, const AziotStatus *status) {
        char *line;

        if (make_line(status, &line) < 0)
                return cli_error("%s", strerror(ENOMEM));
        if (w->line && strcmp(line, w->line) == 0) {
                free(line);
                return CLI_OK;
        }
        free(w->line);
        w->line = line;
        return print_line(w, status->link.is_online);
}

static Step watcher_on_event(void *userdata, const AziotEvent *event) {
        Watcher *w = userdata;
        const AziotStatus *status = &event->as.status;
        int code;

        if (event->type != AZIOT_EVENT_STATUS)
                return STEP_ON;
        code = w->loop.cli->json ? cli_print_json(status->json, status->json_size) : watcher_print(w, status);
        return code == CLI_OK ? STEP_ON : STEP_FAILED;
}

int watch_main(Cli *cli, int argc, char **argv) {
        _cleanup_(watcher_done) Watcher w = { .loop = LOOP_NULL };
        int code, r;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (loop_open(&w.loop, cli) < 0)
                return CLI_ERROR;
        w.loop.has_reader = true;
        w.loop.on_event = watcher_on_event;
        w.loop.userdata = &w;
        r = aziot_watch_status(w.loop.a, NULL);
        if (r < 0)
                return cli_failure(w.loop.a, r);
        return loop_run(&w.loop) == STEP_FAILED ? CLI_ERROR : CLI_OK;
}
