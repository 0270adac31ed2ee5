/* SPDX-License-Identifier: MIT */

#include "daemon/manager-internal.h"

unsigned manager_get_grants(const IpcPeer *peer, void *userdata) {
        const Manager *m = userdata;

        return access_get_grants(&m->config.access, peer);
}

const char *manager_get_grants_source(const IpcPeer *peer, char *buffer, size_t size, void *userdata) {
        const Manager *m = userdata;
        AccessView view = access_get_view(&m->config.access, peer);
        char place[ACCESS_PLACE_SIZE];

        if (!view.grants)
                return NULL;
        (void) snprintf(buffer, size, "%s", access_rule_place(view.grants, place));
        return buffer;
}

/* What a hub is needed for says so where there is none. */
const char *manager_get_unavailable(const IpcInterface *interface, void *userdata) {
        const Manager *m = userdata;

        if (interface == &broker_interface)
                return broker_is_available(m->broker) ? NULL : BROKER_UNAVAILABLE;
        return m->has_hub || interface == &device_interface ? NULL : "io.aziotd.device.NoHub";
}

void manager_on_notice(IpcNotice notice, const IpcPeer *peer, int error, const char *detail, void *userdata) {
        char source[ACCESS_PLACE_SIZE];
        Manager *m = userdata;

        if (notice == IPC_NOTICE_DENIED && manager_get_grants_source(peer, source, sizeof(source), m))
                client_log_refusal(&m->client_log, peer, boottime_us(),
                                   "permission denied: %s, which the rule at %s does not grant", detail,
                                   source);
        else
                client_log_notice(&m->client_log, notice, peer, error, detail, boottime_us());
}

/* Who lost the grant gives back what it took, as if it had closed the connection. */
static void on_updated(IpcConnection *connection, unsigned lost, void *userdata) {
        Manager *m = userdata;

        if (lost & IPC_GRANT_SERVE)
                messages_revoke(connection);
        methods_update_access(m->methods, connection, !(lost & IPC_GRANT_SERVE));
        broker_update_access(m->broker, connection, lost);
}

void manager_apply_access(Manager *m, Access *access) {
        access_swap(&m->config.access, access);
        ipc_server_update_grants(m->ipc, on_updated,
                                 m); /* first: who may not watch any more is told nothing */
        twin_update_access(m->twin);
}
