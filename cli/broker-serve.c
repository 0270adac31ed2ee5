/* SPDX-License-Identifier: MIT */

/*
 * aziot broker serve: answers commands by running a command.
 *
 * One request at a time; whoever wants more starts more of it. It connects again for ever; an error that the
 * daemon names ends the program. A request that is not answered, because this program ends or its connection
 * does, is given to another one, or to this one again: the command may be run twice for it.
 */

#include <signal.h>
#include <sys/wait.h>

#include "cli/broker.h"
#include "cli/child.h"
#include "cli/environment.h"
#include "cli/loop.h"
#include "cli/reply.h"

/* The longest that Take knows. */
#define TAKE_TIMEOUT_S 3600

#define SPACE " \t\r\n"

static const Help help = {
        .usage = "broker serve [OPTION]... TOPIC -- COMMAND [ARGUMENT]...",
        .what = "Answers requests that come on TOPIC, one at a time, by running COMMAND for each:\n"
                "the request is its standard input, its standard output is the response. In\n"
                "TOPIC, {NAME} stands for the token NAME, or without such a token for anything:\n"
                "what it was is in $AZIOT_TOKEN_NAME. If COMMAND exits with 0 the command was\n"
                "carried out; what it writes to file descriptor 3 is then an error of the\n"
                "application's own, 'CODE TEXT'. Otherwise it has failed, and what it writes\n"
                "there says why. It is ended at $AZIOT_DEADLINE. It runs until it is stopped.\n",
        .options = BROKER_TOPIC_HELP
        "      --share NAME          share the requests with others who serve by NAME\n"
        "      --content-type TYPE   MIME type of the response\n"
        "      --text                send a JSON object as text, too\n"
        "      --data                the response need not be text\n",
        .more = "  aziot broker serve 'site/{line}/increment' -- sh -c 'read n; echo $((n + 1))'\n",
};

enum {
        OPTION_SHARE = BROKER_OPTION_VERB,
};

static const struct option options[] = {
        CLI_OPTIONS,
        BROKER_TOPIC_OPTIONS,
        { "share", required_argument, NULL, OPTION_SHARE },
        { "content-type", required_argument, NULL, BROKER_OPTION_CONTENT_TYPE },
        { "text", no_argument, NULL, BROKER_OPTION_TEXT },
        { "data", no_argument, NULL, BROKER_OPTION_DATA },
        {},
};

typedef struct Server {
        Loop loop;
        BrokerOptions options;
        const char *share_name;
        char **command;
        Child *child;
} Server;

static void server_done(Server *s) {
        loop_done(&s->loop);
        broker_options_done(&s->options);
        free(s->child);
}

/* The request in the environment --------------------------------------------------------------------------
 */

static int on_token(void *userdata, const char *name, const char *text) {
        return environment_add(ENVIRONMENT_TOKEN, name, text);
}

static int on_property(void *userdata, const char *json, size_t size) {
        _cleanup_(freep) char *key = reply_get_text(json, size, "key");
        _cleanup_(freep) char *value = reply_get_text(json, size, "value");

        return key && value ? environment_add(ENVIRONMENT_PROPERTY, key, value) : 0;
}

static int export_request(const char *json, size_t size) {
        static const struct {
                const char *name, *member;
        } variables[] = {
                { "AZIOT_ID", "id" },
                { "AZIOT_TOPIC", "topic" },
                { "AZIOT_CONTENT_TYPE", "contentType" },
                { "AZIOT_SENDER", "sender" },
                { "AZIOT_DEADLINE", "deadline" },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(variables) && r == 0; i++) {
                _cleanup_(freep) char *text = reply_get_text(json, size, variables[i].member);

                r = environment_set(variables[i].name, text);
        }
        if (r == 0)
                r = environment_set("AZIOT_REDELIVERED",
                                    reply_is_true(json, size, "redelivered") ? "1" : NULL);
        environment_clear(ENVIRONMENT_TOKEN);
        environment_clear(ENVIRONMENT_PROPERTY);
        if (r == 0)
                r = reply_for_each_text(json, size, "tokens", on_token, NULL);
        return r < 0 ? r : reply_for_each(json, size, "metadata", on_property, NULL);
}

/* The answer ----------------------------------------------------------------------------------------------
 */

static bool has_succeeded(const Outcome *o) {
        return WIFEXITED(o->wait_status) && WEXITSTATUS(o->wait_status) == 0;
}

/* What the command has written to file descriptor 3, without white space around it. */
static az_span get_status_text(const Outcome *o) {
        const char *text = o->status + strspn(o->status, SPACE);
        size_t n = strlen(text);

        while (n > 0 && strchr(SPACE, text[n - 1]))
                n--;
        return az_span_create((uint8_t *) text, (int32_t) n);
}

/* "CODE TEXT" */
static void write_application_error(IpcJson *json, az_span text) {
        const char *begin = (const char *) az_span_ptr(text);
        int32_t n_code = 0;

        while (n_code < az_span_size(text) && !strchr(SPACE, begin[n_code]))
                n_code++;
        ipc_json_begin(json, "applicationError");
        ipc_json_string(json, "code", az_span_slice(text, 0, n_code));
        if (n_code < az_span_size(text))
                ipc_json_string(json, "payload", az_span_slice_to_end(text, n_code + 1));
        ipc_json_end(json);
}

static void write_failure(const Server *s, IpcJson *json, const char *text) {
        (void) cli_error("%s: %s", s->command[0], text);
        ipc_json_cstring(json, "failure", text);
}

