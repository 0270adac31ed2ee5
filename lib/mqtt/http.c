/* SPDX-License-Identifier: MIT */

#include <mqtt/http.h>

#include <strings.h>

#include "util/util.h"

/* What every answer begins with; then a digit. */
static const char version[] = "HTTP/1.";

/* RFC 9110, "Tokens". */
#define TOKEN_CHARACTERS "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* The line behind this one; "": there is none. */
static const char *line_next(const char *line) {
        return line + strlen(line) + 1;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* "HTTP/1.1 101 Switching Protocols"; the reason may be missing. */
static bool head_parse_status(MqttHttpHead *h) {
        const char *s = h->text + sizeof(version) - 1;

        if (!is_digit(s[0]) || s[1] != ' ' || !is_digit(s[2]) || !is_digit(s[3]) || !is_digit(s[4]) ||
            (s[5] != ' ' && s[5] != '\0'))
                return false;
        h->status = (s[2] - '0') * 100 + (s[3] - '0') * 10 + (s[4] - '0');
        return h->status >= 100 && h->status < 600;
}

/* A line that begins with a blank would go on with the one before: RFC 9112 wants that refused. */
static bool line_is_field(const char *line) {
        size_t n = strspn(line, TOKEN_CHARACTERS);

        return n > 0 && line[n] == ':';
}

/* Ends each line by a NUL instead of CR LF, and checks them. */
static int head_complete(MqttHttpHead *h) {
        const char *line;

        h->text[h->size] = '\0';
        h->is_complete = true;
        if (!head_parse_status(h))
                return -EPROTO;
        for (line = line_next(h->text); *line; line = line_next(line))
                if (!line_is_field(line))
                        return -EPROTO;
        return 0;
}

/* Ends a line without its CR and the blanks before that, but does not make an empty line of blanks. */
static void head_end_line(MqttHttpHead *h) {
        if (h->size > 0 && h->text[h->size - 1] == '\r')
                h->size--;
        while (h->size > 1 && h->text[h->size - 1] == ' ' && h->text[h->size - 2] != '\0')
                h->size--;
        h->text[h->size++] = '\0';
}

/* False: this cannot be HTTP. What is not ASCII is for people only, and is not passed on. */
static bool head_add(MqttHttpHead *h, uint8_t byte) {
        if (h->size < sizeof(version) - 1 && byte != (uint8_t) version[h->size])
                return false;
        if (h->size > 0 && h->text[h->size - 1] == '\r' && byte != '\n')
                return false;
        if (byte == '\n') {
                head_end_line(h);
                return true;
        }
        if (byte == '\t')
                byte = ' ';
        if (byte >= 0x80)
                byte = '?';
        h->text[h->size++] = (char) byte;
        return byte == '\r' || (byte >= ' ' && byte < 0x7f);
}

ssize_t mqtt_http_feed(MqttHttpHead *h, const uint8_t *bytes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r;

                if (h->size == MQTT_HTTP_HEAD_MAX)
                        return -EMSGSIZE;
                if (!head_add(h, bytes[i]))
                        return -EPROTO;
                /* An empty line. */
                if (h->size < 2 || h->text[h->size - 1] != '\0' || h->text[h->size - 2] != '\0')
                        continue;
                r = head_complete(h);
                return r < 0 ? r : (ssize_t) i + 1;
        }
        return (ssize_t) n;
}

const char *mqtt_http_status_line(const MqttHttpHead *h) {
        return h->text;
}

/* The value of the field in this line, if it has this name. */
static const char *line_value(const char *line, const char *name) {
        size_t n = strlen(name);

        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
                return NULL;
        return line + n + 1 + strspn(line + n + 1, " ");
}

unsigned mqtt_http_find(const MqttHttpHead *h, const char *name, const char **ret_value) {
        unsigned n = 0;

        *ret_value = NULL;
        for (const char *line = line_next(h->text); *line; line = line_next(line)) {
                const char *value = line_value(line, name);

                if (value && n++ == 0)
                        *ret_value = value;
        }
        return n;
}

static bool value_has_token(const char *value, const char *token) {
        size_t n_token = strlen(token);

        for (;;) {
                size_t n;

                value += strspn(value, " ,");
                n = strcspn(value, " ,");
                if (n == 0)
                        return false;
                if (n == n_token && strncasecmp(value, token, n) == 0)
                        return true;
                value += n;
        }
}

bool mqtt_http_has_token(const MqttHttpHead *h, const char *name, const char *token) {
        for (const char *line = line_next(h->text); *line; line = line_next(line)) {
                const char *value = line_value(line, name);

                if (value && value_has_token(value, token))
                        return true;
        }
        return false;
}
