/* SPDX-License-Identifier: MIT */

/* What the journal is given of clients; sd_journal_sendv() is that of this program. */

#include "daemon/client-log.h"

#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "tests/unit/unit.h"

#define START UINT64_C(77000000)

static char last[512];
static unsigned n_lines;

int sd_journal_sendv(const struct iovec *iov, int n) {
        (void) snprintf(last, sizeof(last), "%.*s", (int) iov[1].iov_len, (const char *) iov[1].iov_base);
        n_lines++;
        return 0;
}

static const Log journal = { .max_level = LOG_INFO, .has_journal = true };

static const struct {
        IpcNotice notice;
        bool has_peer;
        int error;
        const char *detail, *line;
} rows[] = {
        { IPC_NOTICE_SLOW, true, 0, NULL, "MESSAGE=Client of uid 7 (pid 8, unit none): does not read" },
        { IPC_NOTICE_DENIED, true, 0, "admin",
          "MESSAGE=Client of uid 7 (pid 8, unit none): permission denied: admin" },
        { IPC_NOTICE_FAILED, true, -ENOMEM, NULL,
          "MESSAGE=Serving a local program: failed: Cannot allocate memory, ignoring" },
        { IPC_NOTICE_ACCEPT_FAILED, false, -EMFILE, NULL,
          "MESSAGE=Serving a local program: cannot accept: Too many open files, ignoring" },
};

START_TEST(each_notice_has_its_line) {
        const IpcPeer peer = { .uid = 7, .pid = 8 };
        ClientLog c;

        client_log_init(&c, &journal, START);
        client_log_notice(&c, rows[_i].notice, rows[_i].has_peer ? &peer : NULL, rows[_i].error,
                          rows[_i].detail, START);
        ck_assert_str_eq(last, rows[_i].line);
}
END_TEST

START_TEST(who_is_refused_all_the_time_does_not_fill_the_log) {
        const IpcPeer peer = { .uid = 7, .pid = 8 };
        ClientLog c;

        client_log_init(&c, &journal, START);
        n_lines = 0;
        for (int i = 0; i < 1000; i++)
                client_log_notice(&c, IPC_NOTICE_DENIED, &peer, 0, "send", START);
        ck_assert_uint_eq(n_lines, 20);

        /* Later it is told how often. */
        client_log_notice(&c, IPC_NOTICE_SLOW, &peer, 0, NULL, START + USEC_PER_SEC);
        ck_assert_uint_eq(n_lines, 22);
        ck_assert_str_eq(last, rows[0].line);
        ck_assert_uint_eq(c.n_left_out, 0);
}
END_TEST

static Suite *client_log_suite(void) {
        Suite *s = suite_create("client-log");
        TCase *t = tcase_create("client-log");

        tcase_add_loop_test(t, each_notice_has_its_line, 0, ELEMENTSOF(rows));
        tcase_add_test(t, who_is_refused_all_the_time_does_not_fill_the_log);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(client_log_suite)
