/* SPDX-License-Identifier: MIT */

/* The metrics of the broker; without one they have no samples. */

#include "daemon/device-internal.h"
#include "daemon/metric.h"

/* 'has_broker' false: none of the rest is known. */
typedef struct BrokerFacts {
        bool has_broker;
        LinkStatus status;
        BrokerLinkCounts link;
        BrokerCounts counts;
        OutboxCounters outbox;
        const Outboxes *outboxes;
        uint64_t is_up, since_us, n_watches;
} BrokerFacts;

typedef struct BrokerMetric {
        const char *name, *unit, *help;
        MetricKind kind;
        size_t offset; /* of its one value in BrokerFacts, of seconds in us; or else: */
        void (*write)(IpcJson *json, const BrokerFacts *facts);
} BrokerMetric;

static void write_state(IpcJson *json, const BrokerFacts *f) {
        for (LinkState state = 0; state < _LINK_STATE_MAX; state++)
                if (state != LINK_PROVISIONING)
                        metric_number(json, METRIC_STATE_SET,
                                      METRIC_LABELS({ "aziotd_broker_state", link_state_to_string(state) }),
                                      state == f->status.state);
}

static void write_problems(IpcJson *json, const uint64_t n[static _PROBLEM_MAX]) {
        for (Problem problem = 0; problem < _PROBLEM_MAX; problem++)
                if (n[problem] > 0)
                        metric_number(json, METRIC_COUNTER,
                                      METRIC_LABELS({ "problem", problem_to_string(problem) }), n[problem]);
}

static void write_failures(IpcJson *json, const BrokerFacts *f) {
        write_problems(json, f->link.link.n_failed);
}

static void write_losses(IpcJson *json, const BrokerFacts *f) {
        write_problems(json, f->link.link.n_lost);
}

static void write_certificates(IpcJson *json, const BrokerFacts *f) {
        const LinkCounts *c = &f->link.link;

        if (c->certificate_expires_s > 0)
                metric_number(json, METRIC_GAUGE, METRIC_LABELS({ "certificate", "device" }),
                              c->certificate_expires_s);
        if (c->server_certificate_expires_s > 0)
                metric_number(json, METRIC_GAUGE, METRIC_LABELS({ "certificate", "server" }),
                              c->server_certificate_expires_s);
}

/* The value, which depends on 'p', for each priority. */
#define WRITE_FOR_PRIORITIES(json, kind, value)      \
        for (Priority p = 0; p < _PRIORITY_MAX; p++) \
        metric_number(json, kind, METRIC_LABELS({ "priority", priority_names[p] }), value)

static const OutboxTraffic *get_traffic(const BrokerFacts *f, Priority p) {
        return outbox_get_traffic(outboxes_get(f->outboxes, p));
}

static void write_accepted(IpcJson *json, const BrokerFacts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_COUNTER, get_traffic(f, p)->n_accepted);
}

static void write_delivered(IpcJson *json, const BrokerFacts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_COUNTER, get_traffic(f, p)->n_delivered);
}

static void write_dropped(IpcJson *json, const BrokerFacts *f) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                for (OutboxDropCause cause = 0; cause < _OUTBOX_DROP_CAUSE_MAX; cause++)
                        metric_number(json, METRIC_COUNTER,
                                      METRIC_LABELS({ "priority", priority_names[p] },
                                                    { "cause", outbox_drop_cause_to_string(cause) }),
                                      f->outbox.priorities[p].n_dropped[cause]);
}

static void write_messages(IpcJson *json, const BrokerFacts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_GAUGE, f->outbox.priorities[p].messages);
}

static void write_bytes(IpcJson *json, const BrokerFacts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_GAUGE, f->outbox.priorities[p].bytes);
}

#define VALUE(member) .offset = offsetof(BrokerFacts, member)

