/* SPDX-License-Identifier: MIT */
#include "ipc/user.h"

#include "ipc/limits.h"
#include "util/util.h"

/* After this time what was used counts half. */
#define HALF_LIFE_US (UINT64_C(250) * 1000)

/* Of that, who has used more than this is busy: a few percent of a CPU. */
#define BUSY_US (UINT64_C(25) * 1000)

/* If all together have used less, nobody can starve: it is a fraction of a CPU. */
#define PLENTY_US (UINT64_C(100) * 1000)

/* Who has used less does not count among those who share what is used. */
#define QUIET_US 100U

/* How often they are counted. */
#define COUNT_US (UINT64_C(10) * 1000)

/* A long turn takes so many of somebody else's: what is long on a fast machine is ordinary on a slow one. */
#define LONG_FACTOR 4U

/* What a turn costs the loop besides: it polls, looks at all else that is due, and polls again. */
#define TURN_US 10U

/* A user without connections is remembered until what it used has worn off. */
#define REMEMBERED_US (UINT64_C(10) * 1000 * 1000)

/* The server is shared with those who call so often; who calls now and then may meet a long call. */
#define SHARED_US (UINT64_C(50) * 1000)

/* More long calls than there are pauses for are forgotten: who made them alone is not punished later. */
#define LONG_MAX_US (IPC_LONG_FREE_US + IPC_PAUSE_MAX_US / IPC_LONG_SHARE)

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

static void users_count(IpcUsers *users, uint64_t now_us) {
        uint64_t used_us = 0;
        unsigned n = 0;

        for (IpcUser *user = users->first; user; user = user->next) {
                user_wear_off(user, now_us);
                used_us += user->used_us;
                n += user->used_us >= QUIET_US;
        }
        users->busy_us = used_us >= PLENTY_US && n > 0 ? MIN(BUSY_US, used_us / (2 * n)) : BUSY_US;
        users->counted_us = now_us;
}

/* What a turn of this user has to take to be long. */
static uint64_t users_long_us(const IpcUsers *users, const IpcUser *user) {
        uint64_t turn_us = UINT64_MAX;

        for (const IpcUser *other = users->first; other; other = other->next)
                if (other != user && other->turn_us > 0)
                        turn_us = MIN(turn_us, other->turn_us);
        return turn_us == UINT64_MAX ? IPC_LONG_US : MAX(IPC_LONG_US, LONG_FACTOR * turn_us);
}

static void users_note_call(IpcUsers *users, const IpcUser *user, uint64_t now_us) {
        if (users->last != user)
                users->other_us = users->last_us;
        users->last = user;
        users->last_us = now_us;
}

void ipc_users_took(IpcUsers *users, IpcUser *user, uint64_t took_us, unsigned n_calls, uint64_t now_us) {
        user_wear_off(user, now_us);
        user->used_us += took_us + TURN_US;
        if (users->busy_us == 0 || now_us - users->counted_us >= COUNT_US)
                users_count(users, now_us);
        if (n_calls == 0)
                return;

        users_note_call(users, user, now_us);
        user->turn_us = user->turn_us > 0 ? (7 * user->turn_us + took_us) / 8 : took_us;
        if (took_us < IPC_LONG_US || took_us < users_long_us(users, user))
                return;
        user->long_us = MIN(user_long_us(user, now_us) + took_us, LONG_MAX_US);
        user->forgiven_us = now_us;
}

bool ipc_user_is_busy(const IpcUsers *users, IpcUser *user, uint64_t now_us) {
        user_wear_off(user, now_us);
        return user->used_us >= users->busy_us || user_long_us(user, now_us) >= IPC_LONG_FREE_US / 2;
}

uint64_t ipc_users_pause_until_us(const IpcUsers *users, const IpcUser *user, uint64_t now_us) {
        uint64_t other_us = users->last == user ? users->other_us : users->last_us;
        uint64_t long_us = user_long_us(user, now_us);

        if (long_us <= IPC_LONG_FREE_US || other_us == 0 || now_us - other_us >= SHARED_US)
                return 0;
        return MIN(now_us + (long_us - IPC_LONG_FREE_US) * IPC_LONG_SHARE, other_us + SHARED_US);
}
