/* SPDX-License-Identifier: MIT */

#include "daemon/client-log.h"

#include <inttypes.h>

#define LINES_AT_ONCE 20
#define LINES_PER_S   1

void client_log_init(ClientLog *c, const Log *log, uint64_t now_us) {
        *c = (ClientLog){ .log = log };
        token_bucket_init(&c->bucket, LINES_PER_S, LINES_AT_ONCE, now_us);
}

static bool is_ours(IpcNotice notice) {
        return notice == IPC_NOTICE_FAILED || notice == IPC_NOTICE_ACCEPT_FAILED;
}

void client_log_notice(ClientLog *c, IpcNotice notice, const IpcPeer *peer, int error, const char *detail,
                       uint64_t now_us) {
        if (!token_bucket_take(&c->bucket, now_us)) {
                c->n_left_out++;
                return;
        }

        if (c->n_left_out > 0)
                log_message(c->log, MSG_CLIENTS_LEFT_OUT,
                            "Of clients, %" PRIu64 " more lines like these were left out", c->n_left_out);
        c->n_left_out = 0;

        if (is_ours(notice))
                (void) log_errno(c->log, MSG_CLIENT_FAILED, error,
                                 "Serving a local program: %s: %m, ignoring", ipc_notice_to_string(notice));
        else if (peer)
                (void) log_full(
                        c->log, MSG_CLIENT_REFUSED, 0, LOG_FACTS(.uid = &peer->uid, .unit = peer->unit),
                        "Client of uid %u (pid %d, unit %s): %s%s%s", peer->uid, peer->pid,
                        peer->unit ?: "none", ipc_notice_to_string(notice), detail ? ": " : "", detail ?: "");
}