static const BrokerMetric metrics[] = {
        { "aziotd_broker_up", NULL, "Whether the device is connected to the broker.", METRIC_GAUGE,
          VALUE(is_up) },
        { "aziotd_broker_state", NULL, "The state of the link to the broker, as of 'aziot status'.",
          METRIC_STATE_SET, .write = write_state },
        { "aziotd_broker_since_timestamp_seconds", "seconds", "Since when it has been in this state.",
          METRIC_GAUGE, VALUE(since_us) },
        { "aziotd_broker_online_seconds", "seconds", "How long the device was connected to the broker.",
          METRIC_COUNTER, VALUE(link.link.online_us) },
        { "aziotd_broker_connects", NULL, "Links to the broker that came up.", METRIC_COUNTER,
          VALUE(link.link.n_connected) },
        { "aziotd_broker_renewals", NULL, "Connections to the broker that were renewed as planned.",
          METRIC_COUNTER, VALUE(link.link.n_renewed) },
        { "aziotd_broker_reauthentications", NULL,
          "New tokens that the broker took without a new connection.", METRIC_COUNTER,
          VALUE(link.n_reauthenticated) },
        { "aziotd_broker_sessions_lost", NULL, "How often the broker had lost the session.", METRIC_COUNTER,
          VALUE(link.n_sessions_lost) },
        { "aziotd_broker_received_bytes", "bytes", "What came from the broker, TLS included.", METRIC_COUNTER,
          VALUE(link.link.n_received_bytes) },
        { "aziotd_broker_sent_bytes", "bytes", "The same of what was sent.", METRIC_COUNTER,
          VALUE(link.link.n_sent_bytes) },
        { "aziotd_broker_failures", NULL,
          "Attempts to connect to the broker that failed, by problem (aziot(1)).", METRIC_COUNTER,
          .write = write_failures },
        { "aziotd_broker_losses", NULL, "Links to the broker that were lost, by problem (aziot(1)).",
          METRIC_COUNTER, .write = write_losses },
        { "aziotd_broker_certificate_expiry_timestamp_seconds", "seconds",
          "When the certificate of the device for the broker, and that of the broker, expire.", METRIC_GAUGE,
          .write = write_certificates },
        { "aziotd_broker_messages_accepted", NULL, "Messages for the broker that programs sent.",
          METRIC_COUNTER, .write = write_accepted },
        { "aziotd_broker_messages_delivered", NULL, "Messages that the broker has acknowledged.",
          METRIC_COUNTER, .write = write_delivered },
        { "aziotd_broker_messages_dropped", NULL,
          "Messages that will not reach the broker, by cause; those before the last start included.",
          METRIC_COUNTER, .write = write_dropped },
        { "aziotd_broker_outbox_messages", NULL, "Messages that wait to be sent to the broker.", METRIC_GAUGE,
          .write = write_messages },
        { "aziotd_broker_outbox_bytes", "bytes", "What they occupy on disk.", METRIC_GAUGE,
          .write = write_bytes },
        { "aziotd_broker_messages_received", NULL, "Messages from the broker, repeats included.",
          METRIC_COUNTER, VALUE(link.n_received) },
        { "aziotd_broker_messages_given", NULL, "Messages that were given to programs that watch.",
          METRIC_COUNTER, VALUE(counts.n_given) },
        { "aziotd_broker_messages_ignored", NULL, "Messages that are not as Azure IoT Operations asks for.",
          METRIC_COUNTER, VALUE(counts.n_ignored) },
        { "aziotd_broker_watches", NULL, "Programs that watch.", METRIC_GAUGE, VALUE(n_watches) },
        { "aziotd_broker_invocations", NULL, "Commands that programs have invoked.", METRIC_COUNTER,
          VALUE(counts.commands.n_invoked) },
        { "aziotd_broker_invocations_failed", NULL, "Those that ended with an error of the protocol.",
          METRIC_COUNTER, VALUE(counts.commands.n_invoked_failed) },
        { "aziotd_broker_invocations_waiting", NULL, "Commands whose responses are waited for.", METRIC_GAUGE,
          VALUE(counts.commands.n_invocations) },
        { "aziotd_broker_requests", NULL, "Requests for commands that programs serve.", METRIC_COUNTER,
          VALUE(counts.commands.n_requests) },
        { "aziotd_broker_requests_answered", NULL, "Those that programs have answered.", METRIC_COUNTER,
          VALUE(counts.commands.n_answered) },
        { "aziotd_broker_requests_waiting", NULL, "Those that programs have not answered yet.", METRIC_GAUGE,
          VALUE(counts.commands.n_waiting) },
        { "aziotd_broker_commands_served", NULL, "Topics on which commands are served.", METRIC_GAUGE,
          VALUE(counts.commands.n_services) },
};

static void write_metric(IpcJson *json, const BrokerMetric *metric, const BrokerFacts *facts) {
        const uint64_t *value = (const void *) ((const uint8_t *) facts + metric->offset);

        metric_begin(json, metric->name, metric->kind, metric->unit, metric->help);
        if (facts->has_broker && metric->write)
                metric->write(json, facts);
        else if (facts->has_broker && metric->unit && strcmp(metric->unit, "seconds") == 0)
                metric_seconds(json, metric->kind, METRIC_NO_LABELS, *value);
        else if (facts->has_broker)
                metric_number(json, metric->kind, METRIC_NO_LABELS, *value);
        metric_end(json);
}

void device_write_broker_metrics(IpcJson *json, const Device *d, const Counters *counters) {
        BrokerFacts f = { .has_broker = broker_is_configured(d->broker) };

        if (f.has_broker) {
                broker_link_get_status(broker_get_link(d->broker), &f.status);
                broker_link_get_counts(broker_get_link(d->broker), &f.link);
                broker_get_counts(d->broker, &f.counts);
                f.outbox = counters->broker;
                f.outboxes = broker_get_outboxes(d->broker);
                f.is_up = link_state_is_up(f.status.state);
                f.since_us = realtime_us() - (boottime_us() - f.status.since_us);
                f.n_watches = f.counts.n_watches;
        }
        for (size_t i = 0; i < ELEMENTSOF(metrics); i++)
                write_metric(json, &metrics[i], &f);
}
