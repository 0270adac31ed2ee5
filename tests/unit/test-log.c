/* SPDX-License-Identifier: MIT */

/* What the journal is given; sd_journal_sendv() is that of this program, and as strict as systemd's. */

#include "daemon/log.h"

#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "tests/unit/unit.h"

static char sent[512]; /* the fields of the last message, each followed by a line break */

/* sd_journal_sendv(3): "each element must be of the form FIELD=value", or else the message is refused. */
int sd_journal_sendv(const struct iovec *iov, int n) {
        size_t length = 0;

        for (int i = 0; i < n; i++)
                if (!memchr(iov[i].iov_base, '=', iov[i].iov_len))
                        return -EINVAL;
        for (int i = 0; i < n; i++)
                length += (size_t) snprintf(sent + length, sizeof(sent) - length, "%.*s\n",
                                            (int) iov[i].iov_len, (const char *) iov[i].iov_base);
        return 0;
}

static Log journal(void) {
        return (Log){ .max_level = LOG_INFO, .has_journal = true };
}

static void setup(void) {
        sent[0] = '\0';
}

START_TEST(fields_go_along) {
        Log log = journal();

        ck_assert_int_eq(log_full(&log, LOG_WARNING, ENOENT, FIELDS("A=1", "B=2"), "Gone: %m"), -ENOENT);
        ck_assert_str_eq(sent, "PRIORITY=4\nMESSAGE=Gone: No such file or directory\nA=1\nB=2\n");
}
END_TEST

START_TEST(field_of_which_nothing_is_known_does_not_cost_the_message) {
        Log log = journal();

        (void) log_full(&log, LOG_WARNING, 0, FIELDS("A=1", "", "B=2"), "No hub yet");
        ck_assert_str_eq(sent, "PRIORITY=4\nMESSAGE=No hub yet\nA=1\nB=2\n");
}
END_TEST

START_TEST(what_is_less_important_than_wanted_is_not_written) {
        Log log = journal();

        log_debug(&log, "Details");
        ck_assert_str_eq(sent, "");
}
END_TEST

START_TEST(journal_is_known_by_its_stream) {
        char stream[64];
        struct stat st;
        Log log;

        ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
        (void) snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
        log_init(&log, LOG_INFO);
        ck_assert(log.has_journal);

        ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:1", 1), 0); /* of a parent */
        log_init(&log, LOG_INFO);
        ck_assert(!log.has_journal);
}
END_TEST

static Suite *log_suite(void) {
        Suite *s = suite_create("log");
        TCase *t = tcase_create("log");

        tcase_add_checked_fixture(t, setup, NULL);
        tcase_add_test(t, fields_go_along);
        tcase_add_test(t, field_of_which_nothing_is_known_does_not_cost_the_message);
        tcase_add_test(t, what_is_less_important_than_wanted_is_not_written);
        tcase_add_test(t, journal_is_known_by_its_stream);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(log_suite)
