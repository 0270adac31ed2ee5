/* SPDX-License-Identifier: MIT */

/*
 * GetMetrics: what an operator graphs and alarms on. A row for each metric; what they tell is collected once
 * a call, from what its owners count anyway.
 */

#include "daemon/device-internal.h"

#include "daemon/metric.h"
#include "daemon/process.h"

/* Users have a label, and are not without bound: those who come later share one. */
#define USERS_MAX 64U

/* Numbers are UINT64_MAX where they are not known. */
typedef struct Facts {
        const Device *device;
        const IpcServer *server;
        Counters counters;
        LinkStatus status;
        LinkCounts link;
        Histogram syncs;
        MessagesCounts messages;
        MethodsCounts methods;
        TwinCounts twin;
        ProcessUse process;
        uint64_t n_provisioning_runs;
        /* What is of another type above. */
        uint64_t is_up, is_outbox_stalled, is_inbox_stalled, is_twin_fresh, n_waiting, n_pending;
        uint64_t start_us, since_us, config_us, is_config_right, max_messages;
} Facts;

typedef struct Metric {
        const char *name, *unit, *help;
        MetricKind kind;
        size_t offset; /* of its one value in Facts, of seconds in us; or else: */
        void (*write)(IpcJson *json, const Facts *facts);
} Metric;

/* Values with labels ---------------------------------------------------------------------------------- */

static void write_build(IpcJson *json, const Facts *f) {
        metric_number(json, METRIC_INFO, METRIC_LABELS({ "version", AZIOT_VERSION }), 1);
}

static void write_link_state(IpcJson *json, const Facts *f) {
        for (LinkState state = 0; state < _LINK_STATE_MAX; state++)
                metric_number(json, METRIC_STATE_SET,
                              METRIC_LABELS({ "aziotd_link_state", link_state_to_string(state) }),
                              state == f->status.state);
}

/* Of problems that there never were nothing is told: there are many. */
static void write_problems(IpcJson *json, const uint64_t n[static _PROBLEM_MAX]) {
        for (Problem problem = 0; problem < _PROBLEM_MAX; problem++)
                if (n[problem] > 0)
                        metric_number(json, METRIC_COUNTER,
                                      METRIC_LABELS({ "problem", problem_to_string(problem) }), n[problem]);
}

static void write_link_failures(IpcJson *json, const Facts *f) {
        write_problems(json, f->link.n_failed);
}

static void write_link_losses(IpcJson *json, const Facts *f) {
        write_problems(json, f->link.n_lost);
}

static void write_expiry(IpcJson *json, const MetricLabel *labels, uint64_t expires_s) {
        if (expires_s > 0)
                metric_number(json, METRIC_GAUGE, labels, expires_s);
}

static void write_token_expiry(IpcJson *json, const Facts *f) {
        write_expiry(json, METRIC_NO_LABELS, f->link.token_expires_s);
}

static void write_certificate_expiry(IpcJson *json, const Facts *f) {
        write_expiry(json, METRIC_LABELS({ "certificate", "device" }), f->link.certificate_expires_s);
        write_expiry(json, METRIC_LABELS({ "certificate", "server" }), f->link.server_certificate_expires_s);
}

/* The value, which depends on 'p', for each priority. */
#define WRITE_FOR_PRIORITIES(json, kind, value)      \
        for (Priority p = 0; p < _PRIORITY_MAX; p++) \
        metric_number(json, kind, METRIC_LABELS({ "priority", priority_names[p] }), value)

static const OutboxTraffic *get_traffic(const Facts *f, Priority p) {
        return outbox_get_traffic(outboxes_get(f->device->outboxes, p));
}

static void write_accepted(IpcJson *json, const Facts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_COUNTER, get_traffic(f, p)->n_accepted);
}

static void write_delivered(IpcJson *json, const Facts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_COUNTER, get_traffic(f, p)->n_delivered);
}

static void write_dropped(IpcJson *json, const Facts *f) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++)
                        metric_number(json, METRIC_COUNTER,
                                      METRIC_LABELS({ "priority", priority_names[p] },
                                                    { "cause", outbox_drop_cause_to_string(cause) }),
                                      f->counters.hub.priorities[p].n_dropped[cause]);
}

static void write_outbox_messages(IpcJson *json, const Facts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_GAUGE, f->counters.hub.priorities[p].messages);
}

static void write_outbox_bytes(IpcJson *json, const Facts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_GAUGE, f->counters.hub.priorities[p].bytes);
}

static void write_outbox_capacity(IpcJson *json, const Facts *f) {
        WRITE_FOR_PRIORITIES(json, METRIC_GAUGE, f->counters.hub.priorities[p].capacity_bytes);
}

