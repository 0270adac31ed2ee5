/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is logged of local programs: who was refused or closed, and why. A program that is refused again and
 * again does not fill the log: some lines at once, then one a second, and how many there would have been.
 */

#include "daemon/log.h"
#include "daemon/token-bucket.h"
#include "ipc/server.h"

typedef struct ClientLog {
        const Log *log;
        TokenBucket bucket;
        uint64_t n_left_out;
} ClientLog;

void client_log_init(ClientLog *c, const Log *log, uint64_t now_us);

/* As the server notices it; 'peer' may be NULL. */
void client_log_notice(ClientLog *c, IpcNotice notice, const IpcPeer *peer, int error, const char *detail,
                       uint64_t now_us);
