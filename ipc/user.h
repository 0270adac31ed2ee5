/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the connections of one user (uid) share: how many they are, and how much of the server's time their
 * calls take. Who took less is served first, so that one user's flood costs the others no more than what is
 * just being done for it; and who has long calls made all the time is made to pause between them, because
 * a call cannot be interrupted. Time is an argument; no function fails but ipc_users_get().
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct IpcUser IpcUser;

struct IpcUser {
        IpcUser *next;
        uid_t uid;
        unsigned n_connections;

        uint64_t used_us;   /* time taken of late, halved again and again */
        uint64_t halved_us; /* when it was halved last */
        uint64_t long_us;   /* time taken by long calls, less what has been forgiven since */
        uint64_t forgiven_us;
        uint64_t turn_us; /* what a turn with calls takes, on average; 0: there was none */
};

typedef struct IpcUsers {
        IpcUser *first;
        unsigned n_connected; /* users with connections */
        const IpcUser *last;  /* whose call was served last */
        uint64_t last_us;     /* when that was; 0: never */
        uint64_t other_us;    /* when one of somebody else was; 0: never */
        uint64_t busy_us;     /* who has used so much is busy */
        uint64_t counted_us;  /* when that was found out */
} IpcUsers;

/* The user, added if it is new; it stays as long as it has connections or its past matters. NULL: no memory.
 */
IpcUser *ipc_users_get(IpcUsers *users, uid_t uid, uint64_t now_us);
void ipc_users_done(IpcUsers *users);

/* One connection more, or less. */
void ipc_users_connected(IpcUsers *users, IpcUser *user);
void ipc_users_disconnected(IpcUsers *users, IpcUser *user);

/* A turn of one of its connections took so long; 'n_calls' were served in it. */
void ipc_users_took(IpcUsers *users, IpcUser *user, uint64_t took_us, unsigned n_calls, uint64_t now_us);

/*
 * Whether it takes so much that its connections stand back behind those of others. Users who are not busy
 * take at most half of what all take, however many they are, so that they do not starve those who are.
 */
bool ipc_user_is_busy(const IpcUsers *users, IpcUser *user, uint64_t now_us);

/* Until when nothing is served to it; 0: it need not pause. Nobody pauses for the sake of nobody. */
uint64_t ipc_users_pause_until_us(const IpcUsers *users, const IpcUser *user, uint64_t now_us);
