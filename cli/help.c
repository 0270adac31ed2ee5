/* SPDX-License-Identifier: MIT */

/* What --help prints: the same for every verb, in the same order. */

#include "cli/cli.h"

static const char socket_option[] =
        "      --socket PATH         the daemon's socket (" CLI_SOCKET_DEFAULT ", or what\n"
        "                            $AZIOT_SOCKET names)\n";

static void print_verbs(const Verb *verbs) {
        for (const Verb *v = verbs; v && v->name; v++) {
                char call[64];

                (void) snprintf(call, sizeof(call), "%s %s", v->name, v->arguments ?: "");
                (void) printf("  %-27s %s\n", call, v->summary);
        }
        if (verbs)
                (void) putchar('\n');
}

static void print_options(const Cli *cli, const char *options) {
        if (options)
                (void) printf("%s\n", options);
        if (!cli->verb || !cli->verb->has_no_json)
                (void) puts("      --json                print what the daemon replied, as JSON lines");
        (void) fputs(socket_option, stdout);
        (void) puts("      --color WHEN          auto (the default: on a terminal), always, never\n"
                    "      --help                print this");
        if (!cli->verb)
                (void) puts("      --version             print the version");
}

void cli_print_help(const Cli *cli, const Help *h) {
        (void) printf("Usage: aziot %s\n\n%s\n", h->usage, h->what);
        print_verbs(h->verbs);
        print_options(cli, h->options);
        if (h->no)
                (void) printf("\nExit code: 0  %s\n"
                              "           1  an error\n"
                              "           2  a wrong command line\n"
                              "           3  %s\n",
                              h->yes, h->no);
        if (h->more)
                (void) printf("\n%s", h->more);
}
