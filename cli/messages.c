/* SPDX-License-Identifier: MIT */

/*
 * aziot messages: takes messages from the cloud, to print them or to run a command for each.
 *
 * A message is settled after it was written or its command has exited with 0, never before. So whatever ends
 * this program, and whenever, a message is given out again rather than lost: to the next taker, or to this
 * one after a pause that grows while the command goes on failing.
 */

#include <signal.h>
#include <sys/wait.h>

#include "cli/child.h"
#include "cli/environment.h"
#include "cli/loop.h"

#define PAUSE_MIN_S 1U
#define PAUSE_MAX_S 60U

/* How long a daemon that hangs may keep a program that is to end. */
#define FINISH_US (2 * USEC_PER_SEC)

static const Help help = {
        .usage = "messages [OPTION]... [-- COMMAND [ARGUMENT]...]",
        .what = "Prints each message from the cloud on a line, or runs COMMAND for it: the body,\n"
                "with --json the whole message, is its standard input, and if it exits with 0\n"
                "the message is done with. Otherwise it is given out again after a pause. What a\n"
                "program has not done with is kept by the daemon. It runs until it is stopped.\n",
        .options = "      --count N             end after N messages\n"
                   "      --wait SECONDS        end when no message has come for so long\n",
        .yes = "stopped, or all have come",
        .no = "fewer than N have come",
        .more = "  aziot messages --count 1 --json\n"
                "  aziot messages -- sh -c 'cat >\"/var/spool/jobs/$AZIOT_ID\"'\n",
};

enum {
        OPTION_COUNT = CLI_OPTION_VERB,
        OPTION_WAIT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "count", required_argument, NULL, OPTION_COUNT },
        { "wait", required_argument, NULL, OPTION_WAIT },
        {},
};

typedef struct Taker {
        Loop loop;
        char **command; /* NULL: print */
        Child *child;
        uint32_t count, n_settled; /* 0: there is no limit */
        uint32_t wait_s;           /* 0: for ever */
        uint32_t pause_s;          /* after the command has failed; 0: it has not */
        bool is_settling;
} Taker;

static void taker_done(Taker *t) {
        loop_done(&t->loop);
        free(t->child);
}

/* From now on a message is waited for. */
static void taker_wait(Taker *t) {
        t->loop.deadline_us = t->wait_s > 0 ? boottime_us() + t->wait_s * USEC_PER_SEC : UINT64_MAX;
}

static Step taker_settle(Taker *t, uint64_t handle) {
        int r;

        r = aziot_settle(t->loop.a, handle);
        if (r != 0)
                (void) cli_failure(t->loop.a, r);
        t->is_settling = r == 0;
        t->loop.deadline_us = UINT64_MAX; /* its time is limited by the library */
        return STEP_ON;
}

static Step taker_on_settled(Taker *t, const AziotEvent *event) {
        t->is_settling = false;
        taker_wait(t);
        if (event->result != 0) {
                (void) cli_failure(t->loop.a, event->result);
                return STEP_ON;
        }
        t->n_settled++;
        return t->n_settled == t->count ? STEP_DONE : STEP_ON;
}

static Step taker_print(Taker *t, const AziotCloudMessage *m) {
        int code;

        if (t->loop.cli->json) {
                code = cli_print_json(m->json, m->json_size);
        } else {
                (void) fwrite(m->body, 1, m->body_size, stdout);
                (void) fputc('\n', stdout);
                code = cli_flush();
        }
        return code == CLI_OK ? taker_settle(t, m->handle) : STEP_FAILED;
}

/* Gives the message back, for this program or another one to try again. */
static Step taker_give_back(Taker *t, uint64_t handle) {
        (void) aziot_release(t->loop.a, handle, t->pause_s * USEC_PER_SEC);
        taker_wait(t);
        return STEP_ON;
}

static int export_message(const AziotCloudMessage *m) {
        const struct {
                const char *name, *value;
        } variables[] = {
                { "AZIOT_ID", m->id },
                { "AZIOT_MESSAGE_ID", m->message_id },
                { "AZIOT_CORRELATION_ID", m->correlation_id },
                { "AZIOT_USER_ID", m->user_id },
                { "AZIOT_CONTENT_TYPE", m->content_type },
                { "AZIOT_CONTENT_ENCODING", m->content_encoding },
                { "AZIOT_ENQUEUED", m->enqueued },
                { "AZIOT_EXPIRES", m->expires },
                { "AZIOT_REDELIVERED", m->redelivered ? "1" : NULL },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(variables) && r == 0; i++)
                r = environment_set(variables[i].name, variables[i].value);
        return r < 0 ? r : environment_set_properties(m->properties, m->n_properties);
}

