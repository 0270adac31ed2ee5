/* SPDX-License-Identifier: MIT */

/*
 * aziot send: one message from the command line, or one for each line of standard input.
 *
 * Lines that are at hand are pipelined, up to a window; when none is, the replies are awaited before the next
 * read. So nothing is ever outstanding while the input is silent, and one thing at a time is waited for.
 */

#include <azure/core/az_span.h>
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/properties.h"

/* Enough to keep the hub's send window full; after a refusal, as many lines may be on their way. */
#define WINDOW 64U

/* More than any message may have. */
#define BODY_MAX (512U * 1024U)

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
        "      --priority PRIORITY   normal (the default), or high: an alarm, which overtakes all\n"
        "                            normal messages that wait\n"
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
        OPTION_PRIORITY,
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
        { "priority", required_argument, NULL, OPTION_PRIORITY },
        { "stage", required_argument, NULL, OPTION_STAGE },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Sender {
        const Cli *cli;
        Aziot *a;
        AziotMessage message; /* all but its body */
        Properties properties;
        AziotStage stage;
        unsigned flags;
        uint32_t timeout_s; /* 0: not told */
        bool verbose;
        Lines input;
        uint64_t lines[WINDOW]; /* numbers of those sent; the n_sent'th is at n_sent % WINDOW */
        uint64_t n_sent, n_ended, n_refused, n_lost;
        int code; /* of the first failure */
} Sender;

static void sender_done(Sender *s) {
        s->a = aziot_free(s->a);
        properties_done(&s->properties);
        lines_done(&s->input);
}

static int set_property(Sender *s, char *property) {
        int r = -EINVAL;

        if (az_span_is_valid_utf8(az_span_create_from_str(property)))
                r = properties_add(&s->properties, property);
        if (r == -EINVAL)
                (void) cli_usage("A property is KEY=VALUE in UTF-8, not '%s'", property);
        else if (r == -EEXIST)
                (void) cli_usage("This property is there twice: '%s'", property);
        else if (r < 0)
                (void) cli_error("%s", strerror(-r));
        return r;
}

static int set_stage(Sender *s, const char *stage) {
        static const char *const stages[] = {
                [AZIOT_ACCEPTED] = "accepted",
                [AZIOT_DURABLE] = "durable",
                [AZIOT_DELIVERED] = "delivered",
        };

        for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                if (strcmp(stage, stages[i]) == 0) {
                        s->stage = (AziotStage) i;
                        return 0;
                }
        (void) cli_usage("A stage is accepted, durable or delivered, not '%s'", stage);
        return -EINVAL;
}

static int set_priority(Sender *s, const char *priority) {
        bool is_high = strcmp(priority, "high") == 0;

        if (!is_high && strcmp(priority, "normal") != 0) {
                (void) cli_usage("A priority is normal or high, not '%s'", priority);
                return -EINVAL;
        }
        s->flags = is_high ? AZIOT_HIGH_PRIORITY : 0;
        return 0;
}

/* Returns like cli_option(). */
static int sender_option(Sender *s, int option) {
        int r = 0;

        switch (option) {
        case OPTION_PROPERTY:
                r = set_property(s, optarg);
                break;
        case OPTION_CONTENT_TYPE:
                s->message.content_type = optarg;
                break;
        case OPTION_MESSAGE_ID:
                s->message.message_id = optarg;
                break;
        case OPTION_COMPONENT:
                s->message.component = optarg;
                break;
        case OPTION_TTL:
                r = cli_parse_number("ttl", optarg, 1, UINT32_MAX, &s->message.ttl_s);
                break;
        case OPTION_TEXT:
                s->message.body_kind = AZIOT_BODY_TEXT;
                break;
        case OPTION_DATA:
                s->message.body_kind = AZIOT_BODY_DATA;
                break;
        case OPTION_PRIORITY:
                r = set_priority(s, optarg);
                break;
        case OPTION_STAGE:
                r = set_stage(s, optarg);
                break;
        case OPTION_TIMEOUT:
                r = cli_parse_number("timeout", optarg, 1, 86400, &s->timeout_s);
                break;
        case 'v':
                s->verbose = true;
                break;
        default:
                return CLI_USAGE;
        }
        return r < 0 ? CLI_USAGE : -1;
}

