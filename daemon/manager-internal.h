/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the manager share; nobody else includes it.
 *
 *      manager.c         life, the loop, local programs
 *      manager-access.c  what those may do
 *      manager-broker.c  which clouds there are, and what the broker tells
 *      manager-config.c  the configuration: read at the start, and again
 *      manager-link.c    what the link and the network tell
 */

#include "daemon/config-change.h"
#include "daemon/manager.h"

/* Their userdata is the Manager. */
extern const HubLinkOps manager_link_ops;
extern const NetworkWatchOps manager_network_ops;

/* Makes the broker, which may not be configured yet. */
int manager_make_broker(Manager *m, uint64_t boot);
/* Takes the configuration's hub and broker, as they are now. */
int manager_apply_clouds(Manager *m);

/* Tells the service manager how the links are. */
void manager_tell_status(Manager *m);

/* Reads the configuration and logs what is wrong with it. -EBADMSG: it cannot be used. */
int manager_load_config(Manager *m);

/*
 * Reads it again, and takes what has changed: DeviceParts.reload, whose userdata is the Manager. 0;
 * CONFIG_INVALID: there are mistakes, and nothing has changed; -ENOMEM. What became of it is logged.
 */
int manager_reload(void *userdata, ConfigReload *ret);

/* What the configuration says of the outboxes. */
OutboxesConfig manager_outboxes_config(const Manager *m);

/* Where the outboxes are; 'path' is room for it. */
OutboxesConfig manager_outboxes_config_at(const Manager *m, char *path, size_t size);

/* IpcServerConfig.notice, policy, policy_source and unavailable; their userdata is the Manager. */
void manager_on_notice(IpcNotice notice, const IpcPeer *peer, int error, const char *detail, void *userdata);
unsigned manager_get_grants(const IpcPeer *peer, void *userdata);
const char *manager_get_grants_source(const IpcPeer *peer, char *buffer, size_t size, void *userdata);
const char *manager_get_unavailable(const IpcInterface *interface, void *userdata);

/*
 * Replaces the rules for local programs, as access_swap(), for those that are connected as well: calls that
 * wait and may not be made any more end by PermissionDenied; what was taken by who may not serve any more is
 * taken back; who watches the twin is told all that it sees now, if that is something else. It cannot fail.
 */
void manager_apply_access(Manager *m, Access *access);
