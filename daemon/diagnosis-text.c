/* SPDX-License-Identifier: MIT */

/*
 * The texts of a row, with the values of a diagnosis:
 *
 *      {word}   a value; "(unknown)" if there is none
 *      <...>    left out if a value in it is not known
 */

#include <inttypes.h>

#include "daemon/diagnosis.h"
#include "ipc/rfc3339.h"

#define USEC_PER_DAY (24 * 3600 * USEC_PER_SEC)

/* A value that has to be formatted: a time, a number. */
#define VALUE_SIZE 640U

typedef struct Writer {
        char *text;
        size_t size, len;
} Writer;

static void write_bytes(Writer *w, const char *bytes, size_t n) {
        n = MIN(n, w->size - 1 - w->len);
        memcpy(w->text + w->len, bytes, n);
        w->len += n;
}

/* Values: NULL is "not known" ------------------------------------------------------------------------- */

static const char *text_or_null(const char *text) {
        return text[0] ? text : NULL;
}

static const char *format_number(char buffer[static VALUE_SIZE], uint64_t number) {
        if (number == 0)
                return NULL;
        (void) snprintf(buffer, VALUE_SIZE, "%" PRIu64, number);
        return buffer;
}

/* To the second. */
static const char *format_time(char buffer[static VALUE_SIZE], uint64_t realtime) {
        char *point;

        (void) rfc3339_format(buffer, realtime);
        point = strchr(buffer, '.');
        if (point)
                memcpy(point, "Z", sizeof("Z"));
        return buffer;
}

static const char *format_date(char buffer[static VALUE_SIZE], int64_t unix_s) {
        return unix_s > 0 ? format_time(buffer, (uint64_t) unix_s * USEC_PER_SEC) : NULL;
}

/* What a service is called, where its host is configured, and the section that is about it. */
static const struct {
        const char *name, *host_key, *section;
} services[_CLOUD_MAX] = {
        [CLOUD_HUB] = { "hub", "the host in the connection string, or Host= in [Hub]", "[Hub]" },
        [CLOUD_PROVISIONING] = { "provisioning service", "Endpoint= in [Provisioning]", "[Hub]" },
        [CLOUD_BROKER] = { "broker", "Host= in [Broker], or the settings in its place", "[Broker]" },
};

static const char *peer(char buffer[static VALUE_SIZE], const Diagnosis *d) {
        (void) snprintf(buffer, VALUE_SIZE, "%s '%s'", services[d->service].name, d->host);
        return buffer;
}

static const char *address_or_host(char buffer[static VALUE_SIZE], const Diagnosis *d) {
        if (d->address[0])
                return d->address;
        (void) snprintf(buffer, VALUE_SIZE, "'%s' port %u", d->host, d->port);
        return buffer;
}

static const char *quota_wait(char buffer[static VALUE_SIZE], const Diagnosis *d) {
        uint64_t minutes = (USEC_PER_DAY - d->realtime_us % USEC_PER_DAY) / USEC_PER_SEC / 60;

        (void) snprintf(buffer, VALUE_SIZE, "%" PRIu64 " h %" PRIu64 " min", minutes / 60, minutes % 60);
        return buffer;
}

/* The words of the rows. */
typedef enum Value {
        VALUE_IF_HUB,
        VALUE_IF_AZURE,
        VALUE_SECTION,
        VALUE_PEER,
        VALUE_SERVICE,
        VALUE_HOST,
        VALUE_HOST_KEY,
        VALUE_PORT,
        VALUE_ADDRESS_OR_HOST,
        VALUE_PROXY,
        VALUE_ERROR,
        VALUE_DETAIL,
        VALUE_HTTP,
        VALUE_CLOCK,
        VALUE_QUOTA_WAIT,
        VALUE_SUBJECT,
        VALUE_ISSUER,
        VALUE_NOT_BEFORE,
        VALUE_NOT_AFTER,
        VALUE_OWN_SUBJECT,
        VALUE_OWN_ISSUER,
        VALUE_OWN_NOT_AFTER,
        VALUE_CONNACK,
        VALUE_CODE,
        VALUE_MESSAGE,
        VALUE_TRACKING_ID,
        VALUE_TIMESTAMP,
        _VALUE_MAX,
} Value;

static const char *const words[_VALUE_MAX] = {
        [VALUE_IF_HUB] = "if-hub",
        [VALUE_IF_AZURE] = "if-azure",
        [VALUE_SECTION] = "section",
        [VALUE_PEER] = "peer",
        [VALUE_SERVICE] = "service",
        [VALUE_HOST] = "host",
        [VALUE_HOST_KEY] = "host-key",
        [VALUE_PORT] = "port",
        [VALUE_ADDRESS_OR_HOST] = "address-or-host",
        [VALUE_PROXY] = "proxy",
        [VALUE_ERROR] = "error",
        [VALUE_DETAIL] = "detail",
        [VALUE_HTTP] = "http",
        [VALUE_CLOCK] = "clock",
        [VALUE_QUOTA_WAIT] = "quota-wait",
        [VALUE_SUBJECT] = "subject",
        [VALUE_ISSUER] = "issuer",
        [VALUE_NOT_BEFORE] = "not-before",
        [VALUE_NOT_AFTER] = "not-after",
        [VALUE_OWN_SUBJECT] = "own-subject",
        [VALUE_OWN_ISSUER] = "own-issuer",
        [VALUE_OWN_NOT_AFTER] = "own-not-after",
        [VALUE_CONNACK] = "connack",
        [VALUE_CODE] = "code",
        [VALUE_MESSAGE] = "message",
        [VALUE_TRACKING_ID] = "tracking-id",
        [VALUE_TIMESTAMP] = "timestamp",
};

