/* SPDX-License-Identifier: MIT */

#include "cli/openmetrics.h"

#include <azure/core/az_json.h>

#include "cli/reply.h"
#include "ipc/aziot.h"
#include "util/util.h"

#define OURS "aziotd_"

/* What is printed, while there is no error. */
typedef struct Printer {
        FILE *to;
        MetricsFormat format;
        const char *prefix, *name; /* of the metric whose samples are printed */
} Printer;

/* How a kind is called in Prometheus' format, which has fewer; and there the type is that of the sample. */
static const struct {
        const char *kind, *prometheus, *suffix;
} kinds[] = {
        { "counter", "counter", "_total" }, { "gauge", "gauge", "" },    { "histogram", "histogram", "" },
        { "info", "gauge", "_info" },       { "stateset", "gauge", "" },
};

/* 'escaped': what is to have a backslash before it, besides line feeds. */
static void print_escaped(FILE *to, const char *text, const char *escaped) {
        for (; *text; text++)
                if (*text == '\n')
                        (void) fputs("\\n", to);
                else
                        (void) fprintf(to, strchr(escaped, *text) ? "\\%c" : "%c", *text);
}

static int print_label(Printer *p, const az_json_token *name, const az_json_token *value, bool is_first) {
        _cleanup_(freep) char *text = malloc((size_t) az_span_size(value->slice) + 1);

        if (!text)
                return -ENOMEM;
        if (az_result_failed(az_json_token_get_string(value, text, az_span_size(value->slice) + 1, NULL)))
                return -EBADMSG;
        (void) fprintf(p->to, "%s%.*s=\"", is_first ? "{" : ",", az_span_size(name->slice),
                       (const char *) az_span_ptr(name->slice));
        print_escaped(p->to, text, "\"\\");
        (void) fputc('"', p->to);
        return 0;
}

static int print_labels(Printer *p, const char *labels, size_t size) {
        az_json_reader reader;
        bool is_first = true;
        int r = 0;

        if (az_result_failed(
                    az_json_reader_init(&reader, az_span_create((uint8_t *) labels, (int32_t) size), NULL)) ||
            az_result_failed(az_json_reader_next_token(&reader)) ||
            reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EBADMSG;
        while (r == 0 && az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_PROPERTY_NAME) {
                az_json_token name = reader.token;

                if (az_result_failed(az_json_reader_next_token(&reader)) ||
                    reader.token.kind != AZ_JSON_TOKEN_STRING)
                        return -EBADMSG;
                r = print_label(p, &name, &reader.token, is_first);
                is_first = false;
        }
        if (r == 0 && !is_first)
                (void) fputc('}', p->to);
        return r;
}

static int print_sample(void *userdata, const char *sample, size_t size) {
        _cleanup_(freep) char *suffix = reply_get_text(sample, size, "suffix");
        const char *labels, *value;
        size_t n_labels, n_value;
        Printer *p = userdata;
        int r;

        if (!suffix || aziot_json_find(sample, size, "labels", &labels, &n_labels) != 0 ||
            aziot_json_find(sample, size, "value", &value, &n_value) != 0)
                return -EBADMSG;
        (void) fprintf(p->to, "%s%s%s", p->prefix, p->name, suffix);
        r = print_labels(p, labels, n_labels);
        (void) fprintf(p->to, " %.*s\n", (int) n_value, value);
        return r;
}

static int print_head(const Printer *p, const char *kind, const char *unit, const char *help) {
        size_t i = 0;

        while (i < ELEMENTSOF(kinds) && strcmp(kinds[i].kind, kind) != 0)
                i++;
        if (i == ELEMENTSOF(kinds))
                return -EBADMSG;

        if (p->format == METRICS_PROMETHEUS)
                (void) fprintf(p->to, "# TYPE %s%s%s %s\n# HELP %s%s%s ", p->prefix, p->name, kinds[i].suffix,
                               kinds[i].prometheus, p->prefix, p->name, kinds[i].suffix);
        else {
                (void) fprintf(p->to, "# TYPE %s %s\n", p->name, kind);
                if (unit)
                        (void) fprintf(p->to, "# UNIT %s %s\n", p->name, unit);
                (void) fprintf(p->to, "# HELP %s ", p->name);
        }
        /* In Prometheus' format a quote in a help text stands as it is. */
        print_escaped(p->to, help, p->format == METRICS_PROMETHEUS ? "\\" : "\"\\");
        (void) fputc('\n', p->to);
        return 0;
}

static int print_metric(void *userdata, const char *metric, size_t size) {
        _cleanup_(freep) char *name = reply_get_text(metric, size, "name");
        _cleanup_(freep) char *kind = reply_get_text(metric, size, "kind");
        _cleanup_(freep) char *unit = reply_get_text(metric, size, "unit");
        _cleanup_(freep) char *help = reply_get_text(metric, size, "help");
        Printer p = *(const Printer *) userdata;
        int r;

        if (!name || !kind || !help)
                return -EBADMSG;
        p.name = name;
        p.prefix = p.format == METRICS_PROMETHEUS && strncmp(name, OURS, strlen(OURS)) != 0 ? OURS : "";
        r = print_head(&p, kind, unit, help);
        return r < 0 ? r : reply_for_each(metric, size, "samples", print_sample, &p);
}

int openmetrics_print(FILE *to, MetricsFormat format, const char *reply, size_t size) {
        Printer p = { .to = to, .format = format };
        int r;

        r = reply_for_each(reply, size, "metrics", print_metric, &p);
        if (r == 0 && format == METRICS_OPENMETRICS)
                (void) fputs("# EOF\n", to);
        return r;
}