static void write_outbox_age(IpcJson *json, const Facts *f) {
        uint64_t now_us = realtime_us();

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                uint64_t oldest_us = f->counters.hub.priorities[p].oldest_realtime_us;

                metric_seconds(json, METRIC_GAUGE, METRIC_LABELS({ "priority", priority_names[p] }),
                               oldest_us > 0 && oldest_us < now_us ? now_us - oldest_us : 0);
        }
}

static void write_syncs(IpcJson *json, const Facts *f) {
        metric_histogram(json, &f->syncs);
}

static void write_method_calls(IpcJson *json, const Facts *f) {
        static const char *const classes[METHODS_CLASSES] = { "1xx", "2xx", "3xx", "4xx", "5xx", "other" };

        for (size_t i = 0; i < METHODS_CLASSES; i++)
                metric_number(json, METRIC_COUNTER, METRIC_LABELS({ "status", classes[i] }),
                              f->methods.n_answered[i]);
}

static void write_method_durations(IpcJson *json, const Facts *f) {
        metric_histogram(json, &f->methods.durations);
}

static void write_version(IpcJson *json, int64_t version) {
        if (version >= 0)
                metric_number(json, METRIC_GAUGE, METRIC_NO_LABELS, (uint64_t) version);
}

static void write_desired_version(IpcJson *json, const Facts *f) {
        write_version(json, f->twin.desired_version);
}

static void write_reported_version(IpcJson *json, const Facts *f) {
        write_version(json, f->twin.reported_version);
}

static void write_user(void *userdata, uid_t uid, unsigned n_connections) {
        char text[sizeof("4294967295")];

        (void) snprintf(text, sizeof(text), "%u", uid);
        metric_number(userdata, METRIC_GAUGE, METRIC_LABELS({ "uid", text }), n_connections);
}

static void write_connections(IpcJson *json, const Facts *f) {
        unsigned n_others = ipc_server_for_each_user(f->server, USERS_MAX, write_user, json);

        if (n_others > 0)
                metric_number(json, METRIC_GAUGE, METRIC_LABELS({ "uid", "other" }), n_others);
}

static void write_reloads(IpcJson *json, const Facts *f) {
        const ConfigReloads *reloads = f->device->reloads;

        metric_number(json, METRIC_COUNTER, METRIC_LABELS({ "result", "taken" }), reloads->n_taken);
        metric_number(json, METRIC_COUNTER, METRIC_LABELS({ "result", "refused" }), reloads->n_refused);
}

static void write_refusals(IpcJson *json, const Facts *f) {
        for (IpcNotice notice = 0; notice < _IPC_NOTICE_MAX; notice++)
                metric_number(json, METRIC_COUNTER, METRIC_LABELS({ "reason", ipc_notice_to_string(notice) }),
                              f->device->client_log->n[notice]);
        metric_number(json, METRIC_COUNTER, METRIC_LABELS({ "reason", "rule or limit" }),
                      f->device->client_log->n_refusals);
}

/* The table ------------------------------------------------------------------------------------------- */

#define VALUE(member) .offset = offsetof(Facts, member)

