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

#include "cli/answer.h"
#include "cli/child.h"
#include "cli/environment.h"
#include "cli/loop.h"

static const Help help = {
        .usage = "serve [OPTION]... NAME... -- COMMAND [ARGUMENT]...",
        .what = "Answers calls of the direct methods NAME, one at a time, by running COMMAND for\n"
                "each: the payload is its standard input, its standard output is the answer.\n"
                "$AZIOT_METHOD has the name of the method, $AZIOT_CALL_ID tells calls apart. The\n"
                "status is 200 if COMMAND exits with 0, otherwise 500, unless COMMAND writes\n"
                "another one to file descriptor 3. It is ended at the deadline of the call,\n"
                "$AZIOT_DEADLINE. It runs until it is stopped.\n",
        .more = "  aziot serve reboot -- systemctl reboot\n"
                "  aziot serve log -- sh -c 'journalctl -n 1 -o json || echo 503 >&3'\n",
};

/* How far the deadline may be off, and the daemon behind. */
#define LATE_US (500 * USEC_PER_MSEC)

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

typedef struct Worker {
        Loop loop;
        char **command;
        Child *child;
        uint64_t late; /* the last call whose command ran into the deadline */
} Worker;

static void worker_done(Worker *w) {
        loop_done(&w->loop);
        free(w->child);
}

/*
 * Leaves the answer to the daemon, which gives it at the deadline and in its own words. That is told by the
 * same clock, but to the millisecond; an answer that comes after it is refused, and the next call is taken.
 */
static Step worker_leave(Worker *w, const AziotMethodCall *call, Answer *answer) {
        struct pollfd signal = { .fd = w->loop.signal_fd, .events = POLLIN };

        (void) cli_error("'%s': %s ran into the deadline and was ended", call->name, w->command[0]);
        w->late = call->handle;
        *answer = (Answer){ .status = 504 };
        return poll(&signal, 1, poll_timeout_ms(call->deadline_us + LATE_US)) > 0 ? STEP_STOPPED : STEP_ON;
}

/* Runs the command and makes the answer. */
static Step worker_run(Worker *w, const AziotMethodCall *call, Answer *answer) {
        ChildConfig config = {
                .argv = w->command,
                .input = call->payload,
                .input_size = call->payload_size,
                .deadline_us = call->deadline_us,
                .interrupt_fd = w->loop.signal_fd,
                .has_answer = true,
        };
        const char *fault;
        int r;

        environment_set("AZIOT_METHOD", call->name);
        environment_set("AZIOT_CALL_ID", call->id);
        environment_set("AZIOT_COMPONENT", call->component);
        environment_set("AZIOT_DEADLINE", call->deadline);
        r = child_run(w->child, &config);
        if (r == CHILD_INTERRUPTED)
                return STEP_STOPPED;
        if (r == CHILD_EXPIRED)
                return worker_leave(w, call, answer);
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

        r = aziot_answer(w->loop.a, call->handle, answer.status, answer.payload);
        if (r == -EINVAL) {
                (void) cli_error("'%s': the output is not JSON", call->name);
                answer_make_fault(&answer, "the output is not JSON");
                r = aziot_answer(w->loop.a, call->handle, answer.status, answer.payload);
        }
        if (r != 0)
                (void) cli_failure(w->loop.a, r);
        return STEP_ON;
}

static Step worker_on_event(void *userdata, const AziotEvent *event) {
        Worker *w = userdata;

        if (event->type == AZIOT_EVENT_METHOD)
                return worker_on_call(w, &event->as.method);
        /* That a late answer was not wanted any more, it knows. */
        if (event->type == AZIOT_EVENT_SETTLED && event->result > 0 && event->as.settled != w->late)
                (void) cli_failure(w->loop.a, event->result);
        return STEP_ON;
}

int serve_main(Cli *cli, int argc, char **argv) {
        _cleanup_(worker_done) Worker w = { .loop = LOOP_NULL };
        int option, code, first, r;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        for (first = optind; optind < argc && strcmp(argv[optind], "--") != 0; optind++)
                ;
        if (optind == first || optind + 1 >= argc)
                return cli_usage("serve takes names, then '--', then a command");
        w.command = argv + optind + 1;

        w.child = malloc(sizeof(*w.child));
        if (!w.child)
                return cli_error("%s", strerror(errno));
        (void) signal(SIGPIPE, SIG_IGN); /* a command need not read its input */

        if (loop_open(&w.loop, cli) < 0)
                return CLI_ERROR;
        w.loop.on_event = worker_on_event;
        w.loop.userdata = &w;
        r = aziot_serve(w.loop.a, (const char *const *) (argv + first), (size_t) (optind - first), NULL);
        if (r < 0)
                return cli_failure(w.loop.a, r);
        return loop_run(&w.loop) == STEP_FAILED ? CLI_ERROR : CLI_OK;
}
