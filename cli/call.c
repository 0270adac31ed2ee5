/* SPDX-License-Identifier: MIT */

/* aziot call: any method of the daemon, as it is. */

#include "cli/cli.h"

static const Help help = {
        .usage = "call [OPTION]... METHOD [JSON]",
        .what = "Calls METHOD with the JSON object as its parameters and prints the reply, one\n"
                "line each. An error is printed as 'error: NAME PARAMETERS' to standard error,\n"
                "with exit code 1.\n",
        .options = "      --more                ask for more than one reply, as a method that\n"
                   "                            watches needs\n",
        .more = "  aziot call io.aziotd.device.GetStatus\n"
                "  aziot call org.varlink.service.GetInterfaceDescription \\\n"
                "          '{\"interface\":\"io.aziotd.telemetry\"}'\n",
};

enum {
        OPTION_MORE = CLI_OPTION_VERB
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "more", no_argument, NULL, OPTION_MORE },
        {},
};

static int fail(Aziot *a, int result, const char *parameters) {
        const AziotError *error = aziot_get_error(a);

        if (result == -EINVAL)
                return cli_usage("The parameters are not a JSON object: %s", parameters);
        if (result != AZIOT_REFUSED)
                return cli_failure(a, result);
        (void) fprintf(stderr, "error: %s %s\n", error->name, error->parameters);
        return CLI_ERROR;
}

static int print_reply(const AziotReply *reply) {
        (void) puts(reply->parameters);
        return cli_flush();
}

static int call_once(Aziot *a, const char *method, const char *parameters) {
        const AziotReply *reply;
        int r;

        r = aziot_call(a, method, parameters, 0, &reply);
        return r == 0 ? print_reply(reply) : fail(a, r, parameters);
}

/* Prints replies until the last one, an error, or the end of the connection. */
static int call_more(Aziot *a, const char *method, const char *parameters) {
        const AziotEvent *event;
        int r;

        r = aziot_watch(a, method, parameters, NULL);
        if (r != 0)
                return fail(a, r, parameters);
        for (;;) {
                r = aziot_wait(a, UINT64_MAX, &event);
                if (r < 0)
                        continue;
                if (event->type != AZIOT_EVENT_REPLY)
                        return fail(a, event->result, parameters);
                cli_be_answered();
                r = print_reply(&event->as.reply);
                if (r != CLI_OK || !event->as.reply.continues)
                        return r;
        }
}

int call_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        bool more = false;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                int code;

                if (option == OPTION_MORE) {
                        more = true;
                        continue;
                }
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (argc - optind < 1 || argc - optind > 2)
                return cli_usage("call takes a method and, if it has any, its parameters as one JSON object");

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        aziot_set_timeout_us(a, UINT64_MAX);
        return (more ? call_more : call_once)(a, argv[optind], argv[optind + 1]);
}
