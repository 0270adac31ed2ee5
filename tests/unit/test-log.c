/* SPDX-License-Identifier: MIT */

/* What the journal is given; sd_journal_sendv() is that of this program, and as strict as systemd's. */

#include "daemon/log.h"

#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "tests/unit/unit.h"

static char sent[2048]; /* the fields of the last message, each followed by a line break */

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

START_TEST(message_goes_with_its_id_its_word_and_the_error) {
        Log log = journal();

        ck_assert_int_eq(log_errno(&log, MSG_STATE_UNREADABLE, ENOENT, "Gone: %m"), -ENOENT);
        ck_assert_str_eq(
                sent,
                "PRIORITY=4\nMESSAGE=Gone: No such file or directory\n"
                "MESSAGE_ID=f9acf2f8c4fb4331aa125486a04faa25\nAZIOT_MESSAGE=state-unreadable\nERRNO=2\n");
}
END_TEST

START_TEST(facts_become_fields) {
        const uid_t uid = 0;
        Log log = journal();

        (void) log_full(&log, MSG_LINK_UP, 0,
                        LOG_FACTS(.problem = "p", .hub = "h", .method = "m", .unit = "u", .uid = &uid), "Up");
        ck_assert_str_eq(sent, "PRIORITY=5\nMESSAGE=Up\n"
                               "MESSAGE_ID=8a6f1c0d5a0f4f0c9d6b1e6b0a4c7e11\nAZIOT_MESSAGE=link-up\n"
                               "AZIOT_PROBLEM=p\nAZIOT_HUB=h\nAZIOT_METHOD=m\nAZIOT_UNIT=u\nAZIOT_UID=0\n");
}
END_TEST

START_TEST(fact_that_is_not_known_is_left_out) {
        Log log = journal();

        (void) log_full(&log, MSG_LINK_UP, 0, LOG_FACTS(.hub = NULL), "No hub yet");
        ck_assert_str_eq(sent, "PRIORITY=5\nMESSAGE=No hub yet\n"
                               "MESSAGE_ID=8a6f1c0d5a0f4f0c9d6b1e6b0a4c7e11\nAZIOT_MESSAGE=link-up\n");
}
END_TEST

START_TEST(longest_facts_fit) {
        char hub[257], method[257], unit[257];
        Log log = journal();

        memset(hub, 'h', 256);
        memset(method, 'm', 256);
        memset(unit, 'u', 256);
        hub[256] = method[256] = unit[256] = '\0';
        (void) log_full(&log, MSG_LINK_UP, 0, LOG_FACTS(.hub = hub, .method = method, .unit = unit), "Up");
        ck_assert_ptr_nonnull(strstr(sent, hub));
        ck_assert_ptr_nonnull(strstr(sent, method));
        ck_assert_ptr_nonnull(strstr(sent, unit));
}
END_TEST

START_TEST(debugging_has_no_id) {
        Log log = { .max_level = LOG_DEBUG, .has_journal = true };

        log_debug(&log, "Link: %s", "up");
        ck_assert_str_eq(sent, "PRIORITY=7\nMESSAGE=Link: up\n");
}
END_TEST

START_TEST(what_is_less_important_than_wanted_is_not_written) {
        Log log = { .max_level = LOG_NOTICE, .has_journal = true };

        log_message(&log, MSG_STOPPING, "Stopping");
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
        tcase_add_test(t, message_goes_with_its_id_its_word_and_the_error);
        tcase_add_test(t, facts_become_fields);
        tcase_add_test(t, fact_that_is_not_known_is_left_out);
        tcase_add_test(t, longest_facts_fit);
        tcase_add_test(t, debugging_has_no_id);
        tcase_add_test(t, what_is_less_important_than_wanted_is_not_written);
        tcase_add_test(t, journal_is_known_by_its_stream);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(log_suite)
