/* SPDX-License-Identifier: MIT */

#include "daemon/link-status.h"

const char *link_state_to_string(LinkState state) {
        static const char *const names[_LINK_STATE_MAX] = {
                [LINK_STOPPED] = "stopped",       [LINK_PROVISIONING] = "provisioning",
                [LINK_CONNECTING] = "connecting", [LINK_ONLINE] = "online",
                [LINK_RENEWING] = "renewing",     [LINK_WAITING] = "waiting",
        };
        return names[state];
}

bool link_state_is_up(LinkState state) {
        return state == LINK_ONLINE || state == LINK_RENEWING;
}
