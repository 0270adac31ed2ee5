/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where the daemon speaks: the journal with fields when it runs under systemd, standard error otherwise. Only
 * daemon/ logs, once, where the decision is made (docs/HACKING.md). Never keys, tokens or payloads.
 */

#include <syslog.h>

#include "util/util.h"

typedef struct Log {
        int max_level;    /* messages above it (LOG_DEBUG is the highest) are not written */
        bool has_journal; /* standard error is a journal stream, so fields are not lost there */
} Log;

/* Finds out whether standard error leads to the journal. */
void log_init(Log *log, int max_level);

/* Field list of log_full(): FIELDS("MESSAGE_ID=" MSG_LINK_UP, "AZIOT_HUB=..."); an empty one is left out. */
#define FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/*
 * Writes one message. 'error' (either sign, or 0) is what %m prints. Returns -|error|, so that a caller can
 * log and return in one line.
 */
int log_full(const Log *log, int level, int error, const char *const *fields, const char *format, ...)
        _printf_(5, 6);

#define log_error_errno(log, error, ...)   log_full(log, LOG_ERR, error, NULL, __VA_ARGS__)
#define log_warning_errno(log, error, ...) log_full(log, LOG_WARNING, error, NULL, __VA_ARGS__)
#define log_error(log, ...)                ((void) log_full(log, LOG_ERR, 0, NULL, __VA_ARGS__))
#define log_warning(log, ...)              ((void) log_full(log, LOG_WARNING, 0, NULL, __VA_ARGS__))
#define log_notice(log, ...)               ((void) log_full(log, LOG_NOTICE, 0, NULL, __VA_ARGS__))
#define log_info(log, ...)                 ((void) log_full(log, LOG_INFO, 0, NULL, __VA_ARGS__))
#define log_debug(log, ...)                ((void) log_full(log, LOG_DEBUG, 0, NULL, __VA_ARGS__))

/* Message ids: what one searches the journal for (journalctl MESSAGE_ID=...). They never change. */
#define MSG_LINK_UP                 "8a6f1c0d5a0f4f0c9d6b1e6b0a4c7e11"
#define MSG_LINK_DOWN               "3d2b7f9e1c8a4a7fb0c5d4e9f6a81b22"
#define MSG_MESSAGES_DROPPED        "c1f5a9d07b3e4e63a2d8b4760e9f5c33"
#define MSG_METHOD_TIMEOUT          "e7b04d8a2f6c4195b3a1c9d5f8e26a44"
#define MSG_STATE_DAMAGED           "5b9c3e7d1a2f4860972d6e0b4c8fa155"
#define MSG_INBOX_STALLED           "2e60f4ab91d74c6e8f3a5c0d7b1e9466"
#define MSG_REPORT_REFUSED          "7c252d16cd864445b2ccecd411dbc477"
#define MSG_CREDENTIALS_ROLLED_BACK "91f0d3c84a5e4b0d8e27b6a1f35c9d88"
#define MSG_CERTIFICATE_EXPIRES     "b46e1a7d92c34f51a0d8e3f7265b4c99"