static const Metric metrics[] = {
        { "aziotd_build", NULL, "Which aziotd this is.", METRIC_INFO, .write = write_build },

        { "aziotd_config_reloads", NULL, "How often the configuration was loaded again, by result.",
          METRIC_COUNTER, .write = write_reloads },
        { "aziotd_config_last_reload_successful", NULL,
          "Whether it is in use as it was when it was loaded last.", METRIC_GAUGE, VALUE(is_config_right) },
        { "aziotd_config_last_reload_success_timestamp_seconds", "seconds",
          "When the configuration in use was loaded.", METRIC_GAUGE, VALUE(config_us) },

        { "aziotd_link_up", NULL, "Whether the device is online.", METRIC_GAUGE, VALUE(is_up) },
        { "aziotd_link_state", NULL, "The state of the link, as of 'aziot status'.", METRIC_STATE_SET,
          .write = write_link_state },
        { "aziotd_link_since_timestamp_seconds", "seconds", "Since when it has been in this state.",
          METRIC_GAUGE, VALUE(since_us) },
        { "aziotd_link_online_seconds", "seconds", "How long the device was online.", METRIC_COUNTER,
          VALUE(link.online_us) },
        { "aziotd_link_connects", NULL, "Links that came up.", METRIC_COUNTER, VALUE(link.n_connected) },
        { "aziotd_link_renewals", NULL, "Connections that were renewed as planned.", METRIC_COUNTER,
          VALUE(link.n_renewed) },
        { "aziotd_link_received_bytes", "bytes",
          "What came over its connections, TLS included, but for attempts that led to none.", METRIC_COUNTER,
          VALUE(link.n_received_bytes) },
        { "aziotd_link_sent_bytes", "bytes", "The same of what was sent.", METRIC_COUNTER,
          VALUE(link.n_sent_bytes) },
        { "aziotd_link_failures", NULL, "Attempts to connect that failed, by problem (aziot(1)).",
          METRIC_COUNTER, .write = write_link_failures },
        { "aziotd_link_losses", NULL, "Links that were lost, by problem (aziot(1)).", METRIC_COUNTER,
          .write = write_link_losses },
        { "aziotd_token_expiry_timestamp_seconds", "seconds",
          "When the token of the connection ends; it is renewed before.", METRIC_GAUGE,
          .write = write_token_expiry },
        { "aziotd_certificate_expiry_timestamp_seconds", "seconds",
          "When the certificate of the device, and that of the server while there is a connection, expire.",
          METRIC_GAUGE, .write = write_certificate_expiry },
        { "aziotd_provisioning_runs", NULL, "How often the provisioning service was asked.", METRIC_COUNTER,
          VALUE(n_provisioning_runs) },

        { "aziotd_messages_accepted", NULL, "Messages that programs sent.", METRIC_COUNTER,
          .write = write_accepted },
        { "aziotd_messages_delivered", NULL, "Messages that the hub has acknowledged.", METRIC_COUNTER,
          .write = write_delivered },
        { "aziotd_messages_dropped", NULL,
          "Messages that will not reach the hub, by cause; those before the last start included.",
          METRIC_COUNTER, .write = write_dropped },
        { "aziotd_outbox_messages", NULL, "Messages that wait to be sent.", METRIC_GAUGE,
          .write = write_outbox_messages },
        { "aziotd_outbox_bytes", "bytes", "What they occupy on disk.", METRIC_GAUGE,
          .write = write_outbox_bytes },
        { "aziotd_outbox_capacity_bytes", "bytes", "What messages may occupy.", METRIC_GAUGE,
          .write = write_outbox_capacity },
        { "aziotd_outbox_capacity_messages", NULL, "How many messages there may be, if that is limited.",
          METRIC_GAUGE, VALUE(max_messages) },
        { "aziotd_outbox_oldest_age_seconds", "seconds", "How long the oldest message has waited.",
          METRIC_GAUGE, .write = write_outbox_age },
        { "aziotd_outbox_stalled", NULL, "Whether the disk fails the outbox.", METRIC_GAUGE,
          VALUE(is_outbox_stalled) },
        { "aziotd_outbox_sync_seconds", "seconds", "How long it took the disk to make messages durable.",
          METRIC_HISTOGRAM, .write = write_syncs },

        { "aziotd_inbox_messages", NULL, "Messages from the cloud that no program has settled.", METRIC_GAUGE,
          VALUE(counters.inbox.messages) },
        { "aziotd_inbox_capacity_messages", NULL, "How many there may be.", METRIC_GAUGE,
          VALUE(counters.inbox.capacity_messages) },
        { "aziotd_inbox_bytes", "bytes", "What they occupy on disk.", METRIC_GAUGE,
          VALUE(counters.inbox.bytes) },
        { "aziotd_inbox_capacity_bytes", "bytes", "What they may occupy.", METRIC_GAUGE,
          VALUE(counters.inbox.capacity_bytes) },
        { "aziotd_inbox_stalled", NULL, "Whether messages have to wait at the hub.", METRIC_GAUGE,
          VALUE(is_inbox_stalled) },
        { "aziotd_inbox_deliveries", NULL, "Messages that the hub sent, repeats included.", METRIC_COUNTER,
          VALUE(messages.n_received) },
        { "aziotd_inbox_repeats", NULL, "Those of them that were known already.", METRIC_COUNTER,
          VALUE(counters.inbox.n_repeated) },
        { "aziotd_inbox_settled", NULL, "Messages that programs settled.", METRIC_COUNTER,
          VALUE(messages.n_settled) },
        { "aziotd_inbox_expired", NULL, "Messages that expired before a program took them.", METRIC_COUNTER,
          VALUE(counters.inbox.n_expired) },
        { "aziotd_inbox_damaged", NULL, "Messages that could not be read back from the disk.", METRIC_COUNTER,
          VALUE(counters.inbox.n_damaged) },

        { "aziotd_method_calls", NULL, "Calls of direct methods that were answered, by status.",
          METRIC_COUNTER, .write = write_method_calls },
        { "aziotd_method_calls_waiting", NULL, "Calls that wait for the answers of programs.", METRIC_GAUGE,
          VALUE(n_waiting) },
        { "aziotd_method_duration_seconds", "seconds", "How long calls that a program serves took.",
          METRIC_HISTOGRAM, .write = write_method_durations },

        { "aziotd_twin_fresh", NULL, "Whether the twin that is known is what the hub has.", METRIC_GAUGE,
          VALUE(is_twin_fresh) },
        { "aziotd_twin_desired_version", NULL, "The version of the desired properties.", METRIC_GAUGE,
          .write = write_desired_version },
        { "aziotd_twin_reported_version", NULL, "The version of the reported properties.", METRIC_GAUGE,
          .write = write_reported_version },
        { "aziotd_twin_reports_pending", NULL, "Reported patches that the hub has not accepted yet.",
          METRIC_GAUGE, VALUE(n_pending) },
        { "aziotd_twin_reports_refused", NULL, "Those that were stored, and refused by the hub later.",
          METRIC_COUNTER, VALUE(twin.n_refused) },

        { "aziotd_client_connections", NULL, "Connections of programs, by user.", METRIC_GAUGE,
          .write = write_connections },
        { "aziotd_client_refusals", NULL, "Calls and connections of programs that were refused, by reason.",
          METRIC_COUNTER, .write = write_refusals },

        { "process_cpu_seconds", "seconds", "Processor time of the daemon.", METRIC_COUNTER,
          VALUE(process.cpu_us) },
        { "process_resident_memory_bytes", "bytes", "Memory that it has.", METRIC_GAUGE,
          VALUE(process.resident_bytes) },
        { "process_virtual_memory_bytes", "bytes", "Addresses that it has.", METRIC_GAUGE,
          VALUE(process.virtual_bytes) },
        { "process_open_fds", NULL, "Descriptors that it has open.", METRIC_GAUGE,
          VALUE(process.n_descriptors) },
        { "process_max_fds", NULL, "How many it may have.", METRIC_GAUGE, VALUE(process.max_descriptors) },
        { "process_start_time_seconds", "seconds", "When it started.", METRIC_GAUGE, VALUE(start_us) },
};

