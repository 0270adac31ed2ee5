/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who is at the other end, as the kernel says at the time of connect(): a client cannot lie about it, and
 * what it becomes later does not matter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum IpcGrant {
        IPC_GRANT_READ = 1 << 0,  /* look, change nothing */
        IPC_GRANT_SEND = 1 << 1,  /* say something in the device's name */
        IPC_GRANT_SERVE = 1 << 2, /* take work and answer it */
        IPC_GRANT_ADMIN = 1 << 3, /* change the service itself */
        _IPC_GRANT_ALL = (1 << 4) - 1,
} IpcGrant;

typedef struct IpcPeer {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        /* Supplementary groups. */
        gid_t *groups;
        size_t n_groups;
        /* The systemd unit that the process belongs to, NULL if none. */
        char *unit;
        /* It had ended before anybody could ask for its unit; others may hold its end of the connection. */
        bool is_gone;
        /* IpcGrant bits. */
        unsigned grants;
} IpcPeer;

#define IPC_PEER_NULL ((IpcPeer){ .pid = 0, .uid = (uid_t) -1, .gid = (gid_t) -1 })

/* Asks the kernel about the peer of a connected socket; grants are left at none. */
int ipc_peer_init(IpcPeer *peer, int fd);
void ipc_peer_done(IpcPeer *peer);

/* Whether 'group' is among the groups that the process had. */
bool ipc_peer_is_member(const IpcPeer *peer, gid_t group);

/*
 * The default policy: root and our own uid have every grant; members of 'group' (0: nobody) may read, send
 * and serve; any other peer that the socket's permissions let in has none.
 */
unsigned ipc_peer_default_grants(const IpcPeer *peer, gid_t group);

/* "read", "send", "serve" or "admin" for the lowest bit set. */
const char *ipc_grant_to_string(unsigned grants);