/* What certificates say: the server's and our own. */
static const char *find_certificate_value(const Diagnosis *d, Value value, char buffer[static VALUE_SIZE]) {
        switch ((int) value) {
        case VALUE_SUBJECT:
                return text_or_null(d->server.subject);
        case VALUE_ISSUER:
                return text_or_null(d->server.issuer);
        case VALUE_NOT_BEFORE:
                return format_date(buffer, d->server.not_before_s);
        case VALUE_NOT_AFTER:
                return format_date(buffer, d->server.not_after_s);
        case VALUE_OWN_SUBJECT:
                return text_or_null(d->own.subject);
        case VALUE_OWN_ISSUER:
                return text_or_null(d->own.issuer);
        case VALUE_OWN_NOT_AFTER:
                return format_date(buffer, d->own.not_after_s);
        default:
                return NULL;
        }
}

static const char *find_value(const Diagnosis *d, Value value, char buffer[static VALUE_SIZE]) {
        switch (value) {
        case VALUE_IF_HUB:
                return d->service == CLOUD_HUB ? "" : NULL;
        case VALUE_IF_AZURE:
                return d->service != CLOUD_BROKER ? "" : NULL;
        case VALUE_SECTION:
                return services[d->service].section;
        case VALUE_PEER:
                return peer(buffer, d);
        case VALUE_SERVICE:
                return services[d->service].name;
        case VALUE_HOST:
                return text_or_null(d->host);
        case VALUE_HOST_KEY:
                return services[d->service].host_key;
        case VALUE_PORT:
                return format_number(buffer, d->port);
        case VALUE_ADDRESS_OR_HOST:
                return address_or_host(buffer, d);
        case VALUE_PROXY:
                return text_or_null(d->proxy);
        case VALUE_ERROR:
                return d->error != 0 ? strerror(-d->error) : NULL;
        case VALUE_DETAIL:
                return text_or_null(d->detail);
        case VALUE_HTTP:
                return format_number(buffer, (unsigned) d->http_status);
        case VALUE_CLOCK:
                return format_time(buffer, d->realtime_us);
        case VALUE_QUOTA_WAIT:
                return quota_wait(buffer, d);
        case VALUE_SUBJECT:
        case VALUE_ISSUER:
        case VALUE_NOT_BEFORE:
        case VALUE_NOT_AFTER:
        case VALUE_OWN_SUBJECT:
        case VALUE_OWN_ISSUER:
        case VALUE_OWN_NOT_AFTER:
                return find_certificate_value(d, value, buffer);
        case VALUE_CONNACK:
                return format_number(buffer, d->connack_code);
        case VALUE_CODE:
                return format_number(buffer, d->dps_code);
        case VALUE_MESSAGE:
                return text_or_null(d->message);
        case VALUE_TRACKING_ID:
                return text_or_null(d->tracking_id);
        case VALUE_TIMESTAMP:
                return text_or_null(d->timestamp);
        case _VALUE_MAX:
                break;
        }
        return NULL;
}

/* Returns false if there is no such value, after writing that. */
static bool write_value(const Diagnosis *d, const char *word, size_t n, Writer *w) {
        char buffer[VALUE_SIZE];
        const char *value = NULL;

        for (Value i = 0; i < _VALUE_MAX; i++)
                if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
                        value = find_value(d, i, buffer);

        write_bytes(w, value ?: "(unknown)", strlen(value ?: "(unknown)"));
        return value;
}

/* Returns whether all values were known. */
static bool expand(const Diagnosis *d, const char *from, const char *end, Writer *w) {
        bool is_known = true;

        while (from < end) {
                size_t n = strcspn(from, "{<"), before;
                const char *close;

                n = MIN(n, (size_t) (end - from));
                write_bytes(w, from, n);
                from += n;
                if (from == end)
                        break;

                close = strchr(from, from[0] == '{' ? '}' : '>');
                before = w->len;
                if (from[0] == '{')
                        is_known = write_value(d, from + 1, (size_t) (close - from) - 1, w) && is_known;
                else if (!expand(d, from + 1, close, w))
                        w->len = before;
                from = close + 1;
        }
        return is_known;
}

static void write_text(const Diagnosis *d, const char *template, char *text, size_t size) {
        Writer w = { text, size, 0 };

        (void) expand(d, template, template + strlen(template), &w);
        text[w.len] = '\0';
}

void diagnosis_write_texts(Diagnosis *d) {
        const ProblemInfo *info = problem_get_info(d->problem);

        write_text(d, info->sentence, d->text, sizeof(d->text));
        write_text(d, info->advice, d->advice, sizeof(d->advice));
}