/* "line 7: ", or nothing if there is only one message. */
static const char *subject_format(char buffer[32], uint64_t line) {
        buffer[0] = 0;
        if (line > 0)
                (void) snprintf(buffer, 32, "line %" PRIu64 ": ", line);
        return buffer;
}

static int input_error(uint64_t line, int r) {
        const char *text = r == -EILSEQ     ? "it is not UTF-8 text; --data sends bytes"
                           : r == -EMSGSIZE ? "it is larger than any message may be"
                                            : strerror(-r);
        char buffer[32];

        return cli_error("%s%s", subject_format(buffer, line), text);
}

/* Sends 'body', which is line 'line' of the input; 0: there is only one message. */
static int sender_send(Sender *s, az_span body, uint64_t line) {
        AziotMessage message = s->message;
        int r;

        if (message.body_kind != AZIOT_BODY_DATA && !az_span_is_valid_utf8(body))
                return input_error(line, -EILSEQ);

        message.body = az_span_ptr(body);
        message.body_size = (size_t) az_span_size(body);
        message.properties = s->properties.items;
        message.n_properties = s->properties.n_items;
        s->lines[s->n_sent % WINDOW] = line;
        r = aziot_send_start(s->a, &message, s->stage, s->flags, &s->lines[s->n_sent % WINDOW]);
        if (r != 0)
                return input_error(line, r);
        s->n_sent++;
        return CLI_OK;
}

/* What became of a message. Only the first failure is told. */
static void sender_on_reply(Sender *s, const AziotEvent *event) {
        uint64_t line = *(const uint64_t *) event->userdata;
        char buffer[32];

        s->n_ended++;
        if (event->result == AZIOT_REFUSED)
                s->n_refused++;
        if (event->result == -ECONNRESET || event->result == -ETIME)
                s->n_lost++;
        if (event->result != 0 && s->code == CLI_OK)
                s->code = cli_error("%s%s", event->result > 0 ? subject_format(buffer, line) : "",
                                    aziot_explain(s->a, event->result));
        if (event->result != 0)
                return;
        if (s->cli->json)
                (void) puts(event->as.reply.parameters);
        if (s->verbose)
                (void) printf("%" PRId64 "\n", event->as.reply.sequence);
}

/* Waits until one message has ended. */
static void sender_receive(Sender *s) {
        const AziotEvent *event;

        if (aziot_wait(s->a, UINT64_MAX, &event) == 1)
                sender_on_reply(s, event);
        (void) fflush(stdout);
}

static int sender_send_lines(Sender *s) {
        while (s->code == CLI_OK) {
                uint64_t n_outstanding = s->n_sent - s->n_ended;
                az_span line;
                int r = LINES_NOT_YET;

                if (n_outstanding < WINDOW)
                        r = lines_next(&s->input, n_outstanding == 0, &line);
                if (r < 0)
                        return input_error(s->input.number, r);
                if (r == LINES_END)
                        return CLI_OK;
                if (r == LINES_NOT_YET)
                        sender_receive(s);
                else if (az_span_size(line) > 0 && sender_send(s, line, s->input.number) != CLI_OK)
                        return CLI_ERROR;
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

/* Awaits what is outstanding and says what became of it all. */
static int sender_finish(Sender *s, int code) {
        while (s->n_ended < s->n_sent)
                sender_receive(s);
        if (s->n_lost > 0)
                (void) cli_error("The last %" PRIu64
                                 " messages were not answered: each may have been accepted or not",
                                 s->n_lost);
        if (s->n_refused > 0 && s->n_sent > 1)
                (void) cli_error("%" PRIu64 " of the %" PRIu64 " messages sent so far were refused; stopped",
                                 s->n_refused, s->n_sent);
        return s->code != CLI_OK ? s->code : code;
}

static int sender_run(Sender *s, char *body) {
        int code;

        if (cli_open(s->cli, &s->a) < 0)
                return CLI_ERROR;
        if (s->timeout_s > 0)
                aziot_set_timeout_us(s->a, s->timeout_s * USEC_PER_SEC);

        if (!body)
                code = sender_send_lines(s);
        else if (strcmp(body, "-") == 0)
                code = sender_send_rest(s);
        else
                code = sender_send(s, az_span_create_from_str(body), 0);
        return sender_finish(s, code);
}

int send_main(Cli *cli, int argc, char **argv) {
        _cleanup_(sender_done) Sender s = {
                .cli = cli,
                .input = { .fd = STDIN_FILENO, .max = BODY_MAX },
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
