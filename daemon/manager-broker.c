/* SPDX-License-Identifier: MIT */

/* Which clouds there are, and what the broker tells. */

#include "daemon/manager-internal.h"

#include <limits.h>

static NetworkReach get_reach(void *userdata) {
        const Manager *m = userdata;

        return m->network ? network_watch_get_reach(m->network) : NETWORK_REACHES_OUT;
}

static bool is_wanted(void *userdata) {
        const Manager *m = userdata;

        return ipc_server_is_wanted(m->ipc);
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

int manager_make_broker(Manager *m, uint64_t boot) {
        const BrokerParts parts = {
                .config = &m->config,
                .log = &m->log,
                .disk = m->disk,
                .state_dir = m->options.state_dir,
                .runtime_dir = m->options.runtime_dir,
                .clients = &m->client_log,
                .rates = &m->rates,
                .boot = boot,
                .get_reach = get_reach,
                .is_wanted = is_wanted,
                .on_status = on_status,
                .on_event = on_event,
                .userdata = m,
        };

        return broker_new(&m->broker, &parts);
}

int manager_apply_clouds(Manager *m) {
        bool had_hub = m->has_hub;
        char path[PATH_MAX];
        OutboxesConfig outboxes = manager_outboxes_config_at(m, path, sizeof(path));

        m->has_hub = config_has_hub(&m->config, getenv("CREDENTIALS_DIRECTORY"));
        if (m->has_hub && !had_hub)
                hub_link_start(m->link);
        else if (!m->has_hub && had_hub)
                hub_link_stop(m->link);
        return broker_configure(m->broker, &outboxes);
}
