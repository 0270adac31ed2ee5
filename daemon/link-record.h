/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is remembered of the link for whoever asks why it is down, or how it came up: the last failure, how
 * each transport fared, since when and how often it has failed, the connection that stands, and what else is
 * good to know. In memory only; what became of the link in the long run is in daemon/history.h.
 *
 * It reads no clock: times come with what is recorded.
 */

#include "daemon/diagnosis.h"

/* How a transport fared when it was tried last. */
typedef struct LinkTried {
        char transport[16]; /* "": none */
        uint64_t boottime_us;
        Problem problem; /* NONE: it connected */
        char address[64];
} LinkTried;

/* As many as there are transports. */
#define LINK_TRIED_MAX 2U

/* The connection that stands, or stood last. */
typedef struct LinkConnection {
        uint64_t boottime_us; /* when it was made */
        char transport[16];
        char proxy[272];
        char address[64];
        char tls_version[16];
        char tls_cipher[64];
        bool is_resumed;
} LinkConnection;

typedef struct LinkNotice {
        Problem problem; /* NONE: no notice */
        uint64_t boottime_us;
        char text[512], advice[512];
} LinkNotice;

/* One of each kind. */
#define LINK_NOTICES_MAX 5U

/* Zeros: nothing has happened yet. */
typedef struct LinkRecord {
        Diagnosis last;                  /* the last failure; PROBLEM_NONE: none yet */
        bool is_failing;                 /* it is the reason why there is no link now */
        uint64_t failing_since_us;       /* if so: when the link was lost, or the first attempt failed */
        unsigned n_failed;               /* if so: attempts that failed since then */
        LinkTried tried[LINK_TRIED_MAX]; /* the last one first */
        uint64_t online_since_us;        /* renewals not counted; 0: not online */
        LinkConnection connection;
        LinkNotice notices[LINK_NOTICES_MAX];
} LinkRecord;

/* An attempt failed, or, if there was a link, it was lost. */
void link_record_failed(LinkRecord *r, const Diagnosis *diagnosis);

/* The link stands, over the connection that 'context' has the report of. */
void link_record_live(LinkRecord *r, const DiagnosisContext *context);

/* Remembers a notice, in place of an earlier one of the same problem. */
void link_record_notice(LinkRecord *r, const Diagnosis *diagnosis);
/* What it said is no longer so. Returns whether there was one. */
bool link_record_forget_notice(LinkRecord *r, Problem problem);
