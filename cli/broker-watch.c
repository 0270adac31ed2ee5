/* SPDX-License-Identifier: MIT */

/* aziot broker watch: messages of the broker, as they come. */

#include "cli/broker.h"
#include "cli/loop.h"
#include "cli/reply.h"

static const Help help = {
        .usage = "broker watch [OPTION]... TOPIC",
        .what = "Prints each message that comes on TOPIC on a line. In TOPIC, {NAME} stands for\n"
                "the token NAME, or without such a token for anything; it may be a filter of\n"
                "MQTT as well. It runs until it is stopped.\n",
        .options = BROKER_TOPIC_HELP
        "      --share NAME          share the messages with others who watch by NAME\n"
        "      --count N             end after N messages\n"
        "      --wait SECONDS        end when no message has come for so long\n"
        "  -v, --verbose             print the topic before each message\n",
        .yes = "stopped, or all have come",
        .no = "fewer than N have come",
        .more = "  aziot broker watch 'site/+/state' -v\n",
};

enum {
        OPTION_SHARE = BROKER_OPTION_VERB,
        OPTION_COUNT,
        OPTION_WAIT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        BROKER_TOPIC_OPTIONS,
        { "share", required_argument, NULL, OPTION_SHARE },
        { "count", required_argument, NULL, OPTION_COUNT },
        { "wait", required_argument, NULL, OPTION_WAIT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Watcher {
        Loop loop;
        BrokerOptions options;
        const char *share_name;
        bool verbose;
        uint32_t count, n_seen; /* 0: there is no limit */
        uint32_t wait_s;        /* 0: for ever */
} Watcher;

static void watcher_done(Watcher *w) {
        loop_done(&w->loop);
        broker_options_done(&w->options);
}

static void watcher_wait(Watcher *w) {
        w->loop.deadline_us = w->wait_s > 0 ? boottime_us() + w->wait_s * USEC_PER_SEC : UINT64_MAX;
}

static int print_message(const Watcher *w, const char *message, size_t size) {
        _cleanup_(freep) char *topic = NULL;

        if (w->loop.cli->json)
                return cli_print_json(message, size);
        topic = w->verbose ? reply_get_text(message, size, "topic") : NULL;
        if (topic)
                (void) printf("%s ", topic);
        return broker_print_body(message, size);
}

static Step watcher_on_event(void *userdata, const AziotEvent *event) {
        const AziotReply *reply = &event->as.reply;
        Watcher *w = userdata;
        const char *message;
        size_t size;

        /* The first reply has no message: it tells that the broker has subscribed. */
        if (event->type != AZIOT_EVENT_REPLY ||
            aziot_json_find(reply->parameters, reply->parameters_size, "message", &message, &size) != 0 ||
            message[0] != '{')
                return STEP_ON;
        if (print_message(w, message, size) != CLI_OK)
                return STEP_FAILED;
        watcher_wait(w);
        w->n_seen++;
        return w->n_seen == w->count ? STEP_DONE : STEP_ON;
}

static int watch(Watcher *w, Cli *cli, const char *topic) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) char *parameters = NULL;
        Step step;
        int r;

        if (loop_open(&w->loop, cli) < 0)
                return CLI_ERROR;
        w->loop.has_reader = true;
        w->loop.on_event = watcher_on_event;
        w->loop.userdata = w;

        ipc_json_begin(&json, NULL);
        broker_write_topic(&json, topic, &w->options);
        if (w->share_name)
                ipc_json_cstring(&json, "shareName", w->share_name);
        ipc_json_end(&json);
        r = broker_get_parameters(&json, &parameters);
        if (r == 0)
                r = aziot_watch(w->loop.a, BROKER_INTERFACE ".Watch", parameters, NULL);
        if (r < 0)
                return cli_failure(w->loop.a, r);

        watcher_wait(w);
        step = loop_run(&w->loop);
        if (step == STEP_EXPIRED && w->loop.is_disconnected)
                return CLI_ERROR;
        if (step == STEP_EXPIRED && w->count > 0)
                return CLI_NO;
        return step == STEP_FAILED ? CLI_ERROR : CLI_OK;
}

/* Returns like cli_option(). */
static int watcher_option(Watcher *w, int option) {
        switch (option) {
        case OPTION_SHARE:
                w->share_name = optarg;
                return -1;
        case OPTION_COUNT:
                return cli_parse_number("count", optarg, 1, UINT32_MAX, &w->count) < 0 ? CLI_USAGE : -1;
        case OPTION_WAIT:
                return cli_parse_number("wait", optarg, 1, UINT32_MAX, &w->wait_s) < 0 ? CLI_USAGE : -1;
        case 'v':
                w->verbose = true;
                return -1;
        default:
                return broker_option(&w->options, option);
        }
}

int broker_watch_main(Cli *cli, int argc, char **argv) {
        _cleanup_(watcher_done) Watcher w = { .loop = LOOP_NULL };
        int option, code;

        while ((option = getopt_long(argc, argv, "v", options, NULL)) >= 0) {
                code = option >= CLI_OPTION_VERB || option == 'v' ? watcher_option(&w, option)
                                                                  : cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (argc - optind != 1)
                return cli_usage("broker watch takes one topic");
        return watch(&w, cli, argv[optind]);
}
