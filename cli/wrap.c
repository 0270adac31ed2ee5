/* SPDX-License-Identifier: MIT */

#include "cli/wrap.h"

#include <string.h>

#define DOTS " ..."

/* How much of 'text' stands on a line of 'width': to the last blank, or all of it if there is none. */
static size_t line_length(const char *text, size_t width) {
        size_t n = strnlen(text, width + 1), end;

        if (n <= width)
                return n;
        for (end = width; end > 0 && text[end] != ' '; end--)
                ;
        return end > 0 ? end : width;
}

unsigned wrap_print(FILE *to, const char *label, const char *text, unsigned max_lines) {
        unsigned n_lines = 0;

        while (n_lines < max_lines) {
                size_t width = WRAP_WIDTH - WRAP_LABEL;
                size_t n = line_length(text, width);
                const char *dots = "";

                if (n_lines + 1 == max_lines && text[n]) {
                        n = line_length(text, width - strlen(DOTS));
                        dots = DOTS;
                }
                (void) fprintf(to, "%-*s%.*s%s\n", (int) WRAP_LABEL, n_lines == 0 ? label : "", (int) n, text,
                               dots);
                n_lines++;
                text += n;
                text += strspn(text, " ");
                if (!text[0])
                        break;
        }
        return n_lines;
}
