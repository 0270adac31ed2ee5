/* SPDX-License-Identifier: MIT */

/* aziot broker send: one message from the command line, or one for each line of standard input, in turn. */

#include <inttypes.h>
#include <poll.h>

#include "cli/broker.h"
#include "cli/lines.h"
#include "cli/reply.h"

#define TIMEOUT_S 60U

static const Help help = {
        .usage = "broker send [OPTION]... TOPIC [BODY | -]",
        .what = "Sends BODY to TOPIC; with '-', all of standard input; with neither, each line\n"
                "of it that is not empty. In TOPIC, {NAME} stands for the token NAME. A JSON\n"
                "object is sent byte for byte as JSON, everything else as text.\n",
        .options = BROKER_TOPIC_HELP BROKER_MESSAGE_HELP
        "      --retain              the broker keeps it for who subscribes later\n"
        "      --persist             and on its disk\n"
        "      --expiry SECONDS      drop it if it is not delivered by then\n"
        "      --priority PRIORITY   normal (the default), or high: it overtakes all\n"
        "                            normal messages that wait\n"
        "      --stage STAGE         wait until the message is accepted (the default: it\n"
        "                            survives the daemon being killed), durable (a power\n"
        "                            cut), or delivered (the broker has it)\n"
        "      --timeout SECONDS     how long to wait for that, and for room (60)\n"
        "  -v, --verbose             print the sequence number of each message\n",
        .more = "  aziot broker send 'site/{line}/state' --token line=3 '{\"speed\":7}'\n",
};

