/* SPDX-License-Identifier: MIT */

/*
 * aziot serve: answers direct methods by running a command.
 *
 * One call at a time; whoever wants more starts more of it. It connects again for ever; an error that the
 * daemon names ends the program, because trying again would not help. While the command runs nothing is
 * looked at, so a daemon that went away is noticed when its call is answered, and the answer is lost with the
 * link that brought the call.
 */

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "cli/answer.h"
#include "cli/child.h"
#include "cli/cli.h"

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

/* How the program goes on. */
typedef enum Step {
        STEP_ON,
        STEP_STOPPED, /* by a signal: end with CLI_OK */
        STEP_FAILED,  /* end with CLI_ERROR; it has been said */
        _STEP_MAX,
} Step;

typedef struct Worker {
        const Cli *cli;
        char **command;
        int signal_fd;
        Aziot *a;
        Child *child;
        uint64_t late; /* the last call whose command ran into the deadline */
} Worker;

static void worker_done(Worker *w) {
        w->a = aziot_free(w->a);
        w->signal_fd = close_fd(w->signal_fd);
        free(w->child);
}

static void export(const char *name, const char *value) {
        if (value)
                (void) setenv(name, value, true);
        else
                (void) unsetenv(name);
}

/* Runs the command and makes the answer. */
static Step worker_run(Worker *w, const AziotMethodCall *call, Answer *answer) {
        ChildConfig config = {
                .argv = w->command,
                .input = call->payload,
                .input_size = call->payload_size,
                .deadline_us = call->deadline_us,
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
                (void) cli_error("'%s': %s ran into the deadline and was ended", call->name, w->command[0]);
                w->late = call->handle;
                *answer = (Answer){ .status = 504 }; /* as the daemon says at the same time */
                return STEP_ON;
        }
        if (r < 0) {
                (void) cli_error("Cannot run %s: %s", w->command[0], strerror(-r));
                answer_make_fault(answer, "the command could not be run");
                return STEP_ON;
        }
        fault = answer_make(answer, &w->child->outcome);
        if (fault)
                (void) cli_error("'%s': %s", call->name, fault);
        return STEP_ON;
}

static Step worker_on_call(Worker *w, const AziotMethodCall *call) {
        Answer answer;
        Step step;
        int r;

        step = worker_run(w, call, &answer);
        if (step != STEP_ON)
                return step;

        r = aziot_answer(w->a, call->handle, answer.status, answer.payload);
        if (r == -EINVAL) {
                (void) cli_error("'%s': the output is not JSON", call->name);
                answer_make_fault(&answer, "the output is not JSON");
                r = aziot_answer(w->a, call->handle, answer.status, answer.payload);
        }
        if (r != 0)
                (void) cli_failure(w->a, r);
        return STEP_ON;
}

static Step worker_on_event(Worker *w, const AziotEvent *event) {
        switch (event->type) {
        case AZIOT_EVENT_METHOD:
                return worker_on_call(w, &event->as.method);
        case AZIOT_EVENT_SETTLED:
                /* That a late answer was not wanted any more, it knows. */
                if (event->result > 0 && event->as.settled != w->late)
                        (void) cli_failure(w->a, event->result);
                return STEP_ON;
        case AZIOT_EVENT_DISCONNECTED:
                (void) cli_failure(w->a, event->result);
                return event->result == -EACCES ? STEP_FAILED : STEP_ON;
        case AZIOT_EVENT_CONNECTED:
                (void) cli_error("Connected to %s", w->cli->socket_path);
                return STEP_ON;
        case AZIOT_EVENT_ENDED:
                (void) cli_failure(w->a, event->result);
                return STEP_FAILED;
        case AZIOT_EVENT_REPLY:
        case AZIOT_EVENT_MESSAGE:
        case AZIOT_EVENT_TWIN:
        case AZIOT_EVENT_STATUS:
                break;
        }
        return STEP_ON;
}

/* Waits for the daemon, a deadline of the library, or a signal. */
static Step worker_wait(const Worker *w) {
        struct pollfd fds[] = {
                { .fd = w->signal_fd, .events = POLLIN },
                { .fd = aziot_get_fd(w->a), .events = aziot_get_events(w->a) },
        };
        uint64_t now_us = boottime_us(), deadline_us = aziot_get_deadline_us(w->a);
        int timeout_ms = -1;

        if (deadline_us != UINT64_MAX)
                timeout_ms = deadline_us <= now_us ? 0
                                                   : (int) MIN((deadline_us - now_us) / USEC_PER_MSEC + 1,
                                                               (uint64_t) INT32_MAX);
        (void) poll(fds, ELEMENTSOF(fds), timeout_ms);
        return fds[0].revents ? STEP_STOPPED : STEP_ON;
}

static int worker_loop(Worker *w) {
        Step step = STEP_ON;

        while (step == STEP_ON) {
                const AziotEvent *event;

                if (aziot_dispatch(w->a, &event) > 0)
                        step = worker_on_event(w, event);
                else
                        step = worker_wait(w);
        }
        return step == STEP_STOPPED ? CLI_OK : CLI_ERROR;
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
        int option, code, first, r;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                code = cli_option(cli, option, usage);
                if (code >= 0)
                        return code;
        }
        for (first = optind; optind < argc && strcmp(argv[optind], "--") != 0; optind++)
                ;
        if (optind == first || optind + 1 >= argc)
                return cli_usage("serve takes names, then '--', then a command");
        w.command = argv + optind + 1;

        w.child = malloc(sizeof(*w.child));
        w.signal_fd = open_signals();
        if (!w.child || w.signal_fd < 0)
                return cli_error("%s", strerror(errno));
        (void) signal(SIGPIPE, SIG_IGN); /* a command need not read its input */

        if (cli_open(cli, &w.a) < 0)
                return CLI_ERROR;
        r = aziot_serve(w.a, (const char *const *) (argv + first), (size_t) (optind - first), NULL);
        return r < 0 ? cli_failure(w.a, r) : worker_loop(&w);
}