static void write_metric(IpcJson *json, const Metric *metric, const Facts *facts) {
        const uint64_t *value = (const void *) ((const uint8_t *) facts + metric->offset);

        metric_begin(json, metric->name, metric->kind, metric->unit, metric->help);
        if (metric->write)
                metric->write(json, facts);
        else if (metric->unit && strcmp(metric->unit, "seconds") == 0)
                metric_seconds(json, metric->kind, METRIC_NO_LABELS, *value);
        else
                metric_number(json, metric->kind, METRIC_NO_LABELS, *value);
        metric_end(json);
}

/* Collecting ------------------------------------------------------------------------------------------ */

/* Reckoned from now, because the wall clock may have been set since then. */
static uint64_t wall_time(uint64_t boottime) {
        return realtime_us() - (boottime_us() - boottime);
}

static void collect_link(Facts *f) {
        HubLinkProvisioning provisioning;

        hub_link_get_status(f->device->link, &f->status);
        hub_link_get_counts(f->device->link, &f->link);
        f->is_up = link_state_is_up(f->status.state);
        f->since_us = wall_time(f->status.since_us);
        if (hub_link_get_provisioning(f->device->link, &provisioning) == 0)
                f->n_provisioning_runs = provisioning.n_runs;
}

static void collect(Facts *f, const Device *d, const IpcCall *call) {
        *f = (Facts){
                .device = d,
                .server = ipc_call_get_server(call),
                .counters = device_count(d),
                .messages = *messages_get_counts(d->messages),
                .n_provisioning_runs = UINT64_MAX,
        };
        collect_link(f);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                histogram_merge(&f->syncs, &get_traffic(f, p)->syncs);
        methods_get_counts(d->methods, &f->methods);
        twin_get_counts(d->twin, &f->twin);
        process_get_use(&f->process);

        f->start_us = wall_time(d->start_us);
        f->config_us = wall_time(d->reloads->taken_us);
        f->is_config_right = !d->reloads->is_refused;
        /* 0: as many as fit */
        f->max_messages = f->counters.hub.sum.capacity_messages ?: UINT64_MAX;
        f->is_outbox_stalled = f->counters.hub.error != 0;
        f->is_inbox_stalled = f->counters.inbox.stalled[0] != '\0';
        f->is_twin_fresh = f->twin.is_fresh;
        f->n_waiting = f->methods.n_waiting;
        f->n_pending = f->twin.n_pending;
}

int device_get_metrics(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Facts facts;

        collect(&facts, userdata, call);
        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "metrics");
        for (size_t i = 0; i < ELEMENTSOF(metrics); i++)
                write_metric(&json, &metrics[i], &facts);
        device_write_broker_metrics(&json, userdata, &facts.counters);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}
