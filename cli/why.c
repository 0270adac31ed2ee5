/* SPDX-License-Identifier: MIT */

/* aziot why: on one screen, why the device is offline and what to do, or how it is online. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "cli/line.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define METHOD "io.aziotd.device.Explain"

static const Help help = {
        .usage = "why [OPTION]...",
        .what = "Says why the device is offline: what was tried, where it failed, when it is\n"
                "tried again, and what to do; or how it is online, and what failed last.\n",
        .yes = "online",
        .no = "not online",
};

/* One screen of a terminal. What does not fit is cut: --json has all of it. */
#define SCREEN_LINES 24U

/* The longest parts leave room for all others. */
#define SUMMARY_LINES 6U
#define ADVICE_LINES  6U

typedef struct Screen {
        const char *json;
        size_t size;
        unsigned width, n_left;
        ColorMode color;
} Screen;

static void print(Screen *s, const char *label, const char *text, unsigned max_lines) {
        s->n_left -= wrap_print(stdout, s->width, label, text, MIN(max_lines, s->n_left));
}

/* Adds what the format makes of a text, if there is one. */
#define LINE_ADD_TEXT(line, json, size, path, format)                                  \
        do {                                                                           \
                _cleanup_(freep) char *_text = reply_get_text((json), (size), (path)); \
                if (_text)                                                             \
                        line_add((line), (format), _text);                             \
        } while (0)

/* The time at 'path', and how long ago that is. */
static void line_add_age_of(Line *line, const char *json, size_t size, const char *path) {
        _cleanup_(freep) char *time = reply_get_text(json, size, path);

        if (time)
                line_add_age(line, time);
}

/* How long ago the time at 'path' is. */
static void line_add_ago(Line *line, const char *json, size_t size, const char *path) {
        _cleanup_(freep) char *time = reply_get_text(json, size, path);
        char buffer[DURATION_TEXT_MAX];

        if (time)
                line_add(line, ", %s ago", duration_from_now(buffer, time));
}

/* Over which transport, and where to; before there is an address there was none. */
static void line_add_way(Line *line, const char *json, size_t size, const char *transport,
                         const char *address) {
        _cleanup_(freep) char *to = reply_get_text(json, size, address);

        if (!to)
                return;
        LINE_ADD_TEXT(line, json, size, transport, ", %s");
        line_add(line, " to %s", to);
}

static void print_text(Screen *s, const char *label, const char *path, unsigned max_lines) {
        _cleanup_(freep) char *text = reply_get_text(s->json, s->size, path);

        if (text)
                print(s, label, text, max_lines);
}

static void print_link(Screen *s, bool is_online) {
        _cleanup_(freep) char *state = reply_get_text(s->json, s->size, "state");
        Line line = {};

        line_add(&line, "%s", is_online ? "" : "OFFLINE, ");
        line_add(&line, "%s since ", state ?: "?");
        line_add_age_of(&line, s->json, s->size, "since");
        (void) fputs(color_switch(s->color, is_online ? COLOR_GOOD : COLOR_BAD), stdout);
        print(s, "link", line.text, 1);
        (void) fputs(color_switch(s->color, COLOR_NONE), stdout);
}

static void print_names(Screen *s) {
        Line line = {};

        LINE_ADD_TEXT(&line, s->json, s->size, "deviceId", "%s");
        LINE_ADD_TEXT(&line, s->json, s->size, "clientId", "%s");
        LINE_ADD_TEXT(&line, s->json, s->size, "moduleId", ", module %s");
        if (line.len > 0)
                print(s, "device", line.text, 1);
        line = (Line){};
        LINE_ADD_TEXT(&line, s->json, s->size, "hub", "%s");
        if (line.len > 0)
                print(s, "hub", line.text, 1);
        line = (Line){};
        LINE_ADD_TEXT(&line, s->json, s->size, "host", "%s");
        if (line.len > 0)
                print(s, "broker", line.text, 1);
        line = (Line){};
        LINE_ADD_TEXT(&line, s->json, s->size, "provisioning", "%s");
        if (line.len > 0)
                print(s, "service", line.text, 1);
}

static void print_connection(Screen *s) {
        Line line = {};

        LINE_ADD_TEXT(&line, s->json, s->size, "connection.transport", "%s");
        LINE_ADD_TEXT(&line, s->json, s->size, "connection.address", " to %s");
        LINE_ADD_TEXT(&line, s->json, s->size, "connection.proxy", " by the proxy %s");
        LINE_ADD_TEXT(&line, s->json, s->size, "connection.tlsVersion", ", %s");
        if (reply_is_true(s->json, s->size, "connection.resumed"))
                line_add(&line, ", resumed");
        line_add(&line, ", since ");
        line_add_age_of(&line, s->json, s->size, "connection.since");
        print(s, "how", line.text, 2);
}

