/* SPDX-License-Identifier: MIT */

/*
 * Every watcher is told the same at the same time, so what was told last is kept once. The link changes
 * rarely and is told at once; counters change with each message and are told when a second has passed since
 * the last time.
 */

#include "daemon/device-internal.h"

#include <assert.h>

#include "ipc/interfaces.h"
#include "ipc/rfc3339.h"

/* A flood of messages makes one reply in this time. */
#define TELL_INTERVAL_US USEC_PER_SEC

int device_new(Device **ret, const DeviceParts *parts) {
        Device *d;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;

        *d = (Device){
                .config = parts->config,
                .config_path = parts->config_path,
                .config_required = parts->config_required,
                .reload = parts->reload,
                .userdata = parts->userdata,
                .reloads = parts->reloads,
                .log = parts->log,
                .link = parts->link,
                .broker = parts->broker,
                .outboxes = parts->outboxes,
                .messages = parts->messages,
                .methods = parts->methods,
                .twin = parts->twin,
                .client_log = parts->client_log,
                .start_us = boottime_us(),
                .history = parts->history,
                .check = parts->check,
        };
        history_set_listener(d->history, device_history_added, d);
        *ret = d;
        return 0;
}

Device *device_free(Device *d) {
        if (!d)
                return NULL;

        assert(!d->watchers && !d->history_watchers && !d->check_call);
        history_set_listener(d->history, NULL, NULL);
        free(d);
        return NULL;
}

/* The status ------------------------------------------------------------------------------------------ */

void device_write_time(IpcJson *json, const char *name, uint64_t realtime) {
        char text[RFC3339_SIZE];

        ipc_json_cstring(json, name, rfc3339_format(text, realtime));
}

/* 'host_member' is what the host is called. */
static void write_link(IpcJson *json, const LinkStatus *status, const char *host_member) {
        uint64_t now_us = boottime_us();

        ipc_json_begin(json, "link");
        ipc_json_cstring(json, "state", link_state_to_string(status->state));
        /* Reckoned from now, because the wall clock may have been set since then. */
        device_write_time(json, "since", realtime_us() - (now_us - status->since_us));
        if (status->host)
                ipc_json_cstring(json, host_member, status->host);
        if (status->last_error)
                ipc_json_cstring(json, "lastError", status->last_error);
        if (status->next_attempt_us != UINT64_MAX)
                device_write_time(json, "nextAttempt",
                                  realtime_us() + MAX(status->next_attempt_us, now_us) - now_us);
        ipc_json_end(json);
}

/* The members that the whole and its parts have in common. */
static void write_outbox_stats(IpcJson *json, const OutboxStats *stats, OutboxDropCause n_causes) {
        ipc_json_int(json, "messages", (int64_t) stats->messages);
        ipc_json_int(json, "bytes", (int64_t) stats->bytes);
        if (stats->capacity_messages > 0)
                ipc_json_int(json, "capacityMessages", (int64_t) stats->capacity_messages);
        ipc_json_int(json, "capacityBytes", (int64_t) stats->capacity_bytes);
        if (stats->oldest_realtime_us > 0)
                device_write_time(json, "oldest", stats->oldest_realtime_us);
        ipc_json_begin(json, "dropped");
        for (OutboxDropCause cause = 0; cause < n_causes; cause++)
                ipc_json_int(json, outbox_drop_cause_to_string(cause), (int64_t) stats->n_dropped[cause]);
        ipc_json_end(json);
}

static void write_outbox(IpcJson *json, const OutboxCounters *c, OutboxDropCause n_causes) {
        ipc_json_begin(json, "outbox");
        write_outbox_stats(json, &c->sum, n_causes);
        ipc_json_bool(json, "stalled", c->error != 0);
        if (c->error != 0)
                ipc_json_cstring(json, "reason", strerror((int) c->error));
        device_write_time(json, "countedSince", c->sum.counted_since_us);
        ipc_json_begin_array(json, "priorities");
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                ipc_json_begin(json, NULL);
                ipc_json_cstring(json, "priority", priority_names[p]);
                write_outbox_stats(json, &c->priorities[p], n_causes);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
        ipc_json_end(json);
}

