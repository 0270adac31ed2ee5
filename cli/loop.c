/* SPDX-License-Identifier: MIT */
#include "cli/loop.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

static int open_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int loop_open(Loop *l, const Cli *cli) {
        l->cli = cli;
        l->signal_fd = open_signals();
        if (l->signal_fd < 0) {
                int r = -errno;

                (void) cli_error("%s", strerror(errno));
                return r;
        }
        return cli_open(cli, &l->a);
}

void loop_done(Loop *l) {
        l->a = aziot_free(l->a);
        l->signal_fd = close_fd(l->signal_fd);
}

static Step loop_on_event(Loop *l, const AziotEvent *event) {
        switch (event->type) {
        case AZIOT_EVENT_DISCONNECTED:
                l->is_disconnected = true;
                l->n_disconnects++;
                if (event->result == -EACCES) {
                        (void) cli_failure(l->a, event->result);
                        return STEP_FAILED;
                }
                (void) cli_error("%s; trying again", aziot_explain(l->a, event->result));
                return STEP_ON;
        case AZIOT_EVENT_CONNECTED:
                l->is_disconnected = false;
                (void) cli_error("Connected to %s", l->cli->socket_path);
                return STEP_ON;
        case AZIOT_EVENT_ENDED:
                (void) cli_failure(l->a, event->result);
                return STEP_FAILED;
        case AZIOT_EVENT_METHOD:
        case AZIOT_EVENT_MESSAGE:
        case AZIOT_EVENT_SETTLED:
        case AZIOT_EVENT_TWIN:
        case AZIOT_EVENT_STATUS:
        case AZIOT_EVENT_REPLY:
        case AZIOT_EVENT_WORK:
                break;
        }
        return l->on_event(l->userdata, event);
}

/* When the person is told again. */
static uint64_t loop_tick_us(const Loop *l) {
        return l->waits_for && l->progress.is_wanted ? boottime_us() + USEC_PER_SEC : UINT64_MAX;
}

static Step loop_wait(Loop *l) {
        struct pollfd fds[] = {
                { .fd = l->signal_fd, .events = POLLIN },
                { .fd = aziot_get_fd(l->a), .events = aziot_get_events(l->a) },
                { .fd = l->has_reader ? STDOUT_FILENO : -1 }, /* an error, or that the other end is gone */
        };

        uint64_t until_us = MIN(l->deadline_us, aziot_get_deadline_us(l->a));

        (void) poll(fds, ELEMENTSOF(fds), poll_timeout_ms(MIN(until_us, loop_tick_us(l))));
        if (l->waits_for)
                progress_show(&l->progress, "%s: %" PRIu64 " s", l->waits_for,
                              (boottime_us() - l->begin_us) / USEC_PER_SEC);
        if (fds[0].revents || fds[2].revents)
                return STEP_STOPPED;
        return !fds[1].revents && boottime_us() >= l->deadline_us ? STEP_EXPIRED : STEP_ON;
}

Step loop_run(Loop *l) {
        Step step = STEP_ON;

        l->begin_us = boottime_us();
        progress_begin(&l->progress, l->cli);
        while (step == STEP_ON) {
                const AziotEvent *event;

                if (aziot_dispatch(l->a, &event) > 0) {
                        progress_clear(&l->progress);
                        step = loop_on_event(l, event);
                } else
                        step = loop_wait(l);
        }
        progress_clear(&l->progress);
        return step;
}
