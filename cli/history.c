/* SPDX-License-Identifier: MIT */

/* aziot history: what became of the link, a line for each event. */

#include <inttypes.h>

#include "cli/line.h"
#include "cli/loop.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define METHOD "io.aziotd.device.GetHistory"

/* The daemon keeps no more. */
#define LINES_MAX 256U

static const Help help = {
        .usage = "history [OPTION]...",
        .what = "Prints what became of the link to the cloud, oldest first, also from before a\n"
                "restart: when, what, and why. What repeated is one line with a count.\n",
        .options = "  -n, --lines N             only the last N\n"
                   "  -f, --follow              go on with each event that is added, until stopped\n",
};

enum {
        OPTION_LINES = 'n',
        OPTION_FOLLOW = 'f',
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "lines", required_argument, NULL, OPTION_LINES },
        { "follow", no_argument, NULL, OPTION_FOLLOW },
        {},
};

typedef struct Teller {
        Loop loop;
        int64_t last; /* the sequence that was told last */
        uint32_t limit;
        uint32_t n_events; /* of a reply */
} Teller;

static void teller_done(Teller *t) {
        loop_done(&t->loop);
}

/* The column behind time and event. */
#define TEXT_COLUMN 43U

/* Where the link went. */
static void add_way(Line *line, const char *json, size_t size) {
        _cleanup_(freep) char *host = reply_get_text(json, size, "host");
        _cleanup_(freep) char *address = reply_get_text(json, size, "address");
        _cleanup_(freep) char *transport = reply_get_text(json, size, "transport");

        line_add(line, "%s%s%s%s%s%s", host ?: "", address ? " at " : "", address ?: "",
                 transport ? " over " : "", transport ?: "",
                 reply_is_true(json, size, "resumed") ? ", TLS session resumed" : "");
}

static Color find_color(const char *event) {
        if (strcmp(event, "connected") == 0 || strcmp(event, "renewed") == 0)
                return COLOR_GOOD;
        return strcmp(event, "failed") == 0 || strcmp(event, "lost") == 0 ? COLOR_BAD : COLOR_NONE;
}

static void print_event(const Cli *cli, const char *json, size_t size) {
        _cleanup_(freep) char *last = reply_get_text(json, size, "last");
        _cleanup_(freep) char *event = reply_get_text(json, size, "event");
        _cleanup_(freep) char *first = reply_get_text(json, size, "first");
        _cleanup_(freep) char *problem = reply_get_text(json, size, "problem");
        _cleanup_(freep) char *text = reply_get_text(json, size, "text");
        int64_t count = reply_get_number(json, size, "count", 1);
        Line time = {}, line = {};

        line_add_time(&time, last ?: "?");
        if (text)
                line_add(&line, "%s", text);
        else
                add_way(&line, json, size);
        if (problem)
                line_add(&line, " [%s]", problem);
        if (count > 1) {
                line_add(&line, "%s%" PRId64 " times since ", line.len > 0 ? ", " : "", count);
                line_add_time(&line, first ?: "?");
        }
        (void) printf(line.len > 0 ? "%s  %s%-20s%s " : "%s  %s%s%s", time.text,
                      color_switch(cli->color, find_color(event ?: "")), event ?: "?",
                      color_switch(cli->color, COLOR_NONE));
        (void) wrap_text(stdout, wrap_width(stdout), TEXT_COLUMN, line.text, WRAP_ALL);
}

static int tell(void *userdata, const char *json, size_t size) {
        Teller *t = userdata;
        int64_t sequence = reply_get_number(json, size, "sequence", 0);

        /* Only the last ones are wanted; and after the daemon was restarted, all is told again. */
        if (t->n_events-- > t->limit || sequence <= t->last)
                return 0;
        t->last = sequence;
        if (t->loop.cli->json)
                return cli_print_json(json, size);
        print_event(t->loop.cli, json, size);
        return 0;
}

static int count_event(void *userdata, const char *json, size_t size) {
        ((Teller *) userdata)->n_events++;
        return 0;
}

static int tell_all(Teller *t, const AziotReply *reply) {
        t->n_events = 0;
        (void) reply_for_each(reply->parameters, reply->parameters_size, "events", count_event, t);
        (void) reply_for_each(reply->parameters, reply->parameters_size, "events", tell, t);
        t->limit = UINT32_MAX; /* what comes now is new */
        return cli_flush();
}

static Step teller_on_event(void *userdata, const AziotEvent *event) {
        const AziotReply *reply = &event->as.reply;
        Teller *t = userdata;

        if (event->type != AZIOT_EVENT_REPLY)
                return STEP_ON;
        if (event->result != 0) {
                (void) cli_failure(t->loop.a, event->result);
                return STEP_FAILED;
        }
        return tell_all(t, reply) == CLI_OK ? STEP_ON : STEP_FAILED;
}

static int follow(Cli *cli, uint32_t limit) {
        _cleanup_(teller_done) Teller t = { .loop = LOOP_NULL, .limit = limit };
        int r;

        if (loop_open(&t.loop, cli) < 0)
                return CLI_ERROR;
        t.loop.has_reader = true;
        t.loop.on_event = teller_on_event;
        t.loop.userdata = &t;
        r = aziot_watch(t.loop.a, METHOD, NULL, NULL);
        if (r < 0)
                return cli_failure(t.loop.a, r);
        return loop_run(&t.loop) == STEP_FAILED ? CLI_ERROR : CLI_OK;
}

static int print_all(Cli *cli, uint32_t limit) {
        Teller t = { .loop.cli = cli, .limit = limit };
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        int r;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        return tell_all(&t, reply);
}

int history_main(Cli *cli, int argc, char **argv) {
        bool is_following = false;
        uint32_t limit = LINES_MAX;
        int option, code;

        while ((option = getopt_long(argc, argv, "n:f", options, NULL)) >= 0) {
                switch (option) {
                case OPTION_LINES:
                        if (cli_parse_number("lines", optarg, 1, LINES_MAX, &limit) < 0)
                                return CLI_USAGE;
                        break;
                case OPTION_FOLLOW:
                        is_following = true;
                        break;
                default:
                        code = cli_option(cli, option, &help);
                        if (code >= 0)
                                return code;
                }
        }
        if (optind < argc)
                return cli_usage("history takes no argument");
        return is_following ? follow(cli, limit) : print_all(cli, limit);
}
