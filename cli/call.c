/* SPDX-License-Identifier: MIT */

/* aziot call: any method of the daemon, as it is. */

#include "cli/cli.h"
#include "ipc/limits.h"
#include "ipc/value.h"
#include "util/util.h"

static const char usage[] =
        "Usage: aziot call [OPTION]... METHOD [JSON]\n"
        "\n"
        "Calls METHOD with the JSON object as its parameters and prints the reply, one line each.\n"
        "An error is printed as 'error: NAME PARAMETERS' to standard error, with exit code 1.\n"
        "\n"
        "      --more                ask for more than one reply, as a method that watches "
        "needs\n" CLI_OPTIONS_HELP "\n"
        "  aziot call io.aziotd.device.GetStatus\n"
        "  aziot call org.varlink.service.GetInterfaceDescription "
        "'{\"interface\":\"io.aziotd.telemetry\"}'\n";

enum {
        OPTION_MORE = CLI_OPTION_VERB
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "more", no_argument, NULL, OPTION_MORE },
        {},
};

static int print_replies(const Cli *cli, IpcClient *client) {
        IpcReply reply;
        int r;

        do {
                r = ipc_client_receive(client, &reply);
                if (r < 0)
                        return cli_connection_error(cli, r);
                if (ipc_reply_is_error(&reply)) {
                        (void) fprintf(stderr, "error: " SPAN_FORMAT " " SPAN_FORMAT "\n",
                                       SPAN_ARG(reply.error), SPAN_ARG(reply.parameters));
                        return CLI_ERROR;
                }
                cli_print_json(reply.parameters);
                if (fflush(stdout) != 0)
                        return cli_error("Cannot write: %s", strerror(errno));
        } while (reply.continues);
        return CLI_OK;
}

int call_main(Cli *cli, int argc, char **argv) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        az_span parameters = AZ_SPAN_EMPTY;
        unsigned flags = 0;
        int option, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                int code;

                if (option == OPTION_MORE) {
                        flags |= IPC_CALL_MORE;
                        continue;
                }
                code = cli_option(cli, option, usage);
                if (code >= 0)
                        return code;
        }
        if (argc - optind < 1 || argc - optind > 2)
                return cli_usage("call takes a method and, if it has any, its parameters as one JSON object");
        if (argc - optind == 2)
                parameters = az_span_create_from_str(argv[optind + 1]);
        if (argc - optind == 2 && value_kind(parameters, IPC_DEPTH_MAX - 1) != VALUE_OBJECT)
                return cli_usage("The parameters are not a JSON object: %s", argv[optind + 1]);

        if (cli_connect(cli, &client) < 0)
                return CLI_ERROR;
        ipc_client_set_timeout(client, UINT64_MAX);
        r = ipc_client_send(client, argv[optind], parameters, flags);
        if (r < 0)
                return cli_connection_error(cli, r);
        return print_replies(cli, client);
}
