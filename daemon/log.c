/* SPDX-License-Identifier: MIT */

#include "daemon/log.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

/* Longest message text; a longer one is cut. Errors of OpenSSL and paths fit with room to spare. */
#define LOG_TEXT_MAX 2048U
/* All fields besides it: a host, a unit and a method have at most 256 characters each. */
#define LOG_FACTS_MAX  1024U
#define LOG_FIELDS_MAX 10U

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

/* The journal ----------------------------------------------------------------------------------------- */

/* The fields of a message, and where those are printed that are not constant. */
typedef struct Entry {
        struct iovec fields[LOG_FIELDS_MAX];
        int n;
        char memory[LOG_FACTS_MAX];
        size_t used;
} Entry;

static void entry_add_text(Entry *e, char *text) {
        e->fields[e->n++] = (struct iovec){ text, strlen(text) };
}

/* What does not fit is cut. */
_printf_(2, 3) static void entry_add(Entry *e, const char *format, ...) {
        size_t size = sizeof(e->memory) - e->used;
        char *field = e->memory + e->used;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(field, size, format, ap);
        va_end(ap);
        entry_add_text(e, field);
        e->used = MIN(e->used + strlen(field) + 1, sizeof(e->memory) - 1);
}

static void entry_add_facts(Entry *e, const LogFacts *facts) {
        if (facts->problem)
                entry_add(e, "AZIOT_PROBLEM=%s", facts->problem);
        if (facts->hub)
                entry_add(e, "AZIOT_HUB=%s", facts->hub);
        if (facts->broker)
                entry_add(e, "AZIOT_BROKER=%s", facts->broker);
        if (facts->method)
                entry_add(e, "AZIOT_METHOD=%s", facts->method);
        if (facts->unit)
                entry_add(e, "AZIOT_UNIT=%s", facts->unit);
        if (facts->uid)
                entry_add(e, "AZIOT_UID=%u", *facts->uid);
}

/* 'info' is NULL for whoever debugs. */
static void write_journal(const LogMessageInfo *info, int error, const LogFacts *facts, char *text) {
        Entry e = {};

        entry_add(&e, "PRIORITY=%d", info ? info->level : LOG_DEBUG);
        entry_add_text(&e, text);
        if (info) {
                entry_add(&e, "MESSAGE_ID=%s", info->id);
                entry_add(&e, "AZIOT_MESSAGE=%s", info->word);
        }
        if (error != 0)
                entry_add(&e, "ERRNO=%d", abs(error));
        if (facts)
                entry_add_facts(&e, facts);
        (void) sd_journal_sendv(e.fields, e.n);
}

/* Messages -------------------------------------------------------------------------------------------- */

_printf_(5, 0) static void write_message(const Log *log, const LogMessageInfo *info, int error,
                                         const LogFacts *facts, const char *format, va_list ap) {
        static const char prefix[] = "MESSAGE=";
        char text[LOG_TEXT_MAX];

        memcpy(text, prefix, sizeof(prefix));
        errno = abs(error);
        (void) vsnprintf(text + sizeof(prefix) - 1, sizeof(text) - sizeof(prefix) + 1, format, ap);
        if (log->has_journal)
                write_journal(info, error, facts, text);
        else
                fprintf(stderr, "aziotd: %s\n", text + sizeof(prefix) - 1);
}

int log_full(const Log *log, LogMessage message, int error, const LogFacts *facts, const char *format, ...) {
        const LogMessageInfo *info = log_message_get_info(message);
        va_list ap;

        if (info->level <= log->max_level) {
                va_start(ap, format);
                write_message(log, info, error, facts, format, ap);
                va_end(ap);
        }
        return -abs(error);
}

void log_debug(const Log *log, const char *format, ...) {
        va_list ap;

        if (log->max_level < LOG_DEBUG)
                return;
        va_start(ap, format);
        write_message(log, NULL, 0, NULL, format, ap);
        va_end(ap);
}
