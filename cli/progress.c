/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdarg.h>

#include "cli/wrap.h"

/* Of what begins, and between two lines. */
#define PATIENCE_US (500 * USEC_PER_MSEC)
#define PAUSE_US    (100 * USEC_PER_MSEC)

/* Erases from the cursor to the end of the line. */
#define ERASE "\r\033[K"

void progress_begin(Progress *p, const Cli *cli) {
        *p = (Progress){
                .due_us = boottime_us() + PATIENCE_US,
                .is_wanted = !cli->json && color_is_terminal(STDERR_FILENO),
        };
}

void progress_show(Progress *p, const char *format, ...) {
        unsigned width;
        char text[128];
        va_list ap;

        if (!p->is_wanted || boottime_us() < p->due_us)
                return;
        p->due_us = boottime_us() + PAUSE_US;
        p->is_shown = true;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        /* A line that fills its last column would break, and the next one could not take its place. */
        width = wrap_width(stderr);
        (void) fprintf(stderr, ERASE "%.*s", (int) MAX(width, 1U) - 1, text);
        (void) fflush(stderr);
}

void progress_clear(Progress *p) {
        if (!p->is_shown)
                return;
        p->is_shown = false;
        (void) fputs(ERASE, stderr);
        (void) fflush(stderr);
}
