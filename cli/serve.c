/* SPDX-License-Identifier: MIT */

/*
 * aziot serve: answers direct methods by running a command.
 *
 *      connect → Take → run the command → Settle → Take → ...
 *
 * One call at a time; whoever wants more starts more of it. The connection is the claim to the names: when it
 * breaks, a new one is made, for ever; an error that the daemon names ends the program, because trying again
 * would not help. While the command runs nothing is outstanding on the connection, so a daemon that went away
 * is noticed at Settle, and the answer is lost with the link that brought the call.
 */

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "cli/answer.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "ipc/rfc3339.h"
#include "util/util.h"

/* Between attempts to connect. */
#define BACK_OFF_MIN_MS 250
#define BACK_OFF_MAX_MS 5000

/* The longest that Take knows: waiting costs nothing, and the daemon's end is noticed anyway. */
#define TAKE_TIMEOUT_S 3600

static const char usage[] =
        "Usage: aziot serve [OPTION]... NAME... -- COMMAND [ARGUMENT]...\n"
        "\n"
        "Answers calls of the direct methods NAME, one at a time, by running COMMAND for each: the payload "
        "is its\n"
        "standard input, its standard output is the answer. $AZIOT_METHOD has the name of the method and\n"
        "$AZIOT_CALL_ID tells calls apart. The status is 200 if COMMAND exits with 0, otherwise 500, unless\n"
        "COMMAND writes another one to file descriptor 3. It is ended at the deadline of the "
        "call.\n" CLI_OPTIONS_HELP "\n"
        "  aziot serve reboot -- systemctl reboot\n"
        "  aziot serve log -- sh -c 'journalctl -n 1 -o json || echo 503 >&3'\n";

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

/* Spans are valid until the next call on the client. */
typedef struct Call {
        az_span id, name, component, payload, payload_text, deadline;
} Call;

static const IpcField call_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(Call, id) },
        { "name", IPC_FIELD_STRING, offsetof(Call, name) },
        { "component", IPC_FIELD_STRING, offsetof(Call, component), IPC_FIELD_NULLABLE },
        { "payload", IPC_FIELD_OBJECT, offsetof(Call, payload), IPC_FIELD_NULLABLE },
        { "payloadText", IPC_FIELD_STRING, offsetof(Call, payload_text), IPC_FIELD_NULLABLE },
        { "deadline", IPC_FIELD_STRING, offsetof(Call, deadline) },
};
static const IpcStruct call_type = IPC_STRUCT(Call, call_fields);

static const IpcField take_fields[] = { { "call", IPC_FIELD_STRUCT, 0, .type = &call_type } };
static const IpcStruct take_type = IPC_STRUCT(Call, take_fields);

static const IpcField offer_fields[] = { { "call", IPC_FIELD_OBJECT, 0, IPC_FIELD_NULLABLE } };
static const IpcStruct offer_type = IPC_STRUCT(az_span, offer_fields);

/* How a step of the worker ends. */
typedef enum Step {
        STEP_DONE,
        STEP_NO_CALL,
        STEP_LOST,    /* connect again */
        STEP_STOPPED, /* by a signal: end with CLI_OK */
        STEP_FAILED,  /* end with CLI_ERROR; it has been said */
        _STEP_MAX,
} Step;

typedef struct Worker {
        const Cli *cli;
        char **names;
        size_t n_names;
        char **command;
        int signal_fd;
        IpcClient *client;
        Child *child;
        int back_off_ms;   /* before the next attempt to connect; 0 once the daemon has answered */
        int connect_error; /* of the last attempt, so that it is told once */
} Worker;

static void worker_done(Worker *w) {
        w->client = ipc_client_free(w->client);
        w->signal_fd = close_fd(w->signal_fd);
        free(w->child);
}

/* Waits until there is something to read from 'fd' (-1: nothing will come), a signal, or the time is over. */
static Step worker_wait(const Worker *w, int fd, int timeout_ms) {
        struct pollfd fds[] = { { .fd = w->signal_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

        (void) poll(fds, ELEMENTSOF(fds), timeout_ms);
        return fds[0].revents ? STEP_STOPPED : STEP_DONE;
}

static Step worker_lost(Worker *w, int r) {
        w->client = ipc_client_free(w->client);
        (void) cli_connection_error(w->cli, r);
        return STEP_LOST;
}

/* Tries once, after the back-off. */
static Step worker_connect(Worker *w) {
        int r;

        if (worker_wait(w, -1, w->back_off_ms) == STEP_STOPPED)
                return STEP_STOPPED;
        w->back_off_ms = MIN(MAX(w->back_off_ms * 2, BACK_OFF_MIN_MS), BACK_OFF_MAX_MS);

        r = ipc_client_connect(&w->client, w->cli->socket_path);
        if (r < 0 && r != w->connect_error)
                (void) cli_connect_error(w->cli, r);
        if (r >= 0 && w->connect_error < 0)
                (void) cli_error("Connected to %s", w->cli->socket_path);
        w->connect_error = MIN(r, 0);
        if (r == -EACCES)
                return STEP_FAILED;
        return r < 0 ? STEP_LOST : STEP_DONE;
}

static Step worker_send_take(Worker *w) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span parameters;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "names");
        for (size_t i = 0; i < w->n_names; i++)
                ipc_json_cstring(&json, NULL, w->names[i]);
        ipc_json_end_array(&json);
        ipc_json_int(&json, "timeoutSeconds", TAKE_TIMEOUT_S);
        ipc_json_end(&json);
        r = ipc_json_get(&json, &parameters);
        if (r >= 0)
                r = ipc_client_send(w->client, "io.aziotd.methods.Take", parameters, 0);
        return r < 0 ? worker_lost(w, r) : STEP_DONE;
}

