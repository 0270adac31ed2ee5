/* SPDX-License-Identifier: MIT */

#include "daemon/broker-internal.h"

#include <limits.h>
#include <sys/epoll.h>

#include "daemon/broker-record.h"
#include "ipc/interfaces.h"

/* As for the hub: after so long with the link local programs have their turn. */
#define ROUNDS_US 20

/* The link as that of an uplink ----------------------------------------------------------------------- */

static unsigned window_free(void *userdata) {
        const Broker *b = userdata;

        return broker_link_window_free(b->link);
}

static int publish(void *userdata, const UplinkMessage *m) {
        az_mqtt_user_property properties[BROKER_RECORD_PROPERTIES_MAX];
        az_mqtt_message message;
        Broker *b = userdata;
        int r;

        if (!broker_record_parse(m->properties, &message, properties))
                return UPLINK_UNSENDABLE;
        message.payload = m->body;
        broker_record_age(&message, m->age_us);
        r = broker_link_publish(b->link, &message, m->token);
        if (r == BROKER_LINK_FULL)
                return MQTT_WINDOW_FULL;
        return r == BROKER_LINK_UNSENDABLE ? UPLINK_UNSENDABLE : r;
}

static void fail(void *userdata, int error) {
        Broker *b = userdata;

        log_errno(b->p.log, MSG_BROKER_FAILED, error, "The link to the broker cannot go on: %m, retrying");
        broker_link_reconnect(b->link);
}

static void add_notice(void *userdata, Problem problem, int error, const char *detail) {
        const Broker *b = userdata;

        broker_link_add_notice(b->link, problem, error, detail);
}

static void remove_notice(void *userdata, Problem problem) {
        const Broker *b = userdata;

        broker_link_remove_notice(b->link, problem);
}

static const UplinkOps uplink_ops = {
        .cloud = "broker",
        .window_free = window_free,
        .publish = publish,
        .fail = fail,
        .add_notice = add_notice,
        .remove_notice = remove_notice,
};

/* What the link tells --------------------------------------------------------------------------------- */

static void on_lost(void *userdata) {
        Broker *b = userdata;

        if (b->uplink)
                uplink_lost(b->uplink, LINK_END_OTHER);
}

static void on_published(void *userdata, const BrokerPublished *published) {
        Broker *b = userdata;
        DeadLetter letter = { .message = published->message, .reason = published->reason };

        if (published->result == AZ_BROKER_RESULT_OK)
                uplink_acked(b->uplink, published->token);
        else if (published->result == AZ_BROKER_RESULT_REFUSED)
                uplink_refused(b->uplink, published->token, published->reason_code, &letter);
        else
                uplink_expired(b->uplink, published->token);
}

static void on_ignored(Broker *b, const aio_event *event) {
        const aio_error *error = &event->as.ignored.error;
        az_span topic = event->as.ignored.message.topic;

        b->counts.n_ignored++;
        /* Nothing behind it is acknowledged either: the broker would send no more. */
        if (event->as.ignored.is_unacknowledged)
                broker_link_renew(b->link);
        log_debug(b->p.log, "A message from the broker, on '%.*s', is of no use: %.*s",
                  (int) az_span_size(topic), (const char *) az_span_ptr(topic),
                  (int) az_span_size(error->message), (const char *) az_span_ptr(error->message));
}

static void on_client_event(void *userdata, const aio_event *event) {
        bool is_of_endpoint = event->type == AIO_EVENT_STARTED || event->type == AIO_EVENT_STOPPED;
        Broker *b = userdata;

        if (event->type == AIO_EVENT_IGNORED)
                on_ignored(b, event);
        else if (event->type == AIO_EVENT_TELEMETRY ||
                 (is_of_endpoint && event->as.endpoint.endpoint->kind == AIO_ENDPOINT_TELEMETRY_RECEIVER))
                broker_watch_event(b, event);
        else
                broker_commands_event(b->commands, event);
}

static NetworkReach get_reach(void *userdata) {
        const Broker *b = userdata;

        return b->p.get_reach(b->p.userdata);
}

static void on_status(void *userdata) {
        const Broker *b = userdata;

        b->p.on_status(b->p.userdata);
}

static void on_event(void *userdata, HistoryEvent event, const HistoryFacts *facts) {
        const Broker *b = userdata;

        b->p.on_event(b->p.userdata, event, facts);
}

static const BrokerLinkOps link_ops = {
        .on_lost = on_lost,
        .on_published = on_published,
        .on_client_event = on_client_event,
        .get_reach = get_reach,
        .on_status = on_status,
        .on_event = on_event,
};

/* Life ------------------------------------------------------------------------------------------------ */