static void print_last_loss(Screen *s) {
        _cleanup_(freep) char *text = reply_get_text(s->json, s->size, "lastFailure.text");
        Line line = {};

        if (!text)
                return;
        line_add_age_of(&line, s->json, s->size, "lastFailure.time");
        line_add(&line, ": %s", text);
        LINE_ADD_TEXT(&line, s->json, s->size, "lastFailure.problem", " [%s]");
        print(s, "earlier", line.text, SUMMARY_LINES);
}

/* The layer at which it happened, and everything that says which connection it was. */
static void print_where(Screen *s) {
        _cleanup_(freep) char *layer = reply_get_text(s->json, s->size, "lastFailure.layer");
        int64_t n_failed = reply_get_number(s->json, s->size, "failedAttempts", -1);
        Line line = {};

        if (!layer || n_failed < 0)
                return;
        line_add(&line, "%s", layer);
        LINE_ADD_TEXT(&line, s->json, s->size, "lastFailure.problem", " [%s]");
        line_add_way(&line, s->json, s->size, "lastFailure.transport", "lastFailure.address");
        line_add_ago(&line, s->json, s->size, "lastFailure.time");
        print(s, "where", line.text, 2);

        if (n_failed == 0)
                return; /* the link was lost, and not tried yet */
        line = (Line){};
        line_add(&line, "%" PRId64 " attempt%s since ", n_failed, n_failed == 1 ? "" : "s");
        line_add_age_of(&line, s->json, s->size, "failingSince");
        print(s, "failed", line.text, 1);
}

static int print_tried(void *userdata, const char *element, size_t size) {
        _cleanup_(freep) char *problem = reply_get_text(element, size, "problem");
        Screen *s = userdata;
        Line line = {};

        LINE_ADD_TEXT(&line, element, size, "transport", "%s");
        LINE_ADD_TEXT(&line, element, size, "address", " to %s");
        line_add(&line, ": %s", problem ?: "connected");
        line_add_ago(&line, element, size, "time");
        print(s, "tried", line.text, 1);
        return 0;
}

static int print_notice(void *userdata, const char *element, size_t size) {
        Screen *s = userdata;
        Line line = {};

        line_add_age_of(&line, element, size, "time");
        LINE_ADD_TEXT(&line, element, size, "text", ": %s.");
        LINE_ADD_TEXT(&line, element, size, "advice", " %s");
        print(s, "note", line.text, 4);
        return 0;
}

static void print_next_attempt(Screen *s) {
        _cleanup_(freep) char *time = reply_get_text(s->json, s->size, "nextAttempt");
        char buffer[DURATION_TEXT_MAX];
        Line line = {};

        if (!time)
                return;
        line_add(&line, "in %s, at ", duration_from_now(buffer, time));
        line_add_time(&line, time);
        print(s, "next try", line.text, 1);
}

static void print_screen(const Cli *cli, const char *json, size_t size) {
        bool is_online = reply_is_true(json, size, "online");
        unsigned width = wrap_width(stdout);
        Screen s = { json, size, width != WRAP_NEVER ? width : WRAP_WIDTH, SCREEN_LINES, cli->color };

        print_link(&s, is_online);
        print_names(&s);
        if (is_online)
                print_connection(&s);
        else
                print_text(&s, "why", "summary", SUMMARY_LINES);
        print_where(&s);
        (void) fputs(color_switch(s.color, COLOR_STRONG), stdout);
        print_text(&s, "to do", "advice", ADVICE_LINES);
        (void) fputs(color_switch(s.color, COLOR_NONE), stdout);
        if (is_online)
                print_last_loss(&s);
        else
                (void) reply_for_each(json, size, "tried", print_tried, &s);
        print_next_attempt(&s);
        (void) reply_for_each(json, size, "notices", print_notice, &s);
}

/* Each link that there is. */
static bool all_are_online(const char *json, size_t size) {
        const char *broker;
        size_t n;

        return (reply_is_true(json, size, "noHub") || reply_is_true(json, size, "online")) &&
               (aziot_json_find(json, size, "broker", &broker, &n) != 0 ||
                reply_is_true(json, size, "broker.online"));
}

/* A screen for each of them. */
static void print_links(const Cli *cli, const char *json, size_t size) {
        bool has_hub = !reply_is_true(json, size, "noHub");
        const char *broker;
        size_t n;

        if (has_hub)
                print_screen(cli, json, size);
        if (aziot_json_find(json, size, "broker", &broker, &n) != 0)
                return;
        if (has_hub)
                (void) fputc('\n', stdout);
        print_screen(cli, broker, n);
}

int why_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        bool is_online;
        int code, r;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);

        is_online = all_are_online(reply->parameters, reply->parameters_size);
        if (cli->json)
                code = cli_print_json(reply->parameters, reply->parameters_size);
        else {
                print_links(cli, reply->parameters, reply->parameters_size);
                code = cli_flush();
        }
        return code != CLI_OK ? code : is_online ? CLI_OK : CLI_NO;
}
