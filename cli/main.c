/* SPDX-License-Identifier: MIT */

/* aziot: aziotd from the command line. One file per verb; what they share is in cli.h. */

#include "cli/cli.h"
#include "util/util.h"

static const Verb verbs[] = {
        { "status", status_main },
        { "watch", watch_main },
        { "send", send_main },
        { "messages", messages_main },
        { "twin", twin_main },
        { "serve", serve_main },
        { "call", call_main },
        { "why", why_main },
        { "check", check_main },
        { "history", history_main },
        { "provisioning", provisioning_main },
        { "reprovision", reprovision_main },
};

static const char usage[] =
        "Usage: aziot [OPTION]... VERB [ARGUMENT]...\n"
        "\n"
        "The command line of aziotd, which keeps this device's session with the cloud.\n"
        "\n"
        "  status               show device, link and outbox\n"
        "  watch                show them whenever they change\n"
        "  why                  say why the device is offline, and what to do\n"
        "  check                look now at everything that the link needs\n"
        "  history              show what became of the link\n"
        "  provisioning         show which hub the provisioning service has assigned\n"
        "  reprovision          ask it again\n"
        "  send [BODY]          send a message, or one for each line of standard input\n"
        "  messages [-- CMD]    print messages from the cloud, or give them to a command\n"
        "  twin get             show the device twin\n"
        "  twin watch           show what the cloud wants of the device, whenever it changes\n"
        "  twin report JSON     tell the cloud of the device's state\n"
        "  twin acknowledge PROPERTY VALUE\n"
        "                       tell it what became of a writable property\n"
        "  serve NAME -- CMD    answer direct methods by running a command\n"
        "  call METHOD [JSON]   call any method of the daemon's interfaces\n" CLI_OPTIONS_HELP
        "      --version             print the version\n"
        "\n"
        "'aziot VERB --help' tells more of a verb, and the manual page aziot(1) everything.\n";

enum {
        OPTION_VERSION = CLI_OPTION_VERB
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

int main(int argc, char **argv) {
        Cli cli = { .socket_path = getenv("AZIOT_SOCKET") };
        int option;

        if (!cli.socket_path)
                cli.socket_path = CLI_SOCKET_DEFAULT;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                int code;

                if (option == OPTION_VERSION) {
                        (void) puts("aziot " AZIOT_VERSION);
                        return CLI_OK;
                }
                code = cli_option(&cli, option, usage);
                if (code >= 0)
                        return code;
        }
        if (optind == argc)
                return cli_usage("What is to be done?");
        return cli_run_verb(&cli, verbs, ELEMENTSOF(verbs), argc, argv);
}
