/* SPDX-License-Identifier: MIT */

#include "daemon/client-log.h"

#include <inttypes.h>
#include <stdarg.h>

#define LINES_AT_ONCE 20
#define LINES_PER_S   1

/* Two names of 256 bytes, a path, and what is said of them. */
#define REFUSAL_MAX 1024U

void client_log_init(ClientLog *c, const Log *log) {
        *c = (ClientLog){ .log = log };
}

static bool is_ours(IpcNotice notice) {
        return notice == IPC_NOTICE_FAILED || notice == IPC_NOTICE_ACCEPT_FAILED;
}

static void tell_left_out(const ClientLog *c, ClientLogUser *user) {
        if (user->n_left_out > 0)
                (void) log_full(c->log, MSG_CLIENTS_LEFT_OUT, 0, LOG_FACTS(.uid = &user->uid),
                                "Of clients of uid %u, %" PRIu64 " more lines like these were left out",
                                user->uid, user->n_left_out);
        user->n_left_out = 0;
}

static ClientLogUser *find_user(ClientLog *c, uid_t uid, uint64_t now_us) {
        ClientLogUser *user = &c->users[0];

        for (size_t i = 0; i < c->n_users; i++)
                if (c->users[i].uid == uid)
                        return &c->users[i];

        if (c->n_users < ELEMENTSOF(c->users))
                user = &c->users[c->n_users++];
        else {
                for (size_t i = 1; i < c->n_users; i++)
                        if (c->users[i].bucket.filled_us < user->bucket.filled_us)
                                user = &c->users[i];
                tell_left_out(c, user);
        }
        *user = (ClientLogUser){ .uid = uid };
        token_bucket_init(&user->bucket, LINES_PER_S, LINES_AT_ONCE, now_us);
        return user;
}

/* Whether another line of this user, (uid_t) -1 for none, is written. */
static bool take_line(ClientLog *c, uid_t uid, uint64_t now_us) {
        ClientLogUser *user = find_user(c, uid, now_us);

        if (!token_bucket_take(&user->bucket, now_us)) {
                user->n_left_out++;
                return false;
        }
        tell_left_out(c, user);
        return true;
}

static void log_client(const ClientLog *c, const IpcPeer *peer, const char *text) {
        (void) log_full(c->log, MSG_CLIENT_REFUSED, 0, LOG_FACTS(.uid = &peer->uid, .unit = peer->unit),
                        "Client of uid %u (pid %d, unit %s): %s", peer->uid, peer->pid, peer->unit ?: "none",
                        text);
}

void client_log_notice(ClientLog *c, IpcNotice notice, const IpcPeer *peer, int error, const char *detail,
                       uint64_t now_us) {
        char text[REFUSAL_MAX];

        c->n[notice]++;
        if (!take_line(c, peer ? peer->uid : (uid_t) -1, now_us))
                return;
        if (is_ours(notice))
                (void) log_errno(c->log, MSG_CLIENT_FAILED, error,
                                 "Serving a local program: %s: %m, ignoring", ipc_notice_to_string(notice));
        else if (peer) {
                (void) snprintf(text, sizeof(text), "%s%s%s", ipc_notice_to_string(notice),
                                detail ? ": " : "", detail ?: "");
                log_client(c, peer, text);
        }
}

void client_log_refusal(ClientLog *c, const IpcPeer *peer, uint64_t now_us, const char *format, ...) {
        char text[REFUSAL_MAX];
        va_list ap;

        c->n_refusals++;
        if (!take_line(c, peer->uid, now_us))
                return;
        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        for (char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        log_client(c, peer, text);
}
