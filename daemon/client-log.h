/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is logged of local programs: who was refused or closed, and why. The programs of a user that are
 * refused again and again do not fill the log, and do not keep those of others out of it: some lines at once,
 * then one a second, and how many there would have been.
 */

#include "daemon/log.h"
#include "daemon/token-bucket.h"
#include "ipc/server.h"

/* Users who are told apart; of more, the one who was logged the longest time ago is forgotten. */
#define CLIENT_LOG_USERS 16U

typedef struct ClientLogUser {
        uid_t uid;
        TokenBucket bucket;
        uint64_t n_left_out;
} ClientLogUser;

typedef struct ClientLog {
        const Log *log;
        ClientLogUser users[CLIENT_LOG_USERS];
        size_t n_users;
        uint64_t n[_IPC_NOTICE_MAX]; /* of each, in all */
        uint64_t n_refusals;         /* of client_log_refusal() */
} ClientLog;

void client_log_init(ClientLog *c, const Log *log);

/* As the server notices it; 'peer' may be NULL. */
void client_log_notice(ClientLog *c, IpcNotice notice, const IpcPeer *peer, int error, const char *detail,
                       uint64_t now_us);

/* What a program was refused. Text of a client may be in it: control characters are replaced. */
void client_log_refusal(ClientLog *c, const IpcPeer *peer, uint64_t now_us, const char *format, ...)
        _printf_(4, 5);
