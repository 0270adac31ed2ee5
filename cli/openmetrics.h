/* SPDX-License-Identifier: MIT */
#pragma once

/* Metrics as text, from the reply of io.aziotd.device.GetMetrics. */

#include <stddef.h>
#include <stdio.h>

typedef enum MetricsFormat {
        METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
        /*
         * Prometheus' text format 0.0.4, which node_exporter's textfile collector reads. That has
         * "process_..." of its own, so ours is "aziotd_process_..." there.
         */
        METRICS_PROMETHEUS,
} MetricsFormat;

/* Returns 0; -EBADMSG: it is not such a reply; -ENOMEM. */
int openmetrics_print(FILE *to, MetricsFormat format, const char *reply, size_t size);
