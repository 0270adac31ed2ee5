/* SPDX-License-Identifier: MIT */

/*
 * A process that uses outboxes is killed at an instant that nobody chose, again and again, over the same
 * directory. Whatever it had reported as accepted is there when they are opened next; what it did not report
 * as acknowledged comes again; nothing comes that was never appended. That holds for each priority.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/outboxes.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define N_ROUNDS       30U
#define SEQUENCES_MAX  UINT32_C(200000)
#define BODY_BYTES_MAX 700U

typedef struct Report {
        Priority priority;
        uint64_t sequence;
        bool is_accepted; /* otherwise it is about to be acknowledged */
} Report;

static char directory[SCRATCH_SIZE];
static OutboxTime now;
static Disk *disk;
static Outboxes *outboxes;

/* What the killed processes reported, by sequence. */
static struct { bool accepted[SEQUENCES_MAX], may_be_acked[SEQUENCES_MAX]; } reports[_PRIORITY_MAX];

static void open_all(void) {
        OutboxesConfig config = {
                .directory = directory,
                .max_bytes = 32 * 8192,
                .segment_bytes = 8192,
                .sync_interval_us = 3 * USEC_PER_SEC,
        };

        ck_assert_int_eq(outboxes_open(&outboxes, disk, &config, &now), 0);
}

/* Lets the disk thread finish; returns how many events tell of more than a sync or of something to read. */
static unsigned settle(void) {
        OutboxEvent event;
        unsigned n = 0;

        disk_drain(disk);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                while (outbox_next_event(outboxes_get(outboxes, p), &event))
                        n += event.type != OUTBOX_EVENT_READABLE && event.type != OUTBOX_EVENT_SYNCED &&
                             event.type != OUTBOX_EVENT_SPACE;
        return n;
}

static bool next_message(Priority priority, OutboxRecord *ret) {
        for (int n_tries = 0; n_tries < 3; n_tries++) {
                if (outbox_next(outboxes_get(outboxes, priority), &now, ret) == 1)
                        return true;
                ck_assert_uint_eq(settle(), 0);
        }
        return false;
}

/* A small generator, so that a seed tells the whole test. */
static uint32_t next_random(uint32_t *state) {
        *state = *state * 1664525 + 1013904223;
        return *state >> 8;
}

/* The body says how long it is and is filled with what follows from that. */
static size_t fill_body(uint8_t *body, uint32_t random) {
        size_t n = 8 + random % (BODY_BYTES_MAX - 8);

        (void) snprintf((char *) body, 8, "%u", (unsigned) n);
        for (size_t i = 8; i < n; i++)
                body[i] = (uint8_t) (n * 31 + i);
        return n;
}

static bool body_is_whole(az_span body) {
        uint8_t expected[BODY_BYTES_MAX] = {};
        uint32_t n = (uint32_t) strtoul((const char *) az_span_ptr(body), NULL, 10);

        return n >= 8 && n < BODY_BYTES_MAX && fill_body(expected, n - 8) == (size_t) az_span_size(body) &&
               az_span_is_content_equal(body, az_span_create(expected, (int32_t) n));
}

static void report(int fd, Priority priority, uint64_t sequence, bool is_accepted) {
        Report r = { .priority = priority, .sequence = sequence, .is_accepted = is_accepted };

        if (write(fd, &r, sizeof(r)) != (ssize_t) sizeof(r))
                _exit(EXIT_FAILURE);
}

/* Appends, syncs, sends and acknowledges until it is killed. */
static void run_child(int fd, uint32_t seed) {
        open_all();
        for (;;) {
                uint8_t bodies[3][BODY_BYTES_MAX] = {};
                OutboxMessage messages[3];
                size_t n = 1 + next_random(&seed) % 3;
                Priority priority = (Priority) (next_random(&seed) % _PRIORITY_MAX);
                Outbox *outbox = outboxes_get(outboxes, priority);
                OutboxRecord record;
                uint64_t first;

                for (size_t i = 0; i < n; i++)
                        messages[i] = (OutboxMessage){
                                .body = az_span_create(bodies[i],
                                                       (int32_t) fill_body(bodies[i], next_random(&seed))),
                        };
                if (outboxes_append(outboxes, priority, messages, n, NULL, &now, &first) == 0) {
                        for (size_t i = 0; i < n; i++)
                                report(fd, priority, first + i, true);
                        if (next_random(&seed) % 8 == 0)
                                (void) outbox_request_sync(outbox, first);
                }
                for (size_t i = next_random(&seed) % 6; i > 0 && next_message(priority, &record); i--) {
                        report(fd, priority, record.sequence, false);
                        outbox_acked(outbox, record.sequence);
                }
                now.boottime_us += 1 + next_random(&seed) % USEC_PER_SEC;
                outboxes_run_due(outboxes, now.boottime_us);
                if (next_random(&seed) % 4 == 0)
                        (void) settle();
        }
}

