/* SPDX-License-Identifier: MIT */

#include "daemon/log.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

/* Longest message text; a longer one is cut. Errors of OpenSSL and paths fit with room to spare. */
#define LOG_TEXT_MAX   2048U
#define LOG_FIELDS_MAX 8U

void log_init(Log *log, int max_level) {
        const char *stream = getenv("JOURNAL_STREAM");
        char actual[64];
        struct stat st;

        *log = (Log){ .max_level = max_level };

        /* systemd.exec(5): "JOURNAL_STREAM ... the device and inode number ... in decimal, separated by a
         * colon". */
        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return;
        (void) snprintf(actual, sizeof(actual), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        log->has_journal = strcmp(stream, actual) == 0;
}

static void log_to_journal(int level, char *text, const char *const *fields) {
        struct iovec iov[2 + LOG_FIELDS_MAX];
        char priority[] = "PRIORITY=0";
        int n = 0;

        priority[sizeof(priority) - 2] = (char) ('0' + (level & LOG_PRIMASK));
        iov[n++] = (struct iovec){ priority, strlen(priority) };
        iov[n++] = (struct iovec){ text, strlen(text) };
        for (; fields && *fields && n < (int) ELEMENTSOF(iov); fields++)
                if ((*fields)[0] != '\0') /* not known: the journal would refuse the whole message */
                        iov[n++] = (struct iovec){ (void *) *fields, strlen(*fields) };

        (void) sd_journal_sendv(iov, n);
}

int log_full(const Log *log, int level, int error, const char *const *fields, const char *format, ...) {
        static const char prefix[] = "MESSAGE=";
        char text[LOG_TEXT_MAX];
        va_list ap;

        if (level > log->max_level)
                return -abs(error);

        memcpy(text, prefix, sizeof(prefix));
        errno = abs(error);
        va_start(ap, format);
        (void) vsnprintf(text + sizeof(prefix) - 1, sizeof(text) - sizeof(prefix) + 1, format, ap);
        va_end(ap);

        if (log->has_journal)
                log_to_journal(level, text, fields);
        else
                fprintf(stderr, "aziotd: %s\n", text + sizeof(prefix) - 1);
        return -abs(error);
}