static void write_exit(const Server *s, IpcJson *json, const Outcome *o) {
        az_span reason = get_status_text(o);
        char text[128];

        (void) snprintf(text, sizeof(text), "the command %s %d",
                        WIFEXITED(o->wait_status) ? "exited with" : "was ended by signal",
                        WIFEXITED(o->wait_status) ? WEXITSTATUS(o->wait_status) : WTERMSIG(o->wait_status));
        if (az_span_size(reason) > 0)
                ipc_json_string(json, "failure", reason);
        else
                write_failure(s, json, text);
}

static void write_outcome(const Server *s, IpcJson *json, const Outcome *o) {
        az_span output = az_span_create((uint8_t *) o->output, (int32_t) o->output_size);
        az_span error = get_status_text(o);

        if (o->output_too_big)
                write_failure(s, json, "the output is larger than 128 KiB");
        else if (!has_succeeded(o))
                write_exit(s, json, o);
        else if (s->options.body_kind != AZIOT_BODY_DATA && !az_span_is_valid_utf8(output))
                write_failure(s, json, "the output is not UTF-8 text");
        else {
                (void) broker_write_message(json, "response", &s->options, output);
                if (az_span_size(error) > 0)
                        write_application_error(json, error);
        }
}

/* Runs the command and writes the parameters of Settle. */
static Step server_run(Server *s, const AziotWork *work, IpcJson *json) {
        _cleanup_(freep) char *body = NULL, *deadline = NULL;
        ChildConfig config = {
                .argv = s->command,
                .interrupt_fd = s->loop.signal_fd,
                .deadline_us = UINT64_MAX,
                .has_answer = true,
        };
        uint64_t then_us, now_us = realtime_us();
        int r;

        r = broker_get_body(work->json, work->json_size, &body, &config.input_size);
        if (r == 0)
                r = export_request(work->json, work->json_size);
        config.input = body;
        deadline = reply_get_text(work->json, work->json_size, "deadline");
        if (deadline && aziot_parse_time(deadline, &then_us) == 0)
                config.deadline_us = boottime_us() + (then_us > now_us ? then_us - now_us : 0);
        if (r == 0)
                r = child_run(s->child, &config);
        if (r == CHILD_INTERRUPTED)
                return STEP_STOPPED;

        ipc_json_begin(json, NULL);
        if (r < 0)
                write_failure(s, json, strerror(-r));
        else if (r == CHILD_EXPIRED)
                write_failure(s, json, "the command did not end in time");
        else
                write_outcome(s, json, &s->child->outcome);
        ipc_json_end(json);
        return STEP_ON;
}

static Step server_on_request(Server *s, const AziotWork *work) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) char *parameters = NULL;
        Step step;
        int r;

        step = server_run(s, work, &json);
        if (step != STEP_ON)
                return step;
        r = broker_get_parameters(&json, &parameters);
        if (r == 0)
                r = aziot_settle_work(s->loop.a, work->handle, parameters);
        if (r != 0)
                (void) cli_failure(s->loop.a, r);
        return STEP_ON;
}

static Step server_on_event(void *userdata, const AziotEvent *event) {
        Server *s = userdata;

        if (event->type == AZIOT_EVENT_WORK)
                return server_on_request(s, &event->as.work);
        if (event->type == AZIOT_EVENT_SETTLED && event->result > 0)
                (void) cli_failure(s->loop.a, event->result);
        return STEP_ON;
}

static int serve(Server *s, Cli *cli, const char *topic) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) char *parameters = NULL;
        int r;

        if (loop_open(&s->loop, cli) < 0)
                return CLI_ERROR;
        s->loop.on_event = server_on_event;
        s->loop.userdata = s;

        ipc_json_begin(&json, NULL);
        broker_write_topic(&json, topic, &s->options);
        if (s->share_name)
                ipc_json_cstring(&json, "shareName", s->share_name);
        ipc_json_int(&json, "timeoutSeconds", TAKE_TIMEOUT_S);
        ipc_json_end(&json);
        r = broker_get_parameters(&json, &parameters);
        if (r == 0)
                r = aziot_take(s->loop.a, BROKER_INTERFACE, parameters, NULL);
        if (r < 0)
                return cli_failure(s->loop.a, r);
        return loop_run(&s->loop) == STEP_FAILED ? CLI_ERROR : CLI_OK;
}

int broker_serve_main(Cli *cli, int argc, char **argv) {
        _cleanup_(server_done) Server s = { .loop = LOOP_NULL };
        const char *topic = NULL;
        int option, code;

        /* Options may stand behind the topic, but what is behind '--' is the command's. */
        while ((option = getopt_long(argc, argv, "-", options, NULL)) >= 0) {
                if (option == 1 && topic)
                        return cli_usage("broker serve takes one topic, then '--', then a command");
                if (option == 1) {
                        topic = optarg;
                        continue;
                }
                if (option == OPTION_SHARE) {
                        s.share_name = optarg;
                        continue;
                }
                code = option >= CLI_OPTION_VERB ? broker_option(&s.options, option)
                                                 : cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (!topic || optind >= argc)
                return cli_usage("broker serve takes one topic, then '--', then a command");
        s.command = argv + optind;

        s.child = malloc(sizeof(*s.child));
        if (!s.child)
                return cli_error("%s", strerror(errno));
        (void) signal(SIGPIPE, SIG_IGN); /* a command need not read its input */
        return serve(&s, cli, topic);
}