enum {
        OPTION_RETAIN = BROKER_OPTION_VERB,
        OPTION_PERSIST,
        OPTION_EXPIRY,
        OPTION_PRIORITY,
        OPTION_STAGE,
        OPTION_TIMEOUT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        BROKER_TOPIC_OPTIONS,
        BROKER_MESSAGE_OPTIONS,
        { "retain", no_argument, NULL, OPTION_RETAIN },
        { "persist", no_argument, NULL, OPTION_PERSIST },
        { "expiry", required_argument, NULL, OPTION_EXPIRY },
        { "priority", required_argument, NULL, OPTION_PRIORITY },
        { "stage", required_argument, NULL, OPTION_STAGE },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Sender {
        const Cli *cli;
        Aziot *a;
        const char *topic, *stage, *priority;
        BrokerOptions options;
        bool retain, persist, verbose;
        uint32_t expiry_s; /* 0: not told */
        uint32_t timeout_s;
        Lines input;
        uint64_t n_sent;
} Sender;

static void sender_done(Sender *s) {
        s->a = aziot_free(s->a);
        broker_options_done(&s->options);
        lines_done(&s->input);
}

/* Returns like cli_option(). */
static int choose(const char **choice, const char *const names[3], const char *what) {
        for (size_t i = 0; i < 3 && names[i]; i++)
                if (strcmp(optarg, names[i]) == 0) {
                        *choice = names[i];
                        return -1;
                }
        return cli_usage("There is no %s '%s'", what, optarg);
}

static int sender_option(Sender *s, int option) {
        static const char *const stages[3] = { "accepted", "durable", "delivered" };
        static const char *const priorities[3] = { "normal", "high" };

        switch (option) {
        case OPTION_RETAIN:
                s->retain = true;
                return -1;
        case OPTION_PERSIST:
                s->persist = true;
                return -1;
        case OPTION_EXPIRY:
                return cli_parse_number("expiry", optarg, 1, UINT32_MAX, &s->expiry_s) < 0 ? CLI_USAGE : -1;
        case OPTION_PRIORITY:
                return choose(&s->priority, priorities, "priority");
        case OPTION_STAGE:
                return choose(&s->stage, stages, "stage");
        case OPTION_TIMEOUT:
                return cli_parse_number("timeout", optarg, 1, 86400, &s->timeout_s) < 0 ? CLI_USAGE : -1;
        case 'v':
                s->verbose = true;
                return -1;
        default:
                return broker_option(&s->options, option);
        }
}

/* Makes the parameters of Send, to be freed. -EILSEQ, -ENOMEM */
static int make_parameters(const Sender *s, az_span body, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        ipc_json_begin(&json, NULL);
        broker_write_topic(&json, s->topic, &s->options);
        r = broker_write_message(&json, "message", &s->options, body);
        if (s->retain)
                ipc_json_bool(&json, "retain", true);
        if (s->persist)
                ipc_json_bool(&json, "persist", true);
        if (s->expiry_s > 0)
                ipc_json_int(&json, "expirySeconds", s->expiry_s);
        if (s->priority)
                ipc_json_cstring(&json, "priority", s->priority);
        if (s->stage)
                ipc_json_cstring(&json, "stage", s->stage);
        ipc_json_int(&json, "timeoutSeconds", s->timeout_s);
        ipc_json_end(&json);
        return r < 0 ? r : broker_get_parameters(&json, ret);
}

/* After how long to try again, as the daemon says; 0: it does not. */
static int get_retry_ms(const Sender *s) {
        const AziotError *error = aziot_get_error(s->a);

        return (int) MIN(reply_get_number(error->parameters, error->parameters_size, "retryAfterMs", 0),
                         1000);
}

/* Sends it, again and again while there is no room for it. Returns like aziot_call(). */
static int send_patiently(Sender *s, const char *parameters, const AziotReply **ret) {
        uint64_t end_us = boottime_us() + s->timeout_s * USEC_PER_SEC;
        int r, retry_ms;

        for (;;) {
                r = aziot_call(s->a, BROKER_INTERFACE ".Send", parameters, 0, ret);
                retry_ms = r == AZIOT_REFUSED ? get_retry_ms(s) : 0;
                if (retry_ms == 0 || boottime_us() >= end_us)
                        return r;
                (void) poll(NULL, 0, retry_ms);
        }
}

static int print_reply(const Sender *s, const AziotReply *reply) {
        if (s->cli->json)
                return cli_print_json(reply->parameters, reply->parameters_size);
        if (s->verbose)
                (void) printf("%" PRId64 "\n",
                              reply_get_number(reply->parameters, reply->parameters_size, "sequence", -1));
        return cli_flush();
}

/* 'line': of the input; 0: it is the only message. */
static int send_body(Sender *s, az_span body, uint64_t line) {
        _cleanup_(freep) char *parameters = NULL;
        const AziotReply *reply;
        char subject[32] = "";
        int r;

        if (line > 0)
                (void) snprintf(subject, sizeof(subject), "line %" PRIu64 ": ", line);
        r = make_parameters(s, body, &parameters);
        if (r == 0)
                r = send_patiently(s, parameters, &reply);
        if (r == -EILSEQ)
                return broker_body_error(r);
        if (r != 0)
                return cli_failure_of(s->a, r, subject);
        s->n_sent++;
        return print_reply(s, reply);
}

static int send_lines(Sender *s) {
        az_span line;
        int r, code;

        while ((r = lines_next(&s->input, true, &line)) == 0) {
                if (az_span_size(line) == 0)
                        continue;
                code = send_body(s, line, s->input.number);
                if (code != CLI_OK)
                        return s->n_sent > 0 ? cli_error("%" PRIu64 " messages were sent before; stopped",
                                                         s->n_sent)
                                             : code;
        }
        return r < 0 ? broker_body_error(r) : CLI_OK;
}

static int send_rest(Sender *s) {
        az_span body;
        int r;

        r = lines_rest(&s->input, &body);
        return r < 0 ? broker_body_error(r) : send_body(s, body, 0);
}

static int sender_run(Sender *s, char *body) {
        if (cli_open(s->cli, &s->a) < 0)
                return CLI_ERROR;
        /* The daemon tells in time. */
        aziot_set_timeout_us(s->a, (s->timeout_s + 5) * USEC_PER_SEC);

        if (!body)
                return send_lines(s);
        return strcmp(body, "-") == 0 ? send_rest(s) : send_body(s, az_span_create_from_str(body), 0);
}

int broker_send_main(Cli *cli, int argc, char **argv) {
        _cleanup_(sender_done) Sender s = {
                .cli = cli,
                .timeout_s = TIMEOUT_S,
                .input = { .fd = STDIN_FILENO, .max = BROKER_BODY_MAX },
        };
        int option, code;

        while ((option = getopt_long(argc, argv, "v", options, NULL)) >= 0) {
                code = option >= CLI_OPTION_VERB || option == 'v' ? sender_option(&s, option)
                                                                  : cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        code = broker_check_options(&s.options);
        if (code >= 0)
                return code;
        if (argc - optind < 1 || argc - optind > 2)
                return cli_usage("broker send takes a topic and one body; quote it if it has spaces");
        s.topic = argv[optind];
        return sender_run(&s, argv[optind + 1]);
}
