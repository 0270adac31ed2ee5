/* SPDX-License-Identifier: MIT */
#pragma once

/* The link to the hub as that of an uplink: the userdata is a HubLink. */

#include "daemon/uplink.h"

extern const UplinkOps hub_uplink_ops;
