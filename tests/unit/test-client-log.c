/* SPDX-License-Identifier: MIT */

/* What the journal is given of clients; sd_journal_sendv() is that of this program. */

#include "daemon/client-log.h"

#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "tests/unit/unit.h"

#define START UINT64_C(77000000)

static char last[512], fields[512];
static unsigned n_lines;

int sd_journal_sendv(const struct iovec *iov, int n) {
        (void) snprintf(last, sizeof(last), "%.*s", (int) iov[1].iov_len, (const char *) iov[1].iov_base);
        fields[0] = '\0';
        for (int i = 2; i < n; i++)
                (void) strncat(strncat(fields, iov[i].iov_base, iov[i].iov_len), " ", 2);
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

        client_log_init(&c, &journal);
        client_log_notice(&c, rows[_i].notice, rows[_i].has_peer ? &peer : NULL, rows[_i].error,
                          rows[_i].detail, START);
        ck_assert_str_eq(last, rows[_i].line);
}
END_TEST

START_TEST(who_is_refused_all_the_time_does_not_fill_the_log) {
        const IpcPeer peer = { .uid = 7, .pid = 8 };
        ClientLog c;

        client_log_init(&c, &journal);
        n_lines = 0;
        for (int i = 0; i < 1000; i++)
                client_log_notice(&c, IPC_NOTICE_DENIED, &peer, 0, "send", START);
        ck_assert_uint_eq(n_lines, 20);

        /* Later it is told how often. */
        client_log_notice(&c, IPC_NOTICE_SLOW, &peer, 0, NULL, START + USEC_PER_SEC);
        ck_assert_uint_eq(n_lines, 22);
        ck_assert_str_eq(last, rows[0].line);
        ck_assert_uint_eq(c.users[0].n_left_out, 0);
}
END_TEST

START_TEST(who_fills_his_part_leaves_that_of_others) {
        const IpcPeer loud = { .uid = 7, .pid = 8 };
        ClientLog c;

        client_log_init(&c, &journal);
        for (int i = 0; i < 1000; i++)
                client_log_refusal(&c, &loud, START, "nothing");
        n_lines = 0;
        for (uid_t uid = 8; uid < 8 + CLIENT_LOG_USERS; uid++)
                client_log_refusal(&c, &(IpcPeer){ .uid = uid }, START + uid, "nothing");
        /* The last one took the place of the first, whose lines are told before they are forgotten. */
        ck_assert_uint_eq(n_lines, CLIENT_LOG_USERS + 1);
        ck_assert_uint_eq(c.n_users, CLIENT_LOG_USERS);
}
END_TEST

START_TEST(what_a_client_wrote_cannot_pass_for_a_line) {
        const IpcPeer peer = { .uid = 7, .pid = 8, .unit = (char *) "press.service" };
        ClientLog c;

        client_log_init(&c, &journal);
        client_log_refusal(&c, &peer, START, "may not serve '%s'", "a\nb\x1b[1m\x7f");
        ck_assert_str_eq(last,
                         "MESSAGE=Client of uid 7 (pid 8, unit press.service): may not serve 'a?b?[1m?'");
        ck_assert_ptr_nonnull(strstr(fields, "AZIOT_UID=7 "));
        ck_assert_ptr_nonnull(strstr(fields, "AZIOT_UNIT=press.service "));
}
END_TEST

static Suite *client_log_suite(void) {
        Suite *s = suite_create("client-log");
        TCase *t = tcase_create("client-log");

        tcase_add_loop_test(t, each_notice_has_its_line, 0, ELEMENTSOF(rows));
        tcase_add_test(t, who_is_refused_all_the_time_does_not_fill_the_log);
        tcase_add_test(t, who_fills_his_part_leaves_that_of_others);
        tcase_add_test(t, what_a_client_wrote_cannot_pass_for_a_line);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(client_log_suite)
