/* SPDX-License-Identifier: MIT */
#include "ipc/peer.h"

#include <signal.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>

#include "util/util.h"

/* More groups than most users are in: one question is enough then. */
#define GROUPS_USUAL 32

static int peer_get_groups(int fd, gid_t **ret_groups, size_t *ret_n) {
        _cleanup_(freep) gid_t *groups = NULL;
        socklen_t size = GROUPS_USUAL * sizeof(*groups);

        groups = malloc(size);
        if (!groups)
                return -ENOMEM;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
                if (errno != ERANGE)
                        return -errno;
                /* It tells how much it takes; the answer cannot change. */
                free(groups);
                groups = malloc(size);
                if (!groups)
                        return -ENOMEM;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
                        return -errno;
        }

        *ret_groups = TAKE_PTR(groups);
        *ret_n = size / sizeof(gid_t);
        return 0;
}

int ipc_peer_init(IpcPeer *peer, int fd) {
        struct ucred cred;
        socklen_t size = sizeof(cred);
        gid_t *groups = NULL;
        size_t n_groups = 0;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        r = peer_get_groups(fd, &groups, &n_groups);
        if (r < 0)
                return r;

        *peer = (IpcPeer){
                .pid = cred.pid,
                .uid = cred.uid,
                .gid = cred.gid,
                .groups = groups,
                .n_groups = n_groups,
        };
        /* A process outside of any unit has none; to libsystemd 0 is ourselves, not one of another namespace.
         */
        if (cred.pid > 0)
                (void) sd_pid_get_unit(cred.pid, &peer->unit);
        peer->is_gone = !peer->unit && (cred.pid <= 0 || (kill(cred.pid, 0) < 0 && errno == ESRCH));
        return 0;
}

void ipc_peer_done(IpcPeer *peer) {
        free(peer->groups);
        free(peer->unit);
        *peer = IPC_PEER_NULL;
}

bool ipc_peer_is_member(const IpcPeer *peer, gid_t group) {
        if (peer->gid == group)
                return true;
        for (size_t i = 0; i < peer->n_groups; i++)
                if (peer->groups[i] == group)
                        return true;
        return false;
}

unsigned ipc_peer_default_grants(const IpcPeer *peer, gid_t group) {
        if (peer->uid == 0 || peer->uid == geteuid())
                return _IPC_GRANT_ALL;
        if (group != 0 && ipc_peer_is_member(peer, group))
                return IPC_GRANT_READ | IPC_GRANT_SEND | IPC_GRANT_SERVE;
        return 0;
}

const char *ipc_grant_to_string(unsigned grants) {
        if (grants & IPC_GRANT_READ)
                return "read";
        if (grants & IPC_GRANT_SEND)
                return "send";
        if (grants & IPC_GRANT_SERVE)
                return "serve";
        return "admin";
}
