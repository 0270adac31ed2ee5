/* SPDX-License-Identifier: MIT */
#include "cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "util/util.h"

/* Between SIGTERM and SIGKILL. */
#define GRACE_US (2 * USEC_PER_SEC)

typedef enum Channel {
        CHANNEL_INPUT,
        CHANNEL_OUTPUT,
        CHANNEL_STATUS,
        _CHANNEL_MAX,
} Channel;

static const int channel_fds[_CHANNEL_MAX] = { STDIN_FILENO, STDOUT_FILENO, 3 };

/* Both ends of each channel; -1 once closed. Ours do not block. */
typedef struct Pipes {
        int ours[_CHANNEL_MAX], theirs[_CHANNEL_MAX];
} Pipes;

/* Bytes that the command writes; what exceeds 'max' is dropped. */
typedef struct Sink {
        char *data;
        size_t size, max;
        bool overflown;
} Sink;

typedef struct Run {
        pid_t pid;
        int exit_fd; /* readable when it has exited */
        Pipes pipes;
        const char *input; /* not yet written ... */
        size_t n_input;    /* ... bytes */
        Sink output, status;
        int ended_by;         /* a condition of child_run(); 0: it has not been told to end */
        uint64_t deadline_us; /* for it to end, then to be killed */
} Run;

static int pipes_open(Pipes *p, bool has_answer) {
        for (Channel c = 0; c < (has_answer ? _CHANNEL_MAX : CHANNEL_OUTPUT); c++) {
                bool is_input = c == CHANNEL_INPUT;
                int fds[2];

                if (pipe2(fds, O_CLOEXEC) < 0)
                        return -errno;
                p->ours[c] = fds[is_input ? 1 : 0];
                p->theirs[c] = fds[is_input ? 0 : 1];
                if (fcntl(p->ours[c], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
        }
        return 0;
}

static void close_ends(int ends[_CHANNEL_MAX]) {
        for (Channel c = 0; c < _CHANNEL_MAX; c++)
                ends[c] = close_fd(ends[c]);
}

static void run_done(Run *run) {
        close_ends(run->pipes.ours);
        close_ends(run->pipes.theirs);
        run->exit_fd = close_fd(run->exit_fd);
}

static int run_spawn(Run *run, char **argv) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, pipe;
        int r;

        (void) sigemptyset(&none);
        (void) sigemptyset(&pipe);
        (void) sigaddset(&pipe, SIGPIPE);
        (void) posix_spawnattr_init(&attributes);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &pipe);

        r = posix_spawn_file_actions_init(&actions);
        for (Channel c = 0; r == 0 && c < _CHANNEL_MAX && run->pipes.theirs[c] >= 0; c++)
                r = posix_spawn_file_actions_adddup2(&actions, run->pipes.theirs[c], channel_fds[c]);
        if (r == 0)
                r = posix_spawnp(&run->pid, argv[0], &actions, &attributes, argv, environ);

        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return -r;
}

static void run_write(Run *run) {
        int *fd = &run->pipes.ours[CHANNEL_INPUT];
        ssize_t n = 0;

        if (run->n_input > 0)
                n = write(*fd, run->input, run->n_input);
        if (n > 0) {
                run->input += n;
                run->n_input -= (size_t) n;
        }
        if (run->n_input == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                *fd = close_fd(*fd); /* all said, or it does not want to hear it */
}

/* Reads once; false: nothing is there now. */
static bool run_read(Run *run, Channel channel, Sink *sink) {
        int *fd = &run->pipes.ours[channel];
        uint8_t bytes[16384];
        size_t n_kept;
        ssize_t n;

        if (*fd < 0)
                return false;
        n = read(*fd, bytes, sizeof(bytes));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n <= 0) {
                *fd = close_fd(*fd);
                return false;
        }
        n_kept = MIN((size_t) n, sink->max - sink->size);
        memcpy(sink->data + sink->size, bytes, n_kept);
        sink->size += n_kept;
        if (n_kept < (size_t) n)
                sink->overflown = true;
        return true;
}

static void run_end(Run *run, int why) {
        if (run->ended_by == 0) {
                run->ended_by = why;
                run->deadline_us = boottime_us() + GRACE_US;
                (void) kill(-run->pid, SIGTERM);
        } else {
                run->deadline_us = UINT64_MAX;
                (void) kill(-run->pid, SIGKILL);
        }
}

/* Carries bytes until the command has exited. */
static int run_wait(Run *run, int interrupt_fd) {
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = run->exit_fd, .events = POLLIN },
                        { .fd = run->ended_by == 0 ? interrupt_fd : -1, .events = POLLIN },
                        { .fd = run->pipes.ours[CHANNEL_INPUT], .events = POLLOUT },
                        { .fd = run->pipes.ours[CHANNEL_OUTPUT], .events = POLLIN },
                        { .fd = run->pipes.ours[CHANNEL_STATUS], .events = POLLIN },
                };

                if (poll(fds, ELEMENTSOF(fds), poll_timeout_ms(run->deadline_us)) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents)
                        return 0;
                if (fds[1].revents)
                        run_end(run, CHILD_INTERRUPTED);
                if (boottime_us() >= run->deadline_us)
                        run_end(run, CHILD_EXPIRED);
                if (fds[2].revents)
                        run_write(run);
                if (fds[3].revents)
                        (void) run_read(run, CHANNEL_OUTPUT, &run->output);
                if (fds[4].revents)
                        (void) run_read(run, CHANNEL_STATUS, &run->status);
        }
}

static void run_drain(Run *run) {
        while (!run->output.overflown && run_read(run, CHANNEL_OUTPUT, &run->output))
                ;
        while (!run->status.overflown && run_read(run, CHANNEL_STATUS, &run->status))
                ;
}

int child_run(Child *child, const ChildConfig *config) {
        _cleanup_(run_done) Run run = {
                .exit_fd = -1,
                .pipes = { { -1, -1, -1 }, { -1, -1, -1 } },
                .input = config->input,
                .n_input = config->input_size,
                .output = { .data = child->output, .max = sizeof(child->output) - 1 },
                .status = { .data = child->status, .max = sizeof(child->status) - 1 },
                .deadline_us = config->deadline_us,
        };
        int wait_status, r;

        r = pipes_open(&run.pipes, config->has_answer);
        if (r < 0)
                return r;
        r = run_spawn(&run, config->argv);
        if (r < 0)
                return r;
        close_ends(run.pipes.theirs);

        run.exit_fd = pidfd_open(run.pid, 0);
        r = run.exit_fd < 0 ? -errno : run_wait(&run, config->interrupt_fd);
        if (r < 0)
                (void) kill(-run.pid, SIGKILL);
        while (waitpid(run.pid, &wait_status, 0) < 0 && errno == EINTR)
                ;
        if (r < 0 || run.ended_by != 0)
                return r < 0 ? r : run.ended_by;

        run_drain(&run);
        child->output[run.output.size] = 0;
        child->status[run.status.size] = 0;
        child->outcome = (Outcome){
                .wait_status = wait_status,
                .output = child->output,
                .output_size = run.output.size,
                .output_too_big = run.output.overflown,
                .status = child->status,
                .status_size = run.status.size,
        };
        return 0;
}
