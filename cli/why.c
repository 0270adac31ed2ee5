/* SPDX-License-Identifier: MIT */

/* aziot why: on one screen, why the device is offline and what to do, or how it is online. */

#include <inttypes.h>
#include <stdarg.h>

#include "cli/cli.h"
#include "cli/duration.h"
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
#define LINE_MAX_SIZE 1024U

typedef struct Screen {
        const char *json;
        size_t size;
        unsigned n_left;
} Screen;

static void print(Screen *s, const char *label, const char *text, unsigned max_lines) {
        s->n_left -= wrap_print(stdout, label, text, MIN(max_lines, s->n_left));
}

/* A line that is put together piece by piece. */
typedef struct Line {
        char text[LINE_MAX_SIZE];
        size_t len;
} Line;

static _printf_(2, 3) void line_add(Line *line, const char *format, ...) {
        size_t left = sizeof(line->text) - line->len;
        va_list ap;
        int n;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        n = vsnprintf(line->text + line->len, left, format, ap);
        va_end(ap);
        if (n > 0)
                line->len += MIN((size_t) n, left - 1);
}

/* Adds what the format makes of a text, if there is one. */
#define LINE_ADD_TEXT(line, json, size, path, format)                                  \
        do {                                                                           \
                _cleanup_(freep) char *_text = reply_get_text((json), (size), (path)); \
                if (_text)                                                             \
                        line_add((line), (format), _text);                             \
        } while (0)

/* "2026-11-22T18:48:00Z", without what is below a second. */
static void line_add_time(Line *line, const char *time) {
        size_t n = strcspn(time, ".Z");

        line_add(line, "%.*sZ", (int) n, time);
}

/* The time at 'path', and how long ago that is. */
static void line_add_age(Line *line, const char *json, size_t size, const char *path) {
        _cleanup_(freep) char *time = reply_get_text(json, size, path);
        char buffer[DURATION_TEXT_MAX];

        if (!time)
                return;
        line_add_time(line, time);
        line_add(line, " (%s)", duration_from_now(buffer, time));
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
        line_add_age(&line, s->json, s->size, "since");
        print(s, "link", line.text, 1);
}

static void print_names(Screen *s) {
        Line line = {};

        LINE_ADD_TEXT(&line, s->json, s->size, "deviceId", "%s");
        LINE_ADD_TEXT(&line, s->json, s->size, "moduleId", ", module %s");
        if (line.len > 0)
                print(s, "device", line.text, 1);
        line = (Line){};
        LINE_ADD_TEXT(&line, s->json, s->size, "hub", "%s");
        if (line.len > 0)
                print(s, "hub", line.text, 1);
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
        line_add_age(&line, s->json, s->size, "connection.since");
        print(s, "how", line.text, 2);
}

static void print_last_loss(Screen *s) {
        _cleanup_(freep) char *text = reply_get_text(s->json, s->size, "lastFailure.text");
        Line line = {};

        if (!text)
                return;
        line_add_age(&line, s->json, s->size, "lastFailure.time");
        line_add(&line, ": %s", text);
        LINE_ADD_TEXT(&line, s->json, s->size, "lastFailure.problem", " [%s]");
        print(s, "last loss", line.text, SUMMARY_LINES);
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
        line_add_age(&line, s->json, s->size, "failingSince");
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

        line_add_age(&line, element, size, "time");
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

static void print_screen(const char *json, size_t size, bool is_online) {
        Screen s = { json, size, SCREEN_LINES };

        print_link(&s, is_online);
        print_names(&s);
        if (is_online)
                print_connection(&s);
        else
                print_text(&s, "why", "summary", SUMMARY_LINES);
        print_where(&s);
        print_text(&s, "to do", "advice", ADVICE_LINES);
        if (is_online)
                print_last_loss(&s);
        else
                (void) reply_for_each(json, size, "tried", print_tried, &s);
        print_next_attempt(&s);
        (void) reply_for_each(json, size, "notices", print_notice, &s);
}

/* Why the daemon cannot be asked: the words around the path of the socket, and what to do. */
static const struct {
        int error;
        const char *before, *after, *advice;
} silences[] = {
        { -ENOENT, "There is no socket at ", ": aziotd is not running, or listens elsewhere.",
          "systemctl start aziotd.socket; of a socket elsewhere: --socket PATH." },
        { -ECONNREFUSED, "Nobody listens at ", ": aziotd is not running.",
          "systemctl start aziotd; why it ended: journalctl -u aziotd -n 30; whether its configuration is "
          "right: "
          "aziotd --check-config." },
        { -EACCES, "You may not connect to ", ": only root and the group 'aziot' may.",
          "Run it as root, or join the group and log in again: usermod -aG aziot USER." },
        { -ECONNRESET, "aziotd at ", " closed the connection.",
          "It may just be starting again; what it says: journalctl -u aziotd -n 30." },
        { -ETIME, "aziotd at ", " does not answer.",
          "If it stays so: systemctl restart aziotd, and please report a bug." },
};

static int explain_silence(const Cli *cli, Aziot *a, int result) {
        for (size_t i = 0; i < ELEMENTSOF(silences); i++) {
                Line line = {};

                if (silences[i].error != result)
                        continue;
                line_add(&line, "%s%s%s", silences[i].before, cli->socket_path, silences[i].after);
                (void) wrap_print(stderr, "why", line.text, SUMMARY_LINES);
                (void) wrap_print(stderr, "to do", silences[i].advice, ADVICE_LINES);
                return CLI_ERROR;
        }
        return cli_failure(a, result);
}

int why_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        bool is_online;
        int code, r;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (cli_open(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, NULL, 0, &reply);
        if (r != 0)
                return explain_silence(cli, a, r);

        is_online = reply_is_true(reply->parameters, reply->parameters_size, "online");
        if (cli->json)
                code = cli_print_json(reply->parameters, reply->parameters_size);
        else {
                print_screen(reply->parameters, reply->parameters_size, is_online);
                code = cli_flush();
        }
        return code != CLI_OK ? code : is_online ? CLI_OK : CLI_NO;
}