int broker_new(Broker **ret, const BrokerParts *parts) {
        _cleanup_(broker_freep) Broker *b = NULL;

        b = malloc(sizeof(*b));
        if (!b)
                return -ENOMEM;
        *b = (Broker){ .p = *parts };
        TAILQ_INIT(&b->watches);
        b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (b->epoll_fd < 0)
                return -errno;

        *ret = TAKE_PTR(b);
        return 0;
}

Broker *broker_free(Broker *b) {
        if (!b)
                return NULL;

        b->link = broker_link_free(b->link);
        b->commands = broker_commands_free(b->commands);
        broker_watch_free_all(b);
        b->uplink = uplink_free(b->uplink);
        b->dead_letters = dead_letters_free(b->dead_letters);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                b->waits[p] = stage_waits_free(b->waits[p]);
        b->outboxes = outboxes_free(b->outboxes);
        close_fd(b->epoll_fd);
        free(b);
        return NULL;
}

static int open_outboxes(Broker *b, const OutboxesConfig *outboxes) {
        OutboxTime now = { .boot = b->p.boot, .boottime_us = boottime_us(), .realtime_us = realtime_us() };
        OutboxesConfig config = *outboxes;
        char path[PATH_MAX];

        if ((size_t) snprintf(path, sizeof(path), "%s/broker", outboxes->directory) >= sizeof(path))
                return -ENAMETOOLONG;
        config.directory = path;
        return outboxes_open(&b->outboxes, b->p.disk, &config, &now);
}

static int make_uplink(Broker *b) {
        UplinkConfig config = {
                .outboxes = b->outboxes,
                .waits = b->waits,
                .log = b->p.log,
                .boot = b->p.boot,
                .ops = &uplink_ops,
                .userdata = b,
        };
        int r = 0;

        for (Priority p = 0; p < _PRIORITY_MAX && r >= 0; p++)
                r = stage_waits_new(&b->waits[p]);
        if (r >= 0)
                r = dead_letters_new(&b->dead_letters, b->p.disk, b->p.state_dir, "dead-letters-broker");
        config.dead_letters = b->dead_letters;
        if (r >= 0)
                r = uplink_new(&b->uplink, &config);
        b->sender = (Sender){
                .interface = broker_interface.name,
                .config = b->p.config,
                .outboxes = b->outboxes,
                .uplink = b->uplink,
                .waits = b->waits,
                .clients = b->p.clients,
                .rates = b->p.rates,
                .max_bytes = BROKER_PAYLOAD_MAX,
                .write_refusal = broker_write_refusal,
        };
        return r;
}

static int make_commands(Broker *b) {
        BrokerCommandsParts parts = {
                .access = &b->p.config->access,
                .clients = b->p.clients,
                .disk = b->p.disk,
                .state_dir = b->p.state_dir,
        };

        return broker_commands_new(&b->commands, b->link, &parts);
}

/* With the first configuration that has a broker. */
static int set_up(Broker *b, const OutboxesConfig *outboxes) {
        BrokerLinkEnvironment environment = {
                .config = b->p.config,
                .log = b->p.log,
                .runtime_dir = b->p.runtime_dir,
        };
        struct epoll_event event = { .events = EPOLLIN };
        int r;

        r = open_outboxes(b, outboxes);
        if (r >= 0)
                r = broker_link_new(&b->link, &environment, &link_ops, b);
        if (r >= 0)
                r = make_uplink(b);
        if (r >= 0)
                r = make_commands(b);
        if (r < 0)
                return r;
        if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, broker_link_get_fd(b->link), &event) < 0)
                return -errno;
        return 0;
}

static int configure_outboxes(Broker *b, const OutboxesConfig *outboxes) {
        OutboxTime now = uplink_now(b->uplink);

        uplink_set_pace(b->uplink, b->p.config->outbox.drain_per_s, b->p.config->outbox.drain_burst);
        return outboxes_configure(b->outboxes, outboxes, &now);
}

int broker_configure(Broker *b, const OutboxesConfig *outboxes) {
        bool was_configured = b->is_configured;
        int r = 0;

        b->is_configured = config_has_broker(b->p.config, getenv("CREDENTIALS_DIRECTORY"));
        if (b->is_configured && !b->link)
                r = set_up(b, outboxes);
        if (r < 0)
                return r;
        if (!b->link)
                return 0;

        if (!b->is_configured)
                broker_link_stop(b->link);
        else if (!was_configured)
                broker_link_start(b->link);
        else
                broker_link_configure(b->link);
        return configure_outboxes(b, outboxes);
}

void broker_update_access(Broker *b, IpcConnection *connection, unsigned lost) {
        if (!b->link)
                return;
        broker_watch_update_access(b, connection);
        broker_commands_update_access(b->commands, connection, !(lost & IPC_GRANT_SERVE));
}

