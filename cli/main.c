/* SPDX-License-Identifier: MIT */

/* aziot: aziotd from the command line. One file per verb; what they share is in cli.h. */

#include "cli/cli.h"
#include "util/util.h"

/* clang-format off */
static const Verb verbs[] = {
        { "status", NULL, "show device, link and outbox", status_main },
        { "watch", NULL, "show them whenever they change", watch_main },
        { "why", NULL, "say why the device is offline, and what to do", why_main },
        { "check", NULL, "look now at everything that the link needs", check_main },
        { "history", NULL, "show what became of the link", history_main },
        { "send", "[BODY]", "send a message, or one for each input line", send_main },
        { "messages", "[-- COMMAND]", "print messages from the cloud, or handle them", messages_main },
        { "twin", "VERB", "show, watch and report the device twin", twin_main },
        { "serve", "NAME -- COMMAND", "answer direct methods by running a command", serve_main, .has_no_json = true },
        { "broker", "VERB", "telemetry and commands of Azure IoT Operations", broker_main },
        { "access", NULL, "show what a program may do, and by which rule", access_main },
        { "metrics", NULL, "print what can be measured of the daemon", metrics_main },
        { "bundle", "[FILE]", "collect what whoever helps wants to see", bundle_main, .has_no_json = true },
        { "config", "[KEY]...", "show the configuration, and where it was set", config_main },
        { "reload", NULL, "load the configuration again", reload_main },
        { "log-level", "[LEVEL]", "show how much the daemon logs, or change it", log_level_main },
        { "call", "METHOD [JSON]", "call any method of the daemon's interfaces", call_main },
        { "provisioning", NULL, "show which hub has been assigned", provisioning_main },
        { "reprovision", NULL, "have the provisioning service asked again", reprovision_main },
        {},
};
/* clang-format on */

static const Help help = {
        .usage = "[OPTION]... VERB [ARGUMENT]...",
        .what = "The command line of aziotd, which keeps this device's session with the cloud.\n",
        .verbs = verbs,
        .yes = "all is well",
        .no = "all is well, and the answer is no: not online, no such property",
        .more = "'aziot VERB --help' tells more of a verb, and the manual page aziot(1) all.\n",
};

enum {
        OPTION_VERSION = CLI_OPTION_VERB
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

static int run(Cli *cli, int argc, char **argv) {
        int option;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                int code;

                if (option == OPTION_VERSION) {
                        (void) puts("aziot " AZIOT_VERSION);
                        return CLI_OK;
                }
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (optind == argc)
                return cli_usage("What is to be done?");
        return cli_run_verb(cli, verbs, argc, argv);
}

int main(int argc, char **argv) {
        Cli cli = { .socket_path = getenv("AZIOT_SOCKET") ?: CLI_SOCKET_DEFAULT, .command = "aziot" };
        int code;

        if (argc > 0)
                argv[0] = cli.command;
        code = run(&cli, argc, argv);
        if (code == CLI_USAGE)
                (void) fprintf(stderr, "Try '%s --help'.\n", cli.command);
        return code;
}
