/* SPDX-License-Identifier: MIT */

/*
 * A process that uses an outbox is killed at an instant that nobody chose, again and again, over the same
 * directory. Whatever it had reported as accepted is there when the outbox is opened next; what it did not
 * report as acknowledged comes again; nothing comes that was never appended.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/outbox.h"

#include "outbox-fixture.h"

#define N_ROUNDS       30U
#define SEQUENCES_MAX  UINT32_C(200000)
#define BODY_BYTES_MAX 700U

typedef struct Report {
        uint64_t sequence;
        bool is_accepted; /* otherwise it is about to be acknowledged */
} Report;

static Fixture fixture;
static Fixture *const f = &fixture;

/* What the killed processes reported, by sequence. */
static bool accepted[SEQUENCES_MAX], may_be_acked[SEQUENCES_MAX];

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

static void report(int fd, uint64_t sequence, bool is_accepted) {
        Report r = { .sequence = sequence, .is_accepted = is_accepted };

        if (write(fd, &r, sizeof(r)) != (ssize_t) sizeof(r))
                _exit(EXIT_FAILURE);
}

/* Appends, syncs, sends and acknowledges until it is killed. */
static void run_child(int fd, uint32_t seed) {
        fixture_open(f);
        for (;;) {
                uint8_t bodies[3][BODY_BYTES_MAX] = {};
                OutboxMessage messages[3];
                size_t n = 1 + next_random(&seed) % 3;
                OutboxRecord record;
                uint64_t first;

                for (size_t i = 0; i < n; i++)
                        messages[i] = (OutboxMessage){
                                .body = az_span_create(bodies[i],
                                                       (int32_t) fill_body(bodies[i], next_random(&seed))),
                        };
                if (outbox_append(f->outbox, messages, n, &f->now, &first) == 0) {
                        for (size_t i = 0; i < n; i++)
                                report(fd, first + i, true);
                        if (next_random(&seed) % 8 == 0)
                                (void) outbox_request_sync(f->outbox, first);
                }
                for (size_t i = next_random(&seed) % 6; i > 0 && fixture_next(f, &record); i--) {
                        report(fd, record.sequence, false);
                        outbox_acked(f->outbox, record.sequence);
                }
                f->now.boottime_us += 1 + next_random(&seed) % USEC_PER_SEC;
                outbox_run_due(f->outbox, f->now.boottime_us);
                if (next_random(&seed) % 4 == 0)
                        fixture_settle(f);
                f->log[0] = '\0';
        }
}

static bool read_report(int fd) {
        Report r;

        if (read(fd, &r, sizeof(r)) != (ssize_t) sizeof(r))
                return false;
        ck_assert_uint_lt(r.sequence, SEQUENCES_MAX);
        if (r.is_accepted)
                accepted[r.sequence] = true;
        else
                may_be_acked[r.sequence] = true;
        return true;
}

/* Returns how many reports the child came to make. */
static unsigned kill_one(uint32_t *seed) {
        unsigned n = 0, n_before_kill = next_random(seed) % 400, n_yields = next_random(seed) % 50;
        int fds[2], status;
        pid_t pid;

        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
        f->disk = disk_free(f->disk); /* a child has only the thread that forks */
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) close(fds[0]);
                ck_assert_int_eq(disk_new(&f->disk), 0);
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
        ck_assert_int_eq(disk_new(&f->disk), 0);
        return n;
}

static void check_missing(unsigned round, uint64_t first, uint64_t end) {
        for (uint64_t sequence = first; sequence < end; sequence++)
                if (accepted[sequence] && !may_be_acked[sequence])
                        ck_abort_msg("round %u: message %u is lost", round, (unsigned) sequence);
}

/* Opens what the killed process left, and looks for what it had promised. Acknowledges some, as time goes by.
 */
static void check_round(unsigned round) {
        uint64_t last = 0;
        OutboxRecord record;

        fixture_open(f);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "");
        while (fixture_next(f, &record)) {
                ck_assert_uint_lt(record.sequence, SEQUENCES_MAX);
                ck_assert_msg(record.sequence > last, "round %u: %u after %u", round,
                              (unsigned) record.sequence, (unsigned) last);
                ck_assert_msg(body_is_whole(record.body), "round %u: message %u", round,
                              (unsigned) record.sequence);
                check_missing(round, last + 1, record.sequence);
                last = record.sequence;
                may_be_acked[last] = true;
                outbox_acked(f->outbox, last);
        }
        check_missing(round, last + 1, SEQUENCES_MAX);
        fixture_crash(f);
}

START_TEST(nothing_that_was_accepted_is_lost_when_the_process_is_killed) {
        uint32_t seed = 20261122 + (uint32_t) _i;
        unsigned n_reports = 0;

        fixture_init(f);
        f->config.max_bytes = 16 * f->config.segment_bytes;
        for (unsigned round = 0; round < N_ROUNDS; round++) {
                n_reports += kill_one(&seed);
                check_round(round);
        }
        ck_assert_uint_gt(n_reports, 10 * N_ROUNDS);
        fixture_done(f);
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