static Step worker_take(Worker *w, Call *ret) {
        az_span offer = AZ_SPAN_EMPTY;
        IpcReply reply;
        Step step;
        int r;

        step = worker_send_take(w);
        if (step == STEP_DONE)
                step = worker_wait(w, ipc_client_get_fd(w->client), -1);
        if (step != STEP_DONE)
                return step;

        r = ipc_client_receive(w->client, &reply);
        if (r < 0)
                return worker_lost(w, r);
        if (ipc_reply_is_error(&reply)) {
                (void) cli_reply_error(NULL, &reply);
                return STEP_FAILED;
        }
        w->back_off_ms = 0;
        r = ipc_client_decode(w->client, &offer_type, &offer);
        if (r >= 0 && ipc_is_absent(offer))
                return STEP_NO_CALL;
        if (r >= 0)
                r = ipc_client_decode(w->client, &take_type, ret);
        return r < 0 ? worker_lost(w, r) : STEP_DONE;
}

static void export(const char *name, az_span value) {
        char *text;

        if (ipc_is_absent(value)) {
                (void) unsetenv(name);
                return;
        }
        text = strndup((char *) az_span_ptr(value), (size_t) az_span_size(value));
        (void) setenv(name, text ? text : "", true);
        free(text);
}

/* The deadline on the clock that does not jump; a time that is not understood is one that has passed. */
static uint64_t call_deadline_us(const Call *call) {
        uint64_t deadline_us, now_us = realtime_us();

        if (rfc3339_parse(call->deadline, &deadline_us) < 0 || deadline_us < now_us)
                deadline_us = now_us;
        return boottime_us() + (deadline_us - now_us);
}

/* Runs the command and writes the answer. */
static Step worker_run(Worker *w, const Call *call, IpcJson *json) {
        ChildConfig config = {
                .argv = w->command,
                .input = ipc_is_absent(call->payload) ? call->payload_text : call->payload,
                .deadline_us = call_deadline_us(call),
                .interrupt_fd = w->signal_fd,
        };
        const char *fault;
        int r;

        export("AZIOT_METHOD", call->name);
        export("AZIOT_CALL_ID", call->id);
        export("AZIOT_COMPONENT", call->component);
        r = child_run(w->child, &config);
        if (r == CHILD_INTERRUPTED)
                return STEP_STOPPED;
        if (r == CHILD_EXPIRED) {
                (void) cli_error("'" SPAN_FORMAT "': %s ran into the deadline and was ended",
                                 SPAN_ARG(call->name), w->command[0]);
                return STEP_NO_CALL;
        }
        if (r < 0) {
                (void) cli_error("Cannot run %s: %s", w->command[0], strerror(-r));
                answer_write_fault(json, call->id, "the command could not be run");
                return STEP_DONE;
        }
        fault = answer_write(json, call->id, &w->child->outcome);
        if (fault)
                (void) cli_error("'" SPAN_FORMAT "': %s", SPAN_ARG(call->name), fault);
        return STEP_DONE;
}

static Step worker_settle(Worker *w, const IpcJson *json) {
        az_span parameters;
        IpcReply reply;
        int r;

        r = ipc_json_get(json, &parameters);
        if (r >= 0)
                r = ipc_client_call(w->client, "io.aziotd.methods.Settle", parameters, &reply);
        if (r < 0)
                return worker_lost(w, r);
        if (ipc_reply_is_error(&reply))
                (void) cli_reply_error(NULL, &reply);
        return STEP_DONE;
}

static Step worker_serve_one(Worker *w) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Call call = {};
        Step step;

        step = worker_take(w, &call);
        if (step == STEP_DONE)
                step = worker_run(w, &call, &json);
        if (step == STEP_DONE)
                step = worker_settle(w, &json);
        return step;
}

static int worker_loop(Worker *w) {
        Step step = STEP_LOST;

        for (;;)
                switch (step) {
                case STEP_DONE:
                case STEP_NO_CALL:
                        step = worker_serve_one(w);
                        break;
                case STEP_LOST:
                        step = worker_connect(w);
                        break;
                case STEP_STOPPED:
                        return CLI_OK;
                case STEP_FAILED:
                case _STEP_MAX:
                        return CLI_ERROR;
                }
}

/* Blocks the signals that end the program, so that they are read instead. */
static int open_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int serve_main(Cli *cli, int argc, char **argv) {
        _cleanup_(worker_done) Worker w = { .cli = cli, .signal_fd = -1 };
        int option, code, first;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                code = cli_option(cli, option, usage);
                if (code >= 0)
                        return code;
        }
        for (first = optind; optind < argc && strcmp(argv[optind], "--") != 0; optind++)
                ;
        if (optind == first || optind + 1 >= argc)
                return cli_usage("serve takes names, then '--', then a command");
        w.names = argv + first;
        w.n_names = (size_t) (optind - first);
        w.command = argv + optind + 1;

        w.child = malloc(sizeof(*w.child));
        w.signal_fd = open_signals();
        if (!w.child || w.signal_fd < 0)
                return cli_error("%s", strerror(errno));
        (void) signal(SIGPIPE, SIG_IGN); /* a command need not read its input */
        return worker_loop(&w);
}
