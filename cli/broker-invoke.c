/* SPDX-License-Identifier: MIT */

/* aziot broker invoke: a command of somebody else, and what comes back. */

#include "cli/broker.h"
#include "cli/lines.h"
#include "cli/reply.h"

/* Unless told; the daemon's own. */
#define TIMEOUT_S 10U

static const Help help = {
        .usage = "broker invoke [OPTION]... TOPIC [BODY | -]",
        .what = "Invokes the command whose requests go to TOPIC, with BODY, or with '-' all of\n"
                "standard input, and prints the response. In TOPIC, {NAME} stands for the token\n"
                "NAME. An error that the application answers by goes to standard error.\n",
        .options = BROKER_TOPIC_HELP BROKER_MESSAGE_HELP
        "      --response-topic TOPIC  where the response is to go; unless told, below\n"
        "                            'clients/' and the client id\n"
        "      --timeout SECONDS     how long the response may take (10)\n",
        .yes = "the command was carried out",
        .no = "the application answered by an error of its own",
        .more = "  aziot broker invoke 'site/{line}/increment' --token line=3 41\n",
};

enum {
        OPTION_RESPONSE_TOPIC = BROKER_OPTION_VERB,
        OPTION_TIMEOUT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        BROKER_TOPIC_OPTIONS,
        BROKER_MESSAGE_OPTIONS,
        { "response-topic", required_argument, NULL, OPTION_RESPONSE_TOPIC },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        {},
};

typedef struct Invocation {
        const Cli *cli;
        const char *topic, *response_topic;
        BrokerOptions options;
        uint32_t timeout_s;
        Lines input;
} Invocation;

static void invocation_done(Invocation *i) {
        broker_options_done(&i->options);
        lines_done(&i->input);
}

/* Makes the parameters of Invoke, to be freed. -EILSEQ, -ENOMEM */
static int make_parameters(const Invocation *i, az_span body, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        ipc_json_begin(&json, NULL);
        broker_write_topic(&json, i->topic, &i->options);
        if (i->response_topic)
                ipc_json_cstring(&json, "responseTopic", i->response_topic);
        r = broker_write_message(&json, "request", &i->options, body);
        ipc_json_int(&json, "timeoutSeconds", i->timeout_s);
        ipc_json_end(&json);
        return r < 0 ? r : broker_get_parameters(&json, ret);
}

/* Says by which error the application has answered; CLI_OK: by none. */
static int check_application(const AziotReply *reply) {
        _cleanup_(freep) char *code = NULL, *payload = NULL;

        code = reply_get_text(reply->parameters, reply->parameters_size, "response.applicationError.code");
        payload = reply_get_text(reply->parameters, reply->parameters_size,
                                 "response.applicationError.payload");
        if (!code)
                return CLI_OK;
        return cli_complain(CLI_NO, "The application answered by error '%s'%s%s", code, payload ? ": " : "",
                            payload ?: "");
}

static int print_reply(const Cli *cli, const AziotReply *reply) {
        const char *response;
        size_t size;
        int code, application;

        if (aziot_json_find(reply->parameters, reply->parameters_size, "response", &response, &size) != 0)
                return cli_error("%s", strerror(EBADMSG));
        code = cli->json ? cli_print_json(response, size) : broker_print_body(response, size);
        application = check_application(reply);
        return code == CLI_OK ? application : code;
}

static int invoke(const Invocation *i, az_span body) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        _cleanup_(freep) char *parameters = NULL;
        const AziotReply *reply;
        int r;

        if (cli_open(i->cli, &a) < 0)
                return CLI_ERROR;
        aziot_set_timeout_us(a, (i->timeout_s + 5) * USEC_PER_SEC); /* the daemon tells in time */
        r = make_parameters(i, body, &parameters);
        if (r < 0)
                return broker_body_error(r);
        r = aziot_call(a, BROKER_INTERFACE ".Invoke", parameters, 0, &reply);
        return r != 0 ? cli_failure(a, r) : print_reply(i->cli, reply);
}

static int invoke_rest(Invocation *i) {
        az_span body;
        int r;

        r = lines_rest(&i->input, &body);
        return r < 0 ? broker_body_error(r) : invoke(i, body);
}

/* Returns like cli_option(). */
static int invocation_option(Invocation *i, int option) {
        switch (option) {
        case OPTION_RESPONSE_TOPIC:
                i->response_topic = optarg;
                return -1;
        case OPTION_TIMEOUT:
                return cli_parse_number("timeout", optarg, 1, 3600, &i->timeout_s) < 0 ? CLI_USAGE : -1;
        default:
                return broker_option(&i->options, option);
        }
}

int broker_invoke_main(Cli *cli, int argc, char **argv) {
        _cleanup_(invocation_done) Invocation i = {
                .cli = cli,
                .timeout_s = TIMEOUT_S,
                .input = { .fd = STDIN_FILENO, .max = BROKER_BODY_MAX },
        };
        int option, code;
        char *body;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = option >= CLI_OPTION_VERB ? invocation_option(&i, option)
                                                 : cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        code = broker_check_options(&i.options);
        if (code >= 0)
                return code;
        if (argc - optind < 1 || argc - optind > 2)
                return cli_usage("broker invoke takes a topic and one body; quote it if it has spaces");
        i.topic = argv[optind];
        body = argv[optind + 1];
        if (body && strcmp(body, "-") == 0)
                return invoke_rest(&i);
        return invoke(&i, body ? az_span_create_from_str(body) : AZ_SPAN_EMPTY);
}