static bool read_report(int fd) {
        Report r;

        if (read(fd, &r, sizeof(r)) != (ssize_t) sizeof(r))
                return false;
        ck_assert_uint_lt(r.sequence, SEQUENCES_MAX);
        if (r.is_accepted)
                reports[r.priority].accepted[r.sequence] = true;
        else
                reports[r.priority].may_be_acked[r.sequence] = true;
        return true;
}

/* Returns how many reports the child came to make. */
static unsigned kill_one(uint32_t *seed) {
        unsigned n = 0, n_before_kill = next_random(seed) % 400, n_yields = next_random(seed) % 50;
        int fds[2], status;
        pid_t pid;

        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
        disk = disk_free(disk); /* a child has only the thread that forks */
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) close(fds[0]);
                ck_assert_int_eq(disk_new(&disk), 0);
                run_child(fds[1], next_random(seed));
        }
        (void) close(fds[1]);

        while (n < n_before_kill && read_report(fds[0]))
                n++;
        while (n_yields-- > 0)
                (void) sched_yield();
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        while (read_report(fds[0]))
                n++;
        (void) close(fds[0]);
        ck_assert_int_eq(disk_new(&disk), 0);
        return n;
}

static void check_missing(unsigned round, Priority priority, uint64_t first, uint64_t end) {
        for (uint64_t sequence = first; sequence < end; sequence++)
                if (reports[priority].accepted[sequence] && !reports[priority].may_be_acked[sequence])
                        ck_abort_msg("round %u: %s message %u is lost", round, priority_names[priority],
                                     (unsigned) sequence);
}

/* Looks for what the killed process had promised, and acknowledges it. */
static void check_priority(unsigned round, Priority priority) {
        uint64_t last = 0;
        OutboxRecord record;

        while (next_message(priority, &record)) {
                ck_assert_uint_lt(record.sequence, SEQUENCES_MAX);
                ck_assert_msg(record.sequence > last, "round %u: %u after %u", round,
                              (unsigned) record.sequence, (unsigned) last);
                ck_assert_msg(body_is_whole(record.body), "round %u: message %u", round,
                              (unsigned) record.sequence);
                check_missing(round, priority, last + 1, record.sequence);
                last = record.sequence;
                reports[priority].may_be_acked[last] = true;
                outbox_acked(outboxes_get(outboxes, priority), last);
        }
        check_missing(round, priority, last + 1, SEQUENCES_MAX);
}

/* Opens what the killed process left. */
static void check_round(unsigned round) {
        open_all();
        ck_assert_uint_eq(settle(), 0);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                check_priority(round, p);
        outboxes = outboxes_free(outboxes);
}

START_TEST(nothing_that_was_accepted_is_lost_when_the_process_is_killed) {
        uint32_t seed = 20261122 + (uint32_t) _i;
        unsigned n_reports = 0;

        now = (OutboxTime){ .boot = 1,
                            .boottime_us = USEC_PER_SEC,
                            .realtime_us = UINT64_C(1700000000000000) };
        scratch_init(directory, "outbox-kill");
        ck_assert_int_eq(disk_new(&disk), 0);
        for (unsigned round = 0; round < N_ROUNDS; round++) {
                n_reports += kill_one(&seed);
                check_round(round);
        }
        ck_assert_uint_gt(n_reports, 10 * N_ROUNDS);
        disk = disk_free(disk);
        scratch_done(directory);
}
END_TEST

static Suite *outbox_kill_suite(void) {
        Suite *s = suite_create("outbox-kill");
        TCase *t = tcase_create("SIGKILL");

        tcase_set_timeout(t, 100);
        tcase_add_loop_test(t, nothing_that_was_accepted_is_lost_when_the_process_is_killed, 0, 2);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_kill_suite)