static void write_inbox(IpcJson *json, const InboxStats *stats) {
        ipc_json_begin(json, "inbox");
        ipc_json_int(json, "messages", (int64_t) stats->messages);
        ipc_json_int(json, "bytes", (int64_t) stats->bytes);
        ipc_json_int(json, "capacityMessages", (int64_t) stats->capacity_messages);
        ipc_json_int(json, "capacityBytes", (int64_t) stats->capacity_bytes);
        ipc_json_bool(json, "stalled", stats->stalled[0] != '\0');
        if (stats->stalled[0] != '\0')
                ipc_json_cstring(json, "reason", stats->stalled);
        ipc_json_int(json, "expired", (int64_t) stats->n_expired);
        ipc_json_int(json, "damaged", (int64_t) stats->n_damaged);
        ipc_json_int(json, "repeated", (int64_t) stats->n_repeated);
        ipc_json_end(json);
}

static void write_broker(IpcJson *json, const Device *d, const Counters *counters) {
        LinkStatus status;

        if (!broker_is_configured(d->broker))
                return;
        broker_link_get_status(broker_get_link(d->broker), &status);
        ipc_json_begin(json, "broker");
        if (status.device_id)
                ipc_json_cstring(json, "clientId", status.device_id);
        write_link(json, &status, "host");
        write_outbox(json, &counters->broker, _OUTBOX_DROP_CAUSE_MAX);
        ipc_json_end(json);
}

static void write_status(IpcJson *json, const Device *d, const Counters *counters) {
        LinkStatus status;

        hub_link_get_status(d->link, &status);
        ipc_json_begin(json, NULL);
        if (status.device_id)
                ipc_json_cstring(json, "deviceId", status.device_id);
        if (status.module_id)
                ipc_json_cstring(json, "moduleId", status.module_id);
        if (d->config->hub.model_id)
                ipc_json_cstring(json, "modelId", d->config->hub.model_id);
        write_link(json, &status, "hub");
        write_outbox(json, &counters->hub, OUTBOX_DROP_HUB_MAX);
        write_inbox(json, &counters->inbox);
        write_broker(json, d, counters);
        if (!device_has_hub(d))
                ipc_json_bool(json, "noHub", true);
        ipc_json_end(json);
}

bool device_has_hub(const Device *d) {
        return config_has_hub(d->config, getenv("CREDENTIALS_DIRECTORY"));
}

static void count_outboxes(const Outboxes *outboxes, OutboxCounters *ret) {
        ret->error = outboxes_get_storage_error(outboxes);
        outboxes_get_stats(outboxes, &ret->sum);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                outbox_get_stats(outboxes_get(outboxes, p), &ret->priorities[p]);
}

Counters device_count(const Device *d) {
        Counters c = {};

        count_outboxes(d->outboxes, &c.hub);
        if (broker_is_configured(d->broker))
                count_outboxes(broker_get_outboxes(d->broker), &c.broker);
        messages_get_stats(d->messages, &c.inbox);
        return c;
}

/* Watchers -------------------------------------------------------------------------------------------- */

static Watcher *watcher_free(Watcher *w) {
        if (w->previous)
                w->previous->next = w->next;
        else
                *w->list = w->next;
        if (w->next)
                w->next->previous = w->previous;
        free(w);
        return NULL;
}

static void watcher_gone(IpcCall *call, void *userdata) {
        watcher_free(userdata);
}

int device_watch(Watcher **list, IpcCall *call) {
        Watcher *w;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Watcher){ .list = list, .call = call, .next = *list };
        if (w->next)
                w->next->previous = w;
        *list = w;
        ipc_call_set_on_gone(call, watcher_gone, w);
        return IPC_DEFERRED;
}

