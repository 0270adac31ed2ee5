/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writes a metric as io.aziotd.device tells it: what OpenMetrics 1.0 has, as JSON. Between metric_begin() and
 * metric_end() stand its samples; one that has none is known, but its value is not.
 */

#include "daemon/histogram.h"
#include "ipc/json.h"

typedef enum MetricKind {
        METRIC_COUNTER,   /* rises, until the daemon starts anew */
        METRIC_GAUGE,     /* what is so now */
        METRIC_HISTOGRAM, /* of seconds */
        METRIC_INFO,      /* its labels are what it says */
        METRIC_STATE_SET, /* 1 for the state that it is in, 0 for the others */
        _METRIC_KIND_MAX,
} MetricKind;

typedef struct MetricLabel {
        const char *name, *value;
} MetricLabel;

/* At most two; the end of them is one without a name. */
#define METRIC_LABELS(...) ((const MetricLabel[3]){ __VA_ARGS__ })
#define METRIC_NO_LABELS   METRIC_LABELS({ 0 })

/* 'unit' may be NULL. */
void metric_begin(IpcJson *json, const char *name, MetricKind kind, const char *unit, const char *help);
void metric_end(IpcJson *json);

/* Of a counter, a gauge, an info or a state set. UINT64_MAX is not known, and not written. */
void metric_number(IpcJson *json, MetricKind kind, const MetricLabel *labels, uint64_t value);
/* The same of a time, which is told in seconds. */
void metric_seconds(IpcJson *json, MetricKind kind, const MetricLabel *labels, uint64_t value_us);
void metric_histogram(IpcJson *json, const Histogram *histogram);
