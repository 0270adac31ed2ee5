/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the manager share; nobody else includes it.
 *
 *      manager.c         life, the loop, local programs
 *      manager-access.c  what those may do
 *      manager-config.c  the configuration: read at the start, and again
 *      manager-link.c    what the link and the network tell
 */

#include "daemon/config-change.h"
#include "daemon/manager.h"

/* Their userdata is the Manager. */
extern const HubLinkOps manager_link_ops;
extern const NetworkWatchOps manager_network_ops;

/* Reads the configuration and logs what is wrong with it. -EBADMSG: it cannot be used. */
int manager_load_config(Manager *m);

/*
 * Reads it again, and takes what has changed: DeviceParts.reload, whose userdata is the Manager. 0;
 * CONFIG_INVALID: there are mistakes, and nothing has changed; -ENOMEM. What became of it is logged.
 */
int manager_reload(void *userdata, ConfigReload *ret);

/* What the configuration says of the outboxes. */
OutboxesConfig manager_outboxes_config(const Manager *m);

/* IpcServerConfig.notice, policy and policy_source; their userdata is the Manager. */
void manager_on_notice(IpcNotice notice, const IpcPeer *peer, int error, const char *detail, void *userdata);
unsigned manager_get_grants(const IpcPeer *peer, void *userdata);
const char *manager_get_grants_source(const IpcPeer *peer, char *buffer, size_t size, void *userdata);

/*
 * Replaces the rules for local programs, as access_swap(), for those that are connected as well: calls that
 * wait and may not be made any more end by PermissionDenied; what was taken by who may not serve any more is
 * taken back; who watches the twin is told all that it sees now, if that is something else. It cannot fail.
 */
void manager_apply_access(Manager *m, Access *access);
