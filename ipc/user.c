/* SPDX-License-Identifier: MIT */
#include "ipc/user.h"

#include "ipc/limits.h"
#include "util/util.h"

/* After this time what was used counts half. */
#define HALF_LIFE_US (UINT64_C(250) * 1000)

/* Of that, who has used more than this is busy: a few percent of a CPU. */
#define BUSY_US (UINT64_C(25) * 1000)

/* What a turn costs the loop besides: it polls, looks at all else that is due, and polls again. */
#define TURN_US 10U

/* A user without connections is remembered until what it used has worn off. */
#define REMEMBERED_US (UINT64_C(10) * 1000 * 1000)

/* The server is shared as long as somebody else called this recently. */
#define SHARED_US (UINT64_C(1) * 1000 * 1000)

static void user_wear_off(IpcUser *user, uint64_t now_us) {
        uint64_t n = (now_us - user->halved_us) / HALF_LIFE_US;

        user->used_us = n < 64 ? user->used_us >> n : 0;
        user->halved_us += n * HALF_LIFE_US;
}

static uint64_t user_long_us(const IpcUser *user, uint64_t now_us) {
        return user->long_us - MIN(user->long_us, (now_us - user->forgiven_us) / IPC_LONG_SHARE);
}

/* Those who are gone and whose past has worn off. */
static void users_forget(IpcUsers *users, uint64_t now_us) {
        for (IpcUser **p = &users->first; *p;) {
                IpcUser *user = *p;

                if (user->n_connections > 0 || now_us - user->halved_us < REMEMBERED_US ||
                    user_long_us(user, now_us) > 0) {
                        p = &user->next;
                        continue;
                }
                if (users->last == user)
                        users->last = NULL;
                *p = user->next;
                free(user);
        }
}

IpcUser *ipc_users_get(IpcUsers *users, uid_t uid, uint64_t now_us) {
        IpcUser *user;

        for (user = users->first; user; user = user->next)
                if (user->uid == uid)
                        return user;

        users_forget(users, now_us);
        user = malloc(sizeof(*user));
        if (!user)
                return NULL;
        *user = (IpcUser){ .next = users->first, .uid = uid, .halved_us = now_us, .forgiven_us = now_us };
        users->first = user;
        return user;
}

void ipc_users_done(IpcUsers *users) {
        while (users->first) {
                IpcUser *user = users->first;

                users->first = user->next;
                free(user);
        }
        users->last = NULL;
}

void ipc_users_connected(IpcUsers *users, IpcUser *user) {
        if (user->n_connections++ == 0)
                users->n_connected++;
}

void ipc_users_disconnected(IpcUsers *users, IpcUser *user) {
        if (--user->n_connections == 0)
                users->n_connected--;
}

void ipc_users_took(IpcUsers *users, IpcUser *user, uint64_t took_us, unsigned n_calls, uint64_t now_us) {
        user_wear_off(user, now_us);
        user->used_us += took_us + TURN_US;
        if (n_calls == 0)
                return;

        if (users->last && users->last != user)
                users->shared_us = now_us;
        users->last = user;
        if (took_us < IPC_LONG_US)
                return;
        user->long_us = user_long_us(user, now_us) + took_us;
        user->forgiven_us = now_us;
}

bool ipc_user_is_busy(IpcUser *user, uint64_t now_us) {
        user_wear_off(user, now_us);
        return user->used_us >= BUSY_US || user_long_us(user, now_us) >= IPC_LONG_FREE_US / 2;
}

uint64_t ipc_users_pause_until_us(const IpcUsers *users, const IpcUser *user, uint64_t now_us) {
        uint64_t long_us = user_long_us(user, now_us);

        if (long_us <= IPC_LONG_FREE_US || users->shared_us == 0 || now_us - users->shared_us > SHARED_US)
                return 0;
        return now_us + MIN((long_us - IPC_LONG_FREE_US) * IPC_LONG_SHARE, IPC_PAUSE_MAX_US);
}
