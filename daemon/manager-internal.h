/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the manager share; nobody else includes it.
 *
 *      manager.c         life, the loop, local programs
 *      manager-config.c  the configuration: read at the start
 *      manager-link.c    what the link and the network tell
 */

#include "daemon/manager.h"

/* Their userdata is the Manager. */
extern const HubLinkOps manager_link_ops;
extern const NetworkWatchOps manager_network_ops;

/* Reads the configuration and logs what is wrong with it. -EBADMSG: it cannot be used. */
int manager_load_config(Manager *m, const ManagerOptions *options);
