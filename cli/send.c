/* SPDX-License-Identifier: MIT */

/*
 * aziot send: one message from the command line, or one for each line of standard input.
 *
 * Lines that are at hand are pipelined, up to a window; when none is, the replies are awaited before the next
 * read. So nothing is ever outstanding while the input is silent, and one thing at a time is waited for.
 */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/message.h"
#include "ipc/limits.h"
#include "util/util.h"

/* Enough to keep the hub's send window full; after a refusal, as many lines may be on their way. */
#define WINDOW 64U

/* The daemon waits this long for a stage unless told, and a reply takes some time to come. */
#define STAGE_TIMEOUT_S 60
#define REPLY_SLACK_S   30

static const char usage[] =
        "Usage: aziot send [OPTION]... [BODY | -]\n"
        "\n"
        "Sends BODY as a message; with '-', all of standard input; with neither, each line of it that is not "
        "empty.\n"
        "A JSON object is sent byte for byte as JSON, everything else as text.\n"
        "\n"
        "      --property KEY=VALUE  an application property; may be repeated\n"
        "      --content-type TYPE   MIME type of the body\n"
        "      --message-id ID       names the message for its receiver\n"
        "      --component NAME      the Plug and Play component it belongs to\n"
        "      --ttl SECONDS         drop the message if it is not delivered by then\n"
        "      --text                send a JSON object as text, too\n"
        "      --data                send bytes that need not be text\n"
        "      --stage STAGE         wait until the message is accepted (the default: it survives\n"
        "                            the daemon being killed), durable (a power cut), or\n"
        "                            delivered (the hub has it)\n"
        "      --timeout SECONDS     how long to wait for that (60)\n"
        "  -v, --verbose             print the sequence number of each message\n" CLI_OPTIONS_HELP "\n"
        "  aziot send '{\"temperature\":21.5}' --property alert=no\n"
        "  vmstat -n 60 | aziot send --component load\n";

enum {
        OPTION_PROPERTY = CLI_OPTION_VERB,
        OPTION_CONTENT_TYPE,
        OPTION_MESSAGE_ID,
        OPTION_COMPONENT,
        OPTION_TTL,
        OPTION_TEXT,
        OPTION_DATA,
        OPTION_STAGE,
        OPTION_TIMEOUT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "property", required_argument, NULL, OPTION_PROPERTY },
        { "content-type", required_argument, NULL, OPTION_CONTENT_TYPE },
        { "message-id", required_argument, NULL, OPTION_MESSAGE_ID },
        { "component", required_argument, NULL, OPTION_COMPONENT },
        { "ttl", required_argument, NULL, OPTION_TTL },
        { "text", no_argument, NULL, OPTION_TEXT },
        { "data", no_argument, NULL, OPTION_DATA },
        { "stage", required_argument, NULL, OPTION_STAGE },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Sender {
        const Cli *cli;
        MessageOptions options;
        bool verbose;
        IpcClient *client;
        Lines input;
        uint64_t lines[WINDOW]; /* numbers of those sent; the n_sent'th is at n_sent % WINDOW */
        uint64_t n_sent, n_answered, n_refused;
} Sender;

static void sender_done(Sender *s) {
        message_options_done(&s->options);
        s->client = ipc_client_free(s->client);
        lines_done(&s->input);
}

static int set_property(MessageOptions *o, const char *property) {
        int r = message_options_add_property(o, property);

        if (r == -EINVAL)
                (void) cli_usage("A property is KEY=VALUE in UTF-8, not '%s'", property);
        else if (r == -EEXIST)
                (void) cli_usage("This property is there twice: '%s'", property);
        else if (r < 0)
                (void) cli_error("%s", strerror(-r));
        return r;
}

static int set_stage(MessageOptions *o, const char *stage) {
        static const char *const stages[] = { "accepted", "durable", "delivered" };

        for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                if (strcmp(stage, stages[i]) == 0) {
                        o->stage = stages[i];
                        return 0;
                }
        (void) cli_usage("A stage is accepted, durable or delivered, not '%s'", stage);
        return -EINVAL;
}

/* Returns like cli_option(). */
static int sender_option(Sender *s, int option) {
        MessageOptions *o = &s->options;

        switch (option) {
        case OPTION_PROPERTY:
                return set_property(o, optarg) < 0 ? CLI_USAGE : -1;
        case OPTION_CONTENT_TYPE:
                o->content_type = optarg;
                return -1;
        case OPTION_MESSAGE_ID:
                o->message_id = optarg;
                return -1;
        case OPTION_COMPONENT:
                o->component = optarg;
                return -1;
        case OPTION_TTL:
                return cli_parse_seconds("ttl", optarg, UINT32_MAX, &o->ttl_s) < 0 ? CLI_USAGE : -1;
        case OPTION_TEXT:
                o->kind = BODY_TEXT;
                return -1;
        case OPTION_DATA:
                o->kind = BODY_DATA;
                return -1;
        case OPTION_STAGE:
                return set_stage(o, optarg) < 0 ? CLI_USAGE : -1;
        case OPTION_TIMEOUT:
                return cli_parse_seconds("timeout", optarg, 86400, &o->timeout_s) < 0 ? CLI_USAGE : -1;
        case 'v':
                s->verbose = true;
                return -1;
        default:
                return CLI_USAGE;
        }
}

/* "line 7", or nothing if there is only one message. */
static const char *subject_format(char buffer[32], uint64_t line) {
        if (line == 0)
                return NULL;
        (void) snprintf(buffer, 32, "line %" PRIu64, line);
        return buffer;
}

