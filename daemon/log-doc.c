/* SPDX-License-Identifier: MIT */

/*
 * Writes what a person reads of the table of log messages: "catalog" the catalogue of the journal, for
 * journalctl -x, and "markdown" the list in docs/operations.md.
 */

#include <stdio.h>
#include <syslog.h>

#include "daemon/log-message.h"

#define COLUMNS 118

/* Wraps 'text' into lines, the first of which begins at 'column', the others with 'indent'. */
static void print_text(const char *text, size_t column, const char *indent) {
        while (*text) {
                size_t n = strcspn(text, " ");

                if (column + 1 + n > COLUMNS)
                        column = (size_t) printf("\n%s", indent) - 1;
                else if (column > 0)
                        column += (size_t) printf(" ");
                column += (size_t) printf("%.*s", (int) n, text);
                text += n;
                text += strspn(text, " ");
        }
        putchar('\n');
}

/* systemd's "Journal Message Catalogs". */
static void print_catalog(void) {
        printf("# SPDX-License-Identifier: MIT\n");
        for (LogMessage m = 0; m < _LOG_MESSAGE_MAX; m++) {
                const LogMessageInfo *info = log_message_get_info(m);

                printf("\n-- %s\nSubject: %s\nDefined-By: aziotd\nDocumentation: man:aziotd(8)\n\n", info->id,
                       info->subject);
                print_text(info->meaning, 0, "");
                if (info->advice) {
                        putchar('\n');
                        print_text(info->advice, 0, "");
                }
        }
}

static void print_markdown(void) {
        static const char *const levels[] = {
                [LOG_ERR] = "err",
                [LOG_WARNING] = "warning",
                [LOG_NOTICE] = "notice",
                [LOG_INFO] = "info",
        };

        for (LogMessage m = 0; m < _LOG_MESSAGE_MAX; m++) {
                const LogMessageInfo *info = log_message_get_info(m);
                size_t column;

                if (log_message_get_part(m))
                        printf("\n### %s\n\n", log_message_get_part(m));
                column = (size_t) printf("- **`%s`** (%s) **%s.**", info->word, levels[info->level],
                                         info->subject);
                print_text(info->meaning, column, "  ");
                if (info->advice) {
                        column = (size_t) printf("  *What to do:*");
                        print_text(info->advice, column, "  ");
                }
        }
}

int main(int argc, char *argv[]) {
        if (argc == 2 && strcmp(argv[1], "catalog") == 0)
                print_catalog();
        else if (argc == 2 && strcmp(argv[1], "markdown") == 0)
                print_markdown();
        else
                return EXIT_FAILURE;
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
