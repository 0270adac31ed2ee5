/* SPDX-License-Identifier: MIT */

#include "daemon/manager-internal.h"

#include <systemd/sd-daemon.h>

#include "ipc/rfc3339.h"

/* Of one link: a diagnosis, and the words around it. */
#define STATUS_SIZE 1200U

/* Link ------------------------------------------------------------------------------------------------ */

static void on_live(void *userdata) {
        Manager *m = userdata;

        twin_live(m->twin);
}

static void on_lost(void *userdata, LinkEnd end) {
        Manager *m = userdata;

        methods_lost(m->methods);
        messages_lost(m->messages);
        twin_lost(m->twin);
        uplink_lost(m->uplink, end);
}

static void on_puback(void *userdata, uint64_t token) {
        Manager *m = userdata;

        uplink_acked(m->uplink, token);
}

static void on_method(void *userdata, az_span request_id, az_span name, az_span payload) {
        Manager *m = userdata;

        methods_call(m->methods, request_id, name, payload);
}

static void on_c2d(void *userdata, az_iot_hub_client_c2d_request *request, az_span payload, bool dup,
                   MqttAck ack) {
        Manager *m = userdata;

        messages_c2d(m->messages, request, payload, dup, ack);
}

static void on_twin(void *userdata, const az_iot_hub_client_twin_response *response, az_span payload) {
        Manager *m = userdata;

        twin_message(m->twin, response, payload);
}

static bool is_drained(void *userdata) {
        const Manager *m = userdata;

        return methods_is_drained(m->methods) && messages_is_drained(m->messages) && twin_is_drained(m->twin);
}

static bool is_wanted(void *userdata) {
        const Manager *m = userdata;

        return ipc_server_is_wanted(m->ipc);
}

static NetworkReach get_reach(void *userdata) {
        const Manager *m = userdata;

        return m->network ? network_watch_get_reach(m->network) : NETWORK_REACHES_OUT;
}

/* "online: host", or "waiting: host. Why. Next attempt at ..." */
static void format_link(const LinkStatus *status, const char *what, char *text, size_t size) {
        char next_attempt[RFC3339_SIZE] = "";
        const char *reason;

        /* The last loss stays in the status; while all is well systemctl need not show it. */
        reason = status->state == LINK_ONLINE ? NULL : status->last_error;
        if (status->next_attempt_us != UINT64_MAX)
                (void) rfc3339_format(next_attempt, realtime_us() + status->next_attempt_us - boottime_us());
        (void) snprintf(text, size, "%s%s%s%s%s%s%s%s", what, link_state_to_string(status->state),
                        status->peer ? ": " : "", status->peer ?: "", reason ? ". " : "", reason ?: "",
                        next_attempt[0] ? ". Next attempt at " : "", next_attempt);
}

void manager_tell_status(Manager *m) {
        char hub[STATUS_SIZE] = "", broker[STATUS_SIZE] = "";
        LinkStatus status;

        if (m->has_hub) {
                hub_link_get_status(m->link, &status);
                format_link(&status, "", hub, sizeof(hub));
        }
        if (broker_is_configured(m->broker)) {
                broker_link_get_status(broker_get_link(m->broker), &status);
                format_link(&status, m->has_hub ? "; broker " : "broker ", broker, sizeof(broker));
        }
        (void) sd_notifyf(false, "STATUS=%s%s", hub, broker);
}

static void on_status(void *userdata) {
        Manager *m = userdata;

        device_link_changed(m->device);
        manager_tell_status(m);
}

static void on_event(void *userdata, HistoryEvent event, const HistoryFacts *facts) {
        Manager *m = userdata;

        history_add(m->history, event, facts);
}

const HubLinkOps manager_link_ops = {
        .on_live = on_live,
        .on_lost = on_lost,
        .on_puback = on_puback,
        .on_method = on_method,
        .on_c2d = on_c2d,
        .on_twin = on_twin,
        .is_drained = is_drained,
        .is_wanted = is_wanted,
        .get_reach = get_reach,
        .on_status = on_status,
        .on_event = on_event,
};

/* Network --------------------------------------------------------------------------------------------- */

static NetworkAddress get_local(void *userdata) {
        const Manager *m = userdata;

        return hub_link_get_local(m->link);
}

static void on_network_gone(void *userdata) {
        Manager *m = userdata;

        history_add(m->history, HISTORY_NETWORK_DOWN, NULL);
        hub_link_network_gone(m->link);
        broker_network_changed(m->broker);
}

static void on_network_up(void *userdata) {
        Manager *m = userdata;

        history_add(m->history, HISTORY_NETWORK_UP, NULL);
        hub_link_network_up(m->link);
        broker_network_changed(m->broker);
}

const NetworkWatchOps manager_network_ops = {
        .get_local = get_local,
        .on_gone = on_network_gone,
        .on_up = on_network_up,
};
