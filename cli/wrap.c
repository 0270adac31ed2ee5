/* SPDX-License-Identifier: MIT */

#include "cli/wrap.h"

#include <stdint.h>
#include <sys/ioctl.h>

#include "util/util.h"

#define DOTS " ..."

/* Longer lines are hard to read; in shorter ones there is no room for anything. */
#define COLUMNS_MAX 120U
#define COLUMNS_MIN 40U

unsigned wrap_width(FILE *to) {
        struct winsize size;

        if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0)
                return WRAP_NEVER;
        if (size.ws_col == 0)
                return WRAP_WIDTH;
        return MIN(MAX(size.ws_col, COLUMNS_MIN), COLUMNS_MAX);
}

/* Whether a byte continues a character of UTF-8, and so takes no column of its own. */
static bool is_continuation(char c) {
        return ((unsigned char) c & 0xc0) == 0x80;
}

/* How many bytes of 'text' stand on a line of 'width': to the last blank, or all that fit if there is none.
 */
static size_t line_length(const char *text, size_t width) {
        size_t n = 0, end = 0, n_columns = 0;

        for (; text[n]; n++) {
                if (is_continuation(text[n]))
                        continue;
                if (text[n] == ' ')
                        end = n;
                if (n_columns == width)
                        return end > 0 ? end : n;
                n_columns++;
        }
        return n;
}

/* ASCII's, DEL, and U+0080 to U+009F, which have two bytes. */
static size_t control_length(const char *text, size_t n) {
        unsigned char c = (unsigned char) text[0];

        if (c < 0x20 || c == 0x7f)
                return 1;
        return c == 0xc2 && n > 1 && (unsigned char) text[1] < 0xa0 ? 2 : 0;
}

static void print_clean(FILE *to, const char *text, size_t n) {
        while (n > 0) {
                size_t n_control = control_length(text, n);

                (void) fputc(n_control > 0 ? '?' : text[0], to);
                text += MAX(n_control, 1U);
                n -= MAX(n_control, 1U);
        }
}

static size_t length_without_blanks(const char *text, size_t n) {
        while (n > 0 && text[n - 1] == ' ')
                n--;
        return n;
}

unsigned wrap_text(FILE *to, unsigned width, unsigned indent, const char *text, unsigned max_lines) {
        size_t columns = width == WRAP_NEVER ? SIZE_MAX : width > indent + 1 ? width - indent : 1;
        unsigned n_lines = 0;

        while (n_lines < max_lines) {
                size_t n = line_length(text, columns);
                const char *dots = "";

                if (n_lines + 1 == max_lines && text[n]) {
                        n = line_length(text, columns > strlen(DOTS) ? columns - strlen(DOTS) : 1);
                        dots = DOTS;
                }
                if (n_lines > 0)
                        (void) fprintf(to, "%*s", (int) indent, "");
                print_clean(to, text, length_without_blanks(text, n));
                (void) fprintf(to, "%s\n", dots);
                n_lines++;
                text += n;
                text += strspn(text, " ");
                if (!text[0])
                        break;
        }
        return n_lines;
}

unsigned wrap_print(FILE *to, unsigned width, const char *label, const char *text, unsigned max_lines) {
        if (max_lines == 0)
                return 0;
        (void) fprintf(to, "%-*s", (int) WRAP_LABEL, label);
        return wrap_text(to, width, WRAP_LABEL, text, max_lines);
}
