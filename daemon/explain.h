/* SPDX-License-Identifier: MIT */
#pragma once

/* Writes why the link is up or down: the reply of Explain() in io.aziotd.device. */

#include "daemon/hub-link.h"
#include "ipc/json.h"

/* What there is to be told, and the present time on both clocks. */
typedef struct Explanation {
        const LinkStatus *status;
        const LinkRecord *record;
        const char *provisioning; /* the host of the provisioning service; NULL: there is no enrollment */
        uint64_t boottime_us, realtime_us;
} Explanation;

void explain_write(IpcJson *json, const Explanation *e);
