/* SPDX-License-Identifier: MIT */
#pragma once

/* Writes why a link is up or down: the reply of Explain() in io.aziotd.device. */

#include "daemon/link-record.h"
#include "daemon/link-status.h"
#include "ipc/json.h"

/* What there is to be told, and the present time on both clocks. */
typedef struct Explanation {
        const LinkStatus *status;
        const LinkRecord *record;
        CloudService service;     /* CLOUD_HUB or CLOUD_BROKER */
        bool is_none;             /* the configuration has none */
        const char *provisioning; /* the host of the provisioning service; NULL: there is no enrollment */
        uint64_t boottime_us, realtime_us;
} Explanation;

/* As members of the open object. */
void explain_write(IpcJson *json, const Explanation *e);
