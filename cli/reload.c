/* SPDX-License-Identifier: MIT */

/* aziot reload: has the daemon load its configuration again, and says how that went. */

#include "cli/cli.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define METHOD  "io.aziotd.device.Reload"
#define INVALID "io.aziotd.device.ConfigInvalid"

static const Help help = {
        .usage = "reload [OPTION]...",
        .what = "Has the daemon load its configuration again, and shows which of the keys that\n"
                "have changed were taken, and which need a restart. With a mistake in it nothing\n"
                "changes, and every mistake is shown. It needs the grant admin.\n",
        .options = "      --quiet               print nothing that the daemon logs, too\n",
};

enum {
        OPTION_QUIET = CLI_OPTION_VERB
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "quiet", no_argument, NULL, OPTION_QUIET },
        {},
};

/* Prints the texts of an array, each on a line of its own. Returns whether there are any. */
static bool print_texts(FILE *to, const char *label, const char *json, size_t size, const char *path) {
        _cleanup_(freep) char *texts = reply_join_texts(json, size, path, "\n");
        char *rest = texts, *text;
        bool has_any = false;

        while (rest && *rest && (text = strsep(&rest, "\n"))) {
                (void) fputs(label, to);
                (void) wrap_text(to, WRAP_NEVER, 0, text, WRAP_ALL);
                has_any = true;
        }
        return has_any;
}

static int show_mistakes(Aziot *a) {
        const AziotError *error = aziot_get_error(a);

        (void) print_texts(stderr, "error: ", error->parameters, error->parameters_size, "messages");
        return cli_error("The configuration has mistakes: the daemon goes on with the one that it has");
}

static int show(const AziotReply *reply) {
        const char *json = reply->parameters;
        size_t size = reply->parameters_size;
        bool has_any;

        (void) print_texts(stderr, "warning: ", json, size, "warnings");
        has_any = print_texts(stdout, "taken: ", json, size, "applied");
        has_any |= print_texts(stdout, "needs a restart: ", json, size, "needRestart");
        if (!has_any)
                (void) puts("nothing has changed");
        return cli_flush();
}

int reload_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        bool is_quiet = false;
        int option, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == OPTION_QUIET) {
                        is_quiet = true;
                        continue;
                }
                r = cli_option(cli, option, &help);
                if (r >= 0)
                        return r;
        }
        if (optind < argc)
                return cli_usage("reload takes no argument");

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, NULL, 0, &reply);
        if (r == AZIOT_REFUSED && strcmp(aziot_get_error(a)->name, INVALID) == 0)
                return is_quiet ? CLI_ERROR : show_mistakes(a);
        if (r != 0)
                return cli_failure(a, r);
        if (is_quiet)
                return CLI_OK;
        return cli->json ? cli_print_json(reply->parameters, reply->parameters_size) : show(reply);
}
