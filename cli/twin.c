/* SPDX-License-Identifier: MIT */

/* aziot twin: what the cloud wants of this device, and what the device says of itself. */

#include "cli/twin.h"

static const Verb verbs[] = {
        { "get", NULL, "show it", twin_get_main },
        { "watch", NULL, "show what the cloud wants, whenever it changes", twin_watch_main },
        { "report", "JSON", "merge into what the device says", twin_report_main },
        { "acknowledge", "PROPERTY VALUE", "say what became of a writable property", twin_acknowledge_main },
        {},
};

static const Help help = {
        .usage = "twin [OPTION]... VERB [ARGUMENT]...",
        .what = "The device twin: what the cloud wants of this device (desired), and what the\n"
                "device says of itself (reported).\n",
        .verbs = verbs,
};

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

int twin_main(Cli *cli, int argc, char **argv) {
        int option, code;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (optind == argc)
                return cli_usage("twin takes get, watch, report or acknowledge");
        return cli_run_verb(cli, verbs, argc, argv);
}

static int print_text(const char *value, size_t size) {
        _cleanup_(freep) char *text = malloc(size);

        if (!text || aziot_json_get_text(value, size, text, size) < 0)
                return cli_error("%s", strerror(ENOMEM));
        (void) puts(text);
        return cli_flush();
}

int twin_print_value(const Cli *cli, const char *value, size_t size) {
        return value[0] == '"' && !cli->json ? print_text(value, size) : cli_print_json(value, size);
}
