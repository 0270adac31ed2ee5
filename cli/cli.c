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

int cli_parse_seconds(const char *name, const char *text, int64_t max, int64_t *ret) {
        int64_t seconds;

        if (az_result_failed(az_span_atoi64(az_span_create_from_str((char *) text), &seconds)) ||
            seconds < 0 || seconds > max) {
                (void) cli_usage("--%s takes seconds from 0 to %lld, not '%s'", name, (long long) max, text);
                return -EINVAL;
        }
        *ret = seconds;
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

static const char *connect_hint(int error) {
        switch (error) {
        case ENOENT:
        case ECONNREFUSED:
                return "is aziotd running? (systemctl status aziotd.socket aziotd.service)";
        case EACCES:
                return "only root and group 'aziot' may connect (usermod -aG aziot USER, then log in again)";
        case ENAMETOOLONG:
                return "the path of a socket has at most 107 bytes";
        default:
                return NULL;
        }
}

int cli_connect_error(const Cli *cli, int r) {
        const char *hint = connect_hint(-r);

        return cli_error("Cannot connect to %s: %s%s%s", cli->socket_path, strerror(-r), hint ? "; " : "",
                         hint ? hint : "");
}

int cli_connect(const Cli *cli, IpcClient **ret) {
        int r;

        r = ipc_client_connect(ret, cli->socket_path);
        if (r < 0)
                (void) cli_connect_error(cli, r);
        return r;
}

int cli_connection_error(const Cli *cli, int r) {
        switch (-r) {
        case ECONNRESET:
        case EPIPE:
                return cli_error("aziotd at %s closed the connection (its log says why)", cli->socket_path);
        case ETIME:
                return cli_error("aziotd at %s did not answer in time", cli->socket_path);
        case EBADMSG:
                return cli_error("What listens at %s is not aziotd", cli->socket_path);
        default:
                return cli_error("Lost aziotd at %s: %s", cli->socket_path, strerror(-r));
        }
}

/* The errors that a person meets, in their words. The full name and its parameters follow in any case. */
static const struct {
        const char *name, *text;
} errors[] = {
        { "io.aziotd.telemetry.OutboxFull", "the outbox is full, nothing was stored" },
        { "io.aziotd.telemetry.StorageFailed", "the disk failed, nothing is promised about the message" },
        { "io.aziotd.telemetry.NotDelivered", "the message has not reached the stage that was asked for" },
        { "io.aziotd.telemetry.MessageTooLarge", "the message is larger than the hub takes" },
        { "io.aziotd.telemetry.InvalidMessage", "the message is not as the hub wants it" },
        { "io.aziotd.methods.NameClaimed", "another user serves this method" },
        { "io.aziotd.methods.CallGone", "nobody waits for this answer any more" },
        { "io.aziotd.methods.InvalidAnswer", "the answer cannot be sent to the hub" },
        { "io.aziotd.methods.TooManyTakers", "this user has too many workers waiting" },
        { "org.varlink.service.PermissionDenied",
          "this user has no grant for that; section [Access] of aziotd.conf gives it" },
        { "org.varlink.service.InvalidParameter", "aziotd does not take this parameter" },
        { "org.varlink.service.InterfaceNotFound", "aziotd has no such interface" },
        { "org.varlink.service.MethodNotFound", "the interface has no such method" },
};

static const char *error_text(az_span name) {
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) errors[i].name)))
                        return errors[i].text;
        return "aziotd refused";
}

int cli_reply_error(const char *subject, const IpcReply *reply) {
        return cli_error("%s%s%s (" SPAN_FORMAT " " SPAN_FORMAT ")", subject ? subject : "",
                         subject ? ": " : "", error_text(reply->error), SPAN_ARG(reply->error),
                         SPAN_ARG(reply->parameters));
}

int cli_call(const Cli *cli, IpcClient *client, const char *method, az_span parameters, IpcReply *ret) {
        int r;

        r = ipc_client_call(client, method, parameters, ret);
        if (r < 0)
                return cli_connection_error(cli, r);
        if (ipc_reply_is_error(ret))
                return cli_reply_error(NULL, ret);
        return CLI_OK;
}

void cli_print_json(az_span json) {
        (void) printf(SPAN_FORMAT "\n", SPAN_ARG(json));
}
