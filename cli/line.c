/* SPDX-License-Identifier: MIT */
#include "cli/line.h"

#include <inttypes.h>
#include <stdarg.h>

#include "cli/duration.h"
#include "ipc/aziot.h"

void line_add(Line *line, const char *format, ...) {
        size_t left = sizeof(line->text) - line->len;
        va_list ap;
        int n;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        n = vsnprintf(line->text + line->len, left, format, ap);
        va_end(ap);
        if (n > 0)
                line->len += MIN((size_t) n, left - 1);
}

void line_add_time(Line *line, const char *time) {
        size_t n = strcspn(time, ".Z");

        line_add(line, "%.*s%s", (int) n, time, time[n] ? "Z" : "");
}

void line_add_age(Line *line, const char *time) {
        char buffer[DURATION_TEXT_MAX];
        uint64_t then_us;

        line_add_time(line, time);
        if (aziot_parse_time(time, &then_us) < 0)
                return;
        line_add(line, then_us > realtime_us() ? " (in %s)" : " (%s ago)", duration_from_now(buffer, time));
}

void line_add_size(Line *line, int64_t n_bytes) {
        int64_t kib = (n_bytes + 1023) / 1024;

        if (kib < 10 * 1024)
                line_add(line, "%" PRId64 " KiB", kib);
        else
                line_add(line, "%" PRId64 " MiB", (kib + 512) / 1024);
}
