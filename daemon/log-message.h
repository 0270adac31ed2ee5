/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Every message that the daemon logs, but those for whoever debugs it: one row each in daemon/log-message.c,
 * from which the catalogue of the journal (journalctl --catalog) and the list in docs/operations.md are
 * written. A new message is a new row; what exists keeps its word and its id, for somebody may search for it.
 */

#include "util/util.h"

typedef enum LogMessage {
        /* Start, stop and configuration */
        MSG_START_FAILED,
        MSG_SOCKET_FAILED,
        MSG_STATE_LOCKED,
        MSG_LOCK_FAILED,
        MSG_CONFIG_MISTAKE,
        MSG_CONFIG_REMARK,
        MSG_CONFIG_RELOADED,
        MSG_CONFIG_REFUSED,
        MSG_LOOP_FAILED,
        MSG_STOPPING,
        MSG_STOPPED_UNCLEAN,
        MSG_LOG_LEVEL,

        /* The link */
        MSG_LINK_UP,
        MSG_LINK_LOST,
        MSG_CONNECT_FAILED,
        MSG_LINK_RENEWED,
        MSG_RECONNECTING,
        MSG_TRANSPORT_CHANGED,
        MSG_CLOCK_UNSET,
        MSG_NETWORK_UNWATCHED,
        MSG_PROXY_REMARK,

        /* The link to the broker */
        MSG_BROKER_UP,
        MSG_BROKER_LOST,
        MSG_BROKER_FAILED,
        MSG_BROKER_SESSION_LOST,
        MSG_BROKER_TOKEN,
        MSG_BROKER_SUBSCRIPTION,

        /* Identity */
        MSG_IDENTITY_REMARK,
        MSG_IDENTITY_CHANGED,
        MSG_IDENTITY_RESTORED,
        MSG_IDENTITY_TRYING,
        MSG_IDENTITY_UNTRIED,
        MSG_IDENTITY_UNWATCHED,
        MSG_CREDENTIALS_ROLLED_BACK,
        MSG_CERTIFICATE_EXPIRES,

        /* Provisioning */
        MSG_PROVISIONING_STARTED,
        MSG_ASSIGNED,
        MSG_ASSIGNMENT_FOREIGN,

        /* Messages to the cloud */
        MSG_MESSAGES_DROPPED,
        MSG_MESSAGE_POISON,
        MSG_MESSAGE_NOT_FILED,
        MSG_MESSAGE_UNSENDABLE,
        MSG_MESSAGE_REFUSED,
        MSG_SYNC_FAILED,
        MSG_OUTBOX_DISK,
        MSG_OUTBOX_WORKS,
        MSG_DROPS_REPORTED,

        /* Messages from the cloud */
        MSG_INBOX_STALLED,
        MSG_INBOX_WORKS,
        MSG_INBOX_DISK,
        MSG_INBOX_EXPIRED,
        MSG_INBOX_LOST,
        MSG_MESSAGE_MALFORMED,

        /* Methods */
        MSG_METHOD_TIMEOUT,
        MSG_METHOD_REFUSED,
        MSG_METHOD_UNANSWERED,

        /* The twin */
        MSG_TWIN_REPLACED,
        MSG_TWIN_USELESS,
        MSG_TWIN_MISSING,
        MSG_REPORT_REFUSED,
        MSG_REPORT_FAILED,

        /* The state directory */
        MSG_STATE_DAMAGED,
        MSG_STATE_UNREADABLE,
        MSG_STATE_UNWRITTEN,
        MSG_STATE_WORKS,

        /* Programs */
        MSG_CLIENT_FAILED,
        MSG_CLIENT_REFUSED,
        MSG_CLIENTS_LEFT_OUT,
        _LOG_MESSAGE_MAX,
} LogMessage;

typedef struct LogMessageInfo {
        const char *word;    /* AZIOT_MESSAGE=, such as "link-up" */
        const char *id;      /* MESSAGE_ID= */
        int level;           /* LOG_ERR to LOG_INFO */
        const char *subject; /* in a few words */
        const char *meaning; /* whole sentences */
        const char *advice;  /* the same; NULL: there is nothing to be done */
} LogMessageInfo;

/* Of any message. */
const LogMessageInfo *log_message_get_info(LogMessage message);

/* What a part of the table is about, if the message is the first of it; else NULL. */
const char *log_message_get_part(LogMessage message);