static int input_error(uint64_t line, int r) {
        char buffer[32];
        const char *subject = subject_format(buffer, line);
        const char *text = r == -EILSEQ     ? "it is not UTF-8 text; --data sends bytes"
                           : r == -EMSGSIZE ? "it is larger than any message may be"
                                            : strerror(-r);

        return cli_error("%s%s%s", subject ? subject : "", subject ? ": " : "", text);
}

/* What failed leaves nothing to talk to. */
static int sender_lost(Sender *s, int r) {
        s->client = ipc_client_free(s->client);
        return cli_connection_error(s->cli, r);
}

/* Sends 'body', which is line 'line' of the input; 0: there is only one message. */
static int sender_send(Sender *s, az_span body, uint64_t line) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span parameters;
        int r;

        r = message_write(&json, &s->options, body);
        if (r >= 0)
                r = ipc_json_get(&json, &parameters);
        if (r < 0)
                return input_error(line, r);
        r = ipc_client_send(s->client, "io.aziotd.telemetry.Send", parameters, 0);
        if (r < 0)
                return sender_lost(s, r);
        s->lines[s->n_sent++ % WINDOW] = line;
        return CLI_OK;
}

static int sender_print_sequence(Sender *s) {
        typedef struct SendReply {
                int64_t sequence;
        } SendReply;
        static const IpcField fields[] = { { "sequence", IPC_FIELD_INT, offsetof(SendReply, sequence) } };
        static const IpcStruct type = IPC_STRUCT(SendReply, fields);
        SendReply reply = {};
        int r;

        r = ipc_client_decode(s->client, &type, &reply);
        if (r < 0)
                return sender_lost(s, r);
        (void) printf("%" PRId64 "\n", reply.sequence);
        return CLI_OK;
}

/* Receives one reply. A refusal is no failure of this function, but only the first one is told. */
static int sender_receive(Sender *s) {
        uint64_t line = s->lines[s->n_answered % WINDOW];
        char buffer[32];
        IpcReply reply;
        int r;

        r = ipc_client_receive(s->client, &reply);
        if (r < 0)
                return sender_lost(s, r);
        s->n_answered++;
        if (ipc_reply_is_error(&reply)) {
                if (s->n_refused++ == 0)
                        (void) cli_reply_error(subject_format(buffer, line), &reply);
                return CLI_OK;
        }
        if (s->cli->json)
                cli_print_json(reply.parameters);
        return s->verbose ? sender_print_sequence(s) : CLI_OK;
}

static int sender_send_lines(Sender *s) {
        while (s->n_refused == 0) {
                uint64_t n_outstanding = s->n_sent - s->n_answered;
                az_span line;
                int r = LINES_NOT_YET;

                if (n_outstanding < WINDOW)
                        r = lines_next(&s->input, n_outstanding == 0, &line);
                if (r < 0)
                        return input_error(s->input.number, r);
                if (r == LINES_END)
                        return CLI_OK;
                if (r == LINES_NOT_YET)
                        r = sender_receive(s);
                else if (az_span_size(line) > 0)
                        r = sender_send(s, line, s->input.number);
                if (r != CLI_OK)
                        return r;
                (void) fflush(stdout);
        }
        return CLI_OK;
}

static int sender_send_rest(Sender *s) {
        az_span body;
        int r;

        r = lines_rest(&s->input, &body);
        if (r < 0)
                return input_error(0, r);
        return sender_send(s, body, 0);
}

/* Awaits what is outstanding, unless the connection is lost, and says what became of it all. */
static int sender_finish(Sender *s, int code) {
        uint64_t n_outstanding;

        while (s->client && s->n_answered < s->n_sent) {
                int r = sender_receive(s);

                if (r != CLI_OK)
                        code = r;
        }
        n_outstanding = s->n_sent - s->n_answered;
        if (n_outstanding > 0)
                (void) cli_error("The last %" PRIu64
                                 " messages were not answered: each may have been accepted or not",
                                 n_outstanding);
        if (s->n_refused > 0 && s->n_sent > 1)
                (void) cli_error("%" PRIu64 " of the %" PRIu64 " messages sent so far were refused; stopped",
                                 s->n_refused, s->n_sent);
        return s->n_refused > 0 ? CLI_ERROR : code;
}

static int sender_run(Sender *s, const char *body) {
        int64_t timeout_s = s->options.timeout_s >= 0 ? s->options.timeout_s : STAGE_TIMEOUT_S;
        int code;

        if (cli_connect(s->cli, &s->client) < 0)
                return CLI_ERROR;
        ipc_client_set_timeout(s->client, (uint64_t) (timeout_s + REPLY_SLACK_S) * USEC_PER_SEC);

        if (!body)
                code = sender_send_lines(s);
        else if (strcmp(body, "-") == 0)
                code = sender_send_rest(s);
        else
                code = sender_send(s, az_span_create_from_str((char *) body), 0);
        return sender_finish(s, code);
}

int send_main(Cli *cli, int argc, char **argv) {
        _cleanup_(sender_done) Sender s = {
                .cli = cli,
                .options = MESSAGE_OPTIONS_NULL,
                .input = { .fd = STDIN_FILENO, .max = IPC_MESSAGE_MAX },
        };
        int option;

        while ((option = getopt_long(argc, argv, "v", options, NULL)) >= 0) {
                int code = option >= CLI_OPTION_VERB || option == 'v' ? sender_option(&s, option)
                                                                      : cli_option(cli, option, usage);

                if (code >= 0)
                        return code;
        }
        if (argc - optind > 1)
                return cli_usage("send takes one body; quote it if it has spaces");
        return sender_run(&s, argv[optind]);
}
