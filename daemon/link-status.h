/* SPDX-License-Identifier: MIT */
#pragma once

/* How a link to the cloud fares, for those who show or count it: to the hub, or to the broker. */

#include "daemon/diagnosis.h"

/* The words of io.aziotd.device. */
typedef enum LinkState {
        LINK_STOPPED,
        LINK_PROVISIONING, /* asks the provisioning service for the hub */
        LINK_CONNECTING,
        LINK_ONLINE,
        LINK_RENEWING, /* planned: finishes what is in flight, then connects again; no error, no loss */
        LINK_WAITING,  /* for the next attempt, or for an identity */
        _LINK_STATE_MAX,
} LinkState;

const char *link_state_to_string(LinkState state);

/* Online, also while the connection is being renewed. */
bool link_state_is_up(LinkState state);

/* How a connection ended, for those whose messages were under way. */
typedef enum LinkEnd {
        LINK_END_CLOSED, /* by the other side, after a whole message had left that it has not acknowledged */
        LINK_END_BROKEN, /* by anybody: closed without such a message, or reset */
        LINK_END_OTHER,  /* planned, or for want of an answer; or there was none */
} LinkEnd;

/* What a status page shows; strings live until the next dispatch of the link. */
typedef struct LinkStatus {
        LinkState state;
        uint64_t since_us;        /* CLOCK_BOOTTIME */
        const char *device_id;    /* at the broker the client id; NULL: not known yet */
        const char *module_id;    /* NULL: none */
        const char *host;         /* of the hub or broker; NULL: not known yet */
        uint16_t port;            /* of the host */
        const char *peer;         /* the same, or the provisioning service while that is asked */
        const char *last_error;   /* why the last attempt or connection ended; NULL: none did */
        uint64_t next_attempt_us; /* CLOCK_BOOTTIME; UINT64_MAX: none is planned */
} LinkStatus;

/* Since the daemon started, and until when what it proves itself with is good. */
typedef struct LinkCounts {
        uint64_t n_connected;                    /* links that came up */
        uint64_t n_renewed;                      /* connections that were renewed as planned */
        uint64_t n_failed[_PROBLEM_MAX];         /* attempts, at the hub or at the provisioning service */
        uint64_t n_lost[_PROBLEM_MAX];           /* links */
        uint64_t online_us;                      /* in all */
        uint64_t n_received_bytes, n_sent_bytes; /* by its connections, those of TLS included */
        /* Since 1970; 0: there is none, or it has not been seen yet. */
        uint64_t token_expires_s, certificate_expires_s, server_certificate_expires_s;
} LinkCounts;
