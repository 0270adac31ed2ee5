/* SPDX-License-Identifier: MIT */

#include "daemon/config-file.h"

#include <stdarg.h>
#include <syslog.h>

int config_messages_add(ConfigMessages *m, int level, const char *file, unsigned line, const char *format,
                        ...) {
        _cleanup_(freep) char *text = NULL, *name = NULL;
        ConfigMessage *messages;
        va_list ap;
        int r;

        if (m->n >= CONFIG_MESSAGES_MAX) {
                m->n_left_out++;
                m->n_errors += level <= LOG_ERR;
                return 0;
        }

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }

        name = strdup(file);
        messages = reallocarray(m->messages, m->n + 1, sizeof(*messages));
        if (messages)
                m->messages = messages;
        if (!name || !messages)
                return -ENOMEM;

        m->messages[m->n++] = (ConfigMessage){ level, TAKE_PTR(name), line, TAKE_PTR(text) };
        m->n_errors += level <= LOG_ERR;
        return 0;
}

const char *config_message_format(const ConfigMessage *message, char *buffer, size_t size) {
        if (message->line > 0)
                (void) snprintf(buffer, size, "%s:%u: %s", message->file, message->line, message->text);
        else
                (void) snprintf(buffer, size, "%s%s%s", message->file, message->file[0] ? ": " : "",
                                message->text);
        return buffer;
}

void config_messages_done(ConfigMessages *m) {
        for (size_t i = 0; i < m->n; i++) {
                free(m->messages[i].file);
                free(m->messages[i].text);
        }
        free(m->messages);
        *m = CONFIG_MESSAGES_NULL;
}

void config_file_init(ConfigFile *f, const char *name, az_span text) {
        *f = (ConfigFile){ .name = name, .rest = text };
}

void config_file_done(ConfigFile *f) {
        free(f->joined);
        *f = (ConfigFile){};
}

static bool is_space(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static az_span span_trim(az_span s) {
        int32_t start = 0, end = az_span_size(s);

        while (start < end && is_space(az_span_ptr(s)[start]))
                start++;
        while (end > start && is_space(az_span_ptr(s)[end - 1]))
                end--;
        return az_span_slice(s, start, end);
}

static bool is_comment(az_span line) {
        az_span s = span_trim(line);

        return az_span_size(s) > 0 && (az_span_ptr(s)[0] == '#' || az_span_ptr(s)[0] == ';');
}

/* Cuts the next line off; its end may be that of the file. */
static bool take_line(ConfigFile *f, az_span *ret) {
        int32_t n = az_span_find(f->rest, AZ_SPAN_FROM_STR("\n"));

        if (az_span_size(f->rest) == 0)
                return false;

        f->line++;
        if (n < 0) {
                *ret = f->rest;
                f->rest = AZ_SPAN_EMPTY;
        } else {
                *ret = az_span_slice(f->rest, 0, n);
                f->rest = az_span_slice_to_end(f->rest, n + 1);
        }
        /* A file from elsewhere may end its lines with CR LF. */
        if (az_span_size(*ret) > 0 && az_span_ptr(*ret)[az_span_size(*ret) - 1] == '\r')
                *ret = az_span_slice(*ret, 0, az_span_size(*ret) - 1);
        return true;
}

static bool is_continued(az_span line) {
        return az_span_size(line) > 0 && az_span_ptr(line)[az_span_size(line) - 1] == '\\';
}

/* Takes the next line together with those that continue it; 1, 0 at the end, or -ENOMEM. */
static int take_logical_line(ConfigFile *f, az_span *ret, unsigned *ret_line) {
        size_t n = 0;
        az_span line;

        if (!take_line(f, ret))
                return 0;
        *ret_line = f->line;
        if (is_comment(*ret) || !is_continued(*ret))
                return 1;

        /* What is left of the file is room enough for all that may be joined. */
        free(f->joined);
        f->joined = malloc((size_t) az_span_size(*ret) + (size_t) az_span_size(f->rest));
        if (!f->joined)
                return -ENOMEM;

        line = *ret;
        for (;;) {
                memcpy(f->joined + n, az_span_ptr(line), (size_t) az_span_size(line));
                n += (size_t) az_span_size(line);
                if (!is_continued(line))
                        break;
                f->joined[n - 1] = ' ';
                do {
                        if (!take_line(f, &line))
                                line = AZ_SPAN_FROM_STR("");
                } while (is_comment(line));
        }
        *ret = az_span_create((uint8_t *) f->joined, (int32_t) n);
        return 1;
}

/* Takes "[Name]", which outlives the line: it may not be put together from several. NULL: *ret is filled in.
 */
static const char *parse_section(ConfigFile *f, az_span line, unsigned first, ConfigItem *ret) {
        int32_t n = az_span_size(line);

        f->is_lost = n < 3 || az_span_ptr(line)[n - 1] != ']' || f->line != first;
        if (f->is_lost)
                return "a section is written as [Name] on a line of its own";
        f->section = az_span_slice(line, 1, n - 1);
        f->section_line = f->line;
        *ret = (ConfigItem){
                .section = f->section,
                .section_line = f->section_line,
                .key = AZ_SPAN_EMPTY,
                .value = AZ_SPAN_EMPTY,
        };
        return NULL;
}

/* What is wrong with a line that is neither empty nor a comment; NULL: *ret is filled in. */
static const char *parse_line(ConfigFile *f, az_span line, unsigned first, ConfigItem *ret) {
        int32_t equals = az_span_find(line, AZ_SPAN_FROM_STR("="));

        if (!az_span_is_valid_utf8(line) || az_span_find(line, az_span_create((uint8_t *) "", 1)) >= 0)
                return "this line is not UTF-8 text";
        if (az_span_ptr(line)[0] == '[')
                return parse_section(f, line, first, ret);
        if (equals < 0)
                return "this line is neither a [Section], nor Key=value, nor a comment (#)";

        *ret = (ConfigItem){
                .section = f->section,
                .section_line = f->section_line,
                .key = span_trim(az_span_slice(line, 0, equals)),
                .value = span_trim(az_span_slice_to_end(line, equals + 1)),
        };
        if (az_span_size(ret->key) == 0)
                return "there is no key before '='";
        if (az_span_size(ret->section) == 0 && !f->is_lost)
                return "this key stands before the first [Section]";
        return NULL;
}

int config_file_next(ConfigFile *f, ConfigMessages *messages, ConfigItem *ret) {
        az_span line;
        unsigned n;
        int r;

        while ((r = take_logical_line(f, &line, &n)) > 0) {
                const char *wrong;

                line = span_trim(line);
                if (az_span_size(line) == 0 || is_comment(line))
                        continue;

                wrong = parse_line(f, line, n, ret);
                if (wrong) {
                        r = config_messages_add(messages, LOG_ERR, f->name, n, "%s", wrong);
                        if (r < 0)
                                return r;
                } else if (!f->is_lost) {
                        ret->line = n;
                        return 1;
                }
        }
        return r;
}