static int run_command(Taker *t, const AziotCloudMessage *m) {
        ChildConfig config = {
                .argv = t->command,
                .input = t->loop.cli->json ? m->json : m->body,
                .input_size = t->loop.cli->json ? m->json_size : m->body_size,
                .deadline_us = UINT64_MAX,
                .interrupt_fd = t->loop.signal_fd,
        };
        int r;

        r = export_message(m);
        return r < 0 ? r : child_run(t->child, &config);
}

static Step taker_run(Taker *t, const AziotCloudMessage *m) {
        int r, status;

        r = run_command(t, m);
        if (r == CHILD_INTERRUPTED)
                return STEP_STOPPED;
        status = t->child->outcome.wait_status;
        if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                t->pause_s = 0;
                return taker_settle(t, m->handle);
        }

        t->pause_s = t->pause_s == 0 ? PAUSE_MIN_S : MIN(t->pause_s * 2, PAUSE_MAX_S);
        if (r < 0)
                (void) cli_error("Message %s: cannot run %s: %s; it is given out again after %u s", m->id,
                                 t->command[0], strerror(-r), t->pause_s);
        else
                (void) cli_error("Message %s: %s %s %d; it is given out again after %u s", m->id,
                                 t->command[0], WIFEXITED(status) ? "exited with" : "was ended by signal",
                                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), t->pause_s);
        return taker_give_back(t, m->handle);
}

static Step taker_on_event(void *userdata, const AziotEvent *event) {
        Taker *t = userdata;

        if (event->type == AZIOT_EVENT_MESSAGE)
                return t->command ? taker_run(t, &event->as.message) : taker_print(t, &event->as.message);
        return event->type == AZIOT_EVENT_SETTLED ? taker_on_settled(t, event) : STEP_ON;
}

/* A signal may have come between the output and the reply of the daemon. */
static void taker_finish(Taker *t) {
        const AziotEvent *event;

        while (t->is_settling && aziot_wait(t->loop.a, FINISH_US, &event) == 1)
                if (event->type == AZIOT_EVENT_SETTLED || event->type == AZIOT_EVENT_DISCONNECTED)
                        t->is_settling = false;
}

static int taker_take(Taker *t, Cli *cli) {
        Step step;
        int r;

        if (loop_open(&t->loop, cli) < 0)
                return CLI_ERROR;
        t->loop.has_reader = !t->command;
        t->loop.on_event = taker_on_event;
        t->loop.userdata = t;
        r = aziot_take_messages(t->loop.a, NULL);
        if (r < 0)
                return cli_failure(t->loop.a, r);

        taker_wait(t);
        step = loop_run(&t->loop);
        taker_finish(t);
        if (step == STEP_EXPIRED && (t->loop.is_disconnected || t->pause_s > 0))
                return CLI_ERROR; /* it has been said why no message comes */
        if (step == STEP_EXPIRED && t->count > 0)
                return CLI_NO;
        return step == STEP_FAILED ? CLI_ERROR : CLI_OK;
}

int messages_main(Cli *cli, int argc, char **argv) {
        _cleanup_(taker_done) Taker t = { .loop = LOOP_NULL };
        int option, code = -1;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                if (option == OPTION_COUNT)
                        code = cli_parse_number("count", optarg, 1, UINT32_MAX, &t.count) < 0 ? CLI_USAGE
                                                                                              : -1;
                else if (option == OPTION_WAIT)
                        code = cli_parse_number("wait", optarg, 1, UINT32_MAX, &t.wait_s) < 0 ? CLI_USAGE
                                                                                              : -1;
                else
                        code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if ((optind < argc) != (strcmp(argv[optind - 1], "--") == 0))
                return cli_usage("messages takes nothing, or '--' and a command");
        if (optind < argc) {
                t.command = argv + optind;
                t.child = calloc(1, sizeof(*t.child));
                if (!t.child)
                        return cli_error("%s", strerror(errno));
                (void) signal(SIGPIPE, SIG_IGN); /* a command need not read its input */
        }
        return taker_take(&t, cli);
}
