/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>

#include "util/util.h"

int cli_option(Cli *cli, int option, const char *usage) {
        switch (option) {
        case CLI_OPTION_SOCKET:
                cli->socket_path = optarg;
                return -1;
        case CLI_OPTION_JSON:
                cli->json = true;
                return -1;
        case CLI_OPTION_HELP:
                (void) fputs(usage, stdout);
                return CLI_OK;
        default:
                return CLI_USAGE;
        }
}

int cli_parse_seconds(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *ret) {
        unsigned long long seconds;
        char *end;

        errno = 0;
        seconds = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno != 0 || seconds < min || seconds > max) {
                (void) cli_usage("--%s takes seconds from %u to %u, not '%s'", name, min, max, text);
                return -EINVAL;
        }
        *ret = (uint32_t) seconds;
        return 0;
}

int cli_complain(int code, const char *format, ...) {
        va_list ap;

        (void) fputs("aziot: ", stderr);
        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
        (void) fputc('\n', stderr);
        if (code == CLI_USAGE)
                (void) fputs("Try 'aziot --help', or --help behind a verb.\n", stderr);
        return code;
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

int cli_failure(Aziot *a, int result) {
        return cli_error("%s", aziot_explain(a, result));
}
