/* SPDX-License-Identifier: MIT */

/* aziot log-level: how much the daemon logs. */

#include "cli/cli.h"
#include "cli/reply.h"

#define GET "io.aziotd.device.GetLogLevel"
#define SET "io.aziotd.device.SetLogLevel"

static const Help help = {
        .usage = "log-level [OPTION]... [LEVEL]",
        .what = "Shows the least important messages that the daemon logs, or has it log more or\n"
                "less until its configuration is loaded again. LEVEL is err, warning, notice,\n"
                "info or debug; 'configured' is what the configuration says.\n",
};

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

static const char *const levels[] = { "err", "warning", "notice", "info", "debug" };

static int show(const Cli *cli, Aziot *a) {
        _cleanup_(freep) char *configured = NULL;
        _cleanup_(freep) char *level = NULL;
        const AziotReply *reply;
        int r;

        r = aziot_call(a, GET, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        if (cli->json)
                return cli_print_json(reply->parameters, reply->parameters_size);

        level = reply_get_text(reply->parameters, reply->parameters_size, "level");
        configured = reply_get_text(reply->parameters, reply->parameters_size, "configured");
        if (!level || !configured)
                return cli_error("The daemon replied without a level");
        if (strcmp(level, configured) == 0)
                (void) puts(level);
        else
                (void) printf("%s (configured: %s)\n", level, configured);
        return cli_flush();
}

static int set(const Cli *cli, Aziot *a, const char *level) {
        char parameters[64] = "{}";
        const AziotReply *reply;
        int r;

        if (strcmp(level, "configured") != 0)
                (void) snprintf(parameters, sizeof(parameters), "{\"level\":\"%s\"}", level);
        r = aziot_call(a, SET, parameters, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        return cli->json ? cli_print_json(reply->parameters, reply->parameters_size) : CLI_OK;
}

static bool is_level(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (strcmp(levels[i], text) == 0)
                        return true;
        return strcmp(text, "configured") == 0;
}

int log_level_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        int option, code;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (argc - optind > 1)
                return cli_usage("log-level takes one level at most");
        if (optind < argc && !is_level(argv[optind]))
                return cli_usage("'%s' is no level", argv[optind]);

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        return optind < argc ? set(cli, a, argv[optind]) : show(cli, a);
}
