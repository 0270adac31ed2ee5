/* SPDX-License-Identifier: MIT */

/* aziot check: everything that a link needs, looked at now, a line for each step. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/line.h"
#include "cli/progress.h"
#include "cli/reply.h"
#include "cli/wrap.h"

static const Help help = {
        .usage = "check [OPTION]...",
        .what = "Has the daemon look at everything that the link to the cloud needs: clock,\n"
                "identity, files, disk, then each way to the cloud step by step, by connections\n"
                "of its own; a link that is up stays up. Prints a line for each step as soon as\n"
                "it is done. Without a running daemon: aziotd --check-config\n",
        .yes = "all is well",
        .no = "something failed",
};

/* A step may wait for the time limits of the network; the daemon answers in between or not at all. */
#define TIMEOUT_US (15 * 60 * USEC_PER_SEC)

/* How often it is told for how long a step lasts. */
#define TICK_US USEC_PER_SEC

typedef struct Checker {
        const Cli *cli;
        bool has_failed;
        bool is_done; /* the last step was told */
} Checker;

/* The columns of outcome and step, behind which the text stands. */
#define TEXT_COLUMN 22U

static Color find_color(const char *outcome) {
        static const struct {
                const char *outcome;
                Color color;
        } colors[] = {
                { "ok", COLOR_GOOD },
                { "warning", COLOR_WARNING },
                { "failed", COLOR_BAD },
                { "skipped", COLOR_FAINT },
        };

        for (size_t i = 0; i < ELEMENTSOF(colors); i++)
                if (strcmp(outcome, colors[i].outcome) == 0)
                        return colors[i].color;
        return COLOR_NONE;
}

static void print_step(const Cli *cli, const char *json, size_t size) {
        _cleanup_(freep) char *step = reply_get_text(json, size, "step");
        _cleanup_(freep) char *service = reply_get_text(json, size, "service");
        _cleanup_(freep) char *transport = reply_get_text(json, size, "transport");
        _cleanup_(freep) char *outcome = reply_get_text(json, size, "outcome");
        _cleanup_(freep) char *text = reply_get_text(json, size, "text");
        _cleanup_(freep) char *advice = reply_get_text(json, size, "advice");
        int64_t ms = reply_get_number(json, size, "milliseconds", 0);
        unsigned width = wrap_width(stdout);
        Line line = {};

        if (transport)
                line_add(&line, "%s, %s: ", service ?: "?", transport);
        line_add(&line, "%s", text ?: "");
        if (ms > 0)
                line_add(&line, " (%" PRId64 " ms)", ms);
        (void) printf("%s%-8s%s %-12s ", color_switch(cli->color, find_color(outcome ?: "")), outcome ?: "?",
                      color_switch(cli->color, COLOR_NONE), step ?: "?");
        (void) wrap_text(stdout, width, TEXT_COLUMN, line.text, WRAP_ALL);
        if (advice) {
                (void) printf("%*s", (int) TEXT_COLUMN, "-> ");
                (void) wrap_text(stdout, width, TEXT_COLUMN, advice, WRAP_ALL);
        }
}

static int on_reply(Checker *c, const AziotReply *reply) {
        _cleanup_(freep) char *outcome = reply_get_text(reply->parameters, reply->parameters_size, "outcome");

        cli_be_answered();
        c->has_failed |= outcome && strcmp(outcome, "failed") == 0;
        c->is_done = !reply->continues;
        if (c->cli->json)
                return cli_print_json(reply->parameters, reply->parameters_size);
        print_step(c->cli, reply->parameters, reply->parameters_size);
        return cli_flush();
}

/* Waits for the next step. Returns like aziot_wait(); 0: none came. */
static int wait_for_step(const Checker *c, Aziot *a, const AziotEvent **ret) {
        uint64_t begin_us = boottime_us(), waited_us = 0;
        Progress progress;
        int r;

        progress_begin(&progress, c->cli);
        do {
                r = aziot_wait(a, TICK_US, ret);
                if (r == -EINTR) /* the notice was given */
                        r = 0;
                waited_us = boottime_us() - begin_us;
                if (r == 0)
                        progress_show(&progress, "the next step lasts %" PRIu64 " s",
                                      waited_us / USEC_PER_SEC);
        } while (r == 0 && waited_us < TIMEOUT_US);
        progress_clear(&progress);
        return r;
}

/* A check that was cut off is not begun again: its first half would be told twice. */
static int run(Checker *c, Aziot *a) {
        const AziotEvent *event;
        int code = CLI_OK, r;

        r = aziot_watch(a, "io.aziotd.device.Check", NULL, NULL);
        if (r != 0)
                return cli_failure(a, r);
        while (code == CLI_OK && !c->is_done) {
                r = wait_for_step(c, a, &event);
                if (r <= 0)
                        return cli_failure(a, r < 0 ? r : -ETIME);
                if (event->type != AZIOT_EVENT_REPLY || event->result != 0)
                        return cli_failure(a, event->result);
                code = on_reply(c, &event->as.reply);
        }
        return code;
}

int check_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        Checker c = { .cli = cli };
        int code;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        code = run(&c, a);
        if (code != CLI_OK)
                return code;
        return c.has_failed ? CLI_NO : CLI_OK;
}
