/* SPDX-License-Identifier: MIT */

#include "daemon/metric.h"

#include <inttypes.h>

/* The longest number of seconds, and a NUL. */
#define SECONDS_SIZE sizeof("18446744073709.551615")

static const struct {
        const char *name, *suffix;
} kinds[_METRIC_KIND_MAX] = {
        [METRIC_COUNTER] = { "counter", "_total" }, [METRIC_GAUGE] = { "gauge", "" },
        [METRIC_HISTOGRAM] = { "histogram", "" },   [METRIC_INFO] = { "info", "_info" },
        [METRIC_STATE_SET] = { "stateset", "" },
};

void metric_begin(IpcJson *json, const char *name, MetricKind kind, const char *unit, const char *help) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "name", name);
        ipc_json_cstring(json, "kind", kinds[kind].name);
        if (unit)
                ipc_json_cstring(json, "unit", unit);
        ipc_json_cstring(json, "help", help);
        ipc_json_begin_array(json, "samples");
}

void metric_end(IpcJson *json) {
        ipc_json_end_array(json);
        ipc_json_end(json);
}

static void write_sample(IpcJson *json, const char *suffix, const MetricLabel *labels, const char *value) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "suffix", suffix);
        ipc_json_begin(json, "labels");
        for (const MetricLabel *label = labels; label->name; label++)
                ipc_json_cstring(json, label->name, label->value);
        ipc_json_end(json);
        ipc_json_raw(json, "value", az_span_create_from_str((char *) value));
        ipc_json_end(json);
}

static void write_number(IpcJson *json, const char *suffix, const MetricLabel *labels, uint64_t value) {
        char text[SECONDS_SIZE];

        (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        write_sample(json, suffix, labels, text);
}

static const char *format_seconds(char text[static SECONDS_SIZE], uint64_t us) {
        (void) snprintf(text, SECONDS_SIZE, "%" PRIu64 ".%06" PRIu64, us / USEC_PER_SEC, us % USEC_PER_SEC);
        return text;
}

void metric_number(IpcJson *json, MetricKind kind, const MetricLabel *labels, uint64_t value) {
        if (value != UINT64_MAX)
                write_number(json, kinds[kind].suffix, labels, value);
}

void metric_seconds(IpcJson *json, MetricKind kind, const MetricLabel *labels, uint64_t value_us) {
        char text[SECONDS_SIZE];

        if (value_us != UINT64_MAX)
                write_sample(json, kinds[kind].suffix, labels, format_seconds(text, value_us));
}

void metric_histogram(IpcJson *json, const Histogram *h) {
        char bound[SECONDS_SIZE], sum[SECONDS_SIZE];
        uint64_t n = 0;

        for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
                uint64_t bound_us = histogram_bound_us(i);

                n += h->n[i];
                write_number(
                        json, "_bucket",
                        METRIC_LABELS(
                                { "le", bound_us == UINT64_MAX ? "+Inf" : format_seconds(bound, bound_us) }),
                        n);
        }
        write_number(json, "_count", METRIC_NO_LABELS, n);
        write_sample(json, "_sum", METRIC_NO_LABELS, format_seconds(sum, h->sum_us));
}
