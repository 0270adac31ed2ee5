/* SPDX-License-Identifier: MIT */
#ifndef HUB_LINK_H
#define HUB_LINK_H

#include "program.h"

/* Connects a device to its hub, and again whenever the link is lost, until the program is to stop. */
void hub_link_run(const Program *program, const char *host, const char *device_id);

#endif
