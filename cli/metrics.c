/* SPDX-License-Identifier: MIT */

/* aziot metrics: what can be measured of the daemon, for whoever collects such. */

#include <fcntl.h>

#include "cli/cli.h"
#include "cli/openmetrics.h"
#include "cli/replacement.h"

#define GET "io.aziotd.device.GetMetrics"

static const Help help = {
        .usage = "metrics [OPTION]...",
        .what = "Prints what can be measured of the daemon, as OpenMetrics 1.0.\n",
        .options = "      --format FORMAT       openmetrics (the default), or prometheus, which the\n"
                   "                            textfile collector of node_exporter reads\n"
                   "      --output FILE         write it to FILE, which is replaced as a whole\n",
};

enum {
        OPTION_FORMAT = CLI_OPTION_VERB,
        OPTION_OUTPUT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "format", required_argument, NULL, OPTION_FORMAT },
        { "output", required_argument, NULL, OPTION_OUTPUT },
        {},
};

static int print(const Cli *cli, FILE *to, MetricsFormat format, const AziotReply *reply) {
        int r = 0;

        if (cli->json)
                (void) fprintf(to, "%s\n", reply->parameters);
        else
                r = openmetrics_print(to, format, reply->parameters, reply->parameters_size);
        if (r == 0 && (fflush(to) != 0 || ferror(to)))
                r = -errno;
        return r;
}

static int replace(const Cli *cli, const char *path, MetricsFormat format, const AziotReply *reply) {
        _cleanup_(replacement_done) Replacement replacement = REPLACEMENT_NULL;
        FILE *to;
        int r;

        r = replacement_begin(&replacement, path);
        if (r < 0)
                return r;
        to = fdopen(fcntl(replacement.fd, F_DUPFD_CLOEXEC, 0), "w");
        if (!to)
                return -errno;
        r = print(cli, to, format, reply);
        if (fclose(to) != 0 && r == 0)
                r = -errno;
        return r < 0 ? r : replacement_finish(&replacement, 0644);
}

static int show(const Cli *cli, MetricsFormat format, const char *output) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        int r;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, GET, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);

        r = output ? replace(cli, output, format, reply) : print(cli, stdout, format, reply);
        if (r == -EBADMSG)
                return cli_error("What the daemon replied cannot be understood");
        if (r < 0 && output)
                return cli_error("Cannot write '%s': %s", output, strerror(-r));
        return r < 0 ? cli_flush() : CLI_OK;
}

int metrics_main(Cli *cli, int argc, char **argv) {
        MetricsFormat format = METRICS_OPENMETRICS;
        const char *output = NULL;
        int option, code;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == OPTION_FORMAT && strcmp(optarg, "openmetrics") == 0)
                        format = METRICS_OPENMETRICS;
                else if (option == OPTION_FORMAT && strcmp(optarg, "prometheus") == 0)
                        format = METRICS_PROMETHEUS;
                else if (option == OPTION_FORMAT)
                        return cli_usage("--format takes openmetrics or prometheus, not '%s'", optarg);
                else if (option == OPTION_OUTPUT)
                        output = optarg;
                else {
                        code = cli_option(cli, option, &help);
                        if (code >= 0)
                                return code;
                }
        }
        if (optind < argc)
                return cli_usage("metrics takes no argument");
        return show(cli, format, output);
}