bool broker_is_configured(const Broker *b) {
        return b->is_configured;
}

bool broker_is_available(const Broker *b) {
        return b->is_configured && broker_link_get_client(b->link);
}

void broker_network_changed(Broker *b) {
        if (b->link)
                broker_link_network_changed(b->link);
}

void broker_clock_changed(Broker *b) {
        if (b->link)
                broker_link_clock_changed(b->link);
}

void broker_stop(Broker *b) {
        b->is_stopping = true;
        if (b->link)
                broker_link_stop(b->link);
}

bool broker_is_stopped(const Broker *b) {
        return !b->link || broker_link_get_state(b->link) == LINK_STOPPED;
}

int broker_close(Broker *b) {
        int r;

        if (!b->link)
                return 0;
        r = outboxes_close(b->outboxes);
        (void) uplink_run(b->uplink);
        return r;
}

/* Turns ----------------------------------------------------------------------------------------------- */

int broker_get_fd(const Broker *b) {
        return b->epoll_fd;
}

uint64_t broker_deadline_us(const Broker *b) {
        uint64_t deadline_us = UINT64_MAX;

        if (!b->link)
                return UINT64_MAX;
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                deadline_us = MIN(deadline_us, stage_waits_deadline_us(b->waits[p]));
        deadline_us = MIN(deadline_us, outboxes_deadline_us(b->outboxes));
        deadline_us = MIN(deadline_us, uplink_deadline_us(b->uplink));
        deadline_us = MIN(deadline_us, broker_commands_deadline_us(b->commands));
        return MIN(deadline_us, broker_link_deadline_us(b->link));
}

void broker_run(Broker *b, uint64_t now_us) {
        bool has_published;

        if (!b->link)
                return;
        outboxes_run_due(b->outboxes, now_us);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                stage_waits_run_due(b->waits[p], now_us);
        broker_watch_run(b);
        broker_commands_run_due(b->commands, now_us);

        do {
                broker_link_dispatch(b->link);
                if (b->p.is_wanted(b->p.userdata))
                        break;
                has_published = uplink_run(b->uplink);
        } while (has_published && boottime_us() < now_us + ROUNDS_US);
}

BrokerLink *broker_get_link(const Broker *b) {
        return b->link;
}

Outboxes *broker_get_outboxes(const Broker *b) {
        return b->outboxes;
}

void broker_get_counts(const Broker *b, BrokerCounts *ret) {
        *ret = b->counts;
        if (b->commands)
                broker_commands_get_counts(b->commands, &ret->commands);
}

/* The interface --------------------------------------------------------------------------------------- */

bool broker_allows(Broker *b, IpcCall *call, AccessUse use, az_span filter, int *ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const IpcPeer *peer = ipc_connection_get_peer(ipc_call_get_connection(call));
        const AccessRule *rule = access_find_denial(&b->p.config->access, peer, use, filter);
        char place[ACCESS_PLACE_SIZE];

        if (!rule)
                return true;
        client_log_refusal(b->p.clients, peer, boottime_us(),
                           "its topic is none that it may %s, by the rule at %s", access_use_to_string(use),
                           access_rule_place(rule, place));
        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "topic", filter);
        ipc_json_cstring(&json, "rule", place);
        ipc_json_end(&json);
        *ret = ipc_call_error_json(call, "io.aziotd.broker.TopicDenied", &json);
        return false;
}

static int invoke(IpcCall *call, const void *params, void *userdata) {
        const Broker *b = userdata;

        return broker_commands_invoke(b->commands, call, params);
}

static int take(IpcCall *call, const void *params, void *userdata) {
        const Broker *b = userdata;

        return broker_commands_take(b->commands, call, params);
}

static int settle(IpcCall *call, const void *params, void *userdata) {
        const Broker *b = userdata;

        return broker_commands_settle(b->commands, call, params);
}

static const IpcMethod methods[] = {
        { "Send", IPC_GRANT_SEND, 0, &broker_send_struct, broker_send },
        { "Watch", IPC_GRANT_READ, IPC_METHOD_MORE_ONLY, &broker_watch_struct, broker_watch },
        { "Invoke", IPC_GRANT_SEND, 0, &broker_invoke_struct, invoke },
        { "Take", IPC_GRANT_SERVE, IPC_METHOD_PARK, &broker_take_struct, take },
        { "Settle", IPC_GRANT_SERVE, 0, &broker_settle_struct, settle },
};

const IpcInterface broker_interface = {
        .name = "io.aziotd.broker",
        .description = io_aziotd_broker_varlink,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
};
