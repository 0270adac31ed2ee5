/* SPDX-License-Identifier: MIT */

/* aziot config: every value that is in use, and where it was set. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/line.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define METHOD "io.aziotd.device.GetConfig"

/* Columns that grow no further: a longer one pushes what is behind it to the right. */
#define KEY_MAX   36
#define VALUE_MAX 36

static const Help help = {
        .usage = "config [OPTION]... [KEY]...",
        .what = "Shows the configuration that the daemon uses, and where each value was set: in\n"
                "a file, by a credential of systemd, or nowhere, so that it is the default.\n"
                "A KEY is a section, or a key with or without its section, as in Hub.Port. What\n"
                "the files say now, if that is something else, waits for a reload or a restart.\n"
                "It needs the grant admin.\n",
        .yes = "each KEY is there",
        .no = "there is no such KEY",
};

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

/* What is printed of a setting, and how wide it is. */
typedef struct Listing {
        char **keys; /* that are asked for, ended by NULL; none: all */
        bool is_counting;
        int key_width, value_width;
        bool *was_found; /* of each key */
} Listing;

typedef struct Setting {
        char *section, *key, *value, *apply, *source, *file, *pending;
        int64_t line;
} Setting;

static void setting_done(Setting *s) {
        free(s->section);
        free(s->key);
        free(s->value);
        free(s->apply);
        free(s->source);
        free(s->file);
        free(s->pending);
}

static void setting_read(Setting *s, const char *json, size_t size) {
        *s = (Setting){
                .section = reply_get_text(json, size, "section"),
                .key = reply_get_text(json, size, "key"),
                .value = reply_get_text(json, size, "value"),
                .apply = reply_get_text(json, size, "apply"),
                .source = reply_get_text(json, size, "source"),
                .file = reply_get_text(json, size, "file"),
                .pending = reply_get_text(json, size, "pending"),
                .line = reply_get_number(json, size, "line", 0),
        };
}

/* Whether 'wanted' names it: "Hub", "Port" or "Hub.Port". */
static bool is_named(const Setting *s, const char *name, const char *wanted) {
        return strcasecmp(wanted, s->section) == 0 || strcasecmp(wanted, s->key) == 0 ||
               strcasecmp(wanted, name) == 0;
}

static bool is_wanted(Listing *l, const Setting *s, const char *name) {
        bool is = !l->keys[0];

        for (size_t i = 0; l->keys[i]; i++)
                if (is_named(s, name, l->keys[i]))
                        is = l->was_found[i] = true;
        return is;
}

static void print_setting(const Listing *l, const Setting *s, const char *name) {
        bool needs_restart = strcmp(s->apply, "restart") == 0;
        Line line = {};

        line_add(&line, "%-*s  %-*s  ", l->key_width, name, l->value_width, s->value ?: "-");
        if (s->file)
                line_add(&line, "%s:%" PRId64, s->file, s->line);
        else
                line_add(&line, "%s", s->source);
        if (s->pending)
                line_add(&line, "  (in the files: %s; needs a %s)", s->pending[0] ? s->pending : "-",
                         needs_restart ? "restart" : "reload");
        (void) wrap_text(stdout, WRAP_NEVER, 0, line.text, WRAP_ALL);
}

static int list(void *userdata, const char *json, size_t size) {
        _cleanup_(setting_done) Setting s;
        Listing *l = userdata;
        char name[128];

        setting_read(&s, json, size);
        if (!s.section || !s.key || !s.apply || !s.source)
                return cli_error("The daemon replied without the name of a key");
        (void) snprintf(name, sizeof(name), "%s.%s", s.section, s.key);
        if (!is_wanted(l, &s, name))
                return 0;
        if (l->is_counting) {
                l->key_width = MAX(l->key_width, (int) MIN(strlen(name), (size_t) KEY_MAX));
                l->value_width = MAX(l->value_width, (int) MIN(strlen(s.value ?: "-"), (size_t) VALUE_MAX));
        } else
                print_setting(l, &s, name);
        return 0;
}

/* What else is to be known: the files may have changed since they were read. */
static void print_remarks(const AziotReply *reply) {
        _cleanup_(freep) char *mistakes =
                reply_join_texts(reply->parameters, reply->parameters_size, "mistakes", "\n  ");

        if (mistakes && mistakes[0])
                (void) fprintf(stderr, "The files have mistakes now, and could not be loaded again:\n  %s\n",
                               mistakes);
        if (reply_is_true(reply->parameters, reply->parameters_size, "rulesPending"))
                (void) fprintf(
                        stderr,
                        "The rules of section [Access] in the files are others; they need a reload.\n");
}

static int show(const AziotReply *reply, char **keys, size_t n_keys) {
        _cleanup_(freep) bool *was_found = calloc(n_keys + 1, sizeof(*was_found));
        Listing l = { .keys = keys, .is_counting = true, .was_found = was_found };
        int code = CLI_OK;

        if (!was_found)
                return cli_error("%s", strerror(ENOMEM));
        for (int pass = 0; pass < 2; pass++) {
                if (reply_for_each(reply->parameters, reply->parameters_size, "settings", list, &l) != 0)
                        return CLI_ERROR;
                l.is_counting = false;
        }
        for (size_t i = 0; i < n_keys; i++)
                if (!was_found[i])
                        code = cli_complain(CLI_NO, "There is no key or section '%s'", keys[i]);
        print_remarks(reply);
        return cli_flush() == CLI_OK ? code : CLI_ERROR;
}

int config_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        int option, code, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (cli->json && optind < argc)
                return cli_usage("config --json prints all there is, and takes no KEY");

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        return cli->json ? cli_print_json(reply->parameters, reply->parameters_size)
                         : show(reply, argv + optind, (size_t) (argc - optind));
}
