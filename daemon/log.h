/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where the daemon speaks: the journal with fields when it runs under systemd, standard error otherwise. Only
 * daemon/ logs, once, where the decision is made (docs/HACKING.md). Never keys, tokens or payloads.
 *
 * What a message means to a person, its level and its id are in daemon/log-message.c.
 */

#include <sys/types.h>
#include <syslog.h>

#include "daemon/log-message.h"

typedef struct Log {
        int max_level;    /* messages above it (LOG_DEBUG is the highest) are not written */
        bool has_journal; /* standard error is a journal stream, so fields are not lost there */
} Log;

/* Finds out whether standard error leads to the journal. */
void log_init(Log *log, int max_level);

/* By what the journal can be searched besides the message; what is NULL is left out. */
typedef struct LogFacts {
        const char *problem; /* AZIOT_PROBLEM=, the word of a Problem */
        const char *hub;     /* AZIOT_HUB= */
        const char *broker;  /* AZIOT_BROKER= */
        const char *method;  /* AZIOT_METHOD=, of the cloud */
        const char *unit;    /* AZIOT_UNIT= and AZIOT_UID=, of a program */
        const uid_t *uid;
} LogFacts;

#define LOG_FACTS(...) (&(const LogFacts){ __VA_ARGS__ })

/*
 * Writes a message. 'error' (either sign, or 0) is what %m prints. Returns -|error|, so that a caller can log
 * and return in one line.
 */
int log_full(const Log *log, LogMessage message, int error, const LogFacts *facts, const char *format, ...)
        _printf_(5, 6);

#define log_message(log, message, ...)      ((void) log_full(log, message, 0, NULL, __VA_ARGS__))
#define log_errno(log, message, error, ...) log_full(log, message, error, NULL, __VA_ARGS__)

/* For whoever debugs the daemon: every move of a state machine, and what is ignored. */
void log_debug(const Log *log, const char *format, ...) _printf_(2, 3);