static void tell(Device *d, uint64_t now_us) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        d->told = device_count(d);
        d->told_us = now_us;
        d->link_changed = d->counters_changed = false;
        write_status(&json, d, &d->told);
        for (Watcher *w = d->watchers; w; w = w->next)
                (void) ipc_call_reply_continues_json(w->call, &json);
}

void device_link_changed(Device *d) {
        d->link_changed = d->watchers;
}

void device_run_due(Device *d, uint64_t now_us) {
        Counters counters;

        device_tell_provisioning(d);
        if (!d->watchers)
                return;

        counters = device_count(d);
        d->counters_changed = memcmp(&counters, &d->told, sizeof(counters)) != 0;
        if (d->link_changed || (d->counters_changed && now_us >= d->told_us + TELL_INTERVAL_US))
                tell(d, now_us);
}

uint64_t device_deadline_us(const Device *d) {
        return d->watchers && d->counters_changed ? d->told_us + TELL_INTERVAL_US : UINT64_MAX;
}

/* Methods --------------------------------------------------------------------------------------------- */

static int device_get_status(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Device *d = userdata;
        Counters counters = device_count(d);

        write_status(&json, d, &counters);
        return ipc_call_reply_json(call, &json);
}

static int device_watch_status(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *d = userdata;
        Counters counters;
        int r;

        /* What the others have still to be told, this one hears now and again with them. */
        counters = device_count(d);
        write_status(&json, d, &counters);
        r = ipc_call_reply_continues_json(call, &json);
        if (r < 0)
                return r;

        if (!d->watchers)
                d->told = counters; /* nobody watched what changed before */
        return device_watch(&d->watchers, call);
}

typedef struct ReconnectParams {
        int link; /* of link_names; -1: both */
} ReconnectParams;

static const char *const link_names[] = { "hub", "broker", NULL };

static int device_reconnect(IpcCall *call, const void *params, void *userdata) {
        const ReconnectParams *p = params;
        Device *d = userdata;

        if (p->link != 1 && device_has_hub(d))
                hub_link_reconnect(d->link);
        if (p->link != 0 && broker_is_configured(d->broker))
                broker_link_reconnect(broker_get_link(d->broker));
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static const IpcField reconnect_fields[] = {
        { "link", IPC_FIELD_ENUM, offsetof(ReconnectParams, link), IPC_FIELD_NULLABLE, .names = link_names,
          .absent = -1 },
};
static const IpcStruct reconnect_struct = IPC_STRUCT(ReconnectParams, reconnect_fields);

static const IpcMethod methods[] = {
        { "GetStatus", IPC_GRANT_READ, 0, NULL, device_get_status },
        { "WatchStatus", IPC_GRANT_READ, IPC_METHOD_MORE_ONLY, NULL, device_watch_status },
        { "Reconnect", IPC_GRANT_ADMIN, 0, &reconnect_struct, device_reconnect },
        { "Check", IPC_GRANT_READ, IPC_METHOD_MORE_ONLY, NULL, device_check },
        { "Explain", IPC_GRANT_READ, 0, NULL, device_explain },
        { "GetProvisioning", IPC_GRANT_READ, IPC_METHOD_MORE, NULL, device_get_provisioning },
        { "Reprovision", IPC_GRANT_ADMIN, 0, NULL, device_reprovision },
        { "GetHistory", IPC_GRANT_READ, IPC_METHOD_MORE, &device_get_history_struct, device_get_history },
        { "GetMetrics", IPC_GRANT_READ, 0, NULL, device_get_metrics },
        { "GetLogLevel", IPC_GRANT_READ, 0, NULL, device_get_log_level },
        { "SetLogLevel", IPC_GRANT_ADMIN, 0, &device_set_log_level_struct, device_set_log_level },
        { "GetAccess", 0, 0, &device_get_access_struct, device_get_access },
        { "GetConfig", IPC_GRANT_ADMIN, 0, NULL, device_get_config },
        { "Reload", IPC_GRANT_ADMIN, 0, NULL, device_reload },
};

const IpcInterface device_interface = {
        .name = "io.aziotd.device",
        .description = io_aziotd_device_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
