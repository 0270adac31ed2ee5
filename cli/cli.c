/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <signal.h>

#include "util/util.h"

/* After so long a person wants to know what is being waited for. */
#define PATIENCE_S 3

/* Returns like cli_option(). */
static int cli_refuse_json(const Cli *cli) {
        return cli->json && cli->verb && cli->verb->has_no_json
                       ? cli_usage("There is no --json for %s", cli->verb->name)
                       : -1;
}

int cli_option(Cli *cli, int option, const Help *help) {
        switch (option) {
        case CLI_OPTION_SOCKET:
                cli->socket_path = optarg;
                return -1;
        case CLI_OPTION_JSON:
                cli->json = true;
                return cli_refuse_json(cli);
        case CLI_OPTION_COLOR:
                return color_mode_parse(optarg, &cli->color) < 0
                               ? cli_usage("--color takes auto, always or never, not '%s'", optarg)
                               : -1;
        case CLI_OPTION_HELP:
                cli_print_help(cli, help);
                return CLI_OK;
        default:
                return CLI_USAGE;
        }
}

int cli_parse_bare(Cli *cli, int argc, char **argv, const Help *help) {
        static const struct option options[] = {
                CLI_OPTIONS,
                {},
        };
        int option, code;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = cli_option(cli, option, help);
                if (code >= 0)
                        return code;
        }
        return optind < argc ? cli_usage("%s takes no argument", cli->verb->name) : -1;
}

int cli_parse_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *ret) {
        unsigned long long number;
        char *end;

        errno = 0;
        number = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno != 0 || number < min || number > max) {
                (void) cli_usage("--%s takes a number from %u to %u, not '%s'", name, min, max, text);
                return -EINVAL;
        }
        *ret = (uint32_t) number;
        return 0;
}

int cli_run_verb(Cli *cli, const Verb *verbs, int argc, char **argv) {
        int first = optind, code;

        for (const Verb *v = verbs; v->name; v++)
                if (strcmp(argv[first], v->name) == 0) {
                        size_t n = strlen(cli->command);

                        cli->verb = v;
                        (void) snprintf(cli->command + n, sizeof(cli->command) - n, " %s", v->name);
                        argv[first] = cli->command; /* as which getopt complains */
                        code = cli_refuse_json(cli);
                        optind = 0; /* a verb parses its own arguments from the start */
                        return code >= 0 ? code : v->handler(cli, argc - first, argv + first);
                }
        return cli_usage("There is no verb '%s'", argv[first]);
}

int cli_open(const Cli *cli, Aziot **ret) {
        int r;

        r = aziot_new(ret, cli->socket_path);
        if (r == -ENAMETOOLONG)
                (void) cli_error("Cannot connect to %s: the path of a socket has at most 107 bytes",
                                 cli->socket_path);
        else if (r < 0)
                (void) cli_error("%s", strerror(-r));
        return r;
}

static void say_that_it_waits(int number) {
        /* It is longer than the line of progress that it may take the place of. */
        static const char text[] = "\raziot: No answer yet. Whether aziotd runs, and what it says: "
                                   "systemctl status aziotd\n";

        /* Nobody can be told that this has failed. */
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
                return;
}

void cli_ask(void) {
        const struct sigaction action = { .sa_handler = say_that_it_waits, .sa_flags = SA_RESTART };

        if (isatty(STDERR_FILENO) && sigaction(SIGALRM, &action, NULL) == 0)
                (void) alarm(PATIENCE_S);
}

void cli_be_answered(void) {
        (void) alarm(0);
}

int cli_open_to_ask(const Cli *cli, Aziot **ret) {
        cli_ask();
        return cli_open(cli, ret);
}

int cli_flush(void) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return CLI_OK;
        return errno == EPIPE ? CLI_ERROR : cli_error("Cannot write: %s", strerror(errno));
}

int cli_print_json(const char *json, size_t size) {
        for (size_t i = 0; i < size; i++)
                (void) fputc(json[i] == '\n' || json[i] == '\r' ? ' ' : json[i], stdout);
        (void) fputc('\n', stdout);
        return cli_flush();
}
